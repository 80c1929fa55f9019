"""Measures the accuracy of XLA's and torch's elementary functions: the figures of `UNITS` in parity/_bounds/rounding.

    python -m benchmarks.ulps [--device gpu] [--dtype bfloat16]

The command prints the largest |computed - exact| / (u |exact|) of each function, where u is the unit roundoff of the
dtype. It computes with XLA, with XLA and the flags of the tests, and with torch on the CPU. The inputs are numbers of
all magnitudes in the function's domain, or all numbers of a 16-bit dtype. The exact value is NumPy's or SciPy's in
float64. Subnormal and overflowing results are not counted.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable

import ml_dtypes
import numpy as np

from benchmarks import xla_flags

TORCH = {"logistic": "sigmoid", "erf_inv": "erfinv"}
PLATFORMS = {"cpu": "cpu", "gpu": "cuda,cpu"}
POWERS = (0.5, 0.75, 1.5, 2.0, 3.0, -1.0)


def points(count: int, dtype: np.dtype) -> np.ndarray:
    """Numbers of either sign: of every magnitude, and evenly spread where most functions bend."""
    if dtype.itemsize == 2:
        every = np.arange(2**16, dtype=np.uint16).view(dtype)
        size = np.abs(every.astype(np.float32))
        least = max(float(ml_dtypes.finfo(dtype).smallest_normal), 2.0**-30)
        return every[(size >= least) & np.isfinite(size)]
    rng = np.random.default_rng(0)
    magnitudes = np.exp2(rng.uniform(-30, 14, count))
    spread = rng.uniform(0, 20, count)
    both = np.concatenate([magnitudes, -magnitudes, spread, -spread, rng.uniform(-1, 1, count)])
    return np.unique(both.astype(dtype))


def worst(computed: np.ndarray, exact: np.ndarray) -> float:
    """The greatest error in units of roundoff."""
    size, limits = np.abs(exact), ml_dtypes.finfo(computed.dtype)
    counts = np.isfinite(exact) & (size >= float(limits.smallest_normal)) & (size < float(limits.max))
    error = np.abs(computed.astype(np.float64) - exact)[counts] / (float(limits.eps) / 2 * size[counts])
    return float(error.max())


def measure(side: str, count: int, dtype: np.dtype) -> dict[str, float]:
    """The figure of each function that the side has."""
    import jax
    import torch
    from jax import lax

    from parity._bounds.rounding.elementwise import FUNCTIONS

    x = points(count, dtype)

    def in_torch(function: Callable[[torch.Tensor], torch.Tensor], x: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(x.astype(np.float32)).to(getattr(torch, dtype.name))
        return function(given).float().numpy().astype(dtype)

    found = {}
    for name, exact in FUNCTIONS.items():
        of_torch = getattr(torch, TORCH.get(name, name), None)
        if side != "torch" and not hasattr(lax, name):  # log2 is a primitive since JAX 0.11
            continue
        if side != "torch":
            got = np.asarray(jax.jit(getattr(lax, name))(x))
        elif of_torch is not None:
            got = in_torch(of_torch, x)
        else:
            continue
        with np.errstate(all="ignore"):
            found[name] = worst(got, exact(x.astype(np.float64)))
    bases = x[x > 0]
    for power in POWERS:
        if side == "torch":
            got = in_torch(lambda bases, power=power: torch.pow(bases, power), bases)
        else:
            got = np.asarray(jax.jit(lax.pow)(bases, np.asarray(power, dtype)))
        found[f"pow {power}"] = worst(got, bases.astype(np.float64) ** power)
    return found


def main() -> None:
    """Measures each side in a process of its own, for XLA reads its flags once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--points",
        type=int,
        default=400_000,
        help="measure at this many points in each of five ranges (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        choices=("cpu", "gpu"),
        default="cpu",
        help="run XLA on this device (default: %(default)s)",
    )
    parser.add_argument(
        "--dtype",
        choices=("float32", "bfloat16", "float16"),
        default="float32",
        help="measure in this dtype (default: %(default)s)",
    )
    parser.add_argument("--side", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(
            json.dumps(
                measure(
                    options.side, options.points, np.dtype(getattr(ml_dtypes, options.dtype, options.dtype))
                )
            )
        )
        return
    results = {}
    flags = {"xla": "", "xla, tests": xla_flags.known(*xla_flags.FAST_COMPILATION)}
    given = ["--points", str(options.points), "--dtype", options.dtype]
    for side in [*flags, "torch"]:
        command = [sys.executable, "-m", "benchmarks.ulps", "--side", side, *given]
        environment = {
            **os.environ,
            "XLA_FLAGS": flags.get(side, ""),
            "JAX_PLATFORMS": PLATFORMS[options.device],
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        }
        output = subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        results[side] = json.loads(output.splitlines()[-1])
    print(f"{'':10}" + "".join(f"{side:>12}" for side in results))
    for name in results["xla"]:
        row = [results[side].get(name) for side in results]
        print(f"{name:10}" + "".join(f"{'-' if r is None else f'{r:.3g}':>12}" for r in row))


if __name__ == "__main__":
    main()
