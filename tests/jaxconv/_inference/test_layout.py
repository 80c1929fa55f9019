"""What stands between two convolutions in blocks of channels: the same numbers, converted where they must be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxconv
from jaxconv import functional as F
from jaxconv._inference.layers import Layers
from jaxconv._lower import native
from parity._bounds import rounding, tolerance

LANES = native.lanes() or 8
CHANNELS = 2 * LANES
RNG = np.random.default_rng(0)


def whole(*shape):
    return RNG.integers(-2, 3, shape).astype(np.float32)


X, W, B = whole(2, CHANNELS, 8, 8), whole(CHANNELS, CHANNELS, 1, 1), whole(CHANNELS)
SCALE = whole(2, CHANNELS)


def program(between):
    """Two convolutions with something in between, and the conversions that it is written with."""

    def run(x, w, b, scale):
        y = F.conv2d(x, w, b)
        y = between(y, scale)
        return F.conv2d(y, w, b) if getattr(y, "shape", ())[1:2] == (CHANNELS,) and y.ndim == 4 else y

    args = X, W, B, SCALE
    written = Layers(run, args).function(lanes=LANES)
    conversions = str(jax.make_jaxpr(written)(*args)).count("transpose[")
    for ours, theirs in zip(
        jax.tree.leaves(jax.jit(written)(*args)), jax.tree.leaves(jax.jit(run)(*args)), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    return conversions


DIRECT = program(lambda y, s: y)
"""Of the first input, of each weight, and of the last result."""

IN_BLOCKS = {
    "arithmetic": lambda y, s: jnp.abs(y) * 2 - y / 4,
    "comparisons": lambda y, s: jnp.where((y > 0) & (y != 3), y, -y),
    "a number for each sample": lambda y, s: y * s[:, :1, None, None],
    "joined positions": lambda y, s: (y.reshape(2, CHANNELS, 64) * 2).reshape(y.shape),
    "max pooling": lambda y, s: F.max_pool2d(y, 3, 2, 1),
    "max pooling, dilated": lambda y, s: F.max_pool2d(y, 2, 1, 0, 2),
    "one reduce_window": lambda y, s: jax.lax.reduce_window(
        y, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"
    ),
    "a sum over positions": lambda y, s: y - y.sum((2, 3), keepdims=True),
    "a maximum over positions": lambda y, s: y - y.max(3, keepdims=True),
    "padding": lambda y, s: jnp.pad(y, ((0, 0), (0, 0), (1, 2), (0, 1))),
    "a part of the positions": lambda y, s: y[:, :, 1:7:2, :5],
    "positions side by side": lambda y, s: jnp.concatenate([y, y + 1], 3),
    "blocks side by side": lambda y, s: jnp.concatenate([y[:, LANES:], y[:, :LANES]], 1),
    "nearest neighbours": lambda y, s: jnp.broadcast_to(y[:, :, :, None], (2, CHANNELS, 8, 2, 8)).reshape(
        2, CHANNELS, 16, 8
    ),
}


@pytest.mark.parametrize("name", IN_BLOCKS)
def test_it_stays_in_blocks(name):
    assert program(IN_BLOCKS[name]) == DIRECT


CONVERTED = {
    "sums of windows": lambda y, s: F.avg_pool2d(y, 2) * 4,
    "a map for all channels": lambda y, s: y + jnp.arange(64, dtype=y.dtype).reshape(8, 8),
    "a number for each channel of a sample": lambda y, s: y * s[:, :, None, None],
    "squeeze and excite": lambda y, s: y * jnp.maximum(y.mean((2, 3)) @ W[:, :, 0, 0], 0)[:, :, None, None],
    "channels last": lambda y, s: jnp.cumsum(y.transpose(0, 2, 3, 1), -1).transpose(0, 3, 1, 2),
    "a sum over channels": lambda y, s: y - y.sum(1, keepdims=True),
    "shuffled channels": lambda y, s: F.channel_shuffle(y, 2),
    "some channels": lambda y, s: jnp.concatenate([y[:, 1:], y[:, :1]], 1),
    "flattened": lambda y, s: y.reshape(2, -1),
    "padded channels": lambda y, s: jnp.pad(y, ((0, 0), (1, 0), (0, 0), (0, 0)))[:, 1:],
    "reversed channels": lambda y, s: y[:, ::-1],
    "several results": lambda y, s: (y, y.reshape(2, -1), y + 1),
    "a mean by weights": lambda y, s: jnp.einsum(
        "nchw,wh->nc", y, jnp.arange(64, dtype=y.dtype).reshape(8, 8)
    ),
    "samples side by side": lambda y, s: jnp.concatenate([y, y], 0)[:2],
    "what has no channels": lambda y, s: y.sum(),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_it_is_converted_where_it_must_be(name):
    program(CONVERTED[name])


def test_a_network_of_all_kinds_of_layers_with_odd_numbers_of_channels():
    channels = LANES + 3

    class Network(nnx.Module):
        def __init__(self):
            rngs = nnx.Rngs(0)
            self.stem = jaxconv.Conv2d(3, channels, 3, 2, 1, rngs=rngs)
            self.depthwise = jaxconv.Conv2d(channels, channels, 3, 1, 1, groups=channels, rngs=rngs)
            self.groups = jaxconv.Conv2d(channels + 1, 2 * channels + 2, 1, groups=2, rngs=rngs)
            self.squeeze = jaxconv.Conv2d(2 * channels + 2, 4, 1, rngs=rngs)
            self.excite = jaxconv.Conv2d(4, 2 * channels + 2, 1, rngs=rngs)
            self.last = jaxconv.Conv2d(2 * channels + 2, 5, 3, rngs=rngs)

        def __call__(self, x):
            y = F.relu(self.stem(x))
            y = y + F.hardswish(self.depthwise(y))
            y = self.groups(jnp.concatenate([y, y[:, :1]], 1))
            y = y * F.hardsigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(y, 1)))))
            return self.last(F.max_pool2d(y, 3, 2, 1))

    network, x = Network(), np.asarray(RNG.standard_normal((2, 3, 22, 19)), np.float32)
    compiled = jaxconv.compile(network, x)
    graph, state = nnx.split(network)
    expected = rounding.analyse(
        lambda state, x: nnx.merge(graph, state)(x), (state, x), tolerance.arithmetic(np.float32)
    )
    assert (abs(np.asarray(compiled(x), np.float64) - expected.value) <= expected.error).all()


DENSE = {
    "with bias and activation": lambda x, w, b: F.relu(F.linear(x, w, b)),
    "without": lambda x, w, b: F.linear(x, w),
    "written out": lambda x, w, b: x @ w.T + b,
    "the weight as it lies in Flax": lambda x, w, b: x @ w + b,
}


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("inputs, outputs", [(2 * LANES, 3 * LANES), (LANES + 3, LANES - 1), (3, 2)])
def test_a_dense_layer_of_one_sample_is_a_convolution_of_one_position(name, inputs, outputs):
    function, args = DENSE[name], (whole(1, inputs), whole(outputs, inputs), whole(outputs))
    if "Flax" in name:
        args = args[0], args[1].T, args[2]
    layers = Layers(function, args)
    assert not layers.layers  # which are convolutions
    written = jax.jit(layers.function(lanes=LANES))
    np.testing.assert_array_equal(written(*args), function(*args))
    if native.isa() is not None:
        assert written.lower(*args).as_text().count(native.BLOCKED_TARGET) == 1


def test_other_products_are_left_to_xla():
    def run(x, w):
        return x @ w, w @ w, x[0] @ w, (x.astype(jnp.float64) if jax.config.jax_enable_x64 else x[:0]) @ w

    args = whole(2, LANES), whole(LANES, LANES)
    assert (
        native.BLOCKED_TARGET not in jax.jit(Layers(run, args).function(lanes=LANES)).lower(*args).as_text()
    )
