"""Max unpooling: what torch's own samples (test_opinfo.py) do not have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxconv import functional as F

pytestmark = pytest.mark.share(2)

T = torch.nn.functional
rng = np.random.default_rng(33)

X = rng.integers(-9, 10, (2, 3, 7, 8)).astype(np.float32)


def pooled(**kwargs):
    return F.max_pool2d(X, **kwargs, return_indices=True)


@pytest.mark.parametrize("output_size", [None, (7, 8), (2, 3, 7, 8), [6, 9]])
@pytest.mark.parametrize("kwargs", [dict(kernel_size=2), dict(kernel_size=3, stride=2, padding=1)])
def test_values_and_gradients_are_torchs(kwargs, output_size):
    """Windows that overlap choose an element more than once; its place's gradient goes to each, as in torch."""
    y, at = pooled(**kwargs)
    ty = torch.from_numpy(np.array(y)).requires_grad_()
    try:
        expected = T.max_unpool2d(ty, torch.from_numpy(np.array(at)), **kwargs, output_size=output_size)
    except (ValueError, RuntimeError):
        with pytest.raises(ValueError, match="invalid"):
            F.max_unpool2d(y, at, **kwargs, output_size=output_size)
        return
    got, vjp = jax.vjp(lambda y: F.max_unpool2d(y, at, **kwargs, output_size=output_size), y)
    np.testing.assert_array_equal(got, expected.detach())
    ct = rng.integers(-4, 5, got.shape).astype(np.float32)
    np.testing.assert_array_equal(vjp(ct)[0], torch.autograd.grad(expected, ty, torch.from_numpy(ct))[0])


def test_transforms():
    y, at = pooled(kernel_size=2)

    def unpool(y, at=at):
        return F.max_unpool2d(y, at, 2)

    np.testing.assert_array_equal(jax.jvp(unpool, (y,), (y + 1,))[1], unpool(y + 1))
    np.testing.assert_array_equal(
        jax.vmap(unpool)(jnp.stack([y, 2 * y]), jnp.stack([at, at]))[1], unpool(2 * y)
    )
    hessian = jax.jvp(jax.grad(lambda y: (unpool(y) ** 2).sum() / 2), (y,), (y + 1,))[1]
    np.testing.assert_array_equal(hessian, y + 1)
    with jax.enable_x64(False):
        half = jnp.asarray(X, jnp.bfloat16)
        small, where = F.max_pool2d(half, 2, return_indices=True)
        assert where.dtype == jnp.int32
        assert F.max_unpool2d(small, where, 2, output_size=(7, 8)).dtype == jnp.bfloat16


def test_indices_outside():
    y = jnp.ones((1, 2, 2))
    for wrong in (16, -1):
        at = jnp.asarray([[[0, 1], [2, wrong]]])
        with pytest.raises(ValueError, match=f"found an invalid max index {wrong} "):
            F.max_unpool2d(y, at, 2)
        result, gradient = jax.jit(jax.value_and_grad(lambda y, at: F.max_unpool2d(y, at, 2).sum()))(y, at)
        assert result == 3 and (gradient.ravel() == jnp.asarray([1, 1, 1, 0])).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(indices=np.zeros((2, 3, 3), np.int32)), TypeError, "`indices` should be of dtype int64, but got int32"),
        (dict(indices=np.zeros((2, 3, 2), int)), ValueError, r"Expected shape of `indices` to be same as that of `input`"),
        (dict(input=np.zeros((2, 3, 3), int)), TypeError, '"max_unpool2d" is not implemented for dtype int64'),
        (dict(input=np.zeros((3, 3))), ValueError, r"Expected 3D \(unbatched\) or 4D \(batched\) input to max_unpool2d"),
        (dict(output_size=(6, 6, 6)), ValueError, "should be a sequence containing 2 or 4 elements"),
        (dict(output_size=6), ValueError, "should be a sequence containing 2 or 4 elements"),
        (dict(output_size=(8, 6)), ValueError, r"invalid `output_size` \(=\(8, 6\)\)"),
        (dict(padding=-1), ValueError, r"`padding` \(=\(-1, -1\)\) must be non-negative"),
        (dict(kernel_size=0), ValueError, r"`kernel_size` \(=\(0, 0\)\) must be positive"),
        (dict(kernel_size=1, stride=1, padding=2), ValueError, r"size \(-1, -1\) must be positive"),
    ],
)  # fmt: skip
def test_refusals(change, error, message):
    given = dict(input=np.ones((2, 3, 3)), indices=np.zeros((2, 3, 3), int), kernel_size=2)
    with pytest.raises(error, match=message):
        F.max_unpool2d(**{**given, **change})
