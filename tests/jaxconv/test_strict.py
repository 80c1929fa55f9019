"""Every layer under each of JAX's strict settings: one list, forward and backward."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from every_layer import IDS, LAYERS, inputs, public, step

pytestmark = pytest.mark.share(3)

SETTINGS = {
    "rank promotion": lambda: jax.numpy_rank_promotion("raise"),
    "dtype promotion": lambda: jax.numpy_dtype_promotion("strict"),
    "NaNs": lambda: jax.debug_nans(True),
    "tracer leaks": lambda: jax.checking_leaks(),
}


def test_the_list_has_every_layer():
    assert {name for name, _, _ in LAYERS} == public()


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize(("name", "shapes", "arguments"), LAYERS, ids=IDS)
def test_a_layer_is_traced_under_every_setting(name, shapes, arguments, training):
    function, parameters, rest = step(name, shapes, arguments, training)
    xs = [jnp.asarray(x) for x in inputs(name, shapes)]

    def refusal(*settings):
        with ExitStack() as stack:
            for setting in settings:
                stack.enter_context(SETTINGS[setting]())
            try:
                jax.jit(function).trace(parameters, rest, *xs)
            except Exception as error:
                return error

    together = refusal(*SETTINGS)
    assert together is None, {setting: refusal(setting) for setting in SETTINGS}


ONE_EACH = {name: i for i, (name, _, _) in reversed(list(enumerate(LAYERS)))}


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_layer_runs_without_nans(name):
    _, shapes, arguments = LAYERS[ONE_EACH[name]]
    function, parameters, rest = step(name, shapes, arguments, True)
    xs = [jnp.asarray(x) for x in inputs(name, shapes)]
    with jax.debug_nans(True), jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        results = jax.tree.leaves(jax.jit(function)(parameters, rest, *xs))
    assert results and not any(np.isnan(np.asarray(y)).any() for y in results if y.dtype.kind == "f")


ON_A_MESH = """
import sys, traceback
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
from every_layer import IDS, LAYERS, inputs, step

mesh = jax.make_mesh((2,), ("batch",), axis_types=(jax.sharding.AxisType.Explicit,))
RUN = ("MaxPool2d", "MaxUnpool2d", "PixelShuffle", "PixelUnshuffle", "Unfold", "Fold", "ReplicationPad2d", "Conv2d")
third, thorough = int(sys.argv[1]), sys.argv[2] == "True"
refused, ran, wanted = [], 0, 0
for at, (name, shapes, arguments) in list(zip(IDS, LAYERS))[third::3]:
    wanted += name in RUN
    shapes = [(shape[0] + shape[0] % 2, *shape[1:]) for shape in shapes]
    for training in (False, True) if thorough or "Norm" in name else (True,):
        function, parameters, rest = step(name, shapes, arguments, training)
        xs = [jnp.asarray(x) for x in inputs(name, shapes)]
        with jax.set_mesh(mesh):
            spread = [jax.device_put(x, NamedSharding(mesh, P("batch"))) for x in xs]
            whole, rest_whole = jax.device_put((parameters, rest), NamedSharding(mesh, P()))
            try:
                jax.jit(function).trace(whole, rest_whole, *spread)
                if name in RUN and training:
                    got = jax.jit(function)(whole, rest_whole, *spread)
                    ran += 1
            except Exception as error:
                refused.append(f"{at}: {type(error).__name__}: {str(error)[:300]}")
                continue
        if name in RUN and training:
            want = jax.jit(function)(parameters, rest, *xs)
            for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
                a, b = np.asarray(a), np.asarray(b)
                # A sum of what two devices have, of 1000 numbers at most.
                assert a.shape == b.shape and (np.abs(a - b) <= 1000 * 2.0**-24 * np.abs(b).max(initial=0)).all(), at
assert ran == wanted > 0
sys.exit("\\n".join(refused) or None)
"""


@pytest.mark.parametrize("third", range(3))
def test_a_batch_on_an_explicit_mesh(request, third):
    support = Path(__file__).parents[1] / "support"
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
    path = os.pathsep.join([str(support), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": path}
    thorough = request.config.getoption("--thorough")
    done = subprocess.run(
        [sys.executable, "-c", ON_A_MESH, str(third), str(thorough)],
        capture_output=True,
        text=True,
        timeout=400,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stderr
