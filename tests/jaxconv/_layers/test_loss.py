"""torch.nn's losses in both fronts: results, buffers, state_dicts and refusals."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from every_layer import LAYERS, inputs
from flax import nnx

import jaxconv

LOSSES = [row for row in LAYERS if row[0].endswith("Loss")]


def torchs(name, arguments):
    given = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in arguments.items()}
    return getattr(torch.nn, name)(**given)


def functional(layer, arrays, weights):
    """What the layer's functional gives, which test_loss.py of the functionals holds against torch."""
    options = {name: value for name, value in layer._options().items() if name not in weights}
    return jax.jit(lambda arrays, weights: layer._function(*arrays, **weights, **options))(arrays, weights)


@pytest.mark.share(2)
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")  # kl_div's, in torch
@pytest.mark.parametrize(
    ("name", "shapes", "arguments"), LOSSES, ids=[f"{i}-{r[0]}" for i, r in enumerate(LOSSES)]
)
def test_both_fronts_are_the_functional_and_hold_what_torchs_holds(name, shapes, arguments):
    arrays = inputs(name, shapes)
    theirs = torchs(name, arguments)
    layer, linen = (getattr(place, name)(**arguments) for place in (jaxconv, jaxconv.linen))
    variables = linen.init(jax.random.key(0), *arrays)
    weights = {k: v for k, v in arguments.items() if isinstance(v, np.ndarray)}
    expected = functional(layer, arrays, weights)
    assert expected.shape == theirs(*map(torch.from_numpy, arrays)).shape
    np.testing.assert_array_equal(nnx.jit(lambda layer, *xs: layer(*xs))(layer, *arrays), expected)
    np.testing.assert_array_equal(jax.jit(linen.apply)(variables, *arrays), expected)
    assert list(jaxconv.state_dict(layer)) == list(theirs.state_dict()) == list(weights)
    assert list(jaxconv.state_dict(variables)) == list(weights)


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("BCELoss", 1),
        ("BCEWithLogitsLoss", 2),
        ("NLLLoss", 1),
        ("CrossEntropyLoss", 1),
        ("MultiMarginLoss", 1),
    ],
)
def test_weights_are_buffers_and_load(name, held):
    weights = {k: np.array([1.0, 2, 5], np.float32) for k in ("weight", "pos_weight")[:held]}
    theirs = getattr(torch.nn, name)(**{k: torch.from_numpy(w) for k, w in weights.items()})
    start = {k: np.ones(3, np.float32) for k in weights}
    layer = getattr(jaxconv, name)(**start)
    assert all(isinstance(getattr(layer, k), nnx.BatchStat) for k in weights)
    assert not jax.tree.leaves(nnx.state(layer, nnx.Param))
    loaded = jaxconv.load_state_dict(layer, theirs.state_dict())
    linen = getattr(jaxconv.linen, name)(**start)
    x = np.array([[0.1, 0.2, 0.6], [0.3, 0.5, 0.2]], np.float32)
    target = x[::-1].copy() if name.startswith("BCE") else np.array([2, 1])
    variables = linen.init(jax.random.key(0), x, target)
    assert set(variables) == {"batch_stats"}
    variables = jaxconv.load_state_dict(variables, theirs.state_dict())
    expected = functional(layer, (x, target), weights)
    assert expected != functional(layer, (x, target), start)
    np.testing.assert_array_equal(nnx.jit(lambda layer, *xs: layer(*xs))(loaded, x, target), expected)
    np.testing.assert_array_equal(jax.jit(linen.apply)(variables, x, target), expected)


def test_without_a_weight_nothing_is_held():
    x, target = np.ones((2, 3), np.float32), np.array([0, 2])
    assert not jax.tree.leaves(nnx.state(jaxconv.CrossEntropyLoss()))
    assert jaxconv.linen.CrossEntropyLoss().init(jax.random.key(0), x, target) == {}


def test_dtypes_follow_flax():
    x, target = jnp.ones((2, 3), jnp.bfloat16), np.array([0, 2])
    weight = np.ones(3, np.float32)
    assert jaxconv.CrossEntropyLoss()(x, target).dtype == jnp.bfloat16
    assert jaxconv.CrossEntropyLoss(weight)(x, target).dtype == jnp.float32
    assert jaxconv.CrossEntropyLoss(weight, dtype=jnp.bfloat16)(x, target).dtype == jnp.bfloat16


BAD = {
    "reduction": ("L1Loss", dict(reduction="x"), ValueError, r"`reduction` \(='x'\) is not a valid value"),
    "batchmean": ("MSELoss", dict(reduction="batchmean"), ValueError, "`reduction`"),
    "deprecated": ("CrossEntropyLoss", dict(size_average=True), ValueError, "use `reduction`"),
    "beta": ("SmoothL1Loss", dict(beta=-1.0), ValueError, r"`beta` \(=-1.0\) must be non-negative"),
    "delta": ("HuberLoss", dict(delta=0), ValueError, r"`delta` \(=0\) must be positive"),
    "margin": (
        "TripletMarginLoss",
        dict(margin=-1.0),
        ValueError,
        r"`margin` \(=-1.0\) must be greater than 0",
    ),
    "distance": (
        "TripletMarginWithDistanceLoss",
        dict(distance_function=1),
        TypeError,
        "must be callable, got 1",
    ),
    "distance margin": (
        "TripletMarginWithDistanceLoss",
        dict(margin=0),
        ValueError,
        "must be greater than 0",
    ),
    "p": ("MultiMarginLoss", dict(p=3), ValueError, r"`p` \(=3\) must be 1 or 2"),
    "weight rank": ("MultiMarginLoss", dict(weight=np.ones((2, 2))), ValueError, "must have one dimension"),
    "weight": (
        "NLLLoss",
        dict(weight=[1.0, 2.0]),
        TypeError,
        "`weight` must be an array, got a list: convert it with jnp.asarray",
    ),
    "weight_init": ("BCELoss", dict(weight_init=jax.nn.initializers.ones), ValueError, "has no parameters"),
    "smoothing": (
        "CrossEntropyLoss",
        dict(label_smoothing=2.0),
        ValueError,
        "`label_smoothing` .=2.0. must be",
    ),
    "ignore_index": ("NLLLoss", dict(ignore_index=0.5), TypeError, "`ignore_index` must be an int"),
    "flag": (
        "KLDivLoss",
        dict(log_target=np.ones(2)),
        TypeError,
        "`log_target` must be a bool, got an array",
    ),
}


@pytest.mark.parametrize("front", [jaxconv, jaxconv.linen], ids=["nnx", "linen"])
@pytest.mark.parametrize(("name", "arguments", "error", "message"), BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_refused_at_construction(front, name, arguments, error, message):
    with pytest.raises(error, match=message):
        getattr(front, name)(**arguments)


@pytest.mark.parametrize("name", sorted({row[0] for row in LOSSES}))
def test_keyword_only_arguments_are_torchs(name):
    def keywords(cls):
        parameters = inspect.signature(cls.__init__).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    assert keywords(getattr(torch.nn, name)).items() <= keywords(getattr(jaxconv, name)).items()
