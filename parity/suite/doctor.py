"""Whether this installation of JAX computes rightly: what past releases got wrong, and a selection of the suite."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxconv
from parity._bounds import jax_internals as internals
from parity._bounds import rounding, tolerance
from parity._judge.layer import spelled
from parity._report.environment import environment
from parity.suite.runner import run_case
from parity.suite.tables import ALL

SECONDS = 14.0
"""When no further case of the suite is begun, counted from the start of the command: a busy machine runs fewer."""

_CASES = (
    "conv2d/groups",
    "conv2d/bfloat16",
    "max_pool2d/nan",
    "Linear/layer",
    "BatchNorm2d/training",
    "LayerNorm/layer",
    "ConvTranspose2d/layer",
    "AvgPool2d/layer",
    "Softmax/layer",
    "GELU/layer",
    "Upsample/layer",
    "LSTM/layer",
    "conv2d/padding_mode",
    "Embedding/layer",
)
"""Of each group the first case, as an NNX layer if there is one."""


@dataclass(frozen=True)
class Known:
    """What a past release of JAX computed wrongly.

    Attributes:
        issue: of github.com/jax-ml/jax.
        what: in words, with the release.
        means: whose numbers are wrong, and which releases are right.
        function: is judged under `jit` and outside.
        arguments: makes the function's.
        before: runs first: a fault may need something that ran before.
    """

    issue: int
    what: str
    means: str
    function: Callable[..., Any]
    arguments: Callable[[], tuple[Any, ...]]
    before: Callable[[], Any] = lambda: None


def _rows(n: int) -> tuple[np.ndarray]:
    rows = np.zeros((n, 3), np.float32)
    rows[:, 0] = np.arange(n)
    return (rows,)


def _normal(*shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    return tuple(rng.standard_normal(shape, dtype=np.float32) for shape in shapes)


KNOWN = (
    Known(
        39103,
        "vmap of a matrix-vector product, summed (jaxlib 0.10.2 on CPUs)",
        "code under jit that sums matrix-vector products of some 32 thousand rows (float64: 16 thousand) gets wrong "
        "last rows; outside jit it is right. jaxlib 0.10.1 and 0.12.0 are right: install one of them, or leave such "
        "code outside jit",
        lambda rows: jax.vmap(lambda row: jnp.sum((jnp.eye(3, dtype=rows.dtype) @ row) ** 2))(rows),
        lambda: _rows(32_769),
    ),
    Known(
        39352,
        "arctan of 50 elements or more (jaxlib 0.10.2 on some CPUs)",
        "code that calls jnp.arctan gets wrong numbers, and so does a network of from_torch that calls atan; no layer "
        "of jaxconv does. jaxlib 0.12.0 is right",
        jnp.arctan,
        lambda: (np.linspace(-3, 3, 200, dtype=np.float32),),
    ),
    Known(
        39336,
        "alpha * (A @ B + bias), batched: alpha misses the bias (some NVIDIA GPUs)",
        "a scaled linear layer on a batch, alpha * (x @ A.T + bias), has an unscaled bias. Which release is "
        "right was not measured: the issue says what is known",
        lambda a, b, bias: jax.vmap(lambda row: 0.1 * (a @ row + bias))(b),
        lambda: _normal((32, 15), (100, 15), (32,)),
    ),
    Known(
        40633,
        "an operation after another outside jit: stale numbers (jaxlib 0.11.0 and 0.11.1 on some NVIDIA GPUs)",
        "any operation outside jit may return other numbers, also those that initialise a network. jaxlib 0.10.2 is "
        "right: install another release than these two",
        lambda x: x + 1,
        lambda: (np.ones(4, np.float32),),
        before=lambda: jnp.sqrt(jnp.float32(512)).block_until_ready(),
    ),
)


class Finding(NamedTuple):
    """What one look at the installation found.

    Attributes:
        what: was looked at.
        ok: whether it is right.
        detail: how it shows.
        means: what it means for the user if it is wrong, and what to do.
    """

    what: str
    ok: bool
    detail: str
    means: str


def known(device: jax.Device) -> Iterator[Finding]:
    """Computes what past releases computed wrongly, in float32."""
    for fault in KNOWN:
        arguments = fault.arguments()
        with jax.default_device(device):
            arithmetic = tolerance.arithmetic(np.float32, device.platform, _precision())
            right = rounding.analyse(fault.function, arguments, arithmetic)
            wrong = []
            for how, function in (("under jit", jax.jit(fault.function)), ("outside jit", fault.function)):
                fault.before()
                found = np.asarray(function(*map(jnp.asarray, arguments)))
                off = ~(np.abs(found.astype(right.value.dtype) - right.value) <= right.errors)
                if off.any():
                    wrong.append(f"{int(off.sum())} of {off.size} elements {how}")
        yield Finding(f"jax-ml/jax {fault.issue}: {fault.what}", not wrong, ", ".join(wrong), fault.means)


def products(device: jax.Device) -> Finding:
    """What float32 factors of a matrix product and a convolution are rounded to, measured, and what bounds expect."""
    expected = tolerance.arithmetic(np.float32, device.platform, _precision()).multiply
    measured = {}
    with jax.default_device(device):
        one = jnp.ones((64, 64), jnp.float32)
        image = jnp.ones((8, 8, 16, 16), jnp.float32)
        functions: dict[str, Callable[[Any], Any]] = {
            "matrix product": lambda x: (x * one) @ (one / 64),
            "convolution": lambda x: jax.lax.conv(x * image, image[..., :1, :1] / 8, (1, 1), "VALID"),
        }
        for name, function in functions.items():
            # A factor just above 1 comes back as 1 if it was rounded to fewer digits.
            lost = [u for u in _FORMATS if float(jax.jit(function)(np.float32(1 + u)).ravel()[0]) == 1.0]
            measured[name] = max(lost, default=0.0)
    setting = internals.default_matmul_precision()
    text = ", ".join(f"{name} {_FORMATS.get(u, 'float32')}" for name, u in measured.items())
    ok = all(u <= expected for u in measured.values())
    detail = f"{text}; expected {_expected(expected)} at jax_default_matmul_precision={setting}"
    return Finding("float32 factors", ok, detail, _FEWER_DIGITS)


_FEWER_DIGITS = (
    "this device rounds the factors of products to fewer digits than the bounds of parity allow for, so comparisons "
    "fail: set jax_default_matmul_precision to 'highest', and report this block to jaxconv"
)
_FAILED_CASE = (
    "this layer of jaxconv's does not compute torch's numbers here: do not trust it on this device, and report this "
    "block to jaxconv"
)

_FORMATS = {2.0**-11: "TF32", 2.0**-8: "bfloat16"}
"""Unit roundoffs: 1 + u is rounded to 1."""


def _expected(multiply: float) -> str:
    return _FORMATS.get(multiply, "float32" if multiply == 0 else "three bfloat16 products")


def _precision() -> str:
    return spelled(internals.default_matmul_precision())


def cases(device: jax.Device, start: float) -> Iterator[Finding]:
    """Runs a selection of the suite, as much as `SECONDS` allow, and at least one case.

    Args:
        device: is looked at.
        start: when the command began, by `time.perf_counter`.
    """
    for i, prefix in enumerate(_CASES):
        if i and time.perf_counter() - start > SECONDS:
            return
        group = [c for c in ALL if c.id.startswith(f"{prefix}/")]
        case = next((c for c in group if c.api == "nnx"), group[0])
        with jax.enable_x64(True):  # torch has 64-bit types
            result = run_case(case, 0, device)
        ratios = [v.ratio for v in result.verdicts]
        bad = "; ".join(f"{v.name}: {v.reason}" for v in result.verdicts if not v.ok)
        yield Finding(case.id, result.ok, bad or f"error / bound {max(ratios):.2g}", _FAILED_CASE)


def machine(device: jax.Device) -> dict[str, str]:
    """The devices, versions, kernels and settings."""
    found = environment(
        f"{device.platform} ({device.device_kind}), {len(jax.devices(device.platform))} of them"
    )
    for package in ("jaxlib", "jaxconv", "jax-cuda13-plugin", "jax-cuda12-plugin", "libtpu"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    found["processor"] = f"{os.cpu_count()} cores"
    found["kernels"] = str(jaxconv.kernels())
    names = ("jax_enable_x64", "jax_default_matmul_precision", "jax_platforms", "jax_disable_jit")
    settings = [f"{name}={getattr(jax.config, name)}" for name in names]
    variables = ("XLA_FLAGS", "NVIDIA_TF32_OVERRIDE", "JAXCONV_ISA", "JAXCONV_KERNELS", "LIBTPU_INIT_ARGS")
    settings += [f"{name}={os.environ[name]}" for name in variables if name in os.environ]
    found["settings"] = ", ".join(settings)
    return found
