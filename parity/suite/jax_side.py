"""Our side of a case: arrays in, arrays out. Knows nothing of torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import jaxconv
from parity.suite.case import Api, Case, as_dtype


@dataclass(frozen=True)
class _Forward:
    """A case's forward pass as a hashable function, so that cases that share it share its compilation.

    Its parameters are the NNX module itself, a Linen variables dict, or a dict of arrays.
    """

    api: Api
    op: str
    module: Any
    arguments: tuple[tuple[str, Any], ...]

    def __call__(self, params: Any, x: jax.Array) -> Any:
        if self.api == "nnx":
            return params(x)
        if self.api == "linen":
            return self.module.apply(params, x)
        return getattr(jaxconv.functional, self.op)(x, **params, **dict(self.arguments))


@partial(jax.jit, static_argnums=0)
def _forward(call: _Forward, params: Any, x: jax.Array) -> Any:
    return call(params, x)


@partial(jax.jit, static_argnums=0)
def _forward_and_backward(call: _Forward, params: Any, x: jax.Array, cotangent: jax.Array) -> Any:
    def output_and_rest(params: Any, x: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        result = call(params, x)
        return result if isinstance(result, tuple) else (result, None)

    y, vjp, indices = jax.vjp(output_and_rest, params, x, has_aux=True)
    if (y.shape, y.dtype) != (cotangent.shape, cotangent.dtype):
        return y, indices, None, None
    return y, indices, *vjp(cotangent)


def _build(case: Case, rngs: Callable[[], nnx.Rngs], **more: Any) -> tuple[Any, Any]:
    """A new module and its parameters; for NNX they are one."""
    if case.has_weights:
        more["param_dtype"] = as_dtype(case.dtype)
    if case.api == "nnx":
        if case.has_weights:
            more["rngs"] = rngs()
        return None, getattr(jaxconv, case.module)(**case.arguments, **more)
    module = getattr(jaxconv.linen, case.module)(**case.arguments, **more)
    if not case.has_weights:
        return module, {}
    return module, module.lazy_init(rngs().params(), jax.ShapeDtypeStruct(case.shape, as_dtype(case.dtype)))


def init(case: Case, suite_seed: int) -> dict[str, jax.Array]:
    """The parameters that we give a new module of this case, by torch's names."""
    _, params = _build(case, lambda: nnx.Rngs(case.seed(suite_seed, "init")))
    return jaxconv.state_dict(params)


def _blank(key: jax.Array, shape: tuple[int, ...], dtype: Any, **_: Any) -> jax.Array:
    # Not jnp.zeros: it would be compiled for each shape.
    return jnp.asarray(np.zeros(shape, dtype))


@lru_cache
def _template(case: Case) -> tuple[Any, Any]:
    """A module to load weights into."""
    blank = {"weight_init": _blank, "bias_init": _blank} if case.has_weights else {}
    return _build(case, lambda: nnx.Rngs(0), **blank)


def carry(case: Case, weights: Mapping[str, Any]) -> dict[str, Any]:
    """A torch state_dict after a module of this case has loaded it and given it back to torch."""
    return jaxconv.to_torch(jaxconv.state_dict(jaxconv.load_state_dict(_template(case)[1], weights)))


def run(
    case: Case,
    weights: Mapping[str, Any] | None,
    input: np.ndarray,
    cotangent: np.ndarray | None,
    device: jax.Device,
) -> dict[str, np.ndarray]:
    """`y`, `indices`, `grad.input`, `grad.weight`, `grad.bias`, as far as the case has them, jitted.

    Args:
        case: the case.
        weights: a torch state_dict; for a functional case, arrays; None for a module's own.
        input: the input.
        cotangent: of y's shape and dtype; None for no gradients. If y turns out to be of another, y alone is
            returned, so that the verdict is on it.
        device: where to run.
    """
    with jax.default_device(device):
        if case.api == "functional":
            module, params = None, {name: jnp.asarray(w) for name, w in (weights or {}).items()}
        else:
            module, params = _template(case)
            params = jaxconv.load_state_dict(params, weights) if weights else params
        call = _Forward(case.api, case.op, module, tuple(case.call_arguments.items()))
        x = jnp.asarray(input)
        if cotangent is None:
            result = _forward(call, params, x)
            return _named(*(result if isinstance(result, tuple) else (result, None)))
        # JAX transposes linearly, torch conjugates: a complex gradient is the other's conjugate.
        y, indices, d_params, d_input = _forward_and_backward(call, params, x, np.conj(cotangent))
        if d_input is None:
            return _named(y, indices)
        d_weights = d_params if case.api == "functional" else jaxconv.state_dict(d_params)
        grads = {"input": d_input, **d_weights}
        return _named(y, indices) | {f"grad.{name}": np.conj(np.asarray(g)) for name, g in grads.items()}


def _named(y: jax.Array, indices: jax.Array | None) -> dict[str, np.ndarray]:
    return {"y": np.asarray(y)} | ({} if indices is None else {"indices": np.asarray(indices)})
