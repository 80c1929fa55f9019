"""What a comparison was about, for who reads its report later."""

import jax

from parity._bounds import jax_internals as internals
from parity._flax.network import Part
from parity._judge.layer import precision
from parity._report.environment import environment
from parity._torch.original import Original


def about(theirs: Original, ours: Part, convert: str | None) -> dict[str, str]:
    """The networks, the input, the seed, whose weights, the precision, the machine and the versions, by name."""
    kind = type(theirs.module)
    name = f"{kind.__module__}.{kind.__qualname__}"
    mode = "training" if theirs.module.training else "eval"
    recorded = "" if theirs.runnable else f", recorded with torch {getattr(theirs, 'torch_version', '')}"
    named = (
        ours.module if hasattr(ours.module, "__qualname__") else type(ours.module)
    )  # a function, or a module
    flax = f"{named.__module__}.{named.__qualname__}"
    shapes = (f"{x.dtype} {'x'.join(map(str, x.shape)) or 'scalar'}" for x in theirs.inputs)
    weights = {"to_flax": "torch's on both sides", "to_torch": "the Flax network's on both sides"}
    set_to = internals.default_matmul_precision()
    return {
        "torch network": f"{name} in {mode} mode{recorded}",
        "Flax network": flax,
        "input": ", ".join(shapes),
        "seed": str(theirs.seed),
        "weights": weights.get(str(convert), "each network's own"),
        "precision": f"{precision(ours)} (jax_default_matmul_precision={set_to})",
        **environment(f"{jax.default_backend()} ({jax.devices()[0].device_kind})"),
    }
