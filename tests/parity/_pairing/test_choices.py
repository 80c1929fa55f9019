"""What names and shapes leave open is settled by the outputs; what names tell is not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen

import parity


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        for name in ("q_proj", "k_proj", "v_proj"):
            self.add_module(name, torch.nn.Linear(6, 6))

    def forward(self, x):
        q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        return torch.softmax(q @ k.transpose(-1, -2), -1) @ v


class Ours(linen.Module):
    names: tuple[str, ...]
    order: tuple[int, ...]

    @linen.compact
    def __call__(self, x):
        made = [linen.Dense(6, name=name)(x) for name in self.names]
        q, k, v = (made[i] for i in self.order)
        return jax.nn.softmax(q @ jnp.swapaxes(k, -1, -2), -1) @ v


@pytest.mark.parametrize(
    ("names", "order", "same"),
    [
        (("query", "key", "value"), (0, 1, 2), True),
        (("query", "key", "value"), (1, 0, 2), False),
        (("Dense_0", "Dense_1", "Dense_2"), (1, 0, 2), True),
    ],
    ids=["names", "names that tell otherwise", "names that tell nothing"],
)
def test_layers_are_not_exchanged_against_their_names(names, order, same):
    torch.manual_seed(0)
    x = np.random.default_rng(0).standard_normal((2, 5, 6), dtype=np.float32)
    ours = Ours(names, order)
    assert parity.check(Theirs(), (ours, ours.init(jax.random.key(0), x)), x).ok == same
