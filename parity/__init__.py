"""Whether a port computes the same network as its torch original, by bounds that are derived, not chosen."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity.case import Case as Case
    from parity.compare import Verdict as Verdict
    from parity.model import check as check
    from parity.model_report import Report as Report
    from parity.runner import Result as Result

_HOMES = {
    "Case": "parity.case",
    "Report": "parity.model_report",
    "Result": "parity.runner",
    "Verdict": "parity.compare",
    "check": "parity.model",
}

__all__ = ["Case", "Report", "Result", "Verdict", "check"]


def __getattr__(name: str) -> Any:
    """Public names are imported when first used: torch and JAX take time, and torch may be missing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'parity' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
