"""The softmax family, beyond torch's own samples."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import torch
from oracle import REFUSALS, Sample, check_samples

from jaxconv import functional as F

NAMES = ["softmax", "softmin", "log_softmax"]
rng = np.random.default_rng(5)
HARD = np.array([[1e4, -1e4, 0], [80.0, 0.0, -80.0], [3.0, 3.0, 3.0]], np.float32)


def test_extreme_rows():
    check_samples(
        [
            Sample(
                lambda x, name=name: getattr(torch.nn.functional, name)(x, dim=-1),
                lambda x, name=name: getattr(F, name)(x, dim=-1),
                {"x": HARD},
                about=name,
            )
            for name in NAMES
        ],
        rng,
    )


@pytest.mark.parametrize("name", NAMES)
def test_infinities_and_nan(name):
    function, least = getattr(F, name), -np.inf if name != "softmin" else np.inf
    x = np.array([[-least, 1, 2], [least, least, least], [np.nan, 0, 1]])
    expected = getattr(torch.nn.functional, name)(torch.tensor(x), -1).numpy()
    assert np.isnan(expected).all() and np.isnan(function(x, -1)).all()
    # What is infinitely unlikely counts for nothing.
    y = function(np.array([least, 1, 2]), -1)
    np.testing.assert_array_equal(y[1:], function(np.array([1.0, 2]), -1))
    assert y[0] == (-np.inf if name == "log_softmax" else 0)


@pytest.mark.parametrize("name", NAMES)
def test_the_implicit_dimension_is_torchs_and_warns(name):
    for shape in ((), (3,), (2, 3), (2, 3, 4), (2, 3, 4, 5)):
        x = np.zeros(shape, np.float32)
        with pytest.warns(
            UserWarning, match=f"Implicit dimension choice for {name} has been deprecated"
        ) as caught:
            ours = getattr(F, name)(x)
        assert caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = getattr(torch.nn.functional, name)(torch.from_numpy(x))
        # Rows of equal numbers: 1 / n and -log(n), with n of the dimension that was chosen.
        np.testing.assert_array_max_ulp(np.asarray(ours), expected.numpy(), 2)


REFUSED = {
    "integer": (np.ones(3, np.int32), dict(dim=0), TypeError, "is not implemented for dtype int32"),
    "dtype": (
        np.ones(3, np.float32),
        dict(dim=0, dtype=jnp.int32),
        TypeError,
        "is not implemented for dtype int32",
    ),
    "dim": (
        np.ones((2, 3), np.float32),
        dict(dim=2),
        ValueError,
        r"Dimension out of range .*\[-2, 1\], but got 2",
    ),
    "float dim": (
        np.ones(3, np.float32),
        dict(dim=0.0),
        TypeError,
        "`dim` must be an int, got 0.0 of type float",
    ),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("x", "kwargs", "error", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_both_refuse(name, x, kwargs, error, message):
    theirs = kwargs | ({"dtype": torch.int32} if "dtype" in kwargs else {})
    with pytest.raises(REFUSALS):
        getattr(torch.nn.functional, name)(torch.from_numpy(x), **theirs)
    with pytest.raises(error, match=message):
        getattr(F, name)(x, **kwargs)


def test_gumbel_softmax_draws_from_the_softmax():
    p = np.array([0.1, 0.2, 0.3, 0.4])
    logits = jnp.broadcast_to(jnp.log(p), (20_000, 4))
    hard = F.gumbel_softmax(logits, tau=0.5, hard=True, key=jax.random.key(0))
    assert set(np.unique(hard)) == {0, 1} and (hard.sum(1) == 1).all()
    assert scipy.stats.chisquare(hard.sum(0), p * len(hard)).pvalue > 1e-3
    # Hard is soft rounded, with the gradient of soft.
    ct = jnp.asarray(rng.standard_normal(logits.shape))
    soft, vjp = jax.vjp(lambda x: F.gumbel_softmax(x, tau=0.5, key=jax.random.key(0)), logits)
    rounded, vjp_hard = jax.vjp(
        lambda x: F.gumbel_softmax(x, tau=0.5, hard=True, key=jax.random.key(0)), logits
    )
    np.testing.assert_array_equal(soft.argmax(1), rounded.argmax(1))
    np.testing.assert_array_equal(vjp(ct)[0], vjp_hard(ct)[0])


def test_gumbel_softmax_refuses():
    with pytest.raises(ValueError, match="gumbel_softmax draws random numbers and needs `key`"):
        F.gumbel_softmax(np.ones(3))
    with pytest.raises(TypeError, match='"gumbel_softmax" is not implemented for dtype int64'):
        F.gumbel_softmax(np.ones(3, int), key=jax.random.key(0))
    with pytest.raises(TypeError, match="`tau` must be a number, got '1'"):
        F.gumbel_softmax(np.ones(3), "1", key=jax.random.key(0))
