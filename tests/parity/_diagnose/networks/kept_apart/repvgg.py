"""RepVGG's training form: three branches, each with its norm, summed."""

import jax
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.c3, self.b3 = torch.nn.Conv2d(4, 4, 3, padding=1, bias=False), torch.nn.BatchNorm2d(4)
        self.c1, self.b1 = torch.nn.Conv2d(4, 4, 1, bias=False), torch.nn.BatchNorm2d(4)
        self.b0 = torch.nn.BatchNorm2d(4)
        self.fc = torch.nn.Linear(4, 3)

    def forward(self, x):
        a = self.b3(self.c3(x))
        b = self.b1(self.c1(x))
        c = self.b0(x)
        y = torch.relu(a + b + c)
        y = y.mean((2, 3))
        return self.fc(y)


def conv(p, x, pad):
    return jax.lax.conv_general_dilated(x, p["weight"], (1, 1), ((pad, pad), (pad, pad)))


def norm(p, x):
    at = lambda name: p[name][:, None, None]
    y = (x - at("running_mean")) * jax.lax.rsqrt(at("running_var") + 1e-5)
    return y * at("weight") + at("bias")


def ours(p, x):
    a = norm(p["b3"], conv(p["c3"], x, 1))
    b = norm(p["b1"], conv(p["c1"], x, 0))
    c = norm(p["b0"], x)
    y = jax.nn.relu(a + b + c)
    y = y.mean((2, 3))
    return y @ p["fc"]["weight"].T + p["fc"]["bias"]


SHAPES = ((2, 4, 6, 5),)
FAULTS = [
    ("the identity without its norm", "c = norm(p[\"b0\"], x)", "c = x + 0 * norm(p[\"b0\"], x)", "operation.missing|layer.skipped", ("self.b0(x)",)),
    ("the maximum for the mean", "y.mean((2, 3))", "y.max((2, 3))", "reduction.kind|pool.kind", ("y.mean((2, 3))",)),
    ("the norms exchanged", "norm(p[\"b3\"], conv(p[\"c3\"], x, 1))", "norm(p[\"b1\"], conv(p[\"c3\"], x, 1))", "layer.other", ("self.b3(",), ("at(\"running_mean\")",)),
]  # fmt: skip
