"""Noise in the place of rounding: which results have it, how much, and that it follows from the seed."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from parity._bounds.tolerance import arithmetic
from parity._torch.monte_carlo import Wide, uncertainty

SINGLE = arithmetic(np.float32)
X = torch.randn(3, 4, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
W = torch.randn(5, 4, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def noisy(function, *args, seed=0, how=SINGLE):
    with Wide(how, seed):
        return function(*args)


@pytest.mark.parametrize(
    "function",
    [
        F.relu,
        torch.neg,
        torch.flatten,
        lambda x: x[:, 1:].transpose(1, 2),
        lambda x: torch.cat([x, x], 1),
        lambda x: F.max_pool2d(x, 2),
        lambda x: F.pad(x, (1, 2, 2, 1), "reflect"),
        lambda x: F.interpolate(x, scale_factor=2),
        lambda x: x.amax((2, 3)),
    ],
)
def test_what_selects_or_copies_is_exact(function):
    assert torch.equal(noisy(function, X), function(X))


@pytest.mark.parametrize("function", [torch.exp, torch.tanh, torch.mul, torch.sqrt])
def test_an_operation_on_single_numbers_is_a_few_units_off(function):
    args = (X.abs(), X)[: 2 if function is torch.mul else 1]
    y = function(*args)
    off = (noisy(function, *args) - y).abs() / (SINGLE.store * y.abs())
    assert off.max() <= 4 and off.median() > 1


# What sums is off in proportion to the same sum of absolute values.
SUMS = {
    "convolution": (lambda x, w: F.conv2d(x, w), (X, W)),
    "transposed": (lambda x, w: F.conv_transpose2d(x, w.transpose(0, 1)), (X, W)),
    "matrix product": (lambda x, w: x.flatten(1) @ x.flatten(1).T, (X, W)),
    "mean": (lambda x, w: x.mean((2, 3)), (X, W)),
    "average": (lambda x, w: F.avg_pool2d(x, 3), (X, W)),
}


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_is_off_by_what_its_terms_explain(name):
    function, args = SUMS[name]
    y, sums = function(*args), function(*(a.abs() for a in args))
    off = (noisy(function, *args) - y).abs()
    # No more than the sure bound of 4 * 36 terms, the most that one of these has, and not nothing.
    assert (off <= 200 * SINGLE.accumulate * sums + SINGLE.store * y.abs()).all()
    assert (off > 0).all()
    half = arithmetic(np.dtype("float16"))
    assert (noisy(function, *args, how=half) - y).abs().mean() > 10 * off.mean()


def test_gradients_are_moved_too():
    w = W.clone().requires_grad_()

    def gradient(x):
        return torch.autograd.grad((F.conv2d(x, w) ** 2).sum(), w)[0]

    right, other = gradient(X), noisy(gradient, X)
    assert not torch.equal(right, other)
    assert (right - other).abs().max() < 1e-3 * right.abs().max()


def test_noise_follows_from_the_seed():
    assert torch.equal(noisy(torch.exp, X, seed=3), noisy(torch.exp, X, seed=3))
    assert not torch.equal(noisy(torch.exp, X, seed=3), noisy(torch.exp, X, seed=4))
    state = torch.get_rng_state()
    noisy(torch.exp, X)
    assert torch.equal(torch.get_rng_state(), state)


def test_an_operation_in_place_moves_what_it_wrote_to():
    x = X.clone()
    with Wide(SINGLE):
        x.exp_()
    assert not torch.equal(x, X.exp()) and (x / X.exp() - 1).abs().max() <= 4 * SINGLE.store


def test_without_noise_a_run_stays_in_float64_and_is_exact():
    with Wide():
        made, cast = torch.ones(2, dtype=torch.float32), X.to(torch.bfloat16)
        gelu = F.gelu(X)
    assert made.dtype == cast.dtype == torch.float64 and torch.equal(cast, X)
    assert ((gelu - F.gelu(X)).abs() <= 8 * 2.0**-53 * X.abs()).all()


def test_an_operation_of_several_steps_has_noise_in_each():
    """A difference of large numbers within it is further off than its result's last place."""
    x = X.flatten(1) + 1e3
    y = F.layer_norm(x, x.shape[1:])
    off = (noisy(F.layer_norm, x, x.shape[1:]) - y).abs() / (SINGLE.store * y.abs())
    assert off.max() > 100


def test_the_uncertainty_is_that_of_float64_s_own_rounding():
    def run(noise):
        with Wide(*noise):
            return {"sum": (X @ X.mT).numpy(), "same": F.relu(X).numpy(), "index": X.argmax(1).numpy()}

    found = uncertainty(run)
    assert set(found) == {"sum", "same"} and found["sum"].shape == (3, 4, 6, 6)
    # Eight equal numbers, whose mean is rounded.
    assert (found["same"] <= 6 * 8 * 2.0**-53 * X.abs().numpy()).all()
    scale = 2.0**-53 * (X.abs() @ X.abs().mT).numpy()
    assert (found["sum"] > 0).all() and (found["sum"] < 6 * 200 * scale).all()


def test_batch_norm_and_variances_need_no_compiler():
    """torch's own steps of var_mean import torch._dynamo, which takes seconds in every process."""
    code = (
        "import sys, torch, numpy as np\n"
        "from parity._bounds.tolerance import arithmetic\n"
        "from parity._torch.monte_carlo import Wide\n"
        "x = torch.randn(3, 4, 5, 6, dtype=torch.float64, requires_grad=True)\n"
        "with Wide(arithmetic(np.float32)):\n"
        "    torch.nn.BatchNorm2d(4).double()(x).sum().backward(), torch.var_mean(x), torch.var(x, 1), torch.std(x)\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_variance_and_mean_in_every_form():
    calls = [
        lambda f: f(X),
        lambda f: f(X, False),
        lambda f: f(X, 1),
        lambda f: f(X, (0, 2), keepdim=True),
        lambda f: f(X, dim=None, correction=2, keepdim=True),
        lambda f: f(X, -1, unbiased=False),
    ]
    # Each of the two orders of a sum is off by its number of terms in roundings.
    rounding = 2 * X.numel() * 2.0**-53 * X.abs().mean()
    for call in calls:
        variance, (_, mean) = call(torch.var), call(torch.var_mean)
        with Wide(None):
            found = call(torch.var_mean)
        assert torch.equal(found[0], variance)
        assert found[1].shape == mean.shape and (found[1] - mean).abs().max() <= rounding
        moved = noisy(call, torch.var_mean)
        assert all(not torch.equal(a, b) for a, b in zip(moved, found, strict=True))
