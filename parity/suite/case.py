"""What to compare, and what was found: an operation with a set of arguments, a dtype, and a way to the weights."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import ml_dtypes
import numpy as np

from parity._judge.verdict import Verdict

Api = Literal["functional", "nnx", "linen"]
Direction = Literal["to_flax", "to_torch"]

_MODULES = {"conv2d": "Conv2d", "max_pool2d": "MaxPool2d"}
_MODULE_ONLY = {
    "conv2d": {"in_channels", "out_channels", "kernel_size", "bias", "padding_mode"},
    "max_pool2d": set(),
}

_SHORT = {
    "in_channels": "in",
    "out_channels": "out",
    "kernel_size": "k",
    "stride": "s",
    "padding": "p",
    "dilation": "d",
    "groups": "g",
    "padding_mode": "mode",
    "ceil_mode": "ceil",
    "return_indices": "indices",
}


@dataclass(frozen=True)
class Case:
    """A case, hashable; its `id` is stable, and its data follow from the id and the suite's seed alone.

    Attributes:
        op: torch.nn.functional's name of the operation, 'conv2d' or 'max_pool2d', or the class of another layer.
        group: what the case is about; reports have one line a group.
        api: which of our fronts is compared: 'functional', 'nnx' or 'linen'.
        direction: whose weights are carried over: 'to_flax' torch's, 'to_torch' ours; None where arrays are
            drawn.
        dtype: NumPy's name of input, weights and cotangent.
        shape: the input's.
        args: the module's constructor arguments by torch's names, as (name, value) pairs.
        draw: how the input is drawn, a key of `DRAWS`.
        weight_dtype: where not `dtype`.
        refused: whether torch refuses it, and we have to.

    Examples:
        >>> arguments = (("in_channels", 2), ("out_channels", 3), ("kernel_size", 3))
        >>> parity.Case("conv2d", "mine", "nnx", "to_flax", "float32", (1, 2, 5, 5), arguments).id
        'conv2d/mine/nnx/to_flax/float32/x=1x2x5x5,in=2,out=3,k=3'
    """

    op: str
    group: str
    api: Api
    direction: Direction | None
    dtype: str
    shape: tuple[int, ...]
    args: tuple[tuple[str, Any], ...]
    draw: str = "normal"
    weight_dtype: str | None = None
    refused: bool = False

    @property
    def id(self) -> str:
        """For example `conv2d/groups/nnx/to_flax/float32/x=2x4x9x8,in=4,out=6,k=3x2,g=2`."""
        settings = [("x", self.shape), *((_SHORT.get(name, name), value) for name, value in self.args)]
        settings += [("draw", self.draw)] if self.draw != "normal" else []
        settings += [("weight", self.weight_dtype)] if self.weight_dtype else []
        where = [self.op, self.group, self.api, *([self.direction] if self.direction else []), self.dtype]
        return "/".join([*where, ",".join(f"{name}={_short(value)}" for name, value in settings)])

    @property
    def arguments(self) -> dict[str, Any]:
        """`args` as a dict."""
        return dict(self.args)

    @property
    def module(self) -> str:
        """The class name of the module, in torch.nn, jaxconv and jaxconv.linen alike."""
        return _MODULES.get(self.op, self.op)

    @property
    def has_weights(self) -> bool:
        """Whether the operation has weights, and its module a dtype for them."""
        return "out_channels" in self.arguments

    @property
    def call_arguments(self) -> dict[str, Any]:
        """The keyword arguments of the functional call, weights apart."""
        return {name: value for name, value in self.args if name not in _MODULE_ONLY[self.op]}

    def seed(self, suite_seed: int, stream: str) -> int:
        """A 32-bit seed for one of the case's streams of random numbers."""
        return zlib.crc32(f"{suite_seed}/{self.id}/{stream}".encode())


@dataclass(frozen=True)
class Result:
    """A case, its verdicts (on each output and weight carried over, or on a refusal) and its duration.

    Examples:
        >>> from parity.suite.runner import run_case
        >>> arguments = (("in_channels", 2), ("out_channels", 3), ("kernel_size", 3))
        >>> case = parity.Case("conv2d", "mine", "nnx", "to_flax", "float32", (1, 2, 5, 5), arguments)
        >>> result = run_case(case, 0, jax.devices()[0])
        >>> isinstance(result, parity.Result), all(verdict.ok for verdict in result.verdicts)
        (True, True)
    """

    case: Case
    verdicts: tuple[Verdict, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether there are verdicts and all are ok."""
        return bool(self.verdicts) and all(verdict.ok for verdict in self.verdicts)


def _short(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def case(
    op: str,
    group: str,
    api: Api,
    direction: Direction | None,
    args: Mapping[str, Any],
    shape: tuple[int, ...],
    dtype: str = "float32",
    **more: Any,
) -> Case:
    """A `Case` from a dict of arguments."""
    return Case(op, group, api, direction, dtype, shape, tuple(args.items()), **more)


def as_dtype(name: str) -> np.dtype:
    """NumPy's dtype of this name; 'bfloat16' is one, from ml_dtypes."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def _normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    if dtype.kind in "iu":
        return rng.integers(-8, 9, shape).astype(dtype)
    if dtype.kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def _ties(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return rng.integers(-1, 2, shape).astype(dtype)


def _signed_zeros(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return rng.choice([-0.0, 0.0, -1.0], shape, p=[0.4, 0.4, 0.2]).astype(dtype)


def _nan(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return rng.choice([np.nan, -1.0, 2.0, np.inf], shape, p=[0.3, 0.3, 0.3, 0.1]).astype(dtype)


def _minus_infinity(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return np.where(rng.random(shape) < 0.9, -np.inf, rng.standard_normal(shape)).astype(dtype)


def _wraparound(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


def _indices(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    # Of a table of five rows at least, whatever the dtype of its numbers
    return rng.integers(0, 5, shape)


DRAWS: dict[str, Callable[[np.random.Generator, tuple[int, ...], np.dtype], np.ndarray]] = {
    "normal": _normal,
    "ties": _ties,
    "signed_zeros": _signed_zeros,
    "nan": _nan,
    "minus_infinity": _minus_infinity,
    "wraparound": _wraparound,
    "indices": _indices,
}


def draw_input(case: Case, suite_seed: int) -> np.ndarray:
    """The case's input: standard normal numbers, or small integers, unless `case.draw` says otherwise."""
    rng = np.random.default_rng(case.seed(suite_seed, "input"))
    return DRAWS[case.draw](rng, case.shape, as_dtype(case.dtype))


def draw_weights(case: Case, suite_seed: int) -> dict[str, np.ndarray]:
    """A functional case's `weight` and `bias`, in torch's shapes; empty for an operation without weights."""
    args = case.arguments
    if not case.has_weights:
        return {}
    rng = np.random.default_rng(case.seed(suite_seed, "weights"))
    kernel, groups = args["kernel_size"], max(args.get("groups", 1), 1)
    size = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    dtype = as_dtype(case.weight_dtype or case.dtype)
    weights = {"weight": _normal(rng, (args["out_channels"], args["in_channels"] // groups, *size), dtype)}
    if args.get("bias", True):
        weights["bias"] = _normal(rng, (args["out_channels"],), dtype)
    return weights
