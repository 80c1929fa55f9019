"""The dropout family: what is kept and what it becomes exactly, how much is kept by a test of the distribution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import torch

from jaxconv import functional as F

pytestmark = pytest.mark.share(2)

KEY = jax.random.key(0)
FAMILY = {
    "dropout": (3, 4, 5),
    "dropout1d": (3, 4, 5),
    "dropout2d": (3, 4, 5, 2),
    "dropout3d": (3, 4, 5, 2, 2),
    "alpha_dropout": (3, 4, 5),
    "feature_alpha_dropout": (3, 4, 5, 2),
}


def outcomes(name, shape, p, key=KEY, dtype=np.float32):
    return np.asarray(getattr(F, name)(np.ones(shape, dtype), p, True, key=key))


@pytest.mark.parametrize("name", FAMILY)
def test_ones_become_what_they_become_in_torch(name):
    shape = (200, *FAMILY[name][1:])
    torch.manual_seed(0)
    for p in (0.25, 0.6):
        theirs = getattr(torch.nn.functional, name)(torch.ones(shape, dtype=torch.float64), p, True).unique()
        ours = np.unique(outcomes(name, shape, p, dtype=np.float64))
        assert len(ours) == len(theirs) == 2
        # A few roundings of float64 apart, in another order of the same formula.
        np.testing.assert_array_max_ulp(ours, theirs.numpy(), maxulp=4)


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("p", [0.1, 0.7])
def test_so_many_are_dropped(name, p):
    shape = (40, 50, *FAMILY[name][2:])
    y = outcomes(name, shape, p)
    if name not in ("dropout", "alpha_dropout"):
        channels = y.reshape(40, 50, -1)
        assert (channels == channels[..., :1]).all()
        y = channels[..., 0]
    dropped = int((y == y.min()).sum())
    assert scipy.stats.binomtest(dropped, y.size, p).pvalue > 1e-3


@pytest.mark.parametrize(
    ("name", "shape", "drawn"),
    [
        ("dropout1d", (50, 3), (0,)),
        ("dropout2d", (6, 7, 3), (0, 1)),
        ("dropout3d", (50, 2, 3, 2), (0,)),
        ("dropout3d", (40, 3), (0,)),
        ("feature_alpha_dropout", (6, 7), (0, 1)),
        ("feature_alpha_dropout", (3, 5, 2, 2, 2, 2), (0, 1)),
    ],
)
@pytest.mark.filterwarnings("ignore:dropout:UserWarning")
def test_which_dimensions_are_channels(name, shape, drawn):
    """Also where torch's rule is odd: dropout2d takes three dimensions for (N, C, L)."""
    others = tuple(axis for axis in range(len(shape)) if axis not in drawn)
    torch.manual_seed(0)
    for y in (
        outcomes(name, shape, 0.5),
        getattr(torch.nn.functional, name)(torch.ones(shape), 0.5, True).numpy(),
    ):
        assert (y == y.max(axis=others, keepdims=True)).all()
        for axis in drawn:
            assert (y != y.take([0], axis)).any()


@pytest.mark.parametrize("name", FAMILY)
def test_what_is_not_dropped_from_is_the_input(name):
    function = getattr(F, name)
    for dtype in (np.int32, np.float16, np.complex64):
        x = jnp.ones(FAMILY[name], dtype)
        assert function(x, 0.5, False) is x and function(x, 0.0, True) is x
        y = function(x, 1.0, True)  # all is dropped: no key is needed
        assert y.dtype == dtype and not y.any()
    empty = jnp.ones((0, *FAMILY[name][1:]))
    assert function(empty, 0.5, True, key=KEY) is empty
    y = function(jnp.ones(FAMILY[name], jnp.bfloat16), 0.3, True, True, key=KEY)
    assert y.dtype == jnp.bfloat16


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout"])
@pytest.mark.parametrize("p", [0.5, 1.0])
def test_infinity_and_nan_are_torchs(name, p):
    x = np.repeat(np.array([[np.nan, np.inf]], np.float32), 50, 0)
    torch.manual_seed(0)
    theirs = getattr(torch.nn.functional, name)(torch.from_numpy(x), p, True).numpy()
    ours = np.asarray(getattr(F, name)(x, p, True, key=KEY))
    for column in (0, 1):
        assert set(map(str, ours[:, column])) == set(map(str, theirs[:, column]))


def test_gradient_jit_and_vmap():
    x = jnp.arange(1.0, 101)

    def run(x, key):
        return F.dropout(x, 0.5, key=key)

    y = run(x, KEY)
    np.testing.assert_array_equal(jax.jit(run)(x, KEY), y)
    np.testing.assert_array_equal(jax.grad(lambda x: run(x, KEY).sum())(x), y / x)
    keys = jax.random.split(KEY, 2)
    both = jax.vmap(run, (None, 0))(x, keys)
    np.testing.assert_array_equal(both[1], run(x, keys[1]))
    assert (both[0] != both[1]).any()


def test_warnings_are_torchs():
    for name, shape in (("dropout2d", (3, 4, 5)), ("dropout2d", (3, 4)), ("dropout3d", (3, 4, 5))):
        with pytest.warns(UserWarning, match=name):
            getattr(torch.nn.functional, name)(torch.ones(shape), 0.5, False)
        with pytest.warns(UserWarning, match=name):
            getattr(F, name)(np.ones(shape), 0.5, False)


x = np.ones((3, 4), np.float32)
BAD = {
    "p": (lambda: F.dropout(x, 1.1, key=KEY), ValueError, r"dropout probability `p` has to be between 0 and 1, but got 1.1"),
    "p in eval": (lambda: F.alpha_dropout(x, -0.1), ValueError, "between 0 and 1, but got -0.1"),
    "p nan": (lambda: F.dropout(x, float("nan"), key=KEY), ValueError, "but got nan"),
    "p None": (lambda: F.dropout(x, None, key=KEY), TypeError, "`p` must be a number, got None$"),
    "key": (lambda: F.dropout(x), ValueError, r"dropout needs `key`, such as jax.random.key\(0\), if `training` and 0 < `p` \(=0.5\) < 1"),
    "training": (lambda: F.dropout(x, 0.5, 1, key=KEY), TypeError, "`training` must be a bool, got 1 of type int"),
    "inplace": (lambda: F.dropout(x, 0.5, True, None, key=KEY), TypeError, "`inplace` must be a bool"),
    "int": (lambda: F.dropout(x.astype("i4"), key=KEY), TypeError, '"dropout" is not implemented for dtype int32'),
    "1d": (lambda: F.dropout1d(x[0], key=KEY), ValueError, r"dropout1d: Expected 2D or 3D `input`, but got shape \(4,\)"),
    "feature": (lambda: F.feature_alpha_dropout(x[0], 0.5, True, key=KEY), ValueError, r"requires at least 2 dimensions in the input, but got `input` of shape \(4,\)"),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_refusals(row):
    call, error, message = row
    with pytest.raises(error, match=message):
        call()
