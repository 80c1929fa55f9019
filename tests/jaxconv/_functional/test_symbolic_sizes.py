"""jax.export with a symbolic batch, height and width: one program for every size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from jaxconv import functional as F

rng = np.random.default_rng(36)
W = jnp.asarray(rng.integers(-2, 3, (4, 3, 3, 3)), jnp.float32)

CALLS = {
    "conv2d": lambda x: F.conv2d(x, W, stride=2, padding=1),
    "conv2d same": lambda x: F.conv2d(x, W, padding="same", dilation=2),
    "max_pool2d": lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True),
    "avg_pool2d": lambda x: F.avg_pool2d(x, (2, 4), 2, (1, 2)),
    "avg_pool2d count": lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False, divisor_override=1),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, 1),
    "lp_pool2d": lambda x: F.lp_pool2d(x, float("inf"), 2),
    "unfold": lambda x: F.unfold(x, 3, padding=1, stride=2),
    "pixel_shuffle": lambda x: F.pixel_shuffle(F.conv2d(x, W), 2),
    "pad": lambda x: F.pad(x, (1, 2, 0, 1)),
}


@pytest.mark.parametrize("name", CALLS)
def test_one_program_for_every_size(name):
    call = CALLS[name]
    shape = export.symbolic_shape("n, 3, h, w", constraints=["h >= 8", "w >= 8"])
    exported = export.export(jax.jit(call))(jax.ShapeDtypeStruct(shape, jnp.float32))
    for size in ((2, 3, 8, 9), (1, 3, 11, 16)):
        # Multiples of the mean's 72 and 176 elements: nothing is rounded.
        x = rng.integers(-4, 5, size).astype(np.float32)
        x[..., 0, 0] -= x.sum((-1, -2))
        jax.tree.map(np.testing.assert_array_equal, exported.call(x), jax.jit(call)(x))
