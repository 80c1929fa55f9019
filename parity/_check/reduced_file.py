"""The pytest file of a reduced pair of networks."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import torch

from parity._check.factory import Factory
from parity._check.inputs import integers_between


class Setting(NamedTuple):
    """What the file says.

    Attributes:
        makers: of torch's network and of the Flax network.
        path, flax_path: of the sub-networks.
        module: torch's sub-network.
        training: whether the Flax network is put into training mode; None for a network without a mode of its own.
        seed: of weights and inputs.
        layout, mapping: as of `parity.check`.
        run_on: the shapes and dtypes that a Linen network is run on, so that its modules can be taken.
        found: what was found, in words.
    """

    makers: tuple[Factory, Factory]
    path: str
    flax_path: str
    module: torch.nn.Module
    training: bool | None
    seed: int
    layout: str | None
    mapping: Mapping[str, str] | None
    run_on: Sequence[tuple[tuple[int, ...], str]]
    found: str


def _draws(x: np.ndarray) -> str:
    """What `parity._check.inputs.drawn_like` does, in Python."""
    if x.dtype.kind == "b":
        return f"rng.random({x.shape}) < 0.5"
    if x.dtype.kind in "iu":
        low, high = integers_between(x)
        return f"rng.integers({low}, {high}, size={x.shape}, dtype=np.{x.dtype})"
    module = "ml_dtypes" if x.dtype.name == "bfloat16" else "np"
    return f"rng.standard_normal({x.shape}).astype({module}.{x.dtype.name})"


def text(setting: Setting, inputs: Sequence[np.ndarray], saved: Mapping[str, Any]) -> str:
    """The file; `saved` are the arrays that lie in the file next to it: 'input.0', 'weights.conv.bias'."""
    drawn = not any(name.startswith("input.") for name in saved)
    wide = bool(jax.config.read("jax_enable_x64"))
    body = [*_networks(setting), *_arrays(setting, inputs, saved)]
    options = {"layout": setting.layout, "mapping": dict(setting.mapping or {}), "seed": setting.seed}
    given = "".join(f", {name}={value!r}" for name, value in options.items() if value)
    body.append(f"parity.check(theirs, ours, *inputs{given}).assert_ok()")
    needed = {
        "import jax": wide,
        "import ml_dtypes": drawn and any(x.dtype.name == "bfloat16" for x in inputs),
        "import numpy as np": drawn or setting.run_on,
        "import torch": True,
    }
    own = {"import parity", *(f"import {m.module}" for m in setting.makers)}
    own |= {"import jaxconv"} if saved else set()
    name = re.sub(r"\W+", "_", setting.path).strip("_").lower() or "network"
    said = setting.found.replace("\\", "\\\\").replace('"', "'")
    lines = [f'"""{said}', "", "Written by parity.reduce.", '"""', ""]
    lines += ["from pathlib import Path", ""] if saved else []
    lines += [*(line for line, wanted in needed.items() if wanted), ""]
    lines += [*sorted(own - set(needed)), ""]
    lines += ['jax.config.update("jax_enable_x64", True)', ""] if wide else []
    lines += ["", f"def test_{name}():", *(f"    {line}" for line in body), ""]
    return "\n".join(lines)


def _networks(setting: Setting) -> list[str]:
    """The lines that make both networks."""
    training = setting.module.training
    taken = f".get_submodule({json.dumps(setting.path)})" if setting.path else ""
    lines = [
        f"torch.manual_seed({setting.seed})",
        f"theirs = {setting.makers[0].expression}{taken}.{'train' if training else 'eval'}()",
        f"ours = {setting.makers[1].expression}",
    ]
    if setting.training is not None:
        lines.append(f"ours.{'train' if setting.training else 'eval'}()")
    if setting.flax_path:
        zeros = [f"np.zeros({shape}, {json.dumps(dtype)})" for shape, dtype in setting.run_on]
        mode = ["train=True"] if setting.run_on and training else []
        lines.append(
            f"ours = parity.submodule({', '.join(['ours', json.dumps(setting.flax_path), *zeros, *mode])})"
        )
    return lines


def _arrays(setting: Setting, inputs: Sequence[np.ndarray], saved: Mapping[str, Any]) -> list[str]:
    """The lines that make the inputs, and that load weights."""
    given = [name for name in saved if name.startswith("input.")]
    lines = ['saved = jaxconv.load_file(Path(__file__).with_suffix(".safetensors"))'] if saved else []
    if len(given) < len(saved):
        lines.append(
            'weights = {n[len("weights.") :]: a for n, a in saved.items() if n.startswith("weights.")}'
        )
        lines.append("theirs.load_state_dict(jaxconv.to_torch(weights))")
    if given:
        return [*lines, f"inputs = [{', '.join(f'saved[{json.dumps(name)}]' for name in given)}]"]
    return [
        *lines,
        f"rng = np.random.default_rng({setting.seed})",
        f"inputs = [{', '.join(map(_draws, inputs))}]",
    ]
