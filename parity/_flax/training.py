"""The Flax network trained for a few steps, with everything that each step leaves."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import jaxconv
from parity._flax.network import Part
from parity._flax.run import Arrays, trace
from parity._torch.network import names


def trainable(part: Part) -> list[str]:
    """The names of what an optimizer changes: nnx.Param, Linen's `params`, a function's parameters."""
    if not isinstance(part.module, nnx.Module):
        return list(part.parameters)
    # Each variable gets a value of its own to be known by, as names are not in the variables.
    marks = nnx.merge(part.static, jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), part.held))
    params = {id(v.get_raw_value()) for _, v in nnx.iter_graph(marks) if isinstance(v, nnx.Param)}
    known = {name for name, value in jaxconv.state_dict(marks).items() if id(value) in params}
    return [name for name in part.parameters if name in known]


def trained(
    part: Part,
    inputs: Sequence[np.ndarray],
    steps: int,
    optimizer: optax.GradientTransformation,
    loss: Callable[[Any], Any] | None,
    targets: Sequence[np.ndarray],
    buffers: Sequence[str],
) -> Arrays:
    """Trains a network; results by the names of `parity._torch.training.Training`.

    Args:
        part: the network.
        inputs: what it is given in each step.
        steps, loss, targets: as of the recipe.
        optimizer: is given a dict of the parameters by their names in the Flax network.
        buffers: the names of torch's buffers that a step changes.
    """
    program = trace(part, inputs, {}, buffers).program

    @jax.jit
    def step(moving: Any, fixed: Any) -> Any:
        def objective(moving: Any) -> Any:
            ys, rest = program(moving, fixed)
            if loss is not None:
                return loss(ys[0] if len(ys) == 1 else ys), (ys, rest)
            pairs = zip(ys, targets, strict=True)
            return sum(jnp.square(jnp.abs(y - t)).mean() / 2 for y, t in pairs), (ys, rest)

        return jax.value_and_grad(objective, has_aux=True)(moving)

    chosen = trainable(part)
    state = None
    results: Arrays = {}
    for number in range(1, steps + 1):
        traced = trace(part, inputs, {}, buffers)
        (value, (ys, (_, after))), grads = step(traced.moving, traced.fixed)
        arrays = part.arrays()
        params = {name: jnp.asarray(arrays[name]) for name in chosen}
        # JAX's gradient of a complex parameter is the conjugate of torch's.
        gradients = {n: jnp.conj(g) for n, g in traced.of_parameters(grads).items() if n in params}
        state = optimizer.init(params) if state is None else state
        updates, state = optimizer.update(gradients, state, params)
        params = optax.apply_updates(params, updates)
        part = part.with_weights({**arrays, **after, **params})
        left = {"loss": value, **dict(zip(names("output", len(ys)), ys, strict=True))}
        left |= traced.linked("buffer", after)
        left |= traced.linked("parameter", {n: a for n, a in part.arrays().items() if n in part.parameters})
        results |= {f"step{number}.{name}": np.asarray(a) for name, a in left.items()}
    return results
