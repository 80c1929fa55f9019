"""Our side of a whole network: NNX or Linen, as parameters, one function, and its layers by torch's paths."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

import jaxconv


@dataclass(frozen=True)
class Part:
    """A network or a layer: what it computes, and from which parameters.

    Attributes:
        kind: the class's name.
        params: whatever `jaxconv.state_dict` takes.
        call: (params, *inputs) -> output or tuple of outputs.
        precision: the layer's own `precision`, if it has one.
    """

    kind: str
    params: Any
    call: Callable[..., Any]
    precision: Any = None

    def with_weights(self, weights: Any) -> "Part":
        """The same with the weights of a torch state_dict."""
        return replace(self, params=jaxconv.load_state_dict(self.params, weights)) if weights else self


def network(model: Any) -> Part:
    """An NNX module, a bound Linen module, or a pair (Linen module, variables).

    Raises:
        TypeError: anything else.
    """
    if isinstance(model, nnx.Module):
        return Part(type(model).__name__, model, lambda params, *inputs: params(*inputs))
    if isinstance(model, linen.Module) and model.scope is not None:
        model = model.unbind()
    if isinstance(model, tuple) and len(model) == 2 and isinstance(model[0], linen.Module):
        module, variables = model
        return Part(type(module).__name__, variables, module.apply)
    hint = ": give (module, variables) or module.bind(variables)" if isinstance(model, linen.Module) else ""
    raise TypeError(
        f"`flax_module` must be an NNX module, or a Linen module with variables, got {type(model).__name__}{hint}"
    )


def layers(model: Any, part: Part, inputs: Sequence[np.ndarray]) -> dict[str, Part]:
    """The modules that have no child modules, by path with torch's names, holding the weights of `part`.

    A Linen network is run once (abstractly) to see them: compact submodules exist only while it runs.
    """
    if isinstance(model, nnx.Module):
        return _nnx_layers(part.params)
    found: dict[str, Part] = {}

    def note(next_function: Any, args: Any, kwargs: Any, context: Any) -> Any:
        if context.method_name == "__call__":
            path = ".".join(context.module.path)
            module, variables = context.module.unbind()
            found[path] = Part(
                type(module).__name__, variables, module.apply, getattr(module, "precision", None)
            )
        return next_function(*args, **kwargs)

    # A network that does not run is reported elsewhere; the layers that it came to are still judged.
    with linen.intercept_methods(note), suppress(Exception):
        part.call(part.params, *map(jnp.asarray, inputs))
    parents = {name.rpartition(".")[0] for name in found if name}
    return {name: layer for name, layer in found.items() if name not in parents}


def _nnx_layers(model: nnx.Module) -> dict[str, Part]:
    # As in torch.nn.Sequential's names, and in jaxconv.state_dict's, there is no 'layers' between parent and children.
    sequential = {path for path, m in nnx.iter_modules(model) if isinstance(m, nnx.Sequential)}

    def name(path: tuple[Any, ...]) -> str:
        kept = [str(p) for i, p in enumerate(path) if not (p == "layers" and path[:i] in sequential)]
        return ".".join(kept)

    modules = dict(nnx.iter_modules(model))
    parents = {path[:i] for path in modules for i in range(len(path))}
    return {
        name(path): Part(
            type(module).__name__,
            module,
            lambda params, *inputs: params(*inputs),
            getattr(module, "precision", None),
        )
        for path, module in modules.items()
        if path not in parents
    }


def outputs_of(part: Part, inputs: Sequence[np.ndarray]) -> list[jax.ShapeDtypeStruct]:
    """The shapes and dtypes of what the part returns."""
    return list(jax.tree.leaves(jax.eval_shape(part.call, part.params, *map(jnp.asarray, inputs))))


def run(
    part: Part, inputs: Sequence[np.ndarray], cotangents: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray], dict[str, np.ndarray]]:
    """Runs forward and backward under jit: outputs, gradients of the inputs, gradients of the parameters by name.

    Integer outputs (indices) take no cotangent and come after the others.
    """

    @jax.jit
    def forward_and_backward(params: Any, xs: Any, cts: Any) -> Any:
        def split(params: Any, xs: Any) -> Any:
            leaves = jax.tree.leaves(part.call(params, *xs))
            inexact = [leaf for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.inexact)]
            return inexact, [leaf for leaf in leaves if not jnp.issubdtype(leaf.dtype, jnp.inexact)]

        ys, vjp, rest = jax.vjp(split, params, xs, has_aux=True)
        return ys, rest, *vjp(cts)

    xs, cts = ([jnp.asarray(a) for a in arrays] for arrays in (inputs, cotangents))
    ys, rest, d_params, d_inputs = forward_and_backward(part.params, xs, cts)
    to_numpy = lambda arrays: [np.asarray(a) for a in arrays]  # noqa: E731
    grads = (
        {name: np.asarray(grad) for name, grad in jaxconv.state_dict(d_params).items()}
        if jax.tree.leaves(d_params)
        else {}
    )
    return to_numpy([*ys, *rest]), to_numpy(d_inputs), grads
