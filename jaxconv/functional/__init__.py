"""torch.nn.functional's operations, with torch's argument names, order, defaults, layouts and refusals."""

from jaxconv.functional.conv import conv1d as conv1d
from jaxconv.functional.conv import conv2d as conv2d
from jaxconv.functional.conv import conv3d as conv3d
from jaxconv.functional.padding import pad as pad
from jaxconv.functional.pooling import max_pool1d as max_pool1d
from jaxconv.functional.pooling import max_pool2d as max_pool2d
from jaxconv.functional.pooling import max_pool3d as max_pool3d
