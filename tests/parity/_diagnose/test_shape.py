import numpy as np
import pytest

from parity._diagnose.shape import describe

WANT = np.random.default_rng(0).standard_normal((2, 4, 8, 6))


def off(where, by=1.0):
    ours = WANT.copy()
    ours[where] += by * np.random.default_rng(1).standard_normal(ours[where].shape)
    return ours


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        (WANT[:, :2], "its shape is (2, 2, 8, 6), torch's (2, 4, 8, 6)"),
        (WANT, "it is within its bound"),
        (off(np.s_[0, 0, 0, 0]), "1 of 384 elements are off; in 1 of 4 channels (0); at the border only in height (0): look at the padding; at the border only in width (0): look at the padding"),
        (off(np.s_[:, 1:3]), "192 of 384 elements are off; in 2 of 4 channels (1, 2)"),
        (off(np.s_[:, :, ::2]), "192 of 384 elements are off; at one of every 2 positions in height: look at the stride"),
        (off(np.s_[:, :, :, 2:4]), "128 of 384 elements are off; at 2 of 6 positions in width"),
        (off(np.s_[:, :, [0, 7]]), "96 of 384 elements are off; at the border only in height (0, 7): look at the padding"),
        (2.5 * WANT, "384 of 384 elements are off; it is 2.5 times torch's"),
        (off(np.s_[:]), "384 of 384 elements are off"),
    ],
)  # fmt: skip
def test_what_an_error_looks_like(ours, words):
    assert describe(ours, WANT, None) == words


def test_what_is_within_the_bound_is_not_off():
    bound = np.full(WANT.shape, 1e-3)
    assert describe(off(np.s_[:], 1e-5), WANT, bound) == "it is within its bound"
    assert describe(off(np.s_[1]), WANT, bound).startswith("192 of 384")


def test_nothing_is_a_factor_of_complex_numbers_or_of_what_is_not_finite():
    assert "times" not in describe(2 * WANT.astype(complex), WANT.astype(complex), None)
    assert "times" in describe(2 * WANT[0], WANT[0], None)
    assert "times" not in describe(np.where(WANT > 2, np.nan, 2 * WANT), WANT, None)


def test_a_vector_and_a_matrix_have_no_positions():
    assert describe(WANT[0, 0, 0] + 1, WANT[0, 0, 0], None).startswith("6 of 6 elements are off")
    assert "channels (1)" in describe(np.eye(2), np.diag([1.0, 3.0]), None)
