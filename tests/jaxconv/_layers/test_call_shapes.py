"""The shapes in the docstring of each layer's call are those of its example."""

import inspect
import re
from functools import partial

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

import jaxconv
from jaxconv import linen
from jaxconv._examples.layers import LAYERS
from jaxconv._layers.call_shapes import SHAPES, shapes_of

TUPLE = re.compile(r"\(([^()]*)\)")


def fits(names, shape, known):
    """Whether a shape has the dimensions with these names; what a name is known to be, it must be here, too."""
    names = [n for n in names.split(", ") if n]
    fixed = [n.rstrip(",") for n in names if n != "*"]
    if ("*" not in names and len(fixed) != len(shape)) or len(fixed) > len(shape):
        return False
    front = names.index("*") if "*" in names else len(fixed)
    pairs = [*zip(fixed[:front], shape, strict=False)]
    behind = [n for n in names[front + 1 :] if n != "*"]
    if names.count("*") == 1 and behind:
        pairs += zip(behind, shape[-len(behind) :], strict=True)
    return all(known.setdefault(name, size) == size for name, size in pairs if name.isidentifier())


@pytest.mark.parametrize("name", sorted(n for n in LAYERS if not n.startswith("Lazy")))
def test_the_shapes_are_those_of_the_example(name):
    row, scope = LAYERS[name], {"jnp": jnp, "F": jaxconv.functional}
    draws = "rngs" in inspect.signature(getattr(jaxconv, name)).parameters
    known, given = {}, []

    def called():
        rngs = {"rngs": nnx.Rngs(0)} if draws else {}
        layer = eval(f"make({row.arguments})", scope | {"make": partial(getattr(jaxconv, name), **rngs)})
        known.update({a: v for a, v in vars(layer).items() if type(v) is int})
        given.extend(eval(f"[{row.inputs}]", scope))
        return layer(*given)

    result = jax.tree.leaves(jax.eval_shape(called))
    text = shapes_of(name).replace("prod(kernel_size)", "K")
    for argument, sizes in {"*normalized_shape": "8", "*output_size": "4, 4"}.items():
        text = text.replace(argument, sizes)
    before, _, after = text.partition("; ")[0].partition(", or ")[0].partition(" -> ")
    inputs = [t for t in TUPLE.findall(before) if t not in ("h_0, c_0", "h, c")]
    outputs = [t for t in TUPLE.findall(after) if t not in ("h_n, c_n", "h, c")]
    if given[0].ndim < inputs[0].count(",") + 1 and "all without N" in text:
        inputs, outputs = ([t.replace("N, ", "") for t in side] for side in (inputs, outputs))
    assert inputs and all(fits(t, x.shape, known) for t, x in zip(inputs, given, strict=False)), (text, known)
    if "..." in text.partition("; ")[0] or "Unflatten" in name or any(c in after for c in "/^"):
        return  # these dimensions are computed from others
    assert name == "LSTMCell" or fits(outputs[0], result[0].shape, known), (text, result[0].shape, known)


def test_help_shows_shapes_and_types_as_users_know_them():
    for front in (jaxconv, linen):
        call = front.Conv2d.__call__
        assert inspect.getdoc(call).splitlines() == [
            "Applies the layer.",
            "",
            "Shapes: (N, in_channels, H, W) -> (N, out_channels, H_out, W_out), or both without N.",
        ]
        assert str(inspect.signature(call)) == "(self, input: ArrayLike) -> jax.Array"
    assert "jaxlib" not in str(inspect.signature(jaxconv.LSTM.__call__))


@pytest.mark.parametrize("front", [jaxconv.nn, linen])
def test_every_layer_has_shapes(front):
    layers = [n for n in front.__all__ if n not in ("ModuleDict", "ModuleList", "Sequential")]
    assert [n for n in layers if "Shapes: " not in getattr(front, n).__call__.__doc__] == []
    used = {n.removeprefix("Lazy") for n in layers} | {n.removeprefix("Lazy")[:-2] for n in layers}
    assert {*SHAPES} - used == set()
