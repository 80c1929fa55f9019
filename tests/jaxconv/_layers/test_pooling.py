"""Pooling, padding, folding and shuffling layers of both fronts beside torch's modules."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from oracle import Sample, check_samples

import jaxconv

pytestmark = pytest.mark.share(2)

rng = np.random.default_rng(37)
SIZE = (9, 8, 7)

# name, positional arguments, keywords, input shape
LAYERS = [
    ("AvgPool1d", (3, 2, 1, True, False), {}, (2, 3, 9)),
    ("AvgPool2d", (2,), {}, (3, 9, 8)),
    ("AvgPool2d", ((2, 3), (3, 1), (1, 0), True, False, 5), {}, (2, 3, 9, 8)),
    ("AvgPool3d", (2, None, 1), dict(divisor_override=3), (2, 3, 5, 4, 5)),
    ("LPPool1d", (2, 3, 2, True), {}, (2, 3, 9)),
    ("LPPool2d", (4.0, (2, 3)), {}, (2, 3, 9, 8)),
    ("LPPool3d", (2, 2), dict(stride=1), (3, 5, 4, 5)),
    ("AdaptiveAvgPool1d", (4,), {}, (3, 9)),
    ("AdaptiveAvgPool2d", ((None, 3),), {}, (2, 3, 9, 8)),
    ("AdaptiveAvgPool2d", (1,), {}, (2, 3, 9, 8)),
    ("AdaptiveAvgPool3d", ([2, 3, 1],), {}, (2, 3, 5, 4, 5)),
    ("AdaptiveMaxPool1d", (4, True), {}, (3, 9)),
    ("AdaptiveMaxPool2d", ((None, 3),), dict(return_indices=True), (2, 3, 9, 8)),
    ("AdaptiveMaxPool3d", (2,), {}, (2, 3, 5, 4, 5)),
    ("Unfold", (3, 2, 1, (1, 2)), {}, (2, 3, 9, 8)),
    ("Fold", ((9, 8), 3, 2, 1, (1, 2)), {}, (2, 18, 21)),
    ("PixelShuffle", (2,), {}, (8, 3, 4)),
    ("PixelUnshuffle", (3,), {}, (2, 3, 9, 6)),
    ("ChannelShuffle", (2,), {}, (2, 6, 3)),
]
for n in (1, 2, 3):
    shape = (2, 3, *SIZE[-n:])
    LAYERS += [
        (f"ZeroPad{n}d", (2,), {}, shape),
        (f"ConstantPad{n}d", (tuple(range(-1, 2 * n - 1)), 1.5), {}, shape[1:]),
        (f"ReflectionPad{n}d", (tuple(range(2 * n)),), {}, shape),
        (f"ReplicationPad{n}d", (1,), {}, shape[1:]),
        (f"CircularPad{n}d", (tuple(range(2 * n)),), {}, shape),
    ]
UNPOOLS = [f"MaxUnpool{n}d" for n in (1, 2, 3)]
NAMES = sorted({name for name, *_ in LAYERS} | set(UNPOOLS))


def apply_linen(layer):
    return lambda *args, **kwargs: layer.apply({}, *args, **kwargs)


FRONTS = {"nnx": (jaxconv, lambda layer: layer), "linen": (jaxconv.linen, apply_linen)}


@pytest.mark.parametrize("front", FRONTS)
def test_outputs_are_torchs(front):
    package, call = FRONTS[front]
    samples = [
        Sample(
            getattr(torch.nn, name)(*args, **kwargs),
            call(getattr(package, name)(*args, **kwargs)),
            {"input": rng.standard_normal(shape).astype(np.float32)},
            wrt=(),
            about=f"{name}{args}{kwargs}",
        )
        for name, args, kwargs, shape in LAYERS
    ]
    assert all(check_samples(samples, rng))


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_unpooling_undoes_pooling(front, n):
    package, call = FRONTS[front]
    x = torch.from_numpy(rng.integers(1, 99, (2, 3, *SIZE[-n:])).astype(np.float32))
    y, at = getattr(torch.nn, f"MaxPool{n}d")(3, 2, 1, return_indices=True)(x)
    theirs = getattr(torch.nn, f"MaxUnpool{n}d")(3, stride=2, padding=1)
    ours = call(getattr(package, f"MaxUnpool{n}d")(3, stride=2, padding=1))
    got = ours(jnp.asarray(y), jnp.asarray(at), output_size=x.shape)
    np.testing.assert_array_equal(got, theirs(y, at, output_size=x.shape))
    # The default size, with indices that it has.
    assert ours(jnp.asarray(y), 0 * jnp.asarray(at)).shape == tuple(theirs(y, 0 * at).shape)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_torchs(name):
    def positional(function):
        parameters = inspect.signature(function).parameters.values()
        named = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        return [(p.name, p.default) for p in named if p.name not in ("self", "parent", "name")]

    expected = positional(getattr(torch.nn, name).__init__)
    assert positional(getattr(jaxconv, name).__init__) == expected
    assert positional(getattr(jaxconv.linen, name)) == expected
    for package in (jaxconv, jaxconv.linen):
        assert getattr(package, name).__doc__.startswith(f"torch.nn.{name}: ")


BAD = [
    ("AvgPool2d", (0,), ValueError, r"`kernel_size` \(=\(0, 0\)\) must be positive"),
    ("AvgPool2d", (2, 2, 2), ValueError, r"`padding` \(=\(2, 2\)\) must be at most half of `kernel_size`"),
    ("AvgPool2d", ({2, 3},), TypeError, r"`kernel_size` \(=\{2, 3\}\) must be an int or a tuple of 2 ints"),
    ("AvgPool2d", (2, 2, 0, 1), TypeError, "`ceil_mode` must be a bool, got 1 of type int"),
    ("AvgPool2d", (2, 2, 0, True, 1), TypeError, "`count_include_pad` must be a bool, got 1 of type int"),
    ("AvgPool3d", (2, 2, 0, True, True, 0), ValueError, r"`divisor_override` \(=0\)"),
    ("LPPool1d", (0, 2), ValueError, r"`norm_type` \(=0\) must not be 0"),
    (
        "AdaptiveAvgPool2d",
        ((1, 2, 3),),
        ValueError,
        r"`output_size` \(=\(1, 2, 3\)\).* tuple of 2 ints, got 3",
    ),
    ("AdaptiveMaxPool1d", (-1,), ValueError, "elements of `output_size`"),
    ("AdaptiveMaxPool1d", (1, 1), TypeError, "`return_indices` must be a bool, got 1"),
    ("MaxUnpool2d", (2, 2, -1), ValueError, r"`padding` \(=\(-1, -1\)\) must be non-negative"),
    ("Unfold", ((2,),), ValueError, r"`kernel_size` \(=\(2,\)\) must be an int or a tuple of 2 ints, got 1"),
    ("Fold", (0, 2), ValueError, r"`output_size` \(=\(0, 0\)\) should be greater than zero"),
    ("PixelShuffle", (0,), ValueError, r"`upscale_factor` \(=0\) must be positive"),
    ("PixelUnshuffle", (2.0,), TypeError, "`downscale_factor` must be an int, got 2.0"),
    ("ChannelShuffle", (0,), ValueError, r"`groups` \(=0\) must be positive"),
    (
        "ZeroPad2d",
        ((1, 2),),
        ValueError,
        r"`padding` \(=\(1, 2\)\) must be an int or a tuple of 4 ints, got 2",
    ),
    (
        "CircularPad1d",
        ((1,),),
        ValueError,
        r"`padding` \(=\(1,\)\) must be an int or a tuple of 2 ints, got 1",
    ),
    ("ReflectionPad3d", (1.0,), TypeError, "`padding` must be an int, got 1.0"),
    ("ConstantPad1d", (1, "0"), TypeError, "`value` must be a number, got '0' of type str"),
]


@pytest.mark.parametrize("package", [jaxconv, jaxconv.linen])
@pytest.mark.parametrize(("name", "args", "error", "message"), BAD)
def test_bad_arguments_are_refused_at_construction(package, name, args, error, message):
    with pytest.raises(error, match=message):
        getattr(package, name)(*args)


def test_layers_are_static_pytrees():
    """No parameters: nothing to differentiate, and jit takes them as they are."""
    for name, args, kwargs, shape in LAYERS[:1] + LAYERS[-1:]:
        layer = getattr(jaxconv, name)(*args, **kwargs)
        assert not jax.tree.leaves(layer) and not jaxconv.state_dict(layer)
        x = jnp.ones(shape)
        np.testing.assert_array_equal(nnx.jit(lambda layer, x: layer(x))(layer, x), layer(x))
