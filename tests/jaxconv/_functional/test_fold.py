"""fold and unfold: what torch's own samples (test_opinfo.py) do not have. Small integers, so all sums are exact."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxconv import functional as F

T = torch.nn.functional
rng = np.random.default_rng(34)

WINDOWS = [
    dict(kernel_size=3),
    dict(kernel_size=(2, 3), dilation=(2, 1), padding=(1, 2), stride=(1, 2)),
    dict(kernel_size=2, stride=3),
    dict(kernel_size=(1, 5), dilation=1, padding=[0, 2], stride=4),
]
IMAGE = rng.integers(-4, 5, (2, 3, 7, 8))


@pytest.mark.parametrize("dtype", ["float32", "complex64", "bool", "float16"])
def test_values_are_torchs(dtype):
    x = IMAGE.astype(dtype)

    def run(unfold, fold, x):
        """Of a batch, of one image, and of an empty batch."""
        columns = [unfold(part, **windows) for windows in WINDOWS for part in (x, x[0], x[:0])]
        spelled = [windows for windows in WINDOWS for _ in range(3)]
        return columns, [fold(y, (7, 8), **windows) for y, windows in zip(columns, spelled, strict=True)]

    ours = jax.jit(lambda x: run(F.unfold, F.fold, x))(x)
    theirs = run(T.unfold, T.fold, torch.from_numpy(x))
    jax.tree.map(np.testing.assert_array_equal, ours, jax.tree.map(np.asarray, theirs))


@pytest.mark.parametrize("windows", WINDOWS)
def test_each_is_the_others_transpose(windows):
    image, shape = (
        jnp.asarray(IMAGE, jnp.float32),
        jax.eval_shape(lambda x: F.unfold(x, **windows), IMAGE * 1.0),
    )
    columns = jnp.asarray(rng.integers(-4, 5, shape.shape), jnp.float32)

    @jax.jit
    def run(image, columns):
        y, pull = jax.vjp(lambda x: F.unfold(x, **windows), image)
        z, back = jax.vjp(lambda y: F.fold(y, (7, 8), **windows), columns)
        return y, z, pull(columns)[0], back(image)[0]

    y, z, pulled, backed = run(image, columns)
    np.testing.assert_array_equal(pulled, z)
    np.testing.assert_array_equal(backed, y)
    np.testing.assert_array_equal(jax.vmap(lambda x: F.unfold(x, **windows))(image), y)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: F.unfold(x, 0), ValueError, r"`kernel_size` \(=\(0, 0\)\) should be greater than zero"),
        (lambda x: F.unfold(x, (3,)), ValueError, r"`kernel_size` \(=\(3,\)\) must be an int or a tuple of 2 ints, got 1"),
        (lambda x: F.unfold(x, 2, padding=-1), ValueError, r"`padding` \(=\(-1, -1\)\) should be non-negative"),
        (lambda x: F.unfold(x, 2.0), TypeError, "`kernel_size` must be an int, got 2.0 of type float"),
        (lambda x: F.unfold(x, 9), ValueError, r"calculated shape of the array of sliding blocks as \(-1, 0\)"),
        (lambda x: F.unfold(x.astype(int), 2), TypeError, '"unfold" is not implemented for dtype int64'),
        (lambda x: F.unfold(x[0, 0], 2), ValueError, r"Expected 3D \(unbatched\) or 4D \(batched\) input to unfold"),
        (lambda x: F.fold(x, 4, 2), ValueError, "Expected 2D or 3D .* input to fold"),
        (lambda x: F.fold(x[0], 4, 2), ValueError, "must have a multiple of 4 .* rows and 9 columns"),
        (lambda x: F.fold(x[0, :, :4], (9, 2), (2, 1)), ValueError, r"rows and 16 columns \(sliding blocks \(8, 2\)\)"),
        (lambda x: F.fold(x[0].astype(int), 4, 2), TypeError, '"fold" is not implemented for dtype int64'),
    ],
)  # fmt: skip
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call(IMAGE.astype(np.float32))
