"""ATen's layers: what torch.nn.functional has, under ATen's signatures."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv import functional as F
from jaxconv._dtypes import compute_dtype
from jaxconv._functional.embedding_bag import MODES

# ATen's arguments are those of torch.nn.functional, as far as the graph gives them.
_SAME = (
    *("conv1d", "conv2d", "conv3d", "linear", "bilinear", "prelu", "pad", "rms_norm"),
    *("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"),
    *(
        "relu",
        "relu6",
        "elu",
        "selu",
        "celu",
        "leaky_relu",
        "gelu",
        "silu",
        "mish",
        "glu",
        "softplus",
        "softsign",
    ),
    *("hardtanh", "hardswish", "hardsigmoid", "hardshrink", "softshrink", "threshold"),
    *("pixel_shuffle", "pixel_unshuffle", "channel_shuffle"),
    *("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"),
)


def _pool(name: str) -> Callable[..., Any]:
    """Pooling, where no stride is an empty list in ATen."""

    def pool(x: Any, kernel_size: Any, stride: Any = None, *rest: Any) -> Any:
        return getattr(F, name)(x, kernel_size, None if stride == () else stride, *rest)

    return pool


def _pool_with_indices(name: str) -> Callable[..., Any]:
    def pool(x: Any, kernel_size: Any, stride: Any = None, *rest: Any) -> Any:
        args = (*rest, *(0, 1, False)[len(rest) :])
        return getattr(F, name)(x, kernel_size, None if stride == () else stride, *args, return_indices=True)

    return pool


def _upsample(mode: Any, antialias: bool = False) -> Callable[..., Any]:
    def upsample(x: Any, size: Any, *rest: Any) -> Any:
        align = rest[0] if "nearest" not in mode else None
        scales = rest[-1]
        return F.interpolate(x, size, None if size is not None else scales, mode, align, antialias=antialias)

    return upsample


def _pad_as(mode: Any) -> Callable[..., Any]:
    return lambda x, pad: F.pad(x, pad, mode)


def _softmax(x: Any, dim: int, dtype: Any = None) -> jax.Array:
    return F.softmax(x, dim, dtype=dtype)


def _log_softmax(x: Any, dim: int, dtype: Any = None) -> jax.Array:
    return F.log_softmax(x, dim, dtype=dtype)


def _embedding(
    weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> jax.Array:
    # What `sparse` changes is the container of torch's gradient, not the network.
    padding = None if padding_idx < 0 else padding_idx
    return F.embedding(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq)


def _embedding_bag(
    weight: Any,
    indices: Any,
    offsets: Any,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Any, ...]:
    """The bags, and nothing for what torch keeps for its backward pass."""
    bags = F.embedding_bag(
        indices,
        weight,
        offsets,
        scale_grad_by_freq=scale_grad_by_freq,
        mode=MODES[mode],
        per_sample_weights=per_sample_weights,
        include_last_offset=include_last_offset,
        padding_idx=padding_idx,
    )
    return bags, None, None, None


def _core_embedding_bag(weight: Any, indices: Any, offsets: Any, *args: Any) -> tuple[Any, ...]:
    """The core set's: a `padding_idx` of -1 is none."""
    defaults = (False, 0, False, None, False, -1)
    settings: tuple[Any, ...] = (*args, *defaults[len(args) :])
    scale, mode, sparse, weights, last, padding = settings
    padding = None if padding < 0 else padding
    return _embedding_bag(weight, indices, offsets, scale, mode, sparse, weights, last, padding)


def _unpool(x: Any, indices: Any, size: Any, *_: Any) -> jax.Array:
    """torch.nn.functional.max_unpool2d and 3d, which give ATen the output's size."""
    lead = x.shape[: x.ndim - len(size)]
    rows = np.arange(math.prod(lead))[:, None]
    flat = jnp.zeros((math.prod(lead), math.prod(size)), x.dtype)
    at = indices.reshape(math.prod(lead), -1)
    return flat.at[rows, at].set(x.reshape(at.shape)).reshape(*lead, *size)


def _attention(
    key: Callable[[], jax.Array],
    query: Any,
    keys: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
    training: bool = True,
) -> jax.Array:
    """torch.nn.functional.scaled_dot_product_attention, as its documentation writes it out."""
    wide = compute_dtype(query.dtype)
    if enable_gqa:
        groups = query.shape[-3] // keys.shape[-3]
        keys, value = jnp.repeat(keys, groups, -3), jnp.repeat(value, groups, -3)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = jnp.matmul(query.astype(wide) * scale, jnp.swapaxes(keys, -1, -2).astype(wide))
    if is_causal:
        attn_mask = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    if attn_mask is not None:
        kept = attn_mask.dtype == jnp.bool_
        scores = jnp.where(attn_mask, scores, -jnp.inf) if kept else scores + attn_mask.astype(wide)
    # A row that may look nowhere is zero, as in torch, and so is its gradient.
    nowhere = jnp.all(scores == -jnp.inf, -1, keepdims=True)
    weights = jax.nn.softmax(jnp.where(nowhere, 0.0, scores), -1)
    weights = jnp.where(nowhere, 0.0, weights).astype(wide)
    if training and dropout_p:
        weights = F.dropout(weights, dropout_p, True, key=key())
    return jnp.matmul(weights, value.astype(wide)).astype(query.dtype)


def _drop(name: str) -> Callable[..., Any]:
    def drop(key: Callable[[], jax.Array], x: Any, p: float, train: bool) -> jax.Array:
        return getattr(F, name)(x, p, train, key=key() if train and 0 < p < 1 else None)

    return drop


def _recurrent(name: str) -> Callable[..., Any]:
    """lstm.input, gru.input, ..., which draw if they drop between their layers."""

    def run(key: Callable[[], jax.Array], *args: Any) -> Any:
        layers, p, train = args[4:7]
        return getattr(F, name)(*args, key=key() if train and 0 < p < 1 and layers > 1 else None)

    return run


def _feature_drop(key: Callable[[], jax.Array], x: Any, p: float, train: bool) -> jax.Array:
    """torch.feature_dropout: whole channels of (N, C, *size), of any rank."""
    if not train or p == 0:
        return x
    kept = F.dropout(
        jnp.ones(x.shape[:2] + (1,) * (x.ndim - 2), x.dtype), p, True, key=key() if p < 1 else None
    )
    return x * kept


def _rrelu(
    key: Callable[[], jax.Array],
    x: Any,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    _: Any = None,
) -> jax.Array:
    return F.rrelu(x, lower, upper, training, key=key() if training else None)


def normalised(kind: str, x: Any, weight: Any, bias: Any, mean: Any, var: Any, *args: Any) -> Any:
    """batch_norm or instance_norm, in ATen's order of arguments: the output and the running statistics after it."""
    if kind == "batch_norm":
        return F.batch_norm_with_stats(x, mean, var, weight, bias, *args)
    return F.instance_norm_with_stats(x, mean, var, weight, bias, *args)


# Whose first argument is a function that gives a key.
RANDOM: dict[str, Callable[..., Any]] = {
    "dropout": _drop("dropout"),
    "alpha_dropout": _drop("alpha_dropout"),
    "feature_alpha_dropout": _drop("feature_alpha_dropout"),
    "feature_dropout": _feature_drop,
    "rrelu": _rrelu,
    "lstm": _recurrent("lstm"),
    "gru": _recurrent("gru"),
    "rnn_tanh": _recurrent("rnn_tanh"),
    "rnn_relu": _recurrent("rnn_relu"),
    "scaled_dot_product_attention": _attention,
}

TABLE: dict[str, Callable[..., Any]] = {
    "softmax": _softmax,
    "_softmax": lambda x, dim, half_to_float: F.softmax(x, dim),
    "log_softmax": _log_softmax,
    "_log_softmax": lambda x, dim, half_to_float: F.log_softmax(x, dim),
    "log_sigmoid": lambda x: F.logsigmoid(x),
    "layer_norm": lambda x, shape, weight=None, bias=None, eps=1e-5, cudnn=True: F.layer_norm(
        x, shape, weight, bias, eps
    ),
    "group_norm": lambda x, groups, weight=None, bias=None, eps=1e-5, cudnn=True: F.group_norm(
        x, groups, weight, bias, eps
    ),
    "constant_pad_nd": lambda x, pad, value=0: F.pad(x, pad, "constant", value),
    "embedding": _embedding,
    "embedding_bag": _embedding_bag,
    "_embedding_bag": _core_embedding_bag,
    "embedding_renorm": F.embedding_renorm,
    "max_unpool2d": _unpool,
    "max_unpool3d": _unpool,
    "im2col": lambda x, *args: F.unfold(x, *args),
    "col2im": lambda x, *args: F.fold(x, *args),
    "upsample_nearest1d.vec": _upsample("nearest"),
    "upsample_nearest2d.vec": _upsample("nearest"),
    "upsample_nearest3d.vec": _upsample("nearest"),
    "_upsample_nearest_exact1d.vec": _upsample("nearest-exact"),
    "_upsample_nearest_exact2d.vec": _upsample("nearest-exact"),
    "_upsample_nearest_exact3d.vec": _upsample("nearest-exact"),
    "upsample_linear1d.vec": _upsample("linear"),
    "upsample_bilinear2d.vec": _upsample("bilinear"),
    "upsample_trilinear3d.vec": _upsample("trilinear"),
    "upsample_bicubic2d.vec": _upsample("bicubic"),
    "_upsample_bilinear2d_aa.vec": _upsample("bilinear", antialias=True),
    "_upsample_bicubic2d_aa.vec": _upsample("bicubic", antialias=True),
}
TABLE |= {name: getattr(F, name) for name in _SAME}
for _n in (1, 2, 3):
    # In ATen the 2D and 3D ones have overloads, the 1D one has not.
    TABLE[f"conv_transpose{_n}d"] = getattr(F, f"conv_transpose{_n}d")
    TABLE[f"max_pool{_n}d"] = _pool(f"max_pool{_n}d")
    TABLE[f"avg_pool{_n}d"] = _pool(f"avg_pool{_n}d")
    TABLE[f"max_pool{_n}d_with_indices"] = _pool_with_indices(f"max_pool{_n}d")
    TABLE[f"adaptive_max_pool{_n}d"] = lambda x, size, _name=f"adaptive_max_pool{_n}d": getattr(F, _name)(
        x, size, return_indices=True
    )
    TABLE[f"_adaptive_avg_pool{_n}d"] = getattr(F, f"adaptive_avg_pool{_n}d")
    TABLE[f"reflection_pad{_n}d"] = _pad_as("reflect")
    TABLE[f"replication_pad{_n}d"] = _pad_as("replicate")
