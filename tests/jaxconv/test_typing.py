"""A strict type checker on users' files: what is right has no error and no unknown type, and mistakes are seen."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

FILES = Path(__file__).with_name("typing")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def diagnostics(tmp_path_factory):
    """What pyright's strict mode says, as {file name: {line: rule}}."""
    folder = tmp_path_factory.mktemp("pyright")
    config = {"typeCheckingMode": "strict", "include": [str(FILES)], "extraPaths": [str(ROOT)]}
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    command = [
        sys.executable,
        "-m",
        "basedpyright",
        "--outputjson",
        "-p",
        folder,
        "--pythonpath",
        sys.executable,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    result = json.loads(done.stdout)
    assert result["summary"]["filesAnalyzed"] == 2
    found = {"right.py": {}, "wrong.py": {}}
    for each in result["generalDiagnostics"]:
        line = each["range"]["start"]["line"] + 1
        found[Path(each["file"]).name].setdefault(line, []).append((each.get("rule"), each["message"]))
    return found


def test_a_right_file_has_no_error_and_no_unknown_type(diagnostics):
    assert diagnostics["right.py"] == {}


def test_the_right_file_uses_thirty_names():
    text = (FILES / "right.py").read_text()
    assert len(set(re.findall(r"\b(?:jaxconv|F|init|surgery|parity)\.(\w+)", text))) >= 30


def test_every_mistake_is_seen(diagnostics):
    lines = enumerate((FILES / "wrong.py").read_text().splitlines(), 1)
    expected = {number: match[1] for number, line in lines if (match := re.search(r"# (report\w+)", line))}
    assert len(expected) == 11
    found = diagnostics["wrong.py"]
    assert set(found) == set(expected)
    assert [n for n, rule in expected.items() if rule not in dict(found[n])] == []
