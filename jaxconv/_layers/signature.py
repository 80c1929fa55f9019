"""The real signatures of layers: what `inspect.signature`, `help()` and editors show."""

import inspect
import textwrap
import types
from dataclasses import InitVar
from typing import Any

from jaxconv._layers.call_shapes import shapes_of
from jaxconv._shown import shown

_FRONTS = ("held", "deterministic", "key")
"""Parameters of `_forward` that a front gives it."""


_GATHER = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def call_signature(layer: type) -> inspect.Signature:
    """Returns the signature of a layer's `__call__`: the front's, with the types and the inputs of `_forward`."""
    calls = [inspect.signature(vars(base)["__call__"]) for base in layer.__mro__ if "__call__" in vars(base)]
    front = next((call for call in calls if not _gathers(call)), calls[0])
    forward = _forward_signature(layer)
    if _gathers(forward):
        return front
    own = {name: p for name, p in forward.parameters.items() if name not in _FRONTS}
    named = [
        p.replace(annotation=own[p.name].annotation) if p.name in own else p
        for p in front.parameters.values()
        if p.kind not in _GATHER
    ]
    if _gathers(front):
        named += [p for p in own.values() if p.name not in front.parameters]
    return front.replace(parameters=named, return_annotation=forward.return_annotation)


def _gathers(signature: inspect.Signature) -> bool:
    return any(p.kind in _GATHER for p in signature.parameters.values())


def _forward_signature(layer: type) -> inspect.Signature:
    """Returns the signature of `_forward`; where that takes any inputs, they are the functional's."""
    signature = inspect.signature(layer._forward)  # type: ignore[attr-defined]
    parameters = list(signature.parameters.values())
    if not hasattr(layer, "_function") or parameters[-1].kind is not inspect.Parameter.VAR_POSITIONAL:
        return signature
    functional = inspect.signature(layer._function).parameters.values()
    inputs = [p for p in functional if p.default is p.empty]
    return signature.replace(parameters=[parameters[0], *inputs])


def own_call(layer: type) -> None:
    """Gives a layer a `__call__` of its own, the inherited code with the layer's signature and docstring."""
    call = next(vars(base)["__call__"] for base in layer.__mro__ if "__call__" in vars(base))
    own = types.FunctionType(call.__code__, call.__globals__, "__call__", call.__defaults__, call.__closure__)
    own.__kwdefaults__ = call.__kwdefaults__
    own.__dict__.update(call.__dict__)
    signature = call_signature(layer)
    own.__signature__ = shown(signature)  # type: ignore[attr-defined]
    own.__annotations__ = {
        p.name: p.annotation for p in signature.parameters.values() if p.annotation is not p.empty
    } | {"return": signature.return_annotation}
    shapes = shapes_of(layer.__name__)
    own.__doc__ = f"{call.__doc__}\n\n{textwrap.fill(f'Shapes: {shapes}.', 100)}" if shapes else call.__doc__
    own.__module__, own.__qualname__ = layer.__module__, f"{layer.__qualname__}.__call__"
    type.__setattr__(layer, "__call__", own)


class ConstructorSignature:
    """A class attribute `__signature__`: NNX's metaclass has a `__call__` that hides the constructor's arguments."""

    def __get__(self, layer: Any, kind: type) -> inspect.Signature:
        """Returns the class's signature; a layer itself has that of its `__call__`."""
        if layer is not None:
            raise AttributeError("__signature__")
        signature = inspect.signature(kind.__init__)  # type: ignore[misc]
        parameters = [
            p.replace(annotation=p.annotation.type) if isinstance(p.annotation, InitVar) else p
            for p in list(signature.parameters.values())[1:]
        ]
        return shown(signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty))
