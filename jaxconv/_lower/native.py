"""Kernels of our own for CPUs, called by XLA: compiled from native/ when the package is installed.

They compute every convolution of floating numbers, and none of what JAX does with one: derivatives, vmap and the rest
are the primitive's. What they cannot do is travel: a program that is exported runs where they may be missing, and over
several devices XLA splits only what it knows. Such programs are written for XLA alone, by the other lowerings.
"""

import functools
import os
import warnings
from typing import Any

import jax
import numpy as np

from jaxconv._lower.product import Product

_TARGET = "jaxconv_conv"


@functools.cache
def isa() -> str | None:
    """The instruction set that the kernels use here: 'avx512', 'avx2' or 'any'. None where there are no kernels."""
    if os.environ.get("JAXCONV_KERNELS") == "0":
        return None
    try:
        from jaxconv import _native
    except ModuleNotFoundError:
        return None
    except ImportError as error:
        warnings.warn(f"jaxconv's kernels cannot be loaded: {error}", stacklevel=2)
        return None
    try:
        jax.ffi.register_ffi_target(_TARGET, _native.handler(), platform="cpu")
    except Exception as error:  # this jaxlib has another interface than the one they were compiled with
        warnings.warn(f"jaxconv's kernels do not fit this jaxlib: {error}", stacklevel=2)
        return None
    return _native.isa()


def usable(context: Any) -> bool:
    """Whether a program may call them.

    Args:
        context: the `mlir.ModuleContext` that the program is lowered in.
    """
    if context.lowering_parameters.for_export:
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
        wanted=p.wanted,
        groups=np.int64(p.spec.groups),
        stride=numbers(p.spec.stride),
        low=numbers(low for low, _ in p.spec.padding),
        dilation=numbers(p.spec.dilation),
    )
