import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxconv import functional as F
from jaxconv._rows import long_rows, mean


@pytest.mark.parametrize(
    ("shape", "joined"),
    [
        ((2, 3, 7, 7), (2, 3, 49)),
        ((2, 3, 5, 7, 7), (2, 3, 245)),
        ((2, 3, 4, 32), (2, 3, 128)),
        ((2, 3, 4, 33), (2, 3, 4, 33)),
        ((2, 3, 7), (2, 3, 7)),
        ((3, 7), (3, 7)),
        ((), ()),
        ((2, 3, 0, 7), (2, 3, 0, 7)),
    ],
)
def test_short_rows_are_joined(shape, joined):
    assert long_rows(jnp.ones(shape)).shape == joined


def test_the_compiled_loop_goes_along_joined_rows():
    x = jnp.ones((1, 8, 7, 7))
    text = jax.jit(F.silu).lower(x).compile().as_text()
    assert re.search(r"f\d\d\[1,8,49\]\S* exponential", text)


@pytest.mark.parametrize("axes", [(2, 3), (3, 2), (1, 2, 3), (3,)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_mean_of_the_last_dimensions_is_a_product(axes, keepdims):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 3, 5, 7)))
    expected = np.asarray(x).mean(axes, keepdims=keepdims)
    found = mean(x, axes, keepdims)
    assert found.shape == expected.shape and found.dtype == x.dtype
    terms = np.prod([x.shape[axis] for axis in axes])
    limit = 2 * terms * np.finfo(x.dtype).eps * np.abs(np.asarray(x)).mean(axes, keepdims=keepdims)
    assert np.all(np.abs(found - expected) <= limit)
    names = {eqn.primitive.name for eqn in jax.make_jaxpr(lambda x: mean(x, axes, keepdims))(x).eqns}
    assert "dot_general" in names and "reduce_sum" not in names


@pytest.mark.parametrize(
    ("x", "axes"),
    [
        (jnp.ones((2, 3, 4)), (1,)),  # not the last
        (jnp.ones((2, 3)), (0, 1)),  # nothing is left
        (jnp.ones((2, 3), jnp.bfloat16), (1,)),
        (jnp.ones((2, 3), jnp.complex64), (1,)),
        (jnp.ones((2, 0)), (1,)),  # NaN
    ],
)
def test_any_other_mean_is_jax_numpy_s(x, axes):
    np.testing.assert_array_equal(mean(x, axes), jnp.mean(x, axes))


def test_infinities_and_nan_stay_in_their_mean():
    x = jnp.ones((1, 3, 2, 2)).at[0, 0, 0, 0].set(jnp.inf).at[0, 1, 1, 1].set(jnp.nan)
    np.testing.assert_array_equal(mean(x, (2, 3)), [[jnp.inf, jnp.nan, 1]])


def test_positions_spread_over_an_explicit_mesh_stay_apart():
    mesh = jax.make_mesh((1,), ("w",), axis_types=(AxisType.Explicit,))
    with jax.set_mesh(mesh):
        x = jax.device_put(jnp.ones((2, 3, 4, 8)), NamedSharding(mesh, P(None, None, None, "w")))
        assert long_rows(x).shape == x.shape
        np.testing.assert_array_equal(F.silu(x), jax.nn.silu(np.ones(x.shape)))
        np.testing.assert_array_equal(F.adaptive_avg_pool2d(x, 1), np.ones((2, 3, 1, 1)))
