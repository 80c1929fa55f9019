import sys

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from jaxconv_parity import cli
from parity.suite import fuzz

FAULTY = """
import jaxconv

class Conv1d(jaxconv.Conv1d):
    def __init__(self, *args, dilation=1, **kwargs):
        super().__init__(*args, **kwargs)

class Linear(jaxconv.Linear):
    broken = True

    def __call__(self, x):
        y = super().__call__(x)
        return y * 2 if self.broken and self.out_features > 2 else y

def pool(kernel_size, **kwargs):
    raise IndexError("lost")
"""


@pytest.fixture
def faulty(tmp_path, monkeypatch):
    (tmp_path / "faulty_layers.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "faulty_layers", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", fuzz.LAYERS)
def test_torch_takes_most_of_what_is_drawn(name):
    import torch

    taken = []

    @settings(max_examples=40, database=None, derandomize=True, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(fuzz.LAYERS[name])
    def draw(example):
        x = torch.zeros(example.shape)
        try:
            with torch.no_grad():
                taken.append(fuzz._torch_side(example)(x) is not None)
        except (ValueError, RuntimeError):
            taken.append(False)

    draw()
    assert np.mean(taken) > 0.75


def test_right_layers_agree(capsys, tmp_path):
    for name in ("max_pool1d", "group_norm"):
        assert cli.main(["fuzz", name, "--examples", "3", "--seed", "5", "--out", str(tmp_path)]) == cli.OK
        assert f"{name}: 3 configurations agree (seed 5)." in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_fault_is_found_shrunk_and_written(faulty, capsys):
    """And the file that is written fails as long as the fault is there, and no longer."""
    arguments = ["fuzz", "linear", "--examples", "20", "--module", "faulty_layers:Linear"]
    assert cli.main(arguments) == cli.DIFFERENT
    shown = capsys.readouterr().out
    assert shown.startswith("Linear(in_features=2, out_features=3, bias=True) on (2,)\nNOT the same network")
    assert "Again: python -m pytest test_linear_seed0.py" in shown
    namespace = {}
    exec((faulty / "test_linear_seed0.py").read_text(), namespace)
    with pytest.raises(AssertionError, match="the networks differ"):
        namespace["test_Linear_is_the_same"]()
    sys.modules["faulty_layers"].Linear.broken = False
    jax.clear_caches()  # compiled with the fault in it
    namespace["test_Linear_is_the_same"]()


def test_arguments_that_are_dropped_and_layers_that_break(faulty):
    example = fuzz.Example(
        "Conv1d", dict(in_channels=1, out_channels=1, kernel_size=2, dilation=2), (1, 1, 4)
    )
    assert fuzz.difference(example) == ""
    assert "NOT the same network" in fuzz.difference(example, "faulty_layers:Conv1d")
    example = fuzz.Example("MaxPool1d", dict(kernel_size=2), (1, 1, 4))
    assert fuzz.difference(example, "faulty_layers:pool") == "IndexError: lost"
    # What torch refuses, and what could show nothing, is no configuration.
    assert fuzz.difference(fuzz.Example("MaxPool1d", dict(kernel_size=9), (1, 1, 4))) is None
    assert fuzz.difference(fuzz.Example("MaxPool1d", dict(kernel_size=1), (1, 1, 1))) is None


def test_the_written_file_has_no_random_state_where_the_layer_takes_none():
    example = fuzz.Example("MaxPool1d", dict(kernel_size=(2,)), (1, 1, 4), train=True)
    text = fuzz.Found(example, "why").pytest_file()
    assert "jaxconv.MaxPool1d(kernel_size=(2,))\n" in text and "module.train()" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonesuch"], r"LAYER (='nonesuch') must be one of conv1d, conv2d"),
        (["linear", "--examples", "0"], "`--examples` (=0) must be at least 1"),
        (["linear", "--out", "no/such"], "`--out` (='no/such') must be a directory"),
        (["linear", "--module", "jaxconv"], "`--module` (='jaxconv') must be PKG.MOD:NAME"),
        (["linear", "--module", "jaxconv:Nope"], "`--module`: 'jaxconv' has no 'Nope'"),
    ],
)
def test_what_cannot_run_is_refused(arguments, message, capsys):
    assert cli.main(["fuzz", *arguments]) == cli.COULD_NOT_RUN
    assert message in capsys.readouterr().err
