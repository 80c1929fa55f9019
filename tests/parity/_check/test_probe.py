"""What an input cannot show: faults hidden from it are named in a green report, and found with probe=True."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch.nn import functional as F

import jaxconv
import parity

pytestmark = pytest.mark.share(2)

rngs = nnx.Rngs(0)


def draw(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


class Plain(torch.nn.Module):
    """A network of one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def layer(function):
    return (lambda _, x: function(x)), {}


def zero_padded_max_pool(x):
    x = jnp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 3, 3), (1, 1, 2, 2), "VALID")


class Attention(torch.nn.Module):
    def forward(self, x):
        return (0.5 * x @ x.transpose(-1, -2)).softmax(-1) @ x


class ZeroScales(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = (torch.nn.Parameter(torch.zeros(4)) for _ in range(2))

    def forward(self, x):
        return x + self.first * (self.second * torch.tanh(x))


class OurZeroScales(nnx.Module):
    def __init__(self):
        self.first, self.second = (nnx.Param(jnp.ones(4, jnp.float32)) for _ in range(2))

    def __call__(self, x):
        return x + self.first[...] * (self.second[...] * jnp.sin(x))


class NoMean(nnx.Module):
    """Batch normalisation that forgets the mean."""

    def __init__(self):
        self.weight, self.bias = (nnx.Param(jnp.ones(3, jnp.float32)) for _ in range(2))
        self.running_mean, self.running_var = (nnx.BatchStat(jnp.ones(3, jnp.float32)) for _ in range(2))

    def __call__(self, x):
        return x / jnp.sqrt(self.running_var[...] + 1e-5) * self.weight[...] + self.bias[...]


class Branch(torch.nn.Module):
    def forward(self, x):
        if x.shape[-1] > 8:
            x = 2 * x
        return torch.tanh(x)


class Square(torch.nn.Module):
    def forward(self, x):
        return x * torch.arange(1.0, 1 + x.shape[2])[:, None]


class Backwards(nnx.Module):
    def __init__(self):
        self.lstm = jaxconv.LSTM(3, 4, batch_first=True, rngs=rngs)

    def __call__(self, x):
        return self.lstm(x[:, ::-1])[0]


class Lstm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(3, 4, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0]


class OnlyTraining(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.act = torch.nn.Linear(3, 3), torch.nn.Tanh()

    def forward(self, x):
        x = self.fc(x)
        if self.training:
            x = self.act(x)
        return x


class NeverMore(nnx.Module):
    def __init__(self):
        self.fc = jaxconv.Linear(3, 3, rngs=rngs)

    def __call__(self, x):
        return self.fc(x)


def batch_norm(**arguments):
    norm = jaxconv.BatchNorm2d(3, rngs=rngs, **arguments)
    norm.eval()
    return norm


# What hides the fault, torch's network, the faulty port, the input.
HIDDEN = [
    ("relu.dead", Plain(lambda x: x + torch.relu(x - 20)), layer(lambda x: x + jax.nn.relu(x - 30)), draw(4, 6)),
    ("relu.identity", torch.nn.ReLU(), layer(lambda x: x), np.abs(draw(4, 6)) + 1),
    ("clamp.upper", torch.nn.ReLU6(), jaxconv.ReLU(), draw(4, 6)),
    ("clamp.lower", Plain(lambda x: x.clamp(-9, 9)), layer(lambda x: jnp.minimum(x, 9)), draw(4, 6)),
    ("slope.unused", torch.nn.LeakyReLU(), jaxconv.LeakyReLU(0.2), np.abs(draw(4, 6)) + 1),
    ("window.same_padding", torch.nn.Conv2d(2, 3, 3, 2, 1), nnx.Conv(2, 3, (3, 3), strides=2, rngs=rngs), draw(1, 2, 9, 7)),
    ("window.rounding", torch.nn.MaxPool2d(2, ceil_mode=True), jaxconv.MaxPool2d(2), draw(1, 2, 6, 8)),
    ("max_pool.padding", torch.nn.MaxPool2d(3, 2, 1), layer(zero_padded_max_pool), np.abs(draw(1, 2, 6, 8)) + 1),
    ("softmax.one", Attention(), layer(lambda x: jax.nn.softmax(x @ x.swapaxes(1, 2), -1) @ x), draw(3, 1, 4)),
    ("scale.zero", ZeroScales(), OurZeroScales(), draw(5, 4)),
    ("batch_norm.initial", torch.nn.BatchNorm2d(3), NoMean(), draw(2, 3, 4, 5)),
    ("batch_norm.eval", torch.nn.BatchNorm2d(3), batch_norm(momentum=0.5), draw(2, 3, 4, 5)),
    ("branch.not_taken", Branch(), layer(jnp.tanh), draw(1, 2, 8)),
    ("input.batch_of_one", Plain(lambda x: x + x.mean(0, keepdim=True)), layer(lambda x: x + x), draw(1, 6)),
    ("input.square", Square(), layer(lambda x: x * jnp.arange(1.0, 1 + x.shape[3], dtype="f4")[:, None]), draw(2, 2, 5, 5)),
    ("recurrent.one_step", Lstm(), Backwards(), draw(2, 1, 3)),
    ("resize.same_size", Plain(lambda x: F.interpolate(x, (6, 8))), layer(lambda x: x), draw(1, 2, 6, 8)),
    ("module.not_called", OnlyTraining(), NeverMore(), draw(4, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("id", "theirs", "ours", "x"), HIDDEN, ids=[case[0] for case in HIDDEN])
def test_a_hidden_fault_passes_and_what_hides_it_is_named(id, theirs, ours, x):
    report = parity.check(theirs.eval(), ours, x, quick=True)
    assert report.ok, str(report)
    assert id in {one.id for one in report.hidden}


@pytest.mark.thorough
@pytest.mark.parametrize(("id", "theirs", "ours", "x"), HIDDEN, ids=[case[0] for case in HIDDEN])
def test_a_hidden_fault_is_found_by_a_probe_forward_and_backward(id, theirs, ours, x):
    assert parity.check(theirs.eval(), ours, x).ok
    report = parity.check(theirs.eval(), ours, x, probe=True)
    assert not report.ok and not all(report.probes.values()), str(report)


@pytest.mark.parametrize("id", ["clamp.upper", "window.same_padding", "scale.zero", "batch_norm.eval"])
def test_a_probe_says_where_the_networks_differ(id):
    _, theirs, ours, x = next(case for case in HIDDEN if case[0] == id)
    report = parity.check(theirs.eval(), ours, x, probe=True, quick=id != "batch_norm.eval")
    (what,) = [what for what, ok in report.probes.items() if not ok]
    assert not report.ok and what in report.short()
    document = json.loads(report.to_json())
    assert {"what": what, "ok": False} in document["probes"] and document["hidden"] == []


def test_a_right_port_stays_right_and_what_no_probe_shows_is_left():
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU6(), torch.nn.Dropout(0.2)).eval()
    ours = nnx.Sequential(jaxconv.Linear(3, 4, rngs=rngs), jaxconv.ReLU6(), jaxconv.Dropout(0.2, rngs=rngs))
    ours.eval()
    theirs[0].load_state_dict(
        {"weight": torch.tensor([[1.0], [1], [-1], [-1]]).expand(4, 3), "bias": torch.ones(4)}
    )
    report = parity.check(theirs, ours, np.abs(draw(1, 3)), probe=True)
    report.assert_ok()
    assert report.probes == {"a larger batch, 3x3": True, "the input times 16": True}
    assert [(one.id, one.layer) for one in report.hidden] == [("dropout.eval", "2")]
    shown = str(report)
    assert "the networks also agree on: a larger batch, 3x3; the input times 16" in shown
    assert "- 2: eval mode hides where dropout is, and its rate; " in shown
    assert "eval mode hides where dropout is" in report._repr_html_()


def test_of_several_inputs_only_what_all_hide_is_hidden():
    theirs = torch.nn.ReLU6()
    small, large = draw(4, 6), 16 * draw(4, 6)
    assert {one.id for one in parity.check(theirs, jaxconv.ReLU6(), small, quick=True).hidden} == {
        "clamp.upper"
    }
    assert parity.check(theirs, jaxconv.ReLU6(), inputs=[small, large], quick=True).hidden == ()


def test_a_recording_names_what_its_layers_hide():
    recording = parity.record(torch.nn.Sequential(torch.nn.ReLU6()), draw(4, 6), platforms=["cpu"])
    report = parity.check(recording, nnx.Sequential(jaxconv.ReLU6()))
    assert [(one.id, one.layer) for one in report.hidden] == [("clamp.upper", "0")]
    with pytest.raises(ValueError, match="`probe` cannot be combined with a recording"):
        parity.check(recording, nnx.Sequential(jaxconv.ReLU6()), probe=True)


def test_a_network_that_takes_no_other_size_is_not_probed_in_one():
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3, 2, 1), torch.nn.Flatten(), torch.nn.Linear(32, 3)
    ).eval()

    class Ours(nnx.Module):
        def __init__(self):
            self.layers = nnx.List(
                [jaxconv.Conv2d(1, 2, 3, 2, 1, rngs=rngs), jaxconv.Linear(32, 3, rngs=rngs)]
            )

        def __call__(self, x):
            return self.layers[1](self.layers[0](x).reshape(x.shape[0], -1))

    report = parity.check(theirs, Ours(), draw(2, 1, 7, 7), probe=True, quick=True, mapping={"2": "layers.1"})
    assert report.ok and report.probes == {}
    assert any("another size: not tried, since" in note for note in report.notes)


def test_torch_code_that_names_every_argument_is_watched():
    class Named(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(3, 4, batch_first=True)

        def forward(self, x):
            return torch.flatten(input=self.lstm(input=x)[0], start_dim=1)

    class Ours(nnx.Module):
        def __init__(self):
            self.lstm = jaxconv.LSTM(3, 4, batch_first=True, rngs=nnx.Rngs(0))

        def __call__(self, x):
            return self.lstm(x)[0].reshape(x.shape[0], -1)

    parity.check(Named(), Ours(), draw(2, 5, 3), quick=True).assert_ok()
