"""Signatures that `help()` and `inspect.signature` show with the names by which users know the types.

Shapes are not in the types: a function takes arrays of several numbers of dimensions, and of floating, complex and
integer dtypes, which `Float[Array, "n c h w"]` would deny. jaxtyping would also be one more dependency, and type
checkers see only an array in its types. So each docstring states the shapes, and `help(layer.__call__)` shows them.
"""

import functools
import inspect
import re
from typing import Any

import jax
from flax import typing as flax_typing
from jax import lax

_WORDS = {
    "jax.jaxlib._jax.Array": "jax.Array",
    "flax.nnx.rnglib.": "nnx.",
    "collections.abc.": "",
    "typing.": "",
    "flax.PromoteDtypeFn": "PromoteDtypeFn",
    "<class 'jax.numpy.float32'>": "jax.numpy.float32",
    "mappingproxy({})": "{}",
    "~T": "T",
}
_PATTERNS = {
    r"<function (\w+) at 0x\w+>": r"\1",
    r"Optional\[([\w.]+)\]": r"\1 | None",
    r"jaxconv(\.\w+)*\._[\w.]+\.(\w+)": r"\2",
    r"jax\.nn\.initializers\.(\w+)": r"\1",
    r"str \| type \| Callable\[.*?Sequence\['Selector'\]": "Selector",
}


@functools.cache
def _unions() -> dict[str, str]:
    """The texts of types that have a name in JAX or Flax, but none at run time."""
    named: tuple[tuple[str, Any], ...] = (
        ("PrecisionLike", lax.PrecisionLike),
        ("PrecisionLike", flax_typing.PrecisionLike),
        ("DTypeLike", jax.typing.DTypeLike),
        ("DTypeLike", flax_typing.Dtype),
        ("Initializer", jax.nn.initializers.Initializer | flax_typing.Initializer),
    )
    texts = {}
    for name, kind in named:
        texts[inspect.formatannotation(kind)] = name
        if type(None) not in getattr(kind, "__args__", ()):
            texts[inspect.formatannotation(kind | None)] = f"{name} | None"
    return dict(
        sorted(texts.items(), key=lambda item: -len(item[0]))
    )  # a union contains the text of its parts


def readable(text: str) -> str:
    """Returns the text of a signature with names in the place of what they stand for."""
    for own, public in (_unions() | _WORDS).items():
        text = text.replace(own, public)
    for pattern, public in _PATTERNS.items():
        text = re.sub(pattern, public, text)
    return re.sub(r"Union\[((?:[^\[\]]|\[[^\[\]]*\])*)\]", _joined, text)


def _joined(union: re.Match[str]) -> str:
    parts = re.split(r", (?![^\[]*\])", union[1])
    return " | ".join("None" if part == "NoneType" else part for part in parts)


class Shown(inspect.Signature):
    """A signature whose text is readable."""

    def __str__(self) -> str:
        return readable(super().__str__())

    def format(self, **options: Any) -> str:
        """The text, as of Python 3.13."""
        return readable(super().format(**options))  # type: ignore[misc]


def shown(signature: inspect.Signature) -> Shown:
    """Returns the signature with a readable text."""
    return Shown(list(signature.parameters.values()), return_annotation=signature.return_annotation)
