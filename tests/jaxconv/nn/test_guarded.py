"""An array in the place of a parameter is refused, and what replaces a parameter is not."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv

ARRAYS = {"jax": jnp.zeros(3), "numpy": np.zeros(3, np.float32), "torch": torch.zeros(3)}
LAYERS = {
    "conv": (lambda: jaxconv.Conv2d(2, 3, 1, rngs=nnx.Rngs(0)), "weight", "Param"),
    "norm": (lambda: jaxconv.BatchNorm2d(3, rngs=nnx.Rngs(0)), "running_mean", "BatchStat"),
    "linear": (lambda: jaxconv.Linear(2, 3, rngs=nnx.Rngs(0)), "bias", "Param"),
    "prelu": (lambda: jaxconv.PReLU(3, rngs=nnx.Rngs(0)), "weight", "Param"),
    "transposed": (lambda: jaxconv.ConvTranspose1d(2, 3, 1, rngs=nnx.Rngs(0)), "bias", "Param"),
    "lazy": (lambda: jaxconv.LazyConv2d(3, 1, rngs=nnx.Rngs(0)), "weight", "Param"),
    "from_torch": (lambda: jaxconv.from_torch(torch.nn.Linear(2, 3), torch.ones(1, 2)), "weight", "Param"),
}


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("name", LAYERS)
def test_an_array_in_the_place_of_a_parameter_is_refused_with_the_line_to_write(name, array):
    make, attribute, kind = LAYERS[name]
    layer = make()
    held = getattr(layer, attribute)
    with pytest.raises(
        TypeError,
        match=rf"`{attribute}` is an nnx\.{kind}, got a bare .*`layer\.{attribute}\[\.\.\.\] = array` changes .*"
        rf"`layer\.{attribute} = nnx\.{kind}\(array\)`.*surgery\.replace",
    ):
        setattr(layer, attribute, ARRAYS[array])
    assert getattr(layer, attribute) is held


def test_a_bias_that_is_switched_off_is_switched_on_by_a_parameter_only():
    layer = jaxconv.Conv2d(2, 3, 1, bias=False, rngs=nnx.Rngs(0))
    with pytest.raises(
        TypeError, match=r"`bias` is an nnx\.Param, .*: `layer\.bias = nnx\.Param\(array\)`, and"
    ):
        layer.bias = jnp.ones(3)
    layer.bias = nnx.Param(jnp.ones(3))
    assert "bias" in jaxconv.state_dict(layer)


def test_the_lines_that_the_error_names_work():
    layer = jaxconv.Conv2d(2, 3, 1, rngs=nnx.Rngs(0))
    layer.weight[...] = jnp.ones((3, 2, 1, 1), jnp.float32)
    assert (layer.weight[...] == 1).all()
    layer.weight = nnx.Param(jnp.zeros((3, 2, 1, 1), jnp.float32))
    assert not jaxconv.state_dict(layer)["weight"].any()
    new = jaxconv.surgery.replace(layer, {"weight": np.ones((3, 2, 1, 1), np.float32)})
    assert new.weight[...].all() and not layer.weight[...].any()
    layer.bias = None
    assert list(jaxconv.state_dict(layer)) == ["weight"]


def test_what_flax_does_with_a_layer_still_works():
    layer = jaxconv.BatchNorm2d(3, rngs=nnx.Rngs(0))
    for again in (nnx.merge(*nnx.split(layer)), nnx.clone(layer), copy.deepcopy(layer)):
        assert isinstance(again.weight, nnx.Param)
    assert isinstance(nnx.merge(*pickle.loads(pickle.dumps(nnx.split(layer)))).running_var, nnx.BatchStat)
    doubled = jax.tree.map(lambda a: 2 * a, layer)
    assert (doubled.weight[...] == 2).all()
    grads = nnx.grad(lambda m: (m.weight[...] ** 2).sum())(layer)
    assert (grads["weight"][...] == 2).all()
    nnx.update(layer, nnx.state(layer, nnx.Param))
    assert jax.eval_shape(lambda: layer).weight.shape == (3,)
