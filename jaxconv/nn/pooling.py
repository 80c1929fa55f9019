"""torch.nn's pooling as NNX modules."""

from typing import Any, ClassVar

from flax import nnx

from jaxconv._layer import check_max_pool, max_pool_forward


class _MaxPool(nnx.Module):
    ndim: ClassVar[int]

    def __init__(
        self,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] | None = None,
        padding: int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode
        check_max_pool(self)

    def __call__(self, input: Any) -> Any:
        """The pooled `input` (N, C, *size) or (C, *size), or (output, indices) with `return_indices`."""
        return max_pool_forward(self, input)


def max_pool_doc(ndim: int) -> str:
    """The docstring of a max pooling layer, NNX or Linen."""
    return f"""torch.nn.MaxPool{ndim}d: the same arguments and defaults. No parameters.

    The operation is `jaxconv.functional.max_pool{ndim}d`, where limits, ties and NaN are described.

    Args:
        kernel_size: int or a tuple of {ndim}: the window.
        stride: int or a tuple of {ndim}; None means kernel_size.
        padding: int or a tuple of {ndim}: minus infinity on both sides, at most half of kernel_size.
        dilation: int or a tuple of {ndim}: the distance between the window's elements.
        return_indices: whether to return (output, indices).
        ceil_mode: whether a last window that is partly outside counts.

    Raises:
        ValueError: a value or an input shape that torch refuses too.
        TypeError: an argument of the wrong type.
    """


class MaxPool1d(_MaxPool):
    __doc__ = max_pool_doc(1)
    ndim = 1


class MaxPool2d(_MaxPool):
    __doc__ = max_pool_doc(2)
    ndim = 2


class MaxPool3d(_MaxPool):
    __doc__ = max_pool_doc(3)
    ndim = 3
