"""Lines of the network's own code, for messages."""

import contextlib
import functools
import inspect
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def own_line(frames: Iterable[traceback.FrameSummary]) -> str:
    """The innermost line that is neither torch's nor ours, as 'net.py line 12: if x.sum() > 0:', or nothing."""
    import torch

    not_its_own = (str(Path(torch.__file__).parent), str(Path(__file__).parent), "<")
    for frame in reversed(list(frames)):
        if not frame.filename.startswith(not_its_own):
            return f"{Path(frame.filename).name} line {frame.lineno}: {frame.line}"
    return ""


def here() -> str:
    """The line of the network's code that is running."""
    return own_line(traceback.extract_stack())


def calling_frame() -> traceback.FrameSummary | None:
    """The innermost frame of the network's code that is running; if all of it is torch's, of torch.nn's modules."""
    import torch

    torchs, ours = str(Path(torch.__file__).parent), str(Path(__file__).parent)
    modules, outermost = str(Path(torchs) / "nn" / "modules"), str(Path(ours) / "exported.py")
    found, frame = None, inspect.currentframe()
    frame = frame and frame.f_back and frame.f_back.f_back  # of who asks
    while frame is not None and frame.f_code.co_filename != outermost:
        file = frame.f_code.co_filename
        if not file.startswith((torchs, ours, "<", contextlib.__file__, functools.__file__)):
            return traceback.FrameSummary(file, frame.f_lineno, frame.f_code.co_name)
        if found is None and file.startswith(modules):
            found = traceback.FrameSummary(file, frame.f_lineno, frame.f_code.co_name)
        frame = frame.f_back
    return found


def definition(function: Any) -> str:
    """What a function is called and where it is written: '`clip` (net.py line 3)'."""
    inner = getattr(function, "__func__", function)
    code = getattr(inner, "__code__", None)
    if code is None:
        return f"`{type(function).__name__}`"
    return f"`{inner.__name__}` ({Path(code.co_filename).name} line {code.co_firstlineno})"


_TORCH, _COMPILED = "/torch/nn/", "<eval_with_key>"


def place_of(node: Any) -> str:
    """The module and the line of source that a node comes from."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    module = stack[-1][0] if stack else ""
    lines = [line.strip() for line in (node.meta.get("stack_trace") or "").splitlines()]
    frames = [i for i in reversed(range(len(lines))) if lines[i].startswith("File ")]
    # The innermost line of the network's own; in a network of torch's modules alone, of torch's.
    own = (i for i in frames if _TORCH not in lines[i] and _COMPILED not in lines[i])
    at = next(own, frames[0] if frames else None)
    where = f"module {module!r}" if module else "the network itself"
    if at is None:
        return where
    file, line, *_ = lines[at].removeprefix("File ").split(", ")
    source = f": {lines[at + 1]}" if at + 1 < len(lines) else ""
    return f"{where}, {file.strip(chr(34)).rpartition('/')[2]} {line}{source}"
