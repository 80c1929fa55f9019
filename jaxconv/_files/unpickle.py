"""Reads pickles as data. No name in a pickle is imported, and nothing in it is called.

An interpreter of the pickle machine, for what torch.save and Python's pickle write (protocols 0 to 5). Python's own
unpickler calls what the file names, and can be made to take any amount of time and memory by a few bytes.
"""

import itertools
import pickletools
import struct
from collections import Counter
from collections.abc import Callable
from typing import IO, Any

from jaxconv._files.limits import Budget, Damaged
from jaxconv._files.values import Dict, DType, Foreign, PickledArray, StandIn

Function = Callable[..., Any]
"""One of our own functions, in the place of one that the file names."""

_PIECE = 2**16
_CODES: dict[bytes, tuple[str, Any]] = {
    op.code.encode("latin-1"): (op.name, None if op.arg is None else op.arg.reader)
    for op in pickletools.opcodes
}
"""Of each operation, its name and what reads its argument."""

_CUT = "it is a pickle without an end"
_SIZED = (str, bytes, bytearray)
_NO_KEYS = (list, dict, set, bytearray, tuple)


class Bounded:
    """The rest of a file, of which no more is ever asked for than there is."""

    def __init__(self, file: IO[bytes], size: int):
        self._file, self._end = file, size

    def read(self, count: int) -> bytes:
        """At most so many bytes."""
        if count > _PIECE:  # for which memory would be taken before it is known that there are as many
            count = max(0, min(count, self._end - self._file.tell()))
        return self._file.read(count)

    def readline(self) -> bytes:
        """A line, of at most 64 KiB."""
        return self._file.readline(_PIECE)


class Unpickler:
    """Reads pickles.

    Args:
        functions: what is called in the place of 'module.name'. Every other name becomes a stand-in.
        persistent: what a persistent id stands for.
        budget: how much may be made of it.

    Attributes:
        foreign: how many objects there were of each class that is not known.
    """

    def __init__(self, functions: dict[str, Any], persistent: Function, budget: Budget):
        self.functions, self.persistent, self.budget = functions, persistent, budget
        self.foreign: Counter[str] = Counter()

    def load(self, file: IO[bytes] | Bounded) -> Any:
        """The next pickle in the file.

        Raises:
            Damaged: it is no pickle, or too large.
        """
        machine = _Machine(self)
        try:
            for count in itertools.count():
                if count % 64 == 0:
                    self.budget.objects(64)
                code = file.read(1)
                if code not in _CODES:
                    raise Damaged(
                        f"it is not a pickle, or a damaged one: {code!r} is no operation" if code else _CUT
                    )
                name, reader = _CODES[code]
                argument = None if reader is None else reader(file)
                if name == "STOP":
                    return machine.stack.pop()
                machine.step(name, argument)
                if argument.__class__ in _SIZED:
                    self.budget.charge(len(argument), "what the pickle holds")
        except Damaged:
            raise
        except (
            ValueError,
            IndexError,
            KeyError,
            TypeError,
            OverflowError,
            AttributeError,
            struct.error,
        ) as error:
            raise Damaged(
                f"it is not a pickle, or a damaged one ({type(error).__name__}: {str(error)[:80]})"
            ) from None
        raise AssertionError("it ends with STOP, or with the file")

    def named(self, module: str, name: str) -> Any:
        """What stands for 'module.name' from now on."""
        if not (isinstance(module, str) and isinstance(name, str) and len(module) + len(name) < 500):
            raise Damaged("a class has no name")
        full = f"{module}.{name}"
        for old, new in (
            ("__builtin__.", "builtins."),
            ("copy_reg.", "copyreg."),
            ("numpy.core.", "numpy._core."),
        ):
            full = new + full.removeprefix(old) if full.startswith(old) else full
        return self.functions.get(full) or Foreign(full)

    def call(self, function: Any, arguments: Any) -> Any:
        """What one of our own functions gives, or a stand-in."""
        if not isinstance(arguments, tuple):
            raise Damaged("a call has no arguments")
        if isinstance(function, Foreign):
            self.foreign[function.name] += 1
            return StandIn(function.name, arguments)
        if isinstance(function, StandIn):  # functools.partial and the like
            return StandIn(function.name, arguments)
        if not callable(function):  # nothing else that can be called is ever on the stack
            raise Damaged(f"the pickle calls a {type(function).__name__}")
        return function(*arguments)


class _Machine:
    """The stack machine that a pickle is a program for."""

    def __init__(self, unpickler: Unpickler):
        self.unpickler = unpickler
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks under each mark
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """One operation."""
        if name in _PUSHES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        else:
            operation = _OPERATIONS.get(name)
            if operation is None:
                raise Damaged(f"it has the operation {name}, which no checkpoint has")
            operation(self, argument)

    def push(self, value: Any) -> None:
        """On top, wherever the top is now."""
        self.stack.append(value)

    def above(self) -> list[Any]:
        """What is above the last mark, which is taken away."""
        items, self.stack = self.stack, self.below.pop()
        return items

    def pop(self, count: int) -> list[Any]:
        """The last values, in their order."""
        if len(self.stack) < count:
            raise Damaged("it takes a value from an empty stack")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def mark(self, _: Any) -> None:
        """A new stack on top."""
        self.below.append(self.stack)
        self.stack = []

    def pop_one(self, _: Any) -> None:
        """Away with the last value, or the mark."""
        if self.stack:
            self.stack.pop()
        else:
            self.above()

    def put(self, argument: Any) -> None:
        """Remembers the last value."""
        self.memo[len(self.memo) if argument is None else int(argument)] = self.stack[-1]

    def make(self, function: Any, arguments: Any) -> None:
        """Calls, or does not."""
        self.stack.append(self.unpickler.call(function, arguments))

    def inst(self, argument: str) -> None:
        """An object of protocol 0."""
        module, _, name = argument.partition(" ")
        self.make(self.unpickler.named(module, name), tuple(self.above()))

    def obj(self, _: Any) -> None:
        """The same with the class on the stack."""
        function, *arguments = self.above()
        self.make(function, tuple(arguments))

    def new_ex(self, _: Any) -> None:
        """The same with keyword arguments, which nothing needs."""
        function, arguments, _keywords = self.pop(3)
        self.make(function, arguments)

    def build(self, _: Any) -> None:
        """Gives the last object its state."""
        (state,) = self.pop(1)
        target = self.stack[-1]
        if isinstance(target, PickledArray) and isinstance(state, tuple) and len(state) in (4, 5):
            shape, dtype, is_fortran, data = state[-4:]
            target.fill(shape, dtype, "F" if is_fortran else "C", data)
        elif isinstance(target, DType) and isinstance(state, tuple) and len(state) > 4:
            target.order = state[1] if isinstance(state[1], str) else "?"
            if state[2] is not None or state[3] is not None:
                target.code = "V"  # a record
        elif isinstance(target, Dict | StandIn):
            target.state = state
        elif not hasattr(target, "ignores_state"):
            raise Damaged(f"the pickle sets the state of a {type(target).__name__}")

    def set_items(self, pairs: list[Any]) -> None:
        """Puts keys and values into the last dict."""
        target = self.stack[-1]
        items = target.items if isinstance(target, StandIn) else target
        if not isinstance(items, dict) or len(pairs) % 2:
            raise Damaged(f"the pickle sets items of a {type(target).__name__}")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            items[hashable(key)] = value

    def extend(self, elements: list[Any]) -> None:
        """Puts elements into the last list or set."""
        target = self.stack[-1]
        held = target.elements if isinstance(target, StandIn) else target
        if isinstance(held, list):
            held.extend(elements)
        elif isinstance(held, set):
            held.update(map(hashable, elements))
        else:
            raise Damaged(f"the pickle appends elements to a {type(target).__name__}")


def hashable(key: Any, depth: int = 0) -> Any:
    """A key that is hashed at once: a tuple that holds itself many times over would take for ever."""
    if isinstance(key, tuple) and depth < 2 and len(key) <= 64:
        return tuple(hashable(k, depth + 1) for k in key)
    # Equal hashes, which anybody can write down for long numbers, would make a dict slow.
    short = not isinstance(key, int) or abs(key) < 2**61 - 1
    if isinstance(key, _NO_KEYS) or not short:
        raise Damaged(
            f"a dict or set has a key of type {type(key).__name__}, which is not allowed or too large"
        )
    return key


def _dict(pairs: list[Any]) -> dict[Any, Any]:
    return {hashable(k): v for k, v in zip(pairs[::2], pairs[1::2], strict=True)}


_PUSHES = frozenset(
    {
        *("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING"),
        *("BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE"),
        *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    }
)
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
_M = _Machine
_OPERATIONS: dict[str, Callable[[_Machine, Any], Any]] = {
    "PROTO": lambda m, a: None,
    "FRAME": lambda m, a: None,
    "MARK": _M.mark,
    "POP": _M.pop_one,
    "POP_MARK": lambda m, a: m.above(),
    "DUP": lambda m, a: m.push(m.stack[-1]),
    "GET": lambda m, a: m.push(m.memo[int(a)]),
    "BINGET": lambda m, a: m.push(m.memo[a]),
    "LONG_BINGET": lambda m, a: m.push(m.memo[a]),
    "PUT": _M.put,
    "BINPUT": _M.put,
    "LONG_BINPUT": _M.put,
    "MEMOIZE": _M.put,
    "TUPLE": lambda m, a: m.push(tuple(m.above())),
    "TUPLE1": lambda m, a: m.push(tuple(m.pop(1))),
    "TUPLE2": lambda m, a: m.push(tuple(m.pop(2))),
    "TUPLE3": lambda m, a: m.push(tuple(m.pop(3))),
    "LIST": lambda m, a: m.push(m.above()),
    "DICT": lambda m, a: m.push(_dict(m.above())),
    "FROZENSET": lambda m, a: m.push(frozenset(map(hashable, m.above()))),
    "APPEND": lambda m, a: m.extend(m.pop(1)),
    "APPENDS": lambda m, a: m.extend(m.above()),
    "ADDITEMS": lambda m, a: m.extend(m.above()),
    "SETITEM": lambda m, a: m.set_items(m.pop(2)),
    "SETITEMS": lambda m, a: m.set_items(m.above()),
    "GLOBAL": lambda m, a: m.push(m.unpickler.named(*a.split(" ", 1))),
    "STACK_GLOBAL": lambda m, a: m.push(m.unpickler.named(*m.pop(2))),
    "INST": _M.inst,
    "OBJ": _M.obj,
    "REDUCE": lambda m, a: m.make(*m.pop(2)),
    "NEWOBJ": lambda m, a: m.make(*m.pop(2)),
    "NEWOBJ_EX": _M.new_ex,
    "BUILD": _M.build,
    "PERSID": lambda m, a: m.push(m.unpickler.persistent(a)),
    "BINPERSID": lambda m, a: m.push(m.unpickler.persistent(m.stack.pop())),
}
"""What is done for each operation; of the others no checkpoint has any."""
