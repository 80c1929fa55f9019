"""Networks of many kinds with a fault put into the Flax port by replacing one text, and how many `parity` finds.

Each file in `tests/parity/_diagnose/networks` is one network:

- `Theirs`, torch's class;
- `Ours`, a Flax class, or `ours`, a function (parameters, *inputs);
- `SHAPES` of the floating inputs; `TOKENS`, (how many, the shape), where the input is token ids;
- `OPTIONS` of `parity.check`, `TRAIN` for training mode;
- `FAULTS`: (what is wrong, a text of the port, what stands in its place, the causes that are right, separated by '|',
  or None, texts of the lines at fault in torch's class, texts of further lines at fault in the port).

`python tests/support/faulty_networks.py development` (or kept_apart) prints a table.
"""

import argparse
import importlib.util
import inspect
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from faults import nested
from flax import nnx

from benchmarks import xla_flags

FOLDER = Path(__file__).parents[1] / "parity/_diagnose/networks"
PARTS = ("kept_apart", "development")
_TABLE = "\nFAULTS = "


@dataclass(frozen=True)
class Network:
    """One file, or that file with one of its faults."""

    path: Path
    source: str
    id: str
    causes: tuple[str, ...] = ()
    texts: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def name(self) -> str:
        return f"{self.path.stem}: {self.id}" if self.id else self.path.stem

    def lines(self, side: int) -> list[int]:
        """The numbers of the lines at fault: 0 torch's, 1 the Flax network's."""
        border = _border(self.source)
        begin, end = ((0, border), (border, len(self.source)))[side]
        marks = [mark for text in self.texts[side] for mark in _marks(self.source, text, begin, end)]
        assert marks, (self.name, self.texts[side])
        return marks

    def module(self, folder: Path) -> Any:
        """The file with the fault in it, imported."""
        words = "".join(c if c.isalnum() else "_" for c in self.name)
        file = folder / f"{words}.py"
        file.write_text(self.source)
        spec = importlib.util.spec_from_file_location(words, file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[words] = module
        spec.loader.exec_module(module)
        return module


def _border(source: str) -> int:
    """Where torch's class ends and the port begins."""
    return source.index("\n\n\n", source.index("class Theirs"))


def _marks(source: str, text: str, begin: int, end: int) -> list[int]:
    found = []
    while (begin := source.find(text, begin, end)) >= 0:
        found.append(source.count("\n", 0, begin) + 1)
        begin += 1
    return found


@cache
def networks(part: str) -> tuple[Network, ...]:
    """The networks of a part without a fault."""
    return tuple(
        Network(path, path.read_text().partition(_TABLE)[0] + "\n", "")
        for path in sorted((FOLDER / part).glob("*.py"))
    )


@cache
def faults(part: str) -> tuple[Network, ...]:
    """The networks of a part, once with each fault."""
    return tuple(found for clean in networks(part) for found in _faults(clean))


def _faults(clean: Network) -> Iterator[Network]:
    scope: dict[str, Any] = {}
    exec("FAULTS = " + clean.path.read_text().partition(_TABLE)[2], scope)
    for id, old, new, causes, theirs, *more in scope["FAULTS"]:
        border = _border(clean.source)
        port = clean.source[border:]
        assert port.count(old) == 1, f"{clean.name}: {id}: {port.count(old)} times in the port: {old}"
        source = clean.source[:border] + port.replace(old, new)
        line = source.splitlines()[clean.source.count("\n", 0, border + port.find(old))]
        ours = (line, *(more[0] if more else ()))
        yield Network(clean.path, source, id, tuple(causes.split("|")) if causes else (), (theirs, ours))


def built(module: Any) -> tuple[torch.nn.Module, Any, tuple[np.ndarray, ...]]:
    """torch's network with random weights and statistics, the Flax network, and the inputs."""
    torch.manual_seed(0)
    theirs = module.Theirs().train(getattr(module, "TRAIN", False))
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        for name, buffer in theirs.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.uniform_(0.5, 1.5)
    rng = np.random.default_rng(0)
    inputs = tuple(rng.standard_normal(shape, dtype=np.float32) for shape in module.SHAPES)
    if hasattr(module, "TOKENS"):
        count, shape = module.TOKENS
        inputs += (rng.integers(0, count, shape),)
    if hasattr(module, "ours"):
        return theirs, (module.ours, nested(theirs.state_dict())), inputs
    if issubclass(module.Ours, nnx.Module):
        ours = module.Ours(rngs=nnx.Rngs(0))
        ours.train() if theirs.training else ours.eval()
        return theirs, ours, inputs
    ours = module.Ours()
    plain = getattr(module, "OPTIONS", {}).get("layout") == "NCHW"
    given = [jnp.moveaxis(x, 1, -1) if x.ndim > 2 and not plain else x for x in inputs]
    return theirs, (ours, ours.init(jax.random.key(0), *given)), inputs


def checked(network: Network, folder: Path) -> Any:
    """The report on a network."""
    import parity

    module = network.module(folder)
    theirs, ours, inputs = built(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parity.check(theirs, ours, *inputs, progress=False, **getattr(module, "OPTIONS", {}))


@dataclass
class Found:
    """What a report says of a fault.

    Attributes:
        seen: whether the networks are called different.
        lines: whether both lines of the first diagnosis are right, up to one line.
        cause: whether the first cause is right; where no cause is known, whether none is offered.
        wrong: the causes that are offered and wrong.
        text: the first diagnosis, or the error.
    """

    seen: bool = False
    lines: bool = False
    cause: bool = False
    wrong: list[str] = field(default_factory=list)
    text: str = ""


def found(network: Network, folder: Path) -> Found:
    """Runs one fault."""
    try:
        report = checked(network, folder)
    except Exception as error:
        return Found(text=f"{type(error).__name__}: {error}")
    result = Found(seen=not report.ok)
    if report.diagnosis:
        first = report.diagnosis[0]
        places = (first.torch, first.flax)
        result.lines = all(
            place is not None and is_near(place, network.lines(side)) for side, place in enumerate(places)
        )
        allowed = network.causes or ("unknown",)
        result.cause = first.cause in allowed
        result.wrong = [d.cause for d in report.diagnosis if d.cause not in (*allowed, "unknown")]
        result.text = "; ".join(map(str, report.diagnosis))
    return result


def is_near(place: Any, numbers: list[int]) -> bool:
    """Whether a place is one of these lines or next to one, or is in a function that such a line calls."""
    lines = [place.line, *(int(caller.rpartition(":")[2]) for caller in place.callers)]
    return any(abs(line - number) <= 1 for line in lines for number in numbers)


def main() -> int:
    parser = argparse.ArgumentParser(description=inspect.getdoc(sys.modules[__name__]).splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--only", default="", help="parts of names, with commas between them")
    parser.add_argument("--clean", action="store_true", help="the networks without a fault")
    given = parser.parse_args()
    os.environ.setdefault("XLA_FLAGS", xla_flags.known(*xla_flags.FAST_COMPILATION))
    jax.config.update("jax_enable_x64", True)
    torch.set_num_threads(1)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for network in (networks if given.clean else faults)(given.part):
            if not any(word in network.name for word in given.only.split(",")):
                continue
            start = time.perf_counter()
            if given.clean:
                try:
                    report = checked(network, Path(folder))
                    ok, text = report.ok, "" if report.ok else report.short()
                except Exception as error:
                    ok, text = False, f"{type(error).__name__}: {error}"
                results.append(Found(seen=ok))
                marks = "ok " if ok else "NOT"
            else:
                result = found(network, Path(folder))
                results.append(result)
                marks = "".join(
                    letter if yes else "-"
                    for letter, yes in zip("slc", (result.seen, result.lines, result.cause), strict=True)
                )
                marks += "!" if result.wrong else " "
                text = result.text
            print(f"{marks} {time.perf_counter() - start:5.1f} s  {network.name}: {text}", flush=True)
    count = len(results)
    if given.clean:
        print(f"{given.part}: {sum(r.seen for r in results)} of {count} networks without a fault pass")
    else:
        print(
            f"{given.part}: of {count} faults {sum(r.seen for r in results)} are seen, {sum(r.lines for r in results)} have "
            f"both lines right, {sum(r.cause for r in results)} the cause; {sum(bool(r.wrong) for r in results)} have a wrong one"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
