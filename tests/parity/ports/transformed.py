"""Layers under transformations: scan over stacked weights, remat, jit, vmap."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import linen, nnx

from .port import Lively, Port, give, layer, variables, write

DEPTH = 3


class TorchTower(Lively):
    def __init__(self):
        super().__init__(
            stem=torch.nn.Linear(6, 5),
            blocks=torch.nn.ModuleList(
                Lively(norm=torch.nn.LayerNorm(5), fc=torch.nn.Linear(5, 5)) for _ in range(DEPTH)
            ),
            head=torch.nn.Linear(5, 4),
        )

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = x + torch.tanh(block.fc(block.norm(x)))
        return self.head(x)


def stacked(state):
    """The blocks' weights, each with a first dimension of DEPTH."""
    blocks = [
        {"norm": layer(state, f"blocks.{i}.norm"), "fc": layer(state, f"blocks.{i}.fc")} for i in range(DEPTH)
    ]
    return jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *blocks)


class Block(linen.Module):
    epsilon: float = 1e-5

    @linen.compact
    def __call__(self, x):
        return x + jnp.tanh(linen.Dense(5, name="fc")(linen.LayerNorm(epsilon=self.epsilon, name="norm")(x)))


class Carried(linen.Module):
    epsilon: float = 1e-5

    @linen.compact
    def __call__(self, x, _):
        x = x + jnp.tanh(linen.Dense(5, name="fc")(linen.LayerNorm(epsilon=self.epsilon, name="norm")(x)))
        return x, None


class Scanned(linen.Module):
    epsilon: float = 1e-5
    block: object = Carried

    @linen.compact
    def __call__(self, x):
        x = linen.Dense(5, name="stem")(x)
        scanned = linen.scan(
            self.block, variable_axes={"params": 0}, split_rngs={"params": True}, length=DEPTH
        )
        x, _ = scanned(self.epsilon, name="blocks")(x, None)
        return linen.Dense(4, name="head")(x)


def scanned(block):
    def ours(state, wrong):
        held = variables(state, {"stem": "stem", "head": "head"})
        held["params"]["blocks"] = stacked(state)
        return Scanned(1e-6 if wrong else 1e-5, block), held

    return ours


class Wrapped(linen.Module):
    """Blocks behind `linen.remat` or `linen.jit`, with torch's names or with automatic ones."""

    wrap: object
    epsilon: float = 1e-5

    @linen.compact
    def __call__(self, x):
        x = linen.Dense(5)(x)
        for _ in range(DEPTH):
            x = self.wrap(Block)(self.epsilon)(x)
        return linen.Dense(4)(x)


def wrapped(wrap, prefix):
    def ours(state, wrong):
        held = variables(state, {"Dense_0": "stem", "Dense_1": "head"})
        for i in range(DEPTH):
            held["params"][f"{prefix}_{i}"] = jax.tree.map(lambda leaf, i=i: leaf[i], stacked(state))
        return Wrapped(wrap, 1e-6 if wrong else 1e-5), held

    return ours


class NnxBlock(nnx.Module):
    def __init__(self, epsilon, *, rngs):
        self.norm = nnx.LayerNorm(5, epsilon=epsilon, rngs=rngs)
        self.fc = nnx.Linear(5, 5, rngs=rngs)

    def __call__(self, x):
        return x + jnp.tanh(self.fc(self.norm(x)))


class NnxScanned(nnx.Module):
    def __init__(self, state, wrong):
        rngs, epsilon = nnx.Rngs(0), 1e-6 if wrong else 1e-5

        @nnx.split_rngs(splits=DEPTH)
        @nnx.vmap(in_axes=0, out_axes=0)
        def create(rngs):
            return NnxBlock(epsilon, rngs=rngs)

        self.stem = nnx.Linear(6, 5, rngs=rngs)
        self.blocks = create(rngs)
        self.head = nnx.Linear(5, 4, rngs=rngs)
        give(self, state, stem="stem", head="head")
        for name, arrays in stacked(state).items():
            for own, value in arrays.items():
                write(getattr(getattr(self.blocks, name), own), value)

    def __call__(self, x):
        @nnx.scan(in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
        def forward(x, block):
            return block(x)

        return self.head(forward(self.stem(x), self.blocks))


class NnxRemat(nnx.Module):
    def __init__(self, state, wrong):
        rngs = nnx.Rngs(0)
        self.stem = nnx.Linear(6, 5, rngs=rngs)
        self.blocks = nnx.List(NnxBlock(1e-6 if wrong else 1e-5, rngs=rngs) for _ in range(DEPTH))
        self.head = nnx.Linear(5, 4, rngs=rngs)
        give(self, state, stem="stem", head="head")
        for i, block in enumerate(self.blocks):
            give(block, state, norm=f"blocks.{i}.norm", fc=f"blocks.{i}.fc")

    def __call__(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = nnx.remat(lambda block, x: block(x))(block, x)
        return self.head(x)


def function(state, wrong):
    """Plain JAX: `lax.scan` over a dict of stacked weights."""

    def dense(p, x):
        return x @ p["kernel"] + p["bias"]

    def norm(p, x):
        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(var + (1e-6 if wrong else 1e-5)) * p["scale"] + p["bias"]

    def net(params, x):
        def step(x, block):
            return x + jnp.tanh(dense(block["fc"], norm(block["norm"], x))), None

        return dense(params["head"], jax.lax.scan(step, dense(params["stem"], x), params["blocks"])[0])

    held = variables(state, {"stem": "stem", "head": "head"})["params"]
    return net, {**held, "blocks": stacked(state)}


ROWS = ((4, 6),)
PORTS = [
    Port("linen.scan over stacked blocks", TorchTower, scanned(Carried), ROWS),
    Port("linen.scan of linen.remat", TorchTower, scanned(linen.remat(Carried, prevent_cse=False)), ROWS),
    Port("linen.remat", TorchTower, wrapped(linen.remat, "CheckpointBlock"), ROWS),
    Port("linen.jit", TorchTower, wrapped(linen.jit, "JitBlock"), ROWS),
    Port("nnx.scan over stacked blocks", TorchTower, NnxScanned, ROWS),
    Port("nnx.remat", TorchTower, NnxRemat, ROWS),
    Port("lax.scan over stacked weights", TorchTower, function, ROWS),
]
