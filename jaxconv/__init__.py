"""torch.nn's convolutional layers for Flax: torch's names, layouts and semantics, so a state_dict is the pytree."""

from jaxconv import extend, functional, init, linen, nn, surgery
from jaxconv._compile import compile
from jaxconv._compiled import Compiled, load_compiled
from jaxconv._examples import document as _document
from jaxconv._examples.top import TOP as _TOP
from jaxconv._explain import Explanation, explain
from jaxconv._files import StateDict
from jaxconv._from_torch import TorchNetwork, from_torch
from jaxconv._habits import answer as _answer
from jaxconv._lower import lowering
from jaxconv._lower.native import Kernels, kernels
from jaxconv._rngs import TorchRngs
from jaxconv._state_dict import load_file, load_state_dict, save_file, state_dict, to_torch
from jaxconv.fusion import fuse_conv_bn
from jaxconv.nn import *  # noqa: F403
from jaxconv.nn.frozen import FrozenParam

# fmt: off
__all__ = [
    "Compiled", "Explanation", "FrozenParam", "Kernels", "StateDict", "TorchNetwork", "TorchRngs", "compile",
    "explain", "extend", "from_torch", "functional", "fuse_conv_bn", "init", "kernels", "linen", "load_compiled",
    "load_file", "load_state_dict", "lowering", "nn", "save_file", "state_dict", "surgery", "to_torch",
]
# fmt: on
__all__ += nn.__all__

__version__ = "0.1.0"

_document(globals(), _TOP)
_answer("jaxconv", "jaxconv.nn", "jaxconv.linen", "jaxconv.init", "jaxconv.surgery")
