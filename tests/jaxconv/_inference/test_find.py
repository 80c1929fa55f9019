"""Which operations after a convolution are computed with it, and above all which stay by themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import jaxconv
from jaxconv import functional as F
from jaxconv._inference.layers import Layers

X, W, B, Z = (
    np.random.default_rng(0).integers(-3, 4, shape).astype(np.float32)
    for shape in ((2, 3, 7, 6), (3, 3, 3, 3), (3,), (2, 3, 7, 6))
)


def conv(x=X, w=W, b=B):
    return F.conv2d(x, w, b, padding=1)


def epilogues(function, *args):
    """The words for each convolution's epilogue; integers, so the results are equal."""
    layers = Layers(function, args)
    for y, expected in zip(
        jax.tree.leaves(jax.jit(layers.function())(*args)), jax.tree.leaves(function(*args)), strict=True
    ):
        np.testing.assert_array_equal(y, expected)
    return ["" if layer.epilogue is None else str(layer.epilogue) for layer in layers.layers]


def twice(x):
    y = conv(x)
    return F.relu(y) + 2 * y


def kept(x):
    y = conv(x)
    return y, F.relu(y)


def inside_twice(x):
    y = conv(x) + Z
    return F.relu(y), y * 2


def both_summands(x):
    y = conv(x)
    return F.relu(y + y)


NOT_ALL = {
    "what is used twice": (twice, "bias"),
    "what is returned, too": (kept, "bias"),
    "a sum that is used twice": (inside_twice, "bias + residual"),
    "the sum of it with itself": (both_summands, "bias"),
    "a bias that is no vector of channels": (lambda x: F.relu(conv(x, b=None) + Z[:1, :1]), ""),
    "a number that is added": (lambda x: F.relu(conv(x) + 1.5), "bias"),
    "an activation that the kernels have not": (lambda x: jnp.where(conv(x) > 1, 1.0, 0.0), "bias"),
    "a scale": (lambda x: F.relu(conv(x) * 2), "bias"),
    "positions in another order": (lambda x: F.relu(conv(x).swapaxes(2, 3)), "bias"),
    "another shape": (lambda x: F.relu(conv(x).reshape(2, 9, 14)), "bias"),
    "a pool in between": (lambda x: F.relu(F.max_pool2d(conv(x), 2)), "bias"),
}


@pytest.mark.parametrize("name", NOT_ALL)
def test_what_is_not_computed_with_it(name):
    function, expected = NOT_ALL[name]
    assert epilogues(function, X) == [expected]


def test_what_two_convolutions_could_have_one_of_them_gets():
    def run(x):
        return F.relu(conv(x) + conv(x, W + 1))

    assert sorted(epilogues(run, X)) == ["bias", "bias + residual + relu"]


def test_a_sum_of_three():
    assert epilogues(lambda x: F.relu(conv(x) + Z + 2 * Z), X) == ["bias + residual"]


def test_through_jit_and_short_rows():
    @jax.jit
    def inner(x):
        return jax.nn.relu(conv(x, b=None) + B[None, :, None, None])

    assert epilogues(lambda x: inner(inner(x)), X) == ["bias + relu"] * 2


def test_what_is_not_float32_or_no_convolution_is_left_alone():
    def run(x):
        half = F.relu(conv(x.astype(jnp.bfloat16), W.astype(jnp.bfloat16), B.astype(jnp.bfloat16)))
        return half, F.relu(F.conv_transpose2d(x, W, B)), F.relu(F.linear(x, jnp.ones((6, 6), x.dtype)))

    layers = Layers(run, (X,))
    assert [layer.epilogue for layer in layers.layers] == [None, None]
    for y, expected in zip(jax.jit(layers.function())(X), jax.jit(run)(X), strict=True):
        np.testing.assert_array_equal(y, expected)


def test_a_loop_is_left_alone():
    def run(x):
        return jax.lax.fori_loop(0, 2, lambda _, x: F.relu(conv(x) / 64), x)

    assert epilogues(run, X) == []


BLOCKS = {
    "ResNet": (
        lambda y, x: torch.relu(y + x),
        "bias + residual + relu",
    ),
    "MobileNetV2": (lambda y, x: torch.nn.functional.relu6(y), "bias + relu6"),
    "MobileNetV3": (lambda y, x: torch.nn.functional.hardswish(y), "bias + hardswish"),
    "EfficientNet": (lambda y, x: torch.nn.functional.silu(y), "bias + silu"),
    "YOLO": (lambda y, x: x + torch.nn.functional.silu(y), "bias + silu + residual"),
    "ConvNeXt": (lambda y, x: torch.nn.functional.gelu(y), "bias"),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_of_torch_networks(name):
    after, expected = BLOCKS[name]

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            return after(self.conv(x), x)

    network = jaxconv.from_torch(Block().eval(), torch.from_numpy(X))
    (layer,) = Layers(network, (X,)).layers
    assert str(layer.epilogue) == expected


def test_the_bias_of_one_channel_is_no_residual():
    assert epilogues(lambda x: F.relu(conv(x, W[:1], B[:1])), X) == ["bias + relu"]
    assert epilogues(lambda x, z: F.relu(conv(x, W[:1], B[:1]) + z), X, Z[:, :1]) == [
        "bias + residual + relu"
    ]
