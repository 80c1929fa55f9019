"""Two results and a bound: the verdict, as data. Nothing here runs a framework or prints."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np


class Heat(NamedTuple):
    """Where in a result the error is, small enough to be drawn.

    Attributes:
        axes: the dimensions shown, rows then columns; one for a vector.
        shape: their sizes.
        cells: the worst ratio of each block of elements, over all other dimensions as well.
    """

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    cells: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Verdict:
    """What was found about one output.

    Attributes:
        name: which output: 'y', 'grad.weight', ...
        ok: whether the two sides agree as far as rounding allows.
        ratio: the worst |ours - reference| / bound over the elements; at most 1 where they agree. NaN where
            nothing could be compared.
        torch_ratio: the same for torch's result, under the same bound.
        elements: how many were compared.
        failing: how many are outside the bound.
        worst: the index of the worst element, None where there is none.
        max_abs_diff: the greatest |ours - torch| over the elements that are finite on both sides.
        reason: why it is not ok, in words; empty where it is.
        heat: where the error is, if an element is outside the bound: in the last two dimensions (the image plane), and
            in the first two.

    Examples:
        >>> x = jax.random.normal(jax.random.key(0), (4, 3))
        >>> report = parity.check(torch.nn.ReLU(), jaxconv.ReLU(), x)
        >>> [verdict.ok for verdict in report.network]  # the output, and the gradient with respect to the input
        [True, True]
    """

    name: str
    ok: bool
    ratio: float
    torch_ratio: float
    elements: int = 0
    failing: int = 0
    worst: tuple[int, ...] | None = None
    max_abs_diff: float = 0.0
    reason: str = ""
    heat: tuple[Heat, ...] = ()


_CELLS = 48
"""The most rows and columns of a `Heat`."""


def failed(name: str, reason: str) -> Verdict:
    """A verdict where there was nothing to compare: a missing output, an unexpected exception."""
    return Verdict(name, False, np.nan, np.nan, reason=reason)


def _parts(a: np.ndarray) -> np.ndarray:
    """Real and imaginary parts along a last axis of 2, or of 1 for real numbers."""
    return np.stack([a.real, a.imag], -1) if a.dtype.kind == "c" else a[..., None]


def _ratios(result: np.ndarray, value: np.ndarray, bound: np.ndarray | None) -> np.ndarray:
    """|result - value| / bound for each part, with the rules for what is not a number.

    0/0 is 0; x/0 is infinite, and so is x over a bound that is infinite or NaN and therefore says nothing.
    NaN agrees with NaN only, an infinity with the same infinity; also with a finite value that lies within
    its bound of where the result's format overflows.
    """
    if value.dtype.kind in "biu":
        # Not by subtraction, which wraps around.
        return np.where(result == value, 0.0, np.inf)
    wide = result.astype(value.dtype)
    exact = bound is None
    bound = np.zeros(()) if bound is None else np.asarray(bound, np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        difference = np.abs(wide - value)
        ratio = np.where(difference == 0, 0.0, difference / np.where(bound > 0, bound, 1))
        ratio = np.where(((bound == 0) & (difference > 0)) | ~np.isfinite(bound), np.inf, ratio)
    finite = np.isfinite(wide) & np.isfinite(value)
    agree = (np.isnan(wide) & np.isnan(value)) | (np.isinf(wide) & (wide == value))
    overflow = np.isinf(wide) & np.isfinite(value) & (np.sign(wide) == np.sign(value))
    agree |= overflow & (np.abs(value) + bound > float(ml_dtypes.finfo(result.dtype).max))
    ratio = np.where(finite, ratio, np.where(agree, 0.0, np.inf))
    if exact:
        # Of a selection or a copy the sign of a zero is part; nothing rounds it away.
        ratio = np.where((wide == 0) & (value == 0) & (np.signbit(wide) != np.signbit(value)), np.inf, ratio)
    return ratio.astype(np.float64)


def _heat(ratios: np.ndarray) -> tuple[Heat, ...]:
    n = ratios.ndim
    shown = {(n - 2, n - 1), (0, 1)} if n > 1 else {(0,)} if n else set()
    return tuple(_heat_of(ratios, axes) for axes in sorted(shown, reverse=True))


def _heat_of(ratios: np.ndarray, axes: tuple[int, ...]) -> Heat:
    flat = ratios.max(tuple(i for i in range(ratios.ndim) if i not in axes))
    cells = np.atleast_2d(flat)
    for axis in (0, 1):
        size = cells.shape[axis]
        cells = np.maximum.reduceat(cells, np.arange(0, size, -(-size // _CELLS)), axis)
    return Heat(axes, flat.shape, tuple(tuple(row) for row in cells.tolist()))


def _describe(ours: np.ndarray, value: np.ndarray, index: tuple[int, ...], failing: int) -> str:
    a, b = ours[index], value[index]
    if np.isnan(a) != np.isnan(b):
        kind = "NaN on one side only"
    elif np.isinf(a) or np.isinf(b):
        kind = "an infinity on one side only, or of the other sign"
    else:
        kind = "outside the rounding bound"

    def shown(number: Any) -> str:
        return str(number) if number.dtype.kind in "biu" else f"{number.item():.6g}"

    where = f"at {index} {shown(a)} where {shown(b)} is expected"
    return f"{failing} of {ours.size} elements differ, {kind}: {where}"


def judge(
    name: str,
    ours: np.ndarray,
    torch: np.ndarray,
    value: np.ndarray,
    bound: np.ndarray | None,
    torch_bound: np.ndarray | None = None,
    torch_too: bool = True,
) -> Verdict:
    """Judges our result, and torch's beside it, against a reference value and a bound for each element.

    Args:
        name: the output's name.
        ours, torch: the two results, in their own dtype.
        value: the reference, in a wider format (`parity._bounds.reference`).
        bound: how far a correct result may be from it (`parity._bounds.tolerance.bound`), each part of it where it is
            complex. None where it has to be equal, the sign of zero included.
        torch_bound: the bound for torch where torch computes in something else than we do; `bound` by
            default. Should torch leave its own bound, the reference is not what torch computes and the
            verdict is not ok: a reference that is wrong as we are wrong must not pass.
        torch_too: whether torch is asked for that. Not where the reference is torch's own, in float64: torch may do
            other steps than we, with other roundings.
    """
    if ours.dtype != torch.dtype:
        return failed(name, f"dtype {ours.dtype}, in torch {torch.dtype}")
    if ours.shape != torch.shape:
        return failed(name, f"shape {ours.shape}, in torch {torch.shape}")
    if value.shape != torch.shape:
        return failed(name, f"shape {torch.shape}, but the reference's is {value.shape}")
    if ours.size == 0:
        return Verdict(name, True, 0.0, 0.0)

    def measure(result: np.ndarray, limit: np.ndarray | None) -> np.ndarray:
        per_part = None if limit is None else limit[..., None]
        return _ratios(_parts(result), _parts(value), per_part).max(-1)

    ratios, torch_ratios = measure(ours, bound), measure(torch, bound)
    own = torch_ratios if torch_bound is None else measure(torch, torch_bound)
    # `not <=` so that a NaN, in the bound for one, fails.
    failing = int((~(ratios <= 1)).sum())
    beyond = np.where(np.isnan(ratios), np.inf, ratios)
    worst = tuple(int(i) for i in np.unravel_index(np.argmax(beyond), ratios.shape))
    if failing:
        reason = _describe(ours, value, worst, failing)
    elif torch_too and not (own <= 1).all():
        at = tuple(int(i) for i in np.unravel_index(np.argmax(~(own <= 1)), own.shape))
        reason = (
            f"torch is outside its own bound at {at}: {torch[at]} where {value[at]} is expected; "
            f"the reference or the bound is wrong"
        )
    else:
        reason = ""
    return Verdict(
        name,
        not reason,
        float(ratios.max()),
        float(torch_ratios.max()),
        int(ours.size),
        failing,
        worst,
        _max_abs_diff(ours, torch, value.dtype),
        reason,
        _heat(beyond) if failing else (),
    )


def _max_abs_diff(ours: np.ndarray, torch: np.ndarray, wide: Any) -> float:
    wide = np.result_type(wide, np.int8)  # NumPy does not subtract booleans
    with np.errstate(invalid="ignore"):
        difference = np.abs(ours.astype(wide) - torch.astype(wide))
    finite = difference[np.isfinite(difference)]
    return float(finite.max()) if finite.size else 0.0


def judge_refusal(ours: Exception | None, torch: Exception | None) -> Verdict:
    """Whether both sides refused what torch is said to refuse.

    An exception of ours agrees only if it is a ValueError or TypeError: anything else is an accident.

    Args:
        ours, torch: the exception that each side raised, or None.
    """

    def said(e: Exception) -> str:
        return f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"

    name = "refusal"
    if ours is None:
        who = "neither side refused what torch is said to refuse"
        return failed(name, who if torch is None else f"torch refused, we did not: {said(torch)}")
    if torch is None:
        return failed(name, f"we refused, torch did not: {said(ours)}")
    if not isinstance(ours, ValueError | TypeError):
        return failed(name, f"we failed where we should have refused: {said(ours)}")
    return Verdict(name, True, 0.0, 0.0, elements=1)


def _plain(ratio: float) -> str:
    """A ratio in three digits, as a number is written in a sentence."""
    return f"{float(f'{ratio:.3g}'):,.10g}" if ratio < 1e6 else "more than a million"


def judge_end_to_end(
    name: str, ours: np.ndarray, torch: np.ndarray, value: np.ndarray, allowance: float
) -> Verdict:
    """Judges a result of a whole network by its root-mean-square distance from the reference.

    Element by element a network has no useful bound: where two elements of a pooling window are all but equal, the
    gradient may take either way. `allowance` is how far, in the same measure, rounding may carry the result.
    """
    for what, a, b in (("dtype", ours.dtype, torch.dtype), ("shape", ours.shape, torch.shape)):
        if a != b:
            return failed(name, f"{what} {a}, in torch {b}")
    # 0 where finite, and each kind of what is not.
    kinds = [np.where(np.isnan(a), 2, np.where(np.isinf(a), np.sign(a), 0)) for a in (ours, torch, value)]
    if not all(np.array_equal(kind, kinds[2]) for kind in kinds[:2]):
        return failed(name, "NaN or infinity on one side only")
    finite = np.isfinite(value)

    def distance(result: np.ndarray) -> float:
        return (
            float(np.sqrt(np.mean(np.abs(result.astype(value.dtype) - value)[finite] ** 2)))
            if finite.any()
            else 0.0
        )

    def ratio(of: float) -> float:
        return 0.0 if of == 0 else (of / allowance if allowance > 0 else np.inf)

    own = ratio(distance(ours))
    reason = "" if own <= 1 else f"{_plain(own)} times as far from float64 as rounding in the layers explains"
    return Verdict(
        name,
        not reason,
        own,
        ratio(distance(torch)),
        int(finite.sum()),
        0,
        None,
        _max_abs_diff(ours, torch, value.dtype),
        reason,
    )
