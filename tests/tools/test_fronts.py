"""What tools/fronts.py writes is checked in as it would write it."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import jaxconv

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("fronts", ROOT / "tools" / "fronts.py")
fronts = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fronts)


@pytest.mark.parametrize(
    ("path", "text"), fronts.written().items(), ids=lambda p: str(p.relative_to(ROOT)) if isinstance(p, Path) else ""
)  # fmt: skip
def test_is_current(path, text):
    assert path.read_text() == text, "run python tools/fronts.py"


def test_a_layer_is_one_file(tmp_path):
    """A file in `_layers`, and everything else follows, whatever is missing or broken at first."""
    root = tmp_path / "clone"
    root.mkdir()
    subprocess.run(["cp", "-r", ROOT / "jaxconv", ROOT / "tools", root], check=True)
    (root / "jaxconv" / "_layers" / "double.py").write_text(
        '"""A layer."""\n\nfrom typing import Any\n\nfrom jaxconv._layers.base import Layer\n\n'
        '__all__ = ["Double"]\n\n\nclass Double(Layer):\n    """Doubles."""\n\n'
        "    def _forward(self, input: Any) -> Any:\n        return 2 * input\n"
    )
    for broken in ("functional.py", "nn/layers.py", "linen/__init__.py"):
        (root / "jaxconv" / broken).write_text("from nowhere import nothing\n")
    code = (
        "import jaxconv\n"
        f"assert jaxconv.__file__.startswith({str(root)!r}), jaxconv.__file__\n"
        "assert jaxconv.Double()(2) == jaxconv.nn.Double()(2) == jaxconv.linen.Double().apply({}, 2) == 4\n"
        "assert jaxconv.Double.__doc__ == jaxconv.linen.Double.__doc__ == 'Doubles.'\n"
        "from jaxconv import *\n"
        "Double, Conv2d\n"
    )
    subprocess.run(
        [sys.executable, "tools/fronts.py"], cwd=root, check=True, timeout=120, env={"PYTHONPATH": str(root)}
    )
    assert "class Double(nnx.Module):" in (root / "jaxconv" / "nn" / "__init__.pyi").read_text()
    subprocess.run(
        [sys.executable, "-c", code], cwd=root, check=True, timeout=120, env={"PYTHONPATH": str(root)}
    )


def test_every_declared_layer_is_in_both_fronts_and_on_top():
    for names in fronts.declared("_layers").values():
        for name in names:
            assert getattr(jaxconv, name) is getattr(jaxconv.nn, name)
            assert getattr(jaxconv.linen, name).__name__ == name


def test_two_files_cannot_declare_one_name():
    with pytest.raises(ValueError, match=r"Conv2d: declared in two files of jaxconv/nn/"):
        fronts.package("", "nn", {"layers": ["Conv1d", "Conv2d"], "own": ["Conv2d"]})
