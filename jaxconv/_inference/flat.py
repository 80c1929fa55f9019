"""A program as one list of equations: what it calls (jit, custom derivatives) is written out."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jaxconv import _jax_internals as internals
from jaxconv._inference.layout import in_blocks
from jaxconv._inference.values import Values


class Flat:
    """A function's equations, for arguments of one shape; without those that have no effect.

    Attributes:
        eqns: in order.
        invars, outvars: the arguments and the results.
        uses: how often each variable is an operand or a result of the program.
        maker: the number of the equation that computes a variable.
        users: the numbers of the equations that have a variable as an operand.
        constants: the value of each variable that is a constant.
    """

    def __init__(self, function: Callable[..., Any], args: Sequence[Any]) -> None:
        closed, shapes = jax.make_jaxpr(function, return_shape=True)(*args)
        leaves = jax.tree.leaves(tuple(args))
        jaxpr, consts = internals.opened(jax.make_jaxpr(lambda *xs: _inlined(closed, xs))(*leaves))
        self.constants: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
        self.invars, self.outvars = jaxpr.invars, jaxpr.outvars
        self._tree = jax.tree.structure(shapes)
        self.uses: Counter[Any] = Counter(v for v in self.outvars if not internals.is_literal(v))
        self.eqns: list[Any] = []
        for eqn in reversed(jaxpr.eqns):
            if eqn.effects or any(v in self.uses for v in eqn.outvars):
                self.eqns.append(eqn)
                self.uses.update(v for v in eqn.invars if not internals.is_literal(v))
        self.eqns.reverse()
        self.maker = {v: i for i, eqn in enumerate(self.eqns) for v in eqn.outvars}
        self.users: dict[Any, list[int]] = {}
        for i, eqn in enumerate(self.eqns):
            for v in dict.fromkeys(v for v in eqn.invars if not internals.is_literal(v)):
                self.users.setdefault(v, []).append(i)

    def computed(
        self,
        instead: Mapping[int, Callable[[Values], Any] | None],
        known: Mapping[Any, Any],
        lanes: int = 0,
    ) -> Values:
        """The values of the variables.

        Args:
            instead: by its number, what computes the only result of an equation, an array or Blocks, from the values of
                variables; None for an equation that is left out.
            known: the values of the arguments.
            lanes: the channels of a block, if results are Blocks.
        """
        values = Values({**self.constants, **known}, lanes)
        for i, eqn in enumerate(self.eqns):
            if i not in instead:
                results = in_blocks(eqn, values)
                if results is None:
                    results = internals.evaluate(eqn, [*map(values, eqn.invars)])
                for variable, result in zip(eqn.outvars, results, strict=True):
                    values.set(variable, result)
            elif (compute := instead[i]) is not None:
                values.set(eqn.outvars[0], compute(values))
        return values

    def results(self, values: Values) -> Any:
        """The function's result."""
        return jax.tree.unflatten(self._tree, [*map(values, self.outvars)])


def _inlined(closed: Any, args: Sequence[Any]) -> list[Any]:
    jaxpr, consts = internals.opened(closed)
    env = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *args), strict=True))

    def value(atom: Any) -> Any:
        return atom.val if internals.is_literal(atom) else env[atom]

    for eqn in jaxpr.eqns:
        operands = [*map(value, eqn.invars)]
        inner = internals.called(eqn)
        found = internals.evaluate(eqn, operands) if inner is None else _inlined(inner, operands)
        env.update(zip(eqn.outvars, found, strict=True))
    return [*map(value, jaxpr.outvars)]
