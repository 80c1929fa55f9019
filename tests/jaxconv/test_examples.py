"""Every public name has an example in its docstring, and every example prints what it says."""

import contextlib
import doctest
import importlib
import io
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
import jaxconv.functional as F
import parity
from jaxconv import init, surgery

NAMES = {
    "jax": jax,
    "jnp": jnp,
    "np": np,
    "nnx": nnx,
    "jaxconv": jaxconv,
    "F": F,
    "init": init,
    "surgery": surgery,
}
NAMES |= {"parity": parity, "torch": torch}
MODULES = [
    *("jaxconv", "jaxconv.nn", "jaxconv.linen", "jaxconv.functional", "jaxconv.init", "jaxconv.surgery"),
    *("jaxconv.extend", "jaxconv.fusion", "parity"),
]


def examples(module):
    """The public names of a module and their docstrings; those of its modules and constants are elsewhere."""
    found = importlib.import_module(module)
    skipped = jaxconv.nn.__all__ if module == "jaxconv" else ()
    for name in found.__all__:
        thing = getattr(found, name)
        if name not in skipped and not isinstance(thing, types.ModuleType | str):
            yield name, thing.__doc__ or ""


@pytest.mark.share(3)
@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_an_example_that_prints_what_it_says(module, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    documented, every = dict(examples(module)), request.config.getoption("--thorough")
    assert documented
    # Most compile a program or two. A share runs always, and all with --thorough: make thorough.
    run = documented if every or len(documented) < 25 else dict(list(documented.items())[::6])
    without = [name for name, doc in documented.items() if ">>> " not in doc]
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said = io.StringIO()
    with jax.enable_x64(False), contextlib.redirect_stdout(said):  # readers have JAX's default
        for name, doc in run.items():
            runner.run(parser.get_doctest(doc, dict(NAMES), f"{module}.{name}", None, 0))
    assert runner.summarize(verbose=False).failed == 0, said.getvalue()
    assert without == []


def test_a_wrong_example_is_seen():
    runner = doctest.DocTestRunner()
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    with contextlib.redirect_stdout(io.StringIO()):
        assert runner.run(wrong).failed == 1
