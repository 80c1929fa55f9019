"""The scale that keeps the variance through a layer and its nonlinearity."""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

# torch.nn.init.calculate_gain's table; 'leaky_relu' is computed.
_LINEAR = ("linear", "sigmoid", *(f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)))
_GAINS = dict.fromkeys(_LINEAR, 1.0) | {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The gain that keeps the variance through a nonlinearity (torch.nn.init.calculate_gain's table).

    Args:
        nonlinearity: 'linear', 'conv{1,2,3}d', 'conv_transpose{1,2,3}d', 'sigmoid', 'tanh', 'relu',
            'leaky_relu' or 'selu'.
        param: the negative slope of 'leaky_relu', None for 0.01; the others do not look at it, as in torch.

    Raises:
        ValueError: another nonlinearity; a slope that is not a number.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, Real) or math.isnan(slope):
            raise ValueError(f"the negative slope of 'leaky_relu' (={slope!r}) must be a number")
        return math.sqrt(2 / (1 + float(slope) ** 2))
    if nonlinearity not in _GAINS:
        known = ", ".join(map(repr, (*_GAINS, "leaky_relu")))
        raise ValueError(f"`nonlinearity` (={nonlinearity!r}) must be one of {known}")
    return _GAINS[nonlinearity]


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) < 2:
        raise ValueError(f"fan in and fan out need a shape of at least 2 dimensions, got {shape}")
    # shape[1] is in_channels / groups already.
    return math.prod(shape[1:]), shape[0] * math.prod(shape[2:])


def kaiming_std(a: Any, mode: Any, nonlinearity: Any) -> Callable[[tuple[int, ...]], float]:
    problems, gain = [], 0.0
    try:
        gain = calculate_gain(nonlinearity, a)
    except ValueError as error:
        problems.append(str(error))
    if (mode := str(mode).lower()) not in ("fan_in", "fan_out"):
        problems.append(f"`mode` (={mode!r}) must be 'fan_in' or 'fan_out'")
    if problems:
        raise ValueError("; ".join(problems))
    return lambda shape: gain / math.sqrt(fans(shape)[mode == "fan_out"])
