"""torch.nn's layers of jaxconv/_layers/tracking_norm.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import tracking_norm
from jaxconv.linen._tracking import Tracking


class BatchNorm1d(tracking_norm.BatchNorm1d, Tracking):
    pass


class BatchNorm2d(tracking_norm.BatchNorm2d, Tracking):
    pass


class BatchNorm3d(tracking_norm.BatchNorm3d, Tracking):
    pass


class InstanceNorm1d(tracking_norm.InstanceNorm1d, Tracking):
    pass


class InstanceNorm2d(tracking_norm.InstanceNorm2d, Tracking):
    pass


class InstanceNorm3d(tracking_norm.InstanceNorm3d, Tracking):
    pass
