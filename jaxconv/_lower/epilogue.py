"""What follows a convolution and can be computed with it: bias, residual sum and activation."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxconv._arrays import along
from jaxconv._rows import long_rows

ACTIVATIONS = ("none", "clamp", "leaky", "sigmoid", "silu", "hardsigmoid", "hardswish")
"""Those of the kernels (native/epilogue.h)."""
RESIDUALS = ("none", "first", "last")


@dataclass(frozen=True, slots=True)
class Epilogue:
    """y = activation(conv + bias + residual), or activation(conv + bias) + residual.

    Attributes:
        bias: whether there is a bias, (C_out,).
        residual: 'none', 'first' (added before the activation) or 'last'; an array of y's shape.
        activation: one of ACTIVATIONS.
        low: the lower end of 'clamp', or the slope of 'leaky'.
        high: the upper end of 'clamp'.
    """

    bias: bool = False
    residual: str = "none"
    activation: str = "none"
    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        words = ["bias"] * self.bias + ["residual"] * (self.residual == "first")
        words += [self.activation_in_words] if self.activation != "none" else []
        return " + ".join(words + ["residual"] * (self.residual == "last"))

    @property
    def activation_in_words(self) -> str:
        """The activation under its usual name."""
        if self.activation == "leaky":
            return f"leaky relu {self.low:g}"
        if self.activation != "clamp":
            return self.activation
        known = {(0.0, math.inf): "relu", (0.0, 6.0): "relu6"}
        return known.get((self.low, self.high), f"clamp [{self.low:g}, {self.high:g}]")

    def compute(self, y: jax.Array, bias: jax.Array | None, residual: jax.Array | None) -> jax.Array:
        """The epilogue of y (N, C, *size), written for XLA."""
        rows = long_rows(y)
        if bias is not None:
            rows = rows + along(bias, 1, rows.ndim)
        if residual is not None and self.residual == "first":
            rows = rows + residual.reshape(rows.shape)
        rows = self._activated(rows)
        if residual is not None and self.residual == "last":
            rows = rows + residual.reshape(rows.shape)
        return rows.reshape(y.shape)

    def _activated(self, x: jax.Array) -> jax.Array:
        match self.activation:
            case "clamp":
                return jnp.clip(x, self.low, self.high)
            case "leaky":
                return jnp.where(x < 0, x * self.low, x)
            case "sigmoid":
                return jax.nn.sigmoid(x)
            case "silu":
                return x * jax.nn.sigmoid(x)
            case "hardsigmoid":
                return jnp.clip(x + 3, 0, 6) / 6
            case "hardswish":
                return x * (jnp.clip(x + 3, 0, 6) / 6)
        return x
