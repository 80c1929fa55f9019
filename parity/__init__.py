# Part of jaxconv (see jaxconv_parity).
"""Whether a port computes the same network as its torch original, by bounds that are derived, not chosen."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity._check.check import check as check
    from parity._check.reduce import Reduced as Reduced
    from parity._check.reduce import reduce as reduce
    from parity._flax.submodule import submodule as submodule
    from parity._judge.verdict import Verdict as Verdict
    from parity._report.report import Report as Report
    from parity._torch.recording import Recording as Recording
    from parity._torch.recording import load_recording as load_recording
    from parity._torch.recording import record as record
    from parity.suite.case import Case as Case
    from parity.suite.runner import Result as Result

_HOMES = {
    "Case": "parity.suite.case",
    "Recording": "parity._torch.recording",
    "Reduced": "parity._check.reduce",
    "Report": "parity._report.report",
    "Result": "parity.suite.runner",
    "Verdict": "parity._judge.verdict",
    "check": "parity._check.check",
    "load_recording": "parity._torch.recording",
    "record": "parity._torch.recording",
    "reduce": "parity._check.reduce",
    "submodule": "parity._flax.submodule",
}

__all__ = [
    "Case",
    "Recording",
    "Reduced",
    "Report",
    "Result",
    "Verdict",
    "check",
    "load_recording",
    "record",
    "reduce",
    "submodule",
]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used: torch and JAX take time, and torch may be missing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'parity' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
