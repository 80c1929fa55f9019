"""Each mistake in pooling gives what it says."""

import pytest
import torch
from torch.nn import functional as F

from parity._diagnose.registry import CAUSES, Called

X = torch.randint(-8, 9, (2, 3, 9, 8), generator=torch.Generator().manual_seed(0)).double()
MAX, AVG = torch.nn.MaxPool2d(3, 2, 1), torch.nn.AvgPool2d(4, 2, 1)


class Users(torch.nn.MaxPool2d):
    """A class of the user's: which pooling it is, its base tells."""


def padded(x, pads, value=0.0):
    return F.pad(x, pads, value=value)


LOW = -torch.inf
MADE = [
    (MAX, "pool.ceil_mode", "ceil_mode is True: torch's is False", lambda: F.max_pool2d(X, 3, 2, 1, ceil_mode=True)),
    (MAX, "pool.padding", "the padding is 0: torch's is (1, 1)", lambda: F.max_pool2d(X, 3, 2)),
    (MAX, "pool.stride", "the stride is 3: torch's is (2, 2)", lambda: F.max_pool2d(X, 3, 3, 1)),
    (MAX, "pool.same", "SAME pads", lambda: F.max_pool2d(padded(X, (0, 1, 1, 1), LOW), 3, 2)),
    (MAX, "pool.padding_value", "the padding is with zeros", lambda: F.max_pool2d(padded(X - 9, (1,) * 4), 3, 2)),
    (MAX, "pool.kind", "it is average pooling", lambda: F.avg_pool2d(X, 3, 2, 1)),
    (Users(3, 2, 1), "pool.kind", "it is average pooling", lambda: F.avg_pool2d(X, 3, 2, 1)),
    (AVG, "pool.count_include_pad", "count_include_pad is False", lambda: F.avg_pool2d(X, 4, 2, 1, count_include_pad=False)),
    (AVG, "pool.padding", "the padding is 2", lambda: F.avg_pool2d(X, 4, 2, 2)),
    (AVG, "pool.same", "SAME pads", lambda: F.avg_pool2d(padded(X, (1, 1, 1, 2)), 4, 2)),
    (AVG, "pool.kind", "it is max pooling", lambda: F.max_pool2d(X, 4, 2, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("module", "cause", "fix", "expected"), MADE)
def test_a_mistake_in_a_layer_is_what_it_says(module, cause, fix, expected):
    x = X - 9 if cause == "pool.padding_value" else X  # all numbers below zero: the zeros are seen
    kind = f"{'Avg' if module is AVG else 'Max'}Pool2d"
    ways = [new(x) for text, new in CAUSES[cause].forms[kind](module) if text.startswith(fix)]
    assert any(torch.equal(y, expected()) for y in ways)
    assert not torch.equal(expected(), module(x))


@pytest.mark.parametrize(
    ("cause", "function", "fix", "expected"),
    [
        ("pool.ceil_mode", F.max_pool2d, "ceil_mode is True", lambda: F.max_pool2d(X, 3, 2, 1, ceil_mode=True)),
        ("pool.padding", F.max_pool2d, "the padding is 0", lambda: F.max_pool2d(X, 3, 2)),
        ("pool.count_include_pad", F.avg_pool2d, "count_include_pad is False",
         lambda: F.avg_pool2d(X, 3, 2, 1, count_include_pad=False)),
    ],
)  # fmt: skip
def test_a_mistake_in_a_call_is_what_it_says(cause, function, fix, expected):
    for args, kwargs in [((X, 3, 2, 1), {}), ((X, 3), {"stride": 2, "padding": 1})]:
        called = Called(function.__name__, args, kwargs)
        way = dict(CAUSES[cause].forms[called.name](called))[fix]
        assert torch.equal(way(function, *args, **kwargs), expected())
        assert not torch.equal(way(function, *args, **kwargs), function(*args, **kwargs))


def test_a_maximum_in_the_place_of_a_mean():
    ((_, way),) = CAUSES["pool.kind"].forms["mean"](Called("mean", (X, (2, 3)), {}))
    assert torch.equal(way(torch.mean, X, (2, 3)), X.amax((2, 3)))
    name = "adaptive_avg_pool2d"
    ((_, way),) = CAUSES["pool.kind"].forms[name](Called(name, (X, 1), {}))
    assert torch.equal(way(F.adaptive_avg_pool2d, X, 1), X.amax((2, 3), keepdim=True))
