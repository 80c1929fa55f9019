"""linear and bilinear, beyond torch's own samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from oracle import Sample, check_samples

from jaxconv import functional as F

rng = np.random.default_rng(13)


def compare(name, *rows):
    """Whether both sides of `name` accept each row of shapes; where they do, they agree."""
    samples = [
        Sample(
            lambda **a: getattr(torch.nn.functional, name)(*a.values()),
            lambda **a: getattr(F, name)(*a.values()),
            {str(i): rng.standard_normal(shape).astype(np.float32) for i, shape in enumerate(shapes)},
            about=str(shapes),
        )
        for shapes in rows
    ]
    return [result is not None for result in check_samples(samples, rng)]


def test_linears_shapes():
    good = [
        [(3, 2, 4), (5, 4), (5,)],
        [(4,), (5, 4), (5,)],
        [(4,), (5, 4), (1, 5)],  # torch takes a single input as a matrix of one row
        [(3, 4), (5, 4), ()],
        [(3, 4), (5, 4), (3, 5)],
        [(3, 4), (5, 4), (1,)],
        [(3, 4), (4,)],
        [(4,), (4,)],
        [(0, 4), (5, 4), (5,)],
        [(3, 0), (5, 0), (5,)],
        [(3, 4), (0, 4), (0,)],
    ]
    bad = [
        [(3, 4), (5, 3)],
        [(3, 4), (2, 5, 4)],
        [(), (5, 4)],
        [(3, 4), (5, 4), (4,)],
        [(3, 4), (5, 4), (1, 3, 5)],
        [(3, 4), (4,), (1,)],
    ]
    assert compare("linear", *good, *bad) == [True] * len(good) + [False] * len(bad)


def test_bilinears_shapes():
    good = [
        [(3, 2, 4), (3, 2, 5), (6, 4, 5), (6,)],
        [(4,), (5,), (6, 4, 5)],
        [(0, 4), (0, 5), (6, 4, 5), (6,)],
        [(3, 4), (3, 5), (0, 4, 5)],
    ]
    bad = [
        [(3, 4), (1, 5), (6, 4, 5)],
        [(3, 4), (5,), (6, 4, 5)],
        [(3, 5), (3, 5), (6, 4, 5)],
        [(3, 4), (3, 4), (6, 4, 5)],
        [(3, 4), (3, 5), (4, 5)],
        [(3, 4), (3, 5), (6, 4, 5), (1,)],
        [(3, 4), (3, 0), (6, 4, 0)],
        [(), (), (6, 4, 5)],
    ]
    assert compare("bilinear", *good, *bad) == [True] * len(good) + [False] * len(bad)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.complex64])
def test_integers_wrap_around_and_complex_numbers_are_not_conjugated(dtype):
    def arrays(*shapes):
        whole = [rng.integers(-100, 100, shape) for shape in shapes]
        return [torch.from_numpy(a * (1 + 2j) if dtype.is_complex else a).to(dtype) for a in whole]

    for name, args in (
        ("linear", arrays((3, 4), (5, 4), (5,))),
        ("bilinear", arrays((3, 2), (3, 2), (4, 2, 2), (4,))),
    ):
        expected = getattr(torch.nn.functional, name)(*args).numpy()
        got = getattr(F, name)(*(a.numpy() for a in args))
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_types_are_accumulated_in_float32(dtype):
    # In bfloat16 a sum of ones stagnates at 256, in float16 at 2048.
    x, w, b = jnp.ones((4096, 2), dtype), jnp.ones((3, 2), dtype), jnp.ones(3, dtype)
    np.testing.assert_array_equal(jax.jit(F.linear)(x.T, jnp.ones((3, 4096), dtype)), np.full((2, 3), 4096))
    _, vjp = jax.vjp(F.linear, x, w, b)
    _, of_weight, of_bias = vjp(jnp.ones((4096, 3), dtype))
    np.testing.assert_array_equal(of_weight, np.full((3, 2), 4096))
    np.testing.assert_array_equal(of_bias, np.full(3, 4096))
    many = jnp.ones((1, 64), dtype)
    np.testing.assert_array_equal(F.bilinear(many, many, jnp.ones((1, 64, 64), dtype)), [[4096]])


def test_a_batch_of_any_size_is_exported():
    shape = jax.ShapeDtypeStruct(jax.export.symbolic_shape("n, 4"), jnp.float32)
    w, b = jnp.ones((5, 4), jnp.float32), jnp.ones(5, jnp.float32)
    exported = jax.export.export(jax.jit(lambda x: F.linear(x, w, b)))(shape)
    np.testing.assert_array_equal(exported.call(jnp.ones((3, 4), jnp.float32)), np.full((3, 5), 5))


f4 = np.ones((2, 3), np.float32)
BAD = {
    "mixed": (lambda: F.linear(f4, f4.astype("f8")), TypeError, "linear expected all arrays to have the same dtype, but got input: float32, weight: float64"),
    "mixed bias": (lambda: F.bilinear(f4, f4, np.ones((1, 3, 3), "f4"), np.ones(1)), TypeError, "bias: float64"),
    "bool": (lambda: F.linear(f4 > 0, f4 > 0), TypeError, '"linear" is not implemented for dtype bool'),
    "features": (lambda: F.linear(f4, np.ones((5, 4), "f4")), ValueError, r"`input` of shape \(2, 3\) must have 4 features, as `weight` of shape \(5, 4\) has"),
    "bias": (lambda: F.linear(f4, f4, np.ones(4, "f4")), ValueError, r"`bias` of shape \(4,\) does not fit the output's shape \(2, 2\)"),
    "features 2": (lambda: F.bilinear(f4, f4, np.ones((1, 3, 4), "f4")), ValueError, r"`input2` of shape \(2, 3\) must have 4 features"),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_refusals(row):
    call, error, message = row
    with pytest.raises(error, match=message):
        call()
