"""torch.nn's recurrent cells: LSTMCell, GRUCell and RNNCell, of both fronts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax.typing import PrecisionLike

from jaxconv import functional
from jaxconv._args import array, check_flag, check_one_of, check_size, positive
from jaxconv._layers.base import Declared, ParamLayer
from jaxconv._layers.recurrent import NONLINEARITIES, declared, initial
from jaxconv._types import ArrayLike, Nonlinearity

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]


@dataclass(eq=False, repr=False)
class RecurrentCell(ParamLayer):
    """What the three share."""

    _gates: ClassVar[int]
    _states: ClassVar[int] = 1
    _holds: ClassVar[tuple[str, ...]] = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

    input_size: int
    hidden_size: int
    bias: bool = True
    precision: PrecisionLike = field(default=None, kw_only=True)

    def _function(self) -> Any:
        """The functional."""
        raise NotImplementedError

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        check_flag("bias", self.bias)
        return {
            "input_size": check_size("input_size", self.input_size),
            "hidden_size": positive("hidden_size", self.hidden_size),
        }

    def _declared(self) -> dict[str, Declared | None]:
        rows = self._gates * self.hidden_size
        shapes = ((rows, self.input_size), (rows, self.hidden_size), (rows,), (rows,))
        made = declared(self, zip(self._holds, shapes, strict=True))
        return made if self.bias else made | {"bias_ih": None, "bias_hh": None}

    def _run(self, held: Mapping[str, Any], input: ArrayLike, hx: Any) -> Any:
        name, x = type(self).__name__, array("input", input)
        if x.ndim not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got `input` of shape {x.shape}")
        given = initial(name, self._states, hx)
        for i, state in enumerate(given or ()):
            if state.ndim not in (1, 2):
                where = f"hx[{i}]" if self._states > 1 else "hx"
                raise ValueError(f"{name}: Expected `{where}` to be 1D or 2D, got shape {state.shape}")
        x, *arrays = self._cast(x, *(given or ()), *(held[n] for n in self._holds))
        states, params = arrays[:-4], arrays[-4:]
        batched = x.ndim == 2
        if not batched:
            x = x[None]
        states = [state if state.ndim == 2 else state[None] for state in states]
        if given is None:
            states = [jnp.zeros((x.shape[0], self.hidden_size), x.dtype)] * self._states
        new = self._function()(
            x, states if self._states > 1 else states[0], *params, precision=self.precision
        )
        if batched:
            return new
        return tuple(state[0] for state in new) if self._states > 1 else new[0]


def _doc(name: str, rows: str, function: str, more: str = "") -> str:
    states = "(h_0, c_0)" if name == "LSTM" else "h_0"
    return f"""torch.nn.{name}Cell: the same arguments, defaults, layouts, parameters and distribution.

    Parameters `weight_ih` ({rows}hidden_size, input_size), `weight_hh` ({rows}hidden_size, hidden_size), `bias_ih` and
    `bias_hh` ({rows}hidden_size,), all uniform in +-1 / sqrt(hidden_size). The operation is
    `jaxconv.functional.{function}`.

    A call takes `input` (N, input_size) or (input_size,) and the state `hx`, {states}, zeros by default, each
    (N, hidden_size) or (hidden_size,). It returns the next state of the same form.

    Args:
        input_size: the features of the input.
        hidden_size: the features of the state.
        bias: whether there are biases.{more}
        precision: as in `jax.lax.dot_general`.
        weight_init: initialiser (key, shape, dtype) -> array of both weights; None for torch's distribution.
        bias_init: likewise, of both biases.

    The other keyword arguments are those of `Linear`.

    Raises:
        ValueError: a value or a shape that torch refuses too.
        TypeError: an argument of the wrong type.
    """


class LSTMCell(RecurrentCell):
    __doc__ = _doc("LSTM", "4 ", "lstm_cell")
    _gates = 4
    _states = 2

    def _function(self) -> Any:
        return functional.lstm_cell

    def _forward(
        self, held: Mapping[str, Any], input: ArrayLike, hx: tuple[ArrayLike, ArrayLike] | None = None
    ) -> tuple[jax.Array, jax.Array]:
        result: tuple[jax.Array, jax.Array] = self._run(held, input, hx)
        return result


class _OneState(RecurrentCell):
    def _forward(self, held: Mapping[str, Any], input: ArrayLike, hx: ArrayLike | None = None) -> jax.Array:
        result: jax.Array = self._run(held, input, hx)
        return result


class GRUCell(_OneState):
    __doc__ = _doc("GRU", "3 ", "gru_cell")
    _gates = 3

    def _function(self) -> Any:
        return functional.gru_cell


@dataclass(eq=False, repr=False)
class RNNCell(_OneState):
    __doc__ = _doc("RNN", "", "rnn_tanh_cell", "\n        nonlinearity: 'tanh' or 'relu'.")
    _gates = 1

    nonlinearity: Nonlinearity = "tanh"

    def _normalised(self) -> Mapping[str, Any]:
        check_one_of("nonlinearity", self.nonlinearity, NONLINEARITIES)
        return super()._normalised()

    def _function(self) -> Any:
        return functional.rnn_tanh_cell if self.nonlinearity == "tanh" else functional.rnn_relu_cell
