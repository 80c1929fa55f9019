"""Highway layers: a gate between a layer and its input."""

import jax
import torch
from flax import linen
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.ModuleList(torch.nn.Linear(6, 6) for _ in range(2))
        self.gate = torch.nn.ModuleList(torch.nn.Linear(6, 6) for _ in range(2))
        self.head = torch.nn.Linear(6, 3)

    def forward(self, x):
        for fc, gate in zip(self.fc, self.gate, strict=True):
            y = TF.selu(fc(x))
            t = torch.sigmoid(gate(x) - 1)
            x = t * y + (1 - t) * x
        return self.head(x)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        for i in range(2):
            y = jax.nn.selu(linen.Dense(6, name=f"fc_{i}")(x))
            t = linen.sigmoid(linen.Dense(6, name=f"gate_{i}")(x) - 1)
            x = t * y + (1 - t) * x
        return linen.Dense(3, name="head")(x)


SHAPES = ((4, 6),)
FAULTS = [
    ("carried and transformed exchanged", "x = t * y + (1 - t) * x", "x = (1 - t) * y + t * x", "operands.swapped", ("x = t * y",)),
    ("elu for selu", "jax.nn.selu", "jax.nn.elu", "activation.other", ("TF.selu",)),
    ("the gate opens", "(x) - 1)", "(x) + 1)", "offset.value|operation.other", ("gate(x) - 1",)),
    ("the gate of what was computed", "name=f\"gate_{i}\")(x)", "name=f\"gate_{i}\")(y)", "operand.other", ("gate(x)",)),
]  # fmt: skip
