"""flatten and unflatten: every shape and refusal of torch's."""

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from oracle import REFUSALS

from jaxconv import functional as F

SHAPES = st.lists(st.integers(0, 3), max_size=4).map(tuple)
SIZES = st.lists(st.integers(-2, 4), max_size=3).map(tuple)


def same(name, x, *args):
    try:
        expected = getattr(torch, name)(torch.from_numpy(x), *args).numpy()
    except REFUSALS:
        with pytest.raises(ValueError, match=r"Dimension out of range|`start_dim`|`sizes`"):
            getattr(F, name)(x, *args)
    else:
        np.testing.assert_array_equal(getattr(F, name)(x, *args), expected, strict=True)


@given(SHAPES, st.integers(-5, 5), st.integers(-5, 5))
def test_flatten(shape, start, end):
    same("flatten", np.arange(np.prod(shape, dtype=int)).reshape(shape), start, end)


@example((), 0, (1,))
@example((), -1, (-1,))
@given(SHAPES, st.integers(-5, 5), SIZES)
def test_unflatten(shape, dim, sizes):
    same("unflatten", np.arange(np.prod(shape, dtype=int)).reshape(shape), dim, sizes)


def test_types():
    x = np.ones((2, 6))
    with pytest.raises(TypeError, match=r"`start_dim` must be an int, got 0.0 of type float"):
        F.flatten(x, 0.0)
    with pytest.raises(TypeError, match=r"`sizes\[1\]` must be an int, got 3.0 of type float"):
        F.unflatten(x, 1, (2, 3.0))
