"""The types of arguments, as type checkers, editors and `help()` show them."""

from collections.abc import Sequence
from typing import Any, Literal

import jax
import numpy as np
from flax import nnx
from typing_extensions import TypeAliasType

ArrayLike = TypeAliasType("ArrayLike", jax.Array | np.ndarray[Any, Any] | nnx.Variable[Any])
"""An array of JAX or NumPy, or a parameter such as `layer.weight`. Numbers and lists are refused."""

Param = TypeAliasType("Param", nnx.Variable[jax.Array])
"""What a layer holds under torch's name: nnx.Param, nnx.BatchStat, or jaxconv.FrozenParam."""

Size = TypeAliasType("Size", int | Sequence[int])
"""One int for all dimensions, or one int for each."""

SizeOrNone = TypeAliasType("SizeOrNone", int | Sequence[int | None] | None)
"""As `Size`; None in the place of an int keeps the input's size."""

Scale = TypeAliasType("Scale", float | Sequence[float])
"""One number for all dimensions, or one number for each."""

ConvPadding = TypeAliasType("ConvPadding", int | Sequence[int] | Literal["same", "valid"])

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
PadMode = Literal["constant", "reflect", "replicate", "circular"]
InterpolationMode = Literal[
    "nearest", "nearest-exact", "area", "linear", "bilinear", "trilinear", "bicubic", "lanczos"
]
BagMode = Literal["sum", "mean", "max"]
Reduction = Literal["none", "mean", "sum"]
Approximation = Literal["none", "tanh"]
Nonlinearity = Literal["tanh", "relu"]
