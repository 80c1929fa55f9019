"""Gradients of converted networks are torch's: custom Functions, no_grad and detach, hooks, frozen parameters.

Inputs and parameters are small multiples of 1/4, so sums and products are exact: gradients are compared bit for bit.
"""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx
from one_function import Of
from torch import nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

import jaxconv
import parity

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
        r"reads the numbers in a tensor \(test_gradients.py line",
    ),
    "item": (lambda g: g / g.abs().max().item(), r"reads the numbers in a tensor \(test_gradients.py line"),
    "numpy": (numpys, r"reads the numbers in a tensor \(test_gradients.py line"),
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
        match=rf"backward of Bad \(test_gradients.py line \d+: .*Bad\.apply\(x\).*\) could not be traced: .*{reason}.*stop_gradient",
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

    with pytest.raises(ValueError, match=r"backward of Writes \(test_gradients.py line \d+.*writes in place"):
        jaxconv.from_torch(Of(lambda x: Writes.apply(x)), torch.ones(2, 3))


# Hooks


def double(grad):
    return grad * 2


def hooked(register):
    def function(y, x):
        register(y)
        return y * x

    return function


def register_multi(y):
    torch.autograd.graph.register_multi_grad_hook([y], double)


def saved(y):
    with torch.autograd.graph.saved_tensors_hooks(double, double):
        return y * y


HOOKS = {
    "register_hook": hooked(lambda y: y.register_hook(double)),
    "Node.register_hook": hooked(lambda y: y.grad_fn.register_hook(lambda a, b: None)),
    "register_hook, of several": hooked(register_multi),
    "saved_tensors_hooks": lambda y, x: saved(y),
}
HELD = {
    "register_hook": lambda net: net.fc.weight.register_hook(double),
    "register_post_accumulate_grad_hook": lambda net: net.fc.weight.register_post_accumulate_grad_hook(
        double
    ),
    "register_full_backward_hook": lambda net: net.fc.register_full_backward_hook(double),
    "register_full_backward_pre_hook": lambda net: net.fc.register_full_backward_pre_hook(double),
    "register_module_full_backward_hook": lambda net: nn.modules.module.register_module_full_backward_hook(
        double
    ),
}


@pytest.mark.parametrize("kind", HOOKS)
def test_a_hook_that_forward_registers_is_refused_by_place_or_ignored(kind):
    name = kind.partition(",")[0]
    module = Net(HOOKS[kind])
    with pytest.raises(
        ValueError, match=rf"Net has 1 backward hook.*{name}\(.* at test_gradients.py line \d+.*ignore_hooks"
    ):
        jaxconv.from_torch(module, torch.ones(2, 3))
    x = numbers(4, 3)
    check = not kind.startswith(
        ("Node", "register_hook, of")
    )  # without gradients, as in the check, torch has no nodes
    network = jaxconv.from_torch(module, torch.ones(2, 3), ignore_hooks=True, check=check)
    np.testing.assert_array_equal(network(x), module(torch.from_numpy(x)).detach().numpy())


@pytest.mark.parametrize("kind", HELD)
def test_a_hook_that_the_network_holds_is_refused_by_name_and_place_or_ignored(kind):
    module = Net(lambda y, x: y * x)
    handle = HELD[kind](module)
    x = numbers(4, 3)
    try:
        with pytest.raises(
            ValueError,
            match=rf"Net has 1 backward hook.*{kind}\(`double` \(test_gradients.py line \d+\)\) of",
        ):
            jaxconv.from_torch(module, torch.ones(2, 3))
        network = jaxconv.from_torch(module, torch.ones(2, 3), ignore_hooks=True)
        held = [*module.fc._backward_hooks.values(), *module.fc._backward_pre_hooks.values()]
        assert (held == [double]) == ("fc" in kind or kind.startswith("register_full")), (
            "torch's own hooks stay"
        )
    finally:
        handle.remove()
    compare(module, network, x)


def test_freezing_a_parameter_in_forward_is_refused():
    def freezes(y, x):
        module.fc.weight.requires_grad_(False)
        return y

    module = Net(freezes)
    with pytest.raises(ValueError, match=r"requires_grad_\(False\).*test_gradients.py line \d+.*detach"):
        jaxconv.from_torch(module, torch.ones(2, 3))


@pytest.mark.filterwarnings("ignore:Guards may run slower:RuntimeWarning")  # Python 3.13.0
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("reversal", "backward of Reverse"),
        ("data", "Tensor.data"),
        ("inference mode", "torch.inference_mode"),
    ],
)
def test_strict_refuses_what_it_would_lose(kind, words):
    with pytest.raises(ValueError, match=rf"{words} \(test_gradients.py line \d+.*strict=False"):
        jaxconv.from_torch(Net(FUNCTIONS[kind]), torch.ones(2, 3), strict=True)
    with pytest.raises(ValueError, match="register_hook"):
        jaxconv.from_torch(Net(HOOKS["register_hook"]), torch.ones(2, 3), strict=True)
    assert jaxconv.from_torch(Net(lambda y, x: y), torch.ones(2, 3), strict=True)(numbers(2, 3)).shape == (
        2,
        3,
    )


# Frozen parameters


def test_a_frozen_parameter_is_not_trained_and_is_a_parameter_everywhere_else():
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)).eval()
    module[0].requires_grad_(False)
    network = jaxconv.from_torch(module, torch.ones(2, 3))
    first = getattr(network, "0")
    assert type(first.weight) is jaxconv.FrozenParam and not isinstance(first.weight, nnx.Param)
    assert type(getattr(network, "2").weight) is nnx.Param
    grads = nnx.grad(lambda m: (m(numbers(4, 3)) ** 2).sum())(network)
    trained = {name for name, p in module.named_parameters() if p.requires_grad}
    assert set(jaxconv.state_dict(grads)) == trained

    before = jaxconv.state_dict(network)
    optimizer = nnx.Optimizer(network, optax.adamw(0.1), wrt=nnx.Param)
    optimizer.update(network, grads)
    changed = {name for name, a in jaxconv.state_dict(network).items() if (a != before[name]).any()}
    assert changed == trained

    assert list(before) == list(module.state_dict())
    assert set(jaxconv.surgery.select(network, "**")) == {name for name, _ in module.named_parameters()}
    filled = jaxconv.surgery.zeros(network, "0.*")
    assert type(getattr(filled, "0").weight) is jaxconv.FrozenParam
    loaded = jaxconv.load_state_dict(network, module.state_dict())
    assert type(getattr(loaded, "0").weight) is jaxconv.FrozenParam
    parity.check(module, loaded, numbers(4, 3)).assert_ok()
    with pytest.raises(TypeError, match=r"is a jaxconv.FrozenParam, got a bare"):
        first.weight = jnp.zeros((3, 3))
    first.weight = nnx.Param(first.weight[...])
    grads = nnx.grad(lambda m: (m(numbers(4, 3)) ** 2).sum())(network)
    assert "0.weight" in jaxconv.state_dict(grads) and "0.bias" not in jaxconv.state_dict(grads)
