"""Sequential, ModuleList and ModuleDict for Linen: torch's names in the variables."""

from collections import OrderedDict

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen

import jaxconv
from jaxconv import linen as ours

X = jnp.arange(6.0).reshape(2, 3)


def linear():
    return ours.Linear(3, 3)


class Network(linen.Module):
    def setup(self):
        self.body = ours.ModuleList([linear() for _ in range(12)])
        self.heads = ours.ModuleDict({"z": linear(), "a": ours.Sequential(linear(), jax.nn.relu, linear())})

    def __call__(self, x):
        for layer in self.body[1:]:
            x = layer(x)
        x = self.body[0](x)
        assert list(self.heads) == ["z", "a"] and "z" in self.heads and len(self.body) == 12
        return sum(layer(x) for _, layer in self.heads.items())


class Twin(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.ModuleList([torch.nn.Linear(3, 3) for _ in range(12)])
        head = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.ReLU(), torch.nn.Linear(3, 3))
        self.heads = torch.nn.ModuleDict({"z": torch.nn.Linear(3, 3), "a": head})

    def forward(self, x):
        for layer in [*self.body[1:], self.body[0]]:
            x = layer(x)
        return sum(layer(x) for layer in self.heads.values())


def test_a_network_is_torchs():
    theirs = Twin()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(parameter.mul(2).round())
    variables = Network().init(jax.random.key(0), X)
    assert list(jaxconv.state_dict(variables)) == list(theirs.state_dict())
    variables = jaxconv.load_state_dict(variables, theirs.state_dict())
    expected = theirs(torch.from_numpy(np.array(X, np.float32))).detach()
    np.testing.assert_array_equal(jax.jit(Network().apply)(variables, X), expected)


def test_sequential():
    model = ours.Sequential(OrderedDict(conv=linear(), act=jnp.tanh, out=linear()))
    variables = model.init(jax.random.key(0), X)
    assert {name: set(held) for name, held in variables["params"].items()} == {
        "conv": {"weight", "bias"},
        "out": {"weight", "bias"},
    }
    assert len(model) == 3 and model[1] is jnp.tanh and model[-1].out_features == 3
    assert [type(child).__name__ for child in model[::2]] == ["Linear", "Linear"]
    assert ours.Sequential().apply({}, X) is X


def test_in_a_compact_method_and_as_a_field():
    class Field(linen.Module):
        body: linen.Module

        @linen.compact
        def __call__(self, x):
            return ours.Sequential(self.body, ours.BatchNorm1d(3, use_running_average=False))(x)

    variables = Field(ours.Sequential(linear())).init(jax.random.key(0), X)
    found = {name: array.shape for name, array in jaxconv.state_dict(variables).items() if "num" not in name}
    assert found["Sequential_0.1.running_mean"] == (3,) and found["Sequential_0.0.0.weight"] == (3, 3)


def test_a_module_that_is_given_twice_is_one():
    shared = linear()
    model = ours.Sequential(shared, shared)
    variables = model.init(jax.random.key(0), X)
    assert set(variables["params"]) == {"0"}
    once = linear().apply({"params": variables["params"]["0"]}, X)
    np.testing.assert_array_equal(
        model.apply(variables, X), linear().apply({"params": variables["params"]["0"]}, once)
    )


def test_refusals():
    with pytest.raises(TypeError, match="'0' must be a module or a function, got None"):
        ours.Sequential(None)
    with pytest.raises(ValueError, match=r"without '\.', got 'a\.b'"):
        ours.ModuleDict({"a.b": linear()})
    with pytest.raises(IndexError, match="index 1 is out of range"):
        ours.Sequential(linear())[1]
    with pytest.raises(KeyError):
        ours.ModuleDict({"a": linear()})["b"]
