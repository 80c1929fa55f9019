import dataclasses
import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity._bounds.reference import Reference
from parity._bounds.tolerance import (
    FALSE_ALARM,
    arithmetic,
    bound,
    confidence,
    gamma,
    prediction_limit,
    probable_gamma,
)


def test_gamma_is_highams_lemma():
    u = 2.0**-24
    assert gamma(10, u) == 10 * u / (1 - 10 * u)
    assert gamma(0, u) == 0
    assert np.array_equal(gamma(np.array([1, 2**24, 2**25]), u), [u / (1 - u), np.inf, np.inf])


def test_probable_gamma_grows_with_the_square_root():
    u, c = 2.0**-24, confidence(1e6, 2.0**-24)
    ratio = probable_gamma(40_000, u, c) / probable_gamma(10_000, u, c)
    # exp(x) - 1 lies between x and x / (1 - x), and n u^2 adds to x: all within a few x of 2.
    x = c * math.sqrt(40_000) * u
    assert abs(ratio - 2) <= 4 * x


@given(st.floats(1, 1e12), st.sampled_from([2.0**-8, 2.0**-11, 2.0**-24, 2.0**-53]))
def test_confidence_solves_for_the_declared_probability(roundings, u):
    c = confidence(roundings, u)
    probability = 2 * roundings * math.exp(-((c * (1 - u)) ** 2) / 2)
    # exp of a number of size s in float64 is off by about s roundoffs.
    assert abs(probability / FALSE_ALARM - 1) <= (c**2 + 8) * 2.0**-52


def test_more_numbers_and_fewer_alarms_need_more_confidence():
    u = 2.0**-24
    assert confidence(10, u) < confidence(100, u)
    assert confidence(10, u, 1e-3) < confidence(10, u, 1e-12)


@pytest.mark.parametrize(
    ("dtype", "bits"),
    [
        ("float32", 24),
        ("complex64", 24),
        ("float64", 53),
        ("complex128", 53),
        ("float16", 11),
        (ml_dtypes.bfloat16, 8),
    ],
)
def test_on_cpu_nothing_is_rounded_but_the_sum_and_the_output(dtype, bits):
    how = arithmetic(dtype, "cpu")
    assert (how.multiply, how.store, how.nearest) == (0, 2.0**-bits, True)
    assert how.accumulate == 2.0 ** -max(bits, 24)
    assert how.narrow().accumulate == how.store
    assert how.plain() == how


def test_matrix_units():
    assert arithmetic("float32", "gpu").multiply == arithmetic("float32", "gpu", "high").multiply == 2.0**-11
    assert arithmetic("float32", "gpu", "highest") == arithmetic("float32", "cpu")
    assert arithmetic("float64", "gpu") == arithmetic("float64", "cpu")
    assert arithmetic("float32", "tpu").multiply == 2.0**-8
    assert 0 < arithmetic("float32", "tpu", "high").multiply < arithmetic("float32", "gpu").multiply
    for dtype in ("float32", "float16"):
        tensor_core = arithmetic(dtype, "gpu")
        assert (tensor_core.accumulate, tensor_core.nearest) == (2.0**-23, False)
        # What a layer of reduced precision computes in float32 on its way, as an LSTM does, is rounded like float32.
        assert tensor_core.multiply == 2.0**-11
        assert tensor_core.factors == (2.0**-11 if dtype == "float32" else 0)
        assert tensor_core.plain() == dataclasses.replace(arithmetic(dtype, "cpu"), multiply=0.0)


def test_what_is_not_known_is_refused():
    with pytest.raises(
        ValueError, match=r"no arithmetic known for `platform`/`precision` \(=npu/default\), only cpu"
    ):
        arithmetic("float32", "npu")
    with pytest.raises(ValueError, match=r"`dtype` \(=float64\) on tpu, which emulates it"):
        arithmetic("float64", "tpu")


def reference(value, terms, magnitude, stores=(), **more):
    return Reference(np.asarray(value), 0.0, terms, np.asarray(magnitude), stores, **more)


def test_an_exact_reference_has_no_room():
    assert Reference.exact(np.arange(3)).is_exact
    assert np.array_equal(bound(Reference.exact(np.arange(3.0)), arithmetic("float32")), np.zeros(3))


def test_each_step_adds_its_term():
    how = dataclasses.replace(arithmetic("float16"), smallest=0.0, flush=0.0)
    value, magnitude = np.array([1.0]), np.array([4.0])
    summed = bound(reference(value, 1, magnitude), how)
    assert summed == gamma(1, 2.0**-24) * 4
    stored = bound(reference(value, 1, magnitude, ((1, np.array([1.0])),)), how)
    # A single rounding: no probability is below certainty.
    assert stored == summed * (1 + gamma(1, 2.0**-11)) + gamma(1, 2.0**-11)
    rounded = dataclasses.replace(how, multiply=2.0**-11)
    assert bound(reference(value, 1, magnitude), rounded) == summed  # of float16 as it is
    single = dataclasses.replace(rounded, store=2.0**-24)
    factors = bound(reference(value, 1, magnitude), single)
    assert factors == (2 * 2.0**-11 + 2.0**-22) * 4 * (1 + gamma(1, 2.0**-24)) + summed
    plain = bound(reference(value, 1, magnitude, products=False), dataclasses.replace(how, multiply=2.0**-11))
    assert plain == summed
    own = dataclasses.replace(reference(value, 1, magnitude), roundoff=2.0**-53)
    assert bound(own, how) == summed + gamma(1, 2.0**-53) * 4


def test_the_probable_bound_takes_over_for_long_sums_and_not_on_tensor_cores():
    long = reference(np.ones(1), 10_000, np.ones(1))
    cpu, u = arithmetic("float32"), 2.0**-24
    assert bound(long, cpu) < gamma(10_000, u)
    truncating = dataclasses.replace(cpu, nearest=False)
    assert bound(long, truncating) >= gamma(10_000, u)
    assert (
        bound(reference(np.ones(1), 2, np.ones(1)), cpu) <= gamma(2, u) + 4 * cpu.flush + 2 * u * cpu.smallest
    )


def test_an_element_may_have_its_own_number_of_terms():
    terms = np.array([0, 1, 5])
    found = bound(reference(np.ones(3), terms, np.ones(3), products=False), arithmetic("float32"))
    assert found[0] == 0 < found[1] < found[2]


@given(st.data(), st.sampled_from(["float16", "float32", "bfloat16"]), st.integers(1, 200))
def test_it_bounds_a_sum_rounded_at_every_step(data, name, count):
    """A sequential sum of products in the format itself, against exact rational arithmetic."""
    dtype = np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    x, w = (rng.standard_normal(count).astype(dtype) for _ in range(2))
    total = dtype.type(0)
    for a, b in zip(x, w, strict=True):
        total = dtype.type(total + dtype.type(a * b))
    products = [Fraction(float(a)) * Fraction(float(b)) for a, b in zip(x, w, strict=True)]
    exact, magnitude = sum(products), float(sum(map(abs, products)))
    limit = bound(reference(float(exact), count, magnitude), arithmetic(dtype).narrow())
    assert abs(Fraction(float(total)) - exact) <= Fraction(float(limit))


@pytest.mark.parametrize("count", [2, 8, 32])
@pytest.mark.parametrize("spread", [0.01, 1.0])
def test_a_prediction_limit_is_exceeded_as_often_as_declared(count, spread):
    trials, declared = 4000, 0.02  # below 1 / 33, what exceeding the greatest of 32 has for a probability
    draws = np.exp(spread * np.random.default_rng(count).standard_normal((trials, count + 1)))
    beyond = sum(bool(row[-1] > prediction_limit(row[:-1], declared)) for row in draws)
    assert abs(beyond - trials * declared) <= 5 * math.sqrt(trials * declared)


def test_a_prediction_limit_of_odd_samples():
    assert prediction_limit([0.0, 0.0]) == 0
    assert prediction_limit([0.0, 3.0, 0.0]) == 3
    assert prediction_limit([2.0] * 8) == pytest.approx(2)
    assert prediction_limit([1e-300, 1e300]) == np.inf
    assert prediction_limit([1.0, 2.0, 1.5]) > prediction_limit([1.0, 2.0, 1.5, 1.2, 1.7, 1.4]) > 2
    assert prediction_limit([1.0, 2.0, 1.5], 0.5) == 2
