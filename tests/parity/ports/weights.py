"""Other shapes of torch's weights: attention, recurrent layers, patches, folded normalisations, loose parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import linen, nnx

from .port import Lively, Port, give, kernel, layer, write

HEADS, WIDTH = 2, 6
SIZE = WIDTH // HEADS


class TorchPacked(torch.nn.Module):
    """`nn.MultiheadAttention`, whose in_proj_weight packs q, k and v."""

    def __init__(self):
        super().__init__()
        self.attn = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.fc = torch.nn.Linear(WIDTH, 4)
        torch.nn.init.normal_(self.attn.in_proj_bias)
        torch.nn.init.normal_(self.attn.out_proj.bias)

    def forward(self, x):
        return self.fc(self.attn(x, x, x, need_weights=False)[0])


class TorchQkv(torch.nn.Module):
    """timm's attention: one linear layer for q, k and v."""

    def __init__(self):
        super().__init__()
        self.qkv = torch.nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = torch.nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        n, length, _ = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, HEADS, SIZE).permute(2, 0, 3, 1, 4)
        scores = torch.softmax(q @ k.transpose(-2, -1) * SIZE**-0.5, -1)
        return self.proj((scores @ v).transpose(1, 2).reshape(n, length, WIDTH))


class TorchSeparate(torch.nn.Module):
    """BERT's attention: a linear layer each."""

    def __init__(self):
        super().__init__()
        for name in ("query", "key", "value", "out"):
            setattr(self, name, torch.nn.Linear(WIDTH, WIDTH))

    def forward(self, x):
        q, k, v = (
            f(x).unflatten(-1, (HEADS, SIZE)).transpose(1, 2) for f in (self.query, self.key, self.value)
        )
        return self.out(torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


def attend(q, k, v, wrong):
    """(N, L, heads, size); a wrong one does not scale."""
    scores = jnp.einsum("nqhd,nkhd->nhqk", q, k) * (1.0 if wrong else SIZE**-0.5)
    return jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(scores), v)


def packed(state, weight, bias):
    """q, k and v's kernels (in, out) and biases from the packed ones."""
    pairs = zip(np.split(state[weight], 3), np.split(state[bias], 3), strict=True)
    return [{"kernel": w.T, "bias": b} for w, b in pairs]


def heads(arrays):
    """A dense layer's arrays as `DenseGeneral` has them: kernel (in, heads, size), bias (heads, size)."""
    return {
        "kernel": arrays["kernel"].reshape(WIDTH, HEADS, SIZE),
        "bias": arrays["bias"].reshape(HEADS, SIZE),
    }


def merged(arrays):
    """The dense layer behind the heads: kernel (heads, size, out)."""
    return {"kernel": arrays["kernel"].reshape(HEADS, SIZE, WIDTH), "bias": arrays["bias"]}


class General(linen.Module):
    """Attention of `DenseGeneral` layers."""

    wrong: bool = False

    @linen.compact
    def __call__(self, x):
        q, k, v = (linen.DenseGeneral((HEADS, SIZE), name=name)(x) for name in ("query", "key", "value"))
        return linen.DenseGeneral(WIDTH, axis=(-2, -1), name="out")(attend(q, k, v, self.wrong))


def general(state, wrong):
    params = {name: heads(layer(state, name)) for name in ("query", "key", "value")}
    params["out"] = merged(layer(state, "out"))
    return General(wrong), {"params": jax.tree.map(jnp.asarray, params)}


def unscaled(q, k, v, **options):
    """An attention function without the scale."""
    return linen.dot_product_attention(q * SIZE**0.5, k, v)


class LinenPacked(linen.Module):
    attention: object = linen.dot_product_attention

    @linen.compact
    def __call__(self, x):
        attn = linen.MultiHeadDotProductAttention(
            HEADS, attention_fn=self.attention, deterministic=True, name="attn"
        )
        return linen.Dense(4, name="fc")(attn(x))


def linen_packed(state, wrong):
    q, k, v = map(heads, packed(state, "attn.in_proj_weight", "attn.in_proj_bias"))
    attn = {"query": q, "key": k, "value": v, "out": merged(layer(state, "attn.out_proj"))}
    params = jax.tree.map(jnp.asarray, {"attn": attn, "fc": layer(state, "fc")})
    return LinenPacked(unscaled if wrong else linen.dot_product_attention), {"params": params}


class NnxPacked(nnx.Module):
    def __init__(self, state, wrong):
        rngs = nnx.Rngs(0)
        options = {"attention_fn": unscaled} if wrong else {}
        self.attn = nnx.MultiHeadAttention(
            HEADS, WIDTH, decode=False, deterministic=True, rngs=rngs, **options
        )
        self.fc = nnx.Linear(WIDTH, 4, rngs=rngs)
        give(self, state, fc="fc")
        q, k, v = map(heads, packed(state, "attn.in_proj_weight", "attn.in_proj_bias"))
        found = {"query": q, "key": k, "value": v, "out": merged(layer(state, "attn.out_proj"))}
        for name, arrays in found.items():
            for own, value in arrays.items():
                write(getattr(getattr(self.attn, name), own), value)

    def __call__(self, x):
        return self.fc(self.attn(x))


class ByHand(linen.Module):
    """q, k and v by a `Dense` each."""

    wrong: bool = False

    @linen.compact
    def __call__(self, x):
        q, k, v = (
            linen.Dense(WIDTH, name=name)(x).reshape(*x.shape[:2], HEADS, SIZE) for name in ("q", "k", "v")
        )
        return linen.Dense(WIDTH, name="out")(attend(q, k, v, self.wrong).reshape(x.shape))


class ByHandNet(linen.Module):
    wrong: bool = False

    @linen.compact
    def __call__(self, x):
        return linen.Dense(4, name="fc")(ByHand(self.wrong, name="attn")(x))


def by_hand(state, wrong):
    q, k, v = packed(state, "attn.in_proj_weight", "attn.in_proj_bias")
    attn = {"q": q, "k": k, "v": v, "out": layer(state, "attn.out_proj")}
    params = jax.tree.map(jnp.asarray, {"attn": attn, "fc": layer(state, "fc")})
    return ByHandNet(wrong), {"params": params}


def by_hand_of_qkv(state, wrong):
    q, k, v = packed(state, "qkv.weight", "qkv.bias")
    params = {"q": q, "k": k, "v": v, "out": layer(state, "proj")}
    return ByHand(wrong), {"params": jax.tree.map(jnp.asarray, params)}


class TorchLstm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.fc = torch.nn.LSTM(4, 5, batch_first=True), torch.nn.Linear(5, 3)

    def forward(self, x):
        return self.fc(self.lstm(x)[0])


def gates(state):
    """torch's packed gates as Flax's cells name them: inputs without biases, the two biases added."""
    wx, wh = (np.split(state[f"lstm.weight_{k}_l0"], 4) for k in ("ih", "hh"))
    b = np.split(state["lstm.bias_ih_l0"] + state["lstm.bias_hh_l0"], 4)
    inputs = {f"i{gate}": {"kernel": w.T} for gate, w in zip("ifgo", wx, strict=True)}
    return inputs | {f"h{gate}": {"kernel": w.T, "bias": c} for gate, w, c in zip("ifgo", wh, b, strict=True)}


class LinenLstm(linen.Module):
    activation: object = linen.tanh

    @linen.compact
    def __call__(self, x):
        cell = linen.LSTMCell(5, activation_fn=self.activation, name="cell")
        return linen.Dense(3, name="fc")(linen.RNN(cell, name="lstm")(x))


def linen_lstm(state, wrong):
    params = jax.tree.map(jnp.asarray, {"cell": gates(state), "fc": layer(state, "fc")})
    return LinenLstm(linen.relu if wrong else linen.tanh), {"params": params}


class NnxLstm(nnx.Module):
    def __init__(self, state, wrong):
        rngs = nnx.Rngs(0)
        cell = nnx.LSTMCell(4, 5, activation_fn=jax.nn.relu if wrong else jnp.tanh, rngs=rngs)
        self.lstm, self.fc = nnx.RNN(cell, rngs=rngs), nnx.Linear(5, 3, rngs=rngs)
        give(self, state, fc="fc")
        for name, arrays in gates(state).items():
            for own, value in arrays.items():
                write(getattr(getattr(cell, {"if": "if_"}.get(name, name)), own), value)

    def __call__(self, x):
        return self.fc(self.lstm(x))


class TorchTokens(torch.nn.Module):
    """A vision transformer's beginning: patches, a class token, positions, layer scale."""

    def __init__(self):
        super().__init__()
        self.patch = torch.nn.Conv2d(3, WIDTH, 2, stride=2)
        self.cls_token = torch.nn.Parameter(torch.randn(1, 1, WIDTH))
        self.pos_embed = torch.nn.Parameter(torch.randn(1, 13, WIDTH))
        self.gamma = torch.nn.Parameter(torch.rand(WIDTH))
        self.fc = torch.nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return x + self.gamma * self.fc(x)


class Tokens(linen.Module):
    """The patches by a `Dense` layer or by a convolution; loose parameters under other names."""

    dense: bool
    wrong: bool = False
    names: tuple[str, ...] = ("cls", "position_embedding", "layer_scale")

    @linen.compact
    def __call__(self, x):
        init = linen.initializers.ones
        shapes = (1, 1, WIDTH), (1, 13, WIDTH), (WIDTH,)
        cls, position, scale = (
            self.param(*pair) for pair in zip(self.names, [init] * 3, shapes, strict=True)
        )
        n, h, w, c = x.shape
        if self.dense:
            x = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, -1, 4 * c)
            x = linen.Dense(WIDTH, name="patch")(x)
        else:
            x = linen.Conv(WIDTH, (2, 2), strides=2, padding="VALID", name="patch")(x).reshape(n, -1, WIDTH)
        x = jnp.concatenate([jnp.broadcast_to(cls, (n, 1, WIDTH)), x], 1)
        x = x + position
        return x + linen.Dense(WIDTH, name="fc")(x) * (1.0 if self.wrong else scale)


TORCH_NAMES = ("cls_token", "pos_embed", "gamma")


def tokens(dense, names=("cls", "position_embedding", "layer_scale")):
    def ours(state, wrong):
        params = {name: layer(state, name) for name in ("patch", "fc")}
        if dense:
            params["patch"]["kernel"] = params["patch"]["kernel"].reshape(-1, WIDTH)
        params |= {name: state[theirs] for name, theirs in zip(names, TORCH_NAMES, strict=True)}
        return Tokens(dense, wrong, names), {"params": jax.tree.map(jnp.asarray, params)}

    return ours


class TorchFolded(Lively):
    def __init__(self):
        super().__init__(
            conv=torch.nn.Conv2d(3, 4, 3, padding=1, bias=False),
            bn=torch.nn.BatchNorm2d(4),
            head=torch.nn.Conv2d(4, 3, 1),
        )

    def forward(self, x):
        return self.head(torch.relu(self.bn(self.conv(x))))


class Folded(linen.Module):
    """Without normalisation: it is folded into the convolution."""

    @linen.compact
    def __call__(self, x):
        return linen.Conv(3, (1, 1), name="head")(linen.relu(linen.Conv(4, (3, 3), name="conv")(x)))


def folded(state, wrong):
    scale = state["bn.weight"] / np.sqrt(state["bn.running_var"] + (1e-3 if wrong else 1e-5))
    conv = {
        "kernel": kernel(state["conv.weight"]) * scale,
        "bias": state["bn.bias"] - scale * state["bn.running_mean"],
    }
    params = jax.tree.map(jnp.asarray, {"conv": conv, "head": layer(state, "head")})
    return Folded(), {"params": params}


SEQUENCE = ((2, 5, WIDTH),)
LOOSE = {"cls_token": "cls", "pos_embed": "position_embedding", "gamma": "layer_scale"}
PORTS = [
    Port("DenseGeneral heads", TorchSeparate, general, SEQUENCE),
    Port("linen.MultiHeadDotProductAttention", TorchPacked, linen_packed, SEQUENCE),
    Port("nnx.MultiHeadAttention", TorchPacked, NnxPacked, SEQUENCE, narrow=True),
    Port("attention by hand, nn.MultiheadAttention", TorchPacked, by_hand, SEQUENCE),
    Port("attention by hand, one qkv Linear", TorchQkv, by_hand_of_qkv, SEQUENCE),
    Port("linen.RNN of LSTMCell", TorchLstm, linen_lstm, ((2, 6, 4),), narrow=True),
    Port("nnx.RNN of LSTMCell", TorchLstm, NnxLstm, ((2, 6, 4),), narrow=True),
    Port("patches by Dense", TorchTokens, tokens(True, TORCH_NAMES), last=True),
    Port("loose parameters of other names", TorchTokens, tokens(False), last=True),
    Port(
        "loose parameters of other names, mapping",
        TorchTokens,
        tokens(False),
        last=True,
        options={"mapping": LOOSE},
    ),
    Port("BatchNorm folded into the convolution", TorchFolded, folded, last=True, options={"convert": None}),
]
