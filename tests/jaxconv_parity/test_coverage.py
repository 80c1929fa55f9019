"""`python -m jaxconv coverage`: exit status, places and errors."""

import numpy as np
import pytest

from jaxconv_parity.cli import coverage

NETS = """
import torch
from torch import nn

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.dropout = nn.Embedding(4, 3), nn.Dropout(0.5)
    def forward(self, ids, x):
        return self.dropout(self.embedding(ids)) + x

class Odd(nn.Module):
    def forward(self, x):
        return torch.special.airy_ai(x).relu()

class Data(nn.Module):
    def forward(self, x):
        return x[x > 0]

class Hooked(nn.Linear):
    def __init__(self):
        super().__init__(2, 2)
        self.register_full_backward_hook(lambda *_: None)

def number():
    return 3
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    (tmp_path / "coverage_nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_network_that_converts(nets, capsys, monkeypatch):
    monkeypatch.setattr(
        "jaxconv._from_torch.convert._array", lambda tensor: pytest.fail("weights were converted")
    )
    given = ["coverage", "coverage_nets:Small", "--input", "2x5:int64", "--input", "2,5,3"]
    assert coverage.main(given) == 0
    text = capsys.readouterr().out
    assert "Small uses 3 operations, 3 times in all" in text and "1 aten.embedding.default" in text
    assert "aten.dropout.default may draw random numbers" in text and "takes this network" in text


def test_an_operation_that_is_missing_has_its_line(nets, capsys):
    np.save("x.npy", np.ones(3, np.float32))
    assert coverage.main(["coverage", "coverage_nets:Odd", "--input", "x.npy"]) == 1
    text = capsys.readouterr().out
    assert (
        "aten.special_airy_ai.default, 1 time(s): the network itself, coverage_nets.py line 14: return"
        in text
    )
    assert "1 of them are not covered" in text and "outside of the network" in text


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ("Data", "coverage_nets.py line 18: return x[x > 0]"),
        ("Hooked", "1 backward hook(s)"),
    ],
)
def test_what_is_refused_has_its_reason(network, words, nets, capsys):
    assert coverage.main(["coverage", f"coverage_nets:{network}", "--input", "2x2"]) == 1
    text = capsys.readouterr().out
    assert "from_torch refuses it: " in text and words in text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["coverage_nets:Odd", "--input", "2:flot"], "unknown dtype 'flot'"),
        (["coverage_nets:Odd", "--input", "two"], "must be a shape such as 1,3,224,224"),
        (["coverage_nets:number", "--input", "2"], "must give a torch.nn.Module, got int"),
        (["coverage_nets:Nothing", "--input", "2"], "'coverage_nets' has no 'Nothing'"),
        (["coverage_nets", "--input", "2"], "must be PKG.MOD:NAME"),
    ],
)
def test_what_cannot_run_is_told_on_stderr(given, words, nets, capsys):
    assert coverage.main(["coverage", *given]) == 2
    told = capsys.readouterr()
    assert words in told.err and not told.out


def test_an_input_may_be_of_any_dtype_of_torch(nets, capsys):
    assert coverage.main(["coverage", "torch.nn:ReLU", "--input", "2x3:bfloat16"]) == 0
    assert "All are covered" in capsys.readouterr().out
