"""Networks in different modes: said once, before any layer is judged."""

import jax
import numpy as np
import pytest
import torch
from flax import linen, nnx

import jaxconv
import parity

X = np.random.default_rng(0).standard_normal((4, 3, 5, 6), dtype=np.float32)


class Theirs(torch.nn.Module):
    def __init__(self, p=0.0):
        super().__init__()
        self.conv, self.bn = torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)
        self.more, self.drop = torch.nn.BatchNorm2d(4), torch.nn.Dropout(p)

    def forward(self, x):
        return self.drop(self.more(self.bn(self.conv(x)).relu()))


class Ours(nnx.Module):
    def __init__(self, p=0.0, told=None):
        self.conv, self.bn = jaxconv.Conv2d(3, 4, 3, rngs=nnx.Rngs(0)), jaxconv.BatchNorm2d(4)
        self.more, self.drop = jaxconv.BatchNorm2d(4), jaxconv.Dropout(p, rngs=nnx.Rngs(1))
        self.told = told

    def __call__(self, x):
        x = jax.nn.relu(self.bn(self.conv(x), use_running_average=self.told))
        return self.drop(self.more(x, use_running_average=self.told))


class Thin(linen.Module):
    train: bool

    @linen.compact
    def __call__(self, x):
        x = jaxconv.linen.Conv2d(3, 4, 3, name="conv")(x)
        x = jax.nn.relu(jaxconv.linen.BatchNorm2d(4, name="bn")(x, not self.train))
        return jaxconv.linen.BatchNorm2d(4, name="more", use_running_average=not self.train)(x)


def test_a_mode_is_told_once_and_no_layer_is_judged(monkeypatch):
    def judged(*_):
        raise AssertionError("a layer was judged")

    monkeypatch.setattr("parity._check.compare.layers.JudgedLayer", judged)
    ours = Ours()
    ours.eval()
    report = parity.check(Theirs().train(), ours, X)
    assert not report.ok and report.first_divergence == "bn" and not report.network
    assert [(d.layer, d.cause) for d in report.diagnosis] == [
        ("bn", "batchnorm.train_mode"), ("more", "batchnorm.train_mode"),
    ]  # fmt: skip
    cause = (
        "2 layers (bn, more): batchnorm.train_mode: torch is in training mode, Flax in eval mode: "
        "call `model.train()`, or `torch_model.eval()`"
    )
    with pytest.raises(AssertionError) as error:
        report.assert_ok()
    assert str(error.value).splitlines() == [
        "the networks differ:",
        "  nothing else was compared: first bring both networks into the same mode",
        f"  cause: {cause}",
    ]
    text = str(report)
    assert text.splitlines()[:2] == [
        "NOT the same network: one is in training mode, the other in eval mode, in 2 layers",
        f"cause: {cause}",
    ]
    assert "not compared" in text and text.count("training mode, Flax in eval mode") == 1
    page = report._repr_html_()
    assert page.count("batchnorm.train_mode") == 1 and "2 layers (bn, more)" in page


def test_the_other_way_round_and_with_dropout():
    report = parity.check(Theirs(0.5).eval(), Ours(0.5), X)
    assert {d.layer: d.cause for d in report.diagnosis}["drop"] == "dropout.active"
    assert {d.fix for d in report.diagnosis} == {
        "torch is in eval mode, Flax in training mode: call `model.eval()`"
    }
    ours = Ours(0.5)
    ours.eval()
    report = parity.check(Theirs(0.5).train(), ours, X)
    assert {d.fix.partition(": ")[2] for d in report.diagnosis} == {
        "call `torch_model.eval()`: in training mode dropout draws at random"
    }


def test_a_frozen_layer_is_compared_with_its_own_partner():
    theirs, ours = Theirs().train(), Ours()
    theirs.bn.eval()
    report = parity.check(theirs, ours, X)
    assert [d.fix for d in report.diagnosis] == [
        "torch's layer is in eval mode, the Flax layer in training mode: call `eval()` of this layer"
    ]
    ours.bn.eval()
    parity.check(theirs, ours, X, quick=True).assert_ok()


@pytest.mark.parametrize("told", [True, False])
def test_the_mode_of_a_call_comes_before_the_attribute(told):
    ours = Ours(told=told)
    _ = ours.train() if told else ours.eval()
    parity.check(Theirs().train(not told), ours, X, quick=True).assert_ok()


def test_linen_in_another_mode_by_argument_and_by_attribute():
    thin = Thin(True)
    variables = thin.init(jax.random.key(0), X)
    theirs = Theirs().eval()
    del theirs.drop
    theirs.drop = torch.nn.Identity()
    report = parity.check(theirs, (thin, variables), X)
    (found,) = {d.fix for d in report.diagnosis}
    assert {"bn", "more"} >= {d.layer for d in report.diagnosis} and "more" in {
        d.layer for d in report.diagnosis
    }
    assert "call it in eval mode (use_running_average=True, deterministic=True)" in found
    parity.check(theirs, (Thin(False), variables), X, quick=True).assert_ok()


def test_one_layer_alone():
    report = parity.check(torch.nn.BatchNorm2d(3).eval(), jaxconv.BatchNorm2d(3), X)
    assert [d.cause for d in report.diagnosis] == ["batchnorm.train_mode"]
    assert report.diagnosis[0].fix.endswith("call `model.eval()`")
