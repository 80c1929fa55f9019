"""What `help()` shows of the types of public functions and layers."""

import inspect
import re

import pytest

import jaxconv
from jaxconv import functional, init, surgery

PRIVATE = re.compile(r"Union\[|Optional\[| at 0x|\._\w|typing\.|<class|mappingproxy")
FUNCTIONS = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (functional, surgery, init, jaxconv)
    for name in module.__all__
    if inspect.isfunction(getattr(module, name))
}
LAYERS = {name: value for name, value in vars(jaxconv.nn).items() if isinstance(value, type)}
CALLS = {name: vars(layer)["__call__"] for name, layer in LAYERS.items() if "__call__" in vars(layer)}


def text(value):
    return str(inspect.signature(value))


def test_there_are_functions_and_layers():
    assert len(FUNCTIONS) > 120 and len(LAYERS) > 100 and len(CALLS) > 100


@pytest.mark.parametrize("values", [FUNCTIONS, LAYERS, CALLS])
def test_no_signature_shows_what_is_private(values):
    assert {name: text(value) for name, value in values.items() if PRIVATE.search(text(value))} == {}


def test_the_text_of_a_signature():
    assert text(functional.conv2d) == (
        "(input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, stride: Size = 1, padding: ConvPadding "
        "= 0, dilation: Size = 1, groups: int = 1, *, precision: PrecisionLike = None) -> jax.Array"
    )
    assert "dtype: DTypeLike | None = None, param_dtype: DTypeLike = jax.numpy.float32" in text(
        jaxconv.Conv2d
    )
    assert "weight_init: Initializer | None = None" in text(jaxconv.Conv2d)
    assert "selector: Selector," in text(surgery.zeros)
    assert "p: float | Literal['fro'] | None = 2.0" in text(functional.normalize)


def test_types_stay_types():
    """Only the text is another: tools that read annotations find the types."""
    annotations = functional.conv2d.__annotations__
    found = inspect.signature(functional.conv2d).parameters
    assert {name: found[name].annotation for name in found} == {
        name: kind for name, kind in annotations.items() if name != "return"
    }
