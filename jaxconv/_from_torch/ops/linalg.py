"""ATen's decompositions and inverses of matrices."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.linalg import expm


def _no_problem(x: Any) -> jax.Array:
    """LAPACK's report on each matrix: no error. torch's check of it is left out; a failure shows as NaN."""
    return jnp.zeros(x.shape[:-2], jnp.int32)


def _adjoint(x: Any) -> jax.Array:
    return jnp.conj(jnp.swapaxes(x, -1, -2))


def _factors(x: Any) -> tuple[jax.Array, jax.Array]:
    lu, pivots, _ = lax.linalg.lu(x)
    return lu, pivots + 1


def _inverse(x: Any, check_errors: bool = False) -> tuple[jax.Array, jax.Array]:
    return jnp.linalg.inv(x), _no_problem(x)


def _is_vector(a: Any, b: Any) -> bool:
    """torch.linalg.solve's rule: a batch of vectors has the shape of the matrices without their last dimension."""
    return b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])


def _solve(a: Any, b: Any, left: bool = True, check_errors: bool = False) -> tuple[Any, ...]:
    vector = left and _is_vector(a, b)
    b = b[..., None] if vector else b
    if not left:
        a, b = jnp.swapaxes(a, -1, -2), jnp.swapaxes(b, -1, -2)
    x = jnp.linalg.solve(a, b)
    x = x if left else jnp.swapaxes(x, -1, -2)
    return (x[..., 0] if vector else x, *_factors(a), _no_problem(a))


def _cholesky(x: Any, upper: bool = False, check_errors: bool = False) -> tuple[jax.Array, jax.Array]:
    if upper:
        return _adjoint(jnp.linalg.cholesky(_adjoint(x), symmetrize_input=False)), _no_problem(x)
    # torch reads the lower triangle, and its gradient is that of a symmetric matrix.
    lower = jnp.linalg.cholesky(x, symmetrize_input=False)
    return lower, _no_problem(x)


def _triangular(
    a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False, adjoint: bool = False
) -> jax.Array:
    lead = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (jnp.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (a, b))
    return lax.linalg.triangular_solve(
        a,
        b,
        left_side=left,
        lower=not upper,
        transpose_a=adjoint,
        conjugate_a=adjoint,
        unit_diagonal=unitriangular,
    )


def _triangular_solve(
    b: Any, a: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[jax.Array, jax.Array]:
    a = jnp.swapaxes(a, -1, -2) if transpose else a
    return _triangular(a, b, upper=upper != transpose, unitriangular=unitriangular), a


def _cholesky_solve(b: Any, factor: Any, upper: bool = False) -> jax.Array:
    first = _triangular(factor, b, upper=upper, adjoint=upper)
    return _triangular(factor, first, upper=upper, adjoint=not upper)


def _cholesky_inverse(factor: Any, upper: bool = False) -> jax.Array:
    eye = jnp.broadcast_to(jnp.eye(factor.shape[-1], dtype=factor.dtype), factor.shape)
    return _cholesky_solve(eye, factor, upper)


def _svd(x: Any, full_matrices: bool = False, compute_uv: bool = True, driver: Any = None) -> tuple[Any, ...]:
    if compute_uv:
        return tuple(jnp.linalg.svd(x, full_matrices))
    return None, jnp.linalg.svd(x, compute_uv=False), None


def _eigh(x: Any, triangle: str = "L", compute_vectors: bool = True) -> tuple[Any, Any]:
    if not compute_vectors:
        return jnp.linalg.eigvalsh(x, triangle, symmetrize_input=False), None
    return tuple(jnp.linalg.eigh(x, triangle, symmetrize_input=False))


def _qr(x: Any, mode: str = "reduced") -> tuple[Any, ...]:
    if mode == "r":
        return jnp.zeros((0,), x.dtype), jnp.linalg.qr(x, "r")
    return tuple(jnp.linalg.qr(x, mode))


def _slogdet(x: Any) -> tuple[Any, ...]:
    return (*jnp.linalg.slogdet(x), *_factors(x))


def _unpacked(lu: Any, permutation: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
    """P, L and U."""
    m, n = lu.shape[-2:]
    k = min(m, n)
    lower = jnp.tril(lu[..., :, :k], -1) + jnp.eye(m, k, dtype=lu.dtype)
    p = jnp.swapaxes(jax.nn.one_hot(permutation, m, dtype=lu.dtype), -1, -2)
    return p, lower, jnp.triu(lu[..., :k, :])


def _lu(x: Any, pivot: bool = True) -> tuple[jax.Array, jax.Array, jax.Array]:
    lu, _, permutation = lax.linalg.lu(x)
    return _unpacked(lu, permutation)


def _lu_unpack(lu: Any, pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True) -> tuple[Any, ...]:
    return _unpacked(lu, lax.linalg.lu_pivots_to_permutation(pivots.astype(jnp.int32) - 1, lu.shape[-2]))


def _lu_solve(lu: Any, pivots: Any, b: Any, *, left: bool = True, adjoint: bool = False) -> jax.Array:
    p, lower, upper = _lu_unpack(lu, pivots)
    return _solve(_adjoint(p @ lower @ upper) if adjoint else p @ lower @ upper, b, left)[0]


def _pinv(x: Any, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> jax.Array:
    """Singular values up to max(atol, rtol * the largest) count as zero."""
    if hermitian:
        x = jnp.tril(x) + _adjoint(jnp.tril(x, -1))
    if rtol is None:
        rtol = max(x.shape[-2:]) * jnp.finfo(x.dtype).eps if atol is None else 0.0
    u, s, vh = jnp.linalg.svd(x, full_matrices=False)
    least = jnp.maximum(0.0 if atol is None else atol, rtol * s[..., 0])
    kept = s > jnp.asarray(least, s.dtype)[..., None]
    inverse = jnp.where(kept, 1 / jnp.where(kept, s, 1), 0).astype(x.dtype)
    return (_adjoint(vh) * inverse[..., None, :]) @ _adjoint(u)


def _lstsq(a: Any, b: Any, rcond: Any = None, driver: Any = None) -> tuple[Any, ...]:
    """The solution alone: torch's other results depend on the driver of LAPACK."""
    vector = _is_vector(a, b)
    x = jnp.linalg.pinv(a, rtol=rcond) @ (b[..., None] if vector else b)
    return x[..., 0] if vector else x, None, None, None


TABLE: dict[str, Callable[..., Any]] = {
    "linalg_inv_ex": _inverse,
    "_linalg_solve_ex": _solve,
    "linalg_cholesky_ex": _cholesky,
    "cholesky": lambda x, upper=False: _cholesky(x, upper)[0],
    "cholesky_solve": _cholesky_solve,
    "cholesky_inverse": _cholesky_inverse,
    "linalg_solve_triangular": _triangular,
    "triangular_solve": _triangular_solve,
    "_linalg_svd": _svd,
    "_linalg_eigh": _eigh,
    "linalg_eig": lambda x: tuple(jnp.linalg.eig(x)),
    "_linalg_eigvals": jnp.linalg.eigvals,
    "linalg_eigvals": jnp.linalg.eigvals,
    "linalg_qr": _qr,
    "_linalg_det": lambda x: (jnp.linalg.det(x), *_factors(x)),
    "_linalg_slogdet": _slogdet,
    "linalg_lu": _lu,
    "linalg_lu_factor_ex": lambda x, pivot=True, check_errors=False: (*_factors(x), _no_problem(x)),
    "lu_unpack": _lu_unpack,
    "linalg_lu_solve": _lu_solve,
    "linalg_lstsq": _lstsq,
    "linalg_pinv": _pinv,
    "pinverse": lambda x, rcond=1e-15: _pinv(x, rtol=rcond),
    "linalg_pinv.default": lambda x, rcond, hermitian=False: _pinv(x, rtol=rcond, hermitian=hermitian),
    "linalg_pinv.rcond_tensor": lambda x, rcond, hermitian=False: _pinv(x, rtol=rcond, hermitian=hermitian),
    "linalg_matrix_exp": expm,
    "linalg_householder_product": lax.linalg.householder_product,
}
