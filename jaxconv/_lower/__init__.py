"""How a convolution is written for XLA: one file a lowering, and here the choice between them."""

from jaxconv._lower.direct import conv as conv
