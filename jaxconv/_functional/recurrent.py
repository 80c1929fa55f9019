"""torch's recurrent operations: torch.lstm, gru, rnn_tanh and rnn_relu."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._args import array, check_bool, check_probability, positive
from jaxconv._arrays import mesh_axis, spread
from jaxconv._dtypes import compute_dtype
from jaxconv._functional._recurrence import (
    GRU,
    LSTM,
    RELU,
    TANH,
    Kind,
    cast,
    check_dtypes,
    check_shape,
    check_weights,
    pair,
    recurrent,
)
from jaxconv._functional.dropout import dropout as drop
from jaxconv._types import ArrayLike

__all__ = ["gru", "lstm", "rnn_relu", "rnn_tanh"]


def lstm(
    input: ArrayLike,
    hx: Sequence[ArrayLike],
    params: Sequence[ArrayLike],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
    *,
    key: jax.Array | None = None,
    precision: lax.PrecisionLike = None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Runs a multi-layer LSTM over sequences: torch.lstm.

    The formulas are those of torch.nn.LSTM's documentation. bfloat16 and float16 are computed in float32, and the
    results are rounded once.

    Args:
        input: (T, N, input_size), or (N, T, input_size) if `batch_first`; floating or complex.
        hx: the initial states h (D num_layers, N, size) and c (D num_layers, N, hidden_size), where D is 2 if
            `bidirectional`, else 1. `size` is hidden_size, or proj_size where `params` have projections.
        params: torch.nn.LSTM's parameters in the order of its state_dict: for each layer and direction weight_ih,
            weight_hh, bias_ih and bias_hh if `has_biases`, and weight_hr where h and c differ in size.
        has_biases: whether there are biases in `params`.
        num_layers: the number of layers.
        dropout: the probability of an element of any layer's output but the last to be dropped, if `train`.
        train: whether anything is dropped.
        bidirectional: whether every layer also runs backwards.
        batch_first: whether the batch comes before time in `input` and in the output.
        key: a JAX key, `jax.random.key(0)`; needed where something is dropped at random. torch has no such argument.
        precision: as in `jax.lax.dot_general`. torch has no such argument.

    Returns:
        The output (T, N, D size), or (N, T, D size), and the last h and c, of the shapes of `hx`.

    Raises:
        ValueError: shapes that do not fit, another number of arrays, a sequence of length 0, a `dropout` outside
            [0, 1], or no key.
        TypeError: mixed or integer dtypes, or an argument of the wrong type.
    """
    options = (has_biases, num_layers, dropout, train, bidirectional, batch_first, key, precision)
    output, (h, c) = _run(LSTM, input, pair(LSTM.op, hx), params, *options)
    return output, h, c


def gru(
    input: ArrayLike,
    hx: ArrayLike,
    params: Sequence[ArrayLike],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
    *,
    key: jax.Array | None = None,
    precision: lax.PrecisionLike = None,
) -> tuple[jax.Array, jax.Array]:
    """Runs a multi-layer GRU over sequences: torch.gru.

    The formulas are those of torch.nn.GRU's documentation. `hx` is the initial h alone, and there are no projections;
    all other arguments, dtypes and errors are those of `lstm`.

    Returns:
        The output (T, N, D hidden_size), or (N, T, D hidden_size), and the last h, of the shape of `hx`.
    """
    options = (has_biases, num_layers, dropout, train, bidirectional, batch_first, key, precision)
    output, (h,) = _run(GRU, input, (array("hx", hx),), params, *options)
    return output, h


def rnn_tanh(
    input: ArrayLike,
    hx: ArrayLike,
    params: Sequence[ArrayLike],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
    *,
    key: jax.Array | None = None,
    precision: lax.PrecisionLike = None,
) -> tuple[jax.Array, jax.Array]:
    """Runs a multi-layer Elman network with tanh over sequences: torch.rnn_tanh.

    The formulas are those of torch.nn.RNN's documentation. Arguments, results, dtypes and errors are those of `gru`.
    """
    options = (has_biases, num_layers, dropout, train, bidirectional, batch_first, key, precision)
    output, (h,) = _run(TANH, input, (array("hx", hx),), params, *options)
    return output, h


def rnn_relu(
    input: ArrayLike,
    hx: ArrayLike,
    params: Sequence[ArrayLike],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
    *,
    key: jax.Array | None = None,
    precision: lax.PrecisionLike = None,
) -> tuple[jax.Array, jax.Array]:
    """Runs a multi-layer Elman network with ReLU over sequences: torch.rnn_relu.

    Arguments, results and errors are those of `gru`; complex arrays are refused, as ReLU refuses them.
    """
    options = (has_biases, num_layers, dropout, train, bidirectional, batch_first, key, precision)
    output, (h,) = _run(RELU, input, (array("hx", hx),), params, *options)
    return output, h


def _run(
    kind: Kind,
    input: ArrayLike,
    states: tuple[jax.Array, ...],
    params: Any,
    has_biases: Any,
    num_layers: Any,
    dropout: Any,
    train: Any,
    bidirectional: Any,
    batch_first: Any,
    key: Any,
    precision: Any,
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """The output, and the last states of all layers and directions."""
    op, x = kind.op, array("input", input)
    for name, flag in (("has_biases", has_biases), ("train", train), ("bidirectional", bidirectional)):
        check_bool(name, flag)
    check_bool("batch_first", batch_first)
    check_probability(dropout, "dropout")
    layers, directions = positive("num_layers", num_layers), 2 if bidirectional else 1
    if x.ndim != 3:
        raise ValueError(f"{op}: Expected `input` to be 3D, but got shape {x.shape}")
    time, batch = (1, 0) if batch_first else (0, 1)
    if x.shape[time] == 0:
        raise ValueError(
            f"{op}: Expected sequence length to be larger than 0, but got `input` of shape {x.shape}"
        )
    held = [array(f"params[{i}]", p) for i, p in enumerate(params)]
    check_dtypes(kind, x, {f"hx[{i}]": s for i, s in enumerate(states)})
    check_dtypes(kind, x, {f"params[{i}]": p for i, p in enumerate(held)})
    for i, state in enumerate(states):
        if state.ndim != 3:
            raise ValueError(
                f"{op}: `hx` must be 3D, (layers, N, size), but got shape {state.shape} of hx[{i}]"
            )
    size = states[0].shape[2]
    projected = kind.states == 2 and states[1].shape[2] != size
    each = 2 + 2 * has_biases + projected
    if len(held) != layers * directions * each:
        raise ValueError(
            f"{op}: `params` must be {layers * directions * each} arrays, {each} for each of {layers * directions} "
            f"layers and directions, but got {len(held)}"
        )
    groups = []
    for i in range(layers * directions):
        w_ih, w_hh, *rest = held[i * each : (i + 1) * each]
        b_ih, b_hh = rest[:2] if has_biases else (None, None)
        w_hr = rest[-1] if projected else None
        features = x.shape[2] if i < directions else directions * size
        hidden = check_weights(op, kind, features, size, w_ih, w_hh, b_ih, b_hh, w_hr)
        groups.append((w_ih, w_hh, b_ih, b_hh, w_hr))
    for i, state in enumerate(states):
        expected = (layers * directions, x.shape[batch], hidden if i else size)
        check_shape(op, f"hx[{i}]" if kind.states > 1 else "hx", state, expected)
    drops = train and dropout > 0 and layers > 1
    if drops and dropout < 1 and key is None:
        raise ValueError(
            f"{op} needs `key`, such as jax.random.key(0), if `train` and 0 < `dropout` (={dropout}) < 1"
        )
    keys = jax.random.split(key, layers - 1) if drops and dropout < 1 else [None] * (layers - 1)

    wide = compute_dtype(x.dtype)
    y, initial, weights = cast((jnp.swapaxes(x, 0, 1) if batch_first else x, states, groups), wide)
    # On an explicit mesh a scan goes over what every device has all of: the batch alone is spread.
    axes = (None, mesh_axis(y, 1), None)
    y, initial = spread(y, x, *axes), tuple(spread(state, x, *axes) for state in initial)
    last = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            i = layer * directions + direction
            after, output = recurrent(
                y, tuple(s[i] for s in initial), *weights[i],
                cell=kind.cell, reverse=direction == 1, precision=precision,
            )  # fmt: skip
            last.append(after)
            outputs.append(output)
        y = outputs[0] if directions == 1 else jnp.concatenate(outputs, -1)
        if drops and layer < layers - 1:
            y = drop(y, dropout, key=keys[layer])
    output = jnp.swapaxes(y, 0, 1) if batch_first else y
    return cast((output, tuple(jnp.stack(parts) for parts in zip(*last, strict=True))), x.dtype)
