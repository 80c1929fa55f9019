"""What an error looks like where no hypothesis explains it."""

import numpy as np


def describe(ours: np.ndarray, want: np.ndarray, bound: np.ndarray | None) -> str:
    """Which part of the result is wrong: how much of it, which channels, borders or positions, or a factor.

    Args:
        ours, want: of one shape; (N, C, *size) where there are more than two dimensions.
        bound: how far ours may be off.
    """
    if ours.shape != want.shape:
        return f"its shape is {ours.shape}, torch's {want.shape}"
    want = want.astype(np.result_type(want, np.int8))  # NumPy does not subtract booleans
    wrong = ~(np.abs(ours.astype(want.dtype) - want) <= (0 if bound is None else bound))
    if not wrong.any():
        return "it is within its bound"
    words = [f"{int(wrong.sum())} of {wrong.size} elements are off"]
    spatial = tuple(range(2, wrong.ndim))
    if wrong.ndim >= 2:
        channels = wrong.any(axis=(0, *spatial))
        if not channels.all():
            shown = ", ".join(map(str, np.flatnonzero(channels)[:8]))
            words.append(f"in {int(channels.sum())} of {channels.size} channels ({shown})")
    for name, axis in zip(
        ("depth", "height", "width")[-len(spatial) :] if spatial else (), spatial, strict=True
    ):
        lines = np.flatnonzero(wrong.any(axis=tuple(i for i in range(wrong.ndim) if i != axis)))
        size = wrong.shape[axis]
        if len(lines) == size:
            continue
        edge = {int(i) for i in (*range(len(lines)), *range(size - len(lines), size))}
        if len(set(np.diff(lines))) == 1 and len(lines) > 2 and lines[1] - lines[0] > 1:
            words.append(f"at one of every {lines[1] - lines[0]} positions in {name}: look at the stride")
        elif set(lines.tolist()) <= edge and len(lines) <= size // 2:
            words.append(
                f"at the border only in {name} ({', '.join(map(str, lines[:6]))}): look at the padding"
            )
        else:
            words.append(f"at {len(lines)} of {size} positions in {name}")
    scale = _factor(ours, want)
    if scale is not None:
        words.append(f"it is {scale:.6g} times torch's")
    return "; ".join(words)


def _factor(ours: np.ndarray, want: np.ndarray) -> float | None:
    """The factor, if one explains all but a hundredth of the difference."""
    if want.dtype.kind == "c":
        return None
    a, b = ours.astype(np.float64).ravel(), want.astype(np.float64).ravel()
    if not (np.isfinite(a).all() and np.isfinite(b).all() and b.any()):
        return None
    factor = float(a @ b / (b @ b))
    rest, all_of_it = np.linalg.norm(a - factor * b), np.linalg.norm(a - b)
    return factor if rest < 0.01 * all_of_it else None
