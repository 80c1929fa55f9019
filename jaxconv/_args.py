"""Checks of arguments that more than one function makes: each gives the argument back, or says what is wrong with it.

A check that only one function makes stays in that function; what makes a whole spec of arguments is in `_spec.py`.
"""

import operator
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

from jaxconv._given import not_an_array, refuse_key, wrong_type


def symbolic(*sizes: Any) -> bool:
    """Whether any of the sizes is a symbolic dimension of jax.export."""
    return any(jax.export.is_symbolic_dim(size) for size in sizes)


def integer(name: str, value: Any) -> int:
    """One integer. bool, float and None are refused, as torch refuses them."""
    if symbolic(value):
        return value
    # operator.index takes what torch takes: int, NumPy integers, 0-d integer tensors. It takes bool too.
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise wrong_type(name, "an int", value)


def integers(name: str, value: Any, ndim: int) -> tuple[int, ...]:
    """An int, or a sequence of 1 or `ndim` ints, as a tuple of `ndim` ints."""
    if isinstance(value, str) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0:
        if value is None or isinstance(value, str):
            raise TypeError(f"`{name}` (={value!r}) must be an int or a tuple of {ndim} ints")
        return (integer(name, value),) * ndim
    if isinstance(value, set | frozenset | Mapping):  # in no order
        raise TypeError(f"`{name}` (={value!r}) must be an int or a tuple of {ndim} ints")
    items = each_integer(name, value)
    if len(items) == 1:
        return items * ndim
    if len(items) != ndim:
        raise ValueError(f"`{name}` (={items}) must be an int or a tuple of {ndim} ints, got {len(items)}")
    return items


def one_or_all(name: str, value: Any, ndim: int) -> tuple[int, ...]:
    """As `integers`, where torch takes no sequence of 1 for all dimensions."""
    items = integers(name, value, ndim)
    if hasattr(value, "__len__") and len(value) == 1:
        raise ValueError(f"`{name}` (={value}) must be an int or a tuple of {ndim} ints, got 1")
    return items


def each_integer(name: str, values: Any) -> tuple[int, ...]:
    """The elements of a sequence, each an integer."""
    return tuple(integer(f"{name}[{i}]", value) for i, value in enumerate(values))


def check_least(least: int, name: str, value: tuple[int, ...] | int) -> None:
    """Refuses what is less than 1 or 0 in any dimension, in the words of torch's convolutions."""
    if min(value) < least if isinstance(value, tuple) else value < least:
        what, wrong = ("positive", "non-positive") if least == 1 else ("non-negative", "negative")
        raise ValueError(f"`{name}` (={value}) must be {what}: {wrong} {name} is not supported")


def positive(name: str, value: Any) -> int:
    """An integer of at least 1."""
    if (n := integer(name, value)) < 1:
        raise ValueError(f"`{name}` (={n}) must be positive")
    return n


def check_size(name: str, value: Any) -> int:
    """A number of features or channels, which may be 0 as in torch."""
    if (size := integer(name, value)) < 0:
        raise ValueError(f"`{name}` (={size}) must be non-negative")
    return size


def number(name: str, value: Any) -> float:
    """A real number but no bool; traced ones, and JAX's arrays without dimensions, pass."""
    if isinstance(value, jax.Array) and value.ndim == 0:
        return value  # type: ignore[return-value]
    # NumPy's scalars are no Python numbers, but are taken as torch takes them.
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise wrong_type(name, "a number", value)
    return plain


def check_number(name: str, value: Any, scalar: bool = False) -> None:
    """A real number, bools among them, or also a scalar array."""
    if scalar and isinstance(value, jax.Array | np.ndarray) and value.ndim == 0:
        return
    if not isinstance(value, Real):
        raise wrong_type(name, "a number", value)


def check_bool(name: str, value: Any, numpy: bool = False) -> None:
    """A flag where torch takes nothing but a bool; `numpy`: or NumPy's."""
    if not isinstance(value, bool | np.bool_ if numpy else bool):
        raise wrong_type(name, "a bool", value)


def check_flag(name: str, value: Any) -> None:
    """torch asks for the truth of its flags; an array in the place of one is a mistake."""
    if isinstance(value, jax.Array | np.ndarray):
        raise TypeError(f"`{name}` must be a bool, got an array of shape {value.shape}")


def check_one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """A name among those that there are."""
    if value not in allowed:
        raise ValueError(f"`{name}` (={value!r}) must be one of {allowed}")


def check_probability(p: Any, name: str = "p") -> None:
    """Refuses all but a number in [0, 1]."""
    check_number(name, p)
    if not 0 <= float(p) <= 1:
        raise ValueError(f"dropout probability `{name}` has to be between 0 and 1, but got {p}")


def check_norm_type(value: Any) -> float:
    """p of a power average: an int or float that is not 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type("norm_type", "an int or a float", value)
    if value == 0:
        raise ValueError(f"`norm_type` (={value}) must not be 0")
    return value


def check_divisor(value: Any) -> int | None:
    """`divisor_override`: None, or an int that is not 0."""
    if value is None:
        return None
    divisor = integer("divisor_override", value)
    if divisor == 0:
        raise ValueError("`divisor_override` (=0) must not be zero")
    return divisor


def check_smoothing(value: Any) -> float:
    """`label_smoothing`: a number of at most 1."""
    if (smoothing := number("label_smoothing", value)) > 1:
        raise ValueError(f"`label_smoothing` (={value}) must be between 0.0 and 1.0")
    return smoothing


def check_margin(value: Any) -> None:
    """`margin` of a triplet loss: a number above 0."""
    if not number("margin", value) > 0:
        raise ValueError(f"`margin` (={value}) must be greater than 0")


def check_power(p: Any) -> None:
    """`p` of a margin loss: 1 or 2."""
    if p not in (1, 2):
        raise ValueError(f"`p` (={p}) must be 1 or 2")


def check_distance(function: Any) -> None:
    """`distance_function`: callable, or None."""
    if function is not None and not callable(function):
        raise TypeError(f"`distance_function` must be callable, got {function!r}")


def check_dtype(name: str, value: Any) -> None:
    """Refuses what JAX has no dtype for, torch's own dtypes among it."""
    try:
        if value is not None:
            jax.dtypes.canonicalize_dtype(value)
    except TypeError:
        raise wrong_type(name, "a JAX dtype such as jnp.float32", value) from None


REDUCTIONS = ("none", "mean", "sum")


def check_reduction(
    reduction: Any, size_average: Any = None, reduce: Any = None, allowed: tuple[str, ...] = REDUCTIONS
) -> None:
    """Refuses unknown reductions and the two arguments that torch deprecated for `reduction`."""
    for name, value in (("size_average", size_average), ("reduce", reduce)):
        if value is not None:
            raise ValueError(
                f"`{name}` (={value!r}) is deprecated in torch and must be None: use `reduction`, one of {allowed}"
            )
    if not isinstance(reduction, str) or reduction not in allowed:
        raise ValueError(f"`reduction` (={reduction!r}) is not a valid value for reduction, one of {allowed}")


def dimension(dim: int, ndim: int) -> int:
    """A dimension of an array, counted from the front."""
    size = max(ndim, 1)
    if not -size <= dim < size:
        raise ValueError(
            f"Dimension out of range (expected to be in range of [{-size}, {size - 1}], but got {dim})"
        )
    return dim % size


def array(name: str, value: Any) -> jax.Array:
    """`value` as a JAX array: JAX and NumPy arrays and Flax variables, not lists, torch tensors and random keys."""
    if isinstance(value, jax.Array):
        refuse_key(name, value)
        return value
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "__jax_array__"):
        return jnp.asarray(value)
    raise not_an_array(name, value)


def optional_array(name: str, value: Any) -> jax.Array | None:
    """As `array`; None stays."""
    return None if value is None else array(name, value)


def floating(op: str, name: str, x: Any) -> jax.Array:
    """An array of a floating dtype."""
    y = array(name, x)
    refuse_dtype(op, y, jnp.bool_, jnp.integer, jnp.complexfloating)
    return y


def same_dtype(op: str, **arrays: jax.Array | None) -> None:
    """torch's functionals do not promote: all arrays are of one dtype. Modules cast before they call."""
    dtypes = {name: a.dtype for name, a in arrays.items() if a is not None}
    if len(set(dtypes.values())) > 1:
        listed = ", ".join(f"{name}: {dtype}" for name, dtype in dtypes.items())
        raise TypeError(f"{op} expected all arrays to have the same dtype, but got {listed}")


def refuse_dtype(op: str, x: jax.Array, *kinds: Any) -> None:
    """Refuses the dtypes that torch has no kernel for."""
    if any(jnp.issubdtype(x.dtype, kind) for kind in kinds):
        raise TypeError(f'"{op}" is not implemented for dtype {x.dtype}')


def check_dtype_of_input(name: str, value: jax.Array, x: jax.Array) -> None:
    """Refuses a parameter of another dtype than the input x."""
    if value.dtype != x.dtype:
        raise TypeError(f"`{name}` of dtype {value.dtype} must have the dtype {x.dtype} of `input`")


def check_rank(name: str, shape: tuple[int, ...], ranks: Sequence[int]) -> None:
    """Refuses the input of a layer that takes other numbers of dimensions."""
    if len(shape) not in ranks:
        expected = " or ".join(f"{rank}D" for rank in ranks)
        raise ValueError(f"{name} expected {expected} input, got `input` of shape {shape}")


def check_channels(op: str, shape: tuple[int, ...]) -> None:
    """Refuses an input without channels, (N, C, *size)."""
    if len(shape) < 2:
        raise ValueError(f"{op} expected `input` of at least 2 dimensions (N, C, ...), got shape {shape}")


def check_shape(name: str, value: jax.Array | None, shape: tuple[int, ...], what: str) -> None:
    """Refuses a parameter of another shape."""
    if value is not None and value.shape != shape:
        raise ValueError(f"Expected `{name}` of shape {shape}, {what}, but got shape {value.shape}")


def check_per_channel(x: jax.Array, channels: int, **params: jax.Array | None) -> None:
    """Refuses parameters of another number of elements than x has channels."""
    for name, value in params.items():
        check_shape(name, value, (channels,), f"one element per channel of `input` of shape {x.shape}")


def check_spatial_input(op: str, ndim: int, shape: tuple[int, ...]) -> None:
    """The input of an `ndim`-d layer is (N, C, *size) or (C, *size), with nothing of size zero but N."""
    if len(shape) not in (ndim + 1, ndim + 2):
        raise ValueError(
            f"Expected {ndim + 1}D (unbatched) or {ndim + 2}D (batched) input to {op}, "
            f"but got `input` of shape {shape}"
        )
    if 0 in shape[-ndim - 1 :]:
        raise ValueError(
            f"{op}: only the batch may be of size zero, but got `input` of shape {shape}: "
            f"channels and size must be positive"
        )
