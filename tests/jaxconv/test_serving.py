"""A network served: on 8 devices as on one, and from a file in a process that has neither jaxconv nor torch."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import jaxconv

NET = """
import jax, jax.numpy as jnp, numpy as np
from flax import nnx
import jaxconv

class Net(nnx.Module):
    def __init__(self, rngs):
        self.stem = jaxconv.Sequential(
            jaxconv.Conv2d(3, 8, 3, 2, 1, rngs=rngs), jaxconv.BatchNorm2d(8), jaxconv.ReLU(), jaxconv.MaxPool2d(2)
        )
        self.grouped = jaxconv.Conv2d(8, 8, 3, padding=1, groups=4, rngs=rngs)
        self.depthwise = jaxconv.Conv2d(8, 16, 3, padding=1, groups=8, rngs=rngs)
        self.norm, self.act = jaxconv.GroupNorm(4, 16), jaxconv.GELU()
        self.up = jaxconv.ConvTranspose2d(16, 4, 2, 2, rngs=rngs)
        self.fc = jaxconv.Linear(4, 5, rngs=rngs)

    def __call__(self, x):
        x = self.up(self.act(self.norm(self.depthwise(self.grouped(self.stem(x))))))
        return self.fc(x.mean((2, 3)))

model = Net(nnx.Rngs(0))
model.eval()
x = np.random.default_rng(0).standard_normal((16, 3, 16, 16), dtype=np.float32)
"""

ON_EIGHT = (
    NET
    + """
from jax.sharding import NamedSharding, PartitionSpec as P
mesh = jax.make_mesh((8,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
serve = jax.jit(lambda model, x: model(x))
one = serve(model, x)
eight = serve(jax.device_put(model, NamedSharding(mesh, P())), jax.device_put(x, NamedSharding(mesh, P("batch"))))
assert len(eight.sharding.device_set) == 8 and eight.sharding.spec == P("batch")
# Each image's numbers are added up in the same order, however many there are: a few units in the last place.
np.testing.assert_array_max_ulp(np.asarray(one), np.asarray(eight), 64)
print("served on", jax.device_count())
"""
)

WITHOUT_CODE = """
import sys
import numpy as np

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("jaxconv", "torch", "flax"):
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
import jax
served = jax.export.deserialize(bytearray(open(sys.argv[1], "rb").read()))
np.save(sys.argv[2], np.asarray(served.call(np.load(sys.argv[3]))))
"""


def python(code, *args, **environment):
    flags = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)], capture_output=True, text=True, env=flags, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_same_on_8_devices_as_on_one():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    assert "served on 8" in python(ON_EIGHT, XLA_FLAGS=flags)


def test_an_exported_file_needs_no_code(tmp_path):
    with jax.enable_x64(False):
        names = {}
        exec(NET, names)
        model, x = names["model"], names["x"]
        (n,) = jax.export.symbolic_shape("n")
        kind = jax.ShapeDtypeStruct((n, *x.shape[1:]), jnp.float32)
        exported = jax.export.export(jax.jit(lambda x: model(x)))(kind)
        (tmp_path / "net.bin").write_bytes(exported.serialize())
        np.save(tmp_path / "x.npy", x[:3])
        python(WITHOUT_CODE, tmp_path / "net.bin", tmp_path / "y.npy", tmp_path / "x.npy")
        np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), exported.call(x[:3]))
        assert isinstance(model, nnx.Module) and jaxconv.state_dict(model)
