"""What is chosen where there are no kernels (test_native.py), who may choose otherwise, and that it is told."""

import functools
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import jaxconv
from jaxconv import functional as F


@pytest.fixture(autouse=True)
def without_kernels():
    with jaxconv.lowering("xla"):
        yield


def explained(x, w, **arguments):
    (found,) = jaxconv.explain(lambda x: F.conv2d(x, w, **arguments), x).convolutions
    return found.y.name, found.x.name, found.weight.name


def zeros(*shape, dtype=np.float32):
    return jnp.zeros(shape, dtype)


@pytest.mark.parametrize(
    "x, w, arguments, expected",
    [
        ((1, 8, 9, 9), (8, 1, 3, 3), dict(groups=8), "shift shift shift"),
        ((1, 8, 9, 9), (64, 1, 3, 3), dict(groups=8), "shift shift shift"),
        ((1, 4, 40, 40), (4, 1, 31, 31), dict(groups=4), "direct direct direct"),
        ((1, 16, 9, 9), (16, 8, 3, 3), dict(groups=2), "shift shift shift"),
        ((1, 18, 9, 9), (18, 9, 3, 3), dict(groups=2), "grouped grouped grouped"),
        ((2, 18, 9, 9), (18, 9, 1, 1), dict(groups=2), "grouped grouped grouped"),
        ((1, 16, 9, 9), (16, 8, 5, 5), dict(groups=2, stride=2), "grouped grouped grouped"),
        ((1, 16, 9, 9), (64, 8, 3, 3), dict(groups=2), "shift grouped shift"),
        ((2, 16, 9, 9), (16, 16, 1, 1), dict(stride=2), "pointwise pointwise pointwise"),
        ((1, 4, 9, 9), (4, 4, 1, 1), dict(padding=1), "im2col im2col im2col"),
        ((1, 8, 20, 20), (4, 8, 3, 3), {}, "channels_last im2col im2col"),
        ((1, 8, 9, 9), (4, 8, 3, 3), dict(stride=2), "im2col im2col im2col"),
        ((1, 8, 40, 40), (4, 8, 3, 3), {}, "channels_last channels_last im2col"),
        ((1, 4, 40, 40), (4, 4, 3, 3), {}, "im2col channels_last im2col"),
        ((8, 64, 2, 2), (64, 64, 3, 3), dict(padding=1), "im2col im2col channels_last"),  # Eigen: 60 ms for 1
        ((8, 64, 4, 4), (64, 64, 3, 3), dict(padding=1), "channels_last im2col channels_last"),
        ((8, 64, 5, 5), (64, 64, 3, 3), dict(padding=1), "channels_last channels_last channels_last"),
        ((1, 3, 999, 999), (4, 3, 3, 3), {}, "channels_last channels_last channels_last"),
        ((2, 4, 9, 9), (4, 4, 3, 3), {}, "channels_last channels_last channels_last"),
        ((0, 8, 9, 9), (8, 1, 3, 3), dict(groups=8), "direct direct direct"),
    ],
)
def test_the_table(x, w, arguments, expected):
    assert " ".join(explained(zeros(*x), zeros(*w), **arguments)) == expected


@pytest.mark.parametrize("dtype", ["int32", "complex64"])
def test_other_dtypes_are_left_to_xla(dtype):
    x, w = zeros(1, 8, 9, 9, dtype=dtype), zeros(8, 1, 3, 3, dtype=dtype)
    assert explained(x, w, groups=8) == ("direct",) * 3


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_types_have_the_same_table(dtype):
    x, w = zeros(1, 8, 9, 9, dtype=dtype), zeros(8, 1, 3, 3, dtype=dtype)
    assert explained(x, w, groups=8) == ("shift",) * 3


def test_how_groups_are_taken():
    def why(channels, size, batch=1):
        x, w = zeros(batch, 4 * channels, size, size), zeros(4 * channels, channels, 3, 3)
        (found,) = jaxconv.explain(lambda x: F.conv2d(x, w, padding=1, groups=4), x).convolutions
        return [c.why for c in (found.y, found.x, found.weight)]

    products, each = (
        f"16 channels a group, 9 elements: {how}" for how in ("matrix products", "a convolution each")
    )
    assert why(16, 14) == [each, each, products]
    assert why(16, 14, batch=2) == [each] * 3
    assert why(8, 14) == ["8 channels a group: at most 8"] * 3


def test_a_transposed_convolution_is_a_gradient():
    x, w = zeros(1, 8, 9, 9), zeros(8, 1, 3, 3)
    layer = jaxconv.ConvTranspose2d(8, 8, 3, 2, groups=8, rngs=nnx.Rngs(0))
    (found,) = jaxconv.explain(layer, x).convolutions
    assert found.what == "transposed 8>8 3x3 stride 2x2 8 groups @9x9 batch 1"
    assert (found.y.name, found.x.name, found.weight.name) == ("shift",) * 3
    wide = zeros(8, 8, 3, 3)
    (found,) = jaxconv.explain(lambda x: F.conv_transpose2d(x, wide, None, 2), x).convolutions
    assert (found.y.name, found.x.name, found.weight.name) == ("im2col", "im2col", "im2col")
    with jaxconv.lowering("direct"):
        (found,) = jaxconv.explain(lambda x: F.conv_transpose2d(x, w, groups=8), x).convolutions
    assert found.y == found.x == found.weight == ("direct", "forced")


def test_a_context_is_no_stale_program():
    x, w = zeros(1, 8, 9, 9), zeros(8, 1, 3, 3)
    traced = []

    @jax.jit
    def f(x, w):
        traced.append(1)
        return F.conv2d(x, w, groups=8)

    def convolutions():
        return f.lower(x, w).as_text().count("stablehlo.convolution")

    assert convolutions() == 0
    with jaxconv.lowering("direct"):
        assert convolutions() == 1
        with jaxconv.lowering("xla"):
            assert convolutions() == 0
    assert convolutions() == 0
    assert len(traced) == 2


def test_a_layer_has_its_own():
    x = zeros(1, 8, 9, 9)
    for forced in ("direct", None):
        layer = jaxconv.Conv2d(8, 8, 3, groups=8, lowering=forced, rngs=nnx.Rngs(0))
        (found,) = jaxconv.explain(layer, x).convolutions
        assert found.y == (("direct", "forced") if forced else ("shift", "1 channels a group: at most 8"))
        with jaxconv.lowering("grouped"):  # what is nearest holds
            assert jaxconv.explain(layer, x).convolutions[0].y.name == (forced or "grouped")


def test_what_cannot_be_forced_is_direct_and_says_so():
    with jaxconv.lowering("pointwise"):
        (found,) = jaxconv.explain(lambda x: F.conv2d(x, zeros(4, 4, 3, 3)), zeros(1, 4, 9, 9)).convolutions
    assert found.y == ("direct", "pointwise is forced, but cannot compute this")


def test_unknown_names():
    for refuse in (
        lambda: jaxconv.lowering("winograd"),
        lambda: jaxconv.Conv2d(1, 1, 1, lowering="winograd", rngs=nnx.Rngs(0)),
        lambda: jaxconv.linen.Conv2d(1, 1, 1, lowering="winograd"),
    ):
        with pytest.raises(
            ValueError, match=r"`lowering` \(='winograd'\) must be one of \('direct', 'channels_last'"
        ):
            refuse()


def test_the_environment_chooses_for_a_process(monkeypatch):
    monkeypatch.setenv("JAXCONV_LOWERING", "direct")
    code = (
        "import jaxconv, jax, numpy as np\n"
        "f = lambda x: jaxconv.functional.conv2d(x, np.zeros((4, 1, 3, 3), 'f4'), groups=4)\n"
        "assert jaxconv.explain(f, np.zeros((1, 4, 9, 9), 'f4')).convolutions[0].y == ('direct', 'forced')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


class Block(nnx.Module):
    def __init__(self, rngs):
        self.stem = jaxconv.Conv2d(3, 8, 3, 2, rngs=rngs)
        self.blocks = nnx.List([jaxconv.Conv2d(8, 8, 3, padding=1, groups=8, rngs=rngs)])
        self.norm = jaxconv.BatchNorm2d(8, rngs=rngs)

    def __call__(self, x, scale):
        return scale * self.norm(self.blocks[0](self.stem(x)))


class LinenBlock(linen.Module):
    @linen.compact
    def __call__(self, x):
        return jaxconv.linen.Conv2d(3, 8, 3, name="stem")(x)


def test_explain_names_the_layers_as_the_parameters_are_named():
    x = jax.ShapeDtypeStruct((1, 3, 80, 80), jnp.float32)
    told = str(jaxconv.explain(Block(nnx.Rngs(0)), x, scale=2.0))
    assert told == (
        "on cpu\n"
        "layer     convolution                        y       dx             dweight  why\n"
        "stem      3>8 3x3 stride 2x2 @80x80 batch 1  im2col  channels_last  im2col   "
        "y: one sample of 3 channels: at most 4; dx: a dense convolution at 1521 positions: more than 512; "
        "dweight: one sample: a matrix product\n"
        "blocks.0  8>8 3x3 8 groups @39x39 batch 1    shift   shift          shift    "
        "1 channels a group: at most 8"
    )
    module = LinenBlock()
    variables = module.init(jax.random.key(0), np.zeros(x.shape, x.dtype))
    (found,) = jaxconv.explain(functools.partial(module.apply, variables), x).convolutions
    assert found.layer == "stem"


def test_layers_of_sums_are_compiled_apart():
    # Fused, four 7x7 depthwise layers take 20 times as long. XLA inlines functions unless it is told not to.
    x, w = zeros(1, 8, 28, 28), zeros(8, 1, 7, 7)

    def chain(x, w):
        for _ in range(4):
            x = jax.nn.relu(F.conv2d(x, w, padding=3, groups=8))
        return x

    assert jax.jit(chain).lower(x, w).compile().as_text().count(" call(") == 4


@pytest.mark.parametrize(
    ("x", "w", "arguments", "past_zeros"),
    [
        ((1, 32, 40, 40), (4, 32, 3, 3), dict(padding=1), True),
        ((1, 32, 32, 32), (4, 32, 3, 3), dict(padding=1), False),  # few positions
        ((2, 32, 32, 32), (4, 32, 3, 3), dict(padding=1), True),  # of all samples
        ((1, 16, 40, 40), (4, 16, 3, 3), dict(padding=1), False),  # narrow
        (
            (2, 64, 8, 8),
            (64, 32, 3, 3),
            dict(padding=1, groups=2),
            True,
        ),  # groups, however few the positions are
    ],
)
def test_who_computes_channels_last(x, w, arguments, past_zeros):
    lowered = jax.jit(lambda x, w: F.conv2d(x, w, **arguments)).lower(zeros(*x), zeros(*w)).as_text()
    windows = [line for line in lowered.splitlines() if "stablehlo.convolution" in line]
    assert windows and all(("lhs_dilate = [2, 1]" in line) == past_zeros for line in windows)
