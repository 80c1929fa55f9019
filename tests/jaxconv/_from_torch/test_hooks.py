"""Backward hooks, and what else a trace would lose of gradients, are refused by name and place."""

import numpy as np
import pytest
import torch
from torch import nn
from torch_gradients import Net, compare, numbers, reverse

import jaxconv

pytestmark = pytest.mark.share(2)


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
        ValueError, match=rf"Net has 1 backward hook.*{name}\(.* at test_hooks.py line \d+.*ignore_hooks"
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
            match=rf"Net has 1 backward hook.*{kind}\(`double` \(test_hooks.py line \d+\)\) of",
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
    with pytest.raises(ValueError, match=r"requires_grad_\(False\).*test_hooks.py line \d+.*detach"):
        jaxconv.from_torch(module, torch.ones(2, 3))


@pytest.mark.filterwarnings("ignore:Guards may run slower:RuntimeWarning")  # Python 3.13.0
@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda y, x: reverse(y, 3.0), "backward of Reverse"),
        (lambda y, x: y.data * x + y, "Tensor.data"),
        (lambda y, x: torch.inference_mode()(lambda: y * 2)() + y, "torch.inference_mode"),
    ],
)
def test_strict_refuses_what_it_would_lose(function, words):
    with pytest.raises(ValueError, match=rf"{words} \(test_hooks.py line \d+.*strict=False"):
        jaxconv.from_torch(Net(function), torch.ones(2, 3), strict=True)
    with pytest.raises(ValueError, match="register_hook"):
        jaxconv.from_torch(Net(HOOKS["register_hook"]), torch.ones(2, 3), strict=True)
    assert jaxconv.from_torch(Net(lambda y, x: y), torch.ones(2, 3), strict=True)(numbers(2, 3)).shape == (
        2,
        3,
    )
