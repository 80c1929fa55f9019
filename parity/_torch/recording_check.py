"""What checks of a recording's header have in common: problems are collected, arrays and nested values are known."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import torch

_DEPTH = 32
"""How deeply the arguments of a layer may be nested."""
_SHOWN = 20
"""How many problems a message lists."""

TORCH_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.bool,
        torch.uint8,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.bfloat16,
        torch.float16,
        torch.float32,
        torch.float64,
        torch.complex64,
        torch.complex128,
    )
}
"""The dtypes that a layer may have been called with."""


def floating(dtype: Any) -> bool:
    """Whether torch and JAX have this floating dtype, and torch's arithmetic."""
    return np.dtype(dtype).name in TORCH_DTYPES and bool(jnp.issubdtype(dtype, jnp.floating))


def inexact(name: str) -> bool:
    """Whether torch has this dtype and it is floating or complex."""
    dtype = TORCH_DTYPES.get(name)
    return dtype is not None and (dtype.is_floating_point or dtype.is_complex)


class Invalid(ValueError):
    """All that is wrong with a header, one line each."""

    def __init__(self, problems: list[str]):
        more = len(problems) - _SHOWN
        lines = problems if more <= 1 else [*problems[:_SHOWN], f"and {more} more problems"]
        super().__init__("\n\t".join(["", *lines]))


class Checker:
    """Collects what is wrong, and goes on."""

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self.arrays = arrays
        self.problems: list[str] = []

    def that(self, holds: bool, problem: str) -> bool:
        """Whether it holds; notes the problem if not."""
        if not holds:
            self.problems.append(problem)
        return holds

    def array(self, where: str, value: Any) -> np.ndarray | None:
        """The array that a reference names."""
        key = value.get("array") if isinstance(value, dict) and len(value) == 1 else None
        if not isinstance(key, str) or key not in self.arrays:
            self.problems.append(f"{where}: must be a reference to an array of the file, is {value!r:.80}")
            return None
        found = self.arrays[key]
        return (
            found
            if self.that(found.dtype.name in TORCH_DTYPES, f"{where}: dtype {found.dtype} is not torch's")
            else None
        )

    def arrays_in(self, where: str, value: Any) -> list[np.ndarray]:
        """The arrays of a list."""
        if not self.that(isinstance(value, list), f"{where}: must be a list of arrays"):
            return []
        found = [self.array(f"{where}[{i}]", v) for i, v in enumerate(value)]
        return [a for a in found if a is not None]

    def named(self, where: str, value: Any) -> dict[str, np.ndarray]:
        """Names and arrays."""
        found = {}
        for name, held in self.items(where, value):
            a = self.array(f"{where}[{name!r:.80}]", held)
            if a is not None:
                found[name] = a
        return found

    def items(self, where: str, value: Any) -> list[tuple[str, Any]]:
        """The pairs of a dict, as `_Writer.tree` writes it."""
        pairs = value.get("dict") if isinstance(value, dict) and len(value) == 1 else None
        good = isinstance(pairs, list) and all(
            isinstance(p, list) and len(p) == 2 and isinstance(p[0], str) for p in pairs
        )
        if not self.that(good, f"{where}: must be a dict of names, is {value!r:.80}"):
            return []
        assert isinstance(pairs, list)
        self.that(len({p[0] for p in pairs}) == len(pairs), f"{where}: a name occurs twice")
        return [(p[0], p[1]) for p in pairs]

    def tree(self, where: str, value: Any, depth: int = 0) -> None:
        """Nested containers of arrays and plain values: what a layer is called with."""
        if depth > _DEPTH:
            self.problems.append(f"{where:.80}: nested more than {_DEPTH} deep")
        elif isinstance(value, list):
            for i, v in enumerate(value):
                self.tree(f"{where}[{i}]", v, depth + 1)
        elif isinstance(value, dict):
            kind = next(iter(value)) if len(value) == 1 else None
            if kind == "array":
                self.array(where, value)
            elif kind == "dtype":
                known = isinstance(value["dtype"], str) and value["dtype"] in TORCH_DTYPES
                self.that(
                    known, f"{where}: {value['dtype']!r:.80} is not one of the dtypes {[*TORCH_DTYPES]}"
                )
            elif kind == "tuple" and isinstance(value["tuple"], list):
                self.tree(where, value["tuple"], depth)
            elif kind == "dict":
                for name, v in self.items(where, value):
                    self.tree(f"{where}[{name!r:.80}]", v, depth + 1)
            else:
                self.problems.append(
                    f"{where}: must be an array, a dtype, a tuple or a dict, is {value!r:.80}"
                )
        else:
            self.that(
                not isinstance(value, int) or abs(value) < 2**63, f"{where}: the int is wider than 64 bits"
            )
