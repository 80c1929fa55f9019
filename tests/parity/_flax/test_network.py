"""What may stand on the Flax side, and how it is called."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from parity._flax import run as flax_run
from parity._flax.network import network


class Dropping(linen.Module):
    @linen.compact
    def __call__(self, x, train: bool = True, deterministic=None):
        return x * (2.0 if train else 1.0) + (0.0 if deterministic else 10.0)


@pytest.mark.parametrize("training", [True, False])
def test_a_call_that_takes_the_mode_gets_torch_s(training):
    part = network((Dropping(), {}), training)
    assert dict(part.options) == {"train": training, "deterministic": not training}
    assert any("called with train=" in note for note in part.notes)
    (y,) = flax_run.forward(part, [np.ones((1, 2), np.float32)])
    assert y.tolist() == ([[12.0, 12.0]] if training else [[1.0, 1.0]])
    assert network((Dropping(), {})).options == ()


def test_a_mode_that_was_given_stays():
    def function(_, x, train):
        return 2 * x if train else x

    part = network((functools.partial(function, train=True), {}), training=False)
    assert part.options == () and part.notes == ()
    (y,) = flax_run.forward(part, [np.ones((1, 2), np.float32)])
    assert y.tolist() == [[2.0, 2.0]]


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class Tree:
    scale: jax.Array
    inner: dict

    def __call__(self, x):
        return x * self.scale + self.inner["shift"]


def test_a_pytree_that_can_be_called_is_a_network():
    tree = Tree(jnp.full(2, 3.0), {"shift": jnp.ones(2)})
    part = network(tree)
    assert part.parameters == ("scale", "inner.shift")
    (y,) = flax_run.forward(part, [np.ones((1, 2), np.float32)])
    assert y.tolist() == [[4.0, 4.0]]
    (y,) = flax_run.forward(network((lambda tree, x: tree(x) + 1, tree)), [np.ones((1, 2), np.float32)])
    assert y.tolist() == [[5.0, 5.0]]


def test_what_is_no_network_is_refused():
    for other in (3, jnp.ones(2), "net", linen.Dense(3)):
        with pytest.raises(TypeError, match="`flax_module` must be an NNX module"):
            network(other)
