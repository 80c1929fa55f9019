"""One network's row: whether it converts, how exact it is, and a training-mode step."""

import time
from typing import Any

import jax
import numpy as np
import torch
from flax import nnx

import jaxconv
from benchmarks.zoo.networks import Entry

LIMIT = 4.0
"""How many times torch's own error the output's may be."""


def forward(entry: Entry) -> dict[str, Any]:
    """In eval mode: the names, and the output's error over torch's own, both against torch in float64."""
    network, inputs = _made(entry)
    network.eval()
    start = time.process_time()
    ours = jaxconv.from_torch(network, inputs, check=False)
    row: dict[str, Any] = {"inputs": [list(x.shape) for x in inputs]}
    row["convert_seconds"] = round(time.process_time() - start, 1)
    row["parameters"] = sum(p.numel() for p in network.parameters())
    row["names_equal"] = list(jaxconv.state_dict(ours)) == list(network.state_dict())
    start = time.process_time()
    mine = _ours(ours, inputs)
    row["run_seconds"] = round(time.process_time() - start, 1)
    from parity._torch.network import run

    arrays = [x.numpy() for x in inputs]
    with torch.no_grad():
        single = run(network, arrays, {}, None)
        exact = run(network, arrays, {}, None, wide=True)
    row["error_ratio"], row["reason"] = _compared(mine, single, exact)
    if not row["names_equal"] and not row["reason"]:
        row["reason"] = "other names than torch's"
    row["ok"] = not row["reason"]
    return row


def training(entry: Entry) -> dict[str, Any]:
    """In training mode, without dropout: outputs, gradients and buffers, judged as `parity.check` judges a network."""
    from parity._judge.end_to_end import EndToEnd
    from parity._pairing.align import align
    from parity._torch.original import original

    network, inputs = _made(entry)
    _without_randomness(network)
    network.train()
    start = time.process_time()
    ours = jaxconv.from_torch(network, inputs, rngs=nnx.Rngs(0), check=False)
    ours.train()
    theirs = original(network, [x.numpy() for x in inputs])
    pair = align(theirs.module, theirs.calls, ours, theirs.inputs, theirs.outputs, "to_flax", "NCHW", None)
    if theirs.random:
        return {"trains": False, "train_reason": "torch's network gives another output each time"}
    verdicts = EndToEnd(theirs, pair.whole).judge()
    wrong = [v for v in verdicts if not v.ok]
    gradients = [v for v in verdicts if v.name.startswith("grad.")]
    reason = f"{len(wrong)} of {len(verdicts)}: {wrong[0].name}: {wrong[0].reason}" if wrong else ""
    reason = reason or ("" if gradients else "no gradient was compared")
    return {
        "trains": not reason,
        "train_reason": reason,
        "train_results": len(verdicts),
        "train_seconds": round(time.process_time() - start, 1),
    }


def _made(entry: Entry) -> tuple[Any, tuple[Any, ...]]:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network, inputs = entry.make()
    for parameter in network.parameters():
        if parameter.ndim > 1 and not parameter.any():  # it would hide all that is before it
            torch.nn.init.normal_(parameter, std=0.02)
    return network, inputs


def _ours(network: Any, inputs: tuple[Any, ...]) -> list[np.ndarray]:
    from parity._torch.network import leaves

    graph, state = nnx.split(network)

    @jax.jit
    def call(state: Any, *arrays: Any) -> Any:
        result = nnx.merge(graph, state)(*arrays)
        return leaves(result, lambda leaf: [leaf] if isinstance(leaf, jax.Array) else [])

    return [np.asarray(y) for y in call(state, *(x.numpy() for x in inputs))]


def _compared(mine: list[Any], single: dict[str, Any], exact: dict[str, Any]) -> tuple[float, str]:
    """The worst ratio of errors, root mean squares over an output's elements, and what is wrong; empty if nothing is.

    An error below one rounding of the output's root mean square counts as that: torch's own may be 0.
    """
    floating = {name: y for name, y in exact.items() if name.startswith("output")}
    ours = [y for y in mine if y.dtype.kind == "f"]
    if not floating or len(ours) != len(floating):
        return float("nan"), f"{len(ours)} floating outputs, in torch {len(floating)}"
    ratios = []
    for y, (name, wanted) in zip(ours, floating.items(), strict=True):
        if y.shape != wanted.shape:
            return float("nan"), f"{name} has shape {y.shape}, in torch {wanted.shape}"
        if not np.isfinite(wanted).all():
            return float("nan"), f"torch's {name} is not finite with random weights"
        if wanted.size > 1 and (wanted == wanted.flat[0]).all():
            return float("nan"), f"torch's {name} is constant with random weights"
        rounding = np.finfo(y.dtype).eps / 2 * _rms(wanted)
        own = max(_rms(single[name] - wanted), rounding)
        ratios.append(_rms(y - wanted) / own)
    worst = float(max(ratios))
    return round(worst, 2), "" if worst <= LIMIT else f"the output's error is {worst:.3g} times torch's own"


def _rms(a: Any) -> float:
    return float(np.sqrt(np.mean(np.square(a, dtype=np.float64))))


def _without_randomness(network: Any) -> None:
    """Sets every probability of dropping something to 0: JAX draws other numbers than torch."""
    for module in network.modules():
        for name in (
            "p",
            "drop_prob",
            "dropout",
            "layerdrop",
            "activation_dropout",
            "attention_dropout",
            "dropout_rate",
        ):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
