"""torch.nn's pooling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax

from jaxconv._functional.pooling import max_pool_windows
from jaxconv._layers.base import Layer
from jaxconv._spec_pool import PoolSpec, pool_spec
from jaxconv._types import ArrayLike, Size

__all__ = ["MaxPool1d", "MaxPool2d", "MaxPool3d"]


@dataclass(eq=False, repr=False)
class _MaxPool(Layer):
    ndim: ClassVar[int]

    kernel_size: Size
    stride: Size | None = None
    padding: Size = 0
    dilation: Size = 1
    return_indices: bool = False
    ceil_mode: bool = False

    def _spec(self) -> PoolSpec:
        return pool_spec(
            self.ndim, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )

    def _normalised(self) -> Mapping[str, Any]:
        self._spec()
        return {"stride": self.kernel_size} if self.stride is None else {}

    def _forward(self, input: ArrayLike) -> jax.Array | tuple[jax.Array, jax.Array]:
        return max_pool_windows(self._spec(), input, self.return_indices)


def _doc(ndim: int) -> str:
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
    __doc__ = _doc(1)
    ndim = 1


class MaxPool2d(_MaxPool):
    __doc__ = _doc(2)
    ndim = 2


class MaxPool3d(_MaxPool):
    __doc__ = _doc(3)
    ndim = 3
