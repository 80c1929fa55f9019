"""torch.nn's recurrent layers and cells as Linen modules."""

from dataclasses import field
from typing import Any

from flax import linen as nn

from jaxconv._layers import recurrent, recurrent_cell
from jaxconv.linen._module import ParamModule

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]


class _Recurrent(recurrent.Recurrent, ParamModule):
    """A layer with parameters that drops between its layers in training."""

    deterministic: bool | None = field(default=False, kw_only=True)
    rng_collection: str = field(default="dropout", kw_only=True)

    @nn.compact
    def __call__(self, input: Any, hx: Any = None, deterministic: bool | None = None, rng: Any = None) -> Any:
        """Runs the layer; `rng` is a key instead of the collection's."""
        deterministic = nn.merge_param("deterministic", self.deterministic, deterministic)
        if rng is None and self._draws(deterministic):
            rng = self.make_rng(self.rng_collection)
        return self._forward(self._held(), input, hx, deterministic, rng)


class LSTM(recurrent.LSTM, _Recurrent):  # type: ignore[misc]  # mypy takes `Recurrent` for a dataclass
    pass


class GRU(recurrent.GRU, _Recurrent):  # type: ignore[misc]  # mypy takes `Recurrent` for a dataclass
    pass


class RNN(recurrent.RNN, _Recurrent):  # type: ignore[misc]  # mypy takes `Recurrent` for a dataclass
    pass


class LSTMCell(recurrent_cell.LSTMCell, ParamModule):
    pass


class GRUCell(recurrent_cell.GRUCell, ParamModule):
    pass


class RNNCell(recurrent_cell.RNNCell, ParamModule):
    pass
