"""Which of one network's values are the other's: the same numbers, laid out in another way or not."""

import itertools
from collections.abc import Container, Iterable, Iterator

import numpy as np
import torch

from parity._diagnose.trace.values import Trace, Value

AGREEMENT = 2.0**-21
"""How far apart the same values may be, in units of their root mean square.

Both sides compute in float64, which leaves 2^-53 a step. But tables and constants that either side keeps in float32
are a few of its roundings of 2^-24 off.
"""

_MOST_AXES = 6
_PROBED = 64
"""How many of an array's elements tell how large they usually are."""


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays of one shape have the same elements, up to rounding."""
    finite = np.isfinite(a)
    if a.shape != b.shape or not np.array_equal(finite, np.isfinite(b)):
        return False
    if not finite.all():
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
            return False
        a, b = a[finite], b[finite]
    return _near(a, b) and _near_without_marks(a, b)


def _near_without_marks(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether they agree without marks such as the -1e9 of a mask, next to which all other numbers are rounding."""
    some = np.sort(np.abs(a.ravel()[:: max(1, a.size // _PROBED)]))
    most = some[some.size // 4] / AGREEMENT if some.size else 0.0
    if not 0 < most < np.abs(a).max():
        return True
    usual = np.abs(a) <= most
    return np.array_equal(a[~usual], b[~usual]) and _near(a[usual], b[usual])


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    if not a.size:
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        limit = AGREEMENT * np.sqrt(np.mean(np.square(a)))
        return bool(np.sqrt(np.mean(np.square(a - b))) <= limit)


def _orders(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The permutations of the axes that put elements in another order."""
    wide = [i for i, n in enumerate(shape) if n > 1]
    if 1 < len(wide) <= _MOST_AXES:
        for order in itertools.permutations(wide):
            if list(order) != wide:
                placed = iter(order)
                yield tuple(next(placed) if n > 1 else i for i, n in enumerate(shape))


def turned(a: np.ndarray, b: np.ndarray, square: bool) -> bool:
    """Whether the elements of `a` are those of `b` after a transposition of either, or in the same order.

    Args:
        a, b: of as many elements.
        square: whether axes of equal length may change places.
    """
    if same(a.ravel(), b.ravel()):
        return True
    for x, y in ((a, b), (b, a)):
        probe = np.linspace(0, y.size - 1, min(y.size, 24)).astype(int)
        for order in _orders(x.shape):
            if not square and tuple(x.shape[i] for i in order) == x.shape:
                continue
            moved = x.transpose(order)
            places = np.unravel_index(probe, moved.shape)
            if same(moved[places], y.ravel()[probe]) and same(moved.ravel(), y.ravel()):
                return True
    return False


class Partners:
    """The values of two traces that are the same.

    Args:
        ours, theirs: the Flax network's and torch's.
        ranks: of values so many axes long, channels are second in torch and last in Flax.
    """

    def __init__(self, theirs: Trace, ours: Trace, ranks: tuple[int, ...]):
        self.theirs, self.ours, self.ranks = theirs, ours, ranks
        self._index = {side: _Index(trace.values()) for side, trace in ((0, theirs), (1, ours))}
        self._found: dict[Value, list[Value]] = {}
        self._leaves = {*theirs.leaves, *ours.leaves}
        self._of_torch = {v for v in theirs.values()}

    def trivial(self, value: Value) -> bool:
        """Whether a value needs no partner: a parameter or an input, an integer, a constant."""
        return value in self._leaves or not value.moves or not value.floating or not value.size

    def of(self, value: Value) -> list[Value]:
        """The other network's values that are the same, in the order in which they are computed."""
        if value not in self._found:
            index = self._index[value in self._of_torch]
            self._found[value] = [other for other in index.like(value) if self.are_same(value, other)]
        return self._found[value]

    def are_same(self, a: Value, b: Value) -> bool:
        """Whether two values whose moments are the same are the same in their layout."""
        if a.data is None or b.data is None:
            return True
        square = a.array.ndim in self.ranks or self._held(a) or self._held(b)
        return turned(a.array, b.array, square)

    def _held(self, value: Value) -> bool:
        """Whether it is a parameter or an input, or one laid out anew."""
        while value not in self._leaves and value.producer is not None and value.producer.moves_only:
            if not value.producer.inputs:
                return False
            value = value.producer.inputs[0]
        return value in self._leaves

    def moved(self, value: Value) -> list[Value]:
        """The other network's values that have the same numbers in whatever order."""
        return list(self._index[value in self._of_torch].like(value))

    def has(self, numbers: torch.Tensor, among: Container[Value] | None = None) -> bool:
        """Whether the Flax network computes these numbers, in whatever layout; as one of these values, if given."""
        value = Value(numbers, True)
        return not value.floating or any(
            other.data is None or turned(value.array, other.array, True)
            for other in self._index[1].like(value)
            if among is None or other in among
        )

    def known(self, value: Value) -> bool:
        """Whether it has a partner, or needs none."""
        return self.trivial(value) or bool(self.of(value))

    def understood(self, value: Value) -> bool:
        """Whether it is known, or is laid out anew from what is."""
        while not self.known(value):
            step = value.producer
            if step is None or not step.moves_only or not step.inputs:
                return False
            value = step.inputs[0]
        return True


class _Index:
    """Values by their moments."""

    def __init__(self, values: Iterable[Value]):
        of_size: dict[int, list[Value]] = {}
        seen: set[Value] = set()
        for value in values:
            if value.floating and value.size and value not in seen:
                seen.add(value)
                of_size.setdefault(value.size, []).append(value)
        self._of_size = of_size
        self._moments: dict[int, np.ndarray] = {}

    def like(self, value: Value) -> Iterator[Value]:
        """Those with as many elements and the same moments."""
        values = self._of_size.get(value.size, [])
        if not value.floating or not values:
            return
        if value.size not in self._moments:
            self._moments[value.size] = np.stack([v.moments for v in values])
        # By as much the moments of the same numbers may differ (for the fourth, by the norms' inequality).
        root = AGREEMENT * value.moments[1]
        limits = np.array([root, root, root * value.size**0.25])
        near = np.abs(self._moments[value.size] - value.moments) <= limits
        for i in np.flatnonzero(near.all(1)):
            yield values[i]
