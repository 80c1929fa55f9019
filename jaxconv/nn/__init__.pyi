"""torch.nn's layers as NNX modules, as type checkers see them."""

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
from jaxconv.nn.containers import ModuleDict as ModuleDict, ModuleList as ModuleList, Sequential as Sequential

T = TypeVar("T")
Out = TypeVar("Out", default=jax.Array)
Array = jax.Array

class CELU(nnx.Module):
    """torch.nn.CELU: the same arguments and defaults. No parameters."""
    alpha: float
    inplace: bool
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ELU(nnx.Module):
    """torch.nn.ELU: the same arguments and defaults. No parameters."""
    alpha: float
    inplace: bool
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class GELU(nnx.Module):
    """torch.nn.GELU: the same arguments and defaults. No parameters."""
    approximate: Literal['none', 'tanh']
    def __init__(self, approximate: Literal['none', 'tanh'] = 'none') -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class GLU(nnx.Module):
    """torch.nn.GLU: the same arguments and defaults. No parameters."""
    dim: int
    def __init__(self, dim: int = -1) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class GRU(nnx.Module):
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
    weight_ih_l0: nnx.Variable[Array]
    weight_hh_l0: nnx.Variable[Array]
    bias_ih_l0: nnx.Variable[Array] | None
    bias_hh_l0: nnx.Variable[Array] | None
    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., deterministic: bool | None = False, rng_collection: str = 'dropout', precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, hx: ArrayLike | None = None, *, deterministic: bool | None = None, rngs: nnx.Rngs | nnx.RngStream | Array | None = None) -> tuple[Array, Array]: ...

class LSTM(nnx.Module):
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
    weight_ih_l0: nnx.Variable[Array]
    weight_hh_l0: nnx.Variable[Array]
    bias_ih_l0: nnx.Variable[Array] | None
    bias_hh_l0: nnx.Variable[Array] | None
    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., deterministic: bool | None = False, rng_collection: str = 'dropout', precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, hx: tuple[ArrayLike, ArrayLike] | None = None, *, deterministic: bool | None = None, rngs: nnx.Rngs | nnx.RngStream | Array | None = None) -> tuple[Array, tuple[Array, Array]]: ...

class RNN(nnx.Module):
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
    weight_ih_l0: nnx.Variable[Array]
    weight_hh_l0: nnx.Variable[Array]
    bias_ih_l0: nnx.Variable[Array] | None
    bias_hh_l0: nnx.Variable[Array] | None
    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: Literal['tanh', 'relu'] = 'tanh', bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., deterministic: bool | None = False, rng_collection: str = 'dropout', precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, hx: ArrayLike | None = None, *, deterministic: bool | None = None, rngs: nnx.Rngs | nnx.RngStream | Array | None = None) -> tuple[Array, Array]: ...

class SELU(nnx.Module):
    """torch.nn.SELU: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class AdaptiveAvgPool1d(nnx.Module):
    """torch.nn.AdaptiveAvgPool1d: the same arguments and defaults. No parameters."""
    output_size: SizeOrNone
    def __init__(self, output_size: SizeOrNone) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class AdaptiveAvgPool2d(nnx.Module):
    """torch.nn.AdaptiveAvgPool2d: the same arguments and defaults. No parameters."""
    output_size: SizeOrNone
    def __init__(self, output_size: SizeOrNone) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class AdaptiveAvgPool3d(nnx.Module):
    """torch.nn.AdaptiveAvgPool3d: the same arguments and defaults. No parameters."""
    output_size: SizeOrNone
    def __init__(self, output_size: SizeOrNone) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class AdaptiveMaxPool1d(nnx.Module, Generic[Out]):
    """torch.nn.AdaptiveMaxPool1d: the same arguments and defaults. No parameters."""
    output_size: SizeOrNone
    return_indices: bool
    @overload
    def __init__(self: AdaptiveMaxPool1d[Array], output_size: SizeOrNone, return_indices: Literal[False] = False) -> None: ...
    @overload
    def __init__(self: AdaptiveMaxPool1d[tuple[Array, Array]], output_size: SizeOrNone, *, return_indices: Literal[True]) -> None: ...
    def __call__(self, input: ArrayLike) -> Out: ...

class AdaptiveMaxPool2d(nnx.Module, Generic[Out]):
    """torch.nn.AdaptiveMaxPool2d: the same arguments and defaults. No parameters."""
    output_size: SizeOrNone
    return_indices: bool
    @overload
    def __init__(self: AdaptiveMaxPool2d[Array], output_size: SizeOrNone, return_indices: Literal[False] = False) -> None: ...
    @overload
    def __init__(self: AdaptiveMaxPool2d[tuple[Array, Array]], output_size: SizeOrNone, *, return_indices: Literal[True]) -> None: ...
    def __call__(self, input: ArrayLike) -> Out: ...

class AdaptiveMaxPool3d(nnx.Module, Generic[Out]):
    """torch.nn.AdaptiveMaxPool3d: the same arguments and defaults. No parameters."""
    output_size: SizeOrNone
    return_indices: bool
    @overload
    def __init__(self: AdaptiveMaxPool3d[Array], output_size: SizeOrNone, return_indices: Literal[False] = False) -> None: ...
    @overload
    def __init__(self: AdaptiveMaxPool3d[tuple[Array, Array]], output_size: SizeOrNone, *, return_indices: Literal[True]) -> None: ...
    def __call__(self, input: ArrayLike) -> Out: ...

class AlphaDropout(nnx.Module):
    """torch.nn.AlphaDropout: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False, *, deterministic: bool | None = False, rng_collection: str = 'dropout', rngs: nnx.Rngs | nnx.RngStream | None = None) -> None: ...
    def __call__(self, input: ArrayLike, *, deterministic: bool | None = None, rngs: nnx.Rngs | nnx.RngStream | Array | None = None) -> Array: ...

class AvgPool1d(nnx.Module):
    """torch.nn.AvgPool1d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    ceil_mode: bool
    count_include_pad: bool
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False, count_include_pad: bool = True) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class AvgPool2d(nnx.Module):
    """torch.nn.AvgPool2d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class AvgPool3d(nnx.Module):
    """torch.nn.AvgPool3d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class BCELoss(nnx.Module):
    """torch.nn.BCELoss: the same arguments and defaults. No parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    weight: nnx.Variable[Array] | None
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, weight: ArrayLike | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ...) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class BCEWithLogitsLoss(nnx.Module):
    """torch.nn.BCEWithLogitsLoss: the same arguments and defaults. No parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    weight: nnx.Variable[Array] | None
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    pos_weight: nnx.Variable[Array] | None
    def __init__(self, weight: ArrayLike | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', pos_weight: ArrayLike | None = None, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ...) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class BatchNorm1d(nnx.Module):
    """torch.nn.BatchNorm1d: the same arguments, defaults, layouts, parameters and buffers."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: nnx.Variable[Array] | None
    axis_name: Hashable
    use_running_average: bool | None
    weight: nnx.Variable[Array] | None
    running_mean: nnx.Variable[Array] | None
    running_var: nnx.Variable[Array] | None
    num_batches_tracked: nnx.Variable[Array] | None
    def __init__(self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = False) -> None: ...
    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> Array: ...

class BatchNorm2d(nnx.Module):
    """torch.nn.BatchNorm2d: the same arguments, defaults, layouts, parameters and buffers."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: nnx.Variable[Array] | None
    axis_name: Hashable
    use_running_average: bool | None
    weight: nnx.Variable[Array] | None
    running_mean: nnx.Variable[Array] | None
    running_var: nnx.Variable[Array] | None
    num_batches_tracked: nnx.Variable[Array] | None
    def __init__(self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = False) -> None: ...
    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> Array: ...

class BatchNorm3d(nnx.Module):
    """torch.nn.BatchNorm3d: the same arguments, defaults, layouts, parameters and buffers."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: nnx.Variable[Array] | None
    axis_name: Hashable
    use_running_average: bool | None
    weight: nnx.Variable[Array] | None
    running_mean: nnx.Variable[Array] | None
    running_var: nnx.Variable[Array] | None
    num_batches_tracked: nnx.Variable[Array] | None
    def __init__(self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = False) -> None: ...
    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> Array: ...

class Bilinear(nnx.Module):
    """torch.nn.Bilinear: the same positional arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in1_features: int
    in2_features: int
    out_features: int
    bias: nnx.Variable[Array] | None
    precision: PrecisionLike
    weight: nnx.Variable[Array]
    def __init__(self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input1: ArrayLike, input2: ArrayLike) -> Array: ...

class ChannelShuffle(nnx.Module):
    """torch.nn.ChannelShuffle: takes a channel from each of `groups` groups in turn. No parameters."""
    groups: int
    def __init__(self, groups: int) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class CircularPad1d(nnx.Module):
    """torch.nn.CircularPad1d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class CircularPad2d(nnx.Module):
    """torch.nn.CircularPad2d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class CircularPad3d(nnx.Module):
    """torch.nn.CircularPad3d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ConstantPad1d(nnx.Module):
    """torch.nn.ConstantPad1d: the same arguments. No parameters."""
    padding: Size
    value: float
    def __init__(self, padding: Size, value: float) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ConstantPad2d(nnx.Module):
    """torch.nn.ConstantPad2d: the same arguments. No parameters."""
    padding: Size
    value: float
    def __init__(self, padding: Size, value: float) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ConstantPad3d(nnx.Module):
    """torch.nn.ConstantPad3d: the same arguments. No parameters."""
    padding: Size
    value: float
    def __init__(self, padding: Size, value: float) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Conv1d(nnx.Module):
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
    bias: nnx.Variable[Array] | None
    padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular']
    precision: PrecisionLike
    lowering: str | None
    weight: nnx.Variable[Array]
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: ConvPadding = 0, dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular'] = 'zeros', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None, lowering: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Conv2d(nnx.Module):
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
    bias: nnx.Variable[Array] | None
    padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular']
    precision: PrecisionLike
    lowering: str | None
    weight: nnx.Variable[Array]
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: ConvPadding = 0, dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular'] = 'zeros', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None, lowering: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Conv3d(nnx.Module):
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
    bias: nnx.Variable[Array] | None
    padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular']
    precision: PrecisionLike
    lowering: str | None
    weight: nnx.Variable[Array]
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: ConvPadding = 0, dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular'] = 'zeros', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None, lowering: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ConvTranspose1d(nnx.Module):
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
    bias: nnx.Variable[Array] | None
    dilation: Size
    padding_mode: Literal['zeros']
    precision: PrecisionLike
    weight: nnx.Variable[Array]
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, padding_mode: Literal['zeros'] = 'zeros', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class ConvTranspose2d(nnx.Module):
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
    bias: nnx.Variable[Array] | None
    dilation: Size
    padding_mode: Literal['zeros']
    precision: PrecisionLike
    weight: nnx.Variable[Array]
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, padding_mode: Literal['zeros'] = 'zeros', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class ConvTranspose3d(nnx.Module):
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
    bias: nnx.Variable[Array] | None
    dilation: Size
    padding_mode: Literal['zeros']
    precision: PrecisionLike
    weight: nnx.Variable[Array]
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, padding_mode: Literal['zeros'] = 'zeros', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class CosineEmbeddingLoss(nnx.Module):
    """torch.nn.CosineEmbeddingLoss: the same arguments and defaults. No parameters."""
    margin: float
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, margin: float = 0.0, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, input1: ArrayLike, input2: ArrayLike, target: ArrayLike) -> Array: ...

class CrossEntropyLoss(nnx.Module):
    """torch.nn.CrossEntropyLoss: the same arguments and defaults. No parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    weight: nnx.Variable[Array] | None
    size_average: bool | None
    ignore_index: int
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    label_smoothing: float
    def __init__(self, weight: ArrayLike | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', label_smoothing: float = 0.0, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ...) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class Dropout(nnx.Module):
    """torch.nn.Dropout: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False, *, deterministic: bool | None = False, rng_collection: str = 'dropout', rngs: nnx.Rngs | nnx.RngStream | None = None) -> None: ...
    def __call__(self, input: ArrayLike, *, deterministic: bool | None = None, rngs: nnx.Rngs | nnx.RngStream | Array | None = None) -> Array: ...

class Dropout1d(nnx.Module):
    """torch.nn.Dropout1d: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False, *, deterministic: bool | None = False, rng_collection: str = 'dropout', rngs: nnx.Rngs | nnx.RngStream | None = None) -> None: ...
    def __call__(self, input: ArrayLike, *, deterministic: bool | None = None, rngs: nnx.Rngs | nnx.RngStream | Array | None = None) -> Array: ...

class Dropout2d(nnx.Module):
    """torch.nn.Dropout2d: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False, *, deterministic: bool | None = False, rng_collection: str = 'dropout', rngs: nnx.Rngs | nnx.RngStream | None = None) -> None: ...
    def __call__(self, input: ArrayLike, *, deterministic: bool | None = None, rngs: nnx.Rngs | nnx.RngStream | Array | None = None) -> Array: ...

class Dropout3d(nnx.Module):
    """torch.nn.Dropout3d: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False, *, deterministic: bool | None = False, rng_collection: str = 'dropout', rngs: nnx.Rngs | nnx.RngStream | None = None) -> None: ...
    def __call__(self, input: ArrayLike, *, deterministic: bool | None = None, rngs: nnx.Rngs | nnx.RngStream | Array | None = None) -> Array: ...

class Embedding(nnx.Module):
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
    weight: nnx.Variable[Array]
    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ...) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...
    @classmethod
    def from_pretrained(cls, embeddings: ArrayLike, freeze: bool = True, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> Self: ...

class EmbeddingBag(nnx.Module):
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
    weight: nnx.Variable[Array]
    def __init__(self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: Literal['sum', 'mean', 'max'] = 'mean', sparse: bool = False, include_last_offset: bool = False, padding_idx: int | None = None, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ...) -> None: ...
    def __call__(self, input: ArrayLike, offsets: ArrayLike | None = None, per_sample_weights: ArrayLike | None = None) -> Array: ...
    @classmethod
    def from_pretrained(cls, embeddings: ArrayLike, freeze: bool = True, max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: Literal['sum', 'mean', 'max'] = 'mean', sparse: bool = False, include_last_offset: bool = False, padding_idx: int | None = None) -> Self: ...

class FeatureAlphaDropout(nnx.Module):
    """torch.nn.FeatureAlphaDropout: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    p: float
    inplace: bool
    def __init__(self, p: float = 0.5, inplace: bool = False, *, deterministic: bool | None = False, rng_collection: str = 'dropout', rngs: nnx.Rngs | nnx.RngStream | None = None) -> None: ...
    def __call__(self, input: ArrayLike, *, deterministic: bool | None = None, rngs: nnx.Rngs | nnx.RngStream | Array | None = None) -> Array: ...

class Flatten(nnx.Module):
    """torch.nn.Flatten: the dimensions from `start_dim` to `end_dim` become one. No parameters."""
    start_dim: int
    end_dim: int
    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Fold(nnx.Module):
    """torch.nn.Fold: the same arguments and defaults. No parameters."""
    output_size: Size
    kernel_size: Size
    dilation: Size
    padding: Size
    stride: Size
    def __init__(self, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class GRUCell(nnx.Module):
    """torch.nn.GRUCell: the same arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    input_size: int
    hidden_size: int
    bias: bool
    precision: PrecisionLike
    weight_ih: nnx.Variable[Array]
    weight_hh: nnx.Variable[Array]
    bias_ih: nnx.Variable[Array] | None
    bias_hh: nnx.Variable[Array] | None
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, hx: ArrayLike | None = None) -> Array: ...

class GaussianNLLLoss(nnx.Module):
    """torch.nn.GaussianNLLLoss: the same arguments and defaults. No parameters."""
    full: bool
    eps: float
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, *, full: bool = False, eps: float = 1e-06, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike, var: ArrayLike) -> Array: ...

class GroupNorm(nnx.Module):
    """torch.nn.GroupNorm: the same arguments, defaults, layouts and parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_groups: int
    num_channels: int
    eps: float
    affine: bool
    bias: nnx.Variable[Array] | None
    weight: nnx.Variable[Array] | None
    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-05, affine: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Hardshrink(nnx.Module):
    """torch.nn.Hardshrink: the same arguments and defaults. No parameters."""
    lambd: float
    def __init__(self, lambd: float = 0.5) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Hardsigmoid(nnx.Module):
    """torch.nn.Hardsigmoid: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Hardswish(nnx.Module):
    """torch.nn.Hardswish: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Hardtanh(nnx.Module):
    """torch.nn.Hardtanh: the same arguments and defaults. No parameters."""
    min_val: float
    max_val: float
    inplace: bool
    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class HingeEmbeddingLoss(nnx.Module):
    """torch.nn.HingeEmbeddingLoss: the same arguments and defaults. No parameters."""
    margin: float
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class HuberLoss(nnx.Module):
    """torch.nn.HuberLoss: the same arguments and defaults. No parameters."""
    reduction: Literal['none', 'mean', 'sum']
    delta: float
    def __init__(self, reduction: Literal['none', 'mean', 'sum'] = 'mean', delta: float = 1.0) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class Identity(nnx.Module):
    """torch.nn.Identity: gives its input back. Whatever it is constructed with is not used, as in torch."""
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def __call__(self, input: T) -> T: ...

class InstanceNorm1d(nnx.Module):
    """torch.nn.InstanceNorm1d: the same arguments, defaults, layouts, parameters and buffers."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: nnx.Variable[Array] | None
    axis_name: Hashable
    use_running_average: bool | None
    weight: nnx.Variable[Array] | None
    running_mean: nnx.Variable[Array] | None
    running_var: nnx.Variable[Array] | None
    num_batches_tracked: nnx.Variable[Array] | None
    def __init__(self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = False, track_running_stats: bool = False, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = False) -> None: ...
    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> Array: ...

class InstanceNorm2d(nnx.Module):
    """torch.nn.InstanceNorm2d: the same arguments, defaults, layouts, parameters and buffers."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: nnx.Variable[Array] | None
    axis_name: Hashable
    use_running_average: bool | None
    weight: nnx.Variable[Array] | None
    running_mean: nnx.Variable[Array] | None
    running_var: nnx.Variable[Array] | None
    num_batches_tracked: nnx.Variable[Array] | None
    def __init__(self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = False, track_running_stats: bool = False, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = False) -> None: ...
    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> Array: ...

class InstanceNorm3d(nnx.Module):
    """torch.nn.InstanceNorm3d: the same arguments, defaults, layouts, parameters and buffers."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: nnx.Variable[Array] | None
    axis_name: Hashable
    use_running_average: bool | None
    weight: nnx.Variable[Array] | None
    running_mean: nnx.Variable[Array] | None
    running_var: nnx.Variable[Array] | None
    num_batches_tracked: nnx.Variable[Array] | None
    def __init__(self, num_features: int, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = False, track_running_stats: bool = False, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = False) -> None: ...
    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> Array: ...

class KLDivLoss(nnx.Module):
    """torch.nn.KLDivLoss: the same arguments and defaults. No parameters."""
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum'] | Literal['batchmean']
    log_target: bool
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] | Literal['batchmean'] = 'mean', log_target: bool = False) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class L1Loss(nnx.Module):
    """torch.nn.L1Loss: the same arguments and defaults. No parameters."""
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class LPPool1d(nnx.Module):
    """torch.nn.LPPool1d: the same arguments and defaults. No parameters."""
    norm_type: float
    kernel_size: Size
    stride: Size | None
    ceil_mode: bool
    def __init__(self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LPPool2d(nnx.Module):
    """torch.nn.LPPool2d: the same arguments and defaults. No parameters."""
    norm_type: float
    kernel_size: Size
    stride: Size | None
    ceil_mode: bool
    def __init__(self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LPPool3d(nnx.Module):
    """torch.nn.LPPool3d: the same arguments and defaults. No parameters."""
    norm_type: float
    kernel_size: Size
    stride: Size | None
    ceil_mode: bool
    def __init__(self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LSTMCell(nnx.Module):
    """torch.nn.LSTMCell: the same arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    input_size: int
    hidden_size: int
    bias: bool
    precision: PrecisionLike
    weight_ih: nnx.Variable[Array]
    weight_hh: nnx.Variable[Array]
    bias_ih: nnx.Variable[Array] | None
    bias_hh: nnx.Variable[Array] | None
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, hx: tuple[ArrayLike, ArrayLike] | None = None) -> tuple[Array, Array]: ...

class LayerNorm(nnx.Module):
    """torch.nn.LayerNorm: the same arguments, defaults, layouts and parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    normalized_shape: Size
    eps: float
    elementwise_affine: bool
    bias: nnx.Variable[Array] | None
    weight: nnx.Variable[Array] | None
    def __init__(self, normalized_shape: Size, eps: float = 1e-05, elementwise_affine: bool = True, bias: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ...) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LazyBatchNorm1d(nnx.Module):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: nnx.Variable[Array] | None
    axis_name: Hashable
    use_running_average: bool | None
    weight: nnx.Variable[Array] | None
    running_mean: nnx.Variable[Array] | None
    running_var: nnx.Variable[Array] | None
    num_batches_tracked: nnx.Variable[Array] | None
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = False) -> None: ...
    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> Array: ...

class LazyBatchNorm2d(nnx.Module):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: nnx.Variable[Array] | None
    axis_name: Hashable
    use_running_average: bool | None
    weight: nnx.Variable[Array] | None
    running_mean: nnx.Variable[Array] | None
    running_var: nnx.Variable[Array] | None
    num_batches_tracked: nnx.Variable[Array] | None
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = False) -> None: ...
    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> Array: ...

class LazyBatchNorm3d(nnx.Module):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: nnx.Variable[Array] | None
    axis_name: Hashable
    use_running_average: bool | None
    weight: nnx.Variable[Array] | None
    running_mean: nnx.Variable[Array] | None
    running_var: nnx.Variable[Array] | None
    num_batches_tracked: nnx.Variable[Array] | None
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = False) -> None: ...
    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> Array: ...

class LazyConv1d(nnx.Module):
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
    bias: nnx.Variable[Array] | None
    padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular']
    precision: PrecisionLike
    lowering: str | None
    weight: nnx.Variable[Array]
    def __init__(self, out_channels: int, kernel_size: Size, stride: Size = 1, padding: ConvPadding = 0, dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular'] = 'zeros', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None, lowering: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LazyConv2d(nnx.Module):
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
    bias: nnx.Variable[Array] | None
    padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular']
    precision: PrecisionLike
    lowering: str | None
    weight: nnx.Variable[Array]
    def __init__(self, out_channels: int, kernel_size: Size, stride: Size = 1, padding: ConvPadding = 0, dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular'] = 'zeros', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None, lowering: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LazyConv3d(nnx.Module):
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
    bias: nnx.Variable[Array] | None
    padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular']
    precision: PrecisionLike
    lowering: str | None
    weight: nnx.Variable[Array]
    def __init__(self, out_channels: int, kernel_size: Size, stride: Size = 1, padding: ConvPadding = 0, dilation: Size = 1, groups: int = 1, bias: bool = True, padding_mode: Literal['zeros', 'reflect', 'replicate', 'circular'] = 'zeros', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None, lowering: str | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LazyConvTranspose1d(nnx.Module):
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
    bias: nnx.Variable[Array] | None
    dilation: Size
    padding_mode: Literal['zeros']
    precision: PrecisionLike
    weight: nnx.Variable[Array]
    def __init__(self, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, padding_mode: Literal['zeros'] = 'zeros', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class LazyConvTranspose2d(nnx.Module):
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
    bias: nnx.Variable[Array] | None
    dilation: Size
    padding_mode: Literal['zeros']
    precision: PrecisionLike
    weight: nnx.Variable[Array]
    def __init__(self, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, padding_mode: Literal['zeros'] = 'zeros', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class LazyConvTranspose3d(nnx.Module):
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
    bias: nnx.Variable[Array] | None
    dilation: Size
    padding_mode: Literal['zeros']
    precision: PrecisionLike
    weight: nnx.Variable[Array]
    def __init__(self, out_channels: int, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, groups: int = 1, bias: bool = True, dilation: Size = 1, padding_mode: Literal['zeros'] = 'zeros', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class LazyInstanceNorm1d(nnx.Module):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: nnx.Variable[Array] | None
    axis_name: Hashable
    use_running_average: bool | None
    weight: nnx.Variable[Array] | None
    running_mean: nnx.Variable[Array] | None
    running_var: nnx.Variable[Array] | None
    num_batches_tracked: nnx.Variable[Array] | None
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = False) -> None: ...
    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> Array: ...

class LazyInstanceNorm2d(nnx.Module):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: nnx.Variable[Array] | None
    axis_name: Hashable
    use_running_average: bool | None
    weight: nnx.Variable[Array] | None
    running_mean: nnx.Variable[Array] | None
    running_var: nnx.Variable[Array] | None
    num_batches_tracked: nnx.Variable[Array] | None
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = False) -> None: ...
    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> Array: ...

class LazyInstanceNorm3d(nnx.Module):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: nnx.Variable[Array] | None
    axis_name: Hashable
    use_running_average: bool | None
    weight: nnx.Variable[Array] | None
    running_mean: nnx.Variable[Array] | None
    running_var: nnx.Variable[Array] | None
    num_batches_tracked: nnx.Variable[Array] | None
    def __init__(self, eps: float = 1e-05, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., bias: bool = True, axis_name: Hashable = None, use_running_average: bool | None = False) -> None: ...
    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> Array: ...

class LazyLinear(nnx.Module):
    """torch.nn.LazyLinear: Linear without `in_features`, which the first input tells."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_features: int
    out_features: int
    bias: nnx.Variable[Array] | None
    precision: PrecisionLike
    weight: nnx.Variable[Array]
    def __init__(self, out_features: int, bias: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LeakyReLU(nnx.Module):
    """torch.nn.LeakyReLU: the same arguments and defaults. No parameters."""
    negative_slope: float
    inplace: bool
    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Linear(nnx.Module):
    """torch.nn.Linear: the same positional arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    in_features: int
    out_features: int
    bias: nnx.Variable[Array] | None
    precision: PrecisionLike
    weight: nnx.Variable[Array]
    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LocalResponseNorm(nnx.Module):
    """torch.nn.LocalResponseNorm: the same arguments and defaults. No parameters."""
    size: int
    alpha: float
    beta: float
    k: float
    def __init__(self, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LogSigmoid(nnx.Module):
    """torch.nn.LogSigmoid: the same arguments and defaults. No parameters."""
    def __init__(self) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class LogSoftmax(nnx.Module):
    """torch.nn.LogSoftmax: the same arguments and defaults. No parameters."""
    dim: int | None
    def __init__(self, dim: int | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class MSELoss(nnx.Module):
    """torch.nn.MSELoss: the same arguments and defaults. No parameters."""
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class MarginRankingLoss(nnx.Module):
    """torch.nn.MarginRankingLoss: the same arguments and defaults. No parameters."""
    margin: float
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, margin: float = 0.0, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, input1: ArrayLike, input2: ArrayLike, target: ArrayLike) -> Array: ...

class MaxPool1d(nnx.Module, Generic[Out]):
    """torch.nn.MaxPool1d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    dilation: Size
    return_indices: bool
    ceil_mode: bool
    @overload
    def __init__(self: MaxPool1d[Array], kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, return_indices: Literal[False] = False, ceil_mode: bool = False) -> None: ...
    @overload
    def __init__(self: MaxPool1d[tuple[Array, Array]], kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, *, return_indices: Literal[True], ceil_mode: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Out: ...

class MaxPool2d(nnx.Module, Generic[Out]):
    """torch.nn.MaxPool2d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    dilation: Size
    return_indices: bool
    ceil_mode: bool
    @overload
    def __init__(self: MaxPool2d[Array], kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, return_indices: Literal[False] = False, ceil_mode: bool = False) -> None: ...
    @overload
    def __init__(self: MaxPool2d[tuple[Array, Array]], kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, *, return_indices: Literal[True], ceil_mode: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Out: ...

class MaxPool3d(nnx.Module, Generic[Out]):
    """torch.nn.MaxPool3d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    dilation: Size
    return_indices: bool
    ceil_mode: bool
    @overload
    def __init__(self: MaxPool3d[Array], kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, return_indices: Literal[False] = False, ceil_mode: bool = False) -> None: ...
    @overload
    def __init__(self: MaxPool3d[tuple[Array, Array]], kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, *, return_indices: Literal[True], ceil_mode: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Out: ...

class MaxUnpool1d(nnx.Module):
    """torch.nn.MaxUnpool1d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None: ...
    def __call__(self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class MaxUnpool2d(nnx.Module):
    """torch.nn.MaxUnpool2d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None: ...
    def __call__(self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class MaxUnpool3d(nnx.Module):
    """torch.nn.MaxUnpool3d: the same arguments and defaults. No parameters."""
    kernel_size: Size
    stride: Size | None
    padding: Size
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None: ...
    def __call__(self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None) -> Array: ...

class Mish(nnx.Module):
    """torch.nn.Mish: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class MultiLabelMarginLoss(nnx.Module):
    """torch.nn.MultiLabelMarginLoss: the same arguments and defaults. No parameters."""
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class MultiLabelSoftMarginLoss(nnx.Module):
    """torch.nn.MultiLabelSoftMarginLoss: the same arguments and defaults. No parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    weight: nnx.Variable[Array] | None
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, weight: ArrayLike | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ...) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class MultiMarginLoss(nnx.Module):
    """torch.nn.MultiMarginLoss: the same arguments and defaults. No parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    p: int
    margin: float
    weight: nnx.Variable[Array] | None
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, p: int = 1, margin: float = 1.0, weight: ArrayLike | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ...) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class NLLLoss(nnx.Module):
    """torch.nn.NLLLoss: the same arguments and defaults. No parameters."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    weight: nnx.Variable[Array] | None
    size_average: bool | None
    ignore_index: int
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, weight: ArrayLike | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ...) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class PReLU(nnx.Module):
    """torch.nn.PReLU: the same positional arguments and defaults, and `dtype`, `param_dtype` of Flax."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    num_parameters: int
    init: float
    weight: nnx.Variable[Array]
    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ...) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class PixelShuffle(nnx.Module):
    """torch.nn.PixelShuffle: (..., C r^2, H, W) to (..., C, H r, W r). No parameters."""
    upscale_factor: int
    def __init__(self, upscale_factor: int) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class PixelUnshuffle(nnx.Module):
    """torch.nn.PixelUnshuffle: (..., C, H r, W r) to (..., C r^2, H, W). No parameters."""
    downscale_factor: int
    def __init__(self, downscale_factor: int) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class PoissonNLLLoss(nnx.Module):
    """torch.nn.PoissonNLLLoss: the same arguments and defaults. No parameters."""
    log_input: bool
    full: bool
    size_average: bool | None
    eps: float
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, log_input: bool = True, full: bool = False, size_average: bool | None = None, eps: float = 1e-08, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class RMSNorm(nnx.Module):
    """torch.nn.RMSNorm: the same arguments, defaults, layout and parameter."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    normalized_shape: Size
    eps: float | None
    elementwise_affine: bool
    weight: nnx.Variable[Array] | None
    def __init__(self, normalized_shape: Size, eps: float | None = None, elementwise_affine: bool = True, *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs | None = None, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ...) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class RNNCell(nnx.Module):
    """torch.nn.RNNCell: the same arguments, defaults, layouts, parameters and distribution."""
    dtype: Dtype | None
    param_dtype: Dtype
    promote_dtype: PromoteDtypeFn
    input_size: int
    hidden_size: int
    bias: bool
    precision: PrecisionLike
    nonlinearity: Literal['tanh', 'relu']
    weight_ih: nnx.Variable[Array]
    weight_hh: nnx.Variable[Array]
    bias_ih: nnx.Variable[Array] | None
    bias_hh: nnx.Variable[Array] | None
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: Literal['tanh', 'relu'] = 'tanh', *, dtype: Dtype | None = None, param_dtype: Dtype = ..., weight_init: Initializer | None = None, bias_init: Initializer | None = None, promote_dtype: PromoteDtypeFn = ..., rngs: nnx.Rngs, weight_metadata: Mapping[str, Any] = ..., bias_metadata: Mapping[str, Any] = ..., precision: PrecisionLike = None) -> None: ...
    def __call__(self, input: ArrayLike, hx: ArrayLike | None = None) -> Array: ...

class RReLU(nnx.Module):
    """torch.nn.RReLU: the same positional arguments and defaults. No parameters."""
    deterministic: bool | None
    rng_collection: str
    lower: float
    upper: float
    inplace: bool
    def __init__(self, lower: float = 0.125, upper: float = 0.3333333333333333, inplace: bool = False, *, deterministic: bool | None = False, rng_collection: str = 'dropout', rngs: nnx.Rngs | nnx.RngStream | None = None) -> None: ...
    def __call__(self, input: ArrayLike, *, deterministic: bool | None = None, rngs: nnx.Rngs | nnx.RngStream | Array | None = None) -> Array: ...

class ReLU(nnx.Module):
    """torch.nn.ReLU: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReLU6(nnx.Module):
    """torch.nn.ReLU6: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReflectionPad1d(nnx.Module):
    """torch.nn.ReflectionPad1d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReflectionPad2d(nnx.Module):
    """torch.nn.ReflectionPad2d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReflectionPad3d(nnx.Module):
    """torch.nn.ReflectionPad3d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReplicationPad1d(nnx.Module):
    """torch.nn.ReplicationPad1d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReplicationPad2d(nnx.Module):
    """torch.nn.ReplicationPad2d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ReplicationPad3d(nnx.Module):
    """torch.nn.ReplicationPad3d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class SiLU(nnx.Module):
    """torch.nn.SiLU: the same arguments and defaults. No parameters."""
    inplace: bool
    def __init__(self, inplace: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Sigmoid(nnx.Module):
    """torch.nn.Sigmoid: the same arguments and defaults. No parameters."""
    def __init__(self) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class SmoothL1Loss(nnx.Module):
    """torch.nn.SmoothL1Loss: the same arguments and defaults. No parameters."""
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    beta: float
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean', beta: float = 1.0) -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class SoftMarginLoss(nnx.Module):
    """torch.nn.SoftMarginLoss: the same arguments and defaults. No parameters."""
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, input: ArrayLike, target: ArrayLike) -> Array: ...

class Softmax(nnx.Module):
    """torch.nn.Softmax: the same arguments and defaults. No parameters."""
    dim: int | None
    def __init__(self, dim: int | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Softmax2d(nnx.Module):
    """torch.nn.Softmax2d: softmax over the channels of (N, C, H, W) or (C, H, W). No arguments, no parameters."""
    def __init__(self) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Softmin(nnx.Module):
    """torch.nn.Softmin: the same arguments and defaults. No parameters."""
    dim: int | None
    def __init__(self, dim: int | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Softplus(nnx.Module):
    """torch.nn.Softplus: the same arguments and defaults. No parameters."""
    beta: float
    threshold: float
    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Softshrink(nnx.Module):
    """torch.nn.Softshrink: the same arguments and defaults. No parameters."""
    lambd: float
    def __init__(self, lambd: float = 0.5) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Softsign(nnx.Module):
    """torch.nn.Softsign: the same arguments and defaults. No parameters."""
    def __init__(self) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Tanh(nnx.Module):
    """torch.nn.Tanh: the same arguments and defaults. No parameters."""
    def __init__(self) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Tanhshrink(nnx.Module):
    """torch.nn.Tanhshrink: the same arguments and defaults. No parameters."""
    def __init__(self) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Threshold(nnx.Module):
    """torch.nn.Threshold: the same arguments and defaults. No parameters."""
    threshold: float
    value: float
    inplace: bool
    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class TripletMarginLoss(nnx.Module):
    """torch.nn.TripletMarginLoss: the same arguments and defaults. No parameters."""
    margin: float
    p: float
    eps: float
    swap: bool
    size_average: bool | None
    reduce: bool | None
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-06, swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> Array: ...

class TripletMarginWithDistanceLoss(nnx.Module):
    """torch.nn.TripletMarginWithDistanceLoss: the same arguments and defaults. No parameters."""
    distance_function: Callable[[Array, Array], Array] | None
    margin: float
    swap: bool
    reduction: Literal['none', 'mean', 'sum']
    def __init__(self, *, distance_function: Callable[[Array, Array], Array] | None = None, margin: float = 1.0, swap: bool = False, reduction: Literal['none', 'mean', 'sum'] = 'mean') -> None: ...
    def __call__(self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> Array: ...

class Unflatten(nnx.Module):
    """torch.nn.Unflatten: one dimension becomes several. No parameters."""
    dim: int
    unflattened_size: Sequence[int]
    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Unfold(nnx.Module):
    """torch.nn.Unfold: the same arguments and defaults. No parameters."""
    kernel_size: Size
    dilation: Size
    padding: Size
    stride: Size
    def __init__(self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class Upsample(nnx.Module):
    """torch.nn.Upsample: the same arguments and defaults. No parameters."""
    size: Size | None
    scale_factor: Scale | None
    mode: Literal['nearest', 'nearest-exact', 'area', 'linear', 'bilinear', 'trilinear', 'bicubic', 'lanczos']
    align_corners: bool | None
    recompute_scale_factor: bool | None
    def __init__(self, size: Size | None = None, scale_factor: Scale | None = None, mode: Literal['nearest', 'nearest-exact', 'area', 'linear', 'bilinear', 'trilinear', 'bicubic', 'lanczos'] = 'nearest', align_corners: bool | None = None, recompute_scale_factor: bool | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class UpsamplingBilinear2d(nnx.Module):
    """torch.nn.UpsamplingBilinear2d: `Upsample` with mode 'bilinear' and align_corners=True. No parameters."""
    size: Size | None
    scale_factor: Scale | None
    def __init__(self, size: Size | None = None, scale_factor: Scale | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class UpsamplingNearest2d(nnx.Module):
    """torch.nn.UpsamplingNearest2d: `Upsample` with mode 'nearest'. No parameters."""
    size: Size | None
    scale_factor: Scale | None
    def __init__(self, size: Size | None = None, scale_factor: Scale | None = None) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ZeroPad1d(nnx.Module):
    """torch.nn.ZeroPad1d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ZeroPad2d(nnx.Module):
    """torch.nn.ZeroPad2d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

class ZeroPad3d(nnx.Module):
    """torch.nn.ZeroPad3d: the same arguments. No parameters."""
    padding: Size
    def __init__(self, padding: Size) -> None: ...
    def __call__(self, input: ArrayLike) -> Array: ...

__all__ = ['CELU', 'ELU', 'GELU', 'GLU', 'GRU', 'LSTM', 'RNN', 'SELU', 'AdaptiveAvgPool1d', 'AdaptiveAvgPool2d', 'AdaptiveAvgPool3d', 'AdaptiveMaxPool1d', 'AdaptiveMaxPool2d', 'AdaptiveMaxPool3d', 'AlphaDropout', 'AvgPool1d', 'AvgPool2d', 'AvgPool3d', 'BCELoss', 'BCEWithLogitsLoss', 'BatchNorm1d', 'BatchNorm2d', 'BatchNorm3d', 'Bilinear', 'ChannelShuffle', 'CircularPad1d', 'CircularPad2d', 'CircularPad3d', 'ConstantPad1d', 'ConstantPad2d', 'ConstantPad3d', 'Conv1d', 'Conv2d', 'Conv3d', 'ConvTranspose1d', 'ConvTranspose2d', 'ConvTranspose3d', 'CosineEmbeddingLoss', 'CrossEntropyLoss', 'Dropout', 'Dropout1d', 'Dropout2d', 'Dropout3d', 'Embedding', 'EmbeddingBag', 'FeatureAlphaDropout', 'Flatten', 'Fold', 'GRUCell', 'GaussianNLLLoss', 'GroupNorm', 'Hardshrink', 'Hardsigmoid', 'Hardswish', 'Hardtanh', 'HingeEmbeddingLoss', 'HuberLoss', 'Identity', 'InstanceNorm1d', 'InstanceNorm2d', 'InstanceNorm3d', 'KLDivLoss', 'L1Loss', 'LPPool1d', 'LPPool2d', 'LPPool3d', 'LSTMCell', 'LayerNorm', 'LazyBatchNorm1d', 'LazyBatchNorm2d', 'LazyBatchNorm3d', 'LazyConv1d', 'LazyConv2d', 'LazyConv3d', 'LazyConvTranspose1d', 'LazyConvTranspose2d', 'LazyConvTranspose3d', 'LazyInstanceNorm1d', 'LazyInstanceNorm2d', 'LazyInstanceNorm3d', 'LazyLinear', 'LeakyReLU', 'Linear', 'LocalResponseNorm', 'LogSigmoid', 'LogSoftmax', 'MSELoss', 'MarginRankingLoss', 'MaxPool1d', 'MaxPool2d', 'MaxPool3d', 'MaxUnpool1d', 'MaxUnpool2d', 'MaxUnpool3d', 'Mish', 'ModuleDict', 'ModuleList', 'MultiLabelMarginLoss', 'MultiLabelSoftMarginLoss', 'MultiMarginLoss', 'NLLLoss', 'PReLU', 'PixelShuffle', 'PixelUnshuffle', 'PoissonNLLLoss', 'RMSNorm', 'RNNCell', 'RReLU', 'ReLU', 'ReLU6', 'ReflectionPad1d', 'ReflectionPad2d', 'ReflectionPad3d', 'ReplicationPad1d', 'ReplicationPad2d', 'ReplicationPad3d', 'Sequential', 'SiLU', 'Sigmoid', 'SmoothL1Loss', 'SoftMarginLoss', 'Softmax', 'Softmax2d', 'Softmin', 'Softplus', 'Softshrink', 'Softsign', 'Tanh', 'Tanhshrink', 'Threshold', 'TripletMarginLoss', 'TripletMarginWithDistanceLoss', 'Unflatten', 'Unfold', 'Upsample', 'UpsamplingBilinear2d', 'UpsamplingNearest2d', 'ZeroPad1d', 'ZeroPad2d', 'ZeroPad3d']
