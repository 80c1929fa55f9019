"""A diagnosis is judged by the limits, the results and the arithmetic that its layer was judged by."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
import parity
from parity import _diagnose as diagnose
from parity._bounds import tolerance
from parity._flax import network as flax_network
from parity._flax import run as flax_run
from parity._judge import layer as layers
from parity._torch.network import Call
from parity._torch.original import MEMORY_LIMIT, drawn

X = np.random.default_rng(0).standard_normal((2, 4, 6, 6)).astype(np.float32)
TF32 = 2.0**-11


@pytest.fixture
def arithmetics(monkeypatch):
    """Every arithmetic that limits were derived for, in order."""
    found = []
    original = flax_run.bounds

    def watched(part, args, kwargs, cotangents, buffers, how, constants=0.0):
        found.append(how)
        return original(part, args, kwargs, cotangents, buffers, how, constants)

    monkeypatch.setattr(flax_run, "bounds", watched)
    return found


@pytest.fixture
def cpus_like_gpus(monkeypatch):
    """CPUs round float32 factors to TF32 by default, as GPUs do."""
    monkeypatch.setitem(tolerance._MULTIPLY, ("cpu", "default"), TF32)


def judged(precision=None, device=None, dtype="float32", dilation=2):
    """A convolution with another dilation than torch's, so that it is wrong."""
    x = X.astype(jnp.dtype(dtype))
    theirs = torch.nn.Conv2d(4, 4, 3, padding=1).to(getattr(torch, dtype))
    ours = jaxconv.Conv2d(
        4,
        4,
        3,
        padding=1,
        dilation=dilation,
        precision=precision,
        param_dtype=jnp.dtype(dtype),
        rngs=nnx.Rngs(0),
    )
    ours = jaxconv.load_state_dict(ours, theirs.state_dict())
    call = Call("conv", theirs, (x,), {}, (((2, 4, 6, 6), x.dtype),))
    return layers.JudgedLayer(drawn(call, np.random.default_rng(0)), flax_network.network(ours), device)


@pytest.mark.parametrize(("precision", "multiply"), [("default", TF32), ("highest", 0.0)])
def test_the_layer_s_precision(arithmetics, cpus_like_gpus, precision, multiply):
    layer = judged(precision)
    assert not all(v.ok for v in layer.verdicts) and layer.arithmetic.multiply == multiply
    diagnose.layer(layer, None, MEMORY_LIMIT)
    assert arithmetics and arithmetics[0] == layer.arithmetic


def test_the_layer_s_device(arithmetics, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    layer = judged(device=jax.devices("cpu")[0])
    assert layer.arithmetic.multiply == 0 and not all(v.ok for v in layer.verdicts)
    diagnose.layer(layer, None, MEMORY_LIMIT)
    assert arithmetics and arithmetics[0] == layer.arithmetic


def test_torchs_own_result_is_judged_by_what_cpus_compute_in(monkeypatch):
    """torch runs on the CPU, also where ours computes in TF32 on a GPU."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert all(v.ok for v in judged(dilation=1).verdicts)
    layer = judged(dilation=1)
    assert layer.arithmetic.multiply == TF32
    rounded = np.float32(1 + 2.0**-12)
    layer.ours["output"] = layer.ours["output"] * rounded
    assert all(v.ok for v in layer.verdicts)
    layer = judged(dilation=1)
    layer.run.theirs["output"] = layer.run.theirs["output"] * rounded
    assert [v.name for v in layer.verdicts if "torch is outside its own bound" in v.reason] == ["y"]


def test_reduced_precision_that_is_summed_in_reduced_precision(arithmetics):
    """Flax adds up a bias's gradient in bfloat16; torch and jaxconv in float32."""
    theirs = torch.nn.Linear(4, 3).bfloat16()
    ours = nnx.Linear(4, 3, param_dtype=jnp.bfloat16, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    ours.kernel[...] = jnp.asarray(theirs.weight.detach().float().numpy().T * 2, jnp.bfloat16)
    x = X[:, :, 0, :4].astype(jnp.bfloat16)
    report = parity.check(theirs, ours, x, convert=None)
    assert not report.ok
    store = tolerance.arithmetic(jnp.bfloat16).store
    assert arithmetics and {how.sums for how in arithmetics} == {store}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_the_cause_is_the_right_one_in_every_dtype(dtype):
    assert diagnose.layer(judged(dtype=dtype), None, MEMORY_LIMIT).cause == "dilation.value"


def test_another_shape_than_torch_s_is_a_verdict_in_float64_too():
    x = X.astype(np.float64)
    report = parity.check(torch.nn.AvgPool2d(2), jaxconv.AvgPool2d(3, stride=1), x)
    assert not report.ok and report.first_divergence == ""
    assert len(report.diagnosis) == 1


def test_nothing_is_run_twice(monkeypatch):
    runs = []
    original = flax_run.run
    monkeypatch.setattr(flax_run, "run", lambda *args: runs.append(1) or original(*args))
    layer = judged()
    layer.verdicts, diagnose.layer(layer, None, MEMORY_LIMIT)
    assert len(runs) == 1


def test_a_refusal_is_a_verdict_and_a_diagnosis():
    theirs = torch.nn.Linear(6, 3)
    ours = jaxconv.Linear(5, 3, rngs=nnx.Rngs(0))
    call = Call("fc", theirs, (X,), {}, (((2, 4, 6, 3), X.dtype),))
    layer = layers.JudgedLayer(drawn(call, np.random.default_rng(0)), flax_network.network(ours))
    (verdict,) = layer.verdicts
    assert "the Flax layer refused torch's input" in verdict.reason
    assert layer.ours == {} and diagnose.layer(layer, None, MEMORY_LIMIT).cause == "refused"
