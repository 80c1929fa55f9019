"""torch's arguments in torch's order with torch's defaults: norms, linear maps and the dropout family."""

import inspect

import pytest
import torch
from flax import nnx

import jaxconv

LAYERS = [f"{kind}Norm{n}d" for kind in ("Batch", "Instance") for n in (1, 2, 3)]
LAYERS += ["GroupNorm", "LayerNorm", "RMSNorm", "LocalResponseNorm", "Linear", "Bilinear"]
LAYERS += ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]
LAYERS += ["Embedding", "EmbeddingBag", "LSTMCell", "GRUCell", "RNNCell"]
LAYERS += [name for name in vars(jaxconv.nn) if name.endswith("Loss")]
FUNCTIONS = [
    "batch_norm",
    "instance_norm",
    "group_norm",
    "layer_norm",
    "rms_norm",
    "local_response_norm",
    "normalize",
]
FUNCTIONS += ["embedding", "embedding_bag"]
FUNCTIONS += ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]
FUNCTIONS += [
    name
    for name in vars(jaxconv.functional)
    if name.endswith("_loss") or "entropy" in name or name == "kl_div"
]
FUNCTIONS = [name for name in FUNCTIONS if callable(getattr(jaxconv.functional, name))]


def positional(function, *without):
    parameters = [
        p for p in inspect.signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    return [(p.name, p.default) for p in parameters if p.name not in ("self", *without)]


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    expected = positional(getattr(torch.nn, name).__init__, "device", "dtype", "_weight", "_freeze")
    ours = getattr(jaxconv, name)
    assert positional(ours.__init__ if issubclass(ours, nnx.Module) else ours) == expected
    assert positional(getattr(jaxconv.linen, name), "parent", "name") == expected
    assert ours.__doc__.startswith(f"torch.nn.{name}: ")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    assert positional(getattr(jaxconv.functional, name)) == positional(
        getattr(torch.nn.functional, name), "out"
    )


@pytest.mark.parametrize("name", ["Embedding", "EmbeddingBag"])
def test_from_pretrained(name):
    ours, theirs = getattr(jaxconv, name).from_pretrained, getattr(torch.nn, name).from_pretrained
    assert positional(ours) == positional(theirs)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_recurrent_layers(name):
    """torch's constructors take *args: their order is RNNBase's, and that of RNN's documentation."""
    expected = positional(torch.nn.modules.rnn.RNNBase.__init__, "mode", "device", "dtype")
    if name != "LSTM":
        expected = [row for row in expected if row[0] != "proj_size"]
    if name == "RNN":
        expected.insert(3, ("nonlinearity", "tanh"))
    for layer in (getattr(jaxconv, name), getattr(jaxconv.linen, name)):
        assert positional(layer.__init__, "parent", "name") == expected
        assert layer.__doc__.startswith(f"torch.nn.{name}: ")


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
@pytest.mark.parametrize("cell", [False, True], ids=["layer", "cell"])
def test_recurrent_functions(name, cell):
    """torch's own are built in: ATen's schema has their arguments."""
    schema = getattr(torch.ops.aten, f"{name}_cell").default if cell else getattr(torch.ops.aten, name).input
    names = [argument.name for argument in schema._schema.arguments]
    ours = getattr(jaxconv.functional, f"{name}_cell" if cell else name)
    assert [argument for argument, _ in positional(ours)] == names
