"""Runs one convolution with an installed jaxconv and says which kernels computed it; fails if none did, on a system
that has kernels."""

import sys

import jax
import jax.numpy as jnp
import jaxlib

import jaxconv

y = jax.jit(jaxconv.functional.conv2d)(jnp.ones((1, 2, 5, 5)), jnp.ones((3, 2, 3, 3)))
assert y.shape == (1, 3, 3, 3) and float(y[0, 0, 0, 0]) == 18, y
assert "torch" not in sys.modules
found = jaxconv.kernels()
print(f"Python {sys.version.split()[0]}, jax {jax.__version__}, jaxlib {jaxlib.__version__}: {found}")
assert found.instruction_set is not None or sys.platform == "win32", found
