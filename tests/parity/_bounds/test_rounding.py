import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jax import lax

from parity._bounds import rounding
from parity._bounds.tolerance import arithmetic

pytestmark = pytest.mark.share(2)

DTYPES = ["float32", "bfloat16", "float16"]


def results(function, arrays, dtype):
    """What is computed and what is bounded, of the function and of its gradients."""

    def run(cotangents, *arrays):
        y, vjp = jax.vjp(function, *arrays)
        return y, vjp(jax.tree.map(lambda c, y: c.astype(y.dtype), cotangents, y))

    rng = np.random.default_rng(0)
    arrays = [np.asarray(a).astype(dtype) for a in arrays]
    cotangents = jax.tree.map(
        lambda s: rng.standard_normal(s.shape).astype(dtype), jax.eval_shape(function, *arrays)
    )
    got = jax.tree.leaves(jax.jit(run)(cotangents, *arrays))
    numbers = jax.tree.leaves(rounding.analyse(run, (cotangents, *arrays), arithmetic(dtype)))
    return [np.asarray(g, np.float64) for g in got], numbers


def ratios(function, arrays, dtype="float32"):
    """|computed - float64| / bound for each output and gradient."""
    found = []
    for y, number in zip(*results(function, arrays, dtype), strict=True):
        assert np.isfinite(number.errors).all()
        difference = np.abs(y - number.value)
        assert not difference[number.errors == 0].any()
        found.append(np.where(difference == 0, 0, difference / np.where(number.errors > 0, number.errors, 1)))
    return found


def standardised(x, weight, eps=1e-5):
    centred = x - x.mean(-1, keepdims=True)
    return centred * lax.rsqrt((centred * centred).mean(-1, keepdims=True) + eps) * weight


def pooled(x):
    return lax.reduce_window(x, 0.0, lax.add, (2, 3), (1, 2), "SAME")


def highest(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (2, 3), (1, 2), "VALID")


def convolved(x, w):
    return lax.conv_general_dilated(
        x.reshape(2, 4, 8, 8), w[:48].reshape(4, 2, 2, 3), (2, 1), "SAME", feature_group_count=2
    )


X = np.random.default_rng(1).standard_normal((8, 64))
LAYERS = {
    "norm": (standardised, (X + 3, X[0])),
    "softmax": (jax.nn.softmax, (X * 5,)),
    "log_softmax": (jax.nn.log_softmax, (X * 5,)),
    "gelu": (lambda x: jax.nn.gelu(x, approximate=False), (X,)),
    "gelu-tanh": (jax.nn.gelu, (X,)),
    "mish": (jax.nn.mish, (X * 3,)),
    "hard_swish": (jax.nn.hard_swish, (X * 3,)),
    "selu": (jax.nn.selu, (X,)),
    "matmul": (lambda a, b: jnp.einsum("ij,kj->ik", a, b), (X, X[:3])),
    "conv": (convolved, (X, X[0])),
    "sum pool": (pooled, (X,)),
    "max pool": (highest, (X,)),
    "cumsum": (lambda x: jnp.cumsum(x, 1), (X,)),
    "prod": (lambda x: jnp.prod(x[:, :4], 1), (X,)),
    "gather": (lambda x: x[:, np.array([0, 3, 3, 5])] * 0.3, (X,)),
    "remat": (jax.checkpoint(lambda x: jnp.tanh(x) ** 3), (X,)),
    "scan": (lambda x: lax.scan(lambda c, v: (jnp.sin(c + v), c * v), x[0], x), (X[:4],)),
    "platform": (lambda x: lax.platform_dependent(x, cpu=jnp.exp, default=jnp.log), (X,)),
    "choice": (lambda x: jnp.where(x * 0.1 > 0.01, jnp.exp(x), x**2), (X,)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def test_no_correct_result_is_outside_and_the_bound_is_of_its_size(name, dtype):
    found = ratios(*LAYERS[name], dtype)
    assert all(r.max() <= 1 for r in found)
    assert any(r.max() > 1e-3 for r in found) or dtype != "float32"


UNARY = [
    jnp.exp,
    jnp.tanh,
    jnp.sin,
    jax.nn.sigmoid,
    jnp.square,
    jnp.abs,
    jnp.log1p,
    jax.nn.relu,
    jnp.sqrt,
    jnp.negative,
]
STEPS = st.one_of(
    st.tuples(st.just("unary"), st.integers(0, len(UNARY) - 1)),
    st.tuples(st.sampled_from(["add", "mul", "div", "max", "sub"]), st.integers(0, 9)),
    st.tuples(st.sampled_from(["mean", "centre", "roll", "dot", "cumsum", "halve"]), st.just(0)),
)


def composed(steps):
    def function(x):
        past = [x]
        for kind, which in steps:
            y, other = past[-1], past[which % len(past)]
            if kind == "unary":
                f = UNARY[which]
                y = (
                    f(jnp.abs(y) + 0.5)
                    if f in (jnp.log1p, jnp.sqrt)
                    else f(jnp.clip(y, -9, 9) if f is jnp.exp else y)
                )
            else:
                y = {
                    "add": lambda y=y, o=other: y + o,
                    "sub": lambda y=y, o=other: y - o,
                    "mul": lambda y=y, o=other: y * o,
                    "div": lambda y=y, o=other: y / (1 + o * o),
                    "max": lambda y=y, o=other: jnp.maximum(y, o),
                    "mean": lambda y=y: y.mean(0) + y,
                    "centre": lambda y=y: y - y.mean(),
                    "roll": lambda y=y: jnp.roll(y, 1, 0) * 0.7,
                    "dot": lambda y=y, o=other: y @ o.T @ o / 9,
                    "cumsum": lambda y=y: jnp.cumsum(y, 0),
                    "halve": lambda y=y: jnp.where(y > 0.3, y, 0.1 * y),
                }[kind]()
            past.append(y)
        return past[-1]

    return function


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=7), st.integers(0, 99))
@example([("centre", 0), ("mul", 1), ("mean", 0), ("unary", 8), ("div", 0)], 0)
def test_random_functions_stay_inside(steps, seed):
    x = np.random.default_rng(seed).standard_normal((3, 4)).astype(np.float32)
    function = composed(steps)
    number = rounding.analyse(function, (x,), arithmetic("float32"))
    y = np.asarray(jax.jit(function)(x), np.float64)
    # Not where the function itself is so steep that float32 says nothing.
    known = np.isfinite(number.errors) & np.isfinite(number.value)
    assert (np.abs(y - number.value) <= number.errors)[known].all()


MISTAKES = {
    "eps": (standardised, lambda x, w: standardised(x, w, 1e-3), (X, X[0])),
    "unbiased": (standardised, lambda x, w: standardised(x, w) * np.float32(63 / 64) ** 0.5, (X, X[0])),
    "gelu": (LAYERS["gelu"][0], jax.nn.gelu, (X,)),
    "momentum": (lambda a, b: 0.9 * a + 0.1 * b, lambda a, b: 0.1 * a + 0.9 * b, (X, X[::-1])),
    "slope": (lambda x: jnp.where(x > 0, x, 0.01 * x), lambda x: jnp.where(x > 0, x, 0.0100001 * x), (X,)),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_outside(name):
    right, wrong, arrays = MISTAKES[name]
    arrays = [a.astype(np.float32) for a in arrays]
    number = rounding.analyse(right, arrays, arithmetic("float32"))
    assert (np.abs(np.asarray(jax.jit(right)(*arrays)) - number.value) <= number.errors).all()
    assert (np.abs(np.asarray(jax.jit(wrong)(*arrays)) - number.value) > 2 * number.errors).any()


def test_what_is_moved_or_chosen_is_exact():
    x = X.astype(np.float32)
    moved = rounding.bounds(
        lambda x: (
            x.T,
            jnp.flip(x)[1:],
            jnp.maximum(x, 0),
            jnp.argmax(x, 1),
            highest(x),
            jnp.sort(x),
            x > 0,
            jnp.pad(x, 1),
        ),
        (x,),
        arithmetic("float32"),
    )
    assert moved == (None,) * 8


def test_small_integers_add_and_multiply_exactly():
    x = np.arange(-8, 8, dtype=np.float32)
    assert not rounding.bounds(lambda x: x * (x + 3) - 0.5 * x, (x,), arithmetic("float32")).any()


def test_whether_a_rounded_number_is_the_greater_is_known_where_it_is_far_from_the_other():
    x = np.asarray([-1, 1e-9, 1], np.float32)

    def gradient(x):
        return jax.grad(lambda x: jnp.maximum(x / 3 - 0.3 * 0, 0).sum())(x)

    assert rounding.bounds(gradient, (x,), arithmetic("float32")).max() < 1e-6
    uncertain = rounding.bounds(
        lambda x: jnp.where(jnp.exp(x) - 1 > 0, 1.0, -1.0), (x,), arithmetic("float32")
    )
    assert uncertain.tolist() == [0, 2, 0]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_arithmetic_rounds_every_step_to_the_output_s_format(dtype):
    x = X.astype(dtype)

    def f(x):
        return jnp.sum(x.astype(jnp.float32) ** 2, 1).astype(x.dtype)

    how = arithmetic(dtype)
    once, always = (rounding.bounds(f, (x,), h) for h in (how, how.narrow()))
    assert (always > 2 * once).all()


def test_constants_that_were_computed():
    table = np.linspace(0, 1, 64, dtype=np.float32)
    x = np.ones(64, np.float32)
    off = 1e-4
    assert (rounding.bounds(lambda x: x * table, (x,), arithmetic("float32"), off) >= off).all()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: lax.while_loop(lambda c: c.sum() * 0.1 < 3, lambda c: c + 0.3, x), "while on a rounded"),
        (lambda x: jnp.linalg.cholesky(x @ x.T + 1), "cholesky"),
        (lambda x: jnp.argmax(x * 0.1), "argmax of rounded"),
    ],
)
def test_unknown(function, words):
    with pytest.raises(rounding.UnknownPrimitive, match=f"no rounding bound is known for {words}"):
        rounding.bounds(function, (np.eye(3, dtype=np.float32),), arithmetic("float32"))


def test_works_without_64_bit_types():
    with jax.enable_x64(False):
        (found,) = jax.tree.leaves(
            rounding.analyse(lambda x: jnp.var(x, 1), (X.astype(np.float32),), arithmetic("float32"))
        )
    assert found.value.dtype == np.float64
    np.testing.assert_array_equal(
        found.value.round(3), X.astype(np.float32).astype(np.float64).var(1).round(3)
    )
