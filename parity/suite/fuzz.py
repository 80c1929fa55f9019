"""`python -m parity fuzz`: draws configurations of a layer until torch's and ours differ, and shrinks that one."""

import importlib
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import hypothesis
import numpy as np
import torch
from flax import nnx
from hypothesis import strategies as st

from parity._check.check import check

Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Example:
    """A layer and what it is given.

    Attributes:
        layer: torch's class.
        arguments: of its constructor.
        shape: of the input.
        train: whether it is in training mode.
    """

    layer: str
    arguments: dict[str, Any]
    shape: tuple[int, ...]
    train: bool = False

    def __str__(self) -> str:
        mode = ", training" if self.train else ""
        return f"{self.layer}({_written(self.arguments)}) on {self.shape}{mode}"


def _written(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())


@dataclass(frozen=True)
class Found:
    """The smallest example that differs.

    Attributes:
        example: it.
        why: the report in short, or the exception.
        module: the Flax side, 'PKG.MOD:CLASS'; None for jaxconv's layer.
    """

    example: Example
    why: str
    module: str | None = None

    def pytest_file(self) -> str:
        """A file that pytest runs: it fails as long as the layers differ."""
        e = self.example
        home, _, name = (self.module or f"jaxconv:{e.layer}").partition(":")
        arguments = _written(e.arguments)
        ours = f"{arguments}, rngs=nnx.Rngs(0)" if _takes_rngs(_flax_kind(e, self.module)) else arguments
        mode = "train" if e.train else "eval"
        reason = "\n".join(f"# {line}".rstrip() for line in self.why.splitlines())
        return f"""{reason}
import {home}
import numpy as np
import torch
from flax import nnx

import parity


def torch_side():
    torch.manual_seed(0)
    return torch.nn.{e.layer}({arguments}).{mode}()


def flax_side():
    module = {home}.{name}({ours})
    if isinstance(module, nnx.Module):
        module.{mode}()
    return module


def test_{e.layer}_is_the_same():
    x = np.random.default_rng(0).standard_normal({e.shape!r}, dtype=np.float32)
    parity.check(torch_side(), flax_side(), x).assert_ok()
"""


def fuzz(layer: str, examples: int, seed: int, module: str | None = None) -> tuple[Found | None, int]:
    """The smallest configuration that differs, None if none was found; and how many were compared.

    Args:
        layer: one of `LAYERS`.
        examples: how many configurations are drawn.
        seed: of the drawing.
        module: the Flax side, 'PKG.MOD:CLASS'; jaxconv's layer by default.
    """
    found: list[Found] = []
    compared = 0

    def run(example: Example) -> None:
        nonlocal compared
        why = difference(example, module)
        hypothesis.assume(why is not None)  # torch refuses it, or it shows nothing
        compared += 1
        if why:
            found[:] = [Found(example, why, module)]
            raise _DifferentError

    settings = hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        verbosity=hypothesis.Verbosity.quiet,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    try:
        hypothesis.seed(seed)(settings(hypothesis.given(LAYERS[layer])(run)))()
    except _DifferentError:
        return found[0], compared
    return None, compared


class _DifferentError(Exception):
    pass


def difference(example: Example, module: str | None = None) -> str | None:
    """How the two sides differ, '' if they do not; None where torch refuses, or nothing could be seen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of what padding='same' may cost
        return _difference(example, module)


def _difference(example: Example, module: str | None) -> str | None:
    x = np.random.default_rng(0).standard_normal(example.shape, dtype=np.float32)
    try:
        theirs = _torch_side(example)
        with torch.no_grad():
            if not theirs(torch.from_numpy(x)).numel():
                return None
        theirs = _torch_side(example)  # as new: the statistics have moved
    except (ValueError, RuntimeError):
        return None
    try:
        report = check(theirs, _flax_side(example, module), x)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if any("constant" in line or "empty" in line for line in report.problems):
        return None
    return "" if report.ok else report.short()


def _torch_side(example: Example) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made: torch.nn.Module = getattr(torch.nn, example.layer)(**example.arguments)
    return made.train(example.train)


def _flax_kind(example: Example, module: str | None) -> Any:
    home, _, name = (module or f"jaxconv:{example.layer}").partition(":")
    return getattr(importlib.import_module(home), name)


def _takes_rngs(kind: Any) -> bool:
    # A Flax module's metaclass takes anything: its constructor says what it is.
    constructor = kind.__init__ if inspect.isclass(kind) else kind
    parameters = inspect.signature(constructor).parameters
    return "rngs" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _flax_side(example: Example, module: str | None) -> Any:
    kind = _flax_kind(example, module)
    more = {"rngs": nnx.Rngs(0)} if _takes_rngs(kind) else {}
    made = kind(**example.arguments, **more)
    if isinstance(made, nnx.Module):
        made.train() if example.train else made.eval()
    return made


# What is drawn. The first choice is the one that shrinking prefers: torch's defaults, and small numbers.


def _each(draw: Draw, ndim: int, low: int, high: int) -> tuple[int, ...]:
    """One number, or one for each dimension."""
    if ndim == 1 or draw(st.booleans()):
        return tuple(draw(st.integers(low, high)) for _ in range(ndim))
    return (draw(st.integers(low, high)),) * ndim


def _batch(draw: Draw) -> int:
    return int(draw(st.integers(1, 2)))


def _image(draw: Draw, least: list[int]) -> tuple[int, ...]:
    return tuple(draw(st.integers(max(1, n), max(1, n) + 4)) for n in least)


@st.composite
def _conv(draw: Draw, ndim: int) -> Example:
    groups = draw(st.integers(1, 3))
    inner, outer = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    kernel, stride, dilation = _each(draw, ndim, 1, 3), _each(draw, ndim, 1, 3), _each(draw, ndim, 1, 2)
    reach = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    padding: Any = _each(draw, ndim, 0, 2)
    if draw(st.integers(0, 3)) == 3:
        padding = "same" if max(stride) == 1 else "valid"
    mode = draw(st.sampled_from(("zeros", "reflect", "replicate", "circular")))
    pads = padding if isinstance(padding, tuple) else [r // 2 + 1 if padding == "same" else 0 for r in reach]
    # Reflection takes less than the image, circular padding at most all of it.
    least = [max(r + 1 - 2 * p, 1 if mode == "zeros" else p + 1) for r, p in zip(reach, pads, strict=True)]
    arguments = {
        "in_channels": inner,
        "out_channels": outer,
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "bias": draw(st.booleans()),
        "padding_mode": mode,
    }
    return Example(f"Conv{ndim}d", arguments, (_batch(draw), inner, *_image(draw, least)))


@st.composite
def _conv_transpose(draw: Draw, ndim: int) -> Example:
    groups = draw(st.integers(1, 3))
    inner, outer = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    kernel, stride, dilation = _each(draw, ndim, 1, 3), _each(draw, ndim, 1, 3), _each(draw, ndim, 1, 2)
    more = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    arguments = {
        "in_channels": inner,
        "out_channels": outer,
        "kernel_size": kernel,
        "stride": stride,
        "padding": tuple(draw(st.integers(0, d * (k - 1))) for k, d in zip(kernel, dilation, strict=True)),
        "output_padding": more,
        "groups": groups,
        "bias": draw(st.booleans()),
        "dilation": dilation,
    }
    return Example(f"ConvTranspose{ndim}d", arguments, (_batch(draw), inner, *_image(draw, [1] * ndim)))


@st.composite
def _pool(draw: Draw, kind: str, ndim: int) -> Example:
    kernel = _each(draw, ndim, 1, 3)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    arguments: dict[str, Any] = {
        "kernel_size": kernel,
        "stride": draw(st.none() | st.just(_each(draw, ndim, 1, 3))),
        "padding": padding,
        "ceil_mode": draw(st.booleans()),
    }
    dilation = (1,) * ndim
    if kind == "Max":
        dilation = arguments["dilation"] = _each(draw, ndim, 1, 2)
    else:
        arguments["count_include_pad"] = not draw(st.booleans())
        if ndim > 1:
            arguments["divisor_override"] = draw(st.none() | st.integers(1, 5))
    # No window without an element of the image: there torch's backward pass writes outside of its memory.
    least = [max(d, d * (k - 1) + 1 - 2 * p) for k, d, p in zip(kernel, dilation, padding, strict=True)]
    if (kind, ndim) == ("Avg", 3):  # torch does not count the padding there
        least = list(kernel)
    shape = (_batch(draw), draw(st.integers(1, 3)), *_image(draw, least))
    return Example(f"{kind}Pool{ndim}d", arguments, shape)


@st.composite
def _batch_norm(draw: Draw, ndim: int) -> Example:
    channels = draw(st.integers(1, 4))
    arguments = {
        "num_features": channels,
        "eps": draw(st.sampled_from((1e-5, 1e-3, 1e-2))),
        "momentum": draw(st.sampled_from((0.1, 0.01, 0.9, None))),
        "affine": not draw(st.booleans()),
        "track_running_stats": not draw(st.booleans()),
    }
    shape = (draw(st.integers(2, 4)), channels, *_image(draw, [2] * ndim))
    return Example(f"BatchNorm{ndim}d", arguments, shape, draw(st.booleans()))


@st.composite
def _group_norm(draw: Draw) -> Example:
    groups = draw(st.integers(1, 4))
    channels = groups * draw(st.integers(1, 3))
    eps = draw(st.sampled_from((1e-5, 1e-3, 1e-2)))
    arguments = {
        "num_groups": groups,
        "num_channels": channels,
        "eps": eps,
        "affine": not draw(st.booleans()),
    }
    size = _image(draw, [2] * draw(st.integers(1, 3)))
    return Example("GroupNorm", arguments, (_batch(draw), channels, *size))


@st.composite
def _linear(draw: Draw) -> Example:
    arguments = {name: draw(st.integers(1, 8)) for name in ("in_features", "out_features")}
    leading = draw(st.lists(st.integers(1, 4), max_size=3))
    shape = (*leading, arguments["in_features"])
    return Example("Linear", {**arguments, "bias": not draw(st.booleans())}, shape)


@st.composite
def _interpolate(draw: Draw) -> Example:
    ndim = draw(st.integers(1, 3))
    smooth = {1: ("linear",), 2: ("bilinear", "bicubic"), 3: ("trilinear",)}[ndim]
    mode = draw(st.sampled_from(("nearest", "nearest-exact", *smooth)))
    arguments: dict[str, Any] = {"mode": mode}
    if draw(st.booleans()):
        arguments["scale_factor"] = draw(st.sampled_from((2.0, 3.0, 0.5, 1.5)))
    else:
        arguments["size"] = _each(draw, ndim, 1, 8)
    if mode in smooth:
        arguments["align_corners"] = draw(st.booleans())
    shape = (_batch(draw), draw(st.integers(1, 3)), *_image(draw, [2] * ndim))
    return Example("Upsample", arguments, shape)


_BY_RANK: dict[str, Callable[[int], st.SearchStrategy[Example]]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "max_pool": partial(_pool, "Max"),
    "avg_pool": partial(_pool, "Avg"),
    "batch_norm": _batch_norm,
}
LAYERS: dict[str, st.SearchStrategy[Example]] = {
    **{f"{name}{n}d": made(n) for name, made in _BY_RANK.items() for n in (1, 2, 3)},
    "group_norm": _group_norm(),
    "linear": _linear(),
    "interpolate": _interpolate(),
}
"""What can be drawn, by the name on the command line."""
