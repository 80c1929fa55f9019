"""The lazy layers: the plain ones after the first call, refused by whoever needs arrays before it."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv

pytestmark = pytest.mark.share(2)

ARGS = {"Conv": (6, 3), "ConvTranspose": (6, 3), "BatchNorm": (), "InstanceNorm": ()}
CASES = [(f"{kind}{n}d", args, (2, 4, *(5,) * n)) for kind, args in ARGS.items() for n in (1, 2, 3)]
CASES.append(("Linear", (6,), (2, 3, 4)))


@pytest.mark.parametrize(("name", "args", "shape"), CASES)
def test_becomes_the_plain_layer(name, args, shape):
    x = jnp.ones(shape)
    lazy = getattr(jaxconv, f"Lazy{name}")(*args, rngs=nnx.Rngs(7))
    assert isinstance(lazy, getattr(jaxconv, name))
    lazy(x)
    tracked = {"affine": True, "track_running_stats": True} if "Instance" in name else {}
    plain = getattr(jaxconv, name)(4, *args, **tracked, rngs=nnx.Rngs(7))
    plain(x)
    assert type(lazy) is type(plain) and vars(lazy).keys() == vars(plain).keys()
    assert jax.tree.structure(lazy) == jax.tree.structure(plain)
    jax.tree.map(np.testing.assert_array_equal, lazy, plain)
    module = getattr(torch.nn, f"Lazy{name}")(*args)
    module(torch.ones(shape))
    assert list(module.state_dict()) == list(jaxconv.state_dict(lazy))


@pytest.mark.parametrize(("name", "args", "shape"), CASES)
def test_linen_makes_what_the_plain_layer_has(name, args, shape):
    x, options = jnp.ones(shape), {"use_running_average": False} if "Norm" in name else {}
    tracked = {"affine": True, "track_running_stats": True} if "Instance" in name else {}
    lazy, plain = (
        getattr(jaxconv.linen, f"Lazy{name}")(*args),
        getattr(jaxconv.linen, name)(4, *args, **tracked),
    )
    variables = lazy.init(jax.random.key(3), x, **options)
    jax.tree.map(np.testing.assert_array_equal, variables, plain.init(jax.random.key(3), x, **options))
    got, expected = (layer.apply(variables, x, **options, mutable=["batch_stats"]) for layer in (lazy, plain))
    jax.tree.map(np.testing.assert_array_equal, got, expected)


@pytest.mark.parametrize("name", [case[0] for case in CASES])
def test_torchs_arguments(name):
    def arguments(cls):
        return [
            (p.name, p.default)
            for p in list(inspect.signature(cls.__init__).parameters.values())[1:]
            if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in ("device", "dtype")
        ]

    assert arguments(getattr(jaxconv, f"Lazy{name}")) == arguments(getattr(torch.nn, f"Lazy{name}"))


def test_refused_until_the_first_call():
    layer, x = jaxconv.LazyConv2d(6, 3, rngs=nnx.Rngs(0)), jnp.ones((1, 4, 5, 5))
    with pytest.raises(TypeError, match="'weight' holds a UninitializedParameter"):
        jaxconv.state_dict(layer)
    with pytest.raises(TypeError, match="UninitializedParameter"):
        jax.jit(lambda layer, x: layer(x))(layer, x)
    for call in (jax.jit(lambda x: layer(x)), jax.grad(lambda x: layer(x).sum())):
        with pytest.raises(
            ValueError,
            match=r"call the layer once outside, on an example, or use the plain layer with `in_channels`",
        ):
            call(x)
    with pytest.raises(ValueError, match=r"Expected 3D \(unbatched\) or 4D \(batched\) input to LazyConv2d"):
        layer(x[0, 0])
    assert type(layer) is jaxconv.LazyConv2d and layer.in_channels == 0
    copy = nnx.clone(layer)
    assert layer(x[0]).shape == (6, 3, 3) and layer.in_channels == 4
    assert jax.jit(lambda layer, x: layer(x))(layer, x).shape == (1, 6, 3, 3)
    np.testing.assert_array_equal(copy(x), layer(x))


def test_may_be_made_and_called_within_one_trace():
    def make():
        layer = jaxconv.LazyLinear(3, rngs=nnx.Rngs(0))
        layer(jnp.ones((2, 5)))
        return layer

    assert nnx.eval_shape(make).weight.shape == (3, 5)


def test_mode_is_kept():
    layer = jaxconv.LazyBatchNorm2d()
    layer.eval()
    x = jnp.arange(32.0).reshape(2, 4, 2, 2)
    layer(x)
    assert layer.use_running_average and not layer.running_mean[...].any()


def test_refusals():
    x = jnp.ones((1, 3, 4, 4))
    for make, error, match in [
        (lambda: jaxconv.LazyConv2d(6, 3), TypeError, "`rngs` must be"),
        (
            lambda: jaxconv.LazyConv2d(6, 3, groups=4, rngs=nnx.Rngs(0)),
            ValueError,
            r"`out_channels` \(=6\) must be div",
        ),
        (lambda: jaxconv.linen.LazyConv2d(6, 3, groups=4), ValueError, r"`out_channels` \(=6\) must be div"),
        (
            lambda: jaxconv.LazyConv2d(6, 3, groups=2, rngs=nnx.Rngs(0))(x),
            ValueError,
            r"`in_channels` \(=3\) must be div",
        ),
        (lambda: jaxconv.LazyLinear(-1, rngs=nnx.Rngs(0)), ValueError, "`out_features`"),
        (lambda: jaxconv.LazyLinear(2, rngs=nnx.Rngs(0))(jnp.ones(())), ValueError, r"got shape \(\)"),
        (lambda: jaxconv.LazyBatchNorm1d()(x), ValueError, "LazyBatchNorm1d expected 2D or 3D input"),
    ]:
        with pytest.raises(error, match=match):
            make()
