"""Kernels of our own for CPUs, called by XLA: compiled from native/ when the package is installed.

They compute every convolution of floating numbers, and none of what JAX does with one: derivatives, vmap and the rest
are the primitive's. What they cannot do is travel: a program that is exported runs where they may be missing, and over
several devices XLA splits only what it knows. Such programs are written for XLA alone, by the other lowerings.
"""

import importlib
import os
import warnings
from typing import Any

import jax
import numpy as np

from jaxconv._lower.product import Product

_TARGET = "jaxconv_conv_v1"  # saved programs call it: another meaning of its arguments gets another name

_OPERATIONS = {"y": "forward", "x": "backward_input", "weight": "backward_weight"}


_SETS = ("any", "neon", "avx2", "avx512")


def _environment(name: str, allowed: tuple[str, ...]) -> str:
    """The variable's value, by default the last that is allowed."""
    value = os.environ.get(name) or allowed[-1]
    if value not in allowed:
        raise ValueError(f"the environment variable {name} (={value!r}) must be one of {allowed}")
    return value


def _registered() -> str | None:
    if _environment("JAXCONV_KERNELS", ("0", "1")) == "0":
        return None
    _environment("JAXCONV_ISA", _SETS)  # read again by the kernels: the best of these sets that they may use
    try:
        kernels: Any = importlib.import_module("jaxconv._native")
    except ModuleNotFoundError:  # it was installed without a compiler
        return None
    except ImportError as error:
        warnings.warn(f"jaxconv's kernels cannot be loaded: {error}", stacklevel=2)
        return None
    try:
        jax.ffi.register_ffi_target(_TARGET, kernels.handler(), platform="cpu")
    except Exception as error:  # this jaxlib has another interface than the one they were compiled with
        warnings.warn(f"jaxconv's kernels do not fit this jaxlib: {error}", stacklevel=2)
        return None
    return kernels.isa()


# When jaxconv is imported: a compiled program that was saved may call them without being lowered again.
_isa = _registered()


def isa() -> str | None:
    """The instruction set that the kernels use here: 'avx512', 'avx2' or 'any'. None where there are no kernels."""
    return _isa


def usable(context: Any) -> bool:
    """Whether a program may call them.

    Args:
        context: the `mlir.ModuleContext` that the program is lowered in.
    """
    # JAX has no public way to ask. A version that no longer tells gets what runs everywhere.
    if getattr(context.lowering_parameters, "for_export", True):
        return False
    axes = context.axis_context
    if hasattr(axes, "manual_axes"):  # in shard_map
        alone = axes.mesh.size == 1 or axes.manual_axes == frozenset(axes.mesh.axis_names)
    else:
        alone = getattr(axes, "num_devices", 0) == 1
    return alone and isa() is not None


def lower(context: Any, a: Any, b: Any, p: Product) -> Any:
    """The product as a call, of arrays of float32 or float64; `context` is the `mlir.LoweringRuleContext`."""

    def numbers(values: Any) -> np.ndarray:
        return np.array(list(values), np.int64)

    return jax.ffi.ffi_lowering(_TARGET)(
        context,
        a,
        b,
        operation=_OPERATIONS[p.wanted],
        groups=np.int64(p.spec.groups),
        stride=numbers(p.spec.stride),
        padding=numbers(low for low, _ in p.spec.padding),
        dilation=numbers(p.spec.dilation),
    )
