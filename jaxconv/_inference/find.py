"""What can be computed with a convolution, found in a program: a chain of equations of which nobody else needs any.

A dense layer of one sample counts as a convolution of one position.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp

from jaxconv import _jax_internals as internals
from jaxconv._inference import activations
from jaxconv._inference.flat import Flat
from jaxconv._lower.epilogue import Epilogue
from jaxconv._lower.primitive import conv_p
from jaxconv._lower.product import Product
from jaxconv._spec import conv_spec


@dataclass(frozen=True)
class Found:
    """A convolution of a program, or a dense layer.

    Attributes:
        at: the number of its equation.
        product: what it computes.
        epilogue: what follows it; None if that is nothing, or nothing that the kernels have.
        bias, residual: variables, if the epilogue has them.
        last: the number of the equation whose result is the epilogue's.
        members: the numbers of the equations that the epilogue stands for.
    """

    at: int
    product: Product
    epilogue: Epilogue | None = None
    bias: Any = None
    residual: Any = None
    last: int = -1
    members: frozenset[int] = frozenset()


def find(flat: Flat) -> list[Found]:
    """The program's convolutions and dense layers, in order. No two epilogues have an equation in common."""
    found: list[Found] = []
    taken: set[int] = set()
    for i, eqn in enumerate(flat.eqns):
        product = eqn.params["product"] if eqn.primitive is conv_p else _dense(eqn)
        if product is None:
            continue
        may_have = _may_have_epilogue(eqn, product)
        found.append(_Chain(flat, i, product, taken).found() if may_have else Found(i, product))
        taken |= found[-1].members
    return found


def _dense(eqn: Any) -> Product | None:
    """A product of one row and a matrix, (1, I) and (O, I) or (I, O), as a convolution of one position."""
    if eqn.primitive.name != "dot_general":
        return None
    a, b = (v.aval for v in eqn.invars)
    y = eqn.outvars[0].aval
    (contracted, (axis, *more)), batched = eqn.params["dimension_numbers"]
    one_row = a.ndim == b.ndim == 2 and a.shape[0] == 1 and tuple(contracted) == (1,) and not more
    if not one_row or batched != ((), ()) or {a.dtype, b.dtype, y.dtype} != {jnp.dtype(jnp.float32)}:
        return None
    if 0 in b.shape:
        return None
    return Product("y", conv_spec(1, (b.shape[1 - axis], b.shape[axis], 1), 1, 0, 1, 1), (1,))


def _may_have_epilogue(eqn: Any, product: Product) -> bool:
    y = eqn.outvars[0].aval
    fixed = all(isinstance(n, int) for n in y.shape)
    return fixed and product.wanted == "y" and y.dtype == eqn.invars[0].aval.dtype == jnp.float32


class _Chain:
    """What follows a convolution, equation after equation."""

    def __init__(self, flat: Flat, at: int, product: Product, taken: set[int]) -> None:
        self._flat, self._at, self._product, self._taken = flat, at, product, taken
        self._end = flat.eqns[at].outvars[0]
        self._shape = self._end.aval.shape
        self._epilogue = Epilogue()
        self._bias: Any = None
        self._residual: Any = None
        self._members: frozenset[int] = frozenset()

    def found(self) -> Found:
        while self._bias_follows() or self._residual_follows("first"):
            pass
        if self._activation_follows() and self._residual is None:
            self._residual_follows("last")
        if self._epilogue == Epilogue():
            return Found(self._at, self._product)
        last = self._flat.maker[self._end]
        return Found(self._at, self._product, self._epilogue, self._bias, self._residual, last, self._members)

    def _like(self, variable: Any) -> bool:
        """Whether the elements of a result of as many lie as the convolution's do, up to joined positions."""
        shape = variable.aval.shape
        return shape[:2] == self._shape[:2] and math.prod(shape) == math.prod(self._shape)

    def _added(self) -> tuple[int, Any, Any] | None:
        """If the chain's end is only added to something: the equation's number, and what it is added to.

        Reshapes between the two are part of it.
        """
        end, members = self._end, []
        while self._flat.uses[end] == 1 and (users := self._flat.users.get(end)):
            (i,) = users
            eqn = self._flat.eqns[i]
            if i in self._taken or len(eqn.outvars) != 1 or not self._like(eqn.outvars[0]):
                return None
            members.append(i)
            if eqn.primitive.name == "reshape":
                end = eqn.outvars[0]
                continue
            if eqn.primitive.name != "add":
                return None
            a, b = eqn.invars
            return i, (b if a is end else a), frozenset(members)
        return None

    def _bias_follows(self) -> bool:
        if self._bias is not None or (added := self._added()) is None:
            return False
        i, other, members = added
        source = self._by_channel(other)
        if source is None:
            return False
        self._bias = source
        self._extend(i, members, bias=True)
        return True

    def _residual_follows(self, when: str) -> bool:
        if self._residual is not None or (added := self._added()) is None:
            return False
        i, other, members = added
        end = self._flat.eqns[i].outvars[0].aval
        if internals.is_literal(other) or other.aval.shape != end.shape or other.aval.dtype != end.dtype:
            return False
        self._residual = other
        self._extend(i, members, residual=when)
        return True

    def _activation_follows(self) -> bool:
        known = activations.expressions(self._flat, self._end, self._like)
        for out, (expression, members) in reversed([*known.items()]):
            if not members or members & self._taken or not self._like(out):
                continue
            activation = activations.recognised(expression)
            if activation is None or not self._only_in(members, out):
                continue
            name, low, high = activation
            self._extend(self._flat.maker[out], members, activation=name, low=low, high=high)
            return True
        return False

    def _only_in(self, members: frozenset[int], out: Any) -> bool:
        """Whether nothing but these equations uses what they compute, apart from `out`, and their argument."""
        inner = {v for i in members for v in self._flat.eqns[i].outvars if v is not out} | {self._end}
        within = [v for i in members for v in self._flat.eqns[i].invars if not internals.is_literal(v)]
        return all(self._flat.uses[v] == within.count(v) for v in inner)

    def _extend(self, last: int, members: frozenset[int], **changes: Any) -> None:
        self._end = self._flat.eqns[last].outvars[0]
        self._members |= members
        self._epilogue = replace(self._epilogue, **changes)

    def _by_channel(self, atom: Any) -> Any:
        """The variable with a number for each channel that an operand is broadcast from; None if there is none."""
        channels = self._shape[1]
        if internals.is_literal(atom):
            return None
        shape = atom.aval.shape
        if math.prod(shape) == channels and len(shape) > 1 and shape[1] == channels:
            return atom
        eqn = self._flat.eqns[self._flat.maker[atom]] if atom in self._flat.maker else None
        if eqn is None or eqn.primitive.name != "broadcast_in_dim" or internals.is_literal(eqn.invars[0]):
            return None
        source = eqn.invars[0]
        own = [
            to for n, to in zip(source.aval.shape, eqn.params["broadcast_dimensions"], strict=True) if n != 1
        ]
        fits = own == ([1] if channels > 1 else []) and math.prod(source.aval.shape) == channels
        return source if fits else None
