"""The values of a program's variables, in torch's layout or in blocks of channels, converted when asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv import _jax_internals as internals
from jaxconv._lower.blocks import from_blocks, to_blocks


@dataclass(frozen=True)
class Blocks:
    """A result (N, C, *size) as an array (N, blocks, *size, lanes)."""

    array: jax.Array


class Values:
    """By variable; called with an operand it returns the value in torch's layout.

    Attributes:
        lanes: the channels of a block; 0 if nothing is in blocks.
    """

    def __init__(self, known: Mapping[Any, Any], lanes: int) -> None:
        self.lanes = lanes
        self._plain: dict[Any, Any] = dict(known)
        self._blocks: dict[Any, jax.Array] = {}

    def __call__(self, atom: Any) -> Any:
        if internals.is_literal(atom):
            return atom.val
        if atom not in self._plain:
            self._plain[atom] = from_blocks(self._blocks[atom], atom.aval.shape[1])
        return self._plain[atom]

    def set(self, variable: Any, value: Any) -> None:
        """Keeps a result."""
        if isinstance(value, Blocks):
            self._blocks[variable] = value.array
        else:
            self._plain[variable] = value

    def in_blocks(self, atom: Any) -> bool:
        """Whether the operand was computed in blocks, or has been converted."""
        return not internals.is_literal(atom) and atom in self._blocks

    def blocks(self, atom: Any) -> jax.Array:
        """The value (N, C, *size) in blocks."""
        if atom not in self._blocks:
            self._blocks[atom] = to_blocks(self(atom), self.lanes)
        return self._blocks[atom]

    def blocks_or_number(self, atom: Any) -> Any:
        """The operand of an elementwise operation on blocks: one number, one for each position, or blocks."""
        if internals.is_literal(atom) or not atom.aval.shape:
            return self(atom)
        return jnp.asarray(self(atom))[..., None] if atom.aval.shape[1] == 1 else self.blocks(atom)
