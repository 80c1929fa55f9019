"""A convolution with its epilogue as a primitive of JAX, which `jaxconv.compile` alone makes: for inference.

Where the kernels may be called it is one call. Elsewhere it is what it was made of.
"""

import functools
from typing import Any

import jax

from jaxconv import _jax_internals as internals
from jaxconv._lower import native
from jaxconv._lower.choice import NATIVE, choose
from jaxconv._lower.epilogue import Epilogue
from jaxconv._lower.primitive import conv_p
from jaxconv._lower.product import Product

fused_conv_p = internals.Primitive("jaxconv_fused_conv")
"""bind(x, weight, [bias], [residual], product=Product, epilogue=Epilogue)"""


REFUSED = (
    "a program that `jaxconv.compile` made is for inference and has no derivatives: differentiate the model that "
    "it was made of"
)


def unfused(*operands: jax.Array, product: Product, epilogue: Epilogue) -> jax.Array:
    """What the primitive computes, by the convolution's own primitive."""
    x, weight, *rest = operands
    more = iter(rest)
    bias = next(more) if epilogue.bias else None
    residual = next(more, None)
    y = conv_p.bind(x, weight, product=product, forced=None, like=None)
    return epilogue.compute(y, bias, residual)


def _abstract(x: Any, weight: Any, *more: Any, product: Product, epilogue: Epilogue) -> Any:
    return x.update(shape=product.shape(x.shape[0]), weak_type=False)


fused_conv_p.def_abstract_eval(_abstract)


@functools.partial(jax.jit, static_argnames=("product", "epilogue"))
def _run(*operands: jax.Array, **params: Any) -> jax.Array:
    return fused_conv_p.bind(*operands, **params)


fused_conv_p.def_impl(_run)


def _batch(args: Any, dims: Any, **params: Any) -> tuple[jax.Array, int]:
    return jax.vmap(functools.partial(unfused, **params), in_axes=tuple(dims))(*args), 0


internals.define_batching(fused_conv_p, _batch)
internals.refuse_derivatives(fused_conv_p, REFUSED)


def _on_cpu(context: Any, *operands: Any, product: Product, epilogue: Epilogue) -> Any:
    x = context.avals_in[0]
    kernels = native.usable(context.module_context)
    if choose(product, x.shape[0], x.dtype, NATIVE, kernels).name == NATIVE:
        return native.lower_fused(context, operands, product, epilogue)
    return internals.lower_with(unfused)(context, *operands, product=product, epilogue=epilogue)


internals.define_lowering(fused_conv_p, internals.lower_with(unfused))
internals.define_lowering(fused_conv_p, _on_cpu, platform="cpu")
