"""Everything that jaxconv uses of JAX and Flax without a promise that it stays.

A new JAX release can break this file only. Each name has a test in tests/jaxconv/test_jax_internals.py, whose failure
says what has changed.
"""

import functools
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import jax
from flax.nnx.module import first_from as first_from
from flax.nnx.nn.dtypes import promote_dtype as promote_dtype
from flax.nnx.tracers import TraceState as TraceState
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import Literal
from jax.extend.core import Primitive as Primitive
from jax.interpreters import ad, batching, mlir

# --- a primitive: abstract evaluation, derivatives, vmap, lowering ---

define_bilinear = ad.defbilinear
"""(primitive, transpose with respect to operand 0, with respect to operand 1): its derivatives."""

lower_with = functools.partial(mlir.lower_fun, multiple_results=False)
"""A lowering rule that traces a function of arrays with one result."""

define_lowering = mlir.register_lowering
"""(primitive, rule, platform=None for every platform)."""


def define_batching(primitive: Primitive, rule: Callable[..., Any]) -> None:
    """Registers what vmap does with the primitive: rule(operands, mapped axes, **parameters) -> (result, axis)."""
    batching.primitive_batchers[primitive] = rule


def refuse_derivatives(primitive: Primitive, why: str) -> None:
    """Has every derivative of the primitive raise NotImplementedError with this text."""

    def refuse(*args: Any, **params: Any) -> Any:
        raise NotImplementedError(why)

    ad.primitive_jvps[primitive] = refuse


def define_taylor(primitive: Primitive) -> None:
    """Registers the Taylor series of a bilinear primitive with `jax.experimental.jet`, if this JAX has it."""
    try:
        from jax.experimental.jet import jet_rules
    except ImportError:
        return

    def rule(primals: Any, series: Any, **params: Any) -> tuple[Any, list[Any]]:
        left, right = ([primal, *terms] for primal, terms in zip(primals, series, strict=True))
        result, *terms = (
            sum(primitive.bind(left[i], right[k - i], **params) for i in range(k + 1))
            for k in range(len(left))
        )
        return result, terms

    jet_rules[primitive] = rule  # type: ignore[assignment, unused-ignore]


def not_inlined() -> Any:
    """Returns a context in which XLA must not inline the functions that are called."""
    return set_xla_metadata(inlineable="false")


def runs_on_one_device(module_context: Any) -> bool:
    """Whether the program being lowered runs here, on one device or inside `shard_map` over all of its mesh's axes.

    Args:
        module_context: the `mlir.ModuleContext` of a lowering rule. One that no longer tells gives False, which is
            the safe answer.
    """
    if getattr(getattr(module_context, "lowering_parameters", None), "for_export", True):
        return False
    axes: Any = getattr(module_context, "axis_context", None)
    if hasattr(axes, "manual_axes"):
        return bool(axes.mesh.size == 1 or axes.manual_axes == frozenset(axes.mesh.axis_names))
    return getattr(axes, "num_devices", 0) == 1


# --- jaxprs ---


def is_literal(atom: Any) -> bool:
    """Whether an equation's operand is a constant written into it."""
    return isinstance(atom, Literal)


def opened(jaxpr: Any) -> tuple[Any, tuple[Any, ...]]:
    """Returns a jaxpr's equations, as an object with `eqns`, `invars`, `constvars`, `outvars`, and its constants.

    Until JAX 0.11 there are two classes: ClosedJaxpr, with constants, and Jaxpr, without.
    """
    return getattr(jaxpr, "jaxpr", jaxpr), tuple(getattr(jaxpr, "consts", ()))


_INLINED = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr"}
_INLINED |= {"custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr"}


def called(eqn: Any) -> Any:
    """Returns the jaxpr of a function that an equation calls once, unless the call itself means something, or None."""
    name = _INLINED.get(eqn.primitive.name)
    specified = (*eqn.params.get("in_shardings", ()), *eqn.params.get("out_shardings", ()))
    if name is None or any("Unspecified" not in type(sharding).__name__ for sharding in specified):
        return None
    return eqn.params.get(name)


def evaluate(eqn: Any, operands: Sequence[Any]) -> list[Any]:
    """Computes an equation, in the context that it was traced in."""
    found = eqn.primitive.get_bind_params(eqn.params)
    # Before JAX 0.10 a pair: functions, which come before the operands, and the other parameters.
    functions, rest = found if isinstance(found, tuple) else ((), found)
    with getattr(getattr(eqn, "ctx", None), "manager", None) or nullcontext():
        results = eqn.primitive.bind(*functions, *operands, **rest)
    return list(results) if eqn.primitive.multiple_results else [results]


# --- types and configuration ---


def varying_axes(kind: Any) -> frozenset[str]:
    """Returns the mesh axes of `shard_map` along which an array of this type varies."""
    if hasattr(kind, "manual_axis_type"):
        return kind.manual_axis_type.varying
    return getattr(kind, "vma", frozenset())


def default_matmul_precision() -> Any:
    """Returns the value of `jax_default_matmul_precision` here and now."""
    return jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]


# --- XLA's foreign function interface ---


def why_refused(handler: Any, version: tuple[int, int]) -> str | None:
    """Asks XLA whether it accepts an FFI handler for CPUs. Returns None if it does, else the reason.

    `jax.ffi.register_ffi_target` does not ask: it queues the handler until JAX makes its CPU client, and a handler that
    XLA then refuses leaves JAX without a CPU backend. So the handler is offered to XLA directly, under a name of its
    own, or, where this jaxlib has no such function, its version is compared with that of jaxlib's headers.

    Args:
        handler: the capsule of the handler.
        version: the FFI version (major, minor) of the headers that the handler was compiled with.
    """
    from jaxlib import xla_client

    try:
        offer, traits = xla_client._xla.register_custom_call_target, xla_client.CustomCallTargetTraits.DEFAULT
    except AttributeError:
        return _why_headers_refuse(version)
    try:
        offer("jaxconv_accepted", handler, "cpu", 1, traits)
    except Exception as error:  # XLA's own words
        return str(error)
    return None


def _why_headers_refuse(version: tuple[int, int]) -> str | None:
    ours = "{}.{}".format(*version)
    header = Path(jax.ffi.include_dir()) / "xla" / "ffi" / "api" / "c_api.h"
    try:
        found = dict(
            re.findall(r"define XLA_FFI_API_(MAJOR|MINOR) (\d+)", header.read_text(encoding="utf-8"))
        )
        theirs = int(found["MAJOR"]), int(found["MINOR"])
    except (OSError, KeyError):
        return f"the FFI version of this jaxlib is unknown, and the kernels need {ours}"
    if theirs[0] == version[0] and theirs >= version:
        return None
    return f"the kernels need FFI version {ours}, and this jaxlib has {'{}.{}'.format(*theirs)}"


# --- NNX modules ---


def nnx_attributes(node: Any) -> list[tuple[str, Any]]:
    """Returns the names and values of an NNX module's attributes without Flax's own, as `vars` orders them."""
    return [(name, value) for name, value in vars(node).items() if not name.startswith("_pytree__")]


def nnx_assignment_order(node: Any) -> Sequence[str]:
    """Returns the names of an NNX module's data attributes in the order in which they were assigned.

    Flax sorts the attributes of a module that it rebuilds, but keeps this note of them.
    """
    return [name for name in vars(node).get("_pytree__nodes", ()) if not name.startswith("_pytree__")]


# --- executables in files ---


def executable_bytes(executable: Any) -> bytes:
    """Returns an executable of XLA, machine code among it, as bytes that only the same jaxlib reads."""
    return executable.client.serialize_executable(executable)


def executable_text(executable: Any) -> str:
    """Returns what an executable computes, in HLO's text format."""
    return "".join(module.to_string() for module in executable.hlo_modules())


def load_executable(data: bytes, device: Any) -> Any:
    """Loads what `executable_bytes` gave. The bytes are run as machine code: give only trusted ones.

    Raises:
        jax.errors.JaxRuntimeError: XLA does not know the bytes.
    """
    from jaxlib import xla_client

    return device.client.deserialize_executable(
        data, executable_devices=xla_client.DeviceList((device,)), compile_options=None
    )


def run_executable(executable: Any, arguments: Sequence[jax.Array]) -> list[jax.Array]:
    """Runs a loaded executable on one device. XLA refuses another number of arguments, or arrays of other sizes."""
    found = executable.execute_sharded(arguments).disassemble_into_single_device_arrays()
    return [array for (array,) in found]
