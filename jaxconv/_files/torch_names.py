"""What stands for the names of torch, numpy and Python that checkpoints call: our own functions, which make data."""

from collections.abc import Callable, Mapping
from typing import Any

from jaxconv._files.limits import Damaged
from jaxconv._files.unpickle import hashable
from jaxconv._files.values import (
    Dict,
    DType,
    Foreign,
    PickledArray,
    StandIn,
    Storage,
    Tensor,
    Unreadable,
    sizes,
)

STORAGES = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
    "ComplexFloat": "complex64",
    "ComplexDouble": "complex128",
    "Untyped": "uint8",
}
"""Classes of storages, without 'Storage', and their dtypes."""

_DTYPES = {"double": "float64", "float": "float32", "half": "float16", "long": "int64", "int": "int32"} | {
    name: name
    for name in (
        *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
        *("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"),
        *("bfloat16", "float16", "float32", "float64", "complex64", "complex128"),
    )
}


class Named:
    """A dtype or a storage's class."""

    def __init__(self, dtype: str):
        self.dtype = dtype


def _tensor(
    storage: Any,
    offset: Any,
    shape: Any,
    strides: Any,
    requires_grad: Any = None,
    hooks: Any = None,
    metadata: Any = None,
    dtype: str | None = None,
) -> Any:
    if isinstance(storage, Unreadable):
        return storage
    if not isinstance(storage, Storage):
        raise Damaged("a tensor has no storage")
    tensor = Tensor(storage, dtype or storage.dtype, offset, sizes(shape), sizes(strides))
    tensor.check()
    if isinstance(metadata, dict):
        tensor.conj, tensor.neg = bool(metadata.get("conj")), bool(metadata.get("neg"))
    return tensor


def _tensor_v3(
    storage: Any,
    offset: Any,
    shape: Any,
    strides: Any,
    requires_grad: Any,
    hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Any:
    if not isinstance(dtype, Named):
        name = dtype.name.removeprefix("torch.") if isinstance(dtype, Foreign) else type(dtype).__name__
        return Unreadable(f"has the dtype {name}, which torch and JAX do not have in common")
    return _tensor(storage, offset, shape, strides, metadata=metadata, dtype=dtype.dtype)


def _from_type(function: Any, _: Any, arguments: Any, state: Any) -> Any:
    """A tensor of a subclass: the tensor."""
    if not callable(function) or not isinstance(arguments, tuple):
        return Unreadable("is of a class that torch makes in its own way")
    return function(*arguments)


def _first(value: Any, *_: Any) -> Any:
    return value


def _sparse(layout: Any, *_: Any) -> Unreadable:
    name = layout.arguments[0] if isinstance(layout, StandIn) and layout.arguments else ""
    return Unreadable(f"has layout {name}" if isinstance(name, str) and name else "is sparse")


def _unreadable(why: str) -> Callable[..., Unreadable]:
    return lambda *_: Unreadable(why)


def _ordered(items: Any = (), *_: Any) -> Dict:
    """OrderedDict, and a Counter or dict."""
    found = Dict()
    pairs = items.items() if isinstance(items, dict) else items
    for pair in pairs if isinstance(pairs, list | tuple) or isinstance(items, dict) else ():
        key, value = pair
        found[hashable(key)] = value
    return found


def _elements(items: Any = (), *_: Any) -> list[Any]:
    return list(items) if isinstance(items, list | tuple | set | frozenset) else []


def _set(items: Any = ()) -> set[Any]:
    return {hashable(x) for x in _elements(items)}


def _array(*_: Any) -> PickledArray:
    return PickledArray()


def _scalar(dtype: Any, data: Any = b"", *_: Any) -> PickledArray:
    found = PickledArray(is_scalar=True)
    found.fill((), dtype, "C", data)
    return found


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> PickledArray:
    found = PickledArray()
    found.fill(shape, dtype, order if order == "F" else "C", data)
    return found


def _dtype(code: Any, *_: Any) -> DType:
    return DType(code if isinstance(code, str) and len(code) < 8 else "V")


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Damaged("text is encoded in an unknown way")
    return text.encode("latin-1")


def _bytes(value: Any = b"", *_: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | bytearray) else _encode(value) if value else b""


def _bytearray(value: Any = b"", *_: Any) -> bytearray:
    return bytearray(_bytes(value, *_))


def _number(kind: type) -> Callable[..., Any]:
    def make(*values: Any) -> Any:
        good = len(values) <= 2 and all(isinstance(v, int | float) for v in values)
        return kind(*values) if good else None

    return make


def _reconstructed(kind: Any, base: Any = None, state: Any = None) -> Any:
    """An object as protocols 0 and 1 have them."""
    found = StandIn(kind.name if isinstance(kind, Foreign) else "object")
    found.items = state if isinstance(state, dict) else {}
    found.elements = state if isinstance(state, list) else []
    return found


def _text(*values: Any) -> str:
    """A torch.device."""
    return ":".join(str(v) for v in values if isinstance(v, str | int))


def _name(*_: Any) -> None:
    return None


FUNCTIONS: Mapping[str, Any] = {
    **{f"torch.{name}Storage": Named(dtype) for name, dtype in STORAGES.items()},
    **{f"torch.storage.{name}Storage": Named(dtype) for name, dtype in STORAGES.items()},
    **{f"torch.cuda.{name}Storage": Named(dtype) for name, dtype in STORAGES.items()},
    **{f"torch.{name}": Named(dtype) for name, dtype in _DTYPES.items()},
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch._tensor._rebuild_from_type_v2": _from_type,
    "torch.Tensor": _first,
    "torch.nn.parameter.Parameter": _first,
    "torch.nn.parameter.Buffer": _first,
    "torch._utils._rebuild_sparse_tensor": _sparse,
    "torch._utils._rebuild_qtensor": _unreadable("is quantized"),
    "torch._utils._rebuild_nested_tensor": _unreadable("is nested"),
    "torch._utils._rebuild_meta_tensor_no_storage": _unreadable("is on the meta device, without values"),
    "torch._utils._rebuild_wrapper_subclass": _unreadable("is of a class that wraps another"),
    "torch._utils._rebuild_device_tensor_from_numpy": _first,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _first,
    "torch._utils._rebuild_xla_tensor": _first,
    "torch.Size": _first,
    "torch.device": _text,
    "torch.serialization._get_layout": lambda name="", *_: StandIn("torch.layout", (name,)),
    "collections.OrderedDict": _ordered,
    "collections.defaultdict": lambda *_: Dict(),
    "collections.Counter": _ordered,
    "collections.deque": lambda items=(), *_: _elements(items),
    "builtins.dict": _ordered,
    "builtins.list": _elements,
    "builtins.tuple": lambda items=(): tuple(_elements(items)),
    "builtins.set": _set,
    "builtins.frozenset": lambda items=(): frozenset(_set(items)),
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytearray,
    "builtins.complex": _number(complex),
    "builtins.int": _number(int),
    "builtins.float": _number(float),
    "builtins.bool": _number(bool),
    "builtins.str": _text,
    "builtins.object": _name,
    "builtins.slice": lambda *parts: parts,
    "_codecs.encode": _encode,
    "copyreg._reconstructor": _reconstructed,
    "numpy._core.multiarray._reconstruct": _array,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy._core.numeric._frombuffer": _from_buffer,
    "numpy.ndarray": _array,
    "numpy.dtype": _dtype,
}
"""By the name in the file. None of these calls what it is given."""
