"""Each mistake between layers gives what it says, at the place that it names."""

import pytest
import torch
from torch.nn import functional as F

from parity._diagnose import network
from parity._torch.network import calls
from parity._torch.tensors import to_numpy


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = torch.nn.Conv2d(3, 3, 1), torch.nn.Conv2d(3, 3, 1)
        self.act = torch.nn.Tanh()

    def forward(self, x):
        y = self.act(self.two(self.one(x)))
        y = y * torch.sigmoid(y)
        return torch.cat([x + y, y], 1)


torch.manual_seed(0)
NET, X = Net().double(), torch.randn(2, 3, 4, 4, dtype=torch.float64)
ONE, TWO = NET.one, NET.two


def tail(y, x=X, add=lambda x, y: x + y, mul=lambda a, b: a * b, cat=lambda a, b: [a, b], gate=torch.sigmoid):
    y = mul(y, gate(y))
    return torch.cat(cat(add(x, y), y), 1)


def right(x=X, one=ONE, two=TWO, act=torch.tanh, **changes):
    return tail(act(two(one(x))), x, **changes)


@pytest.fixture(scope="module")
def made():
    """(where, cause's id, fix) -> the network with the mistake."""
    found = calls(NET, [to_numpy(X)])
    mistakes = network.mistakes(NET, [X], found, ["one", "two", "act"])
    return {(where, cause.id, fix): new for where, cause, fix, new in mistakes}


NEST = X.permute(0, 2, 3, 1)
MADE = [
    ("", "input.hw_swapped", "", lambda: right(X.mT)),
    ("", "input.flipped", "the input is flipped in height", lambda: right(X.flip(2))),
    ("", "input.channels", "", lambda: right(X.flip(1))),
    ("", "layout.reinterpreted", "the input is reshaped", lambda: right(X.reshape(2, 4, 4, 3).permute(0, 3, 1, 2))),
    ("", "layout.reinterpreted", "the input is in NHWC's order", lambda: right(NEST.reshape(X.shape))),
    ("add (call 1 between the layers)", "residual.missing", "the second term", lambda: right(add=lambda x, y: x)),
    ("add (call 1 between the layers)", "residual.missing", "the first term", lambda: right(add=lambda x, y: y)),
    ("mul (call 1 between the layers)", "scale.missing", "the second factor", lambda: right(mul=lambda a, b: a)),
    ("mul (call 1 between the layers)", "scale.missing", "the first factor", lambda: right(mul=lambda a, b: b)),
    ("cat (call 1 between the layers)", "concat.order", "the parts are in the reverse", lambda: right(cat=lambda a, b: [b, a])),
    ("sigmoid (call 1 between the layers)", "activation.missing", "it is the identity", lambda: right(gate=lambda y: y)),
    ("sigmoid (call 1 between the layers)", "activation.other", "it is relu:", lambda: right(gate=F.relu)),
    ("one", "layer.skipped", "", lambda: right(one=lambda x: x)),
    ("one", "layer.repeated", "", lambda: right(one=lambda x: ONE(ONE(x)))),
    ("one", "layer.order", "it changes places with 'two'", lambda: right(one=TWO, two=ONE)),
    ("act", "layer.skipped", "", lambda: right(act=lambda x: x)),
]  # fmt: skip


@pytest.mark.parametrize(("where", "cause", "fix", "expected"), MADE)
def test_a_mistake_is_what_it_says(made, where, cause, fix, expected):
    ways = [new for (w, c, f), new in made.items() if (w, c) == (where, cause) and f.startswith(fix)]
    assert ways and any(torch.equal(new(X), expected()) for new in ways)
    assert not any(torch.equal(new(X), NET(X)) for new in ways)


def test_a_gradient_is_stopped(made):
    new = made["one", "gradient.stopped", "no gradient passes through the layer (stop_gradient?)"]
    assert torch.equal(new(X), NET(X))
    new(X).sum().backward()
    assert new.one.weight.grad is None and new.two.weight.grad is not None


def test_what_right_layers_call_is_left_alone(made):
    """tanh is the layer `act`'s own, and that layer is right."""
    assert {where for where, *_ in made if "between" in where} == {
        f"{name} (call 1 between the layers)" for name in ("add", "cat", "mul", "sigmoid")
    }


def test_what_a_layer_that_is_not_judged_calls_is_tried_there():
    found = calls(NET, [to_numpy(X)])
    places = {
        where
        for where, cause, *_ in network.mistakes(NET, [X], found, ["one", "two"])
        if "activation" in cause.id
    }
    assert places == {"act", "sigmoid (call 1 between the layers)"}


def test_layers_that_cannot_change_places_do_not():
    class Uneven(Net):
        def __init__(self):
            super().__init__()
            self.one, self.two = torch.nn.Conv2d(3, 5, 1), torch.nn.Conv2d(5, 3, 1)

    net = Uneven().double()
    found = [
        (where, cause.id) for where, cause, *_ in network.mistakes(net, [X], calls(net, [to_numpy(X)]), [])
    ]
    assert ("one", "layer.order") not in found and ("one", "layer.skipped") not in found
    assert ("one", "gradient.stopped") in found


def test_the_order_of_a_pixel_shuffle():
    class Shuffle(torch.nn.Module):
        def forward(self, x):
            return F.pixel_shuffle(x, 2)

    x = torch.arange(2 * 8 * 2 * 2.0).reshape(2, 8, 2, 2)
    ways = [
        new
        for _, cause, _, new in network.mistakes(Shuffle(), [x], [], [])
        if cause.id == "pixel_shuffle.order"
    ]
    n, c, h, w = x.shape
    expected = x.reshape(n, 2, 2, c // 4, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c // 4, 2 * h, 2 * w)
    assert [torch.equal(new(x), expected) for new in ways] == [True]
