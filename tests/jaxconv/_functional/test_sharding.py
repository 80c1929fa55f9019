"""A batch spread over 8 (forced host) devices: the same numbers as one device, and nothing is gathered.

XLA gathers the batch for its own grouped convolutions (seen with jax 0.10.2): ours are lowered otherwise.
"""

import os
import subprocess
import sys

CODE = """
import jax, jax.numpy as jnp, numpy as np
from flax import nnx
from jax.sharding import NamedSharding, PartitionSpec as P
import jaxconv

mesh = jax.make_mesh((8,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
rng = np.random.default_rng(0)
x = rng.integers(-4, 5, (16, 4, 9, 8)).astype(np.float32)  # small integers: every sum is exact in any order
for groups in (1, 2):
    layer = jaxconv.Conv2d(4, 8, 3, padding=1, groups=groups, padding_mode="circular", rngs=nnx.Rngs(0))
    layer = jaxconv.surgery.update(layer, "**", lambda w: jnp.round(4 * w))
    pool = jaxconv.MaxPool2d(3, 2, 1)

    def loss(layer, x):
        y = pool(layer(x))
        return jnp.sum(y * y), y

    step = jax.jit(jax.grad(loss, has_aux=True, argnums=(0, 1)))
    expected = step(layer, x)
    spread = jax.device_put(x, NamedSharding(mesh, P("batch")))
    whole = jax.device_put(layer, NamedSharding(mesh, P()))
    compiled = step.lower(whole, spread).compile()
    got, program = compiled(whole, spread), compiled.as_text()
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(np.asarray(a), np.asarray(b)), got, expected)
    assert len(got[1].sharding.device_set) == 8 and got[1].sharding.spec[0] == "batch"
    assert "all-reduce" in program  # the gradient of the weights is a sum over the batch
    assert not [line for line in program.splitlines() if " all-gather" in line or " all-to-all" in line]
"""


def test_batch_over_8_devices():
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
    env = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", CODE], check=True, timeout=300, env=env)
