"""torch.nn's layers as Linen modules, as type checkers see them."""

# Written by tools/stubs.py.
# ruff: noqa
# fmt: off
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, Self, overload

import jax
from flax import linen, nnx
from flax.typing import Dtype, Initializer, PrecisionLike, PromoteDtypeFn
from typing_extensions import TypeVar

from jaxconv._types import (
    Approximation, ArrayLike, BagMode, ConvPadding, InterpolationMode, Nonlinearity, PadMode, PaddingMode, Param, Reduction, Scale, Size, SizeOrNone
)
from jaxconv.linen.containers import ModuleDict as ModuleDict, ModuleList as ModuleList, Sequential as Sequential

T = TypeVar("T")
Out = TypeVar("Out", default=jax.Array)
Array = jax.Array

class CELU(linen.Module):
    """torch.nn.CELU: the same arguments and defaults. No parameters."""
    alpha: float
    inplace: bool
    def __init__(self, alpha: float = 1.0, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ELU(linen.Module):
    """torch.nn.ELU: the same arguments and defaults. No parameters."""
    alpha: float
    inplace: bool
    def __init__(self, alpha: float = 1.0, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class GELU(linen.Module):
    """torch.nn.GELU: the same arguments and defaults. No parameters."""
    approximate: Literal['none', 'tanh']
    def __init__(self, approximate: Literal['none', 'tanh'] = 'none', *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class GLU(linen.Module):
    """torch.nn.GLU: the same arguments and defaults. No parameters."""
    dim: int
    def __init__(self, dim: int = -1, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class GRU(linen.Module):
    """torch.nn.GRU: the same arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    deterministic: bool | None
    rng_collection: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    precision: PrecisionLike
    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., deterministic: bool | None = False, rng_collection: str = 'dropout', precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, hx: ArrayLike | None = None, deterministic: bool | None = None, rng: Array | None = None) -> tuple[Array, Array]: ...

class LSTM(linen.Module):
    """torch.nn.LSTM: the same arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    deterministic: bool | None
    rng_collection: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int
    precision: PrecisionLike
    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., deterministic: bool | None = False, rng_collection: str = 'dropout', precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, hx: tuple[ArrayLike, ArrayLike] | None = None, deterministic: bool | None = None, rng: Array | None = None) -> tuple[Array, tuple[Array, Array]]: ...

class RNN(linen.Module):
    """torch.nn.RNN: the same arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    deterministic: bool | None
    rng_collection: str
    input_size: int
    hidden_size: int
    num_layers: int
    nonlinearity: Literal['tanh', 'relu']
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    precision: PrecisionLike
    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: Literal['tanh', 'relu'] = 'tanh', bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., deterministic: bool | None = False, rng_collection: str = 'dropout', precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, hx: ArrayLike | None = None, deterministic: bool | None = None, rng: Array | None = None) -> tuple[Array, Array]: ...

class SELU(linen.Module):
    """torch.nn.SELU: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class AdaptiveAvgPool1d(linen.Module):
    """torch.nn.AdaptiveAvgPool1d: the same arguments and defaults. No parameters."""
    output_size: SizeOrNone
    def __init__(self, output_size: SizeOrNone, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class AdaptiveAvgPool2d(linen.Module):
    """torch.nn.AdaptiveAvgPool2d: the same arguments and defaults. No parameters."""
    output_size: SizeOrNone
    def __init__(self, output_size: SizeOrNone, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class AdaptiveAvgPool3d(linen.Module):
    """torch.nn.AdaptiveAvgPool3d: the same arguments and defaults. No parameters."""
    output_size: SizeOrNone
    def __init__(self, output_size: SizeOrNone, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class AdaptiveMaxPool1d(linen.Module, Generic[Out]):
    """torch.nn.AdaptiveMaxPool1d: the same arguments and defaults. No parameters."""
    output_size: SizeOrNone
    return_indices: bool
    @overload
    def __init__(self: AdaptiveMaxPool1d[Array], output_size: SizeOrNone, return_indices: Literal[False] = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    @overload
    def __init__(self: AdaptiveMaxPool1d[tuple[Array, Array]], output_size: SizeOrNone, *, return_indices: Literal[True], parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Out: ...

class AdaptiveMaxPool2d(linen.Module, Generic[Out]):
    """torch.nn.AdaptiveMaxPool2d: the same arguments and defaults. No parameters."""
    output_size: SizeOrNone
    return_indices: bool
    @overload
    def __init__(self: AdaptiveMaxPool2d[Array], output_size: SizeOrNone, return_indices: Literal[False] = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    @overload
    def __init__(self: AdaptiveMaxPool2d[tuple[Array, Array]], output_size: SizeOrNone, *, return_indices: Literal[True], parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Out: ...

class AdaptiveMaxPool3d(linen.Module, Generic[Out]):
    """torch.nn.AdaptiveMaxPool3d: the same arguments and defaults. No parameters."""
    output_size: SizeOrNone
    return_indices: bool
    @overload
    def __init__(self: AdaptiveMaxPool3d[Array], output_size: SizeOrNone, return_indices: Literal[False] = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    @overload
    def __init__(self: AdaptiveMaxPool3d[tuple[Array, Array]], output_size: SizeOrNone, *, return_indices: Literal[True], parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Out: ...

class AlphaDropout(linen.Module):
    """torch.nn.AlphaDropout: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, deterministic: bool | None = None, rng_collection: str = 'dropout') -> None: ...
    def __call__(self, input: ArrayLike, deterministic: bool | None = None, rng: Array | None = None) -> Array: ...

class AvgPool1d(linen.Module):
    """torch.nn.AvgPool1d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    ceil_mode: bool
    count_include_pad: bool
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False, count_include_pad: bool = True, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class AvgPool2d(linen.Module):
    """torch.nn.AvgPool2d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class AvgPool3d(linen.Module):
    """torch.nn.AvgPool3d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class BCELoss(linen.Module):
    """torch.nn.BCELoss: the same arguments and defaults. No parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    weight: ArrayLike | None
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, weight: ArrayLike | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ...) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class BCEWithLogitsLoss(linen.Module):
    """torch.nn.BCEWithLogitsLoss: the same arguments and defaults. No parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    weight: ArrayLike | None
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    pos_weight: ArrayLike | None
    def __init__(self, weight: ArrayLike | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', pos_weight: ArrayLike | None = None, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ...) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class BatchNorm1d(linen.Module):
    """torch.nn.BatchNorm1d: the same arguments, defaults, layouts, parameters and buffers."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool
    axis_name: Hashable
    use_running_average: bool | None
    def __init__(self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> Array: ...

class BatchNorm2d(linen.Module):
    """torch.nn.BatchNorm2d: the same arguments, defaults, layouts, parameters and buffers."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool
    axis_name: Hashable
    use_running_average: bool | None
    def __init__(self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> Array: ...

class BatchNorm3d(linen.Module):
    """torch.nn.BatchNorm3d: the same arguments, defaults, layouts, parameters and buffers."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool
    axis_name: Hashable
    use_running_average: bool | None
    def __init__(self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> Array: ...

class Bilinear(linen.Module):
    """torch.nn.Bilinear: the same positional arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in1_features: int
    in2_features: int
    out_features: int
    bias: bool
    precision: PrecisionLike
    def __init__(self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input1: ArrayLike, input2: ArrayLike) -> Array: ...

class ChannelShuffle(linen.Module):
    """torch.nn.ChannelShuffle: takes a channel from each of `groups` groups in turn. No parameters."""
    groups: int
    def __init__(self, groups: int, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class CircularPad1d(linen.Module):
    """torch.nn.CircularPad1d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class CircularPad2d(linen.Module):
    """torch.nn.CircularPad2d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class CircularPad3d(linen.Module):
    """torch.nn.CircularPad3d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ConstantPad1d(linen.Module):
    """torch.nn.ConstantPad1d: the same arguments. No parameters."""
    padding: Size
    value: float
    def __init__(self, padding: Size, value: float, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ConstantPad2d(linen.Module):
    """torch.nn.ConstantPad2d: the same arguments. No parameters."""
    padding: Size
    value: float
    def __init__(self, padding: Size, value: float, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ConstantPad3d(linen.Module):
    """torch.nn.ConstantPad3d: the same arguments. No parameters."""
    padding: Size
    value: float
    def __init__(self, padding: Size, value: float, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Conv1d(linen.Module):
    """torch.nn.Conv1d: the same positional arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: ConvPadding
    dilation: Size
    groups: int
    bias: bool
    padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular']
    precision: PrecisionLike
    lowering: str | None
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: ConvPadding = 0, dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular'] = 'zeros', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None, lowering: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Conv2d(linen.Module):
    """torch.nn.Conv2d: the same positional arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: ConvPadding
    dilation: Size
    groups: int
    bias: bool
    padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular']
    precision: PrecisionLike
    lowering: str | None
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: ConvPadding = 0, dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular'] = 'zeros', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None, lowering: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Conv3d(linen.Module):
    """torch.nn.Conv3d: the same positional arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: ConvPadding
    dilation: Size
    groups: int
    bias: bool
    padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular']
    precision: PrecisionLike
    lowering: str | None
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: ConvPadding = 0, dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular'] = 'zeros', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None, lowering: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ConvTranspose1d(linen.Module):
    """torch.nn.ConvTranspose1d: the same arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: Size
    output_padding: Size
    groups: int
    bias: bool
    dilation: Size
    padding_mode: Literal['zeros']
    precision: PrecisionLike
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, padding_mode: Literal['zeros'] = 'zeros', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class ConvTranspose2d(linen.Module):
    """torch.nn.ConvTranspose2d: the same arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: Size
    output_padding: Size
    groups: int
    bias: bool
    dilation: Size
    padding_mode: Literal['zeros']
    precision: PrecisionLike
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, padding_mode: Literal['zeros'] = 'zeros', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class ConvTranspose3d(linen.Module):
    """torch.nn.ConvTranspose3d: the same arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: Size
    output_padding: Size
    groups: int
    bias: bool
    dilation: Size
    padding_mode: Literal['zeros']
    precision: PrecisionLike
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, padding_mode: Literal['zeros'] = 'zeros', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class CosineEmbeddingLoss(linen.Module):
    """torch.nn.CosineEmbeddingLoss: the same arguments and defaults. No parameters."""
    margin: float
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, margin: float = 0.0, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input1: ArrayLike, input2: ArrayLike, target: ArrayLike) -> Array: ...

class CrossEntropyLoss(linen.Module):
    """torch.nn.CrossEntropyLoss: the same arguments and defaults. No parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    weight: ArrayLike | None
    size_average: bool | None
    ignore_index: int
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    label_smoothing: float
    def __init__(self, weight: ArrayLike | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', label_smoothing: float = 0.0, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ...) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class Dropout(linen.Module):
    """torch.nn.Dropout: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, deterministic: bool | None = None, rng_collection: str = 'dropout') -> None: ...
    def __call__(self, input: ArrayLike, deterministic: bool | None = None, rng: Array | None = None) -> Array: ...

class Dropout1d(linen.Module):
    """torch.nn.Dropout1d: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, deterministic: bool | None = None, rng_collection: str = 'dropout') -> None: ...
    def __call__(self, input: ArrayLike, deterministic: bool | None = None, rng: Array | None = None) -> Array: ...

class Dropout2d(linen.Module):
    """torch.nn.Dropout2d: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, deterministic: bool | None = None, rng_collection: str = 'dropout') -> None: ...
    def __call__(self, input: ArrayLike, deterministic: bool | None = None, rng: Array | None = None) -> Array: ...

class Dropout3d(linen.Module):
    """torch.nn.Dropout3d: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, deterministic: bool | None = None, rng_collection: str = 'dropout') -> None: ...
    def __call__(self, input: ArrayLike, deterministic: bool | None = None, rng: Array | None = None) -> Array: ...

class Embedding(linen.Module):
    """torch.nn.Embedding: the same arguments, defaults, layout, parameter and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool
    sparse: bool
    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ...) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class EmbeddingBag(linen.Module):
    """torch.nn.EmbeddingBag: the same arguments, defaults, layout, parameter and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_embeddings: int
    embedding_dim: int
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool
    mode: Literal['sum', 'mean', 'max']
    sparse: bool
    include_last_offset: bool
    padding_idx: int | None
    def __init__(self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: Literal['sum', 'mean', 'max'] = 'mean', sparse: bool = False, include_last_offset: bool = False, padding_idx: int | None = None, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ...) -> None: ...
    def __call__(self, input: ArrayLike, offsets: ArrayLike | None = None, per_sample_weights: ArrayLike | None = None) -> Array: ...

class FeatureAlphaDropout(linen.Module):
    """torch.nn.FeatureAlphaDropout: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, deterministic: bool | None = None, rng_collection: str = 'dropout') -> None: ...
    def __call__(self, input: ArrayLike, deterministic: bool | None = None, rng: Array | None = None) -> Array: ...

class Flatten(linen.Module):
    """torch.nn.Flatten: the dimensions from `start_dim` to `end_dim` become one. No parameters."""
    start_dim: int
    end_dim: int
    def __init__(self, start_dim: int = 1, end_dim: int = -1, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Fold(linen.Module):
    """torch.nn.Fold: the same arguments and defaults. No parameters."""
    output_size: Size
    kernel_size: Size
    dilation: Size
    padding: Size
    stride: Size
    def __init__(self, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class GRUCell(linen.Module):
    """torch.nn.GRUCell: the same arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    input_size: int
    hidden_size: int
    bias: bool
    precision: PrecisionLike
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, hx: ArrayLike | None = None) -> Array: ...

class GaussianNLLLoss(linen.Module):
    """torch.nn.GaussianNLLLoss: the same arguments and defaults. No parameters."""
    full: bool
    eps: float
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, *, parent: linen.Module | None = ..., name: str | None = None, full: bool = False, eps: float = 1e-06, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike, var: ArrayLike) -> Array: ...

class GroupNorm(linen.Module):
    """torch.nn.GroupNorm: the same arguments, defaults, layouts and parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_groups: int
    num_channels: int
    eps: float
    affine: bool
    bias: bool
    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-05, affine: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Hardshrink(linen.Module):
    """torch.nn.Hardshrink: the same arguments and defaults. No parameters."""
    lambd: float
    def __init__(self, lambd: float = 0.5, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Hardsigmoid(linen.Module):
    """torch.nn.Hardsigmoid: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Hardswish(linen.Module):
    """torch.nn.Hardswish: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Hardtanh(linen.Module):
    """torch.nn.Hardtanh: the same arguments and defaults. No parameters."""
    min_val: float
    max_val: float
    inplace: bool
    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class HingeEmbeddingLoss(linen.Module):
    """torch.nn.HingeEmbeddingLoss: the same arguments and defaults. No parameters."""
    margin: float
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class HuberLoss(linen.Module):
    """torch.nn.HuberLoss: the same arguments and defaults. No parameters."""
    reduction: Literal['none', 'mean', 'sum']
    delta: float
    def __init__(self, reduction: Literal['none', 'mean', 'sum'] = 'mean', delta: float = 1.0, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class Identity(linen.Module):
    """torch.nn.Identity: gives its input back. Whatever it is constructed with is not used, as in torch."""
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def __call__(self, input: T) -> T: ...

class InstanceNorm1d(linen.Module):
    """torch.nn.InstanceNorm1d: the same arguments, defaults, layouts, parameters and buffers."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool
    axis_name: Hashable
    use_running_average: bool | None
    def __init__(self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = False, track_running_stats: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> Array: ...

class InstanceNorm2d(linen.Module):
    """torch.nn.InstanceNorm2d: the same arguments, defaults, layouts, parameters and buffers."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool
    axis_name: Hashable
    use_running_average: bool | None
    def __init__(self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = False, track_running_stats: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> Array: ...

class InstanceNorm3d(linen.Module):
    """torch.nn.InstanceNorm3d: the same arguments, defaults, layouts, parameters and buffers."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool
    axis_name: Hashable
    use_running_average: bool | None
    def __init__(self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = False, track_running_stats: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> Array: ...

class KLDivLoss(linen.Module):
    """torch.nn.KLDivLoss: the same arguments and defaults. No parameters."""
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum'] | Literal['batchmean']
    log_target: bool
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] | Literal['batchmean'] = 'mean', log_target: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class L1Loss(linen.Module):
    """torch.nn.L1Loss: the same arguments and defaults. No parameters."""
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class LPPool1d(linen.Module):
    """torch.nn.LPPool1d: the same arguments and defaults. No parameters."""
    norm_type: float
    kernel_size: Size
    stride: Size | None
    ceil_mode: bool
    def __init__(self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LPPool2d(linen.Module):
    """torch.nn.LPPool2d: the same arguments and defaults. No parameters."""
    norm_type: float
    kernel_size: Size
    stride: Size | None
    ceil_mode: bool
    def __init__(self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LPPool3d(linen.Module):
    """torch.nn.LPPool3d: the same arguments and defaults. No parameters."""
    norm_type: float
    kernel_size: Size
    stride: Size | None
    ceil_mode: bool
    def __init__(self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LSTMCell(linen.Module):
    """torch.nn.LSTMCell: the same arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    input_size: int
    hidden_size: int
    bias: bool
    precision: PrecisionLike
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, hx: tuple[ArrayLike, ArrayLike] | None = None) -> tuple[Array, Array]: ...

class LayerNorm(linen.Module):
    """torch.nn.LayerNorm: the same arguments, defaults, layouts and parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    normalized_shape: Size
    eps: float
    elementwise_affine: bool
    bias: bool
    def __init__(self, normalized_shape: Size, eps: float = 1e-05, elementwise_affine: bool = True, bias: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ...) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LazyBatchNorm1d(linen.Module):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool
    axis_name: Hashable
    use_running_average: bool | None
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> Array: ...

class LazyBatchNorm2d(linen.Module):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool
    axis_name: Hashable
    use_running_average: bool | None
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> Array: ...

class LazyBatchNorm3d(linen.Module):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool
    axis_name: Hashable
    use_running_average: bool | None
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> Array: ...

class LazyConv1d(linen.Module):
    """torch.nn's lazy convolutions: the plain layer without `in_channels`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: ConvPadding
    dilation: Size
    groups: int
    bias: bool
    padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular']
    precision: PrecisionLike
    lowering: str | None
    def __init__(self, out_channels: int, kernel_size: Size, stride: Size = 1, padding: ConvPadding = 0, dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular'] = 'zeros', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None, lowering: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LazyConv2d(linen.Module):
    """torch.nn's lazy convolutions: the plain layer without `in_channels`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: ConvPadding
    dilation: Size
    groups: int
    bias: bool
    padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular']
    precision: PrecisionLike
    lowering: str | None
    def __init__(self, out_channels: int, kernel_size: Size, stride: Size = 1, padding: ConvPadding = 0, dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular'] = 'zeros', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None, lowering: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LazyConv3d(linen.Module):
    """torch.nn's lazy convolutions: the plain layer without `in_channels`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: ConvPadding
    dilation: Size
    groups: int
    bias: bool
    padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular']
    precision: PrecisionLike
    lowering: str | None
    def __init__(self, out_channels: int, kernel_size: Size, stride: Size = 1, padding: ConvPadding = 0, dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular'] = 'zeros', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None, lowering: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LazyConvTranspose1d(linen.Module):
    """torch.nn's lazy convolutions: the plain layer without `in_channels`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: Size
    output_padding: Size
    groups: int
    bias: bool
    dilation: Size
    padding_mode: Literal['zeros']
    precision: PrecisionLike
    def __init__(self, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, padding_mode: Literal['zeros'] = 'zeros', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class LazyConvTranspose2d(linen.Module):
    """torch.nn's lazy convolutions: the plain layer without `in_channels`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: Size
    output_padding: Size
    groups: int
    bias: bool
    dilation: Size
    padding_mode: Literal['zeros']
    precision: PrecisionLike
    def __init__(self, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, padding_mode: Literal['zeros'] = 'zeros', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class LazyConvTranspose3d(linen.Module):
    """torch.nn's lazy convolutions: the plain layer without `in_channels`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size
    padding: Size
    output_padding: Size
    groups: int
    bias: bool
    dilation: Size
    padding_mode: Literal['zeros']
    precision: PrecisionLike
    def __init__(self, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, padding_mode: Literal['zeros'] = 'zeros', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class LazyInstanceNorm1d(linen.Module):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool
    axis_name: Hashable
    use_running_average: bool | None
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> Array: ...

class LazyInstanceNorm2d(linen.Module):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool
    axis_name: Hashable
    use_running_average: bool | None
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> Array: ...

class LazyInstanceNorm3d(linen.Module):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool
    axis_name: Hashable
    use_running_average: bool | None
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> Array: ...

class LazyLinear(linen.Module):
    """torch.nn.LazyLinear: Linear without `in_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_features: int
    out_features: int
    bias: bool
    precision: PrecisionLike
    def __init__(self, out_features: int, bias: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LeakyReLU(linen.Module):
    """torch.nn.LeakyReLU: the same arguments and defaults. No parameters."""
    negative_slope: float
    inplace: bool
    def __init__(self, negative_slope: float = 0.01, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Linear(linen.Module):
    """torch.nn.Linear: the same positional arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_features: int
    out_features: int
    bias: bool
    precision: PrecisionLike
    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LocalResponseNorm(linen.Module):
    """torch.nn.LocalResponseNorm: the same arguments and defaults. No parameters."""
    size: int
    alpha: float
    beta: float
    k: float
    def __init__(self, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LogSigmoid(linen.Module):
    """torch.nn.LogSigmoid: the same arguments and defaults. No parameters."""
    def __init__(self, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LogSoftmax(linen.Module):
    """torch.nn.LogSoftmax: the same arguments and defaults. No parameters."""
    dim: int | None
    def __init__(self, dim: int | None = None, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class MSELoss(linen.Module):
    """torch.nn.MSELoss: the same arguments and defaults. No parameters."""
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class MarginRankingLoss(linen.Module):
    """torch.nn.MarginRankingLoss: the same arguments and defaults. No parameters."""
    margin: float
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, margin: float = 0.0, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input1: ArrayLike, input2: ArrayLike, target: ArrayLike) -> Array: ...

class MaxPool1d(linen.Module, Generic[Out]):
    """torch.nn.MaxPool1d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    dilation: Size
    return_indices: bool
    ceil_mode: bool
    @overload
    def __init__(self: MaxPool1d[Array], kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, return_indices: Literal[False] = False, ceil_mode: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    @overload
    def __init__(self: MaxPool1d[tuple[Array, Array]], kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, *, return_indices: Literal[True], ceil_mode: bool = False, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Out: ...

class MaxPool2d(linen.Module, Generic[Out]):
    """torch.nn.MaxPool2d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    dilation: Size
    return_indices: bool
    ceil_mode: bool
    @overload
    def __init__(self: MaxPool2d[Array], kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, return_indices: Literal[False] = False, ceil_mode: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    @overload
    def __init__(self: MaxPool2d[tuple[Array, Array]], kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, *, return_indices: Literal[True], ceil_mode: bool = False, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Out: ...

class MaxPool3d(linen.Module, Generic[Out]):
    """torch.nn.MaxPool3d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    dilation: Size
    return_indices: bool
    ceil_mode: bool
    @overload
    def __init__(self: MaxPool3d[Array], kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, return_indices: Literal[False] = False, ceil_mode: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    @overload
    def __init__(self: MaxPool3d[tuple[Array, Array]], kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, *, return_indices: Literal[True], ceil_mode: bool = False, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Out: ...

class MaxUnpool1d(linen.Module):
    """torch.nn.MaxUnpool1d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class MaxUnpool2d(linen.Module):
    """torch.nn.MaxUnpool2d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class MaxUnpool3d(linen.Module):
    """torch.nn.MaxUnpool3d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class Mish(linen.Module):
    """torch.nn.Mish: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class MultiLabelMarginLoss(linen.Module):
    """torch.nn.MultiLabelMarginLoss: the same arguments and defaults. No parameters."""
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class MultiLabelSoftMarginLoss(linen.Module):
    """torch.nn.MultiLabelSoftMarginLoss: the same arguments and defaults. No parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    weight: ArrayLike | None
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, weight: ArrayLike | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ...) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class MultiMarginLoss(linen.Module):
    """torch.nn.MultiMarginLoss: the same arguments and defaults. No parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    p: int
    margin: float
    weight: ArrayLike | None
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, p: int = 1, margin: float = 1.0, weight: ArrayLike | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ...) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class NLLLoss(linen.Module):
    """torch.nn.NLLLoss: the same arguments and defaults. No parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    weight: ArrayLike | None
    size_average: bool | None
    ignore_index: int
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, weight: ArrayLike | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ...) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class PReLU(linen.Module):
    """torch.nn.PReLU: the same positional arguments and defaults, and `dtype`, `param_dtype` of Flax."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_parameters: int
    init_value: float
    def __init__(self, num_parameters: int = 1, init_value: float = 0.25, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ...) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class PixelShuffle(linen.Module):
    """torch.nn.PixelShuffle: (..., C r^2, H, W) to (..., C, H r, W r). No parameters."""
    upscale_factor: int
    def __init__(self, upscale_factor: int, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class PixelUnshuffle(linen.Module):
    """torch.nn.PixelUnshuffle: (..., C, H r, W r) to (..., C r^2, H, W). No parameters."""
    downscale_factor: int
    def __init__(self, downscale_factor: int, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class PoissonNLLLoss(linen.Module):
    """torch.nn.PoissonNLLLoss: the same arguments and defaults. No parameters."""
    log_input: bool
    full: bool
    size_average: bool | None
    eps: float
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, log_input: bool = True, full: bool = False, size_average: bool | None = None, eps: float = 1e-08, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class RMSNorm(linen.Module):
    """torch.nn.RMSNorm: the same arguments, defaults, layout and parameter."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    normalized_shape: Size
    eps: float | None
    elementwise_affine: bool
    def __init__(self, normalized_shape: Size, eps: float | None = None, elementwise_affine: bool = True, *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ...) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class RNNCell(linen.Module):
    """torch.nn.RNNCell: the same arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    input_size: int
    hidden_size: int
    bias: bool
    precision: PrecisionLike
    nonlinearity: Literal['tanh', 'relu']
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: Literal['tanh', 'relu'] = 'tanh', *, parent: linen.Module | None = ..., name: str | None = None, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, hx: ArrayLike | None = None) -> Array: ...

class RReLU(linen.Module):
    """torch.nn.RReLU: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    lower: float
    upper: float
    inplace: bool
    def __init__(self, lower: float = 0.125, upper: float = 0.3333333333333333, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None, deterministic: bool | None = None, rng_collection: str = 'dropout') -> None: ...
    def __call__(self, input: ArrayLike, deterministic: bool | None = None, rng: Array | None = None) -> Array: ...

class ReLU(linen.Module):
    """torch.nn.ReLU: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReLU6(linen.Module):
    """torch.nn.ReLU6: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReflectionPad1d(linen.Module):
    """torch.nn.ReflectionPad1d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReflectionPad2d(linen.Module):
    """torch.nn.ReflectionPad2d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReflectionPad3d(linen.Module):
    """torch.nn.ReflectionPad3d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReplicationPad1d(linen.Module):
    """torch.nn.ReplicationPad1d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReplicationPad2d(linen.Module):
    """torch.nn.ReplicationPad2d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReplicationPad3d(linen.Module):
    """torch.nn.ReplicationPad3d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class SiLU(linen.Module):
    """torch.nn.SiLU: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Sigmoid(linen.Module):
    """torch.nn.Sigmoid: the same arguments and defaults. No parameters."""
    def __init__(self, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class SmoothL1Loss(linen.Module):
    """torch.nn.SmoothL1Loss: the same arguments and defaults. No parameters."""
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    beta: float
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', beta: float = 1.0, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class SoftMarginLoss(linen.Module):
    """torch.nn.SoftMarginLoss: the same arguments and defaults. No parameters."""
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class Softmax(linen.Module):
    """torch.nn.Softmax: the same arguments and defaults. No parameters."""
    dim: int | None
    def __init__(self, dim: int | None = None, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Softmax2d(linen.Module):
    """torch.nn.Softmax2d: softmax over the channels of (N, C, H, W) or (C, H, W). No arguments, no parameters."""
    def __init__(self, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Softmin(linen.Module):
    """torch.nn.Softmin: the same arguments and defaults. No parameters."""
    dim: int | None
    def __init__(self, dim: int | None = None, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Softplus(linen.Module):
    """torch.nn.Softplus: the same arguments and defaults. No parameters."""
    beta: float
    threshold: float
    def __init__(self, beta: float = 1.0, threshold: float = 20.0, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Softshrink(linen.Module):
    """torch.nn.Softshrink: the same arguments and defaults. No parameters."""
    lambd: float
    def __init__(self, lambd: float = 0.5, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Softsign(linen.Module):
    """torch.nn.Softsign: the same arguments and defaults. No parameters."""
    def __init__(self, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Tanh(linen.Module):
    """torch.nn.Tanh: the same arguments and defaults. No parameters."""
    def __init__(self, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Tanhshrink(linen.Module):
    """torch.nn.Tanhshrink: the same arguments and defaults. No parameters."""
    def __init__(self, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Threshold(linen.Module):
    """torch.nn.Threshold: the same arguments and defaults. No parameters."""
    threshold: float
    value: float
    inplace: bool
    def __init__(self, threshold: float, value: float, inplace: bool = False, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class TripletMarginLoss(linen.Module):
    """torch.nn.TripletMarginLoss: the same arguments and defaults. No parameters."""
    margin: float
    p: float
    eps: float
    swap: bool
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-06, swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> Array: ...

class TripletMarginWithDistanceLoss(linen.Module):
    """torch.nn.TripletMarginWithDistanceLoss: the same arguments and defaults. No parameters."""
    distance_function: Callable[[Array, Array], Array] | None
    margin: float
    swap: bool
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, *, parent: linen.Module | None = ..., name: str | None = None, distance_function: Callable[[Array, Array], Array] | None = None, margin: float = 1.0, swap: bool = False, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> Array: ...

class Unflatten(linen.Module):
    """torch.nn.Unflatten: one dimension becomes several. No parameters."""
    dim: int
    unflattened_size: Sequence[int]
    def __init__(self, dim: int, unflattened_size: Sequence[int], *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Unfold(linen.Module):
    """torch.nn.Unfold: the same arguments and defaults. No parameters."""
    kernel_size: Size
    dilation: Size
    padding: Size
    stride: Size
    def __init__(self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Upsample(linen.Module):
    """torch.nn.Upsample: the same arguments and defaults. No parameters."""
    size: Size | None
    scale_factor: Scale | None
    mode: Literal['nearest', 'nearest-exact', 'area', 'linear', 'bilinear', 'trilinear', 'bicubic', 'lanczos']
    align_corners: bool | None
    recompute_scale_factor: bool | None
    def __init__(self, size: Size | None = None, scale_factor: Scale | None = None, mode: Literal['nearest', 'nearest-exact', 'area', 'linear', 'bilinear', 'trilinear', 'bicubic', 'lanczos'] = 'nearest', align_corners: bool | None = None, recompute_scale_factor: bool | None = None, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class UpsamplingBilinear2d(linen.Module):
    """torch.nn.UpsamplingBilinear2d: `Upsample` with mode 'bilinear' and align_corners=True. No parameters."""
    size: Size | None
    scale_factor: Scale | None
    def __init__(self, size: Size | None = None, scale_factor: Scale | None = None, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class UpsamplingNearest2d(linen.Module):
    """torch.nn.UpsamplingNearest2d: `Upsample` with mode 'nearest'. No parameters."""
    size: Size | None
    scale_factor: Scale | None
    def __init__(self, size: Size | None = None, scale_factor: Scale | None = None, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ZeroPad1d(linen.Module):
    """torch.nn.ZeroPad1d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ZeroPad2d(linen.Module):
    """torch.nn.ZeroPad2d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ZeroPad3d(linen.Module):
    """torch.nn.ZeroPad3d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size, *, parent: linen.Module | None = ..., name: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

__all__ = ['CELU', 'ELU', 'GELU', 'GLU', 'GRU', 'LSTM', 'RNN', 'SELU', 'AdaptiveAvgPool1d', 'AdaptiveAvgPool2d', 'AdaptiveAvgPool3d', 'AdaptiveMaxPool1d', 'AdaptiveMaxPool2d', 'AdaptiveMaxPool3d', 'AlphaDropout', 'AvgPool1d', 'AvgPool2d', 'AvgPool3d', 'BCELoss', 'BCEWithLogitsLoss', 'BatchNorm1d', 'BatchNorm2d', 'BatchNorm3d', 'Bilinear', 'ChannelShuffle', 'CircularPad1d', 'CircularPad2d', 'CircularPad3d', 'ConstantPad1d', 'ConstantPad2d', 'ConstantPad3d', 'Conv1d', 'Conv2d', 'Conv3d', 'ConvTranspose1d', 'ConvTranspose2d', 'ConvTranspose3d', 'CosineEmbeddingLoss', 'CrossEntropyLoss', 'Dropout', 'Dropout1d', 'Dropout2d', 'Dropout3d', 'Embedding', 'EmbeddingBag', 'FeatureAlphaDropout', 'Flatten', 'Fold', 'GRUCell', 'GaussianNLLLoss', 'GroupNorm', 'Hardshrink', 'Hardsigmoid', 'Hardswish', 'Hardtanh', 'HingeEmbeddingLoss', 'HuberLoss', 'Identity', 'InstanceNorm1d', 'InstanceNorm2d', 'InstanceNorm3d', 'KLDivLoss', 'L1Loss', 'LPPool1d', 'LPPool2d', 'LPPool3d', 'LSTMCell', 'LayerNorm', 'LazyBatchNorm1d', 'LazyBatchNorm2d', 'LazyBatchNorm3d', 'LazyConv1d', 'LazyConv2d', 'LazyConv3d', 'LazyConvTranspose1d', 'LazyConvTranspose2d', 'LazyConvTranspose3d', 'LazyInstanceNorm1d', 'LazyInstanceNorm2d', 'LazyInstanceNorm3d', 'LazyLinear', 'LeakyReLU', 'Linear', 'LocalResponseNorm', 'LogSigmoid', 'LogSoftmax', 'MSELoss', 'MarginRankingLoss', 'MaxPool1d', 'MaxPool2d', 'MaxPool3d', 'MaxUnpool1d', 'MaxUnpool2d', 'MaxUnpool3d', 'Mish', 'ModuleDict', 'ModuleList', 'MultiLabelMarginLoss', 'MultiLabelSoftMarginLoss', 'MultiMarginLoss', 'NLLLoss', 'PReLU', 'PixelShuffle', 'PixelUnshuffle', 'PoissonNLLLoss', 'RMSNorm', 'RNNCell', 'RReLU', 'ReLU', 'ReLU6', 'ReflectionPad1d', 'ReflectionPad2d', 'ReflectionPad3d', 'ReplicationPad1d', 'ReplicationPad2d', 'ReplicationPad3d', 'Sequential', 'SiLU', 'Sigmoid', 'SmoothL1Loss', 'SoftMarginLoss', 'Softmax', 'Softmax2d', 'Softmin', 'Softplus', 'Softshrink', 'Softsign', 'Tanh', 'Tanhshrink', 'Threshold', 'TripletMarginLoss', 'TripletMarginWithDistanceLoss', 'Unflatten', 'Unfold', 'Upsample', 'UpsamplingBilinear2d', 'UpsamplingNearest2d', 'ZeroPad1d', 'ZeroPad2d', 'ZeroPad3d']
