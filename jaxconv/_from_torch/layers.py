"""torch.nn's own modules as jaxconv's layers, where the network calls them as they are."""

import inspect
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import jax
from flax import nnx

from jaxconv import nn
from jaxconv._args import REDUCTIONS
from jaxconv._from_torch.forms import has_form
from jaxconv._from_torch.program import Instruction, Mode, Program, Ref, Variable
from jaxconv._layers._loss import WeightedLoss
from jaxconv.nn._drawing import Draws
from jaxconv.nn._module import Module, ParamModule
from jaxconv.nn._recurrent import Recurrent
from jaxconv.nn._tracking import Tracking


def layer_of(
    module: Any, held: Mapping[str, nnx.Variable], programs: tuple[Program, ...], stream: Any
) -> Any | None:
    """Makes jaxconv's layer of torch's, if calling the layer is what the network does with it.

    The operation in the program is compared with the layer's arguments one by one: the layer computes the same from
    them. Hooks, parametrisations and code that sets arguments in `forward` show in the program.

    Args:
        module: one of torch's.
        held: its parameters and buffers.
        programs: what the network does when it calls the module.
        stream: random numbers for the layer, or None.

    Returns:
        The layer, which holds the same variables; None if there is none that does the same.
    """
    import torch

    name = type(module).__name__
    kind: Any = getattr(nn, name, None)
    if type(module) is not getattr(torch.nn, name, None) or not (
        isinstance(kind, type) and issubclass(kind, Module | ParamModule)
    ):
        return None
    if name != "Identity" and (
        len(programs) != 1 or not (_is_call_of(programs[0], module) or has_form(programs[0], module))
    ):
        return None
    arguments = _arguments(kind, module)
    if arguments is None:
        return None
    later: dict[str, Any] = {}
    if issubclass(kind, ParamModule):
        # A recurrent layer is made without dropout, for which it would want random numbers.
        later = {"dropout": module.dropout} if issubclass(kind, Recurrent) else {}
        arguments |= dict.fromkeys(later, 0.0)
        if not later and {*held} - {*kind._holds}:
            return None
        first = next(iter(held.values()), None)
        if not issubclass(kind, WeightedLoss):  # whose weights are no parameters
            kinds = {own.partition("_")[0] for own in (held if later else kind._holds)}
            arguments |= {f"{own}_init": _later for own in ("weight", "bias") if own in kinds}
        arguments |= {"rngs": _NoKeys(), "promote_dtype": as_it_is}
        arguments |= {} if first is None else {"param_dtype": first.dtype}
    elif held:
        return None
    tracks = issubclass(kind, Tracking) and bool({*held} - {"weight", "bias"})
    try:
        # Buffers that are replaced at once are not made: XLA would compile each shape's.
        layer = kind(**arguments | ({"track_running_stats": False} if tracks else {}))
    except (TypeError, ValueError):  # an argument that the layer refuses, such as sparse gradients
        return None
    if tracks and isinstance(layer, Tracking):
        layer.track_running_stats = True
    for own, value in {**held, **later}.items():
        setattr(layer, own, value)
    if isinstance(layer, Tracking):
        layer.use_running_average = not module.training
    if isinstance(layer, Draws):
        layer.deterministic, layer.rngs = not module.training, nnx.data(stream)
    return layer


def as_it_is(arrays: tuple[Any, ...], *, dtype: Any = None, **_: Any) -> tuple[Any, ...]:
    """Casts to the layer's `dtype` if it has one; if not, the operation refuses mixed dtypes as in torch."""
    return arrays if dtype is None else tuple(x if x is None else x.astype(dtype) for x in arrays)


def _later(key: Any, shape: Any, dtype: Any) -> None:
    """No first value: the variables come from torch."""


class _NoKeys:
    def params(self) -> None:
        """No key: nothing is drawn."""


def _arguments(kind: Any, module: Any) -> dict[str, Any] | None:
    """The layer's arguments as torch's module has them; None if it does not keep one."""
    known = {field.name for field in fields(kind)}
    found = {}
    names = [*inspect.signature(type(module).__init__).parameters]
    if issubclass(kind, Recurrent):  # torch's have no signature
        names = [field.name for field in fields(kind) if not field.kw_only]
    for name in names:
        if name not in known or name in ("dtype", "weight", "pos_weight", "size_average", "reduce"):
            continue
        if not hasattr(module, name) and name != "bias":
            return None
        value = getattr(module, name, None)
        if name == "bias" and not isinstance(value, bool):
            value = value is not None or not getattr(
                module, "affine", getattr(module, "elementwise_affine", True)
            )
        found[name] = tuple(value) if isinstance(value, list) else value
    return found


def _is_call_of(program: Program, module: Any) -> bool:
    """Whether a program is nothing but the module's operation with the module's arguments."""
    steps = list(program.steps)
    padded = getattr(module, "padding_mode", "zeros") != "zeros"
    if padded and (len(steps) < 2 or not _is_padding(steps.pop(0), module)):
        return False
    count = program.inputs
    inputs = [Ref(count)] if padded else list(map(Ref, range(count)))
    whole = Ref(count + padded)
    if type(module).__name__ in _BROADCASTING:
        if [(step.op, step.args) for step in steps[:-1]] != _BROADCAST:
            return False
        steps, inputs, whole = steps[-1:], [Ref(3), Ref(4)], Ref(5)
    parts = [Ref(whole.number + 1 + i) for i in range(len(steps) - 1)]
    if getattr(module, "return_indices", False):
        returns = tuple(parts) if len(parts) == 2 else None
    else:
        returns = (parts[0] if parts else whole,)
    return (
        program.outputs == returns
        and all(
            (step.op.partition(".")[0], step.args) == ("getitem", (whole, i))
            for i, step in enumerate(steps[1:])
        )
        and _fits(steps[0], module, inputs)
    )


def _is_padding(step: Instruction, module: Any) -> bool:
    """Whether a step is how torch's convolution pads in other ways than with zeros."""
    numbers = () if isinstance(module.padding, str) else module.padding
    pad = tuple(n for n in reversed(numbers) for _ in range(2)) or tuple(
        module._reversed_padding_repeated_twice
    )
    return step.op == "pad.default" and step.args[:3] == (Ref(0), pad, module.padding_mode)


def _fits(step: Instruction, module: Any, inputs: list[Ref]) -> bool:
    """Whether an operation's arguments are the module's."""
    import torch

    name, _, overload = step.op.partition(".")
    schema = getattr(getattr(torch.ops.aten, name, None), overload, None)
    if schema is None or len(step.args) > len(schema._schema.arguments):
        return False
    given = dict(step.kwargs)
    count = given.pop("count", None)
    if count not in (None, Variable(("num_batches_tracked",))):
        return False
    arrays = []
    for i, argument in enumerate(schema._schema.arguments):
        value = step.args[i] if i < len(step.args) else given.pop(argument.name, argument.default_value)
        if isinstance(value, Ref):
            arrays.append(value)
        elif not _is_argument(argument, value, module):
            return False
    return not given and arrays == inputs


def _is_argument(argument: Any, value: Any, module: Any) -> bool:
    """Whether torch's module gives its operation this argument."""
    name = argument.name
    if name == "reduction" and hasattr(module, name):
        return module.reduction in REDUCTIONS and bool(REDUCTIONS.index(module.reduction) == value)
    if isinstance(value, Variable):
        return value.path == (name,)
    if name in _MODES:
        return isinstance(value, Mode) or bool(value and not getattr(module, "track_running_stats", True))
    if name.startswith("cudnn") or (name == "mode" and isinstance(value, str)):
        return True  # `mode` follows from the class
    if (fixed := _FIXED.get(type(module).__name__, {}).get(name)) is not None:
        return bool(value == fixed)
    for own in (name, *_NAMES.get(name, ())):
        if hasattr(module, own):
            wanted = getattr(module, own)
            if own == "padding" and getattr(module, "padding_mode", "zeros") != "zeros":
                wanted = 0
            return _same(value, wanted, name)
    return bool(value == argument.default_value)


# Losses that bring input and target to one shape first.
_BROADCASTING = ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")
_BROADCAST = [
    ("broadcast_tensors.default", ((Ref(0), Ref(1)),)),
    ("getitem", (Ref(2), 0)),
    ("getitem", (Ref(2), 1)),
]

# What is an argument of the operation, but not of the module's.
_FIXED = {"Softmax2d": {"dim": -3}}

_MODES = ("train", "training", "use_input_stats")

# What torch's modules call arguments of ATen's.
_NAMES = {
    "pad": ("padding",),
    "sizes": ("unflattened_size",),
    "output_size": ("size",),
    "scale_factors": ("scale_factor",),
    "p": ("norm",),
}


def _same(value: Any, own: Any, name: str) -> bool:
    if name == "padding_idx":
        own = -1 if own is None else own
    if name == "align_corners":
        own = bool(own)
    if isinstance(value, tuple | list) and own is not None:
        value = tuple(value)
        own = tuple(own) if isinstance(own, tuple | list) else (own,) * len(value)
    if isinstance(own, jax.Array) or hasattr(own, "untyped_storage"):
        return False
    return bool(value == own)
