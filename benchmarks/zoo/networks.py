"""The networks of the zoo: where each comes from, how it is made, and the smallest input that it takes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

LIBRARIES = {
    "torchvision": "torchvision",
    "timm": "timm",
    "smp": "segmentation_models_pytorch",
    "monai": "monai",
    "transformers": "transformers",
}
"""The part of a network's name before the colon, and the package that has the network."""


@dataclass(frozen=True)
class Entry:
    """A network.

    Attributes:
        name: 'torchvision:resnet18'.
        group: the heading that it is listed under.
        make: gives the torch module, with random weights, and a tuple of its inputs.
        cost: an estimate of how long it takes, against others; cheap ones run first.
    """

    name: str
    group: str
    make: Callable[[], tuple[Any, tuple[Any, ...]]]
    cost: int = 1


def entries() -> Iterator[Entry]:
    """All networks of the installed packages."""
    from benchmarks.zoo import medical, timm_networks, torchvision_networks, transformers_networks

    for library, module in (
        ("torchvision", torchvision_networks),
        ("timm", timm_networks),
        ("smp", medical),
        ("monai", medical),
        ("transformers", transformers_networks),
    ):
        if find_spec(LIBRARIES[library]) is not None:
            yield from module.entries(library)


def versions() -> dict[str, str]:
    """Of JAX, torch and the packages that the networks come from."""
    packages = [p.replace("_", "-") for p in LIBRARIES.values() if find_spec(p) is not None]
    return {package: version(package) for package in ("jax", "torch", *packages)}


def images(size: int = 64, batch: int = 2, channels: int = 3) -> Any:
    """Random images, (batch, channels, size, size), float32."""
    import torch

    return torch.randn(batch, channels, size, size)


def made(make: Callable[[], Any], *inputs: Callable[[], Any]) -> Callable[[], tuple[Any, tuple[Any, ...]]]:
    """An Entry's `make` of a network's and its inputs' own."""
    return partial(_made, make, inputs)


def _made(make: Callable[[], Any], inputs: tuple[Callable[[], Any], ...]) -> tuple[Any, tuple[Any, ...]]:
    network = make()
    return network, tuple(x() for x in inputs)
