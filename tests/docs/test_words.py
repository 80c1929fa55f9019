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
    r"\bshall\b": "must, should",
    r"\bsee there\b": "the name of the page or the function",
    r"\bhas them (use|be|do)\b": "makes, limits",
    r"\bwhat is not further\b": "a result no further away than",
}
FOR_USERS = {
    r"\bbeside\b": "next to, compared with, with",
    r"\blots?\b": "batch, many",
    r"(?<!there )\b(are|is) no (array|dtype|file|int|JAX|list|number|pickle|shape|text|tuple)\b": "is not a",
    r"\b(has|have) not (a|any|just|one|the)\b": "lacks, does not have",
    r"\b(gives|brings|takes) back\b": "returns",
    r"\ball the same\b": "still, nevertheless",
    r"\bbut for\b": "except for",
    r"\bheld against\b": "compared with",
}
"""In the pages, among which docs/errors.md has every error message."""


@pytest.mark.parametrize("phrase", INSTEAD | FOR_USERS)
def test_no_private_words(phrase):
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    kinds = (".py", ".md", ".cc", ".h") if phrase in INSTEAD else ".md"
    files = [ROOT / name for name in listed.stdout.split() if name.endswith(kinds)]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        if path != Path(__file__) and path.exists()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(phrase, line, re.IGNORECASE)
        and not (path.name == "CONTRIBUTING.md" and line.startswith("| "))  # before and after
    ]
    assert not found, f"write {(INSTEAD | FOR_USERS)[phrase]!r} instead"
