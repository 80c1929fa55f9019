"""torch.nn's layers as Linen modules."""

from jaxconv.linen.conv import Conv1d as Conv1d
from jaxconv.linen.conv import Conv2d as Conv2d
from jaxconv.linen.conv import Conv3d as Conv3d
from jaxconv.linen.pooling import MaxPool1d as MaxPool1d
from jaxconv.linen.pooling import MaxPool2d as MaxPool2d
from jaxconv.linen.pooling import MaxPool3d as MaxPool3d
