"""torch.nn's containers in a converted network: by number and by name."""

from collections import OrderedDict

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn

import jaxconv

X = np.ones((2, 3), np.float32)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.named = nn.Sequential(OrderedDict(z=nn.Linear(3, 3), act=nn.ReLU(), a=nn.Linear(3, 3)))
        self.blocks = nn.ModuleList([nn.Linear(3, 3) for _ in range(11)])
        self.heads = nn.ModuleDict({"b": nn.Linear(3, 1), "a": nn.Linear(3, 2)})

    def forward(self, x):
        x = self.named(x)
        for block in self.blocks:
            x = block(x)
        return self.heads["a"](x)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return jaxconv.from_torch(Net(), X)


def test_children_are_found_as_in_torch(network):
    for model in (network, nnx.merge(*nnx.split(network)), nnx.clone(network)):  # Flax sorts attributes
        named, blocks, heads = model.named, model.blocks, model.heads
        assert [named[0], named[-2], named[2]] == [named.z, named.act, named.a] == list(named)
        assert len(blocks) == 11 and blocks[10] is getattr(blocks, "10") is list(blocks)[-1]
        assert list(heads) == list(heads.keys()) == ["b", "a"] and "a" in heads and len(heads) == 2
        assert heads["a"] is heads.a is dict(heads.items())["a"] is list(heads.values())[1]
        for wrong, error in (((named, 3), IndexError), ((heads, "c"), KeyError)):
            with pytest.raises(error):
                wrong[0][wrong[1]]


def test_a_slice_of_a_sequential_runs(network):
    y = network.named[1:](network.named[:1](X))
    np.testing.assert_array_equal(y, network.named(X))
    assert list(jaxconv.state_dict(network.named[1:])) == ["a.weight", "a.bias"]


def test_a_child_is_replaced_by_number_or_name_and_no_other_is_added(network):
    model = nnx.clone(network)
    model.blocks[-1] = jaxconv.Linear(3, 4, rngs=nnx.Rngs(0))
    model.heads["a"] = jaxconv.Linear(4, 7, rngs=nnx.Rngs(0))
    assert model(X).shape == (2, 7)
    with pytest.raises(TypeError, match="setting `c` would change nothing"):
        model.heads["c"] = jaxconv.Linear(3, 2, rngs=nnx.Rngs(0))
    with pytest.raises(IndexError):
        model.blocks[11] = jaxconv.Linear(3, 2, rngs=nnx.Rngs(0))


def test_a_network_that_is_a_sequential():
    network = jaxconv.from_torch(nn.Sequential(nn.Linear(3, 3), nn.Sequential()), X)
    assert isinstance(network, jaxconv.TorchNetwork) and isinstance(network[0], jaxconv.Linear)
    assert len(network) == 2 and (network[1](X) == X).all() and not list(network[1])
    network[0] = jaxconv.Linear(3, 5, rngs=nnx.Rngs(0))
    assert network(jnp.asarray(X)).shape == (2, 5)
