"""Every Python block of README.md and docs/*.md runs, page by page, and prints what the page says it prints.

A ```text block is the output of the Python block before it if a comment stands on top of it: `<!-- output -->`, or
`<!-- output, figures vary -->` where the last digits depend on the machine.
"""

import contextlib
import io
import re
from pathlib import Path

import jax
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n"
    r"(?:(?:(?!^```).)*?^<!-- output(?P<varies>, figures vary)? -->\n```text\n(?P<output>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def lines(output, varies):
    if varies:  # also the widths of a table's columns
        output = re.sub(r"[─━]+", "-", re.sub(r"\d\S*", "#", output))
    return [" ".join(line.split()) if varies else line.rstrip() for line in output.strip("\n").split("\n")]


def run(page, text):
    """Runs the page's blocks in one namespace. Returns how many."""
    namespace = {"__name__": f"docs.{page}"}
    count = 0
    for block in BLOCK.finditer(text):
        start = text[: block.start("code")].count("\n")
        code = compile("\n" * start + block["code"], str(page), "exec", dont_inherit=True)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, namespace)
        if block["output"] is not None:
            assert lines(printed.getvalue(), block["varies"]) == lines(block["output"], block["varies"])
        count += 1
    return count


def test_there_are_pages():
    assert len(PAGES) > 3
    assert all(page.is_file() for page in PAGES)


@pytest.mark.share(2)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_does_what_it_says(page, tmp_path, monkeypatch):
    text = page.read_text()
    monkeypatch.chdir(tmp_path)
    with jax.enable_x64(False):  # readers have JAX's default
        count = run(page, text)
    assert count == text.count("```python"), "a block that this test does not see"
    assert text.count("<!-- output") == len([b for b in BLOCK.finditer(text) if b["output"] is not None])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in LINK.findall(prose):
        if not target.startswith(("https://", "http://")):
            assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", [p for p in PAGES if p.name not in ("README.md", "index.md")])
def test_every_page_is_found_from_the_readme_and_the_index(page):
    assert f"(docs/{page.name})" in (ROOT / "README.md").read_text()
    assert f"({page.name})" in (ROOT / "docs/index.md").read_text()


def test_the_readme_gives_the_two_commands_and_the_makefile_has_them():
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    for command in ("parity", "test"):
        assert re.search(rf"^make {command}\b", readme, re.MULTILINE)
        assert re.search(rf"^{command}:", makefile, re.MULTILINE)


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("```python\nassert 1 == 2\n```\n", AssertionError),
        ("```python\nprint(1)\n```\n\n<!-- output -->\n```text\n2\n```\n", AssertionError),
        (
            "```python\nprint(1)\n```\nSo:\n\n<!-- output, figures vary -->\n```text\none\n```\n",
            AssertionError,
        ),
        ("```python\na = 1\n```\ntext\n```python\nb\n```\n", NameError),
    ],
)
def test_a_wrong_page_is_caught(page, fault):
    with pytest.raises(fault):
        run("page.md", page)


def test_a_right_page_passes_and_its_blocks_share_names():
    page = "```python\na = 1\n```\n\n```python\nprint(a + 1.25)\n```\n\n<!-- output{} -->\n```text\n{}\n```\n"
    assert run("page.md", page.format("", "2.25")) == 2
    assert run("page.md", page.format(", figures vary", "2.5")) == 2
