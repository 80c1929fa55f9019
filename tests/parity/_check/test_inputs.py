"""Inputs made of one by size: their shapes, their numbers, and the sizes that are refused."""

import numpy as np
import pytest

from parity._check.inputs import drawn_like, integers_between, sets


def array(*shape, dtype=np.float32):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((1, 3, 8, 6), (5, 7), (1, 3, 5, 7)),
        ((1, 3, 8, 6), [5, 7], (1, 3, 5, 7)),
        ((1, 3, 8), (5,), (1, 3, 5)),
        ((4, 10), (12,), (4, 12)),
        ((4, 10), 2, (2, 10)),
        ((4, 5, 6), (2, 7, 6), (2, 7, 6)),
        ((7,), (9,), (9,)),
    ],
)
def test_a_size_is_spatial_or_a_whole_shape_or_a_batch(shape, size, expected):
    x = array(*shape)
    given, (made,) = sets((x,), None, [size], 0)
    assert given[0] is x and made.shape == expected and made.dtype == x.dtype
    assert np.isin(made, x).all() and len(np.unique(made)) > 1


def test_other_inputs_of_the_same_size_follow():
    image, mask, time = array(2, 3, 8, 6), np.ones((2, 1, 8, 6), bool), array(2, 5)
    _, (x, m, t) = sets((image, mask, time), None, [(3, 3, 4, 9)], 0)
    assert (x.shape, m.shape, t.shape) == ((3, 3, 4, 9), (3, 1, 4, 9), (3, 5)) and m.all()


def test_token_ids_stay_those_that_the_embedding_has():
    ids = np.array([[3, 5, 7]])
    assert set(sets((ids,), None, [(40,)], 0)[1][0].ravel().tolist()) == {3, 5, 7}


@pytest.mark.parametrize(
    ("given", "inputs", "sizes", "error"),
    [
        ((array(1, 3, 8, 6),), None, [(5,)], r"`sizes\[0\]` \(=\(5,\)\) must have 2 numbers .* or 4"),
        ((array(1, 3, 8, 6),), None, [(5, 5), (0, 5)], r"`sizes\[1\]` .* at least 1"),
        ((array(1, 3, 8, 6),), None, [()], r"`sizes\[0\]` .* at least 1"),
        ((array(1, 3, 8, 6),), None, [(5.0, 5)], r"`sizes\[0\]` .* a tuple of ints"),
        ((array(1, 3, 8, 6),), None, [True], r"`sizes\[0\]` .* a tuple of ints"),
        ((array(1, 3, 8, 6),), None, 5, "`sizes` must be a list, .* got int"),
        ((np.float32(1),), None, [2], r"`sizes\[0\]` .* a scalar"),
        ((), None, [2], "`sizes` needs an input by position"),
        ((), [array(1, 3)], [2], "`sizes` cannot be combined with `inputs`"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(given, inputs, sizes, error):
    with pytest.raises((ValueError, TypeError), match=error):
        sets(given, inputs, sizes, 0)


@pytest.mark.parametrize("x", [np.array([0, 255], np.uint8), np.array([-5, -2]), np.array([3, 7])])
def test_integers_are_drawn_from_their_range(x):
    low, high = integers_between(x)
    assert low <= x.min() and low in (0, x.min()) and high > x.max()
    (drawn,) = drawn_like([np.resize(x, 1000)], 0)
    assert drawn.dtype == x.dtype and low <= drawn.min() and drawn.max() < high
    assert len(set(drawn.tolist())) > 2
