import dataclasses
import math

import ml_dtypes
import numpy as np
import pytest

from parity._judge.verdict import failed, judge, judge_refusal

X = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
VALUE = X.astype(np.float64)
BOUND = np.full(X.shape, 2.0**-20)


def test_agreement():
    verdict = judge("y", X, X, VALUE, BOUND)
    assert verdict.ok and verdict.ratio == verdict.torch_ratio == 0 and verdict.reason == ""
    assert (verdict.elements, verdict.failing, verdict.max_abs_diff) == (X.size, 0, 0)


def test_the_ratio_is_the_worst_over_elements_and_decides():
    shifted = VALUE.copy()
    shifted[1, 2, 3] += 2.0**-21
    shifted[0, 0, 0] -= 2.0**-22
    verdict = judge("y", X, X, shifted, BOUND)
    # The additions above are exact: values are below 4, float64 has 53 bits.
    assert (verdict.ok, verdict.ratio, verdict.worst) == (True, 0.5, (1, 2, 3))
    shifted[1, 2, 3] = VALUE[1, 2, 3] + 2.0**-19
    verdict = judge("y", X, X, shifted, BOUND, torch_bound=4 * BOUND)
    assert (verdict.ok, verdict.ratio, verdict.torch_ratio, verdict.failing) == (False, 2, 2, 1)
    assert "1 of 24 elements differ, outside the rounding bound: at (1, 2, 3)" in verdict.reason


def test_the_bound_itself_passes_and_the_next_number_does_not():
    for step, ok in [(BOUND, True), (np.nextafter(BOUND, 1), False)]:
        assert judge("y", np.zeros(X.shape), np.zeros(X.shape), step, BOUND).ok is ok


def test_torch_outside_its_own_bound_is_not_a_pass():
    torch = X.copy()
    torch[0, 1, 2] += 1
    verdict = judge("y", X, torch, VALUE, BOUND)
    assert not verdict.ok and verdict.failing == 0 and verdict.ratio == 0
    assert "torch is outside its own bound at (0, 1, 2)" in verdict.reason
    assert verdict.max_abs_diff == float(torch[0, 1, 2].astype(float) - X[0, 1, 2])
    assert judge("y", X, torch, VALUE, BOUND, torch_bound=np.full(X.shape, 2.0)).ok


@pytest.mark.parametrize(
    ("ours", "torch", "value", "reason"),
    [
        (X.astype(np.float64), X, VALUE, "dtype float64, in torch float32"),
        (X[:1], X, VALUE, "shape (1, 3, 4), in torch (2, 3, 4)"),
        (X[0, 0, 0], X[0, 0, :1], VALUE[0, 0, :1], "shape (), in torch (1,)"),
        (X, X, VALUE[:1], "shape (2, 3, 4), but the reference's is (1, 3, 4)"),
        (X[:0], X, VALUE, "shape (0, 3, 4), in torch (2, 3, 4)"),
    ],
)
def test_what_cannot_be_compared_is_not_a_pass(ours, torch, value, reason):
    verdict = judge("y", ours, torch, value, None)
    assert not verdict.ok and verdict.reason == reason and verdict.elements == 0 and math.isnan(verdict.ratio)


def test_empty_agrees_with_empty_and_counts_nothing():
    verdict = judge("y", X[:0], X[:0], VALUE[:0], BOUND[:0])
    assert verdict.ok and verdict.elements == 0 and verdict.ratio == 0


@pytest.mark.parametrize(
    ("ours", "value", "ok"),
    [
        (np.nan, np.nan, True),
        (np.nan, 1.0, False),
        (1.0, np.nan, False),
        (np.inf, np.inf, True),
        (np.inf, -np.inf, False),
        (np.inf, 1.0, False),
        (1.0, np.inf, False),
        (np.nan, np.inf, False),
    ],
)
@pytest.mark.parametrize("bound", [None, np.ones(3)])
def test_not_numbers(ours, value, ok, bound):
    a, b = np.array([0.5, ours, 0.25]), np.array([0.5, value, 0.25])
    verdict = judge("y", a, b, b, bound)
    assert verdict.ok is ok and verdict.failing == (not ok)
    assert ok or ("on one side only" in verdict.reason and "(1,)" in verdict.reason)
    assert verdict.ratio == (0 if ok else np.inf)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32])
def test_overflow_is_judged_where_it_happens(dtype):
    largest = float(ml_dtypes.finfo(dtype).max)
    infinite = np.array([np.inf], dtype)
    for value, ok in [(2 * largest, True), (largest, True), (largest / 2, False), (-2 * largest, False)]:
        bound = np.array([2.0**-11 * largest])
        assert judge("y", infinite, infinite, np.array([value]), bound, np.array([np.inf])).failing == (
            not ok
        )
    finite = np.array([largest], dtype)
    assert not judge("y", finite, finite, np.array([2 * largest]), np.array([2.0**-11 * largest])).ok


def test_a_bound_that_says_nothing_passes_nothing():
    for bound in (np.inf, np.nan):
        verdict = judge("y", X, X, VALUE + 1, np.full(X.shape, bound))
        assert not verdict.ok and verdict.failing == X.size


def test_no_bound_means_bit_for_bit():
    one_off = np.nextafter(X, np.float32(9))
    assert judge("w", X, X, VALUE, None).ok
    verdict = judge("w", one_off, X, VALUE, None)
    assert verdict.failing == X.size and verdict.ratio == np.inf
    zero = np.zeros(1, np.float32)
    assert not judge("w", -zero, zero, zero.astype(float), None).ok
    assert judge("w", -zero, zero, zero.astype(float), np.zeros(1)).ok
    big = np.array([2**62, -(2**62)])
    assert judge("i", big, big, big, None).ok and not judge("i", big, big[::-1], big[::-1], None).ok


def test_either_part_of_a_complex_number_counts():
    z = (X + 1j * X[::-1]).astype(np.complex64)
    for off in (1, 1j):
        wrong = z.astype(np.complex128)
        wrong[1, 0, 2] += off * 2.0**-18
        verdict = judge("y", z, z, wrong, BOUND)
        assert (verdict.failing, verdict.worst, verdict.ratio) == (1, (1, 0, 2), 4)


def test_verdicts_are_data():
    verdict = failed("y", "missing in ours")
    assert dataclasses.asdict(verdict)["reason"] == "missing in ours" and not verdict.ok
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdict.ok = True


BAD, ACCIDENT, TORCH = ValueError("no"), AssertionError("oops"), RuntimeError("non-positive\nstride")


@pytest.mark.parametrize(
    ("ours", "torch", "reason"),
    [
        (BAD, TORCH, ""),
        (TypeError(), TORCH, ""),
        (ACCIDENT, TORCH, "we failed where we should have refused: AssertionError: oops"),
        (None, None, "neither side refused what torch is said to refuse"),
        (None, TORCH, "torch refused, we did not: RuntimeError: non-positive"),
        (BAD, None, "we refused, torch did not: ValueError: no"),
    ],
)
def test_refusals(ours, torch, reason):
    verdict = judge_refusal(ours, torch)
    assert verdict.reason == reason and verdict.ok is (reason == "")
