"""torch.nn's pooling as Linen modules."""

from typing import Any, ClassVar

from flax import linen as nn

from jaxconv._layer import check_max_pool, max_pool_forward
from jaxconv.nn.pooling import max_pool_doc


class _MaxPool(nn.Module):
    ndim: ClassVar[int]

    kernel_size: int | tuple[int, ...]
    stride: int | tuple[int, ...] | None = None
    padding: int | tuple[int, ...] = 0
    dilation: int | tuple[int, ...] = 1
    return_indices: bool = False
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        check_max_pool(self)
        super().__post_init__()

    def __call__(self, input: Any) -> Any:
        """The pooled `input` (N, C, *size) or (C, *size), or (output, indices) with `return_indices`."""
        return max_pool_forward(self, input)


class MaxPool1d(_MaxPool):
    __doc__ = max_pool_doc(1)
    ndim = 1


class MaxPool2d(_MaxPool):
    __doc__ = max_pool_doc(2)
    ndim = 2


class MaxPool3d(_MaxPool):
    __doc__ = max_pool_doc(3)
    ndim = 3
