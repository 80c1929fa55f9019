import argparse
import functools
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys
import types
from xml.etree import ElementTree

import jax
import numpy as np
import pytest
import torch

from jaxconv_parity import cli
from jaxconv_parity.cli import suite
from parity.suite import sides
from parity.suite.case import as_dtype
from parity.suite.tables import ALL

FAST = "conv2d/refused/functional and float32"


@pytest.fixture(autouse=True)
def _restore():
    threads, precision = torch.get_num_threads(), jax.config.jax_default_matmul_precision
    yield
    torch.set_num_threads(threads)
    jax.config.update("jax_default_matmul_precision", precision)


def test_all_agree(capsys, tmp_path):
    wanted = [c.id for c in ALL if "conv2d/refused/functional" in c.id and "float32" in c.id]
    files = [f"--json={tmp_path / 'out.json'}", f"--junit={tmp_path / 'out.xml'}"]
    assert cli.main(["-n0", "-k", FAST, "--seed", "3", *files]) == cli.OK
    assert f"All {len(wanted)} cases agree." in capsys.readouterr().out
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["ok"] and document["seed"] == 3 and [c["id"] for c in document["cases"]] == wanted
    assert len(list(ElementTree.parse(tmp_path / "out.xml").iter("testcase"))) == len(wanted)


def test_something_differs(capsys, monkeypatch):
    monkeypatch.setattr(sides.jaxconv.functional, "conv2d", lambda x, *args, **kwargs: x)
    assert cli.main(["suite", "-n0", "-k", "s=0 and conv2d/refused/functional"]) == cli.DIFFERENT
    assert "torch refused, we did not" in capsys.readouterr().out


def test_list_runs_nothing(capsys):
    assert cli.main(["--list", "--dtype", "int32", "-k", "max_pool2d"]) == cli.OK
    expected = [c.id for c in ALL if c.dtype == "int32" and c.op == "max_pool2d"]
    assert capsys.readouterr().out.split() == expected != []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["-k", "nonesuch"], r"no case of \d+ matches `-k` \(='nonesuch'\)$"),
        (
            ["-k", "a or"],
            r"Wrong expression passed to '-k': a or: .*\n\n?parity: `-k` \(='a or'\) must be words with and",
        ),
        (["-n", "-1"], r"`-n` \(=-1\) must be at least 0$"),
        (["-n", "2", "--device", "tpu"], r"`-n` \(=2\) must be 0 with --device tpu"),
        (["-k", FAST, "--device", "tpu"], r"`--device` \(=tpu\): JAX finds no such device"),
        (["-k", FAST, "--json", "/nonesuch/a.json"], "there is no directory /nonesuch"),
    ],
)
def test_what_could_not_run(arguments, error, capsys):
    assert cli.main(arguments) == cli.COULD_NOT_RUN
    assert re.search(error, capsys.readouterr().err)


def test_torch_missing(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main([]) == cli.COULD_NOT_RUN
    assert "torch is not installed: pip install 'jaxconv[parity]'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--nonesuch"], ["--device", "npu"], ["nonesuch"], ["--seed", "x"]])
def test_bad_options_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(arguments)
    assert exit.value.code == cli.COULD_NOT_RUN and "usage: parity" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["suite", "--help"]])
def test_help_says_what_and_how(arguments, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(arguments)
    shown = capsys.readouterr().out
    assert exit.value.code == 0
    for expected in (
        "--device",
        "--dtype",
        "-k",
        "--last-failed",
        "-x",
        "-n PROCESSES",
        "--list",
        "--seed",
        "--json",
        "--junit",
        "examples:",
        "exit status:",
    ):
        assert expected in shown


def test_every_dtype_of_the_cases_can_be_chosen():
    assert set(suite.DTYPES) == {c.dtype for c in ALL}
    assert all(as_dtype(name).itemsize for name in suite.DTYPES)


def test_the_module_sets_64_bit_types_itself():
    ran = subprocess.run(
        [sys.executable, "-m", "parity", "-n1", "-k", "conv2d/float64/functional and s=2"],
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_ENABLE_X64": "0"},
        timeout=300,
    )
    assert ran.returncode == cli.OK, ran.stdout + ran.stderr
    assert "All 1 cases agree." in ran.stdout


def test_a_reader_that_stops_is_no_error():
    command = [sys.executable, "-m", "parity", "--list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


# `parity model`

NETS = """
import jax, jaxconv, torch
from flax import nnx

class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.norm = torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)

    def forward(self, x):
        return self.norm(self.fc(x))

class Ours(nnx.Module):
    def __init__(self, factor=1):
        self.fc, self.norm = jaxconv.Linear(3, 4, rngs=nnx.Rngs(0)), jaxconv.BatchNorm1d(4, rngs=nnx.Rngs(0))
        self.factor = factor

    def __call__(self, x):
        return self.norm(self.factor * self.fc(x))

finished = Ours()
number = 3

def wrong():
    return Ours(2)

def broken():
    raise KeyError("lost")
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    (tmp_path / "cli_nets.py").write_text(NETS)
    (tmp_path / "cli_broken.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cli_nets", raising=False)
    return tmp_path


def model(*options, ours="Ours", given=("--input", "5,3")):
    return cli.main(["model", "cli_nets:Theirs", f"cli_nets:{ours}", *given, *options])


def test_model_that_is_the_same(nets, capsys):
    import cli_nets

    torch.save(cli_nets.Theirs().state_dict(), nets / "weights.pt")
    np.save(nets / "x.npy", np.random.default_rng(0).standard_normal((4, 3), dtype=np.float32))
    files = ["--html", "a.html", "--junit", "a.xml", "--json", "a.json"]
    assert (
        model("--weights", "weights.pt", "--train", *files, ours="finished", given=["--input", "x.npy"])
        == cli.OK
    )
    assert capsys.readouterr().out.startswith("the same network: 2 of 2 layers")
    document = json.loads((nets / "a.json").read_text())
    # In training mode the statistics are results, too.
    assert document["ok"] and "buffer.norm.running_mean" in {v["name"] for v in document["network"]}
    assert "the same network" in (nets / "a.html").read_text()
    assert not list(ElementTree.parse(nets / "a.xml").iter("failure"))


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_a_library_s_network_by_its_own_name(library, nets, monkeypatch, capsys):
    import cli_nets

    def make(name):
        if name != "small":
            raise ValueError(f"unknown model {name}")
        return cli_nets.Theirs()

    # Neither is installed for the tests: what is called of them is a function of a name.
    package, models = types.ModuleType(library), types.ModuleType("torchvision.models")
    package.__spec__ = importlib.machinery.ModuleSpec(library, None)
    package.create_model = models.get_model = make
    models.get_model_builder = lambda name: functools.partial(make, name)
    monkeypatch.setitem(sys.modules, library, package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    torch.save({"ema": cli_nets.Theirs().state_dict()}, nets / "weights.pt")
    given = ["--input", "5,3", "--weights", "weights.pt", "--key", "ema", "--quick", "--no-progress"]
    assert cli.main(["model", f"{library}:small", "cli_nets:Ours", *given]) == cli.OK
    assert capsys.readouterr().out.startswith("the same forward pass: 2 of 2 layers")
    assert cli.main(["model", f"{library}:large", "cli_nets:Ours", "--input", "5,3"]) == cli.COULD_NOT_RUN
    assert f"{library}:large raised ValueError: unknown model large" in capsys.readouterr().err


def test_a_library_that_is_not_installed(nets, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: None if name == "timm" else find(name, *rest)
    )
    assert cli.main(["model", "timm:resnet50", "cli_nets:Ours", "--input", "5,3"]) == cli.COULD_NOT_RUN
    assert "timm is not installed: pip install timm" in capsys.readouterr().err


def test_the_doctor_prints_one_block(monkeypatch, capsys):
    monkeypatch.setattr("parity.suite.doctor.SECONDS", 0.0)
    status = cli.main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "parity doctor" and lines[-1].endswith(" s")
    for name in ("device", "jax", "jaxlib", "torch", "kernels", "settings"):
        assert any(line.startswith(f"  {name}:") for line in lines)
    assert all(any(f"jax-ml/jax {issue}" in line for line in lines) for issue in (39103, 39352, 40633))
    assert status == (cli.DIFFERENT if any(line.startswith("  WRONG") for line in lines) else cli.OK)


def test_weights_in_a_checkpoint_under_other_names(nets, capsys):
    import cli_nets

    weights = {f"module.{name}": value for name, value in cli_nets.Theirs().state_dict().items()}
    torch.save({"epoch": 3, "state_dict": weights, "args": argparse.Namespace(lr=1)}, nets / "last.ckpt")
    given = ["--weights", "last.ckpt"]
    assert model(*given, "--key", "state_dict", "--prefix", "module.") == cli.OK
    capsys.readouterr()
    wrong = {
        (): "it holds state_dicts under key='state_dict'",
        ("--key", "state_dict"): "; with --prefix module. all names fit",
        (
            "--key",
            "state_dict",
            "--prefix",
            "x.",
        ): "`--prefix` (='x.'): no name begins with it; the first is 'module.",
    }
    for more, message in wrong.items():
        assert model(*given, *more) == cli.COULD_NOT_RUN
        assert message in capsys.readouterr().err
    assert model("--key", "a", "--prefix", "b") == cli.COULD_NOT_RUN
    assert "--key and --prefix must come with --weights" in capsys.readouterr().err


def test_model_in_several_sizes(nets, capsys, tmp_path):
    assert model("--size", "2", "--size", "4,3", "--quick", f"--json={tmp_path / 'out.json'}") == cli.OK
    given = json.loads((tmp_path / "out.json").read_text())["about"]["input"]
    assert given == "inputs[0] float32 5x3; inputs[1] float32 2x3; inputs[2] float32 4x3"


def test_model_is_reduced_to_a_pytest_file(nets, capsys):
    assert model("--quick", "--reduce", "test_smaller.py") == cli.OK
    assert "nothing differs: test_smaller.py is not written" in capsys.readouterr().out
    assert model("--reduce", "test_smaller.py", ours="wrong") == cli.DIFFERENT
    assert "reduced to the network on 1x3: python -m pytest test_smaller.py" in capsys.readouterr().out
    written = (nets / "test_smaller.py").read_text()
    assert "theirs = cli_nets.Theirs().eval()" in written and "ours = cli_nets.wrong()" in written
    assert model("--reduce", "test_smaller.py", "--convert", "none") == cli.COULD_NOT_RUN
    assert "`--reduce` needs torch's network and its weights" in capsys.readouterr().err


def test_model_that_differs(nets, capsys):
    assert model(ours="wrong") == cli.DIFFERENT
    assert "what stands between the layers differs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(ours="nope"), "`FLAX_FACTORY`: 'cli_nets' has no 'nope'"),
        (dict(ours="number"), "`FLAX_FACTORY` (='cli_nets:number') must be a factory or a network, got int"),
        (dict(ours="broken"), "`FLAX_FACTORY`: cli_nets:broken raised KeyError: 'lost'"),
        (dict(ours="Theirs"), "`flax_module` must be an NNX module"),
        (
            dict(given=["--input", "3;4"]),
            "`--input` (='3;4') must be a shape such as 1,3,224,224, or a .npy file",
        ),
        (dict(given=["--input", "no.npy"]), "`--input` (='no.npy'): "),
        (dict(given=["--input", "5,3", "--weights", "no.pt"]), "`--weights` (='no.pt'): "),
        (dict(given=["--input", "5,3", "--html", "no/a.html"]), "no/a.html: there is no directory no"),
    ],
)
def test_model_that_cannot_run(arguments, message, nets, capsys):
    assert model(**arguments) == cli.COULD_NOT_RUN
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cli_nets", "`TORCH_FACTORY` (='cli_nets') must be PKG.MOD:NAME"),
        (
            "no.such:Net",
            "`TORCH_FACTORY`: cannot import 'no.such': ModuleNotFoundError: No module named 'no'",
        ),
        (
            "cli_broken:Net",
            "`TORCH_FACTORY`: cannot import 'cli_broken': ZeroDivisionError: division by zero",
        ),
    ],
)
def test_model_factory_that_is_not_there(name, message, nets, capsys):
    assert cli.main(["model", name, "cli_nets:Ours", "--input", "5,3"]) == cli.COULD_NOT_RUN
    assert message in capsys.readouterr().err


def test_record_and_compare_later(nets, capsys):
    made = ["record", "cli_nets:Theirs", "--input", "5,3", "--train", "--platform", "cpu", "--out"]
    assert cli.main([*made, "net.safetensors"]) == cli.OK
    assert capsys.readouterr().out.startswith("net.safetensors: 2 calls of layers, ")
    assert cli.main(["model", "net.safetensors", "cli_nets:Ours", "--json", "a.json"]) == cli.OK
    # In the recording's mode.
    names = {v["name"] for v in json.loads((nets / "a.json").read_text())["network"]}
    assert "buffer.norm.running_mean" in names
    assert cli.main(["model", "net.safetensors", "cli_nets:wrong"]) == cli.DIFFERENT
    capsys.readouterr()
    assert cli.main([*made, "net.pt"]) == cli.COULD_NOT_RUN
    assert "`path` (='net.pt') must end with .safetensors" in capsys.readouterr().err
    assert cli.main(["record", "cli_nets:Theirs", "--out", "a.safetensors"]) == cli.COULD_NOT_RUN
    assert "`--input` is needed" in capsys.readouterr().err
    beside = ["--input", "5,3", "--train"]
    assert cli.main(["model", "net.safetensors", "cli_nets:Ours", *beside]) == cli.COULD_NOT_RUN
    assert "leave out --input, --train" in capsys.readouterr().err
    assert cli.main(["model", "none.safetensors", "cli_nets:Ours"]) == cli.COULD_NOT_RUN
    assert "RECORDING (='none.safetensors')" in capsys.readouterr().err
