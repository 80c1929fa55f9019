"""Each mistake in an activation gives what it says, in a layer and in a call."""

import pytest
import torch
from torch.nn import functional as F

from parity._diagnose.registry import CAUSES, Called, forms

X = torch.linspace(-8, 8, 97, dtype=torch.float64).reshape(1, 97)

MADE = [
    ("activation.missing", torch.nn.Tanh(), F.tanh, "the identity", lambda x: x),
    ("activation.relu6", torch.nn.ReLU6(), F.relu6, "relu", F.relu),
    ("activation.relu6", torch.nn.ReLU(), F.relu, "relu6", F.relu6),
    ("gelu.approximate", torch.nn.GELU(), F.gelu, "gelu(approximate='tanh')", lambda x: F.gelu(x, approximate="tanh")),
    ("leaky_relu.slope", torch.nn.LeakyReLU(0.3), F.leaky_relu, "leaky_relu(0.2)", lambda x: F.leaky_relu(x, 0.2)),
    ("elu.alpha", torch.nn.ELU(3.0), F.elu, "elu(0.5)", lambda x: F.elu(x, 0.5)),
    ("activation.other", torch.nn.Hardswish(), F.hardswish, "silu", F.silu),
]  # fmt: skip


@pytest.mark.parametrize(("cause", "module", "function", "name", "expected"), MADE)
def test_a_mistake_is_what_it_says(cause, module, function, name, expected):
    new = dict(CAUSES[cause].forms[type(module).__name__](module))[f"it is {name}: torch's is {module}"]
    assert torch.equal(new(X), expected(X)) and not torch.equal(new(X), module(X))
    called = Called(function.__name__, (X,), {"inplace": False})
    way = dict(CAUSES[cause].forms[called.name](called))[f"it is {name}: torch's is {called.name}()"]
    assert torch.equal(way(function, X, inplace=False), expected(X))


def test_the_call_s_arguments_are_shown():
    called = Called("leaky_relu", (X, 0.3), {"inplace": True})
    assert next(CAUSES["activation.other"].forms["leaky_relu"](called))[0].endswith(
        ": torch's is leaky_relu(0.3)"
    )


def test_every_other_function_is_tried_once():
    names = [fix.partition(":")[0] for _, fix, _ in forms("GELU", torch.nn.GELU())]
    assert len(names) == len(set(names)) > 20


SOFTMAX = [(torch.nn.Softmax(1), F.softmax), (torch.nn.LogSoftmax(1), F.log_softmax)]


@pytest.mark.parametrize(("module", "function"), SOFTMAX)
def test_softmax_over_another_axis_and_of_another_kind(module, function):
    x, kind = torch.randn(3, 4, 5), type(module).__name__
    axis, other = CAUSES["softmax.axis"].forms, CAUSES["softmax.kind"].forms
    made = dict(axis[kind](module))
    assert torch.equal(made["it is over dimension 2: torch's over 1"](x), function(x, 2))
    called = Called(function.__name__, (x,), {"dim": 1})
    ways = dict(axis[called.name](called))
    assert list(ways) == [f"it is over dimension {d}: torch's(dim=1)" for d in (-1, 0, 1, 2)]
    assert torch.equal(ways["it is over dimension 0: torch's(dim=1)"](function, x, dim=1), function(x, 0))
    wrong = F.log_softmax if function is F.softmax else F.softmax
    assert torch.equal(
        dict(other[kind](module))[f"it is {wrong.__name__}: torch's is {module}"](x), wrong(x, 1)
    )
    ((text, way),) = other[called.name](called)
    assert text == f"it is {wrong.__name__}" and torch.equal(way(function, x, dim=1), wrong(x, 1))
    assert torch.equal(way(function, x, 1), wrong(x, 1))
