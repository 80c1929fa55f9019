"""An array in the place of a parameter is refused, and what replaces a parameter is not."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from flax.errors import TraceContextError

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


MISSPELT = {
    "padding": (lambda: jaxconv.Conv2d(2, 3, 1, rngs=nnx.Rngs(0)), "paddding", 1, "`padding` may be meant"),
    "eps": (lambda: jaxconv.BatchNorm2d(3, rngs=nnx.Rngs(0)), "epsilon", 1e-3, "`eps` may be meant"),
    "stride": (lambda: jaxconv.MaxPool2d(2), "strides", 1, "`stride` may be meant"),
    "mode": (lambda: jaxconv.Dropout(rngs=nnx.Rngs(0)), "training", False, r"`layer.train\(\)` and `layer.eval\(\)`"),
    "rngs": (lambda: jaxconv.Linear(2, 3, rngs=nnx.Rngs(0)), "rngs", None, "it has dtype, .*in_features"),
    "init": (lambda: jaxconv.Linear(2, 3, rngs=nnx.Rngs(0)), "weight_init", None, "would change nothing"),
    "array": (lambda: jaxconv.Linear(2, 3, rngs=nnx.Rngs(0)), "wieght", jnp.ones((3, 2)), "would change nothing"),
    "lazy": (lambda: jaxconv.LazyLinear(3, rngs=nnx.Rngs(0)), "features", 2, "`in_features` may be meant"),
    "from_torch": (
        lambda: jaxconv.from_torch(torch.nn.Sequential(torch.nn.BatchNorm1d(3)), torch.ones(2, 3))[0],
        "epsilon",
        1e-3,
        "`eps` may be meant",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MISSPELT)
def test_an_attribute_that_a_layer_has_not_is_refused_with_the_nearest(case):
    make, name, value, told = MISSPELT[case]
    layer = make()
    with pytest.raises(TypeError, match=rf"{type(layer).__name__} has no attribute `{name}`, .*{told}"):
        setattr(layer, name, value)
    assert name not in vars(layer)


def test_what_may_be_set_is_set():
    layer = jaxconv.Conv2d(2, 3, 3, rngs=nnx.Rngs(0))
    layer.padding, layer.padding_mode = 1, "circular"
    assert layer(jnp.ones((2, 4, 4))).shape == (3, 4, 4)
    layer._mine = "a note"
    layer.scale = nnx.Param(jnp.ones(3))  # state_dict shows it
    layer.after = jaxconv.ReLU()
    layer.seen = nnx.Intermediate((jnp.ones(3),))  # as `sow` does
    again = nnx.merge(*nnx.split(layer))
    assert again._mine == "a note" and again.scale[...].sum() == 3 and isinstance(again.after, jaxconv.ReLU)
    recurrent = jaxconv.LSTM(2, 3, bias=False, rngs=nnx.Rngs(0))
    recurrent.weight_ih_l0 = nnx.Param(jnp.ones((12, 2)))
    drop = jaxconv.Dropout(0.5)
    drop.rngs = nnx.Rngs(0)["dropout"]
    assert drop(jnp.ones(3)).shape == (3,)


def test_a_class_of_ones_own_may_have_any_attribute():
    class Named(jaxconv.Conv2d):
        pass

    layer = Named(2, 3, 1, rngs=nnx.Rngs(0))
    layer.paddding = 1
    assert nnx.clone(layer).paddding == 1


@pytest.mark.parametrize("transform", [jax.jit, nnx.jit, nnx.grad], ids=["jax.jit", "nnx.jit", "nnx.grad"])
def test_a_model_that_a_transformed_function_closes_over_says_how_to_pass_it(transform):
    x = jnp.ones((2, 3, 4, 4))
    given = jaxconv.Conv2d(3, 3, 3, rngs=nnx.Rngs(0)) if transform is nnx.grad else jaxconv.ReLU()

    def closing_over(layer):  # an argument with a default would be an argument of the transformed function
        return transform(lambda m: layer(m(x)).mean())

    norm, drop = jaxconv.BatchNorm2d(3), jaxconv.Dropout(0.5, rngs=nnx.Rngs(0))
    for layer, what in ((norm, "its running statistics"), (drop, "its random stream")):
        text = rf"{type(layer).__name__} in training mode changes {what}, .* `nnx.grad\(lambda g, d: ...\)\(g, d\)`"
        with pytest.raises(TraceContextError, match=text):
            closing_over(layer)(given)
        layer.eval()
        closing_over(layer)(given)
    nnx.jit(lambda norm, x: norm(x).mean())(jaxconv.BatchNorm2d(3), x)
