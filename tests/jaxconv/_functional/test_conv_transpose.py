"""What torch's samples do not tell of transposed convolutions: groups, dilation and output_padding at once, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from oracle import REFUSALS

from jaxconv import functional as F


@pytest.mark.parametrize("seed", range(25))
def test_equals_torch_on_integers(seed):
    """Exact sums: no rounding. Arguments that torch refuses are among them."""
    rng = np.random.default_rng(seed)
    ndim, groups = rng.integers(1, 4), int(rng.integers(1, 4))
    channels, out_channels = groups * int(rng.integers(1, 4)), int(rng.integers(1, 4))
    kernel, stride, dilation = (rng.integers(1, high, ndim).tolist() for high in (4, 4, 3))
    padding = rng.integers(0, 4, ndim).tolist()
    extra = [int(rng.integers(0, max(s, d) + (seed % 8 == 0))) for s, d in zip(stride, dilation, strict=True)]
    shapes = [
        (2, channels, *rng.integers(1, 5, ndim)),
        (channels, out_channels, *kernel),
        (out_channels * groups,),
    ]
    arrays = [rng.integers(-4, 5, shape).astype(np.float64) for shape in shapes]
    args = (stride, padding, extra, groups, dilation)
    name = f"conv_transpose{ndim}d"
    try:
        expected = getattr(torch.nn.functional, name)(*map(torch.from_numpy, arrays), *args).numpy()
    except REFUSALS:
        with pytest.raises(ValueError, match=r"output_padding|Output size is too small"):
            getattr(F, name)(*arrays, *args)
        return
    np.testing.assert_array_equal(getattr(F, name)(*arrays, *args), expected)


def test_is_the_gradient_of_the_convolution_and_has_its_as_gradient():
    rng = np.random.default_rng(0)
    x, y, w = (
        jnp.asarray(rng.integers(-4, 5, s), jnp.float64) for s in ((2, 4, 7, 8), (2, 6, 3, 4), (6, 2, 3, 2))
    )

    def conv(x, w):
        return F.conv2d(x, w, None, 2, 1, (2, 1), groups=2)

    def transposed(y, w):
        return F.conv_transpose2d(y, w, None, 2, 1, (0, 0), 2, (2, 1))

    # (3 - 1) 2 - 2 + 2 2 + 1 = 7, and one more than (4 - 1) 2 - 2 + 1 + 1 = 6 in the second dimension.
    x = x[..., :6]
    y = y[..., : conv(x, w).shape[-1]]
    (of_x, of_w) = jax.vjp(conv, x, w)[1](y)
    np.testing.assert_array_equal(of_x, transposed(y, w))
    of_y, of_w_too = jax.vjp(transposed, y, w)[1](x)
    np.testing.assert_array_equal(of_y, conv(x, w))
    np.testing.assert_array_equal(of_w, of_w_too)
    # Bilinear: the tangent is f(dy, w) + f(y, dw).
    tangent = jax.jvp(transposed, (y, w), (y + 1, w - 2))[1]
    np.testing.assert_array_equal(tangent, transposed(y + 1, w) + transposed(y, w - 2))
    np.testing.assert_array_equal(jax.vmap(transposed, (0, None))(y[:, None], w)[:, 0], transposed(y, w))


def test_symbolic_sizes():
    w = jnp.ones((2, 3, 4, 4))
    shape = jax.export.symbolic_shape("n, 2, h, w")
    exported = jax.export.export(jax.jit(lambda x: F.conv_transpose2d(x, w, None, 2, 1)))(
        jax.ShapeDtypeStruct(shape, w.dtype)
    )
    x = jnp.arange(2 * 2 * 3 * 5, dtype=w.dtype).reshape(2, 2, 3, 5)
    np.testing.assert_array_equal(exported.call(x), F.conv_transpose2d(x, w, None, 2, 1))


def test_integers_are_int64_and_wrap_around():
    x, w = np.full((1, 1, 3), 2**62), np.full((1, 1, 2), 3)
    expected = torch.nn.functional.conv_transpose1d(torch.from_numpy(x), torch.from_numpy(w))
    np.testing.assert_array_equal(F.conv_transpose1d(x, w), expected)
    with pytest.raises(TypeError, match="not implemented for dtype int32"):
        F.conv_transpose1d(x.astype(np.int32), w.astype(np.int32))
    with jax.enable_x64(False):
        small = jnp.ones((1, 1, 3), jnp.int32)
        assert F.conv_transpose1d(small, small).dtype == jnp.int32


X, W = np.ones((2, 4, 5, 5), np.float32), np.ones((4, 3, 3, 3), np.float32)
REFUSED = {
    "output_padding": (
        (X, W),
        {"output_padding": 1},
        ValueError,
        r"`output_padding` \(=\(1, 1\)\) must be smaller",
    ),
    "output_padding < 0": ((X, W), {"output_padding": -1}, ValueError, "`output_padding` .* non-negative"),
    "output_padding bool": ((X, W), {"output_padding": True}, TypeError, "`output_padding` must be an int"),
    "padding": ((X, W), {"padding": 4}, ValueError, r"Output size is too small: `padding` \(=\(4, 4\)\)"),
    "padding < 0": ((X, W), {"padding": -1}, ValueError, "`padding` .* must be non-negative"),
    "padding same": ((X, W), {"padding": "same"}, TypeError, "`padding` .*'same'.* must be an int"),
    "groups": (
        (X, W),
        {"groups": 3},
        ValueError,
        r"`in_channels` \(=4\) must be divisible by `groups` \(=3\)",
    ),
    "stride": ((X, W), {"stride": 0}, ValueError, "`stride` .* must be positive"),
    "dilation": ((X, W), {"dilation": 0}, ValueError, "`dilation` .* must be positive"),
    "channels": ((X[:, :3], W), {}, ValueError, "to have 4 channels, but got 3 channels"),
    "bias": (
        (X, W, np.ones(4, np.float32)),
        {},
        ValueError,
        "expected `bias` to be 1-dimensional with 3 elements",
    ),
    "rank": ((X[0, 0], W), {}, ValueError, r"Expected 3D \(unbatched\) or 4D \(batched\) input"),
    "weight": (
        (X, W[0]),
        {},
        ValueError,
        r"Expected 4-dimensional `weight` \(in_channels, out_channels / groups",
    ),
    "size 0": ((X[:, :, :0], W), {}, ValueError, "only the batch may be of size zero"),
    "dtype": ((X, W.astype(np.float64)), {}, TypeError, "same dtype"),
    "bool": ((X > 0, W > 0), {}, TypeError, "not implemented for dtype bool"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case):
    arrays, kwargs, error, match = REFUSED[case]
    with pytest.raises(error, match=match):
        F.conv_transpose2d(*arrays, **kwargs)
    with pytest.raises(REFUSALS):
        torch.nn.functional.conv_transpose2d(*map(torch.from_numpy, arrays), **kwargs)
