"""torch.nn's layers of jaxconv/_layers/tracking_norm.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import tracking_norm
from jaxconv.nn._tracking import Tracking


@dataclass(eq=False, repr=False)
class BatchNorm1d(tracking_norm.BatchNorm1d, Tracking):
    pass


@dataclass(eq=False, repr=False)
class BatchNorm2d(tracking_norm.BatchNorm2d, Tracking):
    pass


@dataclass(eq=False, repr=False)
class BatchNorm3d(tracking_norm.BatchNorm3d, Tracking):
    pass


@dataclass(eq=False, repr=False)
class InstanceNorm1d(tracking_norm.InstanceNorm1d, Tracking):
    pass


@dataclass(eq=False, repr=False)
class InstanceNorm2d(tracking_norm.InstanceNorm2d, Tracking):
    pass


@dataclass(eq=False, repr=False)
class InstanceNorm3d(tracking_norm.InstanceNorm3d, Tracking):
    pass
