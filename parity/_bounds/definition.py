"""Convolution and max pooling by their definition, in plain NumPy, with what bounds their rounding errors."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from parity._bounds.reference import Reference, roundoff, wider

Pairs = Sequence[tuple[int, int]]

_NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _largest_part(x: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(x.real), np.abs(x.imag)) if x.dtype.kind == "c" else np.abs(x).astype(np.float64)


def _both_parts(x: np.ndarray) -> np.ndarray:
    parts = np.abs(x.real) + np.abs(x.imag) if x.dtype.kind == "c" else np.abs(x)
    return parts.astype(np.float64)


def output_size(
    size: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    pads: Pairs,
    dilation: Sequence[int],
    ceil_mode: bool = False,
) -> tuple[int, ...]:
    """The spatial output size of a convolution or pooling (formulas: torch.nn.Conv2d, torch.nn.MaxPool2d)."""
    out = []
    for n, k, s, (low, high), d in zip(size, kernel_size, stride, pads, dilation, strict=True):
        span = n + low + high - d * (k - 1) - 1
        count = (math.ceil(span / s) if ceil_mode else span // s) + 1
        # torch: a last window has to start inside the input or its left padding.
        out.append(count - 1 if ceil_mode and (count - 1) * s >= n + low else count)
    return tuple(out)


def conv_pads(
    padding: str | Sequence[int], kernel_size: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """torch's `padding` argument as (low, high) pairs; the end gets the larger half of an odd 'same'."""
    if padding == "valid":
        return ((0, 0),) * len(kernel_size)
    if padding == "same":
        totals = [d * (k - 1) for k, d in zip(kernel_size, dilation, strict=True)]
        return tuple((t // 2, t - t // 2) for t in totals)
    return tuple((int(p), int(p)) for p in padding)


def _taps(kernel_size: Sequence[int]) -> Any:
    return itertools.product(*(range(k) for k in kernel_size))


def _tap_slices(
    tap: Sequence[int], out: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[slice, ...]:
    return tuple(
        slice(t * d, t * d + (o - 1) * s + 1, s)
        for t, o, s, d in zip(tap, out, stride, dilation, strict=True)
    )


def _pad_sources(size: Sequence[int], pads: Pairs, mode: str) -> np.ndarray:
    """For every position of the padded space the flat index it is copied from; -1 for a zero."""
    flat = np.arange(math.prod(size)).reshape(tuple(size))
    if mode == "zeros":
        return np.pad(flat, pads, constant_values=-1)
    return np.pad(flat, pads, mode=_NUMPY_MODES[mode])  # type: ignore[call-overload]


def _pad(x: np.ndarray, sources: np.ndarray) -> np.ndarray:
    flat = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    return np.where(sources < 0, x.dtype.type(0), flat[:, :, sources])


def _unpad(padded: np.ndarray, sources: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """The transpose of `_pad`: sums every copy into where it came from."""
    n, c = padded.shape[:2]
    flat = np.zeros((math.prod(size), n, c), padded.dtype)
    kept = sources >= 0
    np.add.at(flat, sources[kept], np.moveaxis(padded[:, :, kept], 2, 0))
    return np.moveaxis(flat, 0, 2).reshape(n, c, *size)


def _conv_sums(
    padded: np.ndarray,
    weight: np.ndarray,
    cotangent: np.ndarray | None,
    out: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The convolution of a padded input, and its conjugate transposes: the gradients of input and weight.

    One matrix product per kernel tap and group: what the definition says, with no im2col and no flipped
    kernel.
    """
    n, c_out = padded.shape[0], weight.shape[0]
    tap_shape = (n, groups, padded.shape[1] // groups, math.prod(out))
    w = weight.reshape(groups, c_out // groups, *weight.shape[1:])
    y = np.zeros((n, groups, c_out // groups, math.prod(out)), padded.dtype)
    dy = None if cotangent is None else cotangent.reshape(y.shape)
    d_padded, d_weight = np.zeros_like(padded), np.zeros_like(w)
    for tap in _taps(weight.shape[2:]):
        at = (slice(None), slice(None), *_tap_slices(tap, out, stride, dilation))
        x_tap, w_tap = padded[at].reshape(tap_shape), w[(..., *tap)]
        y += w_tap @ x_tap
        if dy is not None:
            d_padded[at] += (w_tap.conj().swapaxes(1, 2) @ dy).reshape(padded[at].shape)
            d_weight[(..., *tap)] = (dy @ x_tap.conj().swapaxes(2, 3)).sum(0)
    return y.reshape(n, c_out, *out), d_padded, d_weight.reshape(weight.shape)


def conv(
    input: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    cotangent: np.ndarray | None = None,
    *,
    stride: Sequence[int],
    pads: Pairs,
    dilation: Sequence[int],
    groups: int = 1,
    padding_mode: str = "zeros",
) -> dict[str, Reference]:
    """A convolution and its gradients, in the format `wider` than the input's.

    Complex products are bounded for Gauss's three multiplications, which torch and JAX both use. Each real
    sum's factors are sums of two parts, rounded once each (2), two such sums are added or subtracted from a
    third (2), so K + 4 roundings. Their magnitudes, written with |z| = |re| + |im|, add up to at most 2
    sum|x||w|: torch's imaginary part is (xr+xi)(wr+wi) - xr wr - xi wi, JAX's real part (xr+xi) wr - xi
    (wr+wi), and so on. (The "3M method" of Higham, Accuracy and Stability of Numerical Algorithms, section
    23.2.4.)

    Args:
        input: (N, C_in, *size) or (C_in, *size).
        weight: (C_out, C_in / groups, *kernel_size).
        bias: (C_out,) or None.
        cotangent: of the output's shape, or None for no gradients.
        stride: one int a spatial dimension.
        pads: (low, high) a spatial dimension.
        dilation: one int a spatial dimension.
        groups: as in torch.
        padding_mode: torch's, 'zeros', 'reflect', 'replicate' or 'circular'.

    Returns:
        `y`, and with a cotangent `grad.input`, `grad.weight` and, with a bias, `grad.bias`: torch's
        gradients, which for complex numbers are the conjugates of JAX's.
    """
    kernel, size = weight.shape[2:], input.shape[-(weight.ndim - 2) :]
    batched = input.ndim == weight.ndim
    wide, real = wider(input.dtype), input.dtype.kind != "c"
    x, w = (a.astype(wide) for a in (input if batched else input[None], weight))
    dy = None if cotangent is None else (cotangent if batched else cotangent[None]).astype(wide)
    sources = _pad_sources(size, pads, padding_mode)
    padded = _pad(x, sources)
    geometry = (output_size(size, kernel, stride, pads, dilation), stride, dilation, groups)
    y, d_padded, d_weight = _conv_sums(padded, w, dy, *geometry)
    if wide.kind in "iu":
        if bias is not None:
            y = y + bias.astype(wide).reshape(-1, *(1,) * len(size))
        return {"y": Reference.exact(y if batched else y[0])}

    u = roundoff(wide)
    parts = 1 if real else 2
    s_dy = None if dy is None else _both_parts(dy)
    s_y, s_padded, s_weight = _conv_sums(_both_parts(padded), _both_parts(w), s_dy, *geometry)

    def reference(value: np.ndarray, terms: int, magnitude: np.ndarray, stores: Any) -> Reference:
        return Reference(value, u, terms if real else terms + 4, parts * magnitude, stores)

    terms = math.prod(weight.shape[1:])
    if bias is None:
        results = {"y": reference(y, terms, s_y, ((1, _largest_part(y)),))}
    else:
        # Convolution and bias may be two operations, each rounding to the output's format.
        b = bias.astype(wide).reshape(-1, *(1,) * len(size))
        steps = ((1, _largest_part(y)), (1, _largest_part(y + b)))
        results = {"y": reference(y + b, terms + 1, s_y + _both_parts(b), steps)}
    if dy is not None:
        copies = np.unique(sources[sources >= 0], return_counts=True)[1].max(initial=1)
        d_input, s_input = _unpad(d_padded, sources, size), _unpad(s_padded, sources, size)
        # Each copy is stored, then copies are added up: as many roundings as copies.
        stored = (int(copies), _unpad(_largest_part(d_padded), sources, size))
        positions = math.prod(dy.shape) // weight.shape[0]
        terms = weight.shape[0] // groups * math.prod(kernel)
        results["grad.input"] = reference(d_input, terms, s_input, (stored,))
        results["grad.weight"] = reference(d_weight, positions, s_weight, ((1, _largest_part(d_weight)),))
        if bias is not None:
            axes = (0, *range(2, dy.ndim))
            d_bias = dy.sum(axes)
            stores = ((1, _largest_part(d_bias)),)
            results["grad.bias"] = Reference(
                d_bias, u, positions, _largest_part(dy).sum(axes), stores, products=False
            )
    return results if batched else {name: _unbatch(name, r) for name, r in results.items()}


def _unbatch(name: str, r: Reference) -> Reference:
    if name in ("grad.weight", "grad.bias"):
        return r
    stores = tuple((k if isinstance(k, int) else k[0], s[0]) for k, s in r.stores)
    terms = r.terms if isinstance(r.terms, int) else r.terms[0]
    return Reference(r.value[0], r.roundoff, terms, r.magnitude[0], stores, r.products)


def max_pool(
    input: np.ndarray,
    cotangent: np.ndarray | None = None,
    *,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil_mode: bool = False,
) -> dict[str, Reference]:
    """Max pooling as torch's CPU kernel defines it, window element by window element in row-major order.

    A window starts from its first element inside the input; an element replaces it when it is greater, or
    NaN. So the first of equals wins, the last NaN wins, and a window of minus infinities has its first
    element's index.

    Args:
        input: (N, C, *size) or (C, *size), floating or integer.
        cotangent: of the output's shape, or None for no gradient.
        kernel_size, stride, padding, dilation: one int a spatial dimension.
        ceil_mode: as in torch.

    Raises:
        ValueError: a window lies wholly in the padding (possible with dilation), where torch's index is no
            index.

    Returns:
        `y` and `indices`, which are exact, and with a cotangent `grad.input`, a sum over the windows that
        chose the
        element: one addition fewer than windows, done in the output's own format or a wider one.
    """
    ndim = len(kernel_size)
    size, batched = input.shape[-ndim:], input.ndim == ndim + 2
    x = input if batched else input[None]
    pads = [(p, p) for p in padding]
    out = output_size(size, kernel_size, stride, pads, dilation, ceil_mode)
    starts = np.meshgrid(
        *(np.arange(o) * s - p for o, s, p in zip(out, stride, padding, strict=True)), indexing="ij"
    )
    first = [
        start + d * np.ceil(np.maximum(-start, 0) / d).astype(int)
        for start, d in zip(starts, dilation, strict=True)
    ]
    if any((f >= n).any() for f, n in zip(first, size, strict=True)):
        raise ValueError(
            f"a window of a {size} input has no element inside: torch's index would be out of bounds"
        )
    flat = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    best = flat[:, :, np.ravel_multi_index(first, size)]
    indices = np.broadcast_to(np.ravel_multi_index(first, size), best.shape)
    for tap in _taps(kernel_size):
        at = [start + t * d for start, t, d in zip(starts, tap, dilation, strict=True)]
        inside = np.logical_and.reduce([(a >= 0) & (a < n) for a, n in zip(at, size, strict=True)])
        here = np.ravel_multi_index(at, size, mode="clip")
        value = flat[:, :, here]
        with np.errstate(invalid="ignore"):  # ml_dtypes warns where NaN is compared
            wins = inside & ((value > best) | (value != value))
        best, indices = np.where(wins, value, best), np.where(wins, here, indices)
    exact_format = best.dtype if best.dtype.kind in "iu" else np.dtype(np.float64)
    results = {"y": Reference.exact(best.astype(exact_format)), "indices": Reference.exact(indices)}
    if cotangent is not None:
        wide = wider(input.dtype)
        dy = (cotangent if batched else cotangent[None]).astype(wide)
        planes = np.arange(flat.shape[0] * flat.shape[1]).reshape(*flat.shape[:2], *(1,) * ndim)
        target = (planes * flat.shape[2] + indices).ravel()

        def scatter(values: np.ndarray) -> np.ndarray:
            sums = np.zeros(x.size, values.dtype)
            np.add.at(sums, target, values.ravel())
            return sums.reshape(x.shape)

        additions = np.maximum(scatter(np.ones(dy.shape, int)) - 1, 0)
        magnitude = scatter(np.abs(dy).astype(np.float64))
        results["grad.input"] = Reference(
            scatter(dy), roundoff(wide), additions, magnitude, ((additions, magnitude),), products=False
        )
    return results if batched else {name: _unbatch(name, r) for name, r in results.items()}


def _per_dim(value: Any, ndim: int) -> tuple[int, ...]:
    return (value,) * ndim if isinstance(value, int) else tuple(value)


def conv_layer(
    args: Mapping[str, Any], input: np.ndarray, params: Mapping[str, np.ndarray], cotangent: np.ndarray | None
) -> dict[str, Reference]:
    """`conv` given the constructor arguments of torch.nn.Conv2d (or 1d, 3d) as the user wrote them."""
    weight = params["weight"]
    ndim = weight.ndim - 2
    dilation = _per_dim(args.get("dilation", 1), ndim)
    padding = args.get("padding", 0)
    return conv(
        input,
        weight,
        params.get("bias"),
        cotangent,
        stride=_per_dim(args.get("stride", 1), ndim),
        pads=conv_pads(
            padding if isinstance(padding, str) else _per_dim(padding, ndim), weight.shape[2:], dilation
        ),
        dilation=dilation,
        groups=args.get("groups", 1),
        padding_mode=args.get("padding_mode", "zeros"),
    )


def max_pool_layer(
    args: Mapping[str, Any], input: np.ndarray, cotangent: np.ndarray | None, ndim: int = 2
) -> dict[str, Reference]:
    """`max_pool` given the constructor arguments of torch.nn.MaxPool2d (or 1d, 3d) as the user wrote them."""
    stride = args.get("stride")
    return max_pool(
        input,
        cotangent,
        kernel_size=_per_dim(args["kernel_size"], ndim),
        stride=_per_dim(args["kernel_size"] if stride is None else stride, ndim),
        padding=_per_dim(args.get("padding", 0), ndim),
        dilation=_per_dim(args.get("dilation", 1), ndim),
        ceil_mode=args.get("ceil_mode", False),
    )
