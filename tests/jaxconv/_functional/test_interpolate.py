"""What torch's samples do not tell of interpolate: every index and weight, uint8, NaN, half-precision types, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from oracle import Sample, check_samples

from jaxconv import functional as F
from jaxconv._functional import interpolate_tables as tables

pytestmark = pytest.mark.share(2)

rng = np.random.default_rng(5)

SIZES = [(n, out) for n in (1, 2, 3, 5, 7, 11, 13) for out in (1, 2, 3, 4, 6, 7, 10, 22, 29)]
SCALES = [(n, scale) for n in (4, 7, 10) for scale in (0.3, 1 / 3, 0.7, 1.01, 1.3, 2.0, 2.3)]
RESIZES = [(n, {"size": (1, out)}) for n, out in SIZES] + [(n, {"scale_factor": (1.0, s)}) for n, s in SCALES]
WEIGHTED = [
    ("bilinear", False),
    ("bilinear", True),
    ("bicubic", False),
    ("bicubic", True),
    ("lanczos", True),
]


def torchs(x, **kwargs):
    return torch.nn.functional.interpolate(torch.from_numpy(x), **kwargs).numpy()


def resized(n, kwargs):
    """The output's size, and the scale if one is given."""
    scale = kwargs["scale_factor"][1] if "scale_factor" in kwargs else None
    return int(n * scale) if scale else kwargs["size"][1], scale


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_every_index_is_torchs(mode):
    for n, kwargs in RESIZES:
        x = np.arange(2 * n, dtype=np.float32).reshape(1, 2, 1, n)
        index = tables.nearest_index(mode, n, *resized(n, kwargs))
        np.testing.assert_array_equal(x[..., index], torchs(x, mode=mode, **kwargs), f"{n} {kwargs}")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("mode", "antialias"), WEIGHTED)
def test_every_weight_is_torchs(mode, antialias, dtype):
    """From torch the rows of the identity come out as the weights.

    They differ by what a compiler that fuses products and sums changes: a coordinate below n has 3 roundings, and
    the weights' slope is below 2; a polynomial of the kernel, of 6 operations, has terms that add up to 36.
    """
    u = np.finfo(dtype).eps / 2
    table = tables.antialias_taps if antialias else tables.taps
    for n, kwargs in [r for r in RESIZES if r[0] > 1]:
        out, scale = resized(n, kwargs)
        if antialias and out in (1, n):
            continue  # 1: the next test; n: torch copies, and so do we
        for align_corners in (False, True)[: 1 if mode == "lanczos" else 2]:
            taps = table(mode.removeprefix("bi"), n, out, align_corners, scale, dtype)
            ours = np.zeros((n, out), dtype)
            np.add.at(ours, (taps.index, np.arange(out)), np.where(taps.used, taps.weight, 0))
            options = {**kwargs, "mode": mode, "align_corners": align_corners, "antialias": antialias}
            theirs = torchs(np.eye(n, dtype=dtype)[None, :, None], **options)[0, :, 0]
            assert taps.weight.dtype == dtype
            assert np.abs(ours - theirs).max() <= (2 * 3 * n + 6 * 36) * u, f"{n} {options}"


def test_antialias_to_width_1_differs():
    """torch repeats the first row where the output is one column wide; its own gradient, and we, interpolate."""
    x = rng.standard_normal((1, 2, 3, 4)).astype(np.float32)
    theirs = torchs(x, size=(5, 1), mode="bilinear", antialias=True)
    assert (theirs == theirs[:, :, :1]).all()
    ours = F.interpolate(x, (5, 1), mode="bilinear", antialias=True)
    column = torchs(x, size=(3, 1), mode="bilinear", antialias=True)
    expected = torchs(column.repeat(2, 3), size=(5, 2), mode="bilinear", antialias=True)[..., :1]
    off = np.abs(ours - expected)
    assert off.max() <= 8 * np.finfo(np.float32).eps * np.abs(x).max()  # two sums of at most 4 products


def samples():
    # Steps of which every coordinate and weight is exact; the others' weights have a test of their own.
    for mode, size, kwargs in [
        ("nearest", (4, 3), {"scale_factor": 2}),
        ("nearest", (5, 4), {"size": (3, 9)}),
        ("nearest-exact", (2, 3, 4), {"scale_factor": (1.7, 2, 0.6)}),
        ("linear", (7,), {"scale_factor": 2, "recompute_scale_factor": True}),
        ("bilinear", (4, 6), {"scale_factor": (4, 0.5)}),
        ("bilinear", (8, 5), {"size": (4, 10), "antialias": True}),
        ("bicubic", (5, 3), {"size": (9, 5), "align_corners": True}),
        ("bicubic", (4, 8), {"scale_factor": (2, 0.5), "antialias": True}),
        ("trilinear", (3, 2, 5), {"size": (5, 5, 3), "align_corners": True}),
    ]:
        for batch in (2, 0):
            yield Sample(
                lambda x, k={**kwargs, "mode": mode}: torch.nn.functional.interpolate(x, **k),
                lambda x, k={**kwargs, "mode": mode}: F.interpolate(x, **k),
                {"x": rng.standard_normal((batch, 3, *size))},
            )


def test_values_and_gradients():
    assert all(check_samples(list(samples()), rng))


@pytest.mark.parametrize(("mode", "antialias"), WEIGHTED)
def test_uint8_is_torchs_fixed_point(mode, antialias):
    for channels, size, out in [
        (1, (3, 7), (6, 5)),
        (3, (11, 4), (5, 9)),
        (5, (6, 6), (6, 13)),
        (2, (9, 2), (4, 3)),
    ]:
        x = rng.integers(0, 256, (2, channels, *size)).astype(np.uint8)
        x[0] = (x[0] > 127) * 255  # steps overshoot
        for align_corners in (False, True)[: 1 if mode == "lanczos" else 2]:
            kwargs = {"size": out, "mode": mode, "align_corners": align_corners, "antialias": antialias}
            got = F.interpolate(x, **kwargs)
            assert got.dtype == jnp.uint8
            np.testing.assert_array_equal(got, torchs(x, **kwargs))


@pytest.mark.parametrize(("mode", "antialias"), WEIGHTED)
def test_nan_and_infinity_spread_as_far_as_in_torch(mode, antialias):
    x = rng.standard_normal((1, 3, 2, 9)).astype(np.float32)
    x[0, 0, 0, 3], x[0, 1, 1, 6], x[0, 1, 0, 7], x[0, 2, 1, 8] = np.nan, np.inf, np.inf, -np.inf
    for width in (4, 9, 25):
        for align_corners in (False, True)[: 1 if mode == "lanczos" else 2]:
            kwargs = {
                "size": (3, width),
                "mode": mode,
                "align_corners": align_corners,
                "antialias": antialias,
            }
            got, expected = np.asarray(F.interpolate(x, **kwargs)), torchs(x, **kwargs)
            for kind in (np.isnan, np.isposinf, np.isneginf):
                np.testing.assert_array_equal(kind(got), kind(expected), f"{kwargs}")


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_types_are_rounded_once(dtype):
    x = jnp.asarray(rng.standard_normal((2, 3, 5, 4)), dtype)
    for mode in ("bilinear", "bicubic"):
        got = F.interpolate(x, (9, 7), mode=mode)
        assert got.dtype == dtype
        np.testing.assert_array_equal(
            got, F.interpolate(x.astype(jnp.float32), (9, 7), mode=mode).astype(dtype)
        )


def test_area_is_adaptive_average_pooling():
    x = rng.integers(-8, 9, (2, 3, 4, 6)).astype(np.float64)
    np.testing.assert_array_equal(F.interpolate(x, (2, 3), mode="area"), torchs(x, size=(2, 3), mode="area"))
    np.testing.assert_array_equal(
        F.interpolate(x, scale_factor=0.5, mode="area"), torchs(x, scale_factor=0.5, mode="area")
    )


def test_upsample_is_interpolate():
    x = rng.standard_normal((1, 2, 3, 4))
    for ours, theirs, kwargs in [
        (F.upsample, "upsample", {"scale_factor": 2, "mode": "bicubic"}),
        (F.upsample_nearest, "upsample_nearest", {"size": (5, 7)}),
        (F.upsample_bilinear, "upsample_bilinear", {"size": (5, 7)}),
    ]:
        with pytest.warns(UserWarning, match="deprecated"):
            expected = getattr(torch.nn.functional, theirs)(torch.from_numpy(x), **kwargs)
        # Rounding apart: were it another mode or align_corners, the first decimals would differ.
        assert (
            np.abs(ours(x, **kwargs) - expected.numpy()).max()
            <= 36 * np.finfo(np.float64).eps * np.abs(x).max()
        )


X = np.ones((1, 2, 4, 5), np.float32)
REFUSED = {
    "neither": ((X,), {}, ValueError, "either `size` .* or `scale_factor` .* should be defined"),
    "both": ((X, 3, 2.0), {}, ValueError, "only one of `size` .* or `scale_factor`"),
    "mode": ((X, 3), {"mode": "cubic"}, ValueError, r"`mode` \(='cubic'\) must be one of"),
    "align_corners": ((X, 3), {"align_corners": False}, ValueError, "`align_corners` .* interpolating modes"),
    "recompute": (
        (X, 3),
        {"recompute_scale_factor": True},
        ValueError,
        "`recompute_scale_factor` .* explicit `size`",
    ),
    "unbatched": ((X[0, 0], 3), {}, ValueError, "no unbatched one.* but got shape"),
    "rank": ((X, 3), {"mode": "linear"}, ValueError, "Got 4D `input` .* but linear mode needs 3D"),
    "antialias": ((X, 3), {"antialias": True}, ValueError, "`antialias` .* restricted to bilinear"),
    "lanczos": ((X, 3), {"mode": "lanczos"}, ValueError, "requires antialias=True"),
    "size length": ((X, (3,)), {}, ValueError, "`input` and `size` must have the same number of spatial"),
    "scale length": (
        (X,),
        {"scale_factor": (2.0,)},
        ValueError,
        "`input` and `scale_factor` must have the same",
    ),
    "size 0": ((X, 0), {}, ValueError, "should be greater than 0"),
    "size float": ((X, 3.0), {}, TypeError, "`size` must be an int, got 3.0"),
    "scale to 0": ((X,), {"scale_factor": 0.1}, ValueError, "should be greater than 0"),
    "scale < 0": ((X,), {"scale_factor": -1.0}, ValueError, "`scale_factor` .* positive and finite"),
    "scale nan": ((X,), {"scale_factor": float("nan")}, ValueError, "`scale_factor` .* positive and finite"),
    "scale str": ((X,), {"scale_factor": "2"}, TypeError, "`scale_factor` .* must be a number"),
    "no channels": ((X[:, :0], 3), {}, ValueError, "greater than 0, but got `input` of shape"),
    "int32": ((X.astype(np.int32), 3), {}, TypeError, "not implemented for dtype int32"),
    "uint8": (
        (X[..., 0].astype(np.uint8), 3),
        {"mode": "linear"},
        TypeError,
        "not implemented for dtype uint8",
    ),
    "complex": (
        (X.astype(np.complex64), 3),
        {"mode": "bilinear"},
        TypeError,
        "not implemented for dtype complex64",
    ),
    "half": (
        (X.astype(np.float16), 3),
        {"mode": "bilinear", "antialias": True},
        TypeError,
        "antialias.* float16",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case):
    args, kwargs, error, match = REFUSED[case]
    with pytest.raises(error, match=match):
        F.interpolate(*args, **kwargs)
    with pytest.raises((RuntimeError, ValueError, TypeError, NotImplementedError, OverflowError)):
        torch.nn.functional.interpolate(torch.from_numpy(args[0]), *args[1:], **kwargs)


def test_transforms():
    x = jnp.asarray(rng.standard_normal((3, 2, 4, 5)))

    def resize(x):
        return F.interpolate(x, scale_factor=1.5, mode="bilinear")

    # It is linear: the tangent is the function of the tangent.
    y, tangent = jax.jvp(resize, (x,), (x,))
    np.testing.assert_array_equal(y, tangent)
    np.testing.assert_array_equal(jax.jit(jax.vmap(resize))(x[:, None])[:, 0], jax.jit(resize)(x))
    exported = jax.export.export(jax.jit(resize))(
        jax.ShapeDtypeStruct(jax.export.symbolic_shape("n, 2, 4, 5"), x.dtype)
    )
    np.testing.assert_array_equal(exported.call(x), jax.jit(resize)(x))
