"""LSTM, GRU and RNN and their cells of both fronts beside torch's modules."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
import parity

pytestmark = pytest.mark.share(3)

rng = np.random.default_rng(0)
X = rng.standard_normal((5, 2, 3)).astype(np.float32)
LAYERS = ["LSTM", "GRU", "RNN"]


def states(name, shape, hidden=4):
    h = rng.standard_normal((*shape, hidden)).astype(np.float32)
    return (h, h[::-1].copy()) if name == "LSTM" else h


def tensors(tree):
    return jax.tree.map(torch.from_numpy, tree)


class Called(nnx.Module):
    """A layer whose states are arguments of the network."""

    def __init__(self, layer):
        self.layer = layer

    def __call__(self, x, *hx):
        return self.layer(x, hx if len(hx) > 1 else hx[0])


class TorchCalled(torch.nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, *hx):
        return self.layer(x, hx if len(hx) > 1 else hx[0])


@pytest.mark.parametrize("name", [*LAYERS, *(f"{name}Cell" for name in LAYERS)])
@pytest.mark.parametrize("batched", [True, False], ids=["batched", "unbatched"])
def test_initial_states(name, batched):
    """Forward and backward, with respect to the states too."""
    lead = (2,) if batched else ()
    x = X if batched else X[:, 0]
    if name.endswith("Cell"):
        x, theirs, given = x[0], getattr(torch.nn, name)(3, 4), states(name[:-4], lead)
    else:
        theirs, given = getattr(torch.nn, name)(3, 4, 2, bidirectional=True), states(name, (4, *lead))
    arguments = (3, 4) if name.endswith("Cell") else (3, 4, 2)
    more = {} if name.endswith("Cell") else dict(bidirectional=True)
    ours = getattr(jaxconv, name)(*arguments, **more, rngs=nnx.Rngs(0))
    parity.check(TorchCalled(theirs), Called(ours), x, *jax.tree.leaves(given)).assert_ok()


@pytest.mark.parametrize("name", LAYERS)
def test_batch_first_without_a_batch(name):
    """torch puts the batch where `batch_first` has it, and takes it away again."""
    theirs = getattr(torch.nn, name)(3, 4, batch_first=True)
    ours = getattr(jaxconv, name)(3, 4, batch_first=True, rngs=nnx.Rngs(0))
    parity.check(theirs, ours, X[:, 0]).assert_ok()


@pytest.mark.parametrize("name", LAYERS)
def test_dropout(name):
    def make(**options):
        return getattr(jaxconv, name)(3, 4, 2, dropout=0.5, **options)

    layer = make(rngs=nnx.Rngs(0))
    a, b = layer(X)[0], layer(X)[0]
    assert (a != b).any()
    assert (layer(X, rngs=jax.random.key(1))[0] == layer(X, rngs=jax.random.key(1))[0]).all()
    still = layer(X, deterministic=True)[0]
    layer.eval()
    assert (layer(X)[0] == still).all() and (still != a).any()
    graph, state = nnx.split(layer)
    assert "dropout" not in " ".join(jaxconv.state_dict(nnx.merge(graph, state)))
    alone = make(rngs=nnx.Rngs(0))
    alone.rngs = None
    with pytest.raises(
        ValueError, match=rf"{name} needs `rngs` in training: {name}\(\.\.\., rngs=nnx.Rngs\(0\)\)"
    ):
        alone(X)

    thin = getattr(jaxconv.linen, name)(3, 4, 2, dropout=0.5)
    variables = thin.init({"params": jax.random.key(0), "dropout": jax.random.key(0)}, X)
    run = lambda seed: thin.apply(variables, X, rngs={"dropout": jax.random.key(seed)})[0]
    assert (run(0) == run(0)).all() and (run(0) != run(1)).any()
    same = jaxconv.load_state_dict(layer, jaxconv.state_dict(variables))
    quiet = thin.clone(deterministic=True)
    np.testing.assert_array_equal(quiet.apply(variables, X)[0], same(X)[0])


def test_dropout_of_one_layer_warns_as_torch_does():
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        torch.nn.LSTM(3, 4, dropout=0.5)
    with pytest.warns(UserWarning, match=r"`dropout` \(=0.5\) drops after all but the last layer"):
        layer = jaxconv.LSTM(3, 4, dropout=0.5, rngs=nnx.Rngs(0))
    assert (layer(X)[0] == layer(X)[0]).all()


def test_dtypes():
    layer = jaxconv.LSTM(3, 4, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    output, (h, c) = layer(X)
    assert layer.weight_ih_l0.dtype == jnp.float32 and {output.dtype, h.dtype, c.dtype} == {
        jnp.dtype("bfloat16")
    }
    layer = jaxconv.GRUCell(3, 4, param_dtype=jnp.float16, rngs=nnx.Rngs(0))
    assert layer(X[0].astype(np.float16)).dtype == jnp.float16 and layer(X[0]).dtype == jnp.float32


def test_initialisers_and_metadata_are_of_all_weights_and_all_biases():
    ones = jax.nn.initializers.ones
    layer = jaxconv.LSTM(
        3, 4, proj_size=2, bidirectional=True, weight_init=ones, bias_init=ones, weight_metadata={"tag": 1},
        rngs=nnx.Rngs(0),
    )  # fmt: skip
    held = jaxconv.state_dict(layer)
    assert len(held) == 10 and all((value == 1).all() for value in held.values())
    assert layer.weight_hr_l0_reverse.tag == 1 and not hasattr(layer.bias_ih_l0, "tag")


@pytest.mark.parametrize("wrap", [jax.jit, jax.checkpoint, lambda f: f])
def test_gradients_under_transformations_are_the_same_bits(wrap):
    layer = jaxconv.RNN(3, 4, 2, "relu", weight_init=whole, bias_init=whole, rngs=nnx.Rngs(0))
    graph, state = nnx.split(layer)
    x = np.round(4 * X)

    def loss(state, x):
        return jnp.sum(nnx.merge(graph, state)(x)[0])

    got = jax.grad(wrap(loss), argnums=(0, 1))(state, x)
    want = jax.grad(loss, argnums=(0, 1))(state, x)
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: (a == b).all() and (a != 0).any(), got, want)))


def whole(key, shape, dtype):
    """Integers: every sum is exact."""
    return jnp.round(jax.random.normal(key, shape)).astype(dtype)


BAD = {
    "input_size": (lambda m: m.LSTM(0, 4), ValueError, r"`input_size` \(=0\) must be positive"),
    "hidden_size": (lambda m: m.GRU(3, 4.0), TypeError, "`hidden_size` must be an int, got 4.0 of type float"),
    "num_layers": (lambda m: m.RNN(3, 4, 0), ValueError, r"`num_layers` \(=0\) must be positive"),
    "bias": (lambda m: m.LSTM(3, 4, bias=1), TypeError, "`bias` must be a bool, got 1 of type int"),
    "batch_first": (lambda m: m.LSTM(3, 4, batch_first=0), TypeError, "`batch_first` must be a bool"),
    "dropout": (lambda m: m.LSTM(3, 4, 2, dropout=2), ValueError, "`dropout` has to be between 0 and 1, but got 2"),
    "dropout type": (lambda m: m.LSTM(3, 4, 2, dropout=True), TypeError, r"`dropout` must be a number in \[0, 1\]"),
    "proj_size": (lambda m: m.LSTM(3, 4, proj_size=4), ValueError, r"`proj_size` \(=4\) has to be smaller than `hidden_size` \(=4\)"),
    "no proj_size": (lambda m: m.GRU(3, 4, proj_size=2), TypeError, "proj_size"),
    "nonlinearity": (lambda m: m.RNN(3, 4, nonlinearity="sigmoid"), ValueError, r"`nonlinearity` \(='sigmoid'\) must be one of"),
    "cell": (lambda m: m.LSTMCell(3, 0), ValueError, r"`hidden_size` \(=0\) must be positive"),
    "cell's nonlinearity": (lambda m: m.RNNCell(3, 4, nonlinearity=None), ValueError, r"`nonlinearity` \(=None\) must be one of"),
}  # fmt: skip


@pytest.mark.parametrize("front", [jaxconv.nn, jaxconv.linen])
@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_refused_at_construction(front, row):
    make, error, message = row
    with pytest.raises(error, match=message):
        make(front)


def test_bad_calls():
    layer, cell = jaxconv.LSTM(3, 4, rngs=nnx.Rngs(0)), jaxconv.GRUCell(3, 4, rngs=nnx.Rngs(0))
    h = np.zeros((1, 2, 4), np.float32)
    calls = [
        (lambda: layer(X[None]), r"LSTM: Expected input to be 2D or 3D, got `input` of shape \(1, 5, 2, 3\)"),
        (lambda: layer(X, h), r"LSTM expects `hx` to be a tuple \(h_0, c_0\)"),
        (lambda: layer(X, (h[:, 0], h)), r"For batched 3-D input, `hx` should also be 3-D but got shape \(1, 4\) of hx\[0\]"),
        (lambda: layer(X[:, 0], (h, h)), r"For unbatched 2-D input, `hx` should also be 2-D"),
        (lambda: cell(X), r"GRUCell: Expected input to be 1D or 2D, got `input` of shape \(5, 2, 3\)"),
        (lambda: cell(X[0], h), r"GRUCell: Expected `hx` to be 1D or 2D, got shape \(1, 2, 4\)"),
    ]  # fmt: skip
    for call, message in calls:
        with pytest.raises(ValueError, match=message):
            call()
