"""What an input cannot show: mistakes that would compute the same, known by the values that torch's network meets."""

import copy
import linecache
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map
from torch.utils.weak import WeakIdKeyDictionary

from parity._torch.network import layers
from parity._torch.original import Original
from parity._torch.tensors import from_numpy
from parity._torch.unseen_rules import RULES, is_negative, keeps_sign


class Kind(NamedTuple):
    """A way in which an input shows nothing.

    Attributes:
        what: in words.
        shows: what would show it.
        by: what `parity.check(probe=True)` tries: 'size', 'batch', 'scale', 'weights', 'training'.
    """

    what: str
    shows: str
    by: tuple[str, ...]


_SIZE, _SCALE, _WEIGHTS, _TRAINING = ("size",), ("scale",), ("weights",), ("training",)
_ANY = ("size", "batch", "training")

KINDS = {
    "input.batch_of_one": Kind(
        "the batch has one example, so nothing mixes examples", "a larger batch", ("batch",)
    ),
    "input.square": Kind("height equals width, so mixing them up changes nothing", "another height", _SIZE),
    "relu.dead": Kind(
        "no positive number comes in, so the output is zero", "numbers of the other sign", _SCALE
    ),
    "relu.identity": Kind(
        "no negative number comes in, so nothing is cut off", "numbers of the other sign", _SCALE
    ),
    "clamp.upper": Kind("no number is above the upper limit", "a larger input", _SCALE),
    "clamp.lower": Kind("no number is below the lower limit", "a larger input", _SCALE),
    "slope.unused": Kind(
        "only positive numbers come in, so the negative side is not used", "numbers of the other sign", _SCALE
    ),
    "window.same_padding": Kind("at this size 'SAME' pads as torch does", "another size", _SIZE),
    "window.rounding": Kind(
        "at this size the last window ends at the border, so ceil_mode changes nothing", "another size", _SIZE
    ),
    "max_pool.padding": Kind(
        "no window at the border is all negative, so padding with zeros changes nothing",
        "negative numbers",
        _SCALE,
    ),
    "softmax.one": Kind("softmax over one position is 1, whatever comes in", "several positions", _SIZE),
    "scale.zero": Kind(
        "a factor is zero everywhere and hides what it multiplies", "weights that are not zero", _WEIGHTS
    ),
    "batch_norm.initial": Kind(
        "the running mean is 0 and the running variance is 1", "trained statistics", _WEIGHTS
    ),
    "batch_norm.eval": Kind(
        "eval mode uses neither the batch's statistics nor the momentum", "training mode", _TRAINING
    ),
    "dropout.eval": Kind(
        "eval mode hides where dropout is, and its rate", "training with equal draws (jaxconv.TorchRngs)", ()
    ),
    "recurrent.one_step": Kind(
        "the sequence has one step, so no state is carried on", "a longer sequence", _SIZE
    ),
    "resize.same_size": Kind(
        "the output is as large as the input, so nothing is resized", "another size", _SIZE
    ),
    "module.not_called": Kind("it is never called", "an input or a mode with which it is called", _ANY),
    "branch.not_taken": Kind(
        "some lines of its forward do not run", "an input or a mode with which they run", _ANY
    ),
}
"""By stable ids."""


@dataclass(frozen=True)
class Unseen:
    """Something that an input cannot show.

    Attributes:
        id: of `KINDS`.
        layer: torch's path; empty for the network.
        detail: more in words, or empty.
    """

    id: str
    layer: str
    detail: str = ""

    @property
    def kind(self) -> Kind:
        """What it is, in words."""
        return KINDS[self.id]


def unseen(theirs: Original) -> tuple[Unseen, ...]:
    """What torch's network on its input cannot show, in the order of the calls; of a recording, layer by layer."""
    found = dict.fromkeys(_of_inputs(theirs.inputs))
    if theirs.runnable:
        given = tuple(map(from_numpy, theirs.inputs))
        found |= dict.fromkeys(_of_run(copy.deepcopy(theirs.module), "", given, {}))
    else:
        # A layer that a recording cannot describe is there with its results only.
        calls = [c for c in theirs.calls if type(c.module).forward is not torch.nn.Module.forward]
        for run in theirs.runs({call.path for call in calls}):
            args, kwargs = (tree_map(_tensor, given) for given in (run.call.args, run.call.kwargs))
            found |= dict.fromkeys(_of_run(copy.deepcopy(run.call.module), run.call.path, args, kwargs))
    return tuple(found)


def _tensor(x: Any) -> Any:
    return from_numpy(x) if isinstance(x, np.ndarray) else x


def _of_inputs(inputs: Sequence[np.ndarray]) -> Iterator[Unseen]:
    first = inputs[0]
    if first.ndim > 1 and first.shape[0] == 1:
        yield Unseen("input.batch_of_one", "")
    if first.ndim == 4 and first.shape[2] == first.shape[3] > 1:
        yield Unseen("input.square", "")


class _Watch(TorchFunctionMode):
    """Looks at the arguments of each function before it runs."""

    def __init__(self, path: str):
        super().__init__()
        self.inside = [path]
        self.found: list[Unseen] = []
        self.positive: Any = WeakIdKeyDictionary()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs one function."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").strip("_")
        ids = set(RULES[name](args, kwargs)) if name in RULES and args else set()
        # After a ReLU no input makes a difference between padding with zeros and with the least number.
        if ids and args[0] in self.positive:
            ids -= {"max_pool.padding", "relu.identity", "slope.unused"}
        self.found += [Unseen(id, self.inside[-1]) for id in sorted(ids)]
        result = func(*args, **kwargs)
        passes = bool(args) and keeps_sign(name) and args[0] in self.positive
        if isinstance(result, torch.Tensor):
            if passes or not is_negative(name, args, kwargs):
                self.positive[result] = True
            else:  # it may be the same tensor, written in place
                self.positive.pop(result, None)
        return result


def _of_run(module: torch.nn.Module, path: str, args: Any, kwargs: Any) -> Iterator[Unseen]:
    watch, called = _Watch(path), set()
    full = {name: f"{path}.{name}".strip(".") for name, _ in module.named_modules()}
    for name, layer in module.named_modules():

        def enter(layer: torch.nn.Module, given: Any, name: str = name) -> None:
            called.add(name)
            watch.inside.append(full[name])
            if isinstance(layer, torch.nn.RNNBase) and given and isinstance(given[0], torch.Tensor):
                steps = given[0].shape[int(layer.batch_first and given[0].dim() == 3)]
                watch.found += [Unseen("recurrent.one_step", full[name])] if steps == 1 else []

        layer.register_forward_pre_hook(enter)
        layer.register_forward_hook(lambda *_: watch.inside.pop() and None)
    with torch.no_grad(), _lines(module) as lines, watch:
        module(*args, **kwargs)
    yield from watch.found
    for name, layer in layers(module).items():
        if name not in called and not isinstance(layer, torch.nn.Identity) and not list(layer.parameters()):
            yield Unseen("module.not_called", full[name])
    for name, layer in module.named_modules():
        if text := lines.get(type(layer)):
            yield Unseen("branch.not_taken", full[name], text)


@contextmanager
def _lines(module: torch.nn.Module) -> Iterator[dict[type, str]]:
    """Yields a dict that holds afterwards, for each class of the user's, the lines of its forward that did not run."""
    found: dict[type, str] = {}
    kinds = {type(m) for m in module.modules() if not type(m).__module__.startswith("torch.")}
    codes = {code: kind for kind in kinds if (code := getattr(kind.forward, "__code__", None)) is not None}
    if not codes or sys.gettrace() is not None:  # a debugger's, or coverage's
        yield found
        return
    ran: dict[Any, set[int]] = {}

    def trace(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code not in codes:
            return None
        ran.setdefault(frame.f_code, set()).add(frame.f_lineno)
        return trace

    sys.settrace(trace)
    try:
        yield found
    finally:
        sys.settrace(None)
    for code, seen in ran.items():
        known = {line for *_, line in code.co_lines() if line} - {code.co_firstlineno}
        texts = {n: linecache.getline(code.co_filename, n).strip() for n in sorted(known - seen)}
        missed = [
            n for n, text in texts.items() if text and not text.startswith(("raise ", "def ", "@", ")"))
        ]
        if missed:
            name = Path(code.co_filename).name
            found[codes[code]] = ", ".join(f"{name}:{n} `{texts[n]}`" for n in missed[:3])
