"""`parity.reduce`: the smallest sub-networks and the smallest input that still differ."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from flax import linen, nnx

import jaxconv
from parity._check.compare import Options, compared
from parity._check.factory import Factory, factory, of_class
from parity._check.reduced_file import Setting, text
from parity._check.search import Candidate, Search, kinds
from parity._flax import compilation
from parity._flax import network as flax_network
from parity._flax.submodule import submodule
from parity._report.progress import shown, silent
from parity._report.report import Report
from parity._torch.original import MEMORY_LIMIT, original
from parity._torch.plain import keeps_its_parametrizations
from parity._torch.tensors import seeded, to_numpy


@dataclass(frozen=True)
class Reduced:
    """The smallest pair of sub-networks that was found to differ.

    Attributes:
        path: torch's; empty for the network.
        flax_path: the Flax network's.
        shapes: of the inputs.
        report: of the comparison of these sub-networks on these inputs.
        file: the pytest file, if one was written.

    Examples:
        >>> ours = nnx.Sequential(jaxconv.Conv2d(3, 4, 3, rngs=nnx.Rngs(0)), jaxconv.LeakyReLU(0.1))
        >>> theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.LeakyReLU())
        >>> parity.reduce(theirs, ours, jax.random.normal(jax.random.key(0), (2, 3, 16, 16))).path
        '1'
    """

    path: str
    flax_path: str
    shapes: tuple[tuple[int, ...], ...]
    report: Report
    file: Path | None = None


def reduce(
    torch_module: torch.nn.Module,
    flax_module: Any,
    *given: Any,
    file: str | Path | None = None,
    made_by: tuple[str | Callable[[], Any], str | Callable[[], Any]] | None = None,
    layout: Literal["NCHW", "NHWC"] | None = None,
    mapping: Mapping[str, str] | None = None,
    seed: int = 0,
    memory_limit: int = MEMORY_LIMIT,
    progress: bool = True,
) -> Reduced:
    """Finds the smallest pair of sub-networks and the smallest input that still differ.

    If a layer differs on its own, that layer is the pair; otherwise the innermost module of both networks that differs
    is the pair. Then the batch and the spatial sizes are reduced as far as the pair differs. The channels stay. Neither
    network is changed. Both get torch's weights.

    Args:
        torch_module, flax_module, given: as of `parity.check`.
        file: a pytest file to be written, which fails as long as the sub-networks differ, and passes when they are the
            same. It imports both networks and takes the sub-networks out of them. Weights and inputs are drawn from
            `seed` if the sub-networks differ with these, too; if not, they are written to a .safetensors file of
            the same name.
        made_by: where `file` finds torch's network and the Flax network: 'PKG.MOD:NAME', or a class or function
            without arguments. Not needed for classes that take no arguments and can be imported.
        layout, mapping, seed, memory_limit, progress: as of `parity.check`.

    Returns:
        The paths, the inputs' shapes, the report of the reduced comparison, and the file.

    Raises:
        ValueError: nothing differs; `file` cannot import the networks; as of `parity.check`.
        TypeError: as of `parity.check`.

    Examples:
        >>> theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.LeakyReLU(0.01))
        >>> ours = nnx.Sequential(jaxconv.Conv2d(3, 4, 3, rngs=nnx.Rngs(0)), jaxconv.LeakyReLU(0.1))
        >>> reduced = parity.reduce(theirs, ours, jax.random.normal(jax.random.key(0), (2, 3, 16, 16)))
        >>> reduced.path, reduced.shapes
        ('1', ((1, 4, 1, 1),))
    """
    makers = None if file is None else _makers(torch_module, flax_module, file, made_by)
    options = Options("to_flax", layout, mapping, memory_limit)
    with shown(progress) as tell, compilation.kept():
        tell("comparing the networks", 0.0)
        plain = not keeps_its_parametrizations(iter(flax_network.network(flax_module).arrays()))
        theirs = original(torch_module, given, seed, memory_limit, plain)
        whole = compared(theirs, flax_module, replace(options, causes=False), silent)
        if not kinds(whole.report):
            why = "; ".join(whole.report.problems) or "there is nothing to reduce"
            raise ValueError(f"nothing differs between the networks on this input: {why}")
        search = Search(whole, flax_module, options, seed, tell)
        found = search.shrunk(search.drawn(search.smallest()))
        tell("the cause", 0.95)
        report = search.compare(found, options).report
        if makers is None or file is None:
            written = None
        else:
            own = whole.pair.whole.border.inward((tuple(whole.theirs.inputs), {}))[0]
            setting = Setting(
                makers,
                found.path,
                found.flax_path,
                found.theirs,
                _mode(flax_module),
                seed,
                found.layout,
                found.mapping,
                [(tuple(x.shape), str(x.dtype)) for x in own] if _is_linen(flax_module) else [],
                report.short(),
            )
            written = _written(Path(file), setting, search, found)
    return Reduced(found.path, found.flax_path, tuple(x.shape for x in found.inputs), report, written)


def _makers(torch_module: Any, flax_module: Any, file: Any, made_by: Any) -> tuple[Factory, Factory]:
    if made_by is not None:
        first, second = (factory(given, f"`made_by[{i}]`") for i, given in enumerate(made_by))
        return first, second
    made = of_class(torch_module), of_class(flax_module)
    if made[0] is None or made[1] is None:
        both = zip((torch_module, flax_module), made, strict=True)
        names = " and ".join(type(network).__name__ for network, found in both if found is None)
        raise ValueError(
            f"`file` (={str(file)!r}) must import both networks, and {names} cannot be imported and made without "
            "arguments: pass made_by=('PKG.MOD:TORCH_FACTORY', 'PKG.MOD:FLAX_FACTORY')"
        )
    return made[0], made[1]


def _is_linen(network: Any) -> bool:
    return isinstance(network[0] if isinstance(network, tuple) else network, linen.Module)


def _mode(network: Any) -> bool | None:
    """Whether an NNX network is in training mode; None for any other, and for one to which the mode means nothing."""
    for _, module in nnx.iter_modules(network) if isinstance(network, nnx.Module) else ():
        for name in ("deterministic", "use_running_average"):
            if isinstance(value := getattr(module, name, None), bool):
                return not value
    return None


def _written(file: Path, setting: Setting, search: Search, found: Candidate) -> Path:
    """Writes the pytest file, and the arrays only where those drawn from the seed do not do.

    Raises:
        ValueError: the networks that it imports do not differ.
    """
    saved = {} if found.drawn else {f"input.{i}": x for i, x in enumerate(found.inputs)}
    with seeded(setting.seed):
        theirs = setting.makers[0].make().get_submodule(found.path).train(found.theirs.training)
        ours = setting.makers[1].make()
    if setting.training is not None:
        _ = ours.train() if setting.training else ours.eval()
    zeros = [np.zeros(shape, dtype) for shape, dtype in setting.run_on]
    ours = submodule(ours, found.flax_path, *zeros, train=found.theirs.training)
    if not search.differs(made := replace(found, theirs=theirs, ours=ours)):
        weights = found.theirs.state_dict()
        theirs.load_state_dict(weights)
        saved |= {f"weights.{name}": to_numpy(t) for name, t in weights.items()}
        if not search.differs(made):
            first, second = setting.makers
            raise ValueError(
                f"`file` (={str(file)!r}) is not written: the networks that {first.expression} and {second.expression} "
                "make do not differ like the given ones"
            )
    file.write_text(text(setting, found.inputs, saved), encoding="utf-8")
    if saved:
        jaxconv.save_file(saved, file.with_suffix(".safetensors"))
    return file
