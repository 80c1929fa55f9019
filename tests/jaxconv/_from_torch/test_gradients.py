"""Gradients of converted networks are torch's: custom Functions, no_grad, detach and checkpoints.

Beside this: test_untraceable_backwards.py, test_hooks.py, and test_frozen.py for requires_grad=False.
"""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from one_function import Of
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint
from torch_gradients import Net, Reverse, compare, numbers, reverse

import jaxconv
import parity


class StraightThrough(Function):
    @staticmethod
    def forward(x):
        return x.round()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        grad = grad.clone()
        grad[x.abs() > 8] = 0
        return grad


class Scale(Function):
    """Several inputs, an integer one, several outputs, one of them not differentiable; sizes in the backward."""

    @staticmethod
    def forward(ctx, x, weight, index):
        y, largest, where = x * weight, x * 2, x.argmax(1)
        ctx.save_for_backward(x, weight, y)
        ctx.shape = x.shape
        ctx.mark_non_differentiable(largest)
        return y, largest, where, x + 1

    @staticmethod
    def backward(ctx, grad, of_largest, of_where, of_sum):
        x, _, y = ctx.saved_tensors
        assert of_largest is not None and of_where is not None
        return grad * 3 + of_sum * y, (grad * x).sum(0) * ctx.shape[0], None


class InPlace(Function):
    @staticmethod
    def forward(ctx, x):
        x.add_(1)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad * 5


class Square(Function):
    """Its backward is another custom Function's."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return Reverse.apply(grad, 2.0) * x


class Cube(Function):
    """Its gradient is written with its own result: its second derivative goes through the result."""

    @staticmethod
    def forward(ctx, x):
        y = x * x * x
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, grad):
        x, y = ctx.saved_tensors
        return grad * y + x


class Broadcast(Function):
    """Gradients of another shape and dtype, which torch's engine fits."""

    @staticmethod
    def forward(ctx, x, bias):
        return x + bias

    @staticmethod
    def backward(ctx, grad):
        return grad.double(), grad


class Unused(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.set_materialize_grads(False)
        return x * 2, y * 2

    @staticmethod
    def backward(ctx, of_x, of_y):
        return (None if of_x is None else of_x * 3), None


class WithState(Function):
    """A constant and a parameter in the backward."""

    @staticmethod
    def forward(ctx, x, module):
        ctx.module = module
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.module.weight[0] + torch.tensor(2.0), None


class Complex(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        return grad * (1 + 2j) * ctx.saved_tensors[0]


class Once(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return grad * 7


class Inherits(Reverse):
    @staticmethod
    def backward(ctx, grad):
        return grad * 11, None


def local(y):
    class Local(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, grad):
            return grad * 13

    return Local.apply(y)


def no_grad(y):
    with torch.no_grad():
        return reverse(y, 2.0)


def in_place_without_gradient(y):
    with torch.no_grad():
        y.mul_(2)
        y[0].add_(1)
    return y * 1


def written_through(view):
    def function(y, x):
        view(y).mul_(2)
        return y * x

    return function


def inference(y):
    with torch.inference_mode():
        return y * 2


FUNCTIONS = {
    "reversal": lambda y, x: reverse(y, 3.0),
    "straight through": lambda y, x: StraightThrough.apply(y) * x,
    "of the input": lambda y, x: reverse(x, 3.0) * y,
    "several": lambda y, x: Scale.apply(y, x[0], torch.arange(3)),
    "the first only": lambda y, x: Scale.apply(y, x[0], torch.arange(3))[0],
    "in place": lambda y, x: InPlace.apply(y * 2) * x,
    "in place, used again": lambda y, x: (z := y * 2, InPlace.apply(z), z * x)[2],
    "nested": lambda y, x: Square.apply(y) * x,
    "saved result": lambda y, x: Cube.apply(y),
    "other shapes": lambda y, x: Broadcast.apply(y, x[0]),
    "unused": lambda y, x: Unused.apply(y, x)[0] + y,
    "once": lambda y, x: Once.apply(y),
    "inherited": lambda y, x: Inherits.apply(y, 2.0) + reverse(x, 2.0),
    "local class": lambda y, x: local(y),
    "twice": lambda y, x: reverse(reverse(y, 2.0), 3.0),
    "then in place": lambda y, x: StraightThrough.apply(y).relu_(),
    "under no_grad": lambda y, x: no_grad(y) + y * x,
    "checkpoint": lambda y, x: checkpoint(lambda z: reverse(z * x, 3.0), y, use_reentrant=False),
    "reentrant checkpoint": lambda y, x: checkpoint(lambda z: reverse(z * z, 3.0), y, use_reentrant=True),
    "reentrant checkpoint of the input": lambda y, x: checkpoint(lambda z: z * z, x, use_reentrant=True) * y,
    "then in place, after a checkpoint": lambda y, x: checkpoint(
        lambda z: (z * z, z * 3), y, use_reentrant=True
    )[0].mul_(2),
    "plain checkpoint": lambda y, x: checkpoint(lambda z: z * z, y, use_reentrant=True),
    "detach": lambda y, x: y.detach() * x + y,
    "data": lambda y, x: y.data * x + y,
    "inference mode": lambda y, x: inference(y) + y,
    "written under no_grad": lambda y, x: in_place_without_gradient(y) * x,
    "written to detach": written_through(lambda y: y.detach()),
    "written to data": written_through(lambda y: y.data),
    "written to detach with gradients": lambda y, x: (d := y.detach(), d.add_(x), y * x + d)[2],
    "written to a part of detach with gradients": lambda y, x: (
        d := y.detach(),
        d[:, 1:].add_(x[:, 1:]),
        y * x + d,
    )[2],
    "view written under no_grad": lambda y, x: (v := y[:, 1], torch.no_grad()(v.mul_)(2), y * x + v[:, None])[
        2
    ],
    "written to a part of detach": written_through(lambda y: y.detach()[:, 1:]),
    "enable_grad": lambda y, x: torch.enable_grad()(lambda: y * x)(),
}


@pytest.mark.share(3)
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad:UserWarning")  # of checkpoint
@pytest.mark.parametrize("kind", FUNCTIONS)
def test_gradients_are_torchs_at_every_batch_size(kind):
    module = Net(FUNCTIONS[kind])
    network = jaxconv.from_torch(module, torch.from_numpy(numbers(2, 3)))
    for batch in (2, 5, 1):
        compare(module, network, numbers(batch, 3))


@pytest.mark.parametrize("kind", ["saved result", "nested", "reversal"])
def test_second_derivatives_are_torchs(kind):
    function = FUNCTIONS[kind]
    network = jaxconv.from_torch(Of(lambda x: function(x, x)), torch.ones(2, 3))
    x, ct = numbers(2, 3), numbers(2, 3)
    t = torch.from_numpy(x).requires_grad_()
    (first,) = torch.autograd.grad(function(t, t * 1).sum(), t, create_graph=True)
    second = torch.autograd.grad((first * torch.from_numpy(ct)).sum() + 0 * t.sum(), t)[0].numpy()
    mine = jax.grad(lambda x: (jax.grad(lambda x: network(x).sum())(x) * ct).sum())(jnp.asarray(x))
    np.testing.assert_array_equal(mine, second)


def test_complex_gradients_are_torchs_conjugated():
    network = jaxconv.from_torch(Of(Complex.apply), torch.ones(2, dtype=torch.complex64))
    x = (numbers(2) + 1j * numbers(2)).astype(np.complex64)
    t = torch.from_numpy(x).requires_grad_()
    (Complex.apply(t) * (2 - 1j)).real.sum().backward()
    mine = jax.grad(lambda x: (network(x) * (2 - 1j)).real.sum())(jnp.asarray(x))
    np.testing.assert_array_equal(np.conj(mine), t.grad.numpy())


@pytest.mark.parametrize(
    "call", [WithState.apply, lambda x, module: checkpoint(module.dense, x, use_reentrant=True)]
)
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad:UserWarning")
def test_parameters_that_a_function_is_not_given(call):
    class Uses(nn.Linear):
        def dense(self, x):
            return super().forward(x)

        def forward(self, x):
            return call(x, self) + self.dense(x)

    module = Uses(3, 3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.from_numpy(numbers(*parameter.shape)))
    compare(module, jaxconv.from_torch(module, torch.ones(2, 3)), numbers(4, 3))


def test_transformations_of_a_custom_function():
    network = jaxconv.from_torch(Of(lambda x: StraightThrough.apply(reverse(x, 3.0))), torch.ones(2, 3))
    x = jnp.asarray(numbers(4, 5, 3))
    grad = jax.grad(lambda x: network(x).sum())
    want = np.full(x.shape, -3.0)
    np.testing.assert_array_equal(jax.vmap(jax.jit(grad))(x), want)
    np.testing.assert_array_equal(jax.grad(lambda x: jax.checkpoint(network)(x).sum())(x[0]), want[0])
    np.testing.assert_array_equal(jax.vmap(lambda x: jax.vjp(network, x)[0])(x), np.round(x))
    again = nnx.merge(*pickle.loads(pickle.dumps(nnx.split(network))))
    np.testing.assert_array_equal(jax.grad(lambda x: again(x).sum())(x[0]), want[0])
    (batch,) = jax.export.symbolic_shape("batch")
    exported = jax.export.export(jax.jit(network))(jax.ShapeDtypeStruct((batch, 3), jnp.float32))
    again = jax.export.deserialize(exported.serialize(vjp_order=1))
    np.testing.assert_array_equal(jax.grad(lambda x: again.call(x).sum())(x[0]), want[0])
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(network, (x[0],), (x[0],))


def test_parity_checks_the_backward_of_a_custom_function():
    module = Net(FUNCTIONS["reversal"])
    network = jaxconv.from_torch(module, torch.ones(2, 3))
    parity.check(module, network, numbers(4, 3)).assert_ok()
    wrong = jaxconv.from_torch(Net(lambda y, x: y), torch.ones(2, 3))
    report = parity.check(module, jaxconv.load_state_dict(wrong, module.state_dict()), numbers(4, 3))
    with pytest.raises(AssertionError, match=r"grad\.input"):
        report.assert_ok()


def test_gradients_are_kept_when_torchs_are_switched_off():
    module = Net(FUNCTIONS["reversal"])
    for off in (torch.no_grad, torch.inference_mode):
        with off():
            network = jaxconv.from_torch(module, torch.ones(2, 3))
        compare(module, network, numbers(4, 3))


def test_classes_are_left_as_they_are():
    before = {cls: dict(vars(cls)) for cls in (Reverse, Inherits, StraightThrough)}
    names = ("register_hook", "register_post_accumulate_grad_hook")
    functions = [getattr(torch.Tensor, name) for name in names]
    jaxconv.from_torch(Net(FUNCTIONS["inherited"]), torch.ones(2, 3))
    with pytest.raises(ValueError, match="decides by the numbers"):
        jaxconv.from_torch(Of(lambda x: reverse(x, 2.0) if x.sum() > 0 else x), torch.ones(2, 3))
    assert before == {cls: dict(vars(cls)) for cls in before}
    assert functions == [getattr(torch.Tensor, name) for name in names]
    assert torch.inference_mode.__enter__.__module__ == "torch.autograd.grad_mode"
    x = torch.ones(2, requires_grad=True)
    local(x).sum().backward()
    assert (x.grad == 13).all()
