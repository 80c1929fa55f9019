"""docs/layers.md is what the code has, and says of every other torch layer why not."""

import importlib.util
from pathlib import Path

import pytest

import jaxconv

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("make_layers", ROOT / "docs" / "make_layers.py")
make_layers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_layers)


def test_the_page_is_fresh():
    assert make_layers.PAGE.read_text() == make_layers.page(), "run python docs/make_layers.py"


@pytest.mark.parametrize("name", make_layers.layers())
def test_every_torch_layer_has_a_twin_or_a_reason(name):
    assert hasattr(jaxconv, name) != bool(make_layers.reason(name))
    assert hasattr(jaxconv, name) == hasattr(jaxconv.linen, name)
