"""What is public: names in `__all__`, modules that no function hides, types of what functions return."""

import importlib
import inspect
import pkgutil
import sys
import types
import typing

import jax
import pytest

import jaxconv

PUBLIC = ["jaxconv"] + [
    f"jaxconv.{info.name}" for info in pkgutil.iter_modules(jaxconv.__path__) if not info.name.startswith("_")
]
EXPORTED = {id(getattr(sys.modules[m], n)) for m in PUBLIC for n in importlib.import_module(m).__all__}
FUNCTIONS = {
    f"{module}.{name}": getattr(sys.modules[module], name)
    for module in PUBLIC
    for name in sys.modules[module].__all__
    if isinstance(getattr(sys.modules[module], name), types.FunctionType)
}


def test_the_public_modules_are_these():
    names = ("extend", "functional", "fusion", "init", "linen", "nn", "surgery")
    assert ["jaxconv", *(f"jaxconv.{name}" for name in names)] == PUBLIC
    assert len(FUNCTIONS) > 100


@pytest.mark.parametrize("name", PUBLIC)
def test_all_has_each_name_once_and_no_private_one(name):
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    assert [n for n in module.__all__ if n.startswith("_") or not hasattr(module, n)] == []


def test_no_name_hides_a_module():
    """`import jaxconv.x` is the attribute `jaxconv.x`."""
    for info in pkgutil.walk_packages(jaxconv.__path__, "jaxconv."):
        package, _, name = info.name.rpartition(".")
        module = importlib.import_module(info.name)
        assert getattr(sys.modules[package], name) is module, f"{info.name} is hidden"


def parts(annotation):
    """The classes of ours in a type."""
    if isinstance(annotation, type) and annotation.__module__.startswith("jaxconv"):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from parts(argument)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_returns_is_of_a_public_type(name):
    function = FUNCTIONS[name]
    returned = typing.get_type_hints(function, localns={"jax": jax}).get("return", inspect.Parameter.empty)
    assert returned is not inspect.Parameter.empty
    assert [t for t in parts(returned) if id(t) not in EXPORTED] == []
