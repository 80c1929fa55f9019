"""Ports with several faults, and ports that raise errors: the report names each fault that it can see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import parity
from parity._check.compare import MORE


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.norm = torch.nn.Linear(6, 5), torch.nn.LayerNorm(5)
        self.fc2, self.fc3 = torch.nn.Linear(5, 4), torch.nn.Linear(4, 3)

    def forward(self, x):
        x = self.norm(self.fc1(x))
        x = torch.relu(x)
        x = self.fc2(x) * 0.5
        x = torch.nn.functional.gelu(x)
        x = self.fc3(x)
        return torch.softmax(x / 2.0, -1)


class Ours(nnx.Module):
    def __init__(self, *faults):
        self.faults = faults
        self.fc1 = nnx.Linear(6, 5, rngs=nnx.Rngs(0))
        self.norm = nnx.LayerNorm(5, epsilon=1e-3 if "eps" in faults else 1e-5, rngs=nnx.Rngs(0))
        self.fc2, self.fc3 = nnx.Linear(5, 4, rngs=nnx.Rngs(0)), nnx.Linear(4, 3, rngs=nnx.Rngs(0))

    def __call__(self, x):
        x = self.norm(self.fc1(x))
        x = x if "relu" in self.faults else jax.nn.relu(x)
        x = self.fc2(x) * 0.5
        x = jax.nn.gelu(x, approximate="gelu" in self.faults)
        x = self.fc3(x)
        x = x + jnp.ones((2, 7)) if "raise" in self.faults else x
        return jax.nn.softmax(x / (3.0 if "temperature" in self.faults else 2.0), -1)


def checked(*faults):
    torch.manual_seed(0)
    x = np.random.default_rng(0).standard_normal((7, 6), dtype=np.float32)
    return parity.check(Theirs(), Ours(*faults), x)


@pytest.mark.parametrize(
    ("faults", "causes"),
    [
        (("relu", "gelu", "temperature"), ["activation.missing", "gelu.approximate", "factor.value"]),
        (("eps", "gelu"), ["norm.epsilon", "gelu.approximate"]),
    ],
    ids=["between the layers", "a layer, and behind it"],
)
def test_each_fault_is_named(faults, causes):
    report = checked(*faults)
    assert [fault.cause for fault in report.diagnosis] == causes
    assert all(fault.torch and fault.flax for fault in report.diagnosis)
    assert len({(fault.torch.line, fault.flax.line) for fault in report.diagnosis}) == len(causes)
    assert MORE not in report.notes


def test_the_lines_of_an_error_and_the_faults_before_it():
    report = checked("eps", "raise")
    assert [fault.cause for fault in report.diagnosis] == ["norm.epsilon", "raises"]
    assert "jnp.ones" in report.diagnosis[1].flax.code
    assert MORE in report.notes
    (found,) = checked("raise").diagnosis
    assert "torch.softmax(x / 2.0" in found.torch.code and "jnp.ones" in found.flax.code
    assert found.fix.startswith("the Flax network raises TypeError: add got incompatible shapes")
