"""torch.nn's recurrent layers: LSTM, GRU and RNN, of both fronts."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax.typing import PrecisionLike

from jaxconv import functional, init
from jaxconv._args import array, check_bool, check_one_of, check_probability, integer, positive
from jaxconv._layers.base import Declared, ParamLayer
from jaxconv._types import ArrayLike, Nonlinearity

__all__ = ["GRU", "LSTM", "RNN"]

NONLINEARITIES = ("tanh", "relu")


class Recurrent(ParamLayer):
    """What the three share. A front gives it `deterministic` and a key."""

    _gates: ClassVar[int]
    _states: ClassVar[int] = 1

    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    precision: PrecisionLike

    def _function(self) -> Any:
        """The functional."""
        raise NotImplementedError

    def _projected(self) -> int:
        """The size of h if it is projected, else 0."""
        return 0

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        for name in ("bias", "batch_first", "bidirectional"):
            check_bool(name, getattr(self, name))
        sizes = {
            name: positive(name, getattr(self, name)) for name in ("input_size", "hidden_size", "num_layers")
        }
        if isinstance(self.dropout, bool):
            raise TypeError(f"`dropout` must be a number in [0, 1], got {self.dropout} of type bool")
        check_probability(self.dropout, "dropout")
        if self.dropout > 0 and sizes["num_layers"] == 1:
            warnings.warn(
                f"{type(self).__name__}: `dropout` (={self.dropout}) drops after all but the last layer, so it has no "
                f"effect with `num_layers` (=1)",
                UserWarning,
                stacklevel=4,
            )
        return sizes

    def _shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The names and shapes of the parameters, in torch's order."""
        rows, directions = self._gates * self.hidden_size, 1 + self.bidirectional
        size = self._projected() or self.hidden_size
        for layer in range(self.num_layers):
            features = directions * size if layer else self.input_size
            for suffix in (f"_l{layer}", f"_l{layer}_reverse")[:directions]:
                yield f"weight_ih{suffix}", (rows, features)
                yield f"weight_hh{suffix}", (rows, size)
                if self.bias:
                    yield f"bias_ih{suffix}", (rows,)
                    yield f"bias_hh{suffix}", (rows,)
                if self._projected():
                    yield f"weight_hr{suffix}", (size, self.hidden_size)

    @property
    def _holds(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(name for name, _ in self._shapes())

    def _declared(self) -> dict[str, Declared | None]:
        return declared(self, self._shapes())

    def _draws(self, deterministic: bool) -> bool:
        """Whether a call needs a key."""
        return not deterministic and 0 < self.dropout < 1 and self.num_layers > 1

    def _run(
        self, held: Mapping[str, Any], input: ArrayLike, hx: Any, deterministic: bool, key: jax.Array | None
    ) -> Any:
        name, x = type(self).__name__, array("input", input)
        if x.ndim not in (2, 3):
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got `input` of shape {x.shape}")
        given = initial(name, self._states, hx)
        x, *arrays = self._cast(x, *(() if given is None else given), *held.values())
        states, params = arrays[: -len(held)], arrays[-len(held) :]
        batched = x.ndim == 3
        for i, state in enumerate(states):
            if state.ndim != x.ndim:
                raise ValueError(
                    f"{name}: For {'batched 3-D' if batched else 'unbatched 2-D'} input, `hx` should also be "
                    f"{x.ndim}-D but got shape {state.shape}{f' of hx[{i}]' if self._states > 1 else ''}"
                )
        if not batched:
            x, states = jnp.expand_dims(x, 0 if self.batch_first else 1), [s[:, None] for s in states]
        if given is None:
            layers, size = self.num_layers * (1 + self.bidirectional), self._projected() or self.hidden_size
            batch = x.shape[0 if self.batch_first else 1]
            states = [
                jnp.zeros((layers, batch, width), x.dtype)
                for width in (size, self.hidden_size)[: self._states]
            ]
        output, *last = self._function()(
            x, states[0] if self._states == 1 else states, params, self.bias, self.num_layers, self.dropout,
            not deterministic, self.bidirectional, self.batch_first, key=key, precision=self.precision,
        )  # fmt: skip
        if not batched:
            output = jnp.squeeze(output, 0 if self.batch_first else 1)
            last = [state[:, 0] for state in last]
        return output, last[0] if self._states == 1 else tuple(last)


def declared(layer: Any, shapes: Any) -> dict[str, Declared | None]:
    """Parameters by name, drawn as torch does: all uniform in +-1 / sqrt(hidden_size)."""
    draw = init.conv_bias(layer.hidden_size)
    own = {"weight": layer.weight_init or draw, "bias": layer.bias_init or draw}
    return {name: Declared(shape, own[name.partition("_")[0]]) for name, shape in shapes}


def initial(name: str, count: int, hx: Any) -> tuple[jax.Array, ...] | None:
    """The initial states that a call is given; None for zeros."""
    if hx is None:
        return None
    if count == 1:
        return (array("hx", hx),)
    if not isinstance(hx, tuple | list) or len(hx) != count:
        raise ValueError(f"{name} expects `hx` to be a tuple (h_0, c_0), got {type(hx).__name__}")
    return tuple(array(f"hx[{i}]", state) for i, state in enumerate(hx))


_KEYWORDS = """deterministic: whether nothing is dropped. Linen: here or in the call, not in both.
        rng_collection: the name of the random stream that dropout draws from.
        precision: as in `jax.lax.dot_general`.
        weight_init: initialiser (key, shape, dtype) -> array of all weights; None for torch's distribution.
        bias_init: likewise, of all biases.

    The other keyword arguments are those of `Linear`."""


@dataclass(eq=False, repr=False)
class LSTM(Recurrent):
    __doc__ = f"""torch.nn.LSTM: the same arguments, defaults, layouts, parameters and distribution.

    Parameters for each layer k, and with the suffix `_reverse` for its other direction: `weight_ih_lk`
    (4 hidden_size, features), `weight_hh_lk` (4 hidden_size, size), `bias_ih_lk` and `bias_hh_lk` (4 hidden_size,) and,
    with `proj_size`, `weight_hr_lk` (proj_size, hidden_size); the gates in torch's order i, f, g, o. All are uniform in
    +-1 / sqrt(hidden_size). The operation is `jaxconv.functional.lstm`.

    A call takes `input` (T, N, input_size), (N, T, input_size) if `batch_first`, or unbatched (T, input_size), and the
    initial states `hx` = (h_0, c_0), zeros by default: (D num_layers, N, size) and (D num_layers, N, hidden_size),
    without N of an unbatched input, where D is 2 if `bidirectional`, else 1, and size is `proj_size` or hidden_size. It
    returns (output, (h_n, c_n)), the output having D size features. In training by default, as in torch; as in Flax,
    `model.eval()` and `model.train()` (NNX) set `deterministic`, and a call may be given it.

    Args:
        input_size: the features of the input.
        hidden_size: the features of the state c.
        num_layers: how many layers are stacked.
        bias: whether there are biases.
        batch_first: whether the batch comes before time. The states are not affected.
        dropout: the probability of an element of any layer's output but the last to be dropped in training.
        bidirectional: whether each layer also runs backwards.
        proj_size: the size that h is projected to; 0 for no projection.
        {_KEYWORDS}

    Raises:
        ValueError: a value or a shape that torch refuses too; a call that drops without a random stream.
        TypeError: an argument of the wrong type.
    """
    _gates = 4
    _states = 2

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    proj_size: int = 0
    precision: PrecisionLike = field(default=None, kw_only=True)

    def _function(self) -> Any:
        return functional.lstm

    def _projected(self) -> int:
        return self.proj_size

    def _forward(
        self,
        held: Mapping[str, Any],
        input: ArrayLike,
        hx: tuple[ArrayLike, ArrayLike] | None,
        deterministic: bool,
        key: jax.Array | None,
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        result: tuple[jax.Array, tuple[jax.Array, jax.Array]] = self._run(held, input, hx, deterministic, key)
        return result

    def _normalised(self) -> Mapping[str, Any]:
        sizes = super()._normalised()
        if not 0 <= (size := integer("proj_size", self.proj_size)) < sizes["hidden_size"]:
            raise ValueError(
                f"`proj_size` (={size}) has to be smaller than `hidden_size` (={sizes['hidden_size']}), or zero to "
                f"disable projections"
            )
        return {**sizes, "proj_size": size}


class _OneState(Recurrent):
    def _forward(
        self,
        held: Mapping[str, Any],
        input: ArrayLike,
        hx: ArrayLike | None,
        deterministic: bool,
        key: jax.Array | None,
    ) -> tuple[jax.Array, jax.Array]:
        result: tuple[jax.Array, jax.Array] = self._run(held, input, hx, deterministic, key)
        return result


@dataclass(eq=False, repr=False)
class GRU(_OneState):
    """torch.nn.GRU: the same arguments, defaults, layouts, parameters and distribution.

    Parameters as of `LSTM`, with 3 hidden_size rows, the gates in torch's order r, z, n, and no projection. The
    operation is `jaxconv.functional.gru`. A call takes `input` and `hx`, which is h_0 alone, and returns (output, h_n).
    The arguments, shapes and errors are those of `LSTM`.
    """

    _gates = 3

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    precision: PrecisionLike = field(default=None, kw_only=True)

    def _function(self) -> Any:
        return functional.gru


@dataclass(eq=False, repr=False)
class RNN(_OneState):
    """torch.nn.RNN: the same arguments, defaults, layouts, parameters and distribution.

    Parameters as of `LSTM`, with hidden_size rows and no projection. The operation is `jaxconv.functional.rnn_tanh`, or
    rnn_relu. A call takes `input` and `hx`, which is h_0 alone, and returns (output, h_n).

    Args:
        nonlinearity: 'tanh' or 'relu'.

    The other arguments, shapes and errors are those of `LSTM`.
    """

    _gates = 1

    input_size: int
    hidden_size: int
    num_layers: int = 1
    nonlinearity: Nonlinearity = "tanh"
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    precision: PrecisionLike = field(default=None, kw_only=True)

    def _function(self) -> Any:
        return functional.rnn_tanh if self.nonlinearity == "tanh" else functional.rnn_relu

    def _normalised(self) -> Mapping[str, Any]:
        check_one_of("nonlinearity", self.nonlinearity, NONLINEARITIES)
        return super()._normalised()
