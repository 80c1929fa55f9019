"""A case of a whole layer: torch's module and ours with the same weights, judged as `parity.check` judges layers."""

import inspect
import warnings
from typing import Any

import jax
import numpy as np
import torch
from flax import nnx

import jaxconv
from parity._flax import network as flax_network
from parity._judge.layer import JudgedLayer
from parity._judge.verdict import Verdict, failed
from parity._torch import tensors
from parity._torch.network import Call, floating
from parity._torch.original import drawn
from parity._torch.tensors import to_numpy
from parity.suite.case import Case, as_dtype, draw_input


def _torch_module(case: Case, suite_seed: int) -> torch.nn.Module:
    with tensors.seeded(case.seed(suite_seed, "init")), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = getattr(torch.nn, case.op)(**case.arguments)
    return module.to(tensors.DTYPES[case.dtype])


def _ours(case: Case, suite_seed: int, x: np.ndarray) -> tuple[Any, Any]:
    """A Flax layer as `parity.check` takes it, and what it holds."""
    kind = getattr(jaxconv if case.api == "nnx" else jaxconv.linen, case.op)
    known = inspect.signature(kind.__init__).parameters
    training = case.group == "training"
    options = {
        "param_dtype": as_dtype(case.dtype),
        "deterministic": True,
        "use_running_average": not training,
        "rngs": nnx.Rngs(case.seed(suite_seed, "init")),
    }
    layer = kind(**case.arguments, **{name: value for name, value in options.items() if name in known})
    if case.api == "nnx":
        return layer, layer
    held = layer.init(jax.random.key(case.seed(suite_seed, "init")), x)
    return layer, held


def init_both(case: Case, suite_seed: int) -> tuple[torch.nn.Module, Any, list[Verdict]]:
    """Both layers with the same weights, carried over in the case's direction and back, and whether bit for bit."""
    x = draw_input(case, suite_seed)
    module = _torch_module(case, suite_seed)
    layer, held = _ours(case, suite_seed, x)
    state = dict(module.state_dict())
    verdicts: list[Verdict] = []
    if state and case.direction == "to_flax":
        if any(True for _ in module.buffers()) and not case.refused:
            with torch.no_grad():  # statistics that are not their defaults
                module.train()(tensors.from_numpy(x))
        state = dict(module.state_dict())
        held = jaxconv.load_state_dict(held, state)
        back = jaxconv.to_torch(jaxconv.state_dict(held))
    elif state:
        back = jaxconv.to_torch(jaxconv.state_dict(held))
        module.load_state_dict(back, strict=True)
        state, back = back, dict(module.state_dict())
    else:
        back = {}
    if list(back) != list(state):
        verdicts.append(failed("weights", f"names {list(back)} where {list(state)} were given"))
    for name in set(back) & set(state):
        if to_numpy(back[name]).tobytes() != to_numpy(state[name]).tobytes():
            verdicts.append(failed(f"weights.{name}", "not carried over bit for bit"))
    return module.train(case.group == "training"), held if case.api == "nnx" else (layer, held), verdicts


def run_module(case: Case, suite_seed: int, device: jax.Device) -> tuple[Verdict, ...]:
    """The case's verdicts."""
    with jax.default_device(device):
        module, ours, verdicts = init_both(case, suite_seed)
        x = draw_input(case, suite_seed)
        with torch.no_grad():
            outputs = floating(tensors.detached(module)(tensors.from_numpy(x)))
        shapes = tuple((tuple(y.shape), to_numpy(y).dtype) for y in outputs)
        call = Call(case.id, module, (x,), {}, shapes)
        rng = np.random.default_rng(case.seed(suite_seed, "cotangent"))
        judged = JudgedLayer(drawn(call, rng), flax_network.network(ours), device)
        return (*verdicts, *judged.verdicts)


def call_ours(case: Case, suite_seed: int) -> Any:
    """Our side of a case that is to be refused: construction, weights and call."""
    x = draw_input(case, suite_seed)
    layer, held = _ours(case, suite_seed, x)
    return layer(x) if case.api == "nnx" else layer.apply(held, x)


def call_torch(case: Case, suite_seed: int) -> Any:
    """torch's side of it."""
    return _torch_module(case, suite_seed)(tensors.from_numpy(draw_input(case, suite_seed)))
