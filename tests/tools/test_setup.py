"""What setup.py makes of the project: the description that a package index shows."""

import importlib.util
import re
from pathlib import Path

import pytest
import setuptools

ROOT = Path(__file__).parents[2]


@pytest.fixture
def readme(monkeypatch, tmp_path):
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: None)
    monkeypatch.chdir(ROOT)
    spec = importlib.util.spec_from_file_location("jaxconv_setup", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def made(source=None):
        for name in ("README.md", "pyproject.toml"):
            (tmp_path / name).write_text((ROOT / name).read_text())
        if source:
            with open(tmp_path / "pyproject.toml", "a") as opened:
                opened.write(f'\n[project.urls]\nSource = "{source}"\n')
        monkeypatch.chdir(tmp_path)
        return module.readme()

    return made


def test_on_a_package_index_no_link_leads_nowhere(readme):
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert any(link.startswith("docs/") for link in links)
    text = readme()
    assert all(link.startswith("http") for link in re.findall(r"\]\(([^)]+)\)", text))
    assert "What was measured (`docs/speed.md`)" in text


def test_links_lead_to_the_source_if_there_is_one(readme):
    text = readme("https://example.org/jaxconv")
    assert "](https://example.org/jaxconv/blob/v0.1.0/docs/speed.md#what-was-measured)" in text
