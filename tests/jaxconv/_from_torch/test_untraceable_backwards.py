"""A custom Function whose backward cannot be traced is refused by name and place, when its gradient is wanted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from one_function import Of
from torch.autograd import Function
from torch_gradients import numbers

import jaxconv


def numpys(grad):
    return torch.from_numpy(grad.numpy() * 2)


def counts_wrongly(grad):
    return grad, grad, grad


def bad(make):
    class Bad(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return make(grad)

    return lambda x: Bad.apply(x)  # the place of the call


UNTRACEABLE = {
    "branch": (
        lambda g: g * 2 if g.sum() > 0 else g,
        r"reads the numbers in a tensor \(test_untraceable_backwards.py line",
    ),
    "item": (
        lambda g: g / g.abs().max().item(),
        r"reads the numbers in a tensor \(test_untraceable_backwards.py line",
    ),
    "numpy": (numpys, r"reads the numbers in a tensor \(test_untraceable_backwards.py line"),
    "random": (lambda g: g * torch.rand_like(g), "rand_like.default in it draws random numbers"),
    "count": (counts_wrongly, r"returns 3 gradient\(s\) for 1 input"),
    "error": (lambda g: g @ torch.ones(7), "RuntimeError"),
}


@pytest.mark.parametrize("kind", UNTRACEABLE)
def test_a_backward_that_cannot_be_traced_is_refused_by_name_and_place_when_it_is_wanted(kind):
    make, reason = UNTRACEABLE[kind]
    network = jaxconv.from_torch(Of(bad(make)), torch.ones(2, 3))
    x = jnp.asarray(numbers(4, 3))
    np.testing.assert_array_equal(network(x), 2 * x)
    with pytest.raises(
        NotImplementedError,
        match=rf"backward of Bad \(test_untraceable_backwards.py line \d+: .*Bad\.apply\(x\).*\) could not be traced: .*{reason}.*stop_gradient",
    ):
        jax.grad(lambda x: network(x).sum())(x)


def test_a_backward_that_writes_to_what_it_has_saved_is_refused():
    class Writes(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return ctx.saved_tensors[0].mul_(grad)

    with pytest.raises(
        ValueError, match=r"backward of Writes \(test_untraceable_backwards.py line \d+.*writes in place"
    ):
        jaxconv.from_torch(Of(lambda x: Writes.apply(x)), torch.ones(2, 3))
