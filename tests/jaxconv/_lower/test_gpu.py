"""What is chosen on GPUs; there is none here, so what is chosen is computed on the CPU."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxconv import functional as F
from jaxconv._lower import direct, gpu
from jaxconv._lower.choice import LOWERINGS
from jaxconv._lower.product import ROLES, Product
from jaxconv._spec import ConvSpec


def product(wanted="y", kernel=(3, 3), stride=(1, 1), dilation=(1, 1), groups=1):
    spec = ConvSpec(4, 6, kernel, stride, ((1, 1), (1, 1)), dilation, groups)
    return Product(wanted, spec, (9, 8))


@pytest.mark.parametrize(
    ("wanted", "stride", "dilation", "name"),
    [
        ("x", (2, 1), (1, 1), "direct"),
        ("x", (4, 1), (1, 1), "phases"),  # every fourth row
        ("x", (1, 2), (1, 2), "phases"),  # every second column: the kernel's elements are two apart
        ("x", (1, 3), (1, 2), "direct"),
        ("y", (4, 4), (1, 1), "direct"),
        ("weight", (4, 4), (1, 1), "direct"),
    ],
)
def test_where_a_part_of_the_input_meets_nothing_its_gradient_is_zero(wanted, stride, dilation, name):
    p = product(wanted, stride=stride, dilation=dilation)
    assert gpu.choose(p, jnp.float32).name == name
    if name == "phases":
        rng = np.random.default_rng(0)
        dy = rng.standard_normal(p.spec.output_size(p.size), np.float32)[None, None].repeat(6, 1)
        weight = rng.standard_normal(p.spec.weight_shape, np.float32)
        expected = direct.compute(p, weight, dy)
        found = LOWERINGS[name].compute(p, weight, dy)
        np.testing.assert_array_equal(np.asarray(found) == 0, np.asarray(expected) == 0)
        assert (np.asarray(found) == 0).any() and (np.asarray(found) != 0).any()


@pytest.mark.parametrize("dtype", ["int32", "int64", "int8", "uint8"])
@pytest.mark.parametrize("groups", [1, 2])
def test_integers_are_computed_without_convolutions(dtype, groups):
    with jax.enable_x64(True):
        x = jnp.asarray(np.arange(2 * 4 * 9 * 8).reshape(2, 4, 9, 8), dtype)
        w = jnp.asarray(np.arange(6 * 4 // groups * 9).reshape(6, 4 // groups, 3, 3), dtype)

        def run(x, w):
            return F.conv2d(x, w, stride=2, groups=groups)

        for wanted in ROLES:
            assert gpu.choose(product(wanted, groups=groups), x.dtype).name == "im2col"
        program = jax.jit(run).trace(x, w).lower(lowering_platforms=("cuda",)).as_text()
        assert "stablehlo.dot_general" in program and "stablehlo.convolution" not in program
        p = product(groups=groups)
        found = LOWERINGS["im2col"].compute(p, x, w)
        np.testing.assert_array_equal(found, direct.compute(p, x, w))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_transposed_convolution_is_rounded_once_with_its_bias(dtype):
    """XLA rounds what a GPU computes in reduced precision; in float32 it does not."""
    x, w, bias = jnp.ones((1, 4, 5, 5), dtype), jnp.ones((4, 6, 3, 3), dtype), jnp.ones(6, dtype)
    lowered = jax.jit(F.conv_transpose2d).trace(x, w, bias).lower(lowering_platforms=("cuda",)).as_text()
    (line,) = [line for line in lowered.splitlines() if "stablehlo.convolution" in line]
    assert "-> tensor<1x6x7x7xf32>" in line and "bf16" not in line and "f16>" not in line
    lowered = jax.jit(F.conv_transpose2d).trace(x, w).lower(lowering_platforms=("cuda",)).as_text()
    (line,) = [line for line in lowered.splitlines() if "stablehlo.convolution" in line]
    assert "f16>" in line  # there is no sum to be rounded before
