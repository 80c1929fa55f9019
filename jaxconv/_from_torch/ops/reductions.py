"""ATen's sums, means, extremes and products of matrices."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv._from_torch.ops._dtypes import category, floating, integer, together
from jaxconv._rows import mean


def _axes(x: Any, dim: Any) -> Any:
    """torch reduces all where no dimension is given, or none of them."""
    if dim is None or dim == ():
        return None
    return tuple(d % max(x.ndim, 1) for d in dim) if isinstance(dim, tuple) else dim


def _sum(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> jax.Array:
    dtype = dtype or (x.dtype if category(x.dtype) > 1 else integer())
    return jnp.sum(x, _axes(x, dim), dtype=dtype, keepdims=keepdim)


def _prod(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> jax.Array:
    dtype = dtype or (x.dtype if category(x.dtype) > 1 else integer())
    return jnp.prod(x, dim, dtype=dtype, keepdims=keepdim)


def _mean(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> jax.Array:
    axes, dtype = _axes(x, dim), dtype or x.dtype
    if isinstance(axes, tuple) and dtype == x.dtype:
        return mean(x, axes, keepdim)
    return jnp.mean(x, axes, dtype=dtype, keepdims=keepdim)


def _var(x: Any, dim: Any = None, correction: Any = 1, keepdim: bool = False) -> jax.Array:
    return jnp.var(x, _axes(x, dim), ddof=1 if correction is None else correction, keepdims=keepdim)


def _var_dim(x: Any, dim: Any, unbiased: bool = True, keepdim: bool = False) -> jax.Array:
    return _var(x, dim, int(unbiased), keepdim)


def _root(var: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    return lambda *args, **kwargs: jnp.sqrt(var(*args, **kwargs))


def _extreme(arg: Callable[..., Any]) -> Callable[..., Any]:
    """The value is taken from its place: it alone has the gradient."""

    def both(x: Any, dim: int, keepdim: bool = False) -> tuple[jax.Array, jax.Array]:
        if not x.ndim:
            return x, jnp.zeros((), integer())
        at = arg(x, dim, keepdims=True)
        value = jnp.take_along_axis(x, at, dim)
        at = at.astype(integer())
        return (value, at) if keepdim else (value.squeeze(dim), at.squeeze(dim))

    return both


def _arg(arg: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, dim=None, keepdim=False: arg(x, dim, keepdims=keepdim).astype(integer())


def _some(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, dim=None, keepdim=False: function(x, _axes(x, dim), keepdims=keepdim)


def _norm(x: Any, p: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> jax.Array:
    x = floating(x) if dtype is None else x.astype(dtype)
    p = 2 if p is None else p
    axes = _axes(x, dim)
    if p == 0:
        return jnp.sum((x != 0).astype(x.dtype), axes, keepdims=keepdim)
    if abs(p) == float("inf"):
        return (jnp.max if p > 0 else jnp.min)(jnp.abs(x), axes, keepdims=keepdim)
    if p == 1:
        return jnp.sum(jnp.abs(x), axes, keepdims=keepdim)
    # The gradient at zero is zero, as torch's, not 0 / 0.
    if p == 2:
        total = jnp.sum(jnp.square(jnp.abs(x)), axes, keepdims=keepdim)
        safe = jnp.where(total == 0, 1, total)
        return jnp.where(total == 0, 0, jnp.sqrt(safe)).astype(x.dtype)
    size = jnp.abs(x)
    return jnp.sum(size**p, axes, keepdims=keepdim) ** (1 / p)


def _matrix_norm(
    x: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, dtype: Any = None
) -> jax.Array:
    x = floating(x) if dtype is None else x.astype(dtype)
    if ord == "fro":
        return _norm(x, 2, dim, keepdim)
    norm = jnp.linalg.norm(jnp.moveaxis(x, dim, (-2, -1)), ord, (-2, -1))
    return jnp.expand_dims(norm, sorted(d % x.ndim for d in dim)) if keepdim else norm


def _linalg_norm(
    x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> jax.Array:
    if ord is None or (dim is not None and len(dim) == 1) or x.ndim == 1:
        return _norm(x, 2 if ord is None else ord, dim, keepdim, dtype)
    return _matrix_norm(x, ord, (-2, -1) if dim is None else dim, keepdim, dtype)


def _cross(a: Any, b: Any, dim: int = -1) -> jax.Array:
    a, b = together(a, b)
    return jnp.cross(a, b, axis=dim)


def _aminmax(x: Any, dim: Any = None, keepdim: bool = False) -> tuple[jax.Array, jax.Array]:
    return jnp.min(x, dim, keepdims=keepdim), jnp.max(x, dim, keepdims=keepdim)


def _kth(x: Any, k: int, dim: int = -1, keepdim: bool = False) -> tuple[jax.Array, jax.Array]:
    if not x.ndim:
        return x, jnp.zeros((), integer())
    values, at = _sort(x, dim)
    chosen = [jax.lax.index_in_dim(a, k - 1, dim % x.ndim, keepdim) for a in (values, at)]
    return chosen[0], chosen[1]


def _median(x: Any, dim: int = -1, keepdim: bool = False) -> tuple[jax.Array, jax.Array]:
    """The lower one of the two in the middle; NaN where there is one."""
    if not x.ndim:
        return x, jnp.zeros((), integer())
    value, at = _kth(x, (x.shape[dim] + 1) // 2, dim, True)
    nan = jnp.isnan(x).any(dim, keepdims=True)
    first = jnp.argmax(jnp.isnan(x), dim, keepdims=True).astype(at.dtype)
    value, at = jnp.where(nan, jnp.nan, value).astype(x.dtype), jnp.where(nan, first, at)
    return (value, at) if keepdim else (value.squeeze(dim), at.squeeze(dim))


def _nanmedian(x: Any, dim: int = -1, keepdim: bool = False) -> tuple[jax.Array, jax.Array]:
    """The lower one of the two in the middle of what is no NaN."""
    if not x.ndim:
        return x, jnp.zeros((), integer())
    values, at = _sort(x, dim)  # NaN comes last
    count = jnp.sum(~jnp.isnan(x), dim, keepdims=True)
    middle = jnp.maximum(count - 1, 0) // 2
    chosen = [jnp.take_along_axis(a, middle, dim) for a in (values, at)]
    value, place = chosen if keepdim else (a.squeeze(dim) for a in chosen)
    return value, place


def _cumulative_extreme(function: Callable[..., Any]) -> Callable[..., Any]:
    """The values, taken from their places, and the places: of equal ones the last."""

    def along(x: Any, dim: int) -> tuple[jax.Array, jax.Array]:
        if not x.ndim:
            return x, jnp.zeros((), integer())
        axis = dim % x.ndim
        most = function(jax.lax.stop_gradient(x), axis)
        here = jnp.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - 1 - axis))
        at = jax.lax.cummax(jnp.where(x == most, here, 0), axis)
        return jnp.take_along_axis(x, at, axis), at.astype(integer())

    return along


def _cdist(a: Any, b: Any, p: float = 2.0, compute_mode: Any = None) -> jax.Array:
    return _norm(a[..., :, None, :] - b[..., None, :, :], p, -1)


def _pdist(x: Any, p: float = 2.0) -> jax.Array:
    rows, columns = np.triu_indices(x.shape[0], 1)
    return _norm(x[rows] - x[columns], p, -1)


def _cosine_similarity(a: Any, b: Any, dim: int = 1, eps: float = 1e-8) -> jax.Array:
    a, b = together(a, b)
    sizes = [jnp.maximum(_norm(x, 2, dim, True), eps) for x in (a, b)]
    return jnp.sum(a / sizes[0] * (b / sizes[1]), dim)


def _weight_norm(v: Any, g: Any, dim: int = 0) -> jax.Array:
    """torch.nn.utils.weight_norm: each slice of `v` along `dim` gets the length that `g` says."""
    axes = tuple(d for d in range(v.ndim) if d != dim)
    return v * (g / _norm(v, 2, axes, dim != -1))


def _cumulative(function: Callable[..., Any]) -> Callable[..., Any]:
    def along(x: Any, dim: int, dtype: Any = None) -> jax.Array:
        kind = dtype or (x.dtype if category(x.dtype) > 1 else integer())
        return function(x, dim, dtype=kind) if x.ndim else x.astype(kind)

    return along


def _topk(
    x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[jax.Array, jax.Array]:
    if not x.ndim:
        return x, jnp.zeros((), integer())
    at = jnp.argsort(x, dim, stable=True, descending=largest)
    at = jax.lax.slice_in_dim(at, 0, k, axis=dim % x.ndim)
    return jnp.take_along_axis(x, at, dim), at.astype(integer())


def _sort(x: Any, dim: int = -1, descending: bool = False) -> tuple[jax.Array, jax.Array]:
    if not x.ndim:
        return x, jnp.zeros((), integer())
    at = jnp.argsort(x, dim, stable=True, descending=descending)
    return jnp.take_along_axis(x, at, dim), at.astype(integer())


def _addmm(x: Any, a: Any, b: Any, beta: Any = 1, alpha: Any = 1) -> jax.Array:
    product = jnp.matmul(a, b)
    product = product if alpha == 1 else jnp.asarray(alpha, product.dtype) * product
    return product if beta == 0 else (x if beta == 1 else jnp.asarray(beta, x.dtype) * x) + product


def _einsum(equation: str, operands: tuple[Any, ...], path: Any = None) -> jax.Array:
    return jnp.einsum(equation.replace(" ", ""), *together(*operands))


def _logsumexp(x: Any, dim: Any, keepdim: bool = False) -> jax.Array:
    return jax.nn.logsumexp(floating(x), _axes(x, dim), keepdims=keepdim)


TABLE: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "sum.default": lambda x, dtype=None: _sum(x, dtype=dtype),
    "prod.default": lambda x, dtype=None: _prod(x, dtype=dtype),
    "prod.dim_int": _prod,
    "mean": _mean,
    "mean.default": lambda x, dtype=None: _mean(x, dtype=dtype),
    "var.default": lambda x, unbiased=True: _var(x, None, int(unbiased)),
    "var.dim": _var_dim,
    "var.correction": _var,
    "std.default": lambda x, unbiased=True: jnp.sqrt(_var(x, None, int(unbiased))),
    "std.dim": _root(_var_dim),
    "std.correction": _root(_var),
    "var_mean.default": lambda x, unbiased=True: (_var(x, None, int(unbiased)), _mean(x)),
    "var_mean.dim": lambda x, dim, unbiased=True, keepdim=False: (
        _var(x, dim, int(unbiased), keepdim),
        _mean(x, dim, keepdim),
    ),
    "var_mean.correction": lambda x, dim=None, correction=1, keepdim=False: (
        _var(x, dim, correction, keepdim),
        _mean(x, dim, keepdim),
    ),
    "std_mean.default": lambda x, unbiased=True: (jnp.sqrt(_var(x, None, int(unbiased))), _mean(x)),
    "std_mean.dim": lambda x, dim, unbiased=True, keepdim=False: (
        jnp.sqrt(_var(x, dim, int(unbiased), keepdim)),
        _mean(x, dim, keepdim),
    ),
    "std_mean.correction": lambda x, dim=None, correction=1, keepdim=False: (
        jnp.sqrt(_var(x, dim, correction, keepdim)),
        _mean(x, dim, keepdim),
    ),
    "aminmax": _aminmax,
    "amax": _some(jnp.max),
    "amin": _some(jnp.min),
    "max.default": jnp.max,
    "min.default": jnp.min,
    "max.dim": _extreme(jnp.argmax),
    "min.dim": _extreme(jnp.argmin),
    "argmax": _arg(jnp.argmax),
    "argmin": _arg(jnp.argmin),
    "any": _some(jnp.any),
    "all": _some(jnp.all),
    "cumsum": _cumulative(jnp.cumsum),
    "cumprod": _cumulative(jnp.cumprod),
    "logsumexp": _logsumexp,
    "logcumsumexp": lambda x, dim: jax.lax.cumlogsumexp(floating(x), dim % x.ndim) if x.ndim else floating(x),
    "cummax": _cumulative_extreme(jax.lax.cummax),
    "cummin": _cumulative_extreme(jax.lax.cummin),
    "kthvalue": _kth,
    "median.default": lambda x: _median(x.reshape(-1), 0)[0],
    "median.dim": _median,
    "nanmedian.default": lambda x: _nanmedian(x.reshape(-1), 0)[0],
    "nanmedian.dim": _nanmedian,
    "cdist": _cdist,
    "_cdist_forward": _cdist,
    "_pdist_forward": _pdist,
    "linalg_norm": _linalg_norm,
    "linalg_matrix_norm": _matrix_norm,
    "frobenius_norm": lambda x, dim=None, keepdim=False: _norm(x, 2, dim, keepdim),
    "linalg_cross": _cross,
    "kron": jnp.kron,
    "tensordot": lambda a, b, a_dims, b_dims: jnp.tensordot(a, b, (a_dims, b_dims)),
    "norm.Scalar": lambda x, p=2: _norm(x, p),
    "norm.ScalarOpt_dim": _norm,
    "linalg_vector_norm": _norm,
    "pairwise_distance": lambda a, b, p=2, eps=1e-6, keepdim=False: _norm(a - b + eps, p, -1, keepdim),
    "cosine_similarity": _cosine_similarity,
    "_weight_norm": _weight_norm,
    "topk": _topk,
    "sort.default": _sort,
    "sort.stable": lambda x, *, stable=True, dim=-1, descending=False: _sort(x, dim, descending),
    "argsort.stable": lambda x, *, stable=True, dim=-1, descending=False: _sort(x, dim, descending)[1],
    "argsort.default": lambda x, dim=-1, descending=False: _sort(x, dim, descending)[1],
    "matmul": jnp.matmul,
    "mm": jnp.matmul,
    "bmm": jnp.matmul,
    "mv": jnp.matmul,
    "dot": jnp.dot,
    "vdot": jnp.vdot,
    "outer": jnp.outer,
    "addmm": _addmm,
    "addmv": _addmm,
    "addbmm": lambda x, a, b, beta=1, alpha=1: _addmm(
        x, jnp.moveaxis(a, 0, 1).reshape(a.shape[1], -1), b.reshape(-1, b.shape[2]), beta, alpha
    ),
    "baddbmm": _addmm,
    "einsum": _einsum,
}
