"""Arguments: what counts as a tuple of ints."""

import numpy as np
import pytest
import torch

from jaxconv._args import integers
from jaxconv._spec import conv_spec
from jaxconv._spec_pool import pool_spec


@pytest.mark.parametrize(
    "value", [2, (2, 2), [2, 2], (2,), torch.Size([2, 2]), np.array([2, 2]), np.int32(2), np.array(2), torch.tensor(2)]
)  # fmt: skip
def test_ints_and_sequences_of_them(value):
    assert integers("kernel_size", value, 2) == (2, 2)
    assert all(type(n) is int for n in integers("kernel_size", value, 2))


@pytest.mark.parametrize(
    "value", [{2, 3}, frozenset({2, 3}), {2: 3, 3: 2}, (n for n in (2, 3)), "23", None, 2.0, True]
)
def test_what_has_no_order_or_is_no_int_is_refused(value):
    with pytest.raises(TypeError, match=r"`kernel_size`.* must be an int"):
        integers("kernel_size", value, 2)


def test_a_wrong_number():
    with pytest.raises(
        ValueError, match=r"`kernel_size` \(=\(1, 2, 3\)\) must be an int or a tuple of 2 ints, got 3"
    ):
        integers("kernel_size", (1, 2, 3), 2)


@pytest.mark.parametrize("wrong", [True, 1.0, (1.0, 1), (1, True), None])
def test_a_remembered_spec_is_no_answer_to_what_only_equals_its_arguments(wrong):
    made = conv_spec(2, (4, 3, 3, 3), 1, 0, 1, 1)
    assert conv_spec(2, (4, 3, 3, 3), 1, 0, 1, 1) is made
    assert conv_spec(2, (4, 3, 3, 3), (1, 1), (0, 0), (1, 1), 1) == made
    with pytest.raises(TypeError, match="`stride"):
        conv_spec(2, (4, 3, 3, 3), wrong, 0, 1, 1)


def test_what_may_change_is_looked_at_each_time():
    stride = [1, 1]
    assert conv_spec(2, (4, 3, 3, 3), stride, 0, 1, 1).stride == (1, 1)
    stride[0] = 2
    assert conv_spec(2, (4, 3, 3, 3), stride, 0, 1, 1).stride == (2, 1)
    assert pool_spec(2, np.array([2, 3]), (), 0, 1, False).stride == (2, 3)
