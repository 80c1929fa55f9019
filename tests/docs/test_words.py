"""The field's words, in everything that a user or a founder reads."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTEAD = {
    r"gradients? by (the|its|x|y)\b": "gradient with respect to",
    r"\bhalf types?\b": "half-precision types",
    r"\bhow-manieth\b": "the number of the call, its index",
    r"\bat every \d+\. ": "at one of every 2",
    r"\bas many .* as there are no\b": "none",
}


@pytest.mark.parametrize("phrase", INSTEAD)
def test_no_private_words(phrase):
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    files = [ROOT / name for name in listed.stdout.split() if name.endswith((".py", ".md", ".cc", ".h"))]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        if path != Path(__file__) and path.exists()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(phrase, line, re.IGNORECASE)
    ]
    assert not found, f"write {INSTEAD[phrase]!r} instead"
