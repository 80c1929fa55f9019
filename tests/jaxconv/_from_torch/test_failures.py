"""Each kind of failure of a trace has its own remedy, and a dataclass is none."""

import sys
import warnings
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from one_function import Of
from torch import library, nn

import jaxconv
from jaxconv._from_torch import check


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


def _traced():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(nn.Linear(3, 3), EXAMPLE)


def _quantised():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(3, 3)), {nn.Linear})


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
    "number": (Of(lambda x: x * x.sum().item()), EXAMPLE, r"data-dependent number .*decides by the numbers"),
    "quantised": (_quantised(), EXAMPLE, r"It is quantised.*convert the network before that step"),
    "vmap": (
        Of(lambda x: torch.vmap(torch.sin)(x)),
        EXAMPLE,
        r"torch\.vmap in it.*one_function\.py line.*write it with a batch dimension",
    ),
    "traced to script": (_traced(), EXAMPLE, r"compiled to TorchScript.*convert the module that was"),
    "numpy": (Of(lambda x: torch.from_numpy(x.numpy() * 2)), EXAMPLE, r"leaves torch for NumPy"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_each_kind_of_failure_has_its_own_remedy(kind):
    module, example, words = FAILURES[kind]
    with pytest.raises(ValueError, match=f"(?s){words}") as caught:
        jaxconv.from_torch(module, example)
    assert ("numbers in a tensor" in str(caught.value)) == (kind in ("branch", "number")), (
        "another kind's remedy"
    )


def test_a_failure_prints_no_graph(capfd):
    with pytest.raises(ValueError, match="decides by the numbers"):
        jaxconv.from_torch(Of(lambda x: x * 2 if x.sum() > 0 else x), EXAMPLE)
    assert capfd.readouterr() == ("", "")


def test_what_the_network_prints_while_it_is_traced_is_not_lost(capfd):
    def forward(x):
        print("seen on stderr", file=sys.stderr)
        return x * 2 if x.sum() > 0 else x

    with pytest.raises(ValueError, match="decides by the numbers"):
        jaxconv.from_torch(Of(forward), EXAMPLE)
    out, err = capfd.readouterr()
    assert not out and {*err.splitlines()} == {"seen on stderr"}


class Scaled(nn.Module):
    def forward(self, x, factor=2.0, mask=None):
        return x * factor


def test_a_default_that_the_example_leaves_out_may_be_given():
    network = jaxconv.from_torch(Scaled(), EXAMPLE)
    for args, kwargs in (
        ((2.0,), {}),
        ((2.0, None), {}),
        ((), {"factor": 2.0, "mask": None}),
        ((), {"mask": None}),
    ):
        assert (network(jnp.ones((4, 3)), *args, **kwargs) == 2).all()
    for args, kwargs in (((3.0,), {}), ((), {"factor": 3.0}), ((), {"factor": 2})):
        with pytest.raises(
            ValueError,
            match=r"`factor` must be its default 2\.0 in every call, .* got [23].*example that has it",
        ):
            network(jnp.ones((4, 3)), *args, **kwargs)
    with pytest.raises(ValueError, match="example's keys"):
        network(jnp.ones((4, 3)), other=None)


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


def test_a_network_that_cannot_be_compared_is_converted_with_a_warning(monkeypatch):
    def fails(*_):
        raise RuntimeError("no dispatch mode here")

    monkeypatch.setattr(check, "_both", fails)
    with pytest.warns(
        UserWarning, match=r"Tanh was not compared .*\(RuntimeError: no dispatch mode here\)"
    ) as told:
        jaxconv.from_torch(nn.Tanh(), EXAMPLE)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jaxconv.from_torch(nn.Tanh(), EXAMPLE, check=False)


PLAIN = jaxconv.Linear(3, 2, rngs=nnx.Rngs(0))


def test_a_hook_is_in_the_program_and_is_not_called_again():
    seen = []
    layer = nn.Linear(3, 2)
    layer.register_forward_hook(lambda module, inputs, output: seen.append(output) or output * 2)
    model = jaxconv.from_torch(layer, torch.ones(1, 3))
    during = len(seen)
    found = model(jnp.ones((1, 3), jnp.float32))
    assert during and len(seen) == during
    np.testing.assert_array_equal(
        found, 2 * jaxconv.load_state_dict(PLAIN, layer.state_dict())(jnp.ones((1, 3), jnp.float32))
    )


def test_a_width_that_is_not_the_example_s_names_what_opens_it():
    network = jaxconv.from_torch(nn.Conv2d(1, 1, 3), torch.ones(2, 1, 5, 6))
    words = r"shape \(any, 1, 5, 6\), got shape \(2, 1, 5, 7\); .* dynamic=\{'input': \{3: 'size3'\}\}"
    with pytest.raises(ValueError, match=words):
        network(jnp.ones((2, 1, 5, 7)))
    with pytest.raises(ValueError, match=r"got shape \(2, 1, 5\)$"):  # no name helps with that
        network(jnp.ones((2, 1, 5)))


def test_an_operation_of_another_library_keeps_its_name():
    own = library.Library("jaxconv_test", "DEF")
    own.define("twice(Tensor x) -> Tensor")
    own.impl("twice", lambda x: x * 2, "CompositeExplicitAutograd")
    with pytest.raises(NotImplementedError, match=r"\n  jaxconv_test\.twice\.default, 1 time"):
        jaxconv.from_torch(Of(lambda x: torch.ops.jaxconv_test.twice(x)), EXAMPLE)
