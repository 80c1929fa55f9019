"""Everything that parity uses of JAX and Flax without a promise that it stays.

A new JAX release can break this file, and rules of `parity._bounds.rounding` that read a primitive's parameters. Each
name has a test in tests/parity/_bounds/test_jax_internals.py, each rule one in tests/parity/_bounds/test_primitives.py.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.lax
import jax.lax.linalg
from jax.extend import core
from jax.extend.core import primitives


def is_literal(atom: Any) -> bool:
    """Whether an equation's operand is a constant written into it."""
    return isinstance(atom, core.Literal)


def opened(jaxpr: Any) -> tuple[Any, tuple[Any, ...]]:
    """Returns a jaxpr's equations, as an object with `eqns`, `invars`, `outvars`, and its constants.

    Until JAX 0.11 there are two classes: ClosedJaxpr, with constants, and Jaxpr, without.
    """
    return getattr(jaxpr, "jaxpr", jaxpr), tuple(getattr(jaxpr, "consts", ()))


def traced(function: Any, args: Sequence[Any]) -> tuple[Any, Any]:
    """Returns a function's jaxpr and the tree of its results' shapes. One under jit is not traced again if it was."""
    if hasattr(function, "trace"):
        stage = function.trace(*args)
        return stage.jaxpr, stage.out_info
    return jax.make_jaxpr(function, return_shape=True)(*args)


def called(eqn: Any) -> Any:
    """Returns the jaxpr of a function that an equation calls once (jit, remat, custom derivatives), or None."""
    return next(
        (eqn.params[name] for name in ("jaxpr", "call_jaxpr", "fun_jaxpr") if name in eqn.params), None
    )


def jax_function(eqn: Any) -> str | None:
    """Returns the name of the function of JAX's own that a `custom_jvp_call` computes, or None."""
    info = getattr(eqn.params.get("call_jaxpr"), "debug_info", None)
    source = str(getattr(info, "func_src_info", "")).replace("\\", "/")
    return getattr(info, "func_name", None) if "/jax/_src/" in source else None


def user_function(jaxpr: Any) -> str:
    """Returns the file in which the function that a jaxpr was made of is written; empty if that is not known."""
    info = getattr(opened(jaxpr)[0], "debug_info", None)
    return str(getattr(info, "func_src_info", None) or "").rpartition(" at ")[2].rpartition(":")[0]


def frames(eqn: Any) -> list[tuple[str, int]]:
    """Returns the files and line numbers of the Python calls that made an equation, the innermost first."""
    found = getattr(eqn.source_info, "traceback", None)
    return [(f.file_name, f.line_num) for f in found.frames] if found is not None else []


def evaluate(eqn: Any, operands: Sequence[Any], params: dict[str, Any]) -> list[Any]:
    """Computes an equation, with these parameters in the place of its own."""
    found = eqn.primitive.get_bind_params(params)
    # Before JAX 0.10 a pair: functions, which come before the operands, and the other parameters.
    functions, rest = found if isinstance(found, tuple) else ((), found)
    results = eqn.primitive.bind(*functions, *operands, **rest)
    return list(results) if eqn.primitive.multiple_results else [results]


def inner_jaxprs(eqn: Any) -> Iterator[Any]:
    """Yields every jaxpr among an equation's parameters, without their constants."""
    for jaxpr in core.jaxprs_in_params(eqn.params):
        yield opened(jaxpr)[0]


class Scan(NamedTuple):
    """The parts of a `scan` equation.

    Attributes:
        body: the jaxpr of (constants, carry, slices) -> (carry, results).
        constants: how many operands come first and are the same in every step.
        carry: how many follow, and are handed from step to step.
        length: the number of steps.
        reverse: whether the last slice comes first.
    """

    body: Any
    constants: int
    carry: int
    length: int
    reverse: bool


def scan(eqn: Any) -> Scan:
    """Reads a `scan` equation. How many operands are of which kind follows from their ranks.

    The parameters that say so have other names in each JAX. But the body sees one axis less of what is scanned over,
    and returns one axis less of what is stacked.
    """
    body, _ = opened(eqn.params["jaxpr"])

    def same_rank(outer: Any, inner: Any) -> int:
        return sum(len(a.aval.shape) == len(b.aval.shape) for a, b in zip(outer, inner, strict=True))

    carry = same_rank(eqn.outvars, body.outvars)
    constants = same_rank(eqn.invars, body.invars) - carry
    return Scan(eqn.params["jaxpr"], constants, carry, eqn.params["length"], eqn.params["reverse"])


class While(NamedTuple):
    """The parts of a `while` equation: two jaxprs, and how many operands are constants of the first and the second."""

    condition: Any
    body: Any
    of_condition: int
    of_body: int


def while_loop(eqn: Any) -> While:
    """Reads a `while` equation."""
    p = eqn.params
    # The names of the numbers may change; they follow from the jaxprs: state = operands of the body - its constants.
    condition, body = opened(p["cond_jaxpr"])[0], opened(p["body_jaxpr"])[0]
    state = len(eqn.outvars)
    return While(p["cond_jaxpr"], p["body_jaxpr"], len(condition.invars) - state, len(body.invars) - state)


def branches(eqn: Any) -> tuple[Any, ...]:
    """Returns the jaxprs that a `cond` equation chooses from."""
    return tuple(eqn.params["branches"])


def cpu_branch(eqn: Any) -> int:
    """Returns the index that a `platform_index` equation has on CPUs: the CPU's branch, or else the default."""
    platforms = eqn.params["platforms"]
    named = [i for i, names in enumerate(platforms) if names is not None and "cpu" in names]
    return (named or [platforms.index(None)])[0]


def known_primitives() -> dict[str, Any]:
    """Returns every primitive that this JAX exports, by its name."""
    found = {}
    for module in (jax.lax, jax.lax.linalg, primitives):
        for name, value in vars(module).items():
            if name.endswith("_p") and isinstance(value, core.Primitive):
                found[value.name] = value
    return found


def default_matmul_precision() -> Any:
    """Returns the value of `jax_default_matmul_precision` here and now."""
    return jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]


def nnx_attributes(node: Any) -> list[tuple[str, Any]]:
    """Returns the names and values of an NNX module's attributes without Flax's own."""
    return [(name, value) for name, value in vars(node).items() if not name.startswith("_pytree__")]
