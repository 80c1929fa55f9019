"""torch.nn's layers as NNX modules."""

from jaxconv.nn.conv import Conv1d as Conv1d
from jaxconv.nn.conv import Conv2d as Conv2d
from jaxconv.nn.conv import Conv3d as Conv3d
from jaxconv.nn.pooling import MaxPool1d as MaxPool1d
from jaxconv.nn.pooling import MaxPool2d as MaxPool2d
from jaxconv.nn.pooling import MaxPool3d as MaxPool3d
