"""What a pickle is read into: data, and inert stand-ins for everything else. Nothing here is the file's code."""

from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes  # noqa: F401  # gives numpy bfloat16 and float8
import numpy as np

from jaxconv._files.limits import Budget, Damaged

_DIMS = 32


def product(shape: tuple[int, ...]) -> int:
    """Of Python's ints, which do not overflow."""
    count = 1
    for n in shape:
        count *= n
    return count


def sizes(value: Any) -> tuple[int, ...]:
    """A shape or strides, checked."""
    good = isinstance(value, tuple | list) and len(value) <= _DIMS
    if not (good and all(isinstance(n, int) and 0 <= n < 2**62 for n in value)):
        raise Damaged("a tensor has invalid sizes or strides")
    return tuple(int(n) for n in value)


class StandIn:
    """An object of a class that is not data: its name, and what the file says about it. It does nothing.

    Attributes:
        name: 'module.Class'.
        arguments: what it was made from.
        state: its attributes, or whatever the pickle gave it as state.
        items: what was put into it as into a dict; `elements`, as into a list or set.
    """

    def __init__(self, name: str, arguments: tuple[Any, ...] = ()):
        self.name, self.arguments = name, arguments
        self.state: Any = None
        self.items: dict[Any, Any] = {}
        self.elements: list[Any] = []

    def __repr__(self) -> str:
        return f"<{self.name}, not imported>"

    def attributes(self) -> dict[Any, Any]:
        """The state as names and values."""
        state = self.state
        parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)  # of __slots__
        found: dict[Any, Any] = {}
        for part in parts:
            found |= part if isinstance(part, dict) else {}
        return found | self.items


class Foreign:
    """A class or function by its name only. To call it makes a stand-in."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"<class {self.name}, not imported>"


class Dict(dict[Any, Any]):
    """An OrderedDict, defaultdict or Counter, with the attributes that it had."""

    state: Any = None


class Unreadable:
    """A tensor or array that has no counterpart; `why` completes "the tensor"."""

    def __init__(self, why: str):
        self.why = why


class DType:
    """A numpy dtype in the making: the byte order comes later."""

    def __init__(self, code: str):
        self.code, self.order = code, "="

    def dtype(self) -> np.dtype | None:
        """None for strings, objects and records."""
        kind, width = self.code[:1], self.code[1:]
        if self.code == "bool":
            kind, width = "b", "1"
        if (
            kind not in tuple("biufc?")
            or width not in ("", "1", "2", "4", "8", "16")
            or self.order not in tuple("=<>|")
        ):
            return None
        try:
            found = np.dtype(self.code)
        except TypeError:
            return None
        return found.newbyteorder(self.order) if self.order in ("<", ">") else found  # type: ignore[arg-type]


class PickledArray:
    """A numpy array or scalar."""

    def __init__(self, is_scalar: bool = False):
        self.is_scalar = is_scalar
        self.array: np.ndarray | None = None
        self.code = ""

    def fill(self, shape: Any, dtype: Any, order: str, data: Any) -> None:
        """Takes the bytes; of an array of other things than numbers, nothing."""
        if not isinstance(dtype, DType):
            raise Damaged("a numpy array has no dtype")
        self.code = dtype.code
        known = dtype.dtype()
        data = data.encode("latin-1") if isinstance(data, str) else data
        if known is None or not isinstance(data, bytes | bytearray):
            return
        shape = sizes(shape)
        if product(shape) * known.itemsize != len(data):
            raise Damaged(f"a numpy array of shape {shape} and dtype {known} has {len(data)} bytes")
        self.array = np.frombuffer(data, known).reshape(shape, order="F" if order == "F" else "C")


class Storage:
    """The memory of one or more tensors, read when the first of them is asked for.

    Attributes:
        dtype: the name; 'uint8' of one without a dtype.
        nbytes: how many it has in the file.
    """

    def __init__(self, dtype: str, nbytes: int, read: Callable[[], np.ndarray], start: int = 0):
        self.dtype, self.nbytes, self.start = dtype, nbytes, start
        self._read = read
        self._memory: np.ndarray | None = None

    def memory(self) -> np.ndarray:
        """The bytes, as an array of uint8."""
        if self._memory is None:
            self._memory = self._read()
        return self._memory[self.start : self.start + self.nbytes]


class Tensor:
    """A torch tensor: where it lies in its storage. Its storage is not read before `array` is called."""

    def __init__(
        self, storage: Storage, dtype: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
    ):
        self.storage, self.dtype, self.offset = storage, dtype, offset
        self.shape, self.strides = shape, strides
        self.conj = self.neg = False
        self._array: np.ndarray | None = None

    def check(self) -> None:
        """Whether it lies inside its storage.

        Raises:
            Damaged: it does not.
        """
        if len(self.shape) != len(self.strides) or not isinstance(self.offset, int) or self.offset < 0:
            raise Damaged(f"a tensor of shape {self.shape} has the strides {self.strides}")
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        itemsize = np.dtype(self.dtype).itemsize
        if product(self.shape) and (last + 1) * itemsize > self.storage.nbytes:
            raise Damaged(
                f"a tensor of shape {self.shape} needs {(last + 1) * itemsize} bytes of a storage of "
                f"{self.storage.nbytes}"
            )

    def key(self) -> tuple[Any, ...]:
        """The same for two names of one tensor."""
        where = (self.dtype, self.offset, self.shape, self.strides, self.conj, self.neg)
        return (id(self.storage._read), self.storage.start, *where)

    def array(self, budget: Budget) -> np.ndarray:
        """The elements; a view of the storage's memory.

        Raises:
            Damaged: it has more elements than its storage, and more than the budget allows.
        """
        itemsize = np.dtype(self.dtype).itemsize
        nbytes = product(self.shape) * itemsize
        if nbytes > self.storage.nbytes:  # a stride of 0: whoever copies it needs that much
            budget.charge(
                nbytes, f"a tensor of shape {self.shape} in a storage of {self.storage.nbytes} bytes"
            )
        if not nbytes:
            return np.zeros(self.shape, self.dtype)
        memory = self.storage.memory()
        if len(memory) < self.storage.nbytes:
            raise Damaged(f"a storage has {len(memory)} bytes instead of {self.storage.nbytes}")
        if self.dtype == "bool" and memory.max(initial=0) > 1:
            raise Damaged("a bool tensor holds other bytes than 0 and 1")
        steps = tuple(step * itemsize for step in self.strides)
        array = np.ndarray(self.shape, self.dtype, memory, self.offset * itemsize, steps)
        if self.conj:
            array = np.conj(array)
        return -array if self.neg else array


def children(node: Any) -> Mapping[str, Any]:
    """What a value holds, by name: a dict's values, a list's elements, a stand-in's attributes."""
    if isinstance(node, StandIn):
        elements = {str(i): child for i, child in enumerate(node.elements)}
        return elements | {
            str(key): child for key, child in node.attributes().items() if isinstance(key, str)
        }
    if isinstance(node, dict):
        return {str(key): child for key, child in node.items() if isinstance(key, str | int)}
    if isinstance(node, list | tuple):
        return {str(i): child for i, child in enumerate(node)}
    return {}
