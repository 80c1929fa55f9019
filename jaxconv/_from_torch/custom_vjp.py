"""Arrays whose gradient is a program of its own."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp


def with_backward(
    backward: Callable[..., Sequence[Any]],
    inputs: tuple[jax.Array, ...],
    outputs: tuple[jax.Array, ...],
    residuals: tuple[Any, ...],
) -> tuple[jax.Array, ...]:
    """The outputs, differentiable with respect to the inputs by `backward` only.

    Args:
        backward: makes the inputs' gradients, in torch's conjugation and None for zero, of the outputs' cotangents, the
            inputs, the outputs and the residuals.
        inputs, outputs: of a custom Function.
        residuals: what else the backward takes from the forward pass.
    """

    @jax.custom_vjp
    def function(inputs: Any, outputs: Any, residuals: Any) -> Any:
        return outputs

    def forward(inputs: Any, outputs: Any, residuals: Any) -> Any:
        # The outputs that the backward sees are the function's own: they have its gradient when it is differentiated.
        outputs = function(inputs, outputs, residuals)
        return outputs, (inputs, outputs, residuals)

    def pull_back(kept: Any, cotangents: Any) -> Any:
        inputs, outputs, residuals = kept
        grads = backward(*map(jnp.conj, cotangents), *inputs, *outputs, *residuals)
        return tuple(map(_fitted, grads, inputs)), None, None

    function.defvjp(forward, pull_back)
    return function(inputs, outputs, residuals)


def _fitted(grad: Any, x: jax.Array) -> jax.Array:
    """A gradient in its input's shape and dtype, as torch's engine makes it."""
    if grad is None:
        return jnp.zeros_like(x)
    if grad.shape != x.shape:
        extra = tuple(range(grad.ndim - x.ndim))
        ones = tuple(
            i + len(extra) for i, n in enumerate(x.shape) if n == 1 and grad.shape[i + len(extra)] != 1
        )
        grad = (
            grad.sum(extra + ones).reshape(x.shape)
            if grad.ndim >= x.ndim
            else jnp.broadcast_to(grad, x.shape)
        )
    if jnp.iscomplexobj(grad) and not jnp.iscomplexobj(x):
        grad = grad.real
    return jnp.conj(grad).astype(x.dtype)


def refusing(reason: str) -> Callable[..., Any]:
    """A backward that raises.

    Raises:
        NotImplementedError: always, when the result is differentiated.
    """

    def backward(*_: Any) -> Any:
        raise NotImplementedError(reason)

    return backward
