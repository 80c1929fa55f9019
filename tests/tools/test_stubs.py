"""What tools/stubs.py writes is checked in as it would write it, and says of a layer what the layer has."""

import ast
import importlib.util
import inspect
from pathlib import Path

import every_layer
import jax
import pytest
from flax import nnx

import jaxconv

pytestmark = pytest.mark.share(2)

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("stubs", ROOT / "tools" / "stubs.py")
stubs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stubs)

CLASSES = {
    node.name: node
    for node in ast.parse((ROOT / "jaxconv" / "nn" / "__init__.pyi").read_text()).body
    if isinstance(node, ast.ClassDef)
}


@pytest.mark.parametrize("path", stubs.written(), ids=lambda path: str(path.relative_to(ROOT)))
def test_is_current(path):
    assert path.read_text() == stubs.written()[path], "run python tools/fronts.py"


HOLDING = {row[0]: row for row in every_layer.LAYERS if hasattr(getattr(jaxconv, row[0]), "_holds")}


@pytest.mark.parametrize(("name", "shapes", "arguments"), HOLDING.values(), ids=HOLDING)
def test_a_layer_has_the_attributes_and_parameters_of_its_stub(name, shapes, arguments):
    layer = every_layer.build(name, arguments, training=True)
    if name.startswith("Lazy"):
        layer(*every_layer.inputs(name, shapes))
    told = {
        node.target.id: ast.unparse(node.annotation)
        for node in CLASSES[name].body
        if isinstance(node, ast.AnnAssign)
    }
    variables = {n for n, value in vars(layer).items() if isinstance(value, nnx.Variable)}
    recurrent = isinstance(layer, jaxconv.LSTM | jaxconv.GRU | jaxconv.RNN)  # parameters for each layer
    if not recurrent:
        assert variables <= {n for n, text in told.items() if "Variable" in text}
    for attribute, text in told.items():
        value = getattr(layer, attribute, None) if recurrent else getattr(layer, attribute)
        if "Variable" in text:
            assert isinstance(value, nnx.Variable) or (value is None and "None" in text)


@pytest.mark.parametrize("front", [jaxconv.nn, jaxconv.linen])
def test_no_layer_takes_or_returns_anything(front):
    """Only Identity's type is that of its input."""
    found = []
    for name in sorted(every_layer.public()):
        signature = inspect.signature(getattr(front, name).__call__)
        kinds = [*(p.kind for p in signature.parameters.values())]
        types = [p.annotation for p in list(signature.parameters.values())[1:]] + [
            signature.return_annotation
        ]
        gathers = inspect.Parameter.VAR_POSITIONAL in kinds or inspect.Parameter.VAR_KEYWORD in kinds
        if gathers or any("Any" in str(kind) or kind is inspect.Parameter.empty for kind in types):
            found.append(f"{name}{signature}")
    assert found == []


def test_help_and_inspect_show_what_is_given():
    assert list(inspect.signature(jaxconv.Conv2d).parameters)[:4] == [
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
    ]
    assert inspect.signature(jaxconv.Conv2d.__call__).return_annotation is jax.Array

    class Own(jaxconv.Conv2d):
        def __init__(self, channels: int):
            super().__init__(channels, channels, 3, rngs=nnx.Rngs(0))

        def __call__(self, input, scale):
            return super().__call__(input) * scale

    assert list(inspect.signature(Own).parameters) == ["channels"]
    assert list(inspect.signature(Own(2)).parameters) == ["input", "scale"]
