"""Compiled from native/; absent where there was no compiler."""

from typing import Any, Literal

def handler() -> Any: ...  # a PyCapsule
def fused_handler() -> Any: ...  # a PyCapsule
def blocked_handler() -> Any: ...  # a PyCapsule
def lanes() -> int: ...
def isa() -> Literal["any", "neon", "avx2", "avx512"]: ...
def api_version() -> tuple[int, int]: ...
