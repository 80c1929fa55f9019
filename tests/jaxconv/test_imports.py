"""What importing costs, and who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# In the order of DESIGN: arguments -> spec -> padding -> lowering -> array -> layers. A module imports from above only.
LAYERS = [
    "jaxconv._native",  # compiled
    "jaxconv._jax_internals",
    "jaxconv._dtypes",
    "jaxconv._spec",
    "jaxconv._spec_pool",
    "jaxconv._spec_transpose",
    "jaxconv._pad",
    "jaxconv._rows",
    "jaxconv._lower",
    "jaxconv.extend",
    "jaxconv.functional",
    "jaxconv.init",
    "jaxconv._rngs",
    "jaxconv._layers",
    "jaxconv._containers",
    "jaxconv.nn",
    "jaxconv.linen",
    "jaxconv._tree",
    "jaxconv._files",
    "jaxconv._renaming",
    "jaxconv.state_dict",
    "jaxconv._select",
    "jaxconv._fill",
    "jaxconv.surgery",
    "jaxconv._from_torch",
    "jaxconv.fusion",
    "jaxconv._explain",
    "jaxconv",
]


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path, top_level_only):
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rank(name):
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in LAYERS:
            return LAYERS.index(".".join(parts[:length]))
    raise AssertionError(f"{name} has no place in LAYERS")


MODULES = sorted((ROOT / "jaxconv").rglob("*.py"))


def test_there_are_modules_to_look_at():
    assert len(MODULES) > 10


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_go_one_way(path):
    assert not any(name.split(".")[0] == "parity" for name in imports(path, False))
    assert not any(name.split(".")[0] == "torch" for name in imports(path, True))
    for name in imports(path, False):
        if name.split(".")[0] == "jaxconv":
            assert rank(name) <= rank(module_name(path)), f"{module_name(path)} imports {name}"


def test_parity_imports_public_names_only():
    for path in (ROOT / "parity").rglob("*.py"):
        private = [n for n in imports(path, False) if n.startswith("jaxconv") and "._" in n]
        assert not private, f"{path} imports {private}"


def test_importing_jaxconv_leaves_torch_alone():
    code = (
        "import sys, jaxconv, numpy as np\n"
        "from flax import nnx\n"
        "m = jaxconv.Conv2d(3, 4, 3, rngs=nnx.Rngs(0))\n"
        "m = jaxconv.load_state_dict(m, {k: np.asarray(v) for k, v in jaxconv.state_dict(m).items()})\n"
        "jaxconv.surgery.zeros(m, 'weight')(np.zeros((1, 3, 5, 5), 'f4'))\n"
        "heavy = {'torch', 'parity', 'matplotlib', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
