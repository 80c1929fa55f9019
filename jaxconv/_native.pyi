"""Compiled from native/; absent where there was no compiler."""

from typing import Any, Literal

def handler() -> Any: ...  # a PyCapsule
def isa() -> Literal["any", "avx2", "avx512"]: ...
