"""The machine and the versions that a report is about."""

import platform
from importlib.metadata import version


def environment(device: str) -> dict[str, str]:
    """The machine and the versions a run's numbers belong to."""
    packages = ("jax", "flax", "torch", "numpy")
    return {
        "device": device,
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }
