"""The losses, beyond torch's own samples: every argument, kinks, dtypes, refusals and transformations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import REFUSALS, Sample, check, check_samples

from jaxconv import functional as F

pytestmark = pytest.mark.share(3)

DTYPES = [np.float32, np.float64, jnp.bfloat16, np.float16]
REDUCTIONS = ("none", "mean", "sum")


def rng():
    return np.random.default_rng(11)


def draw(*shape):
    return rng().standard_normal(shape)


def share(*shape):
    """Numbers within (0, 1)."""
    return rng().uniform(0.05, 0.95, shape)


def probabilities(*shape):
    p = share(*shape)
    return p / p.sum(1, keepdims=True)


def sign(*shape):
    return np.where(rng().random(shape) > 0.5, 1.0, -1.0)


X, Y, W = draw(3, 4), draw(4, 3).T.copy(), share(3, 4)
LABELS = np.array([[3, 0, -1, 1], [1, 1, 2, -1], [-1, 0, 1, 2]])
TABLE = {
    "l1_loss": [((X, Y), {}), ((X, Y[:1]), {}), ((X, Y), dict(weight=W))],
    "mse_loss": [((X, Y), {}), ((X, Y[:, :1]), {}), ((X[:, :1], Y), {}), ((X, Y), dict(weight=W))],
    "smooth_l1_loss": [((X, Y), {}), ((X, Y[0]), dict(beta=0.3)), ((X, Y), dict(beta=0))],
    "huber_loss": [((X, Y), {}), ((X, Y[0]), dict(delta=0.3)), ((X, Y), dict(delta=2, weight=W))],
    "kl_div": [((X, W), {}), ((X, Y), dict(log_target=True)), ((X, W[:, :1]), {})],
    "binary_cross_entropy": [((share(3, 4), W), {}), ((share(3, 4), W), dict(weight=share(4)))],
    "binary_cross_entropy_with_logits": [
        ((X, W), {}),
        ((60 * X, W), dict(weight=share(3, 1), pos_weight=share(4) + 1)),
    ],
    "poisson_nll_loss": [
        ((X, 3 * W), {}),
        ((X, 3 * W), dict(full=True)),
        ((share(3, 4), W), dict(log_input=False, eps=1e-3)),
    ],
    "gaussian_nll_loss": [
        ((X, Y, share(3, 4)), dict(full=True)),
        ((X, Y, share(3, 1)), {}),
        ((X, Y, share(3)), dict(eps=0.5)),
    ],
    "soft_margin_loss": [((X, sign(3, 4)), {}), ((X, sign(4)), {})],
    "hinge_embedding_loss": [((X, sign(3, 4)), {}), ((X, sign(3, 4)), dict(margin=0.3))],
    "margin_ranking_loss": [((X, Y, sign(3, 4)), {}), ((X, Y[:1], sign(3, 1)), dict(margin=0.4))],
    "cosine_embedding_loss": [((X, Y, sign(3)), {}), ((X[0], Y[0], np.array(-1.0)), dict(margin=-0.7))],
    "triplet_margin_loss": [
        ((X, Y, draw(3, 4) + 0.1), dict(margin=5.0)),
        ((X, Y, X[::-1].copy()), dict(margin=3.0, p=3.0, swap=True)),
        ((X, Y, X[::-1].copy()), dict(margin=9.0, p=1)),
    ],
    "triplet_margin_with_distance_loss": [((X, Y, X[::-1].copy()), dict(swap=True, margin=4.0))],
    "multi_margin_loss": [
        ((X, np.array([0, 3, 1])), {}),
        ((X, np.array([0, 3, 1])), dict(p=2, margin=0.7, weight=share(4))),
        ((X[0], np.array(2)), {}),
        ((X[0], np.array([2])), {}),
    ],
    "multilabel_margin_loss": [((X, LABELS), {}), ((X[0], LABELS[0]), {})],
    "multilabel_soft_margin_loss": [((X, W.round()), {}), ((X, W), dict(weight=share(4)))],
    "nll_loss": [
        ((X, np.array([0, 3, 1])), {}),
        ((X, np.array([0, 3, 1], np.uint8)), dict(ignore_index=3)),
        ((X, np.array([0, -100, 1])), dict(weight=share(4))),
        ((X[0], np.array(2)), dict(weight=share(4))),
        ((draw(2, 4, 3), np.array([[0, 1, -7], [3, 3, 2]])), dict(ignore_index=-7, weight=share(4))),
        ((draw(2, 4, 1, 3, 2), np.arange(12).reshape(2, 1, 3, 2) % 4), {}),
    ],
    "cross_entropy": [
        ((X, np.array([0, 3, 1])), {}),
        ((300 * X, np.array([0, 3, 1])), {}),
        ((X, np.array([0, -100, 1])), dict(weight=share(4))),
        ((X, np.array([0, 3, 1])), dict(weight=share(4), label_smoothing=0.3, ignore_index=3)),
        ((X[0], np.array(2)), dict(label_smoothing=1.0)),
        ((X, np.array([0, 3, 1])), dict(label_smoothing=-0.1)),
        ((draw(2, 4, 3, 2), np.arange(12).reshape(2, 3, 2) % 4), dict(label_smoothing=0.1)),
        ((X, probabilities(3, 4)), {}),
        ((X[0], probabilities(1, 4)[0]), dict(label_smoothing=0.2, weight=share(4))),
        ((draw(2, 4, 3), probabilities(2, 4, 3)), dict(weight=share(4))),
    ],
}
ONLY_WIDE = {"multi_margin_loss", "multilabel_margin_loss"}
"""torch has no kernels for reduced precision on the CPU."""
# torch differentiates with respect to no weights of classes or probabilities.
CONSTANT = ("weight", "pos_weight")
SIGNS = {"soft_margin_loss"}
"""torch does not differentiate these with respect to their target."""


def names(function):
    return function.__code__.co_varnames[
        : function.__code__.co_argcount + function.__code__.co_kwonlyargcount
    ]


def cast(value, dtype):
    return value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def sample(name, positional, kwargs, dtype, reduction):
    given = dict(zip(names(getattr(F, name)), positional, strict=False))
    arrays = {k: cast(v, dtype) for k, v in (given | kwargs).items() if isinstance(v, np.ndarray)}
    rest = {k: v for k, v in kwargs.items() if k not in arrays} | {"reduction": reduction}
    wrt = tuple(
        k
        for k, v in arrays.items()
        if not (k in CONSTANT or (k == "target" and name in SIGNS)) and jnp.issubdtype(v.dtype, jnp.floating)
    )
    return Sample(
        lambda **a: getattr(torch.nn.functional, name)(**a, **rest),
        lambda **a: getattr(F, name)(**a, **rest),
        arrays,
        wrt,
        f"{name} {rest}",
    )


@pytest.mark.filterwarnings("ignore:.*is broadcast with `input`:UserWarning")
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: jnp.dtype(d).name)
@pytest.mark.parametrize("name", TABLE)
def test_every_argument(name, dtype):
    if name in ONLY_WIDE and jnp.dtype(dtype).itemsize < 4:
        pytest.skip("torch has no kernel for it on the CPU")
    if name == "multilabel_margin_loss" and dtype is np.float64:
        pytest.skip("torch's kernel takes no float64 whose rounding is imitated")
    table = [
        case for case in TABLE[name] if not (dtype is np.float16 and case[1].get("p") == 3)
    ]  # torch: NaN
    more = ("batchmean",) if name == "kl_div" else ()
    cases = [(*case, reduction) for case in table for reduction in (*REDUCTIONS, *more)]
    if dtype is not np.float32:
        cases = cases[:: 2 if len(cases) % 2 else 3]
    results = check_samples([sample(name, x, kw, dtype, r) for x, kw, r in cases], rng())
    assert all(verdicts is not None for verdicts in results)


def test_the_table_has_every_loss():
    public = {n for n in vars(F) if n.endswith("_loss")} & {n for n in vars(F) if callable(getattr(F, n))}
    assert public | {n for n in vars(F) if "entropy" in n or n == "kl_div"} == set(TABLE)


KINKS = {
    "l1_loss": ([0.0, 1, -1], [0.0, 0, 0], {}),
    "smooth_l1_loss": ([0.0, 1, -1, 0.5, np.inf], [0.0] * 5, {}),
    "huber_loss": ([0.0, 1, -1, 0.5, np.inf], [0.0] * 5, {}),
    "huber_loss of infinite delta": ([0.0, 1, -3], [0.0] * 3, dict(delta=float("inf"))),
    "binary_cross_entropy": ([0.0, 1, 0, 1, 1e-30], [0.0, 1, 1, 0, 1], {}),
    "binary_cross_entropy_with_logits": ([200.0, -200, 0], [0.0, 1, 0.5], {}),
    "kl_div": ([-1.0, -2, -3], [0.0, 0.5, 1], {}),
    "multi_margin_loss": ([[1.0, 0, 0], [1, 1, 1]], [0, 1], {}),
    "multilabel_margin_loss": ([[1.0, 0, 0], [1, 1, 1]], [[0, -1, 0], [1, 2, -1]], {}),
    "triplet_margin_loss": ([[1.0, 2]], [[1.0, 2]], [[1.0, 2]], dict(eps=0.0)),
    "triplet_margin_loss of p=1": ([[1.0, 2]], [[1.0, 3]], [[0.0, 2]], dict(eps=0.0, p=1.0, swap=True)),
    "triplet_margin_loss of p=inf": ([[1.0, 2]], [[5.0, 3]], [[0.5, 9]], dict(margin=9.0, p=float("inf"))),
    "gaussian_nll_loss": ([1.0, 2], [0.0, 3], [0.0, 1], {}),
    "nll_loss": ([[1.0, 2], [3, 4]], [-100, -100], {}),
    "cross_entropy": ([[1.0, 2], [3, 4]], [-100, -100], {}),
}


@pytest.mark.parametrize("case", KINKS)
def test_the_derivative_at_a_kink_is_torchs(case):
    *arrays, kwargs = KINKS[case]
    name = case.partition(" of ")[0]
    x, *rest = (np.array(a, np.float32 if isinstance(np.ravel(a)[0], float) else np.int64) for a in arrays)
    kwargs = kwargs | {"reduction": "sum"}  # a mean's division rounds
    tensor = torch.tensor(x, requires_grad=True)
    theirs = getattr(torch.nn.functional, name)(tensor, *map(torch.tensor, rest), **kwargs)
    (expected,) = torch.autograd.grad(theirs, tensor)
    got = jax.grad(lambda x: getattr(F, name)(x, *rest, **kwargs))(jnp.asarray(x))
    np.testing.assert_array_equal(got, expected.numpy())


def test_a_margin_that_is_just_kept_has_a_derivative():
    """torch.clamp's derivative at its bound was 1 up to torch 2.13 and is 0 since; away from it nothing differs."""
    x, target = np.array([1.0, 0, 2], np.float32), -np.ones(3, np.float32)
    tensor = torch.tensor(x, requires_grad=True)
    loss = torch.nn.functional.hinge_embedding_loss(tensor, torch.tensor(target), reduction="sum")
    (theirs,) = torch.autograd.grad(loss, tensor)
    got = jax.grad(lambda x: F.hinge_embedding_loss(x, target, reduction="sum"))(jnp.asarray(x))
    assert theirs[0] in (-1, 0) and theirs[1:].tolist() == [-1, 0]
    np.testing.assert_array_equal(got, [-1, -1, 0])
    other = np.array([1.0, 1, 1], np.float32)
    grad = jax.grad(lambda x: F.margin_ranking_loss(x, other, -target, reduction="sum"))(jnp.asarray(x))
    np.testing.assert_array_equal(grad, [-1, -1, 0])


def test_the_gradient_of_gaussian_nll_passes_through_the_least_variance():
    x, t, var = np.ones(3, np.float32), np.zeros(3, np.float32), np.array([0.0, 1e-9, 1], np.float32)
    check(
        lambda x, t, v: torch.nn.functional.gaussian_nll_loss(x, t, v, eps=0.5),
        lambda x, t, v: F.gaussian_nll_loss(x, t, v, eps=0.5),
        [x, t, var],
        rng=rng(),
    )


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_cross_entropy_of_any_shape_and_option(data):
    draws = data.draw
    batch = draws(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    classes = draws(st.integers(1, 5))
    local = np.random.default_rng(draws(st.integers(0, 99)))
    shape = (batch[0], classes, *batch[1:])
    target = local.integers(0, classes, batch)
    kwargs = {
        "reduction": draws(st.sampled_from(REDUCTIONS)),
        "label_smoothing": draws(st.sampled_from([0.0, 0.2, 1.0])),
        "ignore_index": draws(st.sampled_from([-100, 0, 1])),
    }
    arrays = {"input": local.standard_normal(shape), "target": target}
    if draws(st.booleans()):
        arrays["weight"] = local.uniform(0.5, 2, classes)
    check_samples(
        [
            Sample(
                lambda **a: torch.nn.functional.cross_entropy(**a, **kwargs),
                lambda **a: F.cross_entropy(**a, **kwargs),
                arrays,
                ("input",),
                str(kwargs),
            )
        ],
        local,
    )


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ["mse_loss", "kl_div", "nll_loss", "cross_entropy", "soft_margin_loss"])
def test_an_empty_batch(name, reduction):
    x = np.zeros((0, 3), np.float32)
    target = np.zeros(0, np.int64) if name in ("nll_loss", "cross_entropy") else x
    theirs = getattr(torch.nn.functional, name)(*map(torch.tensor, (x, target)), reduction=reduction)
    np.testing.assert_array_equal(getattr(F, name)(x, target, reduction=reduction), theirs.numpy())


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


INDICES = np.array([0, 1, 2])
REFUSED = {
    "reduction": ("mse_loss", (X, X), dict(reduction="average"), ValueError, r"`reduction` \(='average'\) is not a"),
    "reduction None": ("mse_loss", (X, X), dict(reduction=None), ValueError, r"`reduction` \(=None\)"),
    "batchmean": ("mse_loss", (X, X), dict(reduction="batchmean"), ValueError, "one of .'none', 'mean', 'sum'"),
    "shapes": ("mse_loss", (X, X[:2]), {}, ValueError, r"shapes \(3, 4\), \(2, 4\) do not broadcast"),
    "weight": ("mse_loss", (X, X), dict(weight=X[0]), ValueError, r"`weight` of shape \(4,\) must have the shape"),
    "integers": ("mse_loss", (INDICES, INDICES), {}, TypeError, "`input` of dtype int64 and `target` of int64"),
    "mean of integers": ("l1_loss", (INDICES, INDICES), {}, TypeError, "'mean' needs a floating loss, got int64"),
    "l1 bool": ("l1_loss", (X, X > 0), {}, TypeError, "not implemented for dtype bool"),
    "beta": ("smooth_l1_loss", (X, X), dict(beta=-1.0), ValueError, r"`beta` \(=-1.0\) must be non-negative"),
    "beta str": ("smooth_l1_loss", (X, X), dict(beta="1"), TypeError, "`beta` must be a number, got '1'"),
    "delta": ("huber_loss", (X, X), dict(delta=0), ValueError, r"`delta` \(=0\) must be positive"),
    "huber int": ("huber_loss", (INDICES, ones(3)), {}, TypeError, "`input` of dtype int64"),
    "kl int": ("kl_div", (ones(3), INDICES), {}, TypeError, '"kl_div" is not implemented for dtype int64'),
    "bce shape": ("binary_cross_entropy", (W, W[:1]), {}, ValueError, r"shape \(1, 4\) must have the shape \(3, 4\)"),
    "bce dtype": ("binary_cross_entropy", (W, W > 1), {}, TypeError, "`target` of dtype bool must have the dtype"),
    "bce weight": ("binary_cross_entropy", (W, W), dict(weight=ones(5, 3, 4)), ValueError, "`weight` of shape .5, 3, 4."),
    "logits int": ("binary_cross_entropy_with_logits", (X, INDICES), {}, TypeError, "for dtype int64"),
    "pos_weight": (
        "binary_cross_entropy_with_logits", (X, W), dict(pos_weight=ones(3)), ValueError, "`pos_weight` of shape .3,.",
    ),
    "nll dtype": ("nll_loss", (X, INDICES.astype(np.int8)), {}, TypeError, "int64 or int32 or uint8 .* got int8"),
    "nll uint8 with size": (
        "nll_loss", (X[:, :, None], INDICES.astype(np.uint8)[:, None]), {}, TypeError, "int64 or int32 .* got uint8",
    ),
    "nll float": ("nll_loss", (X, ones(3)), {}, TypeError, "got float32"),
    "nll shape": ("nll_loss", (X, INDICES[:2]), {}, ValueError, r"shape \(3,\) for `input` of shape \(3, 4\), but got \(2,\)"),
    "nll ()": ("nll_loss", (ones(), np.array(0)), {}, ValueError, "1 or more dimensions"),
    "nll no classes": ("nll_loss", (ones(3, 0), INDICES), {}, ValueError, "has no classes"),
    "nll input": ("nll_loss", (X.astype(int), INDICES), {}, TypeError, "not implemented for dtype int64"),
    "nll weight": ("nll_loss", (X, INDICES), dict(weight=ones(3, dtype=float)), ValueError, r"must have the shape \(4,\)"),
    "nll weight dtype": ("nll_loss", (X, INDICES), dict(weight=ones(4)), TypeError, "`weight` of dtype float32 must"),
    "ignore_index": ("nll_loss", (X, INDICES), dict(ignore_index=1.5), TypeError, "`ignore_index` must be an int, got 1.5"),
    "probabilities int": ("cross_entropy", (X, X.astype(int)), {}, TypeError, "must be class probabilities"),
    "probabilities ignore": ("cross_entropy", (X, W), dict(ignore_index=1), ValueError, "`ignore_index` .=1. is not"),
    "probabilities weight": ("cross_entropy", (X, W), dict(weight=ones(3)), ValueError, "one for each class"),
    "smoothing": ("cross_entropy", (X, INDICES), dict(label_smoothing=1.1), ValueError, "`label_smoothing` .=1.1. must"),
    "soft shape": ("soft_margin_loss", (X[:1], X), {}, ValueError, "does not broadcast to the shape"),
    "ranking rank": ("margin_ranking_loss", (X, X, ones(3)), {}, ValueError, "as many dimensions"),
    "ranking bool": ("margin_ranking_loss", (X > 0, X > 0, X), {}, TypeError, "dtype bool"),
    "hinge int": ("hinge_embedding_loss", (INDICES, INDICES), {}, TypeError, "dtype int64"),
    "cosine rank": ("cosine_embedding_loss", (X, X, ones(3, 1)), {}, ValueError, "expected `target` of shape"),
    "margin p": ("multi_margin_loss", (X, INDICES), dict(p=3), ValueError, r"`p` \(=3\) must be 1 or 2"),
    "margin dtype": ("multi_margin_loss", (X, INDICES.astype(np.int16)), {}, TypeError, "int64 or int32, but got int16"),
    "margin shape": ("multi_margin_loss", (X, INDICES[:2]), {}, ValueError, r"must have the shape \(3,\)"),
    "margin weight": ("multi_margin_loss", (X, INDICES), dict(weight=ones(3, dtype=float)), ValueError, "one for each class"),
    "margin rank": ("multi_margin_loss", (X[None], INDICES), {}, ValueError, r"\(C,\) or \(N, C\)"),
    "labels shape": ("multilabel_margin_loss", (X, INDICES), {}, ValueError, r"must have the shape \(3, 4\)"),
    "soft labels ()": ("multilabel_soft_margin_loss", (ones(), ones()), {}, ValueError, "a dimension of classes"),
    "variance": ("gaussian_nll_loss", (X, X, X[:, :3] ** 2), {}, ValueError, "is of incorrect size"),
    "variance < 0": ("gaussian_nll_loss", (X, X, -1.0), {}, ValueError, r"`var` \(=-1.0\) must not be negative"),
    "variance int": ("gaussian_nll_loss", (X, X, 1), {}, TypeError, "`var` must be an array"),
    "triplet margin": ("triplet_margin_loss", (X, X, X), dict(margin=0), ValueError, r"`margin` \(=0\) must be greater"),
    "triplet rank": ("triplet_margin_loss", (X, X[0], X), {}, ValueError, "as many dimensions"),
    "distance": (
        "triplet_margin_with_distance_loss", (X, X, X), dict(distance_function=3), TypeError, "must be callable",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using a target size", "ignore:reduction. 'mean' divides")
@pytest.mark.parametrize(
    ("name", "arrays", "kwargs", "error", "message"), REFUSED.values(), ids=REFUSED.keys()
)
def test_both_refuse(name, arrays, kwargs, error, message):
    def tensor(value):
        return torch.from_numpy(value) if isinstance(value, np.ndarray) else value

    if name != "hinge_embedding_loss":  # torch: only its mean
        kwargs_of_torch = {k: tensor(v) for k, v in kwargs.items()}
        with pytest.raises(REFUSALS):
            getattr(torch.nn.functional, name)(*map(tensor, arrays), **kwargs_of_torch)
    with pytest.raises(error, match=message):
        getattr(F, name)(*arrays, **kwargs)


@pytest.mark.parametrize("name", ["mse_loss", "cross_entropy", "binary_cross_entropy", "triplet_margin_loss"])
@pytest.mark.parametrize("argument", ["size_average", "reduce"])
def test_what_torch_deprecated_is_refused(name, argument):
    arrays = [X, X, X][: 3 if "triplet" in name else 2]
    with pytest.raises(ValueError, match=rf"`{argument}` \(=True\) is deprecated .* use `reduction`"):
        getattr(F, name)(*arrays, **{argument: True})


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_a_target_that_is_broadcast_warns(name):
    with pytest.warns(UserWarning, match=r"target size .*torch.Size\(\[1, 4\]\)"):
        getattr(torch.nn.functional, name)(*map(torch.from_numpy, (X, Y[:1])))
    with pytest.warns(UserWarning, match=rf"{name}: `target` of shape \(1, 4\) is broadcast") as caught:
        getattr(F, name)(X, Y[:1])
    assert caught[0].filename == __file__


def test_complex_and_integer_l1():
    z = X + 1j * Y
    check(torch.nn.functional.l1_loss, F.l1_loss, [z, 0.5 - z[::-1]], rng=rng())
    for r in ("none", "sum"):
        theirs = torch.nn.functional.l1_loss(
            torch.tensor(INDICES), torch.tensor(INDICES[::-1].copy()), reduction=r
        )
        got = F.l1_loss(INDICES, INDICES[::-1], reduction=r)
        np.testing.assert_array_equal(got, theirs.numpy())
        assert str(got.dtype) == str(theirs.dtype)[6:]


@pytest.mark.filterwarnings("ignore:.*is broadcast with `input`:UserWarning")
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("name", TABLE)
def test_transformations(name):
    """A vectorised, rematerialised and compiled loss is torch's, sample by sample."""
    (x, *rest), kwargs = TABLE[name][0]
    others = names(getattr(F, name))[1:]
    given = {k: cast(v, np.float32) for k, v in zip(others, rest, strict=False)}
    given |= {k: cast(v, np.float32) for k, v in kwargs.items() if isinstance(v, np.ndarray)}
    options = {k: v for k, v in kwargs.items() if k not in given}

    def theirs(xs, **arrays):
        return torch.stack([getattr(torch.nn.functional, name)(x, **arrays, **options) for x in xs])

    def ours(xs, **arrays):
        loss = jax.checkpoint(lambda x: getattr(F, name)(x, **arrays, **options))
        return jax.jit(jax.vmap(loss))(xs)

    xs = np.stack([cast(x, np.float32) * factor for factor in (1, 0.5, 0.25)])
    check_samples([Sample(theirs, ours, {"xs": xs, **given}, ("xs",), name)], rng())
