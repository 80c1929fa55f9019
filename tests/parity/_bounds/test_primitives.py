"""Every primitive of the installed JAX has a rounding bound, or a line that says why not; every bound holds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.ad_checkpoint import checkpoint_name

import jaxconv
from parity._bounds import jax_internals as internals
from parity._bounds import rounding
from parity._bounds.rounding import interpret, movement
from parity._bounds.rounding.elementwise import FUNCTIONS
from parity._bounds.rounding.number import RULES
from parity._bounds.rounding.without import INTEGERS_ONLY, WITHOUT_A_RULE
from parity._bounds.tolerance import arithmetic

pytestmark = pytest.mark.share(2)

CALLS = {"call", "closed_call", "custom_jvp_call", "custom_vjp_call", "eval_jaxpr", "jit", "remat2"}
"""Primitives that call a function once: its equations are judged."""


def test_every_primitive_of_this_jax_has_a_rule_or_a_reason():
    known = set(RULES) | set(interpret.CONTROL) | movement.PICKS | INTEGERS_ONLY | set(WITHOUT_A_RULE) | CALLS
    assert len(internals.known_primitives()) > 100
    assert sorted(set(internals.known_primitives()) - known) == [], (
        "give each a rule in parity/rounding, or a line in parity/rounding/without.py that says why it has none"
    )


def test_no_primitive_has_a_rule_and_a_reason_why_not():
    assert not set(WITHOUT_A_RULE) & (set(RULES) | movement.PICKS | INTEGERS_ONLY)


RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 6)).astype(np.float32)
Y = RNG.standard_normal((4, 6)).astype(np.float32)
UNIT = RNG.uniform(-0.9, 0.9, (4, 6)).astype(np.float32)
POSITIVE = RNG.uniform(0.5, 3, (4, 6)).astype(np.float32)
COMPLEX = (X + 1j * Y).astype(np.complex64)
IMAGE = RNG.standard_normal((1, 4, 6, 6)).astype(np.float32)
WHERE = np.array([[1], [3], [1]])
SCATTER = lax.ScatterDimensionNumbers((1,), (0,), (0,))


def scattered(function):
    return lambda x, u: function(x, WHERE, u, SCATTER)


def rounded_before(function):
    """The function of a number that has an error of its own."""
    return lambda x: function(x * np.float32(1.1))


ARGUMENTS = {"acosh": POSITIVE + 1, "log": POSITIVE, "log2": POSITIVE, "rsqrt": POSITIVE, "sqrt": POSITIVE}
ELEMENTARY = {
    f"{name} rounded": (rounded_before(getattr(lax, name)), (ARGUMENTS.get(name, UNIT),))
    for name in FUNCTIONS
    if hasattr(lax, name)
}
MOVED = {
    "concatenate": (lambda x, y: lax.concatenate([x / 3, y], 0), (X, Y)),
    "stack": (lambda x, y: jnp.stack([x / 3, y]), (X, Y)),
    "unstack": (lambda x: jnp.unstack(x / 3), (X,)),
    "split": (lambda x: lax.split(x / 3, (1, 3)), (X,)),
    "pad": (lambda x: lax.pad(x / 3, np.float32(1), ((1, -1, 0), (0, 2, 1))), (X,)),
    "iota": (lambda x: x / 3 + lax.iota(np.float32, 6), (X,)),
    "tile": (lambda x: jnp.tile(x / 3, (2, 1)), (X,)),
    "reverse": (lambda x: lax.rev(x / 3, (0,)), (X,)),
    "reduce_max": (lambda x: ((x / 3).max(0), (x / 3).min(1)), (X,)),
    "cummax": (lambda x: (lax.cummax(x / 3, 1), lax.cummin(x / 3, 1, reverse=True)), (X,)),
    "squeeze": (lambda x: jnp.squeeze(jnp.expand_dims((x / 3).T, 0), 0), (X,)),
    "slice": (lambda x: (x / 3)[1:, ::2], (X,)),
    "dynamic_slice": (lambda x: lax.dynamic_slice(x / 3, (1, 2), (2, 2)), (X,)),
    "dynamic_update_slice": (lambda x, y: lax.dynamic_update_slice(x / 3, y[:2, :2], (1, 2)), (X, Y)),
    "gather": (lambda x: (x / 3)[np.array([0, 2, 2])], (X,)),
    "scatter": (lambda x, y: (x / 3).at[np.array([0, 2])].set(y[:2]), (X, Y)),
    "sort": (lambda x: lax.sort(x / 3), (X,)),
    "barrier": (lambda x: lax.optimization_barrier(x / 3), (X,)),
    "device_put": (lambda x: jax.device_put(x / 3), (X,)),
    "copy": (lambda x: jnp.copy(x / 3), (X,)),
    "name": (lambda x: checkpoint_name(x / 3, "third"), (X,)),
    "window": (lambda x: lax.reduce_window(x / 3, -jnp.inf, lax.max, (2, 2), (1, 1), "SAME"), (X,)),
    "window min": (lambda x: lax.reduce_window(x / 3, jnp.inf, lax.min, (2, 2), (1, 1), "SAME"), (X,)),
    "bits": (lambda x: lax.bitcast_convert_type(x, np.uint32) >> np.uint32(3), (X,)),
    "top_k": (lambda x: lax.top_k(x, 2), (X,)),
    "argmax": (lambda x: (lax.argmax(x, 1, np.int32), lax.argmin(x, 1, np.int32)), (X,)),
    "nextafter": (lambda x: lax.nextafter(x, np.float32(9) + 0 * x), (X,)),
}
CHOSEN = {
    "compare": (lambda x, y: [x / 3 > y, x / 3 >= y, x / 3 < y, x / 3 <= y, x / 3 == y, x / 3 != y], (X, Y)),
    "logic": (lambda x: ((x > 0) & (x < 1)) | ~(x > 0) ^ (x < -1), (X,)),
    "reduce logic": (lambda x: ((x > 0).all(0), (x > 0).any(1)), (X,)),
    "select": (lambda x, y: lax.select_n(x > 0, x / 3, y), (X, Y)),
    "finite": (lambda x: lax.is_finite(x / 3), (X,)),
    "clamp": (lambda x: lax.clamp(np.float32(-0.1), x / 3, np.float32(0.1)), (X,)),
    "extremes": (lambda x, y: (lax.max(x / 3, y), lax.min(x / 3, y)), (X, Y)),
}
COMPUTED = {
    "arithmetic": (lambda x, y: (x + y, x - y, x * y, x / y, -x, abs(x)), (X, Y)),
    "remainder": (lambda x, y: lax.rem(x, y), (X, POSITIVE)),
    "powers": (lambda x: (x**3, x**-2, lax.square(x), lax.pow(abs(x), np.float32(1.5))), (X,)),
    "angle": (lambda x, y: lax.atan2(x, y), (X, POSITIVE)),
    "steps": (lambda x: (jnp.floor(x), jnp.ceil(x), jnp.round(x), jnp.sign(x)), (X,)),
    "complex": (lambda x, y: lax.complex(x / 3, y) * lax.complex(y, x), (X, Y)),
    "parts": (lambda z: (lax.real(z / 3), lax.imag(z / 3), lax.conj(z / 3), abs(z)), (COMPLEX,)),
    "precision": (lambda x: lax.reduce_precision(x / 3, 8, 23), (X,)),
    "conversion": (lambda x: (x.astype(jnp.int32), (x / 3).astype(jnp.complex64), (x > 0) + x), (X,)),
    "sums": (lambda x: (x.sum(1), lax.cumsum(x, 1), x.prod(1), lax.cumprod(x, 1, reverse=True)), (X,)),
    "window sum": (lambda x: lax.reduce_window(x, np.float32(0), lax.add, (2, 3), (1, 1), "SAME"), (X,)),
    "dot": (lambda x, y: x @ y.T, (X, Y)),
    "convolution": (lambda x: lax.conv(x, x[0, :, None, :3, :3].repeat(4, 1), (1, 1), "SAME"), (IMAGE,)),
    "our convolution": (
        lambda x: jaxconv.functional.conv2d(x, x[0, :, None, :3, :3], groups=4, padding=1),
        (IMAGE,),
    ),
    "max pool gradient": (
        jax.grad(lambda x: (lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (2, 2), "VALID") ** 2).sum()),
        (X,),
    ),
    "scatter add": (scattered(lax.scatter_add), (X, Y[:3])),
    "scatter sub": (scattered(lax.scatter_sub), (X, Y[:3])),
    "scatter mul": (scattered(lax.scatter_mul), (X, Y[:3])),
    "scatter max": (scattered(lambda x, *rest: lax.scatter_max(x / 3, *rest)), (X, Y[:3])),
    "scatter min": (scattered(lambda x, *rest: lax.scatter_min(x / 3, *rest)), (X, Y[:3])),
    "tanh gradient": (jax.grad(lambda x: jnp.tanh(x).sum()), (X,)),
    "gelu gradient": (jax.grad(lambda x: jax.nn.gelu(x / 3, approximate=False).sum()), (X,)),
    "erfc gradient": (jax.grad(lambda x: lax.erfc(x / 3).sum()), (X,)),
    "log2": (jnp.log2, (POSITIVE,)),
    "polynomial": (lambda x: jnp.polyval(x[0, :3], x / 3), (X,)),
    "logcumsumexp": (lambda x: lax.cumlogsumexp(x * 3, 1), (X,)),
    "logcumsumexp reversed": (lambda x: lax.cumlogsumexp(x / 3, 0, reverse=True), (X,)),
    "logcumsumexp masked": (lambda x: lax.cumlogsumexp(jnp.where(x > 1, -jnp.inf, x / 3), 1), (X,)),
    "logcumsumexp of nothing": (
        lambda x: lax.cumlogsumexp(jnp.concatenate([jnp.full((4, 2), -jnp.inf, x.dtype), x], 1), 1),
        (X,),
    ),
    "scan": (lambda x: lax.scan(lambda c, v: (jnp.sin(c + v + x[0]), c * v), x[0], x), (X,)),
    "scan reversed": (lambda x: lax.scan(lambda c, v: (c * 0.3 + v, c), x[0], x, reverse=True), (X,)),
    "scan gradient": (jax.grad(lambda x: lax.scan(lambda c, v: (jnp.sin(c * v), c), x[0], x)[0].sum()), (X,)),
    "while": (
        lambda x: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * x / 3), (0, x))[1],
        (X,),
    ),
    "cond": (lambda x: lax.cond(x[0, 0] > 9, jnp.sin, lambda x: x / 3, x), (X,)),
    "platform": (lambda x: lax.platform_dependent(x, cpu=jnp.exp, default=jnp.log), (UNIT,)),
    "remat": (jax.grad(lambda x: jax.checkpoint(lambda x: jnp.sin(x) ** 2)(x).sum()), (X,)),
}
EXAMPLES = ELEMENTARY | MOVED | CHOSEN | COMPUTED
FFT = {
    f"{kind} {n}": (lambda x, kind=kind: getattr(jnp.fft, kind)(x / 3), (a,))
    for n in (1, 8, 12, 13, 30, 97, 128)
    for kind, a in {
        "fft": (RNG.standard_normal((3, n)) + 1j * RNG.standard_normal((3, n))).astype(np.complex64),
        "ifft": (RNG.standard_normal((3, n)) + 1j * RNG.standard_normal((3, n))).astype(np.complex64),
        "rfft": RNG.standard_normal((3, n)).astype(np.float32),
        "irfft": (RNG.standard_normal((3, n + 1)) + 1j).astype(np.complex64),
        "fft2": (RNG.standard_normal((4, n)) + 1j).astype(np.complex64),
    }.items()
}
EXAMPLES |= FFT


def used(jaxpr):
    """The primitives of a jaxpr and of every jaxpr in it."""
    for eqn in jaxpr.eqns:
        yield eqn.primitive.name
        for inner in internals.inner_jaxprs(eqn):
            yield from used(inner)


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_computed_is_inside_the_bound_and_the_bound_is_of_its_size(name):
    function, arrays = EXAMPLES[name]
    with jax.enable_x64(False):
        got = jax.tree.leaves(jax.jit(function)(*arrays))
        numbers = jax.tree.leaves(rounding.analyse(function, arrays, arithmetic("float32")))
    assert len(got) == len(numbers) > 0
    for y, number in zip(got, numbers, strict=True):
        y = np.asarray(y).astype(number.value.dtype)
        if number.value.dtype.kind in "biu":
            assert ((y == number.value) | number.errors).all()
            continue
        with np.errstate(invalid="ignore"):  # inf - inf
            difference = np.where(y == number.value, 0, y - number.value)
        off = np.maximum(np.abs(difference.real), np.abs(difference.imag))
        assert (off <= number.errors).all()
        # Of a size that rounding has: a fault in the third digit is outside.
        assert number.errors.max() <= 1e-3 * max(np.abs(number.value[np.isfinite(number.value)]).max(), 1)


def test_every_rule_has_an_example():
    """A rule reads a primitive's parameters by name: on a JAX that calls them otherwise its example fails."""
    seen = set()
    for function, arrays in EXAMPLES.values():
        with jax.enable_x64(False):
            seen |= set(used(internals.opened(jax.make_jaxpr(function)(*arrays))[0]))
    here = set(internals.known_primitives())
    assert sorted((set(RULES) | set(interpret.CONTROL) | movement.PICKS) & here - seen - NOT_TRACED) == []


NOT_TRACED = {
    # jax.lax functions of the JAX that have them, but which nothing public traces to
    "add_any", "approx_top_k", "copy_p", "eq_to", "le_to", "lt_to", "reduce", "reduce_window",
    "select_and_gather_add", "sharding_constraint", "stop_gradient", "expand_dims",
}  # fmt: skip


def test_a_primitive_without_a_rule_says_why():
    with pytest.raises(
        rounding.UnknownPrimitive, match=r"cholesky .*its error depends on the matrix's condition"
    ):
        rounding.bounds(lambda x: jnp.linalg.cholesky(x @ x.T + 1), (X[:, :4],), arithmetic("float32"))
