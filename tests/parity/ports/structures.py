"""Structures: dicts, dataclasses and named tuples of outputs, several inputs, integers and booleans."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import linen, nnx, struct

from .port import Lively, Port, give, layer, variables, write


class TorchTwo(Lively):
    """A body and two heads; `pack` makes the result of (logits, aux)."""

    def __init__(self, pack):
        super().__init__(body=torch.nn.Linear(6, 5), out=torch.nn.Linear(5, 4), aux=torch.nn.Linear(5, 3))
        self.pack = pack

    def forward(self, x):
        x = torch.tanh(self.body(x))
        return self.pack(self.out(x), self.aux(x))


class Two(nnx.Module):
    def __init__(self, state, wrong, pack):
        rngs = nnx.Rngs(0)
        self.body, self.out, self.aux = (nnx.Linear(*size, rngs=rngs) for size in ((6, 5), (5, 4), (5, 3)))
        self.pack = pack
        self.activation = jax.nn.hard_tanh if wrong else jnp.tanh
        give(self, state, body="body", out="out", aux="aux")

    def __call__(self, x):
        x = self.activation(self.body(x))
        return self.pack(self.out(x), self.aux(x))


@dataclass
class TorchOutput:
    logits: torch.Tensor
    aux: torch.Tensor


@struct.dataclass
class Output:
    logits: jax.Array
    aux: jax.Array


Named = namedtuple("Named", "logits aux")


def two(name, theirs, ours):
    return Port(name, lambda: TorchTwo(theirs), lambda state, wrong: Two(state, wrong, ours), ((4, 6),))


class TorchFilm(Lively):
    """An image and a vector."""

    def __init__(self):
        super().__init__(conv=torch.nn.Conv2d(3, 4, 3, padding=1), film=torch.nn.Linear(5, 8))

    def forward(self, x, z):
        scale, shift = self.film(z)[:, :, None, None].chunk(2, 1)
        return self.conv(x) * (1 + scale) + shift


class Film(linen.Module):
    one: float = 1.0

    @linen.compact
    def __call__(self, x, z):
        scale, shift = jnp.split(linen.Dense(8, name="film")(z)[:, None, None], 2, -1)
        return linen.Conv(4, (3, 3), name="conv")(x) * (self.one + scale) + shift


def film(state, wrong):
    return Film(0.0 if wrong else 1.0), variables(state, {"conv": "conv", "film": "film"})


class TorchWords(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.fc = torch.nn.Embedding(11, 6), torch.nn.Linear(6, 4)

    def forward(self, ids, mask=None):
        x = self.embed(ids)
        if mask is not None:
            x = x.masked_fill(~mask[..., None], 0)
        return self.fc(torch.tanh(x))


class Words(linen.Module):
    activation: object = jnp.tanh

    @linen.compact
    def __call__(self, ids, mask=None):
        x = linen.Embed(11, 6, name="embed")(ids)
        x = x if mask is None else jnp.where(mask[..., None], x, 0)
        return linen.Dense(4, name="fc")(self.activation(x))


def words(state, wrong):
    params = {"embed": {"embedding": jnp.asarray(state["embed.weight"])}}
    params["fc"] = jax.tree.map(jnp.asarray, layer(state, "fc"))
    return Words(jax.nn.hard_tanh if wrong else jnp.tanh), {"params": params}


class NnxWords(nnx.Module):
    def __init__(self, state, wrong):
        rngs = nnx.Rngs(0)
        self.embed, self.fc = nnx.Embed(11, 6, rngs=rngs), nnx.Linear(6, 4, rngs=rngs)
        write(self.embed.embedding, state["embed.weight"])
        give(self, state, fc="fc")
        self.wrong = wrong

    def __call__(self, ids, mask):
        x = self.embed(ids)
        return self.fc(jnp.tanh(x if self.wrong else jnp.where(mask[..., None], x, 0)))


def ids(rng):
    return (rng.integers(0, 11, (3, 7)),)


def ids_and_mask(rng):
    return rng.integers(0, 11, (3, 7)), rng.random((3, 7)) < 0.6


class TorchAttended(torch.nn.Module):
    """A floating input, and a boolean mask: True where attention may look."""

    def __init__(self):
        super().__init__()
        self.query, self.key = torch.nn.Linear(6, 6), torch.nn.Linear(6, 6)

    def forward(self, x, mask):
        scores = self.query(x) @ self.key(x).transpose(1, 2) / 6**0.5
        return torch.softmax(scores.masked_fill(~mask[:, None], float("-inf")), -1) @ x


class Attended(linen.Module):
    scale: float = 6**0.5

    @linen.compact
    def __call__(self, x, mask):
        q, k = linen.Dense(6, name="query")(x), linen.Dense(6, name="key")(x)
        scores = q @ k.swapaxes(1, 2) / self.scale
        return jax.nn.softmax(jnp.where(mask[:, None], scores, -jnp.inf), -1) @ x


def attended(state, wrong):
    return Attended(1.0 if wrong else 6**0.5), variables(state, {"query": "query", "key": "key"})


def rows_and_mask(rng):
    mask = rng.random((2, 5)) < 0.5
    mask[:, 0] = True
    return rng.standard_normal((2, 5, 6)).astype(np.float32), mask


PORTS = [
    two("dict outputs", lambda a, b: {"logits": a, "aux": b}, lambda a, b: {"logits": a, "aux": b}),
    two(
        "OrderedDict and dict outputs",
        lambda a, b: OrderedDict(out=a, aux=b),
        lambda a, b: {"out": a, "aux": b},
    ),
    two("OrderedDict outputs on both sides", lambda a, b: OrderedDict(out=a, aux=b), lambda a, b: OrderedDict(out=a, aux=b)),
    two("dataclass outputs", TorchOutput, Output),
    two("named tuples", Named, Named),
    two("nested outputs with None", lambda a, b: (a, {"aux": [b, None]}), lambda a, b: (a, {"aux": [b, None]})),
    two("argmax and a boolean output", lambda a, b: (a, b.argmax(-1), a > 0), lambda a, b: (a, b.argmax(-1), a > 0)),
    Port("an image and a vector", TorchFilm, film, ((2, 3, 8, 6), (2, 5)), last=True),
    Port("token ids", TorchWords, words, ids),
    Port("token ids and a boolean mask", TorchWords, NnxWords, ids_and_mask, narrow=True),
    Port("a floating input and a boolean mask", TorchAttended, attended, rows_and_mask),
]  # fmt: skip
