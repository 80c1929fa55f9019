"""A program's convolutions, each to be computed by its kernel with what follows it, or by a lowering of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax

from jaxconv._epilogues.find import Found, find
from jaxconv._epilogues.flat import Flat, Value
from jaxconv._lower import native
from jaxconv._lower.choice import NATIVE, Choice, choose
from jaxconv._lower.epilogue import Epilogue
from jaxconv._lower.fused import fused_conv_p
from jaxconv._lower.primitive import conv_p
from jaxconv._lower.product import Product


@dataclass(frozen=True)
class Layer:
    """A convolution and what follows it: all by which the speed of its lowerings differs.

    Attributes:
        product: the convolution.
        batch: the number of samples.
        dtype: of the operands; its name.
        epilogue: what the kernels may compute with it; None for nothing.
        forced: the lowering that the program asks for.
    """

    product: Product
    batch: Any
    dtype: str
    epilogue: Epilogue | None
    forced: str | None

    def default(self) -> Choice:
        """The lowering that the table of measurements has for it."""
        kernels = jax.default_backend() == "cpu" and native.isa() is not None
        return choose(self.product, self.batch, jax.numpy.dtype(self.dtype), self.forced, kernels)


class Layers:
    """A function as a program whose convolutions can be computed in several ways.

    Attributes:
        layers: its convolutions, in the order of its equations.
    """

    def __init__(self, function: Callable[..., Any], args: Sequence[Any]) -> None:
        self._flat = Flat(function, args)
        self._found = find(self._flat)
        self.layers = [self._layer(found) for found in self._found]

    def _layer(self, found: Found) -> Layer:
        eqn = self._flat.eqns[found.at]
        a, b = (v.aval for v in eqn.invars)
        product = eqn.params["product"]
        return Layer(product, product.batch(a, b), str(a.dtype), found.epilogue, eqn.params["forced"])

    def function(self, chosen: Mapping[Layer, str] | None = None) -> Callable[..., Any]:
        """The function.

        Args:
            chosen: a lowering's name by layer; without one a layer gets the table's.
        """
        chosen = chosen or {}
        instead: dict[int, Callable[[Value], Any] | None] = {}
        for layer, found in zip(self.layers, self._found, strict=True):
            name = chosen.get(layer, layer.default().name)
            if name == NATIVE and found.epilogue is not None:
                instead |= dict.fromkeys({found.at, *found.members})
                instead[found.last] = partial(self._fused, layer, found)
            elif layer in chosen and name != layer.default().name:
                instead[found.at] = partial(self._forced, found, name)
        return partial(self._flat.run, instead)

    def _fused(self, layer: Layer, found: Found, value: Value) -> jax.Array:
        eqn = self._flat.eqns[found.at]
        operands = [*map(value, eqn.invars)]
        if found.bias is not None:
            operands.append(value(found.bias).reshape(-1))
        if found.residual is not None:
            operands.append(value(found.residual).reshape(eqn.outvars[0].aval.shape))
        y = fused_conv_p.bind(*operands, product=layer.product, epilogue=layer.epilogue)
        return y.reshape(self._flat.eqns[found.last].outvars[0].aval.shape)

    def _forced(self, found: Found, name: str, value: Value) -> jax.Array:
        eqn = self._flat.eqns[found.at]
        return conv_p.bind(*map(value, eqn.invars), **eqn.params | {"forced": name})
