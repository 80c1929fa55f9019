"""A program's convolutions, each to be computed by its kernel with what follows it, or by a lowering of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax

from jaxconv._inference.find import Found, find
from jaxconv._inference.flat import Flat
from jaxconv._inference.values import Blocks, Values
from jaxconv._lower import blocked, blocks, native
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

    def in_blocks(self, lanes: int) -> bool:
        """Whether its kernel computes it in blocks of so many channels; not if there are 0."""
        wanted = lanes > 0 and self.forced in (None, NATIVE)
        return wanted and blocked.can(self.product, self.batch, jax.numpy.dtype(self.dtype), lanes)


class Layers:
    """A function as a program whose convolutions can be computed in several ways.

    Attributes:
        layers: its convolutions, in the order of its equations.
    """

    def __init__(self, function: Callable[..., Any], args: Sequence[Any]) -> None:
        self._flat = Flat(function, args)
        self._found = find(self._flat)
        self._all = [self._layer(found) for found in self._found]
        self.layers = [
            layer
            for layer, found in zip(self._all, self._found, strict=True)
            if self._flat.eqns[found.at].primitive is conv_p
        ]

    def _layer(self, found: Found) -> Layer:
        eqn = self._flat.eqns[found.at]
        a, b = (v.aval for v in eqn.invars)
        forced = eqn.params.get("forced")
        return Layer(found.product, found.product.batch(a, b), str(a.dtype), found.epilogue, forced)

    def function(self, chosen: Mapping[Layer, str] | None = None, lanes: int = 0) -> Callable[..., Any]:
        """The function.

        Args:
            chosen: a lowering's name by layer; without one a layer gets the table's.
            lanes: if not 0, convolutions of the kernels are computed in blocks of so many channels, and so are dense
                layers of one sample.
        """
        chosen = chosen or {}
        instead: dict[int, Callable[[Values], Any] | None] = {}
        for layer, found in zip(self._all, self._found, strict=True):
            name = chosen.get(layer, layer.default().name)
            in_blocks = layer.in_blocks(lanes) and chosen.get(layer, NATIVE) == NATIVE
            of_kernel = name == NATIVE and found.epilogue is not None and layer in self.layers
            if in_blocks or of_kernel:
                instead |= dict.fromkeys({found.at, *found.members})
                last = found.at if found.epilogue is None else found.last
                instead[last] = partial(self._in_blocks if in_blocks else self._fused, layer, found)
            elif layer in chosen and name != layer.default().name:
                instead[found.at] = partial(self._forced, found, name)

        def run(*args: Any) -> Any:
            known = dict(zip(self._flat.invars, jax.tree.leaves(args), strict=True))
            return self._flat.results(self._flat.computed(instead, known, lanes))

        return run

    def _fused(self, layer: Layer, found: Found, values: Values) -> jax.Array:
        eqn = self._flat.eqns[found.at]
        operands = [*map(values, eqn.invars)]
        if found.bias is not None:
            operands.append(values(found.bias).reshape(-1))
        if found.residual is not None:
            operands.append(values(found.residual).reshape(eqn.outvars[0].aval.shape))
        y = fused_conv_p.bind(*operands, product=layer.product, epilogue=layer.epilogue)
        return y.reshape(self._flat.eqns[found.last].outvars[0].aval.shape)

    def _in_blocks(self, layer: Layer, found: Found, values: Values) -> Blocks:
        product, lanes = layer.product, values.lanes
        x, weight = self._operands(found, values)
        takes_blocks = blocked.takes_blocks(product, lanes)
        operands = [x, blocks.pack_weight(weight, product, lanes, takes_blocks)]
        shape = (layer.batch, blocks.count(product.spec.out_channels, lanes), *product.out, lanes)
        if found.bias is not None:
            operands.append(blocks.filled(values(found.bias).reshape(-1), shape[1] * lanes, 0))
        if found.residual is not None:
            operands.append(values.blocks(found.residual).reshape(shape))
        y = blocked.blocked_conv_p.bind(
            *operands,
            product=product,
            epilogue=layer.epilogue or Epilogue(),
            lanes=lanes,
            blocked=takes_blocks,
        )
        last = found.at if found.epilogue is None else found.last
        size = self._flat.eqns[last].outvars[0].aval.shape[2:]
        return Blocks(y.reshape(*shape[:2], *size, lanes))

    def _operands(self, found: Found, values: Values) -> tuple[jax.Array, jax.Array]:
        """The input, in blocks if the kernels want it so, and the weight."""
        eqn = self._flat.eqns[found.at]
        in_blocks = blocked.takes_blocks(found.product, values.lanes)
        x = values.blocks(eqn.invars[0]) if in_blocks else values(eqn.invars[0])
        weight = values(eqn.invars[1])
        if eqn.primitive is conv_p:
            return x, weight
        (_, (axis,)), _ = eqn.params["dimension_numbers"]
        weight = weight if axis == 1 else weight.T
        return x.reshape(*x.shape[:2], 1, *x.shape[2:]), weight[..., None]

    def _forced(self, found: Found, name: str, values: Values) -> jax.Array:
        eqn = self._flat.eqns[found.at]
        return conv_p.bind(*map(values, eqn.invars), **eqn.params | {"forced": name})
