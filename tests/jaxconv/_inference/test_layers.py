"""Convolutions with what follows them: the same numbers, within the bound of the program that they are taken from."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxconv import functional as F
from jaxconv._inference.layers import Layers
from jaxconv._lower import blocked, native
from parity._bounds import rounding, tolerance

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


# By name in `Epilogue`: the functions that are known to be it.
ACTIVATIONS = {
    "none": [lambda x: x],
    "relu": [F.relu, jax.nn.relu, lambda x: jnp.maximum(x, 0)],
    "relu6": [F.relu6, jax.nn.relu6],
    "clamp [-0.3, 0.7]": [lambda x: F.hardtanh(x, -0.3, 0.7), lambda x: jnp.clip(x, -0.3, 0.7)],
    "leaky relu 0.1": [lambda x: F.leaky_relu(x, 0.1), lambda x: jax.nn.leaky_relu(x, 0.1)],
    "sigmoid": [F.sigmoid, jax.nn.sigmoid],
    "silu": [F.silu, jax.nn.silu],
    "hardsigmoid": [F.hardsigmoid, jax.nn.hard_sigmoid],
    "hardswish": [F.hardswish, jax.nn.hard_swish],
}


def convolution(x, w, b, z, activation, bias, residual, **options):
    y = F.conv2d(x, w, b if bias else None, **options)
    y = activation(y + z if residual == "first" else y)
    return z + y if residual == "last" else y


def judged(function, *args):
    """`function` with its epilogues in the kernels, within the error bound of `function`. Returns the layers.

    Once in torch's layout, and once in blocks of channels if the kernels have them.
    """
    layers = Layers(function, args)
    expected = rounding.analyse(function, args, tolerance.arithmetic(np.float32))
    for lanes in (0, native.lanes()):
        program = jax.jit(layers.function(dict.fromkeys(layers.layers, "native"), lanes))
        for number, y in zip(jax.tree.leaves(expected), jax.tree.leaves(program(*args)), strict=True):
            assert y.dtype == np.float32
            assert np.isfinite(number.error).all()
            np.testing.assert_array_less(abs(np.asarray(y, np.float64) - number.value), number.error + 1e-300)
        text = program.lower(*args).as_text()
        in_blocks = sum(
            lanes > 0 and blocked.can(layer.product, layer.batch, np.dtype(layer.dtype), lanes)
            for layer in layers.layers
        )
        assert text.count(native.BLOCKED_TARGET) == in_blocks
        fused = sum(layer.epilogue is not None for layer in layers.layers)
        assert text.count(native.FUSED_TARGET) == (
            0 if in_blocks == len(layers.layers) else fused - in_blocks
        )
    return layers.layers


def test_every_activation_with_and_without_bias_and_residual():
    cases = [
        (name, function, bias, residual)
        for (name, functions), bias, residual in itertools.product(
            ACTIVATIONS.items(), (False, True), ("none", "first", "last")
        )
        for function in functions
    ]

    def run(x, w, b, z):
        return [convolution(x, w, b, z, *case[1:], padding=1) for case in cases]

    layers = judged(run, 3 * normal(2, 5, 6, 7), normal(4, 5, 3, 3), normal(4), normal(2, 4, 6, 7))
    assert len(layers) == len(cases)
    for (name, _, bias, residual), layer in zip(cases, layers, strict=True):
        words = ["bias"] * bias + ["residual"] * (residual == "first") + [name] * (name != "none")
        words += ["residual"] * (residual == "last")
        assert str(layer.epilogue or "") == " + ".join(words)


@pytest.mark.parametrize("size", [(9,), (7, 40), (3, 4, 5)], ids=["1d", "2d", "3d"])
@pytest.mark.parametrize(
    "kind", ["dense", "groups", "depthwise", "stride", "pointwise", "many channels", "panels"]
)
def test_every_kind_of_kernel(size, kind):
    channels = {"many channels": 70, "depthwise": 6}.get(kind, 4)
    groups = {"groups": 2, "depthwise": 6}.get(kind, 1)
    taps = 1 if kind == "pointwise" else 3
    stride = 2 if kind == "stride" else 1
    conv = getattr(F, f"conv{len(size)}d")
    out = 128 if kind == "panels" else 6  # from 128 on, whatever the size, the kernels multiply matrices
    x, b = normal(2, channels, *size), normal(out)
    w = normal(out, channels // groups, *(taps,) * len(size))
    z = normal(*jax.eval_shape(lambda x, w: conv(x, w, stride=stride, groups=groups), x, w).shape)

    def run(x, w, b, z):
        return F.hardswish(z + conv(x, w, b, stride=stride, groups=groups))

    (layer,) = judged(run, x, w, b, z)
    assert str(layer.epilogue) == "bias + residual + hardswish"


def test_padding_far_beyond_the_input_which_the_kernels_compute_by_definition():
    def run(x, w, b):
        return F.relu(F.conv2d(x, w, b, padding=400))

    judged(run, normal(1, 1, 2, 2), normal(1, 1, 3, 3), normal(1))


def test_what_is_not_finite_is_so_as_before():
    def run(x, w, b):
        return [
            activation(F.conv2d(x, w, b)) for functions in ACTIVATIONS.values() for activation in functions
        ]

    x = np.zeros((1, 1, 4, 5), np.float32)
    x.reshape(-1)[:6] = np.nan, np.inf, -np.inf, -0.0, 3e38, -3e38
    args = x, np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32)
    for lanes in (0, native.lanes()):
        ours = jax.jit(Layers(run, args).function(lanes=lanes))(*args)
        for y, expected in zip(ours, jax.jit(run)(*args), strict=True):
            np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
            np.testing.assert_array_equal(np.isinf(y) * np.sign(y), np.isinf(expected) * np.sign(expected))


def test_a_layer_gets_the_lowering_that_is_chosen_for_it():
    def run(x, w, b):
        return F.relu(F.conv2d(F.relu(F.conv2d(x, w, b, padding=1)), w[:, :, :2], b))

    args = normal(1, 3, 9, 9), normal(3, 3, 3, 3), normal(3)
    layers = Layers(run, args)
    first, second = layers.layers
    assert first != second
    program = jax.jit(layers.function({first: "direct"}))
    text = program.lower(*args).as_text()
    assert text.count("stablehlo.convolution") == 1 and text.count(native.FUSED_TARGET) == 1
    both = jax.jit(layers.function({first: "direct", second: "im2col"})).lower(*args).as_text()
    assert native.FUSED_TARGET not in both and native.TARGET not in both
    bound = rounding.bounds(run, args, tolerance.arithmetic(np.float32))
    assert (abs(program(*args) - jax.jit(run)(*args)) <= 2 * bound).all()
