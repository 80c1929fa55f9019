"""What `parity.check` is asked: forward only, several inputs, a progress bar, and a cache for what is compiled."""

import io
import json
import sys

import jax
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
import parity
from parity._flax import compilation
from parity._report import progress


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(2, 3, 3, stride=2, padding=1)
        self.relu = torch.nn.ReLU()
        self.second = torch.nn.Conv2d(3, 2, 1)

    def forward(self, x):
        return self.relu(self.second(self.relu(self.first(x))))


class Ours(nnx.Module):
    def __init__(self, padding=1, factor=1.0, backward=None):
        self.first = nnx.Conv(2, 3, (3, 3), strides=2, padding=padding, rngs=nnx.Rngs(0))
        self.relu = jaxconv.ReLU()
        self.second = nnx.Conv(3, 2, (1, 1), rngs=nnx.Rngs(1))
        self.factor, self.backward = factor, backward

    def __call__(self, x):
        x = self.relu(self.second(self.factor * self.relu(self.first(x))))
        return x if self.backward is None else self.backward(x)


@jax.custom_vjp
def stopped(x):
    return x


stopped.defvjp(lambda x: (x, None), lambda _, ct: (2 * ct,))


def image(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    return Theirs().eval()


def test_quick_compares_the_forward_pass_and_says_so(theirs):
    report = parity.check(theirs, Ours(), image(1, 2, 9, 8), quick=True)
    assert report.ok and report.forward_only
    results = [v.name for layer in report.layers for v in layer.verdicts] + [v.name for v in report.network]
    assert results == ["y", "y", "y", "y", "output"]
    assert "no gradient was compared" in report.short() and "no gradient was compared" in str(report)


def test_quick_finds_what_is_wrong_in_a_layer_and_between_layers(theirs):
    report = parity.check(theirs, Ours("SAME"), image(1, 2, 8, 8), quick=True)
    assert report.first_divergence == "first" and report.diagnosis[0].cause == "padding.same"
    report = parity.check(theirs, Ours(factor=1.001), image(1, 2, 9, 8), quick=True)
    assert not report.ok and report.first_divergence is None


def test_quick_is_blind_to_a_wrong_gradient_which_the_whole_comparison_finds(theirs):
    x = image(1, 2, 9, 8)
    report = parity.check(theirs, Ours(backward=stopped), x, quick=True)
    assert report.ok and "the same network" not in report.short()
    assert not parity.check(theirs, Ours(backward=stopped), x).ok


def test_of_several_inputs_the_one_that_shows_the_difference_is_named(theirs):
    # 'SAME' pads an odd size as torch's padding=1 does, an even one not.
    report = parity.check(theirs, Ours("SAME"), inputs=[image(1, 2, 9, 7), (image(2, 2, 8, 8),)], quick=True)
    assert [(layer.name, layer.at) for layer in report.layers if not layer.ok] == [("first", "inputs[1]")]
    assert "the first that does not is first at inputs[1]" in report.short()
    assert report.about["input"] == "inputs[0] float32 1x2x9x7; inputs[1] float32 2x2x8x8"
    assert {entry["at"] for entry in json.loads(report.to_json())["layers"]} == {"inputs[0]", "inputs[1]"}


@pytest.mark.parametrize(
    ("given", "inputs", "error"),
    [
        ((image(1, 2, 9, 7),), [image(1, 2, 9, 7)], "`inputs` cannot be combined with positional inputs"),
        ((), [], "`inputs` .*at least one is needed"),
        (
            (),
            image(1, 2, 9, 7),
            "`inputs` must be a list, each item an array or a tuple of arrays, got ndarray",
        ),
    ],
)
def test_inputs_that_are_no_list_of_inputs_are_refused(theirs, given, inputs, error):
    with pytest.raises((ValueError, TypeError), match=error):
        parity.check(theirs, Ours(), *given, inputs=inputs)


def test_a_recording_has_its_own_inputs_and_both_passes(theirs):
    recording = parity.record(theirs, image(1, 2, 9, 8), platforms=["cpu"])
    with pytest.raises(ValueError, match="`inputs`, `quick` cannot be combined with a recording"):
        parity.check(recording, Ours(), inputs=[image(1, 2, 9, 8)], quick=True)


def test_a_size_at_which_the_networks_differ_is_found(theirs):
    # 'SAME' pads an odd size as torch's padding=1 does, an even one not.
    report = parity.check(theirs, Ours("SAME"), image(1, 2, 9, 7), sizes=[(11, 9), 2, (9, 8)], quick=True)
    assert [(layer.name, layer.at) for layer in report.layers if not layer.ok] == [("first", "inputs[3]")]
    assert report.about["input"].startswith("inputs[0] float32 1x2x9x7; inputs[1] float32 1x2x11x9; ")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_is_told_layer_by_layer_what_is_done(theirs, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    parity.check(theirs, Ours(), image(1, 2, 9, 8), quick=True)
    shown = sys.stderr.getvalue()
    assert all(f"layer {name}" in shown for name in ("first", "relu", "second")) and "end to end" in shown


@pytest.mark.parametrize(("stderr", "wanted"), [(Terminal, False), (io.StringIO, True)])
def test_nobody_else_is_told_anything(stderr, wanted, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stderr())
    with progress.shown(wanted) as tell:
        tell("conv[0]", 0.5)
    assert sys.stderr.getvalue() == ""


def test_what_is_compiled_is_kept_for_the_next_process_and_jax_s_settings_stay(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXCONV_XLA_CACHE", str(tmp_path / "xla"))
    monkeypatch.setattr(compilation, "_WORTH", 0.0)

    def settings():
        return {name: value for name, value in jax.config.values.items() if "cache" in name}

    before = settings()
    with compilation.kept():
        jax.jit(lambda x: x + 12345)(np.ones(3, np.float32))
    assert settings() == before
    (kept,) = (tmp_path / "xla").rglob("*-cache")
    jax.jit(lambda x: x + 54321)(np.ones(3, np.float32))
    assert list((tmp_path / "xla").rglob("*-cache")) == [kept]
    assert kept.parent.stat().st_mode & 0o077 == 0


def test_nothing_is_kept_where_others_may_write_or_the_user_says_no(tmp_path, monkeypatch):
    for given in ("", str(tmp_path)):
        monkeypatch.setenv("JAXCONV_XLA_CACHE", given)
        if given:
            directory = compilation._directory()
            assert directory is not None
            directory.chmod(0o777)
        assert compilation._directory() is None
