"""What of a program depends on its parameters alone, such as packed weights: it is computed once, not in each call."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxconv import _jax_internals as internals
from jaxconv._inference.flat import Flat

_GROWTH = 2
"""What is more than so many times as large as its operands is computed in each call instead of being kept."""


class Split:
    """A function of (parameters, *inputs) as a function of what is prepared from the parameters, and of the inputs.

    Attributes:
        keys: of what is prepared. Two functions of the same parameters share a key if it is the same.
    """

    def __init__(self, function: Callable[..., Any], parameters: Any, inputs: Sequence[Any]) -> None:
        self._flat = flat = Flat(function, (parameters, *inputs))
        count = len(jax.tree.leaves(parameters))
        self._parameters, self._inputs = flat.invars[:count], flat.invars[count:]
        self._early: list[int] = []
        self._fixed: list[int] = []  # of neither parameters nor inputs
        known = {v: f"parameter {i}" for i, v in enumerate(self._parameters)}
        fixed = {v: _text(value) for v, value in flat.constants.items()}
        for i, eqn in enumerate(flat.eqns):
            variables = [v for v in eqn.invars if not internals.is_literal(v)]
            if eqn.effects or any(v not in known and v not in fixed for v in variables):
                continue
            keys = [repr(v.val) if internals.is_literal(v) else known.get(v) or fixed[v] for v in eqn.invars]
            own = repr((eqn.primitive.name, str(eqn.params), keys))
            outputs = {
                v: f"{hashlib.sha256(own.encode()).hexdigest()} {n}" for n, v in enumerate(eqn.outvars)
            }
            if not any(v in known for v in variables):
                self._fixed.append(i)
                fixed |= outputs
            elif sum(v.aval.size for v in outputs) <= _GROWTH * sum(v.aval.size for v in variables):
                self._early.append(i)
                known |= outputs
        early = {*self._early}
        late = [v for i, eqn in enumerate(flat.eqns) if i not in early for v in eqn.invars]
        self._prepared = [
            *dict.fromkeys(v for v in (*late, *flat.outvars) if not internals.is_literal(v) and v in known)
        ]
        self.keys = [known[v] for v in self._prepared]

    def prepare(self, parameters: Any) -> dict[str, jax.Array]:
        """What the function takes instead of the parameters, by key."""

        def run(*leaves: Any) -> list[Any]:
            skipped = dict.fromkeys({*range(len(self._flat.eqns))} - {*self._early, *self._fixed})
            values = self._flat.computed(skipped, dict(zip(self._parameters, leaves, strict=True)))
            return [*map(values, self._prepared)]

        return dict(zip(self.keys, jax.jit(run)(*jax.tree.leaves(parameters)), strict=True))

    def function(self, prepared: Mapping[str, Any], *inputs: Any) -> Any:
        """The function's result."""
        known = {v: prepared[key] for v, key in zip(self._prepared, self.keys, strict=True)}
        known |= dict(zip(self._inputs, jax.tree.leaves(inputs), strict=True))
        return self._flat.results(self._flat.computed(dict.fromkeys(self._early), known))


def _text(constant: Any) -> str:
    value = np.asarray(constant)
    return hashlib.sha256(value.tobytes()).hexdigest() + str((value.dtype, value.shape))
