"""How accurate XLA's and torch's elementary functions are: the figures behind `UNITS` in parity/_bounds/rounding.

    python -m benchmarks.ulps

prints for each function the greatest |computed - exact| / (u |exact|), u = 2^-24, over float32 numbers of all
magnitudes in its domain: of XLA's CPU compiler as it comes, of XLA with the flags of the tests, and of torch. The exact
value is NumPy's or SciPy's in float64. Where the result is subnormal or overflows nothing is counted.
"""

import argparse
import json
import os
import subprocess
import sys

import numpy as np

from benchmarks import xla_flags

TORCH = {"logistic": "sigmoid", "erf_inv": "erfinv"}
POWERS = (0.5, 0.75, 1.5, 2.0, 3.0, -1.0)


def points(count: int) -> np.ndarray:
    """Numbers of either sign: of every magnitude, and evenly spread where most functions bend."""
    rng = np.random.default_rng(0)
    magnitudes = np.exp2(rng.uniform(-30, 14, count))
    spread = rng.uniform(0, 20, count)
    both = np.concatenate([magnitudes, -magnitudes, spread, -spread, rng.uniform(-1, 1, count)])
    return np.unique(both.astype(np.float32))


def worst(computed: np.ndarray, exact: np.ndarray) -> float:
    """The greatest error in units of roundoff."""
    size = np.abs(exact)
    counts = np.isfinite(exact) & (size >= np.finfo(np.float32).tiny) & (size < np.finfo(np.float32).max)
    error = np.abs(computed.astype(np.float64) - exact)[counts] / (2.0**-24 * size[counts])
    return float(error.max())


def measure(side: str, count: int) -> dict[str, float]:
    """The figure of each function that the side has."""
    import jax
    import torch
    from jax import lax

    from parity._bounds.rounding.elementwise import FUNCTIONS

    x = points(count)
    found = {}
    for name, exact in FUNCTIONS.items():
        of_torch = getattr(torch, TORCH.get(name, name), None)
        if side != "torch" and not hasattr(lax, name):  # log2 is a primitive since JAX 0.11
            continue
        if side != "torch":
            got = np.asarray(jax.jit(getattr(lax, name))(x))
        elif of_torch is not None:
            got = of_torch(torch.from_numpy(x)).numpy()
        else:
            continue
        with np.errstate(all="ignore"):
            found[name] = worst(got, exact(x.astype(np.float64)))
    bases = x[x > 0]
    for power in POWERS:
        if side == "torch":
            got = torch.pow(torch.from_numpy(bases), power).numpy()
        else:
            got = np.asarray(jax.jit(lax.pow)(bases, np.float32(power)))
        found[f"pow {power}"] = worst(got, bases.astype(np.float64) ** power)
    return found


def main() -> None:
    """Measures each side in a process of its own, for XLA reads its flags once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=400_000, help="in each of five ranges")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measure(options.side, options.points)))
        return
    results = {}
    flags = {"xla": "", "xla, tests": xla_flags.known(*xla_flags.FAST_COMPILATION)}
    for side in [*flags, "torch"]:
        command = [sys.executable, "-m", "benchmarks.ulps", "--side", side, "--points", str(options.points)]
        environment = {**os.environ, "XLA_FLAGS": flags.get(side, "")}
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
