"""parity.check(train_steps=...): right ports pass, and faults that only steps show are found."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import linen, nnx

import jaxconv
import parity


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 3, 3, padding=1, bias=False)
        self.norm = torch.nn.BatchNorm2d(3)
        self.head = torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.conv(x))).mean((2, 3)))


class Ours(nnx.Module):
    def __init__(self, momentum=0.1):
        rngs = nnx.Rngs(0)
        self.conv = jaxconv.Conv2d(2, 3, 3, padding=1, bias=False, rngs=rngs)
        self.norm = jaxconv.BatchNorm2d(3, momentum=momentum, rngs=rngs)
        self.head = jaxconv.Linear(3, 2, rngs=rngs)

    def __call__(self, x):
        return self.head(jax.nn.relu(self.norm(self.conv(x))).mean((2, 3)))


def image(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def theirs():
    torch.manual_seed(0)
    return Theirs()


X = image(3, 2, 5, 4)


def differing(report):
    return [v.name for v in report.training if not v.ok]


def test_a_right_port_is_trained_alike_and_the_report_says_so():
    report = parity.check(theirs(), Ours(), X, train_steps=3)
    report.assert_ok()
    names = [v.name for v in report.training]
    assert names[:2] == ["step1.loss", "step1.output"] and len(names) == 3 * len(
        {n.partition(".")[2] for n in names}
    )
    assert {"step3.parameter.conv.weight", "step3.buffer.norm.running_var"} <= set(names)
    assert str(report).startswith(
        "the same network: 3 of 3 layers and the network end to end differ by rounding only, and so do 3 steps"
    )
    assert "Training, 3 steps" in report._repr_html_() and "step3.parameter.conv.weight" in report.to_junit()
    document = json.loads(report.to_json())
    assert document["schema"] == 5 and [v["name"] for v in document["training"]] == names


def linear(frozen=False):
    torch.manual_seed(0)
    return torch.nn.Linear(3, 2).requires_grad_(not frozen)


def our_linear(frozen=False):
    layer = jaxconv.Linear(3, 2, rngs=nnx.Rngs(0))
    if frozen:
        layer.weight, layer.bias = (jaxconv.FrozenParam(p[...]) for p in (layer.weight, layer.bias))
    return layer


def half_frozen():
    layer = linear()
    layer.weight.requires_grad_(False)
    return layer


def test_parameters_that_are_frozen_on_one_side_only_are_named():
    x = image(4, 3)
    assert parity.check(half_frozen(), our_linear(), x).ok
    report = parity.check(half_frozen(), our_linear(), x, train_steps=1)
    assert differing(report) == ["step1.parameter.weight"]
    assert "weight: the Flax network trains it, torch's network does not" in report.short()
    report = parity.check(linear(), our_linear(frozen=True), x, train_steps=1)
    assert "weight: torch's network trains it, the Flax network does not" in report.short()


def test_parameters_that_are_frozen_on_both_sides_stay():
    theirs, ours = half_frozen(), our_linear()
    ours.weight = jaxconv.FrozenParam(ours.weight[...])
    report = parity.check(theirs, ours, image(4, 3), train_steps=2)
    report.assert_ok()
    moved = {v.name: v.ratio > 0 for v in report.training}
    assert moved["step2.parameter.bias"] and not moved["step2.parameter.weight"]


def test_a_wrong_momentum_of_the_statistics_is_found():
    report = parity.check(theirs(), Ours(momentum=0.9), X, train_steps=1)
    assert {"step1.buffer.norm.running_mean", "step1.buffer.norm.running_var"} == set(differing(report))


class Shared(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(3, 3)
        self.b = self.a

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))


class Separate(nnx.Module):
    def __init__(self, shared):
        self.a = jaxconv.Linear(3, 3, rngs=nnx.Rngs(0))
        self.b = self.a if shared else jaxconv.Linear(3, 3, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.b(jnp.tanh(self.a(x)))


def test_separate_weights_for_shared_ones_are_found():
    torch.manual_seed(0)
    assert parity.check(Shared(), Separate(True), image(4, 3), train_steps=2).ok
    report = parity.check(Shared(), Separate(False), image(4, 3), train_steps=2)
    assert "step1.parameter.b.weight" in differing(report)
    assert "step2.output" in differing(report) and "step1.output" not in differing(report)


def half_mean(y):
    return (y * y).mean() / 2


def half_sum(y):
    return (y * y).sum() / 2


def test_a_loss_that_is_summed_over_the_batch_and_not_averaged_is_found():
    x = image(4, 3)
    parity.check(linear(), our_linear(), x, train_steps=2, loss=(half_mean, half_mean)).assert_ok()
    report = parity.check(linear(), our_linear(), x, train_steps=2, loss=(half_mean, half_sum))
    assert differing(report)[0] == "step1.loss" and "step1.parameter.weight" in differing(report)
    assert "what a step of training changes differs" in report.short()


@pytest.mark.parametrize(
    ("of_torch", "of_flax", "same"),
    [
        (lambda p: torch.optim.Adam(p, 1e-2), optax.adam(1e-2), True),
        (lambda p: torch.optim.AdamW(p, 1e-2, weight_decay=0.1), optax.adamw(1e-2, weight_decay=0.1), True),
        # torch's Adam adds the decay to the gradient, optax's adamw to the step.
        (lambda p: torch.optim.Adam(p, 1e-2, weight_decay=0.1), optax.adamw(1e-2, weight_decay=0.1), False),
        (lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True), optax.sgd(0.1, 0.9), False),
    ],
)
def test_optimizers_are_compared(of_torch, of_flax, same):
    report = parity.check(linear(), our_linear(), image(4, 3), train_steps=3, optimizer=(of_torch, of_flax))
    assert report.ok is same, str(report)


class LinenNet(linen.Module):
    momentum: float = 0.9

    @linen.compact
    def __call__(self, x, train):
        x = linen.Conv(3, (3, 3), padding=1, use_bias=False, name="conv")(x)
        norm = linen.BatchNorm(
            use_running_average=not train, momentum=self.momentum, epsilon=1e-5, name="norm"
        )
        x = linen.relu(norm(x)).mean((1, 2))
        return linen.Dense(2, name="head")(x)


@pytest.mark.thorough
def test_linen_networks_are_trained():
    # Flax takes the biased variance into the running one, torch the unbiased: only the eval mode is the same.
    module = LinenNet()
    port = module, module.init(jax.random.key(0), np.zeros((1, 5, 4, 2), np.float32), False)
    report = parity.check(theirs().eval(), port, X, train_steps=2)
    report.assert_ok()
    assert "step2.parameter.norm.bias" in {v.name for v in report.training}


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(10))
def test_no_alarm_over_many_seeds(seed):
    torch.manual_seed(seed)
    adam = lambda p: torch.optim.Adam(p, 1e-3), optax.adam(1e-3)
    x = np.random.default_rng(seed).standard_normal((3, 2, 5, 4), dtype=np.float32)
    for optimizer in (None, adam):
        parity.check(Theirs(), Ours(), x, seed=seed, train_steps=3, optimizer=optimizer).assert_ok()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (dict(optimizer=(torch.optim.SGD, optax.sgd(1))), "`optimizer` must come with `train_steps`"),
        (dict(train_steps=-1), r"`train_steps` \(=-1\) must be a number of steps"),
        (dict(train_steps=True), r"`train_steps` \(=True\) must be a number of steps"),
        (dict(train_steps=1, quick=True), "`train_steps` needs gradients, and `quick` compares none"),
        (dict(train_steps=1, optimizer=optax.sgd(1)), "`optimizer` must be a pair, .* got"),
        (
            dict(train_steps=1, optimizer=(torch.optim.SGD, 3)),
            "`optimizer` must be a pair: .* got type and int",
        ),
        (dict(train_steps=1, loss=half_sum), "`loss` must be a pair, .* got function"),
    ],
)
def test_steps_that_cannot_be_made_are_refused(options, error):
    with pytest.raises((ValueError, TypeError), match=error):
        parity.check(torch.nn.Linear(3, 2), jaxconv.Linear(3, 2, rngs=nnx.Rngs(0)), image(4, 3), **options)


def test_a_network_that_makes_its_first_state_is_trained():
    class Steps(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.of_x, self.of_h = torch.nn.Linear(3, 4), torch.nn.Linear(4, 4)

        def forward(self, x):
            h = torch.zeros(x.shape[0], 4)
            for i in range(2):
                h = torch.tanh(self.of_x(x[:, i]) + self.of_h(h))
            return h

    class Same(nnx.Module):
        def __init__(self):
            self.of_x, self.of_h = (jaxconv.Linear(n, 4, rngs=nnx.Rngs(0)) for n in (3, 4))

        def __call__(self, x):
            h = jnp.zeros((x.shape[0], 4), x.dtype)
            for i in range(2):
                h = jnp.tanh(self.of_x(x[:, i]) + self.of_h(h))
            return h

    parity.check(Steps(), Same(), image(3, 2, 3), train_steps=1).assert_ok()
