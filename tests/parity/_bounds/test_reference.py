"""The reference against torch, on integers stored as floats: every sum is exact, so both must be equal."""

import itertools

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from parity._bounds.definition import conv, conv_layer, max_pool, max_pool_layer, output_size
from parity._bounds.reference import Reference, roundoff, wider
from parity.suite.case import DRAWS

PAD = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def whole(rng, shape, dtype=np.float64):
    real = rng.integers(-4, 5, shape)
    return (real + 1j * rng.integers(-4, 5, shape) if np.dtype(dtype).kind == "c" else real).astype(dtype)


@st.composite
def convolutions(draw):
    ndim = draw(st.sampled_from([1, 2, 3]))
    per_dim = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(ndim))
    groups = draw(st.integers(1, 3))
    kernel, dilation = per_dim(1, 3), per_dim(1, 2)
    size = tuple(d * (k - 1) + 1 + draw(st.integers(0, 3)) for k, d in zip(kernel, dilation, strict=True))
    return {
        "batch": draw(st.sampled_from([None, 0, 1, 2])),
        "channels": (groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2)), groups),
        "size": size,
        "kernel": kernel,
        "stride": per_dim(1, 3),
        "pads": tuple(
            (draw(st.integers(0, min(n - 1, 2))), draw(st.integers(0, min(n - 1, 2)))) for n in size
        ),
        "dilation": dilation,
        "mode": draw(st.sampled_from(list(PAD))),
        "dtype": draw(st.sampled_from([np.float32, np.float64, np.complex64])),
        "bias": draw(st.booleans()),
        "seed": draw(st.integers(0, 2**32)),
    }


@settings(max_examples=150, deadline=None)
@given(convolutions())
def test_convolution_and_its_gradients_are_torchs(c):
    rng = np.random.default_rng(c["seed"])
    in_channels, out_channels, groups = c["channels"]
    ndim = len(c["size"])
    lead = () if c["batch"] is None else (c["batch"],)
    x = whole(rng, (*lead, in_channels, *c["size"]), c["dtype"])
    w = whole(rng, (out_channels, in_channels // groups, *c["kernel"]), c["dtype"])
    b = whole(rng, (out_channels,), c["dtype"]) if c["bias"] else None
    leaves = [torch.from_numpy(a).requires_grad_() for a in (x, w, b) if a is not None]
    flat_pads = [p for pair in reversed(c["pads"]) for p in pair]
    padded = torch.nn.functional.pad(leaves[0], flat_pads, mode=PAD[c["mode"]])
    op = getattr(torch.nn.functional, f"conv{ndim}d")
    bias = leaves[2] if c["bias"] else None
    y = op(padded, leaves[1], bias, stride=c["stride"], dilation=c["dilation"], groups=groups)
    dy = whole(rng, tuple(y.shape), c["dtype"])
    grads = torch.autograd.grad(y, leaves, torch.from_numpy(dy))
    ours = conv(
        x,
        w,
        b,
        dy,
        stride=c["stride"],
        pads=c["pads"],
        dilation=c["dilation"],
        groups=groups,
        padding_mode=c["mode"],
    )
    theirs = {"y": y, **dict(zip(["grad.input", "grad.weight", "grad.bias"], grads, strict=False))}
    assert list(ours) == list(theirs)
    for name, tensor in theirs.items():
        value = tensor.detach().resolve_conj().numpy()
        assert ours[name].value.dtype == wider(c["dtype"])
        np.testing.assert_array_equal(ours[name].value, value, err_msg=name, strict=False)
        assert ours[name].magnitude.shape == value.shape
        for part in (ours[name].value.real, ours[name].value.imag):
            assert (np.abs(part) <= ours[name].magnitude).all()
        for _, stored in ours[name].stores:
            assert stored.shape == value.shape


def test_terms_count_what_is_summed():
    rng = np.random.default_rng(0)
    x, w, b = whole(rng, (2, 4, 6, 5)), whole(rng, (6, 2, 3, 2)), whole(rng, (6,))
    geometry = {"stride": (1, 1), "pads": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 2}
    dy = whole(rng, (2, 6, 6, 6))
    found = conv(x, w, b, dy, **geometry)
    positions = 2 * 6 * 6
    terms = {"y": 2 * 3 * 2 + 1, "grad.input": 3 * 3 * 2, "grad.weight": positions, "grad.bias": positions}
    assert {name: r.terms for name, r in found.items()} == terms
    assert {name: [n for n, _ in r.stores] for name, r in found.items()} == {
        "y": [1, 1],
        "grad.input": [1],
        "grad.weight": [1],
        "grad.bias": [1],
    }
    assert [name for name, r in found.items() if not r.products] == ["grad.bias"]
    unbiased = conv(x, w, **geometry)
    assert list(unbiased) == ["y"] and unbiased["y"].terms == 2 * 3 * 2
    # A corner is copied to (1 + 2)(1 + 2) places, itself among them.
    geometry |= {"pads": ((2, 2), (2, 2)), "padding_mode": "replicate"}
    assert conv(x, w, b, whole(rng, (2, 6, 8, 8)), **geometry)["grad.input"].stores[0][0] == 9


def test_magnitudes_are_the_same_sums_over_absolute_values():
    rng = np.random.default_rng(1)
    x, w, b, dy = (whole(rng, s) for s in [(2, 3, 6, 5), (4, 3, 3, 2), (4,), (2, 4, 4, 4)])
    geometry = {"stride": (1, 1), "pads": ((0, 0), (0, 0)), "dilation": (1, 1)}
    magnitudes = {n: r.magnitude for n, r in conv(x, w, b, dy, **geometry).items()}
    absolute = conv(*(np.abs(a) for a in (x, w, b, dy)), **geometry)
    for name, magnitude in magnitudes.items():
        np.testing.assert_array_equal(magnitude, absolute[name].value)


def test_integers_wrap_around_and_are_exact():
    rng = np.random.default_rng(0)
    x = DRAWS["wraparound"](rng, (2, 3, 5, 4), np.dtype(np.int64))
    w, b = (rng.integers(-9, 9, s) for s in [(2, 3, 2, 2), (2,)])
    found = conv_layer({"stride": 2}, x, {"weight": w, "bias": b}, None)["y"]
    expected = torch.nn.functional.conv2d(*map(torch.from_numpy, (x, w, b)), stride=2)
    assert found.is_exact
    np.testing.assert_array_equal(found.value, expected.numpy(), strict=True)


def test_the_reference_is_wider():
    assert [wider(d) for d in (np.float16, ml_dtypes.bfloat16, np.float32)] == [np.float64] * 3
    assert (wider(np.complex64), wider(np.float64)) == (np.complex128, np.longdouble)
    assert (wider(np.complex128), wider(np.int32)) == (np.clongdouble, np.int32)
    assert roundoff(np.longdouble) <= roundoff(np.float64) == 2.0**-53 == roundoff(np.complex128)
    assert (roundoff(ml_dtypes.bfloat16), roundoff(np.float16)) == (2.0**-8, 2.0**-11)


def test_where_long_double_is_no_wider_the_reference_says_so(monkeypatch):
    monkeypatch.setattr("parity._bounds.definition.wider", lambda dtype: np.dtype(np.float64))
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((4, 3, 3, 2))
    found = conv_layer({}, x, {"weight": w}, None)["y"]
    assert found.value.dtype == np.float64 and found.roundoff == 2.0**-53
    monkeypatch.undo()
    from parity._bounds.tolerance import arithmetic, bound

    wide = conv_layer({}, x, {"weight": w}, None)["y"]
    assert (bound(found, arithmetic("float64")) > bound(wide, arithmetic("float64"))).all()


POOLS = [
    (k, s, p, d, c)
    for k, s, p, d, c in itertools.product([1, 2, (3, 2)], [1, (2, 3)], [0, 1], [1, 2], [False, True])
    if p == 0 or k == 2
]


@pytest.mark.parametrize("draw", ["normal", "ties", "nan", "minus_infinity"])
@pytest.mark.parametrize(("kernel_size", "stride", "padding", "dilation", "ceil_mode"), POOLS)
def test_pooling_is_torchs(draw, kernel_size, stride, padding, dilation, ceil_mode):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(DRAWS[draw](rng, (2, 3, 7, 6), np.dtype(np.float64))).requires_grad_()
    args = {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "ceil_mode": ceil_mode,
    }
    y, indices = torch.nn.functional.max_pool2d(x, **args, return_indices=True)
    dy = whole(rng, tuple(y.shape))
    (dx,) = torch.autograd.grad(y, x, torch.from_numpy(dy))
    found = max_pool_layer(args, x.detach().numpy(), dy)
    np.testing.assert_array_equal(found["y"].value, y.detach().numpy())
    np.testing.assert_array_equal(found["indices"].value, indices.numpy())
    np.testing.assert_array_equal(found["grad.input"].value, dx.numpy())
    assert found["y"].is_exact and found["indices"].is_exact and not found["grad.input"].is_exact


def test_pooling_sums_one_addition_fewer_than_windows():
    x = np.zeros((1, 4, 4))
    x[0, 1, 1] = 1
    dy = np.ones((1, 3, 3))
    found = max_pool_layer({"kernel_size": 2, "stride": 1}, x, dy)["grad.input"]
    assert found.value[0, 1, 1] == found.magnitude[0, 1, 1] == 4
    assert found.terms[0, 1, 1] == 3 and found.terms.sum() == 3 + 0


def test_a_window_outside_the_input_has_no_index():
    with pytest.raises(ValueError, match=r"a window of a \(1, 1\) input has no element inside"):
        max_pool(np.zeros((1, 1, 1)), kernel_size=(2, 2), stride=(1, 1), padding=(1, 1), dilation=(2, 2))


def test_output_size_in_ceil_mode_drops_a_window_that_starts_outside():
    assert output_size((5,), (2,), (2,), [(0, 0)], (1,)) == (2,)
    assert output_size((5,), (2,), (2,), [(0, 0)], (1,), ceil_mode=True) == (3,)
    assert output_size((5,), (2,), (3,), [(1, 1)], (1,), ceil_mode=True) == (2,)


def test_exact_references_are_recognised():
    assert Reference.exact(np.arange(3)).is_exact
    assert not conv_layer({}, np.ones((1, 3, 3)), {"weight": np.ones((1, 1, 2, 2))}, None)["y"].is_exact
