"""local_response_norm and normalize, beyond torch's own samples."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from oracle import Sample, check_samples

from jaxconv import functional as F

rng = np.random.default_rng(12)


def samples(name, *rows):
    """Both sides of `name`, one sample a row (input, arguments)."""
    return [
        Sample(
            lambda x, args=args, kwargs=kwargs: getattr(torch.nn.functional, name)(x, *args, **kwargs),
            lambda x, args=args, kwargs=kwargs: getattr(F, name)(x, *args, **kwargs),
            {"x": x},
            about=f"{args} {kwargs}",
        )
        for x, args, kwargs in rows
    ]


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def test_local_response_norm():
    rows = [(normal(2, 5, 3), (size, 0.3), dict(beta=0.6, k=2.0)) for size in (1, 2, 3, 12)]
    rows += [(normal(2, 4, 2, 3, 2), (2,), {}), (normal(2, 0, 3), (2,), {}), (normal(3, 4), (2,), {})]
    *agreed, refused = check_samples(samples("local_response_norm", *rows), rng)
    assert all(agreed) and refused is None


ZEROS = np.array([[0.0, 1, 2], [2, 2, -2]], np.float32)
ORDERS = (0, 0.5, 1, 2, 3, -1, math.inf, -math.inf)


def test_normalize_and_its_gradients_at_zeros_and_ties():
    rows = [(ZEROS, (p,), dict(eps=0.1)) for p in ORDERS]
    rows += [(normal(2, 3, 2), (2,), dict(dim=dim)) for dim in (0, -1, (0, 2), None, ())]
    rows += [(ZEROS, ("fro",), {}), (normal(0, 3), (math.inf,), {}), (np.float32(3), (), dict(dim=0))]
    rows += [(normal(1, 3) + 1j * normal(1, 3), (p,), {}) for p in (1, 2, 3)]
    rows += [(normal(3, 0), (math.inf,), {}), (normal(3), (), {}), (normal(2, 2), (), dict(dim=(1, -1)))]
    results = check_samples(samples("normalize", *rows), rng)
    assert all(results[:-3]) and results[-3:] == [None] * 3


def test_local_response_norm_of_int64_is_truncated_and_float32():
    x = rng.integers(-9, 10, (2, 5, 3))
    got = F.local_response_norm(x, 2, 0.5, 1.0)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(
        got, torch.nn.functional.local_response_norm(torch.from_numpy(x), 2, 0.5, 1.0)
    )


def test_the_norm_of_zeros_has_no_gradient():
    x, ct = np.zeros((1, 3), np.float32), np.array([[1, -2, 3]], np.float32)

    @jax.jit
    def run(x):
        return [
            (y, vjp(ct)) for p in ORDERS for y, vjp in [jax.vjp(lambda x, p=p: F.normalize(x, p, eps=0.5), x)]
        ]

    for p, (y, (grad,)) in zip(ORDERS, run(x), strict=True):
        t = torch.from_numpy(x).requires_grad_()
        torch.nn.functional.normalize(t, p, eps=0.5).backward(torch.from_numpy(ct))
        np.testing.assert_array_equal(y, x)
        np.testing.assert_array_equal(grad, t.grad, err_msg=f"p={p}")


def test_float16s_zero_is_no_nan():
    """torch rounds eps to float16's 0, and divides 0 by it."""
    zero = np.zeros((1, 2), np.float16)
    assert torch.nn.functional.normalize(torch.from_numpy(zero)).isnan().all()
    np.testing.assert_array_equal(F.normalize(zero), zero)


x3 = np.ones((2, 4, 3), np.float32)
BAD = {
    "lrn rank": (lambda: F.local_response_norm(x3[0], 2), ValueError, r"Expected 3D or higher dimensionality `input`, but got `input` of shape \(4, 3\)"),
    "lrn size": (lambda: F.local_response_norm(x3, 0), ValueError, r"`size` \(=0\) must be positive"),
    "lrn float": (lambda: F.local_response_norm(x3, 2.0), TypeError, "`size` must be an int, got 2.0"),
    "lrn alpha": (lambda: F.local_response_norm(x3, 2, alpha=None), TypeError, "`alpha` must be a number, got None"),
    "lrn int": (lambda: F.local_response_norm(x3.astype("i4"), 2), TypeError, "not implemented for dtype int32"),
    "dim": (lambda: F.normalize(x3, dim=3), ValueError, r"`dim` \(=3\) out of range: `input` of shape \(2, 4, 3\) has dimensions -3 to 2"),
    "dim float": (lambda: F.normalize(x3, dim=1.0), TypeError, "`dim` must be an int, got 1.0"),
    "dims": (lambda: F.normalize(x3, dim=(1, 1)), ValueError, "names a dimension twice"),
    "nuc": (lambda: F.normalize(x3, p="nuc"), TypeError, "`p` must be a number, got 'nuc'"),
    "eps": (lambda: F.normalize(x3, eps=None), TypeError, "`eps` must be a number"),
    "empty": (lambda: F.normalize(jnp.ones((3, 0)), p=-1), ValueError, r"`input` of shape \(3, 0\) has no -1-norm along `dim` \(=1\)"),
    "int": (lambda: F.normalize(x3.astype("i4")), TypeError, '"normalize" is not implemented for dtype int32'),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_refusals(row):
    call, error, message = row
    with pytest.raises(error, match=message):
        call()
