"""torch.cond: the branch that torch runs, its gradients, and what a branch must not do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from one_function import Of
from torch import nn

import jaxconv

# torch.cond's compiler looks at everything that a branch uses, and has something to say of Python 3.13.0.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
    pytest.mark.filterwarnings("ignore:Guards may run slower"),
]


class Chooses(nn.Module):
    """One branch uses a layer, the other a constant of its own and what the first writes nowhere."""

    def __init__(self):
        super().__init__()
        self.fc, self.scale = nn.Linear(3, 3), nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        y = x * self.scale

        def true(y, x):
            return self.fc(y), y + x

        def false(y, x):
            return y * torch.arange(3), y - x

        a, b = torch.cond(x.sum() > 0, true, false, (y, x))
        return a * b


@pytest.mark.share(2)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("batch", [1, 5])
def test_the_branch_that_torch_runs_and_its_gradients(sign, batch):
    torch.manual_seed(0)
    module = Chooses()
    network = jaxconv.from_torch(module, torch.ones(2, 3))
    x = sign * np.arange(1, 3 * batch + 1, dtype=np.float32).reshape(batch, 3) / 4
    given = torch.from_numpy(x).requires_grad_()
    y = module(given)
    y.sum().backward()
    graph, state = nnx.split(network)

    @jax.jit
    def both(state, x):
        def loss(state, x):
            result = nnx.merge(graph, state)(x)
            return result.sum(), result

        return jax.grad(loss, argnums=(0, 1), has_aux=True)(state, x)

    (grads, by_x), ours = both(state, x)
    unit = np.finfo(np.float32).eps
    for mine, theirs in ((ours, y), (by_x, given.grad), (grads["scale"].get_value(), module.scale.grad)):
        theirs = theirs.detach().numpy()
        assert np.abs(mine - theirs).max() <= 8 * unit * np.abs(theirs).max()  # sums of 3 and of 15 products
    weight = module.fc.weight.grad
    expected = np.zeros((3, 3)) if weight is None else weight.numpy()
    mine = grads["fc"]["weight"].get_value()
    assert np.abs(mine - expected).max() <= 8 * unit * np.abs(expected).max()
    assert expected.any() == (sign > 0)


def test_only_one_branch_runs():
    network = jaxconv.from_torch(
        Of(lambda x: torch.cond(x[0, 0] > 0, lambda x: x.sqrt(), lambda x: x * 2, (x,))), torch.ones(2, 1)
    )
    # Of a branch that is computed and not taken the gradient would be NaN.
    grad = jax.grad(lambda x: network(x).sum())(-jnp.ones((2, 1)))
    np.testing.assert_array_equal(grad, 2 * np.ones((2, 1)))
    assert "cond" in str(jax.make_jaxpr(lambda x: network(x))(jnp.ones((2, 1))))


def test_a_branch_in_a_branch():
    def inner(x):
        return torch.cond(x.sum() > 4, lambda x: x * 3, lambda x: x * 5, (x,))

    function = Of(lambda x: torch.cond(x.sum() > 0, inner, lambda x: x * 7, (x,)))
    network = jaxconv.from_torch(function, torch.ones(2))
    for first in (-1.0, 1.0, 9.0):
        x = np.array([first, 0], np.float32)
        np.testing.assert_array_equal(network(x), function(torch.from_numpy(x)))


@pytest.mark.parametrize(
    ("branch", "words"),
    [
        (nn.BatchNorm1d(3).eval(), "batch_norm.default in it may change a buffer"),
        (lambda x: torch.rand_like(x) * x, "rand_like.default in it draws random numbers"),
    ],
)
def test_what_a_branch_must_not_do_is_refused_with_its_line(branch, words):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch = branch

        def forward(self, x):
            return torch.cond(x.sum() > 0, lambda x: self.branch(x), lambda x: x.clone(), (x,))

    with pytest.raises(ValueError, match=rf"torch.cond at .*: .*{words}, which a branch"):
        jaxconv.from_torch(Net(), torch.ones(2, 3))
