"""Arguments: what counts as a tuple of ints."""

import numpy as np
import pytest
import torch

from jaxconv._args import integers


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
