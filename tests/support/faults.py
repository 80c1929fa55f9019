"""Ports whose layers are right and whose lines between or inside the layers are not.

`# here` marks the line at fault on either side, and every line that a reader would accept for it.
"""

import inspect
import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import linen, nnx
from torch.nn import functional as TF


@dataclass(frozen=True)
class Fault:
    """One faulty port.

    Attributes:
        id: what is wrong.
        theirs: torch's class.
        ours: a function (parameters, x), a Linen class, or an NNX class that takes `rngs`.
        shape: of the input.
        cause: the id of the cause; None where only the lines are asked for.
    """

    id: str
    theirs: Any
    ours: Any
    shape: tuple[int, ...]
    cause: str | None

    def marked(self, side):
        """The file and the numbers of the marked lines."""
        source, first = inspect.getsourcelines(side)
        return inspect.getsourcefile(side), [first + i for i, line in enumerate(source) if "# here" in line]

    def networks(self):
        """Both networks and the input."""
        torch.manual_seed(0)
        theirs = self.theirs().eval()
        with torch.no_grad():
            for parameter in theirs.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        x = np.random.default_rng(0).standard_normal(self.shape, dtype=np.float32)
        if not inspect.isclass(self.ours):
            return theirs, (self.ours, nested(theirs.state_dict())), x
        if issubclass(self.ours, nnx.Module):
            ours = self.ours(rngs=nnx.Rngs(0))
            ours.eval()
            return theirs, ours, x
        module = self.ours()
        given = jnp.moveaxis(x, 1, -1) if x.ndim == 4 else x
        return theirs, (module, module.init(jax.random.key(0), given)), x


def nested(state):
    tree = {}
    for name, tensor in state.items():
        *path, last = name.split(".")
        at = tree
        for key in path:
            at = at.setdefault(key, {})
        at[last] = jnp.asarray(tensor.numpy())
    return tree


FAULTS = []


def fault(id, theirs, shape, cause=None):
    def enter(ours):
        FAULTS.append(Fault(id, theirs, ours, shape, cause))
        return ours

    return enter


def dense(p, x):
    return x @ p["weight"].T + p["bias"]


class Attention(torch.nn.Module):
    def __init__(self, dim=8, heads=2):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.qkv = torch.nn.Linear(dim, 3 * dim)
        self.proj = torch.nn.Linear(dim, dim)


class AttentionSwapped(Attention):
    def forward(self, x):
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # here
        attn = (q @ k.transpose(-2, -1)) * self.scale  # here
        out = attn.softmax(-1) @ v
        return self.proj(out.transpose(1, 2).reshape(b, n, c))


@fault("q and k swapped", AttentionSwapped, (2, 5, 8), "operands.swapped")
def attention_swapped(p, x):
    b, n, c = x.shape
    qkv = dense(p["qkv"], x).reshape(b, n, 3, 2, 4)
    k, q, v = qkv.transpose(2, 0, 3, 1, 4)  # here
    attn = (q @ k.swapaxes(-2, -1)) * 0.5  # here
    out = jax.nn.softmax(attn, -1) @ v
    return dense(p["proj"], out.swapaxes(1, 2).reshape(b, n, c))


class AttentionHeads(Attention):
    def forward(self, x):
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        attn = ((q @ k.transpose(-2, -1)) * self.scale).softmax(-1)
        out = (attn @ v).transpose(1, 2)  # here
        out = out.reshape(b, n, c)  # here
        return self.proj(out)


@fault("heads not merged", AttentionHeads, (2, 5, 8), "reshape.order")
def attention_heads(p, x):
    b, n, c = x.shape
    qkv = dense(p["qkv"], x).reshape(b, n, 3, 2, 4)
    q, k, v = qkv.transpose(2, 0, 3, 1, 4)
    attn = jax.nn.softmax((q @ k.swapaxes(-2, -1)) * 0.5, -1)
    out = attn @ v
    out = out.reshape(b, n, c)  # here
    return dense(p["proj"], out)


class AttentionScale(Attention):
    def forward(self, x):
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        attn = (q @ k.transpose(-2, -1)) * self.scale  # here
        attn = attn.softmax(-1)
        out = (attn @ v).transpose(1, 2)
        return self.proj(out.reshape(b, n, c))


@fault("scale missing", AttentionScale, (2, 5, 8), "scale.missing")
class AttentionScaleNnx(nnx.Module):
    def __init__(self, *, rngs):
        self.qkv = nnx.Linear(8, 24, rngs=rngs)
        self.proj = nnx.Linear(8, 8, rngs=rngs)

    def __call__(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, 2, 4).transpose(2, 0, 3, 1, 4)
        attn = q @ k.swapaxes(-2, -1)  # here
        attn = jax.nn.softmax(attn, -1)
        out = (attn @ v).swapaxes(1, 2)
        return self.proj(out.reshape(b, n, c))


@fault("scale by the whole width", AttentionScale, (2, 5, 8), "factor.value")
def attention_width(p, x):
    b, n, c = x.shape
    q, k, v = dense(p["qkv"], x).reshape(b, n, 3, 2, 4).transpose(2, 0, 3, 1, 4)
    attn = (q @ k.swapaxes(-2, -1)) / math.sqrt(c)  # here
    attn = jax.nn.softmax(attn, -1)
    out = (attn @ v).swapaxes(1, 2)
    return dense(p["proj"], out.reshape(b, n, c))


class AttentionAxis(Attention):
    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attn = (q @ k.transpose(-2, -1)) * self.scale
        attn = torch.softmax(attn, dim=-1)  # here
        out = (attn @ v).transpose(1, 2)
        return self.proj(out.reshape(b, n, c))


@fault("softmax over another axis", AttentionAxis, (2, 5, 8), "softmax.axis")
class AttentionAxisLinen(linen.Module):
    @linen.compact
    def __call__(self, x):
        b, n, c = x.shape
        q, k, v = linen.Dense(24, name="qkv")(x).reshape(b, n, 3, 2, 4).transpose(2, 0, 3, 1, 4)
        attn = (q @ k.swapaxes(-2, -1)) * 0.5
        attn = jax.nn.softmax(attn, axis=-2)  # here
        out = (attn @ v).swapaxes(1, 2)
        return linen.Dense(8, name="proj")(out.reshape(b, n, c))


class Gates(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(6, 16)
        self.out = torch.nn.Linear(4, 3)

    def forward(self, x):
        i, f, g, o = self.fc(x).chunk(4, -1)  # here
        c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * 0.7  # here
        return self.out(torch.sigmoid(o) * torch.tanh(c))


@fault("split in another order", Gates, (5, 6), "split.order")
def gates(p, x):
    i, g, f, o = jnp.split(dense(p["fc"], x), 4, -1)  # here
    c = jax.nn.sigmoid(i) * jnp.tanh(g) + jax.nn.sigmoid(f) * 0.7  # here
    return dense(p["out"], jax.nn.sigmoid(o) * jnp.tanh(c))


class Standard(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(6, 7)
        self.out = torch.nn.Linear(7, 3)

    def forward(self, x):
        x = self.fc(x)
        mean = x.mean(-1, keepdim=True)
        std = x.std(-1, keepdim=True)  # here
        return self.out((x - mean) / (std + 1e-6))


@fault("std with another ddof", Standard, (5, 6), "variance.correction")
def standard(p, x):
    x = dense(p["fc"], x)
    mean = x.mean(-1, keepdims=True)
    std = x.std(-1, keepdims=True)  # here
    return dense(p["out"], (x - mean) / (std + 1e-6))


class Rms(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(6, 7)
        self.scale = torch.nn.Parameter(torch.ones(7))
        self.out = torch.nn.Linear(7, 3)

    def forward(self, x):
        x = self.fc(x)
        var = x.pow(2).mean(-1, keepdim=True)
        x = x * torch.rsqrt(var + 1e-3)  # here
        return self.out(x * self.scale)


@fault("another eps", Rms, (5, 6), "offset.value")
def rms_eps(p, x):
    x = dense(p["fc"], x)
    var = jnp.mean(jnp.square(x), -1, keepdims=True)
    x = x * jax.lax.rsqrt(var + 1e-6)  # here
    return dense(p["out"], x * p["scale"])


class RmsScale(Rms):
    def forward(self, x):
        x = self.fc(x)
        var = x.pow(2).mean(-1, keepdim=True)
        x = x * torch.rsqrt(var + 1e-6)
        return self.out(x * self.scale)  # here


@fault("a scale of 1 + gamma", RmsScale, (5, 6), "offset.value")
def rms_scale(p, x):
    x = dense(p["fc"], x)
    var = jnp.mean(jnp.square(x), -1, keepdims=True)
    x = x * jax.lax.rsqrt(var + 1e-6)
    return dense(p["out"], x * (1.0 + p["scale"]))  # here


class Residual(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(6, 6)
        self.b = torch.nn.Linear(6, 3)

    def forward(self, x):
        y = self.a(x)
        y = torch.relu(x + y)  # here
        return self.b(y)


@fault("activation before the sum", Residual, (5, 6), "operation.order")
def residual_order(p, x):
    y = dense(p["a"], x)
    y = x + jax.nn.relu(y)  # here
    return dense(p["b"], y)


@fault("residual missing", Residual, (5, 6), "residual.missing")
class ResidualMissing(linen.Module):
    @linen.compact
    def __call__(self, x):
        y = linen.Dense(6, name="a")(x)
        y = linen.relu(y)  # here
        return linen.Dense(3, name="b")(y)


class Tokens(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(6, 6)
        self.head = torch.nn.Linear(6, 3)

    def forward(self, x):
        x = torch.tanh(self.fc(x))
        x = x.mean(1)  # here
        return self.head(x)


@fault("mean over the wrong axis", Tokens, (5, 5, 6), "reduction.axis")
def tokens(p, x):
    x = jnp.tanh(dense(p["fc"], x))
    x = x.mean(0)  # here
    return dense(p["head"], x)


@fault("an activation too many", Tokens, (5, 4, 6), "operation.additional")
def tokens_more(p, x):
    x = jnp.tanh(dense(p["fc"], x))
    x = jax.nn.relu(x)  # here
    x = x.mean(1)
    return dense(p["head"], x)


class Pool(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.head = torch.nn.Linear(4, 3)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        x = TF.max_pool2d(x, 2)  # here
        x = x.mean((2, 3))
        return self.head(x)


@fault("pooling with Flax's default stride", Pool, (2, 3, 6, 8), "pool.stride")
class PoolLinen(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.relu(linen.Conv(4, (3, 3), padding=1, name="conv")(x))
        x = linen.max_pool(x, (2, 2))  # here
        x = x.mean((1, 2))
        return linen.Dense(3, name="head")(x)


class Reflect(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 4, 1)
        self.conv = torch.nn.Conv2d(4, 4, 3)

    def forward(self, x):
        x = self.first(x)
        x = TF.pad(x, (1, 1, 1, 1), mode="reflect")  # here
        return self.conv(x)


@fault("reflect written as symmetric", Reflect, (2, 3, 6, 8), "padding.mode")
class ReflectNnx(nnx.Module):
    def __init__(self, *, rngs):
        self.first = nnx.Conv(3, 4, (1, 1), rngs=rngs)
        self.conv = nnx.Conv(4, 4, (3, 3), padding="VALID", rngs=rngs)

    def __call__(self, x):
        x = self.first(x)
        x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")  # here
        return self.conv(x)


class Roll(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(6, 6)
        self.b = torch.nn.Linear(6, 3)

    def forward(self, x):
        x = self.a(x)
        x = torch.roll(x, 2, dims=1)  # here
        return self.b(x) * torch.arange(1.0, 8.0)[:, None]


@fault("roll missing", Roll, (2, 7, 6), "operation.missing")
def roll(p, x):
    x = dense(p["a"], x)
    return dense(p["b"], x) * jnp.arange(1.0, 8.0, dtype=jnp.float32)[:, None]  # here


class Concat(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(6, 4)
        self.b = torch.nn.Linear(6, 4)
        self.head = torch.nn.Linear(14, 3)

    def forward(self, x):
        a, b = torch.tanh(self.a(x)), torch.tanh(self.b(x))
        y = torch.cat([a, x, b], -1)  # here
        return self.head(y)


@fault("concatenation in another order", Concat, (5, 6), "concat.order")
def concat(p, x):
    a, b = jnp.tanh(dense(p["a"], x)), jnp.tanh(dense(p["b"], x))
    y = jnp.concatenate([a, b, x], -1)  # here
    return dense(p["head"], y)


class SqueezeExcite(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.down = torch.nn.Conv2d(4, 2, 1)
        self.up = torch.nn.Conv2d(2, 4, 1)

    def forward(self, x):
        s = x.mean((2, 3), keepdim=True)
        s = self.up(torch.relu(self.down(s)))
        s = TF.hardsigmoid(s)  # here
        return x * s


@fault("sigmoid for hard sigmoid", SqueezeExcite, (2, 4, 3, 5), "activation.other")
class SqueezeExciteLinen(linen.Module):
    @linen.compact
    def __call__(self, x):
        s = x.mean((1, 2), keepdims=True)
        s = linen.Conv(4, (1, 1), name="up")(linen.relu(linen.Conv(2, (1, 1), name="down")(s)))
        s = linen.sigmoid(s)  # here
        return x * s


class LayerScale(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(6, 6)
        self.gamma = torch.nn.Parameter(torch.ones(6))
        self.head = torch.nn.Linear(6, 3)

    def forward(self, x):
        y = self.fc(x)
        x = x + self.gamma * y  # here
        return self.head(x)


@fault("gamma scales the wrong branch", LayerScale, (5, 6), "operands.swapped")
def layer_scale(p, x):
    y = dense(p["fc"], x)
    x = p["gamma"] * x + y  # here
    return dense(p["head"], x)


class Mask(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(6, 4)
        self.b = torch.nn.Linear(6, 4)

    def forward(self, x):
        s = self.a(x) @ self.b(x).transpose(-1, -2)
        mask = torch.ones(5, 5).tril().bool()
        s = s.masked_fill(~mask, float("-inf"))  # here
        return s.softmax(-1)


@fault("mask of the other triangle", Mask, (2, 5, 6), "mask.other")
def mask(p, x):
    s = dense(p["a"], x) @ dense(p["b"], x).swapaxes(-1, -2)
    allowed = jnp.triu(jnp.ones((5, 5), bool))
    s = jnp.where(allowed, s, -jnp.inf)  # here
    return jax.nn.softmax(s, -1)


class Subtract(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(6, 4)
        self.b = torch.nn.Linear(6, 4)

    def forward(self, x):
        a, b = self.a(x), self.b(x)
        d = a - b  # here
        return torch.exp(d)


@fault("a difference the other way round", Subtract, (5, 6), "operands.swapped")
def subtract(p, x):
    a, b = dense(p["a"], x), dense(p["b"], x)
    d = b - a  # here
    return jnp.exp(d)


class Detached(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(6, 4)
        self.b = torch.nn.Linear(6, 4)

    def forward(self, x):
        target = torch.tanh(self.a(x))
        target = target.detach()  # here
        return self.b(x) * target


@fault("stop_gradient missing", Detached, (5, 6), "gradient.flows")
def detached(p, x):
    target = jnp.tanh(dense(p["a"], x))  # here
    return dense(p["b"], x) * target


class Attached(Detached):
    def forward(self, x):
        gate = torch.tanh(self.a(x))  # here
        y = self.b(x) * gate  # here
        return y


@fault("a gradient stopped", Attached, (5, 6), "gradient.stopped")
def attached(p, x):
    gate = jnp.tanh(dense(p["a"], x))
    y = dense(p["b"], x) * jax.lax.stop_gradient(gate)  # here
    return y


class Cell(torch.nn.Module):
    """A layer of the user's own: no child modules."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(7))
        self.bias = torch.nn.Parameter(torch.randn(7))

    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        var = x.var(-1, keepdim=True, unbiased=False)
        x = (x - mean) / torch.sqrt(var + 1e-5)  # here
        return x * self.weight + self.bias


class Inside(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(6, 7)
        self.norm = Cell()
        self.head = torch.nn.Linear(7, 3)

    def forward(self, x):
        return self.head(self.norm(self.fc(x)))


class NormNnx(nnx.Module):
    def __init__(self):
        self.weight, self.bias = nnx.Param(jnp.ones(7, jnp.float32)), nnx.Param(jnp.zeros(7, jnp.float32))

    def __call__(self, x):
        mean = x.mean(-1, keepdims=True)
        var = x.var(-1, keepdims=True)
        x = (x - mean) / (jnp.sqrt(var) + 1e-2)  # here
        return x * self.weight[...] + self.bias[...]


class InsideNnx(nnx.Module):
    def __init__(self, *, rngs):
        self.fc = nnx.Linear(6, 7, rngs=rngs)
        self.norm = NormNnx()
        self.head = nnx.Linear(7, 3, rngs=rngs)

    def __call__(self, x):
        return self.head(self.norm(self.fc(x)))


class Blocks(torch.nn.Module):
    """Three blocks of the same lines."""

    def __init__(self):
        super().__init__()
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(6) for _ in range(3))
        self.dense = torch.nn.ModuleList(torch.nn.Linear(6, 6) for _ in range(3))

    def forward(self, x):
        for norm, fc in zip(self.norms, self.dense, strict=True):
            y = TF.gelu(fc(norm(x)))  # here
            x = x + 0.5 * y  # here
        return x


@fault("the same mistake in every block", Blocks, (5, 6), "gelu.approximate")
class BlocksLinen(linen.Module):
    @linen.compact
    def __call__(self, x):
        for i in range(3):
            y = linen.LayerNorm(epsilon=1e-5, name=f"norms_{i}")(x)
            y = linen.gelu(linen.Dense(6, name=f"dense_{i}")(y))  # here
            x = x + 0.5 * y
        return x


@fault("an activation too many in every block", Blocks, (5, 6), "operation.additional")
class BlocksMore(linen.Module):
    @linen.compact
    def __call__(self, x):
        for i in range(3):
            y = linen.LayerNorm(epsilon=1e-5, name=f"norms_{i}")(x)
            y = linen.gelu(linen.Dense(6, name=f"dense_{i}")(y), approximate=False)
            x = x + 0.5 * jnp.tanh(y)  # here
        return x


@fault("shapes that do not fit", Blocks, (5, 6), "raises")
def blocks_raise(p, x):
    for i in range(3):
        norm, fc = p["norms"][str(i)], p["dense"][str(i)]
        var = x.var(-1, keepdims=True)
        y = (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(var + 1e-5) * norm["weight"] + norm["bias"]
        y = jax.nn.gelu(dense(fc, y), approximate=False)
        x = x + 0.5 * y.reshape(6, 5)  # here
    return x


INSIDE = Fault("eps outside the root", Inside, InsideNnx, (5, 6), None)
"""A fault in a layer of the user's own; `Cell` and `NormNnx` have the lines."""
