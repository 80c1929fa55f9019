"""torch's views and in-place operations as operations on values.

Tensors that share memory have one base. Writing to any of them gives the base a new value, and each view is
computed from it again when it is used next.
"""

from dataclasses import dataclass, field
from typing import Any

from jaxconv._from_torch import sizes
from jaxconv._from_torch.frames import Step, Value


@dataclass(eq=False)
class _Tensor:
    """What a node stands for.

    Attributes:
        value: as of `version` of the memory.
        base: the tensor whose memory it is, itself if it is its own.
        source: what it is a view of, or None.
        make: op, arguments (the source's place is None in the first), keyword arguments: how it is a view.
        moves: False if the view shows all elements in their places, in another dtype at most.
    """

    value: Any
    version: int = 0
    base: Any = None
    source: Any = None
    make: tuple[Any, ...] = ()
    moves: bool = True


@dataclass
class Tensors:
    """All nodes' tensors, and the steps that make them.

    Attributes:
        steps, of: both.
        recorded: whether torch would note for gradients what is done.
    """

    steps: list[Step] = field(default_factory=list)
    of: dict[Any, _Tensor] = field(default_factory=dict)
    recorded: bool = True

    def root(self, node: Any, value: Any) -> None:
        """A tensor with memory of its own."""
        tensor = self.of[node] = _Tensor(value)
        tensor.base = tensor

    def changed(self, node: Any) -> bool:
        """Whether anything was written to a tensor's memory."""
        return self.of[node].base.version > 0

    def now(self, node: Any, frame: Any) -> Any:
        """A node's value at this point."""
        return self._now(self.of[node], frame)

    def _now(self, tensor: _Tensor, frame: Any) -> Any:
        if tensor.source is not None and tensor.version != tensor.base.version:
            op, args, kwargs, place, shape = tensor.make
            source = self._now(tensor.source, frame)
            tensor.value = self._emit(op, (source, *args[1:]), kwargs, frame, place, shape)
            tensor.version = tensor.base.version
        return tensor.value

    def call(self, node: Any, op: str, args: Any, kwargs: Any, frame: Any, place: str) -> None:
        """A node's operation, on values."""
        name, _, overload = op.partition(".")
        if name == "detach_":  # it writes no numbers
            name, op = "detach", "detach.default"
        meta = node.meta.get("val")
        shape = sizes.shape(meta)
        if name.endswith("_") and _writes(node.target):
            value = self._emit(f"{name[:-1]}.{overload}", args, kwargs, frame, place, shape)
            onto, *others = node.args
            self.overwrite(node, onto, value, frame, place, name == "copy_" or _mixed(onto, others))
            return
        source = self._source(node, op)
        if source is not None:
            same = _layout(meta) is not None and _layout(meta) == _layout(node.args[0].meta.get("val"))
            moved = op in ("to.dtype_layout", "to.device", "to.prim_Device")  # to another device, at most
            if same and (moved or name not in _KEPT):
                self.of[node] = source
                return
            self.view(node, source, (op, args, kwargs, place), frame, moves=not same)
            return
        self.root(node, self._emit(op, args, kwargs, frame, place, shape))

    def overwrite(self, node: Any, onto: Any, value: Any, frame: Any, place: str, cast: bool) -> None:
        """A node's result, written to the tensor of the node `onto`, whose dtype and shape it takes if `cast`."""
        if cast:
            args, shape = (value, self.now(onto, frame)), sizes.shape(onto.meta.get("val"))
            value = self._emit("like.default", args, {}, frame, place, shape)
        self._write(self.of[onto], value, frame, place)
        self.of[node] = self.of[onto]

    def cast(self, node: Any, dtype: Any, frame: Any) -> Any:
        """A node's value at this point in another dtype."""
        shape = sizes.shape(node.meta.get("val"))
        return self._emit("to.dtype", (self.now(node, frame), dtype), {}, frame, "torch.autocast", shape)

    def part(self, whole: Value, index: int, shape: Any, frame: Any) -> Value:
        """One of several results, which the module that makes it returns even if nothing takes it."""
        part = self._emit("getitem.default", (whole, index), {}, frame, "", shape)
        self.steps[-1].kept = True
        return part

    def view(self, node: Any, source: _Tensor, make: Any, frame: Any, moves: bool) -> None:
        """A node that shows another tensor's memory."""
        shape = sizes.shape(node.meta.get("val"))
        op, args, kwargs, place = make
        value = self._emit(op, args, kwargs, frame, place, shape)
        self.of[node] = _Tensor(value, source.base.version, source.base, source, (*make, shape), moves)

    def _source(self, node: Any, op: str) -> _Tensor | None:
        """What the node's value is a view of."""
        if not node.args or node.args[0] not in self.of or "dropout" in op:
            return None
        here, there = _storages(node.meta.get("val")), _storages(node.args[0].meta.get("val"))
        return self.of[node.args[0]] if here & there else None

    def _write(self, tensor: _Tensor, value: Any, frame: Any, place: str) -> None:
        base, old, recorded = tensor.base, tensor.base.value, self.recorded
        detached, at = None, tensor
        while at is not base:
            if at.make[0].startswith("detach"):
                detached = detached or at
            at = at.source
        own = self._put(detached, tensor, value, frame, place) if detached and recorded else None
        base.value = self._put(base, tensor, value, frame, place)
        if detached or not recorded:  # the gradient of what has the memory does not know of it
            args = (base.value, old)
            base.value = self._emit("written_unnoticed.default", args, {}, frame, place, _of(base))
        base.version += 1
        if detached and recorded:  # but the detached tensor's own does
            detached.value, detached.version = own, base.version
        if recorded:
            tensor.value, tensor.version = value, base.version
        elif tensor is base:
            tensor.version = base.version

    def _put(self, whole: _Tensor, part: _Tensor, value: Any, frame: Any, place: str) -> Any:
        """The value of a tensor after one was written to a view of it."""
        if part is whole:
            return value
        chain: list[Any] = []
        at = part
        while at is not whole:
            if at.moves:
                op, args, kwargs, *_ = at.make
                if op.startswith(_OF_NUMBERS):
                    raise ValueError(
                        f"the network writes in place to the result of {op}: write to a copy (.clone())"
                    )
                chain.insert(0, (op, tuple(args[1:]), tuple(sorted(kwargs.items()))))
            at = at.source
        args = (self._now(whole, frame), value, tuple(chain))
        return self._emit("put_view.default", args, {}, frame, place, _of(whole))

    def _emit(self, op: str, args: Any, kwargs: Any, frame: Any, place: str, shape: Any) -> Value:
        result = Value(shape)
        self.steps.append(Step(op, tuple(args), dict(kwargs), frame, result, place))
        return result


# Views that may do something even if what they show is the same: to inputs of another dtype, to gradients, or at
# another batch size, so that the traces for two batch sizes have the same steps.
_KEPT = ("to", "_to_copy", "type_as", "detach", "expand", "expand_as")


# Views that show other numbers than those in memory.
_OF_NUMBERS = ("view_as_real", "view_as_complex", "_conj", "_neg_view")


def _of(tensor: _Tensor) -> Any:
    return getattr(tensor.value, "shape", ())


def written(node: Any) -> Any:
    """The node whose tensor an in-place operation returns; of any other operation its own."""
    while node.op == "call_function" and _writes(node.target):
        node = node.args[0]
    return node


def _writes(target: Any) -> bool:
    schema = getattr(target, "_schema", None)
    first = schema.arguments[0] if schema is not None and schema.arguments else None
    return first is not None and first.alias_info is not None and first.alias_info.is_write


def _storages(meta: Any) -> set[int]:
    parts = meta if isinstance(meta, list | tuple) else [meta]
    return {part.untyped_storage()._cdata for part in parts if hasattr(part, "untyped_storage")}


def _layout(meta: Any) -> Any:
    """Which elements of its memory a tensor shows, as text: comparing symbols would ask torch to fix them."""
    if not hasattr(meta, "untyped_storage"):
        return None
    return str((tuple(meta.shape), meta.stride(), meta.storage_offset()))


def _mixed(node: Any, others: Any) -> bool:
    """Whether any of the others is a tensor of another dtype."""
    return any(_dtype(other) not in (None, _dtype(node)) for other in others)


def _dtype(node: Any) -> Any:
    return getattr(getattr(node, "meta", {}).get("val"), "dtype", None)
