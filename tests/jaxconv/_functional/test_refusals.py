"""Whatever torch refuses we refuse, with a message that names argument, value and expectation; and the reverse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxconv import functional as F

X = np.ones((2, 4, 5, 5), np.float32)
W = np.ones((6, 4, 3, 3), np.float32)
B = np.ones(6, np.float32)

CONV = {
    "stride=0": (
        (X, W),
        dict(stride=0),
        ValueError,
        r"`stride` \(=\(0, 0\)\) must be positive: non-positive stride",
    ),
    "stride=-1": ((X, W), dict(stride=(1, -1)), ValueError, r"`stride` \(=\(1, -1\)\) must be positive"),
    "stride float": ((X, W), dict(stride=1.0), TypeError, r"`stride` must be an int, got 1.0 of type float"),
    "stride bool": ((X, W), dict(stride=True), TypeError, r"`stride` must be an int, got True of type bool"),
    "stride None": (
        (X, W),
        dict(stride=None),
        TypeError,
        r"`stride` \(=None\) must be an int or a tuple of 2 ints",
    ),
    "stride 3": (
        (X, W),
        dict(stride=(1, 1, 1)),
        ValueError,
        r"`stride` \(=\(1, 1, 1\)\).* tuple of 2 ints, got 3",
    ),
    "stride ()": (
        (X, W),
        dict(stride=()),
        ValueError,
        r"`stride` \(=\(\)\) must be an int or a tuple of 2 ints, got 0",
    ),
    "stride item": (
        (X, W),
        dict(stride=(1, 2.5)),
        TypeError,
        r"`stride\[1\]` must be an int, got 2.5 of type float",
    ),
    "dilation=0": ((X, W), dict(dilation=0), ValueError, r"`dilation` \(=\(0, 0\)\) must be positive"),
    "groups=0": (
        (X, W),
        dict(groups=0),
        ValueError,
        r"`groups` \(=0\) must be positive: non-positive groups",
    ),
    "groups=-1": ((X, W), dict(groups=-1), ValueError, r"`groups` \(=-1\) must be positive"),
    "groups=3": (
        (X, W),
        dict(groups=3),
        ValueError,
        r"Given groups=3.* to have 12 channels, but got 4 channels",
    ),
    "groups=4": (
        (X, W),
        dict(groups=4),
        ValueError,
        r"`out_channels` \(=6\) must be divisible by `groups` \(=4\)",
    ),
    "groups float": ((X, W), dict(groups=1.0), TypeError, r"`groups` must be an int, got 1.0 of type float"),
    "groups bool": ((X, W), dict(groups=True), TypeError, r"`groups` must be an int, got True of type bool"),
    "padding=-1": (
        (X, W),
        dict(padding=-1),
        ValueError,
        r"`padding` \(=\(-1, -1\)\) must be non-negative: negative pad",
    ),
    "padding 4": ((X, W), dict(padding=(1, 1, 1, 1)), ValueError, r"`padding` .* tuple of 2 ints, got 4"),
    "padding None": (
        (X, W),
        dict(padding=None),
        TypeError,
        r"`padding` \(=None\) must be an int or a tuple of 2 ints",
    ),
    "padding Same": (
        (X, W),
        dict(padding="Same"),
        ValueError,
        r"Invalid padding string: `padding` \(='Same'\)",
    ),
    "same stride": (
        (X, W),
        dict(padding="same", stride=2),
        ValueError,
        r"padding='same' is not supported for strided",
    ),
    "kernel too large": (
        (X, np.ones((6, 4, 6, 6), "f4")),
        {},
        ValueError,
        r"Kernel size can't be greater than actual",
    ),
    "dilated too large": (
        (X, W),
        dict(dilation=3),
        ValueError,
        r"dilated to \(7, 7\)\. Kernel size can't be greater",
    ),
    "kernel 0": (
        (X, np.ones((6, 4, 0, 3), "f4")),
        {},
        ValueError,
        r"`kernel_size` \(=\(0, 3\)\) must be positive",
    ),
    "no output channels": (
        (X, np.ones((0, 4, 3, 3), "f4")),
        {},
        ValueError,
        r"`out_channels` \(=0\) must be positive",
    ),
    "channels": (
        (X[:, :3], W),
        {},
        ValueError,
        r"expected `input` of shape \(2, 3, 5, 5\) to have 4 channels, but got 3 channels instead$",
    ),
    "channels last": (
        (np.ones((2, 5, 6, 4), "f4"), W),
        {},
        ValueError,
        r"to have 4 channels, but got 5 channels instead \(channels come first here, as in torch\)$",
    ),
    "H=0": (
        (X[:, :, :0], W),
        dict(padding=2),
        ValueError,
        r"only the batch may be of size zero, but got `input` of",
    ),
    "empty batch, kernel too large": ((X[:0, :, :2], W), {}, ValueError, r"Kernel size can't be greater"),
    "2-D input": (
        (X[0, 0], W),
        {},
        ValueError,
        r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d",
    ),
    "5-D input": (
        (X[None], W),
        {},
        ValueError,
        r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d",
    ),
    "3-D weight": (
        (X, W[..., 0]),
        {},
        ValueError,
        r"Expected 4-dimensional `weight` .* but got `weight` of shape \(6, 4, 3\)",
    ),
    "bias size": (
        (X, W, B[:5]),
        {},
        ValueError,
        r"expected `bias` to be 1-dimensional with 6 elements, but got .* \(5,\)",
    ),
    "bias rank": ((X, W, B[:, None]), {}, ValueError, r"expected `bias` to be 1-dimensional with 6 elements"),
    "bias 0-d": (
        (X, W, np.float32(1)),
        {},
        ValueError,
        r"expected `bias` to be 1-dimensional with 6 elements",
    ),
    "mixed weight": (
        (X.astype("f8"), W),
        {},
        TypeError,
        r"same dtype, but got input: float64, weight: float32",
    ),
    "mixed bias": ((X, W, B.astype("f8")), {}, TypeError, r"input: float32, weight: float32, bias: float64"),
    "complex input": (
        (X.astype("c8"), W),
        {},
        TypeError,
        r"same dtype, but got input: complex64, weight: float32",
    ),
    "bool": ((X.astype(bool), W.astype(bool)), {}, TypeError, r'"conv2d" is not implemented for dtype bool'),
    "int kernel and groups": (
        (X.astype("i8"), W.astype("i4")),
        {},
        TypeError,
        r"input: int64, weight: int32",
    ),
}

POOL = {
    "kernel 0": ((X, 0), {}, ValueError, r"`kernel_size` \(=\(0, 0\)\) must be positive"),
    "kernel -1": ((X, -1), {}, ValueError, r"`kernel_size` \(=\(-1, -1\)\) must be positive"),
    "kernel 3": ((X, (2, 2, 2)), {}, ValueError, r"`kernel_size` .* tuple of 2 ints, got 3"),
    "kernel ()": (
        (X, ()),
        {},
        ValueError,
        r"`kernel_size` \(=\(\)\) must be an int or a tuple of 2 ints, got 0",
    ),
    "kernel float": ((X, 2.0), {}, TypeError, r"`kernel_size` must be an int, got 2.0 of type float"),
    "kernel bool": ((X, True), {}, TypeError, r"`kernel_size` must be an int, got True of type bool"),
    "stride 0": ((X, 2, 0), {}, ValueError, r"`stride` \(=\(0, 0\)\) must be positive"),
    "stride -1": ((X, 2, -1), {}, ValueError, r"`stride` \(=\(-1, -1\)\) must be positive"),
    "padding": (
        (X, 3),
        dict(padding=2),
        ValueError,
        r"`padding` \(=\(2, 2\)\) must be at most half of `kernel_size`",
    ),
    "padding dilated": (
        (X, 3),
        dict(padding=2, dilation=2),
        ValueError,
        r"must be at most half of `kernel_size`",
    ),
    "padding -1": ((X, 2), dict(padding=-1), ValueError, r"`padding` \(=\(-1, -1\)\) must be non-negative"),
    "dilation 0": ((X, 2), dict(dilation=0), ValueError, r"`dilation` \(=\(0, 0\)\) must be positive"),
    "too small": (
        (X, 6),
        {},
        ValueError,
        r"Calculated output size: \(0, 0\)\. Output size is too small for max_pool2d",
    ),
    "C=0": ((X[:, :0], 2), {}, ValueError, r"only the batch may be of size zero"),
    "H=0": ((X[:, :, :0], 2), {}, ValueError, r"only the batch may be of size zero"),
    "2-D": ((X[0, 0], 2), {}, ValueError, r"Expected 3D \(unbatched\) or 4D \(batched\) input to max_pool2d"),
    "5-D": ((X[None], 2), {}, ValueError, r"Expected 3D \(unbatched\) or 4D \(batched\) input to max_pool2d"),
    "ceil_mode": ((X, 2), dict(ceil_mode=1), TypeError, r"`ceil_mode` must be a bool, got 1 of type int"),
    "bool": ((X.astype(bool), 2), {}, TypeError, r'"max_pool2d" is not implemented for dtype bool'),
    "complex": ((X.astype("c8"), 2), {}, TypeError, r'"max_pool2d" is not implemented for dtype complex64'),
}

PAD = {
    "odd": ((X, (1, 1, 1)), {}, ValueError, r"`pad` \(=\(1, 1, 1\)\) must have \(low, high\) .* got 3 ints"),
    "too many": ((X, (1,) * 10), {}, ValueError, r"for at most 4 dimensions of `input` of shape \(2, 4, 5, 5\), got 10"),
    "float": ((X, (1.0, 1)), {}, TypeError, r"`pad\[0\]` must be an int, got 1.0 of type float"),
    "int": ((X, 1), {}, TypeError, r"`pad` must be a sequence of ints, got 1 of type int"),
    "mode": ((X, (1, 1)), dict(mode="mirror"), ValueError, r"`mode` \(='mirror'\) must be one of \('constant', 'reflect'"),
    "value": ((X, (1, 1, 1, 1)), dict(mode="reflect", value=1.0), ValueError, r"mode 'reflect' doesn't take in a value"),
    "rank": ((X, (1, 1)), dict(mode="circular"), ValueError, r"`pad` of 2 ints with mode 'circular' needs `input` of 2 or 3"),
    "reflect": ((X, (5, 0, 0, 0)), dict(mode="reflect"), ValueError, r"should be less than .* got padding \(5, 0\) at spatial dimension 1"),
    "circular": ((X, (0, 0, 6, 0)), dict(mode="circular"), ValueError, r"wrapping around more than once: got padding \(6, 0\)"),
    "all cropped": ((X, (-3, -3)), {}, ValueError, r"constant: padding \(-3, -3\) .* leaves -1 elements"),
    "empty reflect": ((X[:, :, :0], (1, 1, 0, 0)), dict(mode="reflect"), ValueError, r"only the batch may be of size zero"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("dtype", "value", "error", "message"),
    [
        (
            "int32",
            1e20,
            ValueError,
            r"`value` \(=100000000000000000000\) cannot be represented in `input`'s dtype int32",
        ),
        ("uint8", -1, ValueError, r"`value` \(=-1\) cannot be represented in `input`'s dtype uint8"),
        ("int32", float("nan"), ValueError, r"`value` \(=nan\) cannot be represented"),
        ("float32", "1", TypeError, r"`value` must be a number for `input` of dtype float32, got '1'"),
        ("float32", 1j, TypeError, r"`value` must be a number for `input` of dtype float32, got 1j"),
        ("float32", [1.0], TypeError, r"`value` must be a number for `input` of dtype float32, got \[1.0\]"),
    ],
)
def test_fillings_that_do_not_fit(dtype, value, error, message):
    with pytest.raises(error, match=message):
        F.pad(X.astype(dtype), (1, 1), value=value)


@pytest.mark.parametrize("groups", [np.int64(2), torch.tensor(2)], ids=["numpy", "torch"])
def test_groups_may_be_any_integer(groups):
    w = W[:, :2]
    expected = torch.nn.functional.conv2d(to_torch(X), to_torch(w), groups=2)
    np.testing.assert_array_equal(F.conv2d(X, w, groups=groups), expected)


def to_torch(value):
    return torch.from_numpy(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def cases():
    for op, table in (("conv2d", CONV), ("max_pool2d", POOL), ("pad", PAD)):
        for name, row in table.items():
            yield pytest.param(op, *row, id=f"{op}-{name}")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("op", "args", "kwargs", "error", "message"), list(cases()))
def test_both_refuse(op, args, kwargs, error, message):
    with pytest.raises((RuntimeError, TypeError, ValueError, NotImplementedError, IndexError)):
        getattr(torch.nn.functional, op)(*map(to_torch, args), **kwargs)
    with pytest.raises(error, match=message):
        getattr(F, op)(*args, **kwargs)


@pytest.mark.parametrize(
    "bad", [[[1.0]], 1.0, "x", torch.ones(2, 4, 5, 5)], ids=["list", "float", "str", "tensor"]
)
def test_not_an_array(bad):
    with pytest.raises(TypeError, match="`input` must be an array"):
        F.conv2d(bad, W)
    with pytest.raises(TypeError, match="`input` must be an array"):
        F.max_pool2d(bad, 2)
    with pytest.raises(TypeError, match="`weight` must be an array"):
        F.conv2d(X, bad)


@pytest.mark.parametrize(
    "kwargs",
    [
        dict(stride=(2,)),
        dict(stride=np.int64(2)),
        dict(stride=[np.int32(1), 2], padding=[1, 2]),
        dict(stride=torch.tensor(2)),
        dict(padding="same", stride=(1,)),
        dict(padding="valid", stride=2, dilation=(2, 1)),
    ],
    ids=str,
)
def test_every_spelling_that_torch_takes(kwargs):
    expected = torch.nn.functional.conv2d(to_torch(X), to_torch(W), to_torch(B), **kwargs)
    np.testing.assert_array_equal(F.conv2d(jnp.asarray(X), W, jnp.asarray(B), **kwargs), expected)


def test_spellings_of_pooling_stride():
    for stride in (None, (), (2,), 2, [2, 2], np.int64(2)):
        expected = torch.nn.functional.max_pool2d(to_torch(X), 2, stride)
        np.testing.assert_array_equal(F.max_pool2d(X, 2, stride), expected)


def test_a_traced_filling_and_a_huge_padding_are_refused():
    # The first would lose its gradient in silence, the second ends the process inside XLA.
    with pytest.raises(TypeError, match="`value` must be a Python number, got a traced array"):
        jax.grad(lambda v: F.pad(X, (1, 1), value=v).sum())(1.0)
    with pytest.raises(ValueError, match=r"`padding` .* elements long: XLA takes up to"):
        F.conv2d(X, W, padding=2**40)
