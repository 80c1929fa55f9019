"""A batch spread over 8 (forced host) devices: the numbers of one device, and nothing is gathered, in all of JAX's ways
to say so. Only the weight's gradients are sums over the devices.
"""

import os
import subprocess
import sys

CODE = """
import functools, re
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
import jaxconv

cases = {
    "shift": dict(x=(16, 6, 15, 8), w=(12, 1, 3, 3), stride=(2, 1), padding=1, groups=6),
    "grouped": dict(x=(16, 80, 6, 5), w=(80, 40, 3, 3), stride=2, padding=1, groups=2),
    "grouped, narrow": dict(x=(16, 80, 9, 9), w=(80, 8, 3, 3), padding=1, groups=10),
    "pointwise": dict(x=(16, 8, 6, 5), w=(4, 8, 1, 1), stride=2),
    "im2col": dict(x=(16, 8, 6, 5), w=(4, 8, 3, 3)),
    "phases": dict(x=(16, 8, 7, 6), w=(6, 8, 3, 2), stride=(2, 1), padding=1),
    "patches": dict(x=(16, 4, 7, 6), w=(3, 4, 3, 2), stride=(3, 2)),
    "channels_last": dict(x=(16, 32, 6, 5), w=(24, 32, 3, 3), stride=(2, 1), padding=1),
    "native": dict(x=(16, 80, 9, 9), w=(80, 8, 3, 3), padding=1, groups=10),  # left to others, but in shard_map
}
meshes = {mode: jax.make_mesh((8,), ("batch",), axis_types=(axis,)) for mode, axis in (
    ("auto", AxisType.Auto), ("explicit", AxisType.Explicit), ("shard_map", AxisType.Auto)
)}
rng = np.random.default_rng(0)
for name, case in cases.items():
    # Small integers, so that every sum is exact in any order.
    x, w = (rng.integers(-1, 2, case.pop(key)).astype(np.float32) for key in ("x", "w"))

    def loss(x, w, over):
        y = jaxconv.functional.conv2d(x, w, **case)
        return over(jnp.sum(y * y))

    def step(x, w, over=lambda total: total):
        grad = jax.value_and_grad(functools.partial(loss, over=over), (0, 1))
        return grad(x, w), jax.jvp(grad, (x, w), (x, w))[1]

    with jaxconv.lowering(name.split(",")[0]):
        expected = jax.jit(step)(x, w)
    for mode, mesh in meshes.items():
        with jaxconv.lowering(name.split(",")[0]):
            spread, whole = (jax.device_put(a, NamedSharding(mesh, s)) for a, s in ((x, P("batch")), (w, P())))
            run = jax.jit(step)
            if mode == "shard_map":
                local = functools.partial(step, over=lambda total: jax.lax.psum(total, "batch"))
                specs = (P(), (P("batch"), P()))
                run = jax.jit(jax.shard_map(local, mesh=mesh, in_specs=specs[1], out_specs=(specs, specs)))
            compiled = run.lower(spread, whole).compile()
        got, program = compiled(spread, whole), compiled.as_text()
        assert ("jaxconv_conv" in program) == (name == "native" and mode == "shard_map"), (mode, name)
        jax.tree.map(lambda a, b: np.testing.assert_array_equal(np.asarray(a), np.asarray(b), mode + name), got, expected)
        found = re.findall(r" ((?:all-|collective-|reduce-scatter)[a-z]*)\\(", program)
        assert set(found) == {"all-reduce"}, (mode, name, found)
        # All side by side are one. Two would wait for each other's threads where there are fewer of these than devices.
        assert len(found) <= 2 or mode == "shard_map", (mode, name, found)
"""


def test_batch_over_8_devices():
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
    env = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", CODE], check=True, timeout=300, env=env)
