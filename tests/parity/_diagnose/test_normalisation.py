"""Each mistake in a normalisation gives what it says: torch's own functions beside it."""

import pytest
import torch
from torch.nn import functional as F

from parity._diagnose.registry import CAUSES, Called

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(3, 4, 4, 4, generator=GENERATOR, dtype=torch.float64)


def trained(module, train=False):
    with torch.no_grad():
        for tensor in module.double().state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.3, 1.5, generator=GENERATOR)
    return module.train(train)


BATCH, TRAINING = trained(torch.nn.BatchNorm2d(4)), trained(torch.nn.BatchNorm2d(4), True)
GROUP = trained(torch.nn.GroupNorm(2, 4))
LAYER, RMS = trained(torch.nn.LayerNorm(4)), trained(torch.nn.RMSNorm(4, eps=1e-5))
W, B = LAYER.weight, LAYER.bias


def batch(weight=BATCH.weight, bias=BATCH.bias, training=False, eps=1e-5):
    held = BATCH.running_mean.clone(), BATCH.running_var.clone()
    return F.batch_norm(X, *held, weight, bias, training, 0.1, eps)


MADE = [
    (BATCH, "batchnorm.train_mode", "it uses the batch's", lambda: batch(training=True)),
    (BATCH, "norm.epsilon", "epsilon is 0.001: write epsilon=1e-05", lambda: batch(eps=1e-3)),
    (BATCH, "norm.weight_missing", "scale is not applied", lambda: batch(weight=None)),
    (BATCH, "norm.bias_missing", "bias is not applied", lambda: batch(bias=None)),
    (GROUP, "groupnorm.groups", "there are 4 groups: torch's num_groups is 2", lambda: F.group_norm(X, 4, GROUP.weight, GROUP.bias)),
    (GROUP, "norm.epsilon", "epsilon is 1e-06", lambda: F.group_norm(X, 2, GROUP.weight, GROUP.bias, 1e-6)),
    (LAYER, "layernorm.axis", "it normalises dimension 1", lambda: F.layer_norm(X.transpose(1, 3), (4,), W, B).transpose(1, 3)),
    (LAYER, "norm.bias_missing", "bias is not applied", lambda: F.layer_norm(X, (4,), W)),
    (RMS, "norm.epsilon", "epsilon is 0.001", lambda: F.rms_norm(X, (4,), RMS.weight, 1e-3)),
]  # fmt: skip


@pytest.mark.parametrize(("module", "cause", "fix", "expected"), MADE)
def test_a_mistake_is_what_it_says(module, cause, fix, expected):
    made = [new for text, new in CAUSES[cause].forms[type(module).__name__](module) if text.startswith(fix)]
    right, state = module(X), {k: v.clone() for k, v in module.state_dict().items()}
    assert [torch.equal(new(X), expected()) for new in made] == [True]
    assert not torch.equal(expected(), right)
    assert all(torch.equal(v, state[k]) for k, v in module.state_dict().items()) and torch.equal(
        module(X), right
    )


def moved(text, cause):
    """The running statistics after a step with the mistake."""
    module = trained(torch.nn.BatchNorm2d(4), True)
    before = module.running_mean.clone(), module.running_var.clone()
    new = next(new for fix, new in CAUSES[cause].forms["BatchNorm2d"](module) if text in fix)
    new(X)
    return before, (new.running_mean, new.running_var)


@pytest.mark.parametrize(
    ("text", "cause", "momentum"),
    [("move by 0.9", "batchnorm.momentum", 0.9), ("move by 0.01", "batchnorm.momentum", 0.01)],
)
def test_statistics_move_with_another_momentum(text, cause, momentum):
    before, after = moved(text, cause)
    F.batch_norm(X, *before, training=True, momentum=momentum)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_running_variance_is_the_biased_one():
    (mean, var), after = moved("biased", "batchnorm.biased_variance")
    axes = (0, 2, 3)
    assert torch.equal(after[0], mean.lerp(X.mean(axes), 0.1))
    assert torch.equal(after[1], var.lerp(X.var(axes, correction=0), 0.1))
    assert not torch.equal(after[1], var.lerp(X.var(axes), 0.1))


def test_statistics_are_mistaken_only_where_they_are_kept():
    kept = ("batchnorm.train_mode", "batchnorm.momentum", "batchnorm.biased_variance")
    none = torch.nn.BatchNorm2d(4, track_running_stats=False)
    cumulative = torch.nn.BatchNorm2d(4, momentum=None)
    assert [len(list(CAUSES[c].forms["BatchNorm2d"](none))) for c in kept] == [0, 0, 0]
    assert [len(list(CAUSES[c].forms["BatchNorm2d"](cumulative))) for c in kept] == [1, 0, 0]
    assert [len(list(CAUSES[c].forms["BatchNorm2d"](BATCH))) for c in kept] == [1, 0, 0]
    assert next(CAUSES[kept[0]].forms["BatchNorm2d"](TRAINING))[0].startswith(
        "it uses its running statistics"
    )


def test_the_variance_is_divided_by_one_less():
    ((_, new),) = CAUSES["layernorm.variance"].forms["LayerNorm"](LAYER)
    # 4 numbers: the variance is 4/3 of torch's, in epsilon's place is 3/4 of it.
    expected = F.layer_norm(X, (4,), eps=LAYER.eps * 3 / 4) * (3 / 4) ** 0.5 * W + B
    off = (new(X) - expected).abs().max()
    assert off < 1e-3 * (LAYER(X) - expected).abs().max()


def test_another_epsilon_in_a_call():
    for name, args, eps in [
        ("layer_norm", (X, (4,), W, B), (1e-5,)),
        ("group_norm", (X, 2, W, B), ()),
        ("batch_norm", (X, B.detach(), W.detach(), None, None, False, 0.1), (1e-5,)),
    ]:
        function, called = getattr(F, name), Called(name, (*args, *eps), {})
        way = dict(CAUSES["norm.epsilon"].forms[name](called))["epsilon is 0.001"]
        assert torch.equal(way(function, *args, *eps), function(*args, eps=1e-3))
        assert not torch.equal(way(function, *args, *eps), function(*args))
