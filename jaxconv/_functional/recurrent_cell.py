"""torch's recurrent cells, one step of each: torch.lstm_cell, gru_cell, rnn_tanh_cell and rnn_relu_cell."""

from collections.abc import Sequence
from typing import Any

import jax
from jax import lax

from jaxconv._args import array
from jaxconv._arrays import mesh_axis, spread
from jaxconv._dtypes import compute_dtype
from jaxconv._functional._recurrence import (
    GRU,
    LSTM,
    RELU,
    TANH,
    Kind,
    affine,
    cast,
    check_dtypes,
    check_shape,
    check_weights,
    pair,
)
from jaxconv._types import ArrayLike

__all__ = ["gru_cell", "lstm_cell", "rnn_relu_cell", "rnn_tanh_cell"]


def lstm_cell(
    input: ArrayLike,
    hx: Sequence[ArrayLike],
    w_ih: ArrayLike,
    w_hh: ArrayLike,
    b_ih: ArrayLike | None = None,
    b_hh: ArrayLike | None = None,
    *,
    precision: lax.PrecisionLike = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes one step of an LSTM: torch.lstm_cell.

    Args:
        input: (N, input_size), floating or complex.
        hx: the states h and c, both (N, hidden_size).
        w_ih: (4 hidden_size, input_size): the input, forget, cell and output gates'.
        w_hh: (4 hidden_size, hidden_size).
        b_ih, b_hh: (4 hidden_size,), or None both.
        precision: as in `jax.lax.dot_general`. torch has no such argument.

    Returns:
        The next h and c.

    Raises:
        ValueError: shapes that do not fit, or one bias without the other.
        TypeError: mixed or integer dtypes.
    """
    h, c = _step(LSTM, input, pair("lstm_cell", hx), w_ih, w_hh, b_ih, b_hh, precision)
    return h, c


def gru_cell(
    input: ArrayLike,
    hx: ArrayLike,
    w_ih: ArrayLike,
    w_hh: ArrayLike,
    b_ih: ArrayLike | None = None,
    b_hh: ArrayLike | None = None,
    *,
    precision: lax.PrecisionLike = None,
) -> jax.Array:
    """Computes one step of a GRU: torch.gru_cell.

    `hx` is h alone, and weights and biases have 3 hidden_size rows: the reset, update and new gates'. All else is as in
    `lstm_cell`. Returns the next h.
    """
    return _step(GRU, input, (array("hx", hx),), w_ih, w_hh, b_ih, b_hh, precision)[0]


def rnn_tanh_cell(
    input: ArrayLike,
    hx: ArrayLike,
    w_ih: ArrayLike,
    w_hh: ArrayLike,
    b_ih: ArrayLike | None = None,
    b_hh: ArrayLike | None = None,
    *,
    precision: lax.PrecisionLike = None,
) -> jax.Array:
    """Computes one step of an Elman network with tanh: torch.rnn_tanh_cell.

    `hx` is h alone, and weights and biases have hidden_size rows. All else is as in `lstm_cell`. Returns the next h.
    """
    return _step(TANH, input, (array("hx", hx),), w_ih, w_hh, b_ih, b_hh, precision)[0]


def rnn_relu_cell(
    input: ArrayLike,
    hx: ArrayLike,
    w_ih: ArrayLike,
    w_hh: ArrayLike,
    b_ih: ArrayLike | None = None,
    b_hh: ArrayLike | None = None,
    *,
    precision: lax.PrecisionLike = None,
) -> jax.Array:
    """Computes one step of an Elman network with ReLU: torch.rnn_relu_cell. All else is as in `rnn_tanh_cell`."""
    return _step(RELU, input, (array("hx", hx),), w_ih, w_hh, b_ih, b_hh, precision)[0]


def _step(
    kind: Kind,
    input: ArrayLike,
    states: Any,
    w_ih: ArrayLike,
    w_hh: ArrayLike,
    b_ih: ArrayLike | None,
    b_hh: ArrayLike | None,
    precision: Any,
) -> tuple[jax.Array, ...]:
    op = f"{kind.op}_cell"
    x = array("input", input)
    named = {"w_ih": w_ih, "w_hh": w_hh, "b_ih": b_ih, "b_hh": b_hh}
    held = {name: None if a is None else array(name, a) for name, a in named.items()}
    check_dtypes(kind, x, held | {f"hx[{i}]": state for i, state in enumerate(states)})
    if (b_ih is None) != (b_hh is None):
        raise ValueError(f"{op}: `b_ih` and `b_hh` must both be given, or neither")
    if x.ndim != 2:
        raise ValueError(f"{op} expected `input` (N, input_size), but got shape {x.shape}")
    weights: list[Any] = [held["w_ih"], held["w_hh"], held["b_ih"], held["b_hh"]]
    hidden = check_weights(op, kind, x.shape[1], states[0].shape[-1] if states[0].ndim else 0, *weights)
    for i, state in enumerate(states):
        check_shape(op, f"hx[{i}]" if kind.states > 1 else "hx", state, (x.shape[0], hidden))
    wide = compute_dtype(x.dtype)
    x_wide, states_wide, (wi, wh, bi, bh) = cast((x, states, weights), wide)
    states_wide = tuple(spread(state, x, mesh_axis(x, 0), None) for state in states_wide)
    given, product = affine(x_wide, wi, bi, precision), affine(states_wide[0], wh, bh, precision)
    return cast(kind.cell(given, product, states_wide, None, precision), x.dtype)
