import jax.numpy as jnp
import pytest

from jaxconv import _dtypes


@pytest.mark.parametrize(
    ("dtype", "computed"),
    [
        ("bfloat16", "float32"),
        ("float16", "float32"),
        ("float8_e4m3fn", "float32"),
        ("float8_e5m2", "float32"),
        ("float32", "float32"),
        ("float64", "float64"),
        ("complex64", "complex64"),
        ("int8", "int8"),
        ("bool", "bool"),
    ],
)
def test_reduced_precision_is_computed_in_float32_and_all_else_in_itself(dtype, computed):
    assert _dtypes.compute_dtype(dtype) == jnp.dtype(computed)
    assert _dtypes.is_reduced(dtype) == (dtype != computed)
    x = jnp.ones(2, dtype)
    assert _dtypes.widened(x).dtype == computed
    assert _dtypes.widened(jnp.ones(2, "float16"), x).dtype == computed
