import json
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import jax
import pytest
import torch

from parity import cli, jax_side
from parity.case import as_dtype
from parity.cases import ALL

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
    assert cli.main(["-k", FAST, "--seed", "3", *files]) == cli.OK
    assert f"All {len(wanted)} cases agree." in capsys.readouterr().out
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["ok"] and document["seed"] == 3 and [c["id"] for c in document["cases"]] == wanted
    assert len(list(ElementTree.parse(tmp_path / "out.xml").iter("testcase"))) == len(wanted)


def test_something_differs(capsys, monkeypatch):
    monkeypatch.setattr(jax_side.jaxconv.functional, "conv2d", lambda x, *args, **kwargs: x)
    assert cli.main(["suite", "-k", "s=0 and conv2d/refused/functional"]) == cli.DIFFERENT
    assert "torch refused, we did not" in capsys.readouterr().out


def test_list_runs_nothing(capsys):
    assert cli.main(["--list", "--dtype", "int32", "-k", "max_pool2d"]) == cli.OK
    expected = [c.id for c in ALL if c.dtype == "int32" and c.op == "max_pool2d"]
    assert capsys.readouterr().out.split() == expected != []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["-k", "nonesuch"], r"no case of \d+ matches `-k` \(='nonesuch'\)$"),
        (["-k", "a or"], "expected a word, got 'end of expression'"),
        (["-k", FAST, "--device", "tpu"], r"`--device` \(=tpu\): JAX finds none"),
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
        "--list",
        "--seed",
        "--json",
        "--junit",
        "examples:",
        "exit status:",
    ):
        assert expected in shown


def test_every_dtype_of_the_cases_can_be_chosen():
    assert set(cli.DTYPES) == {c.dtype for c in ALL}
    assert all(as_dtype(name).itemsize for name in cli.DTYPES)


def test_the_module_sets_64_bit_types_itself():
    ran = subprocess.run(
        [sys.executable, "-m", "parity", "-k", "conv2d/float64/functional and s=2"],
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
