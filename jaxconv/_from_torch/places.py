"""Lines of the network's own code, for messages."""

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


def definition(function: Any) -> str:
    """What a function is called and where it is written: '`clip` (net.py line 3)'."""
    inner = getattr(function, "__func__", function)
    code = getattr(inner, "__code__", None)
    if code is None:
        return f"`{type(function).__name__}`"
    return f"`{inner.__name__}` ({Path(code.co_filename).name} line {code.co_firstlineno})"
