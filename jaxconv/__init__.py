"""torch.nn's convolutional layers for Flax: torch's names, layouts and semantics, so a state_dict is the pytree."""

from jaxconv import functional as functional
from jaxconv import init as init
from jaxconv import linen as linen
from jaxconv import nn as nn
from jaxconv import surgery as surgery
from jaxconv.nn import Conv1d as Conv1d
from jaxconv.nn import Conv2d as Conv2d
from jaxconv.nn import Conv3d as Conv3d
from jaxconv.nn import MaxPool1d as MaxPool1d
from jaxconv.nn import MaxPool2d as MaxPool2d
from jaxconv.nn import MaxPool3d as MaxPool3d
from jaxconv.state_dict import load_file as load_file
from jaxconv.state_dict import load_state_dict as load_state_dict
from jaxconv.state_dict import save_file as save_file
from jaxconv.state_dict import state_dict as state_dict
from jaxconv.state_dict import to_torch as to_torch

__version__ = "0.1.0"
