"""Kernels of our own for CPUs, called by XLA: compiled from native/ when the package is installed.

They compute every convolution of floating numbers, and none of what JAX does with one: derivatives, vmap and the rest
are the primitive's. What they cannot do is travel: a program that is exported runs where they may be missing, and over
several devices XLA splits only what it knows. Such programs are written for XLA alone, by the other lowerings.
"""

import functools
import importlib
import os
import platform
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxconv import _jax_internals as internals
from jaxconv._lower.epilogue import Epilogue
from jaxconv._lower.product import Product
from jaxconv._spec import low_ends

# Saved programs call them: another meaning of their arguments gets another name.
TARGET = "jaxconv_conv_v1"
FUSED_TARGET = "jaxconv_fused_conv_v1"
BLOCKED_TARGET = "jaxconv_blocked_conv_v1"
TARGETS = (TARGET, FUSED_TARGET, BLOCKED_TARGET)

_OPERATIONS = {"y": "forward", "x": "backward_input", "weight": "backward_weight"}

_X86, _ARM = ("any", "avx2", "avx512"), ("any", "neon")
_SETS = {"x86_64": _X86, "AMD64": _X86, "aarch64": _ARM, "arm64": _ARM}
"""The instruction sets that the kernels have for each architecture, the widest last."""

_REINSTALL = (
    "reinstall jaxconv from your clone, sdist or wheel, with a C++17 compiler on PATH unless it is a wheel: "
    "pip install --force-reinstall --no-deps --no-cache-dir PATH"
)


_MISSING = "they were not compiled when jaxconv was installed"


@dataclass(frozen=True)
class Kernels:
    """Which CPU kernels run, or why none do.

    Attributes:
        instruction_set: 'avx512', 'avx2', 'neon', or 'any' (128-bit vectors, which every supported CPU has). None if no
            kernels run; convolutions then use XLA alone.
        reason: why no kernels run, and what to do about it. Empty if kernels run.
        lanes: the float32 numbers of a vector; 0 if no kernels run.
    """

    instruction_set: str | None
    reason: str = ""
    lanes: int = 0

    def __str__(self) -> str:
        if self.instruction_set is None:
            return f"no kernels: {self.reason}"
        return f"kernels for the instruction set {self.instruction_set!r}"


def _environment(name: str, allowed: tuple[str, ...]) -> str:
    """Returns the variable's value, by default the last that is allowed."""
    value = os.environ.get(name) or allowed[-1]
    if value not in allowed:
        raise ValueError(f"the environment variable {name} (={value!r}) must be one of {allowed}")
    return value


def _register() -> Kernels:
    """Offers the kernels to XLA. Whatever goes wrong here, JAX goes on without them."""
    if _environment("JAXCONV_KERNELS", ("0", "1")) == "0":
        return Kernels(None, "the environment variable JAXCONV_KERNELS is 0")
    # The kernels read it again: the widest set that they may use.
    _environment("JAXCONV_ISA", _SETS.get(platform.machine(), ("any",)))
    try:
        library: Any = importlib.import_module("jaxconv._native")
    except ModuleNotFoundError:
        if sys.platform == "win32":
            return Kernels(None, "the kernels do not support Windows")
        return Kernels(None, f"{_MISSING}; {_REINSTALL}")
    except ImportError as error:
        return _left_out(f"the compiled file cannot be loaded ({error}); {_REINSTALL}")
    try:
        version = library.api_version()
        handlers = {
            TARGET: library.handler(),
            FUSED_TARGET: library.fused_handler(),
            BLOCKED_TARGET: library.blocked_handler(),
        }
        lanes = library.lanes()
    except AttributeError:
        return _left_out(f"they were compiled for another version of jaxconv; {_REINSTALL}")
    refused = internals.why_refused(handlers[TARGET], version)
    if refused is not None:
        return _left_out(
            f"this jaxlib does not accept them ({refused}); install a jaxlib that accepts FFI version "
            "{}.{}, or a jaxconv whose kernels fit this one".format(*version)
        )
    for name, handler in handlers.items():
        jax.ffi.register_ffi_target(name, handler, platform="cpu")
    return Kernels(library.isa(), lanes=lanes)


def _left_out(why: str) -> Kernels:
    warnings.warn(f"jaxconv runs without its CPU kernels, which is slower: {why}", stacklevel=4)
    return Kernels(None, why)


# When jaxconv is imported: a compiled program that was saved may call them without being lowered again.
_kernels = _register()


def kernels() -> Kernels:
    """Returns which of jaxconv's CPU kernels run in this process, or why none do.

    Returns:
        A `Kernels`; print it.

    >>> import jaxconv
    >>> jaxconv.kernels().instruction_set in ("avx512", "avx2", "neon", "any", None)
    True
    """
    return _kernels


def isa() -> str | None:
    """Returns the instruction set that the kernels use here, or None if no kernels run."""
    return _kernels.instruction_set


def lanes() -> int:
    """Returns the channels of a block (blocks.py), or 0 if no kernels run."""
    return _kernels.lanes


@functools.cache
def remind() -> None:
    """Warns once that a CPU which could run kernels has none, unless the user chose so or was warned at import."""
    if _kernels.reason.startswith(_MISSING) and jax.default_backend() == "cpu":
        warnings.warn(
            f"jaxconv's convolutions run without its CPU kernels, which is slower: {_kernels.reason}. "
            "Set the environment variable JAXCONV_KERNELS=0 to silence this warning",
            stacklevel=2,
        )


def usable(context: Any) -> bool:
    """Whether a program may call the kernels.

    Args:
        context: the `mlir.ModuleContext` that the program is lowered in.
    """
    return internals.runs_on_one_device(context) and isa() is not None


def lower(context: Any, a: Any, b: Any, p: Product) -> Any:
    """The product as a call, of arrays of float32 or float64; `context` is the `mlir.LoweringRuleContext`."""
    return jax.ffi.ffi_lowering(TARGET)(context, a, b, operation=_OPERATIONS[p.wanted], **_numbers(p))


def lower_fused(context: Any, operands: Any, p: Product, epilogue: Epilogue) -> Any:
    """A convolution with its epilogue as a call, of arrays of float32."""
    return jax.ffi.ffi_lowering(FUSED_TARGET)(
        context,
        *operands,
        **_numbers(p),
        **_attributes(epilogue),
    )


def lower_blocked(
    context: Any, operands: Any, product: Product, epilogue: Epilogue, lanes: int, blocked: bool
) -> Any:
    """The same of feature maps in blocks of channels."""
    batch = context.avals_in[0].shape[0]
    shapes = {
        "input_shape": (batch, product.spec.in_channels, *product.size),
        "weight_shape": product.spec.weight_shape,
        "output_shape": product.shape(batch),
    }
    return jax.ffi.ffi_lowering(BLOCKED_TARGET)(
        context,
        *operands,
        **{name: np.array(shape, np.int64) for name, shape in shapes.items()},
        **_numbers(product),
        **_attributes(epilogue),
        lanes=np.int64(lanes),
        blocked=blocked,
    )


def _attributes(epilogue: Epilogue) -> dict[str, Any]:
    """What follows the convolution, as attributes of a call."""
    return {
        "bias": epilogue.bias,
        "residual": epilogue.residual,
        "activation": epilogue.activation,
        "low": np.float32(epilogue.low),
        "high": np.float32(epilogue.high),
    }


def _numbers(p: Product) -> dict[str, Any]:
    """The convolution's numbers, as attributes of a call."""
    spec = p.spec
    lists = {"stride": spec.stride, "padding": low_ends(spec.padding), "dilation": spec.dilation}
    return {"groups": np.int64(spec.groups)} | {
        name: np.array(list(values), np.int64) for name, values in lists.items()
    }
