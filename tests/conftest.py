"""Every test runs with 64-bit types available: float64 and int64 are among the dtypes that torch accepts."""

import jax

jax.config.update("jax_enable_x64", True)
