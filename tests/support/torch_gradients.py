"""A network around one function, and its gradients beside torch's, bit for bit.

Inputs and parameters are small multiples of 1/4, so that sums and products of a few of them are exact.
"""

import copy

import jax
import numpy as np
import torch
from flax import nnx
from torch import nn
from torch.autograd import Function

import jaxconv

RNG = np.random.default_rng(0)


def numbers(*shape):
    return (RNG.integers(1, 12, shape) * RNG.choice([-1, 1], shape) / 4).astype(np.float32)


class Reverse(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -ctx.factor * grad, None


reverse = Reverse.apply  # as people write it: bound before anything is traced


class Net(nn.Module):
    """A function of a dense layer's result, which is used otherwise, too."""

    def __init__(self, function, size=3):
        super().__init__()
        self.fc, self.function = nn.Linear(size, size), function
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.from_numpy(numbers(*parameter.shape)))

    def forward(self, x):
        return self.function(self.fc(x), x)


def gradients_of_torch(module, arrays):
    """The outputs, a cotangent for each, and the gradients of inputs and parameters."""
    tensors = [torch.from_numpy(a).requires_grad_() for a in arrays]
    outputs = module(*[t * 1 for t in tensors])
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    cotangents = [numbers(*y.shape) if y.requires_grad else None for y in outputs]
    live = [(y, torch.from_numpy(ct)) for y, ct in zip(outputs, cotangents, strict=True) if ct is not None]
    wanted = [*tensors, *module.parameters()]
    torch.autograd.backward(*map(list, zip(*live, strict=True)))
    return outputs, cotangents, [np.zeros(w.shape) if w.grad is None else w.grad.numpy() for w in wanted]


def compare(module, network, *arrays):
    """Outputs and gradients, bit for bit."""
    outputs, cotangents, theirs = gradients_of_torch(copy.deepcopy(module), arrays)
    names = [name for name, _ in module.named_parameters()]

    @jax.jit
    def ours(network, arrays):
        def loss(network, arrays):
            results = network(*arrays)
            results = results if isinstance(results, tuple) else (results,)
            return sum(
                (y * ct).sum() for y, ct in zip(results, cotangents, strict=True) if ct is not None
            ), results

        (_, results), (of_network, of_arrays) = nnx.value_and_grad(loss, argnums=(0, 1), has_aux=True)(
            network, arrays
        )
        held = jaxconv.state_dict(of_network)
        return results, [*of_arrays, *(held[name] for name in names)]

    results, mine = ours(network, arrays)
    for y, want in zip(results, outputs, strict=True):
        np.testing.assert_array_equal(y, want.detach().numpy())
    for name, got, want in zip([*range(len(arrays)), *names], mine, theirs, strict=True):
        np.testing.assert_array_equal(got, want, err_msg=str(name))
    assert any(np.any(g) for g in theirs)
