"""A case's two sides: torch's layer and ours, with the same weights, carried over as the case says."""

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import nnx

import jaxconv
from parity._bounds.reference import wider
from parity._judge.verdict import Verdict, failed, judge
from parity._torch.tensors import DTYPES, from_numpy, seeded, to_numpy
from parity.suite.case import Case, as_dtype, draw_input, draw_weights

Function = Callable[..., Any]
"""Of the input, with weights and arguments as keywords, such as `jaxconv.functional.conv2d`."""


@dataclass(frozen=True)
class Functional:
    """A functional call as a function of (parameters, input): equal ones share a compilation."""

    function: Function
    arguments: tuple[tuple[str, Any], ...]

    def __call__(self, parameters: Mapping[str, Any], x: Any) -> Any:
        """The result for weights by name."""
        return self.function(x, **parameters, **dict(self.arguments))


def _blank(key: jax.Array, shape: tuple[int, ...], dtype: Any, **_: Any) -> jax.Array:
    # Not jnp.zeros, which would be compiled for each shape.
    return jnp.asarray(np.zeros(shape, dtype))


def torch_layer(case: Case, suite_seed: int) -> torch.nn.Module:
    """torch's layer; of a functional case, with the weights that are drawn for it."""
    with seeded(case.seed(suite_seed, "init")), warnings.catch_warnings():
        # "Complex modules are a new feature": they are what is compared.
        warnings.simplefilter("ignore")
        drawn = draw_weights(case, suite_seed) if case.api == "functional" else {}
        inexact = as_dtype(case.dtype).kind not in "biu"
        dtype = {"dtype": DTYPES[case.dtype]} if case.has_weights and inexact else {}
        module = getattr(torch.nn, case.module)(**case.arguments, **dtype)
        for name, array in drawn.items():
            delattr(module, name)
            if inexact:
                module.register_parameter(name, torch.nn.Parameter(from_numpy(array)))
            else:  # integers are no parameters for torch
                module.register_buffer(name, from_numpy(array))
        return module.to(DTYPES[case.dtype]) if module.state_dict() and inexact else module


def our_layer(case: Case, suite_seed: int, x: np.ndarray, function: Function | None = None) -> Any:
    """Ours as `parity.check` takes it: an NNX layer, a pair (Linen layer, variables), or (function, parameters)."""
    if case.api == "functional":
        function = getattr(jaxconv.functional, case.op) if function is None else function
        weights = {name: jnp.asarray(w) for name, w in draw_weights(case, suite_seed).items()}
        return Functional(function, tuple(case.call_arguments.items())), weights
    kind = getattr(jaxconv if case.api == "nnx" else jaxconv.linen, case.module)
    known = inspect.signature(kind.__init__).parameters
    options = {
        "param_dtype": as_dtype(case.dtype),
        "deterministic": True,
        "use_running_average": case.group != "training",
        "rngs": nnx.Rngs(case.seed(suite_seed, "init")),
    }
    if case.direction == "to_flax" and case.has_weights:  # torch's will take their place
        options |= {"weight_init": _blank, "bias_init": _blank}
    layer = kind(**case.arguments, **{name: value for name, value in options.items() if name in known})
    if case.api == "nnx":
        return layer
    return layer, layer.init(jax.random.key(case.seed(suite_seed, "init")), x)


def both(
    case: Case, suite_seed: int, function: Function | None = None
) -> tuple[torch.nn.Module, Any, tuple[Verdict, ...]]:
    """Both layers with the same weights, and whether these went to the other side and back bit for bit."""
    x = draw_input(case, suite_seed)
    module, ours = torch_layer(case, suite_seed), our_layer(case, suite_seed, x, function)
    module.train()
    if case.direction == "to_flax" and any(True for _ in module.buffers()) and x.size:
        with torch.no_grad():  # statistics that are not their defaults
            module(from_numpy(x))
    module.train(case.group == "training")
    if case.direction is None:
        return module, ours, ()
    held = ours[1] if case.api == "linen" else ours
    if case.direction == "to_flax":
        before = dict(module.state_dict())
        held = jaxconv.load_state_dict(held, before) if before else held
        after = jaxconv.to_torch(jaxconv.state_dict(held)) if before else {}
    else:
        before = jaxconv.to_torch(jaxconv.state_dict(held)) if module.state_dict() else {}
        module.load_state_dict(before, strict=True)
        after = dict(module.state_dict())
    if list(after) != list(before):
        verdicts = [failed("weights", f"names {list(after)} where {list(before)} were given")]
    else:
        verdicts = [_carried(name, to_numpy(after[name]), to_numpy(t)) for name, t in before.items()]
    return module, (ours[0], held) if case.api == "linen" else held, tuple(verdicts)


def _carried(name: str, after: np.ndarray, before: np.ndarray) -> Verdict:
    return judge(f"weights.{name}", after, before, before.astype(wider(before.dtype)), bound=None)


def call_ours(case: Case, suite_seed: int, function: Function | None = None) -> Any:
    """Our side of a case that is to be refused: construction, weights and call."""
    x = draw_input(case, suite_seed)
    ours = our_layer(case, suite_seed, x, function)
    if case.api == "nnx":
        return ours(x)
    layer, held = ours
    return layer.apply(held, x) if case.api == "linen" else layer(held, jnp.asarray(x))


def call_torch(case: Case, suite_seed: int) -> Any:
    """torch's side of it."""
    x = from_numpy(draw_input(case, suite_seed))
    if case.api != "functional":
        return torch_layer(case, suite_seed)(x)
    weights = {name: from_numpy(w) for name, w in draw_weights(case, suite_seed).items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(torch.nn.functional, case.op)(x, **weights, **case.call_arguments)
