"""A share of what `make fuzz` does, and whether it would notice anything."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("fuzz_files.py")


@pytest.fixture(scope="module")
def fuzz():
    spec = importlib.util.spec_from_file_location("fuzz_files", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_files"] = module  # its classes are pickled by that name
    spec.loader.exec_module(module)
    yield module
    del sys.modules["fuzz_files"]


def test_hundreds_of_files_with_faults(fuzz, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(PROGRAM), "--count", "500"])
    status, printed = fuzz.main(), capsys.readouterr().out
    assert status == 0 and "500 files, 0 faults; slowest " in printed, printed
    for kind in ("recording", "zip", "old", "pickle", "safetensors", "index", "cache", "compiled"):
        assert f"{kind} read" in printed, f"no {kind} was good, so nothing behind the first check was reached"


FAULTS = {
    "another exception": (lambda *_: {}["lost"], "KeyError: 'lost'"),
    "code": (lambda *_: os.system("true"), "it ran [('os.system'"),
    "a loop": (lambda *_: [None for _ in iter(lambda: time.process_time() < start() + 1.1, False)], "1.1 s"),
}


def start(began=[]):  # noqa: B006  # when it was first asked
    began.append(time.process_time())
    return began[0]


@pytest.mark.parametrize("fault", FAULTS)
def test_it_notices(fuzz, fault, tmp_path, monkeypatch, capsys):
    broken, text = FAULTS[fault]
    monkeypatch.setattr(fuzz, "limit_memory", lambda: None)  # for this process, too
    monkeypatch.setattr(fuzz.tempfile, "gettempdir", lambda: str(tmp_path))
    calls = []

    def read(kind, path, rng):
        if path.stem == "current":  # what is read before is not judged
            calls.append(path)
            return broken(kind, path, rng) if len(calls) == 1 else None

    monkeypatch.setattr(fuzz, "read", read)
    fuzz.work(0, 0, 2, tmp_path)
    (found,) = json.loads(capsys.readouterr().out)["faults"]
    assert text in found and Path(found.partition(": ")[0]).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited by Linux' /proc")
def test_memory_beyond_the_limit_is_a_fault():
    program = (
        f"import sys; sys.path.insert(0, {str(PROGRAM.parent)!r}); import fuzz_files, numpy as np\n"
        "fuzz_files.limit_memory()\n"
        "np.ones(2**26)\n"
        "try: np.ones(2**27)\n"
        "except MemoryError: print('refused')\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout == "refused\n", run.stderr
