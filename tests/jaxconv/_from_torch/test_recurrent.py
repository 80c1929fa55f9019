"""Networks with recurrent layers and embeddings, converted: forward and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn

import jaxconv
import parity

rng = np.random.default_rng(0)
WORDS = rng.integers(0, 9, (3, 5))


class CRNN(nn.Module):
    """Reads a line of text: columns of a picture's features are a sequence (Shi et al. 2017)."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.lstm = nn.LSTM(4 * 4, 5, bidirectional=True)
        self.head = nn.Linear(10, 6)

    def forward(self, x):
        y = self.conv(x)
        columns = y.flatten(1, 2).permute(2, 0, 1)
        return self.head(self.lstm(columns)[0])


class Tagger(nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(9, 4, padding_idx=1)
        self.gru = nn.GRU(4, 3, 2, bidirectional=True, dropout=dropout, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.gru(self.words(x))[0])


class Decoder(nn.Module):
    """Cells in a loop, and a bag of words that the first state is."""

    def __init__(self):
        super().__init__()
        self.bag = nn.EmbeddingBag(9, 4, mode="max", padding_idx=0)
        self.first = nn.RNNCell(4, 4, nonlinearity="relu")
        self.lstm = nn.LSTMCell(4, 4)
        self.gru = nn.GRUCell(4, 4)

    def forward(self, words):
        h = self.bag(words)
        c = torch.zeros_like(h)
        for _ in range(2):
            h, c = self.lstm(self.first(h, c), (h, c))
            h = self.gru(h)
        return h


class Last(nn.Module):
    """Of a layer without a batch, the last states alone."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, proj_size=2)

    def forward(self, x):
        _, (h, c) = self.lstm(x)
        return h.sum() + c


NETWORKS = {
    "CRNN": (CRNN, rng.standard_normal((2, 1, 8, 12)).astype(np.float32)),
    "tagger": (Tagger, WORDS),
    "decoder": (Decoder, WORDS),
    "RNN": (lambda: nn.Sequential(nn.RNN(3, 4, nonlinearity="relu")), rng.standard_normal((5, 2, 3)).astype(np.float32)),
}  # fmt: skip


@pytest.mark.share(2)
@pytest.mark.parametrize("name", NETWORKS)
def test_forward_and_gradients_are_torchs(name):
    """Layer by layer and end to end, by derived bounds; the parameters keep torch's names."""
    make, x = NETWORKS[name]
    torch.manual_seed(0)
    network = make().eval()
    model = jaxconv.from_torch(network, torch.from_numpy(x))
    assert list(jaxconv.state_dict(model)) == list(network.state_dict())
    parity.check(network, model, x).assert_ok()


def test_without_a_batch_the_states_that_are_used():
    torch.manual_seed(0)
    network = Last()
    x = torch.randn(5, 3)
    model = jaxconv.from_torch(network, x)
    x = x.requires_grad_()
    y = network(x)
    np.testing.assert_array_max_ulp(np.asarray(model(x.detach().numpy())), y.detach().numpy(), 64)


def test_another_batch_size_and_export():
    torch.manual_seed(0)
    network = Tagger().eval()
    model = jaxconv.from_torch(network, torch.from_numpy(WORDS))
    more = np.concatenate([WORDS, WORDS[::-1], WORDS])
    parity.check(network, model, more).assert_ok()
    graph, state = nnx.split(model)
    shape = jax.ShapeDtypeStruct(jax.export.symbolic_shape("n, 5"), jnp.int64)
    function = jax.jit(lambda x: nnx.merge(graph, state)(x))
    assert jax.export.export(function)(shape).call(more).shape == function(more).shape == (9, 5, 2)


def test_dropout_between_layers():
    model = jaxconv.from_torch(Tagger(0.5), torch.from_numpy(WORDS), rngs=nnx.Rngs(0))
    assert (model(WORDS) != model(WORDS)).any()
    model.eval()
    assert (model(WORDS) == model(WORDS)).all()
    without = jaxconv.from_torch(Tagger(0.5), torch.from_numpy(WORDS))
    with pytest.raises(ValueError, match=r"gru draws random numbers in training mode: give from_torch `rngs"):
        without(WORDS)
    assert jaxconv.from_torch(Tagger(), torch.from_numpy(WORDS))(WORDS).shape == (3, 5, 2)  # nothing to draw


def test_max_norm_changes_the_parameter_as_in_torch():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Embedding(9, 4, max_norm=1.0))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    model = jaxconv.from_torch(network, torch.from_numpy(WORDS))
    np.testing.assert_array_equal(jaxconv.state_dict(model)["0.weight"], before["0.weight"].numpy())
    network(torch.from_numpy(WORDS))
    model(WORDS)
    held = np.asarray(jaxconv.state_dict(model)["0.weight"])
    # Four squares are added up, and their root divides.
    np.testing.assert_array_max_ulp(held, network[0].weight.detach().numpy(), 8)
    assert (held != before["0.weight"].numpy()).any()


def test_a_sparse_embedding_is_converted_with_a_dense_gradient():
    network = nn.Sequential(nn.Embedding(9, 4, sparse=True))
    model = jaxconv.from_torch(network, torch.from_numpy(WORDS))
    gradient = nnx.grad(lambda m: m(WORDS).sum())(model)
    network(torch.from_numpy(WORDS)).sum().backward()
    np.testing.assert_array_equal(jaxconv.state_dict(gradient)["0.weight"], network[0].weight.grad.to_dense())


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4)

    def forward(self, x):
        packed = nn.utils.rnn.pack_padded_sequence(x, [5, 3])
        return nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0])[0]


def test_packed_sequences_are_refused_with_a_remedy():
    with pytest.raises(
        ValueError, match=r"(?s)cannot trace Packed.*It packs sequences \(pack_padded_sequence\)"
    ):
        jaxconv.from_torch(Packed(), torch.ones(5, 2, 3))
