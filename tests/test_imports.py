"""Who may import whom in both packages, and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A module imports only from its own place and from those above it.
ORDER = {
    "jaxconv": [
        "jaxconv._native",  # compiled
        "jaxconv._jax_internals",
        "jaxconv._dtypes",
        "jaxconv._types",
        "jaxconv._shown",
        "jaxconv._examples",
        "jaxconv._given",
        "jaxconv._habits",
        "jaxconv._args",
        "jaxconv._spec",
        "jaxconv._spec_pool",
        "jaxconv._pad",
        "jaxconv._rows",
        "jaxconv._arrays",
        "jaxconv._lower",
        "jaxconv.extend",
        "jaxconv._functional",
        "jaxconv.functional",
        "jaxconv.init",
        "jaxconv._rngs",
        "jaxconv._layers",
        "jaxconv._containers",
        "jaxconv.nn",
        "jaxconv.linen",
        "jaxconv._folding",
        "jaxconv._linen_inference",
        "jaxconv._tree",
        "jaxconv._files",
        "jaxconv._renaming",
        "jaxconv._state_dict",
        "jaxconv._select",
        "jaxconv._fill",
        "jaxconv.surgery",
        "jaxconv._from_torch",
        "jaxconv.fusion",
        "jaxconv._inference",
        "jaxconv._compile_cache",
        "jaxconv._compiled",
        "jaxconv._programs",
        "jaxconv._explain",
        "jaxconv",
    ],
    "parity": [
        "parity._bounds",
        "parity._torch",
        "parity._flax",
        "parity._pairing",
        "parity._judge",
        "parity._diagnose",
        "parity._report",
        "parity._check",
        "parity.suite",
        "parity",
    ],
}


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path, top_level_only=False):
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rank(name):
    order, parts = ORDER[name.split(".")[0]], name.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in order:
            return order.index(".".join(parts[:length]))
    raise AssertionError(f"{name} has no place in ORDER")


MODULES = sorted(path for package in ORDER for path in (ROOT / package).rglob("*.py"))
NAMES = {module_name(path) for path in MODULES}


def test_there_are_modules_to_look_at():
    assert {"jaxconv._functional.conv", "parity._judge.layer"} <= NAMES


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_go_one_way(path):
    package = module_name(path).split(".")[0]
    for name in imports(path):
        if name.split(".")[0] == package:
            assert rank(name) <= rank(module_name(path)), f"{module_name(path)} imports {name}"


def module_of(name):
    """The module that an import of `name` loads: `name` itself, or the one that it is in."""
    return name if name in NAMES else name.rpartition(".")[0]


def test_no_module_imports_itself_through_others():
    needs = {module_name(path): {module_of(name) for name in imports(path)} & NAMES for path in MODULES}
    for start in needs:
        reached, rest = set(), list(needs[start] - {start})
        while rest:
            module = rest.pop()
            if module not in reached:
                reached.add(module)
                rest += needs[module]
        assert start not in reached, f"{start} imports itself through others"


def test_a_folder_says_at_its_top_what_parity_is_made_of():
    at_top = {path.name for path in (ROOT / "parity").iterdir() if path.suffix in ("", ".py")}
    assert len(at_top - {"__init__.py", "__main__.py", "__pycache__"}) <= 10


@pytest.mark.parametrize("package", ["jaxconv", "parity", "jaxconv_parity"])
def test_no_file_is_too_long_to_read(package):
    lengths = {module_name(p): len(p.read_text().splitlines()) for p in (ROOT / package).rglob("*.py")}
    assert {name: n for name, n in lengths.items() if n > 350} == {}


def test_jaxconv_imports_neither_torch_nor_parity():
    for path in (ROOT / "jaxconv").rglob("*.py"):
        assert not any(name.split(".")[0] == "parity" for name in imports(path))
        assert not any(name.split(".")[0] == "torch" for name in imports(path, top_level_only=True))


def test_parity_imports_public_names_only():
    for path in (ROOT / "parity").rglob("*.py"):
        private = [n for n in imports(path) if n.startswith("jaxconv") and "._" in n]
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
