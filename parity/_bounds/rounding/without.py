"""Primitives of JAX that have no rounding bound, and why: a network with one of them is "not judged" there."""

_SPECIAL = "its error was not measured, and relative to the result it has no bound near zeros and poles"
_CONDITION = (
    "its error depends on the matrix's condition number, which no bound for each element follows from"
)
_DEVICES = "it exchanges numbers between devices, and a layer is judged on one"
_RANDOM = "it draws random numbers"
_NO_NUMBERS = "it carries no numbers"
_STATE = "it reads or writes a mutable array"

WITHOUT_A_RULE = {
    **dict.fromkeys(
        (
            "bessel_i0e", "bessel_i1e", "digamma", "igamma", "igamma_grad_a", "igammac", "lgamma", "polygamma",
            "regularized_incomplete_beta", "zeta",
        ),
        _SPECIAL,
    ),
    **dict.fromkeys(
        (
            "cholesky", "cholesky_update", "custom_linear_solve", "eig", "eigh", "hessenberg", "householder_product",
            "lu", "ormqr", "qr", "schur", "svd", "triangular_solve", "tridiagonal",
            "tridiagonal_solve",
        ),
        _CONDITION,
    ),
    **dict.fromkeys(
        (
            "all_gather", "all_gather_invariant", "all_to_all", "axis_index", "pmax", "pmin", "ppermute", "psum",
            "psum_invariant", "ragged_all_to_all", "reduce_scatter",
        ),
        _DEVICES,
    ),
    **dict.fromkeys(
        (
            "random_bits", "random_fold_in", "random_gamma", "random_seed", "random_split", "random_unwrap",
            "random_wrap", "rng_bit_generator", "rng_uniform",
        ),
        _RANDOM,
    ),
    **dict.fromkeys(("after_all", "create_token", "dce_sink", "empty2", "stage"), _NO_NUMBERS),
    **dict.fromkeys(("addupdate", "get", "swap"), _STATE),
    "symmetric_product": "only jax.lax.linalg.symmetric_product makes it, not a layer or a gradient",
    "custom_lin": "it is a step of differentiation that is gone before anything is computed",
    "select_and_scatter": "JAX's own derivatives use select_and_scatter_add, which has one",
}  # fmt: skip

INTEGERS_ONLY = {
    "clz", "lu_pivots_to_permutation", "mulhi", "population_count", "reduce_xor", "shift_left",
    "shift_right_arithmetic", "shift_right_logical", "threefry2x32",
}  # fmt: skip
"""Primitives that have integer operands and results only: JAX itself computes them, and exactly."""
