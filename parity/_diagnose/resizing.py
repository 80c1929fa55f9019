"""What people get wrong in resizing."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from parity._diagnose.hypothesis import computing
from parity._diagnose.registry import Called, Cause

Arguments = dict[str, Any]
"""Of torch.nn.functional.interpolate."""
Others = Iterator[tuple[str, Arguments]]

_NEAREST = ("nearest", "nearest-exact")
_SMOOTH = ("linear", "bilinear", "trilinear", "bicubic")


def _mistake(id: str, says: str) -> Callable[[Callable[[Arguments], Others]], None]:
    """Enters a cause whose ways are other arguments, for layers and for calls."""

    def enter(others: Callable[[Arguments], Others]) -> None:
        cause = Cause(id, says)

        @cause.tried("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d")
        def layer(module: Any) -> Iterator[tuple[str, torch.nn.Module]]:
            names = ("size", "scale_factor", "mode", "align_corners")
            for fix, arguments in others({name: getattr(module, name) for name in names}):
                yield fix, computing(module, lambda self, x, a=arguments: F.interpolate(x, **a))

        @cause.tried("interpolate")
        def call(called: Called) -> Iterator[tuple[str, Any]]:
            names = ("size", "scale_factor", "mode", "align_corners")
            given = {**dict(zip(names, called.args[1:], strict=False)), **called.kwargs}
            for fix, arguments in others(given):
                yield fix, lambda f, x, *_, a=arguments, **__: f(x, **a)

    return enter


def _mode(given: Arguments) -> str:
    return str(given.get("mode", "nearest"))


@_mistake("resize.align_corners", "corners that are aligned, or not")
def _align_corners(given: Arguments) -> Others:
    corners = given.get("align_corners")
    if _mode(given) in _SMOOTH:
        text = f"align_corners is {not corners}: torch's is {bool(corners)}"
        yield text, {**given, "align_corners": not corners}


@_mistake("resize.antialias", "antialiasing, which is jax.image.resize's default")
def _antialias(given: Arguments) -> Others:
    other = not given.get("antialias", False)
    if _mode(given) in ("bilinear", "bicubic"):
        text = f"antialias is {other}: torch's is {not other} (jax.image.resize: antialias={not other})"
        yield text, {**given, "align_corners": False, "antialias": other}


@_mistake("resize.bicubic_coefficient", "another coefficient of the cubic")
def _bicubic_coefficient(given: Arguments) -> Others:
    if _mode(given) == "bicubic":
        text = "the cubic's coefficient is -0.5: torch's is -0.75 (jaxconv.functional.interpolate)"
        yield text, {**given, "align_corners": False, "antialias": True}


def _modes(given: Arguments, names: tuple[str, ...], more: str = "", **changes: Any) -> Others:
    for name in names:
        if name != _mode(given):
            text = f"the mode is {name!r}: torch's is {_mode(given)!r}{more}"
            yield text, {**given, "align_corners": None, "antialias": False, "mode": name, **changes}


@_mistake("resize.nearest", "'nearest' for 'nearest-exact', or the other way round")
def _nearest(given: Arguments) -> Others:
    if _mode(given) in _NEAREST:
        yield from _modes(given, _NEAREST, " (jax.image.resize's 'nearest' is torch's 'nearest-exact')")


@_mistake("resize.mode", "another mode of resizing")
def _other_mode(given: Arguments) -> Others:
    if _mode(given) not in _NEAREST:
        yield from _modes(given, _NEAREST)
    for name in _SMOOTH:
        for aligned in (False, True):
            yield from _modes(given, (name,), align_corners=aligned)
