"""ATen's backward passes as operations of their own, and the forward passes that give them what they need."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv import functional as F
from jaxconv._dtypes import compute_dtype


def _convolution(
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> jax.Array:
    n = weight.ndim - 2
    # In the core set a convolution along one axis may give its numbers once.
    stride, padding, dilation, output_padding = (
        tuple(a) * n if len(a) == 1 else tuple(a) for a in (stride, padding, dilation, output_padding)
    )
    if transposed:
        function = getattr(F, f"conv_transpose{n}d")
        return function(x, weight, bias, stride, padding, output_padding, groups, dilation)
    return getattr(F, f"conv{n}d")(x, weight, bias, stride, padding, dilation, groups)


def _convolution_backward(
    grad: Any, x: Any, weight: Any, bias_sizes: Any, *rest: Any
) -> tuple[jax.Array | None, ...]:
    *how, wanted = rest
    bias = jnp.zeros(weight.shape[1] * how[5] if how[3] else weight.shape[0], weight.dtype)
    _, vjp = jax.vjp(lambda x, weight, bias: _convolution(x, weight, bias, *how), x, weight, bias)
    return tuple(g if want else None for g, want in zip(vjp(grad), wanted, strict=True))


def _pool_backward(function: Callable[..., Any]) -> Callable[..., Any]:
    def backward(grad: Any, x: Any, *args: Any) -> jax.Array:
        _, vjp = jax.vjp(lambda x: function(x, *args), x)
        return vjp(grad)[0]

    return backward


def _avg_pool2d(x: Any, kernel: Any, stride: Any, *args: Any) -> jax.Array:
    return F.avg_pool2d(x, kernel, None if stride == () else stride, *args)


def _max_pool_backward(grad: Any, x: Any, *args: Any) -> jax.Array:
    lead, indices = math.prod(x.shape[:-2]), args[-1]
    flat = jnp.zeros((lead, math.prod(x.shape[-2:])), grad.dtype)
    rows, at = jnp.arange(lead)[:, None], indices.reshape(lead, -1)
    return flat.at[rows, at].add(grad.reshape(at.shape)).reshape(x.shape)


def _embedding_backward(
    grad: Any, indices: Any, count: int, padding_idx: int, scale_grad_by_freq: bool
) -> jax.Array:
    def embed(weight: Any) -> jax.Array:
        padding = None if padding_idx < 0 else padding_idx
        return F.embedding(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq)

    _, vjp = jax.vjp(embed, jnp.zeros((count, grad.shape[-1]), grad.dtype))
    return vjp(grad)[0]


def _statistics(x: Any, axes: tuple[int, ...], eps: float) -> tuple[jax.Array, jax.Array]:
    wide = x.astype(compute_dtype(x.dtype))
    rstd = jax.lax.rsqrt(jnp.var(wide, axes, keepdims=True) + eps)
    return jnp.mean(wide, axes, keepdims=True).astype(x.dtype), rstd.astype(x.dtype)


def _native_layer_norm(x: Any, shape: Any, weight: Any, bias: Any, eps: float) -> tuple[jax.Array, ...]:
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    return F.layer_norm(x, shape, weight, bias, eps), *_statistics(x, axes, eps)


def _normalised_backward(
    grad: Any, scaled: Any, x: Any, mean: Any, rstd: Any, axes: tuple[int, ...]
) -> jax.Array:
    """The gradient with respect to the input of (x - mean) * rstd; `scaled` is the cotangent of that."""
    normal = (x - mean) * rstd
    sums = [jnp.mean(a, axes, keepdims=True) for a in (scaled, scaled * normal)]
    return rstd * (scaled - sums[0] - normal * sums[1])


def _layer_norm_backward(
    grad: Any, x: Any, shape: Any, mean: Any, rstd: Any, weight: Any, bias: Any, wanted: Any
) -> tuple[Any, ...]:
    lead = tuple(range(x.ndim - len(shape)))
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    scaled = grad if weight is None else grad * weight
    grads = (
        _normalised_backward(grad, scaled, x, mean, rstd, axes),
        jnp.sum(grad * (x - mean) * rstd, lead),
        jnp.sum(grad, lead),
    )
    return tuple(g if want else None for g, want in zip(grads, wanted, strict=True))


def _native_group_norm(
    x: Any, weight: Any, bias: Any, n: int, channels: int, size: int, groups: int, eps: float
) -> tuple[jax.Array, ...]:
    mean, rstd = _statistics(x.reshape(n, groups, -1), (2,), eps)
    return F.group_norm(x, groups, weight, bias, eps), mean[..., 0], rstd[..., 0]


def _group_norm_backward(
    grad: Any,
    x: Any,
    mean: Any,
    rstd: Any,
    weight: Any,
    n: int,
    channels: int,
    size: int,
    groups: int,
    wanted: Any,
) -> tuple[Any, ...]:
    shape = (n, groups, channels // groups, size)
    x4, grad4 = x.reshape(shape), grad.reshape(shape)
    mean, rstd = (a.reshape(n, groups, 1, 1) for a in (mean, rstd))
    scaled = grad4 if weight is None else grad4 * weight.reshape(1, groups, -1, 1)
    grads = (
        _normalised_backward(grad4, scaled, x4, mean, rstd, (2, 3)).reshape(x.shape),
        jnp.sum(grad4 * (x4 - mean) * rstd, (0, 3)).reshape(channels),
        jnp.sum(grad4, (0, 3)).reshape(channels),
    )
    return tuple(g if want else None for g, want in zip(grads, wanted, strict=True))


TABLE: dict[str, Callable[..., Any]] = {
    "convolution": _convolution,
    "convolution_backward": _convolution_backward,
    "avg_pool2d_backward": _pool_backward(_avg_pool2d),
    "_adaptive_avg_pool2d_backward": lambda grad, x: _pool_backward(F.adaptive_avg_pool2d)(
        grad, x, grad.shape[-2:]
    ),
    "max_pool2d_with_indices_backward": _max_pool_backward,
    "embedding_dense_backward": _embedding_backward,
    "native_layer_norm": _native_layer_norm,
    "native_layer_norm_backward": _layer_norm_backward,
    "native_group_norm": _native_group_norm,
    "native_group_norm_backward": _group_norm_backward,
}
