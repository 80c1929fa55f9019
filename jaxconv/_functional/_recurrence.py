"""What recurrent operations share: the cells, the scan over time with its derivative, and what torch refuses."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._args import array, refuse_dtype, same_dtype
from jaxconv._arrays import ranked

States = tuple[jax.Array, ...]
Cell = Callable[[jax.Array, jax.Array, States, jax.Array | None, Any], States]
"""(input product, hidden product, states, projection, precision) -> the next states, the output first."""


def affine(x: jax.Array, weight: jax.Array, bias: jax.Array | None, precision: Any) -> jax.Array:
    """x A^T + b over the last dimension."""
    y = lax.dot_general(x, weight, (((x.ndim - 1,), (1,)), ((), ())), precision)
    return y if bias is None else y + ranked(bias, y.ndim)


def lstm_step(
    given: jax.Array, product: jax.Array, states: States, projection: Any, precision: Any
) -> States:
    """Computes (h, c) of an LSTM. Hochreiter & Schmidhuber 1997; the projection is that of Sak et al. 2014."""
    i, f, g, o = jnp.split(given + product, 4, -1)
    c = jax.nn.sigmoid(f) * states[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h if projection is None else affine(h, projection, None, precision)), c


def gru_step(given: jax.Array, product: jax.Array, states: States, projection: Any, precision: Any) -> States:
    """Computes h of a GRU (Cho et al. 2014), whose reset gate multiplies the hidden product with its bias."""
    r, z, n = zip(jnp.split(given, 3, -1), jnp.split(product, 3, -1), strict=True)
    reset, update = jax.nn.sigmoid(r[0] + r[1]), jax.nn.sigmoid(z[0] + z[1])
    new = jnp.tanh(n[0] + reset * n[1])
    return ((states[0] - new) * update + new,)


def tanh_step(
    given: jax.Array, product: jax.Array, states: States, projection: Any, precision: Any
) -> States:
    """Computes h of an Elman network (Elman 1990)."""
    return (jnp.tanh(given + product),)


def relu_step(
    given: jax.Array, product: jax.Array, states: States, projection: Any, precision: Any
) -> States:
    """Computes h of an Elman network with ReLU (Le et al. 2015)."""
    return (jax.nn.relu(given + product),)


def _scan(
    cell: Cell,
    reverse: bool,
    precision: Any,
    given: Any,
    weight: jax.Array,
    bias: jax.Array | None,
    projection: Any,
    states: Any,
) -> Any:
    """The last states, and of every step the states and the hidden product."""

    def step(states: States, given: jax.Array) -> Any:
        product = affine(states[0], weight, bias, precision)
        new = cell(given, product, states, projection, precision)
        return new, (new, product)

    return lax.scan(step, states, given, reverse=reverse)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _recurrence(
    cell: Cell,
    reverse: bool,
    precision: Any,
    given: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None,
    projection: jax.Array | None,
    states: States,
) -> tuple[States, jax.Array]:
    """The last states, and the outputs (T, N, H) of every step."""

    def step(states: States, given: jax.Array) -> Any:
        product = affine(states[0], weight, bias, precision)
        new = cell(given, product, states, projection, precision)
        return new, new[0]

    return lax.scan(step, states, given, reverse=reverse)


@_recurrence.defjvp
def _(cell: Cell, reverse: bool, precision: Any, primals: Any, tangents: Any) -> Any:
    """The same derivative as the scan's own, but the hidden weight's part in it is one product for all steps.

    So is, transposed, the weight's gradient, which the scan's own derivative would add up step by step.
    """
    given, weight, _, projection, first = primals
    dgiven, dweight, dbias, dprojection, dfirst = tangents
    last, (every, products) = _scan(cell, reverse, precision, *primals)

    def previous(start: jax.Array, states: jax.Array) -> jax.Array:
        return jnp.concatenate([states[1:], start[None]] if reverse else [start[None], states[:-1]])

    before = jax.tree.map(previous, first, every)
    moved = affine(before[0], dweight, dbias, precision)

    def step(dstates: States, at: Any) -> Any:
        given, product, states, dgiven, moved = at
        dproduct = moved + affine(dstates[0], weight, None, precision)
        _, dnew = jax.jvp(
            lambda given, product, states, projection: cell(given, product, states, projection, precision),
            (given, product, states, projection),
            (dgiven, dproduct, dstates, dprojection),
        )
        return dnew, dnew[0]

    dlast, doutputs = lax.scan(step, dfirst, (given, products, before, dgiven, moved), reverse=reverse)
    return (last, every[0]), (dlast, doutputs)


# Compiled, because a scan outside of jit is compiled at every call.
@functools.partial(jax.jit, static_argnames=("cell", "reverse", "precision"))
def recurrent(
    x: jax.Array,
    states: States,
    input_weight: jax.Array,
    hidden_weight: jax.Array,
    input_bias: jax.Array | None,
    hidden_bias: jax.Array | None,
    projection: jax.Array | None,
    *,
    cell: Cell,
    reverse: bool,
    precision: Any,
) -> tuple[States, jax.Array]:
    """Runs a cell over time. The input's product is computed for all steps at once.

    Args:
        x: (T, N, features).
        states: each (N, size).
        input_weight, hidden_weight, input_bias, hidden_bias, projection: torch's, of one direction of one layer.
        cell: one step.
        reverse: whether time runs backwards.
        precision: of the products.

    Returns:
        The states after the last step, and the outputs (T, N, size) in the order of x.
    """
    given = affine(x, input_weight, input_bias, precision)
    return _recurrence(cell, reverse, precision, given, hidden_weight, hidden_bias, projection, states)


@dataclass(frozen=True)
class Kind:
    """What one kind of recurrent layer computes.

    Attributes:
        op: its name.
        cell: one step.
        gates: how many times the hidden size the products have.
        states: how many states it carries.
    """

    op: str
    cell: Cell
    gates: int = 1
    states: int = 1


LSTM = Kind("lstm", lstm_step, gates=4, states=2)
GRU = Kind("gru", gru_step, gates=3)
TANH = Kind("rnn_tanh", tanh_step)
RELU = Kind("rnn_relu", relu_step)


def pair(op: str, hx: Any) -> tuple[jax.Array, ...]:
    if not isinstance(hx, tuple | list) or len(hx) != 2:
        raise ValueError(
            f"{op} expects two hidden states: `hx` must be a tuple (h, c), got {type(hx).__name__}"
        )
    return array("hx[0]", hx[0]), array("hx[1]", hx[1])


def check_dtypes(kind: Kind, x: jax.Array, named: dict[str, jax.Array | None]) -> None:
    same_dtype(kind.op, input=x, **named)
    refuse_dtype(kind.op, x, jnp.integer, jnp.bool_, *((jnp.complexfloating,) if kind is RELU else ()))


def cast(tree: Any, dtype: Any) -> Any:
    return jax.tree.map(lambda a: a.astype(dtype), tree)


def check_weights(
    op: str,
    kind: Kind,
    features: int,
    size: int,
    w_ih: jax.Array,
    w_hh: jax.Array,
    b_ih: jax.Array | None = None,
    b_hh: jax.Array | None = None,
    w_hr: jax.Array | None = None,
) -> int:
    """The hidden size of one layer's weights, whose shapes must fit each other, the input and the state."""
    rows = w_ih.shape[0] if w_ih.ndim else 0
    hidden = rows // kind.gates if w_hr is None or w_hr.ndim < 2 else w_hr.shape[1]
    rows = kind.gates * hidden
    for name, weight, shape in (
        ("weight_ih", w_ih, (rows, features)),
        ("weight_hh", w_hh, (rows, hidden if w_hr is None else size)),
        ("bias_ih", b_ih, (rows,)),
        ("bias_hh", b_hh, (rows,)),
        ("weight_hr", w_hr, (size, hidden)),
    ):
        if weight is not None:
            check_shape(op, name, weight, shape)
    return hidden


def check_shape(op: str, name: str, given: jax.Array, shape: tuple[Any, ...]) -> None:
    if given.shape != shape:
        raise ValueError(f"{op}: Expected `{name}` of shape {shape}, but got {given.shape}")
