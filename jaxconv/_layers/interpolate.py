"""torch.nn's resizing layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax

from jaxconv import functional
from jaxconv._functional.interpolate import check_interpolate
from jaxconv._layers.base import Layer
from jaxconv._types import ArrayLike, InterpolationMode, Scale, Size

__all__ = ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]


@dataclass(eq=False, repr=False)
class Upsample(Layer):
    """torch.nn.Upsample: the same arguments and defaults. No parameters.

    The operation is `jaxconv.functional.interpolate`.

    Args:
        size: of the output: int or one for each spatial dimension. Either this or `scale_factor`.
        scale_factor: number or one for each spatial dimension.
        mode: 'nearest', 'nearest-exact', 'area', 'linear' (for 1 spatial dimension), 'bilinear', 'bicubic' (for 2),
            'trilinear' (for 3).
        align_corners: for the linear and cubic modes: whether the centres of the corner elements are aligned.
        recompute_scale_factor: whether the coordinates come from the sizes (True) and not from `scale_factor`.

    Raises:
        ValueError: a value or an input shape that torch refuses too.
        TypeError: an argument of the wrong type.
    """

    size: Size | None = None
    scale_factor: Scale | None = None
    mode: InterpolationMode = "nearest"
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None

    def _normalised(self) -> Mapping[str, Any]:
        check_interpolate(
            self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )
        # NNX takes a list for a container of modules.
        lists: dict[str, Any] = {"size": self.size, "scale_factor": self.scale_factor}
        return {name: tuple(value) for name, value in lists.items() if isinstance(value, list)}

    def _forward(self, input: ArrayLike) -> jax.Array:
        return functional.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )


@dataclass(eq=False, repr=False)
class _Upsampling(Layer):
    mode: ClassVar[InterpolationMode]
    align_corners: ClassVar[bool | None] = None

    size: Size | None = None
    scale_factor: Scale | None = None

    def _normalised(self) -> Mapping[str, Any]:
        return Upsample(self.size, self.scale_factor, self.mode, self.align_corners)._normalised()

    def _forward(self, input: ArrayLike) -> jax.Array:
        return functional.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners)


class UpsamplingNearest2d(_Upsampling):
    """torch.nn.UpsamplingNearest2d: `Upsample` with mode 'nearest'. No parameters.

    The operation is `jaxconv.functional.interpolate`.

    Args:
        size: of the output: int or (height, width). Either this or `scale_factor`.
        scale_factor: number or one for each spatial dimension.

    Raises:
        ValueError: a value or an input shape that torch refuses too.
        TypeError: an argument of the wrong type.
    """

    mode = "nearest"


class UpsamplingBilinear2d(_Upsampling):
    """torch.nn.UpsamplingBilinear2d: `Upsample` with mode 'bilinear' and align_corners=True. No parameters.

    The operation is `jaxconv.functional.interpolate`.

    Args:
        size: of the output: int or (height, width). Either this or `scale_factor`.
        scale_factor: number or one for each spatial dimension.

    Raises:
        ValueError: a value or an input shape that torch refuses too.
        TypeError: an argument of the wrong type.
    """

    mode = "bilinear"
    align_corners = True
