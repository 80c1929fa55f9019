# Part of jaxconv (see jaxconv_parity).
"""Whether a port computes the same network as its torch original, by bounds that are derived, not chosen."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity.case import Case as Case
    from parity.compare import Verdict as Verdict
    from parity.model import check as check
    from parity.model_report import Report as Report
    from parity.recording import Recording as Recording
    from parity.recording import load_recording as load_recording
    from parity.recording import record as record
    from parity.runner import Result as Result

_HOMES = {
    "Case": "parity.case",
    "Recording": "parity.recording",
    "Report": "parity.model_report",
    "Result": "parity.runner",
    "Verdict": "parity.compare",
    "check": "parity.model",
    "load_recording": "parity.recording",
    "record": "parity.recording",
}

__all__ = ["Case", "Recording", "Report", "Result", "Verdict", "check", "load_recording", "record"]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used: torch and JAX take time, and torch may be missing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'parity' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
