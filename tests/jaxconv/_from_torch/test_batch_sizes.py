"""What torch's code decides by the batch size, and the check of a converted network on its own example."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from one_function import Of
from torch import nn

import jaxconv
from jaxconv._from_torch import ops

pytestmark = pytest.mark.share(3)


def _numbered(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape) + 1


def _batch_statistics(x):
    return x - x.mean(0, keepdim=True) if x.shape[0] > 1 else x


def _drops_the_batch(x):
    return x[0] if x.shape[0] == 1 else x.sum(0)


def _empty_or_not(x):
    return x.new_ones(3) if x.shape[0] == 0 else x.amax(0)


def _squeezes(x):
    y = x.squeeze()
    return y.sum(-1) if y.dim() == 1 else y.sum(-1) * 2


def _broadcasts(x):
    y = x.t()[:, :1] if x.shape[0] < 2 else x.t()
    return y + torch.ones(3, 1)


def _by_its_size(x):
    return x * x.shape[0]


BRANCHES = [_batch_statistics, _drops_the_batch, _empty_or_not, _squeezes, _broadcasts, _by_its_size]


@pytest.mark.parametrize("example", [0, 1, 2, 5])
@pytest.mark.parametrize("function", BRANCHES)
def test_a_branch_on_the_batch_size_is_torchs_at_every_batch_size(function, example):
    network = jaxconv.from_torch(Of(function), torch.ones(example, 3))
    compared = 0
    for batch in (0, 1, 2, 3, 7):
        x = _numbered(batch, 3)
        if example == 0 and batch != 0:  # torch.export takes an example's size of 0 for fixed
            with pytest.raises(ValueError, match=r"torch's code has fixed these sizes"):
                network(x)
            continue
        want = function(torch.from_numpy(x)).numpy()
        got = network(x)
        assert got.shape == want.shape
        # Sums of at most seven whole numbers are exact; a mean is one rounding off, and the subtraction another.
        assert (np.abs(got - want) <= 2 * 2.0**-23 * np.abs(x).max(initial=0)).all()
        compared += 1
    assert compared == (1 if example == 0 else 5)


@pytest.mark.parametrize(
    ("function", "example", "refused", "words"),
    [
        (lambda x: x * 2 if x.shape[0] != 4 else x, 2, [4], "inputs[0].shape[0] != 4"),
        (lambda x: x * 2 if x.shape[0] % 3 == 0 else x, 6, [2, 7], "inputs[0].shape[0] % 3 == 0"),
        (lambda x: x * 2 if x.shape[0] not in (3, 5) else x, 1, [3, 5], "inputs[0].shape[0] != "),
    ],
)
def test_a_size_at_which_torch_would_do_something_else_is_refused(function, example, refused, words):
    network = jaxconv.from_torch(Of(function), torch.ones(example, 3))
    for batch in range(8):
        x = _numbered(batch, 3)
        if batch in refused or ("% 3" in words and batch not in (0, 1, 3, 6)):
            with pytest.raises(
                ValueError,
                match=rf"inputs\[0\].shape\[0\] = {batch}: .*{re.escape(words)}.*\(test_batch_sizes.py line \d+: "
                r".*\). If torch runs at this batch size, convert the network again with an example of it, and call that one",
            ):
                network(x)
        else:
            np.testing.assert_array_equal(network(x), function(torch.from_numpy(x)))


def test_a_batch_size_that_torch_refuses_is_refused_in_torchs_words():
    network = jaxconv.from_torch(Of(lambda x: x.reshape(x.shape[0], -1)), torch.ones(2, 3, 4))
    with pytest.raises(
        ValueError, match=r"inputs\[0\].shape\[0\] = 0: torch cannot run .*unspecified dimension"
    ):
        network(jnp.ones((0, 3, 4)))


def test_two_batches_of_which_one_is_1_are_refused_where_torch_branches():
    def function(x, y):
        return (x - x.mean(0, keepdim=True) if x.shape[0] > 1 else x).sum(0) + y.sum(0)

    network = jaxconv.from_torch(Of(function), (torch.ones(2, 3), torch.ones(4, 3)))
    np.testing.assert_array_equal(network(jnp.ones((1, 3)), jnp.ones((1, 3))), 2 * np.ones(3))
    np.testing.assert_array_equal(network(jnp.ones((3, 3)), jnp.ones((5, 3))), 5 * np.ones(3))
    with pytest.raises(ValueError, match=r"inputs\[0\].shape\[0\] = 1: .*only where all batch sizes are 1"):
        network(jnp.ones((1, 3)), jnp.ones((5, 3)))


def test_a_child_that_branches_is_right_when_it_is_called_alone_too():
    def doubled_or_centred(x):
        return x - x.mean(0, keepdim=True) if x.shape[0] > 1 else 2 * x

    network = jaxconv.from_torch(nn.Sequential(Of(doubled_or_centred), nn.Linear(3, 3)), torch.ones(2, 3))
    x = _numbered(1, 3)
    child = getattr(network, "0")
    np.testing.assert_array_equal(child(x), 2 * x)
    assert not np.array_equal(child(_numbered(2, 3)), _numbered(2, 3))
    assert isinstance(network[1], jaxconv.Linear), "a Linear layer does the same at every batch size"

    idle = jaxconv.from_torch(nn.Sequential(Of(_batch_statistics), nn.Linear(3, 3)), torch.ones(2, 3))
    with pytest.raises(ValueError, match="calls this Of never at batch size 1, so it cannot"):
        getattr(idle, "0")(x)


def test_constants_of_two_branches_are_kept_apart():
    def function(x):
        return x + torch.tensor([1.0, 2.0, 3.0]) if x.shape[0] == 1 else x + torch.tensor([4.0, 5.0, 6.0])

    network = jaxconv.from_torch(Of(function), torch.ones(1, 3))
    for batch in (1, 2):
        x = _numbered(batch, 3)
        np.testing.assert_array_equal(network(x), function(torch.from_numpy(x)))


def _exported(network, constraints=()):
    (batch,) = jax.export.symbolic_shape("b", constraints=constraints)
    graph, state = nnx.split(network)
    function = jax.jit(lambda x: nnx.merge(graph, state)(x))
    return jax.export.export(function)(jax.ShapeDtypeStruct((batch, 3), jnp.float32))


@pytest.mark.parametrize(
    "function", [_batch_statistics, lambda x: x * 2 if x.shape[0] != 4 else x], ids=["one", "four"]
)
def test_exporting_for_any_batch_size_is_refused_where_torch_branches(function):
    network = jaxconv.from_torch(Of(function), torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"something else for some of the sizes .*constraints="):
        _exported(network)
    call = _exported(network, ["b >= 5"]).call
    np.testing.assert_array_equal(call(_numbered(6, 3)), function(torch.from_numpy(_numbered(6, 3))))


def test_exporting_for_any_batch_size_is_allowed_where_the_traces_agree():
    class Token(nn.Module):
        def __init__(self):
            super().__init__()
            self.token = nn.Parameter(torch.ones(1, 3))

        def forward(self, x):
            return torch.cat([self.token.expand(x.shape[0], -1), x], 1)

    network = jaxconv.from_torch(Token(), torch.ones(1, 3))
    assert not network.signatures and _exported(network).call(_numbered(1, 3)).shape == (1, 6)


# The check


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (lambda x: jnp.zeros_like(x), r"`output` differs by 1, of which rounding explains"),
        (lambda x: x[..., :2], r"`output` has shape \(2, 2\), torch's has \(2, 3\)"),
        (lambda x: x * jnp.nan, "`output` is finite where torch's is not"),
        (lambda x: jax.nn.relu(x) * 1.0001, r"`output` differs by 0.0001, of which rounding explains"),
    ],
)
def test_a_wrong_result_on_the_example_is_refused(monkeypatch, wrong, problem):
    original = ops.find
    monkeypatch.setattr(ops, "find", lambda op: wrong if op == "relu.default" else original(op))
    with pytest.raises(ValueError, match=rf"disagrees with torch on its own example: {problem}"):
        jaxconv.from_torch(nn.ReLU(), torch.ones(2, 3))
    jaxconv.from_torch(nn.ReLU(), torch.ones(2, 3), check=False)


def test_integers_are_compared_where_rounding_does_not_decide(monkeypatch):
    original = ops.find
    monkeypatch.setattr(
        ops, "find", lambda op: (lambda x, dim: 0 * x[:, 0]) if op == "argmax.default" else original(op)
    )
    network = Of(lambda x: x.argmax(1))
    with pytest.raises(ValueError, match=r"`output` differs at 2 of 2 elements"):
        jaxconv.from_torch(network, torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    jaxconv.from_torch(network, torch.ones(2, 64))  # equal numbers: rounding decides


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x - x.mean()) / x.std(),
        lambda x: torch.nn.functional.layer_norm(x, (64,)),
        lambda x: (x * 1e4 - x.sum(1, keepdim=True)).softmax(-1),
        lambda x: (x.sum() - 64 * x[0].sum()).exp().log1p(),
        lambda x: x.sort(descending=True),
        lambda x: torch.linalg.norm(x - x.mean(0)),
        lambda x: {"b": x.exp(), "a": x.cumsum(0)},
    ],
)
@pytest.mark.parametrize("example", [torch.zeros, torch.ones, torch.rand])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_rounding_is_not_refused(function, example, dtype):
    if dtype == torch.bfloat16 and "norm" in function.__code__.co_names:
        dtype = torch.float32
    torch.manual_seed(0)
    jaxconv.from_torch(Of(function), example(48, 64).to(dtype))


def test_a_network_that_draws_is_not_compared_and_torch_stays_as_it_is():
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.random.get_rng_state()
    jaxconv.from_torch(network.train(), torch.rand(4, 3, generator=torch.Generator().manual_seed(0)))
    network[2].eval()
    jaxconv.from_torch(network, torch.rand(4, 3, generator=torch.Generator().manual_seed(0)))
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert torch.equal(state, torch.random.get_rng_state())
