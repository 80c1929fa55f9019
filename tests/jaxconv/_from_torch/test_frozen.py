"""Parameters with requires_grad=False."""

import jax.numpy as jnp
import optax
import pytest
import torch
from flax import nnx
from torch import nn
from torch_gradients import numbers

import jaxconv
import parity


def test_a_frozen_parameter_is_not_trained_and_is_a_parameter_everywhere_else():
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)).eval()
    module[0].requires_grad_(False)
    network = jaxconv.from_torch(module, torch.ones(2, 3))
    first = getattr(network, "0")
    assert type(first.weight) is jaxconv.FrozenParam and not isinstance(first.weight, nnx.Param)
    assert type(getattr(network, "2").weight) is nnx.Param
    grads = nnx.grad(lambda m: (m(numbers(4, 3)) ** 2).sum())(network)
    trained = {name for name, p in module.named_parameters() if p.requires_grad}
    assert set(jaxconv.state_dict(grads)) == trained

    before = jaxconv.state_dict(network)
    optimizer = nnx.Optimizer(network, optax.adamw(0.1), wrt=nnx.Param)
    optimizer.update(network, grads)
    changed = {name for name, a in jaxconv.state_dict(network).items() if (a != before[name]).any()}
    assert changed == trained

    assert list(before) == list(module.state_dict())
    assert set(jaxconv.surgery.select(network, "**")) == {name for name, _ in module.named_parameters()}
    filled = jaxconv.surgery.zeros(network, "0.*")
    assert type(getattr(filled, "0").weight) is jaxconv.FrozenParam
    loaded = jaxconv.load_state_dict(network, module.state_dict())
    assert type(getattr(loaded, "0").weight) is jaxconv.FrozenParam
    parity.check(module, loaded, numbers(4, 3)).assert_ok()
    with pytest.raises(TypeError, match=r"is a jaxconv.FrozenParam, got a bare"):
        first.weight = jnp.zeros((3, 3))
    first.weight = nnx.Param(first.weight[...])
    grads = nnx.grad(lambda m: (m(numbers(4, 3)) ** 2).sum())(network)
    assert "0.weight" in jaxconv.state_dict(grads) and "0.bias" not in jaxconv.state_dict(grads)
