"""Each kind of failure of a trace has its own remedy, and a dataclass is none."""

import warnings
from dataclasses import dataclass

import jax.numpy as jnp
import pytest
import torch
from one_function import Of
from torch import nn

import jaxconv


class Unknown:
    def __init__(self, x):
        self.x = x


@dataclass
class Inner:
    hidden: torch.Tensor


@dataclass
class Result:
    logits: torch.Tensor
    inner: Inner
    loss: torch.Tensor | None = None


def _fails(x):
    raise RuntimeError("own words")


EXAMPLE = torch.ones(2, 3)


def _scripted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and still in many files
        return torch.jit.script(nn.Linear(3, 3))


FAILURES = {
    "dtype": (nn.Linear(3, 3), EXAMPLE.double(), r"torch itself cannot run Linear .* dtype.*Give an example"),
    "shape": (nn.Linear(4, 3), EXAMPLE, r"torch itself cannot run Linear .* shapes.*Give an example"),
    "arguments": (
        Of(lambda x, y: x),
        EXAMPLE,
        r"torch itself cannot run Of .*TypeError: .*'y'.*Give an example",
    ),
    "many": (
        nn.Linear(3, 3),
        (EXAMPLE, EXAMPLE),
        r"torch itself cannot run Linear .*TypeError.*Give an example",
    ),
    "own": (Of(_fails), EXAMPLE, r"torch itself cannot run Of .*RuntimeError: own words.*Give an example"),
    "script": (
        _scripted(),
        EXAMPLE,
        r"compiled to TorchScript.*convert the module that was",
    ),
    "class": (Of(Unknown), EXAMPLE, r"returns an object of class .*Unknown: return tensors in tuples"),
    "branch": (
        Of(lambda x: x * 2 if x.sum() > 0 else x),
        EXAMPLE,
        r"\(test_failures.py line \d+: .*\).*decides by the numbers",
    ),
    "numpy": (Of(lambda x: torch.from_numpy(x.numpy() * 2)), EXAMPLE, r"leaves torch for NumPy"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_each_kind_of_failure_has_its_own_remedy(kind):
    module, example, words = FAILURES[kind]
    with pytest.raises(ValueError, match=f"(?s){words}") as caught:
        jaxconv.from_torch(module, example)
    assert ("numbers in a tensor" in str(caught.value)) == (kind == "branch"), "another kind's remedy"


def test_a_dataclass_needs_no_registration_and_leaves_torch_as_it_is():
    network = Of(lambda x: (Result(2 * x, Inner(x + 1)), {"again": [Inner(x)]}))
    hooks = len(network._forward_hooks)
    converted = jaxconv.from_torch(network, EXAMPLE)
    result, rest = converted(jnp.ones((4, 3)))
    assert type(result).__name__ == "Result" and type(result.inner).__name__ == "Inner"
    assert (result.logits == 2).all() and (result.inner.hidden == 2).all() and result.loss is None
    assert (rest["again"][0].hidden == 1).all()
    assert len(network._forward_hooks) == hooks and type(network(EXAMPLE)[0]) is Result
    assert Result not in torch.utils._pytree.SUPPORTED_NODES


def test_results_of_torchs_own_functions_are_named_tuples():
    result = jaxconv.from_torch(Of(lambda x: torch.max(x, 1)), EXAMPLE)(jnp.eye(3))
    assert (result.values == 1).all() and result.indices.tolist() == [0, 1, 2]
