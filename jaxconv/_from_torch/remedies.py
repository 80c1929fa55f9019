"""Why torch.export cannot trace a network, and what to do about each kind of failure."""

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

from jaxconv._from_torch import hooks
from jaxconv._from_torch.own_copy import copies, own_copy
from jaxconv._from_torch.places import own_line
from jaxconv._from_torch.structure import record

_UNKNOWN_CLASS = re.compile(r"Found <class '(.*?)'> in output, which is not a known type")


def returns_unknown_class(error: BaseException) -> bool:
    """Whether tracing failed because the network returns an object of a class that torch.export does not know."""
    return _UNKNOWN_CLASS.search(str(error)) is not None


def explained(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception) -> ValueError:
    """The error to raise: what failed, where, and the remedy for a failure of its kind."""
    name, text = type(module).__name__, str(error).strip()
    told = f"{type(error).__name__}: {text.partition(chr(10))[0]}"
    if own := eager_error(module, args, kwargs):
        return ValueError(f"torch itself cannot run {name} on this example: {own}\n{_OF_EXAMPLE}")
    where = f" ({place})" if (place := own_line(traceback.extract_tb(error.__traceback__))) else ""
    return ValueError(f"torch.export cannot trace {name}: {told}{where}\n{_remedy(module, error, text)}")


def eager_error(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """What torch's own call of the network raises, without any tracing; empty if it raises nothing."""
    import torch

    told = []
    for gradients in (False, True):  # some networks take gradients in their forward
        given = copies((args, kwargs))
        try:
            with (
                torch.no_grad(),
                torch.random.fork_rng(devices=[]),
                own_copy(module) as own,
                hooks.aside(own),
                torch.set_grad_enabled(gradients),
            ):
                own(*given[0], **given[1])
        except Exception as error:
            told.append(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
        else:
            return ""
    return told[0]


_OF_EXAMPLE = (
    "Give an example of the shapes, dtypes and number of arguments that the network takes: "
    "`module(*example_input)` must run."
)


def _remedy(module: Any, error: Exception, text: str) -> str:
    import torch

    if any(isinstance(m, torch.jit.ScriptModule) for m in module.modules()):
        return (
            "It was compiled to TorchScript, which holds no Python code to trace: convert the module that was given to "
            "torch.jit.script or torch.jit.trace."
        )
    if any(".quantized" in type(m).__module__ for m in module.modules()):
        return "It is quantised, and torch packs its weights into no tensor: convert the network before that step."
    if "torch.vmap in it" in text:
        return "A trace does not see what torch.vmap does to each operation: write it with a batch dimension."
    if unknown := _UNKNOWN_CLASS.search(text):
        return (
            f"It returns an object of class {unknown[1]}: return tensors in tuples, lists, dicts, named tuples or "
            "dataclasses."
        )
    if _packs(error):
        return (
            "It packs sequences (pack_padded_sequence), whose lengths a trace does not know. Give the recurrent layer "
            "the padded tensor, and leave out what it computes beyond each sequence's end, with a mask or by length."
        )
    if "data-dependent" in text.lower() or re.search(
        r"the size .*\bu\d+\b", text
    ):  # u0: torch's name for such a size
        return (
            "It decides by the numbers in a tensor, and a trace knows shapes and settings only (`if x.sum() > 0`, "
            "`.item()`, `.nonzero()`; `x[mask]`, instead of which torch.where does it)."
        )
    if ".numpy()" in text or "numpy" in text.lower():
        return "It leaves torch for NumPy, which no trace sees: write that part in torch's operations."
    return (
        "Torch runs it on this example, but cannot trace it. `torch.export.export(module, args, strict=False)` "
        "shows where; `strict=True` analyses the Python code instead of running it."
    )


def _packs(error: Exception) -> bool:
    """Whether what failed is a recurrent layer that was given a packed sequence, or the packing itself."""
    import torch

    for frame, _ in traceback.walk_tb(error.__traceback__):
        values = frame.f_locals.values()
        if frame.f_globals.get("__name__") == torch.nn.utils.rnn.__name__ or (
            isinstance(frame.f_locals.get("self"), torch.nn.RNNBase)
            and any(isinstance(value, torch.nn.utils.rnn.PackedSequence) for value in values)
        ):
            return True
    return False


@contextmanager
def dataclasses_as_records(module: Any) -> Iterator[None]:
    """Has a network return named tuples for dataclasses that torch does not know."""
    hook = module.register_forward_hook(lambda module, args, result: _as_records(result))
    try:
        yield
    finally:
        hook.remove()


def _as_records(value: Any) -> Any:
    from torch.utils import _pytree

    if type(value) in (tuple, list):
        return type(value)(map(_as_records, value))
    if type(value) is dict:
        return {key: _as_records(part) for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_as_records, value))
    if is_dataclass(value) and not isinstance(value, type) and type(value) not in _pytree.SUPPORTED_NODES:
        names = tuple(field.name for field in fields(value))
        return record(type(value).__name__, names)(*(_as_records(getattr(value, name)) for name in names))
    return value
