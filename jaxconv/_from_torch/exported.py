"""What torch.export makes of a network: for any batch size, and for the batch sizes that torch treats as constants."""

import inspect
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from dataclasses import dataclass, field
from typing import Any

from jaxconv._from_torch import sizes
from jaxconv._from_torch.conditions import placed
from jaxconv._from_torch.dynamic import Dynamic, checked, labels, shapes
from jaxconv._from_torch.gradients import Lost, gradients_kept
from jaxconv._from_torch.own_copy import copies
from jaxconv._from_torch.places import place_of
from jaxconv._from_torch.program import evaluate, symbols
from jaxconv._from_torch.remedies import dataclasses_as_records, explained, returns_unknown_class


@dataclass
class Exported:
    """torch.export's programs.

    Attributes:
        program: for any batch size that torch could leave open, or for the example's.
        special: for the batch sizes 0 and 1: torch decides `size > 1` for all sizes that it leaves open alike.
        labels: the symbols of the sizes that `dynamic` names, with the names.
        refused: the batch sizes 0 and 1 at which torch cannot run the network, and why.
    """

    program: Any
    special: dict[int, Any] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] = ()
    refused: dict[int, str] = field(default_factory=dict)


@contextmanager
def exported_with_records(
    module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], dynamic: Any, strict: bool, ignore_hooks: bool
) -> Iterator[Exported]:
    """`export`, of a network that returns a dataclass, too, which returns named tuples while this is entered."""
    with ExitStack() as stack:
        try:
            exported = export(module, args, kwargs, dynamic, strict, ignore_hooks)
        except ValueError as error:
            if not returns_unknown_class(error):
                raise
            stack.enter_context(dataclasses_as_records(module))
            exported = export(module, args, kwargs, dynamic, strict, ignore_hooks)
        yield exported


def export(
    module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], dynamic: Any, strict: bool, ignore_hooks: bool
) -> Exported:
    """torch.export's programs: with any batch size if torch can, else with the example's; with `dynamic` sizes open.

    Raises:
        ValueError: torch cannot export the network, or would lose what changes gradients.
    """
    import torch

    try:
        inspect.signature(module.forward).bind(*args, **kwargs)
    except (TypeError, ValueError) as wrong:  # TorchScript has no signature
        raise explained(module, args, kwargs, wrong) from wrong
    dynamic = checked(module, args, kwargs, dynamic)
    error: Exception | None = None
    if torch.is_inference_mode_enabled():
        with torch.inference_mode(False):
            args, kwargs = copies((args, kwargs))
    run = torch.export.export
    with (
        warnings.catch_warnings(),
        _quietly(),
        _mode_of_norms_aside(module),
        _dropout_of_aliases(),
        placed(),
        gradients_kept(module, args, kwargs, strict, ignore_hooks) as kept,
    ):
        # torch's recurrent layers list their parameters anew in the trace, which changes nothing.
        warnings.filterwarnings("ignore", r"The tensor attributes self\..*_flat_weights\[0\]", UserWarning)
        # torch.cond's compiler looks at everything that a branch uses.
        warnings.filterwarnings("ignore", r"The \.grad attribute of a Tensor that is not a leaf", UserWarning)
        for given, shape in _attempts(module, args, kwargs, dynamic):
            try:
                with kept():
                    exported = Exported(run(module, *given, dynamic_shapes=shape, strict=strict))
                _check_sizes(exported.program)
            except Lost:
                raise
            except Exception as caught:
                error = caught
                continue
            exported.labels = labels(module, exported.program, dynamic)
            for size, example in _special(exported.program, given, (args, kwargs)).items():
                try:
                    shape = shapes(module, example, dynamic, batch=False) if dynamic else None
                    with kept():
                        exported.special[size] = run(module, *example, dynamic_shapes=shape, strict=strict)
                except Lost:
                    raise
                except Exception as caught:
                    first = str(caught).strip().partition("\n")[0]
                    exported.refused[size] = f"{type(caught).__name__}: {first}"
            return exported
    assert error is not None
    raise explained(module, args, kwargs, error) from error


def _attempts(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], dynamic: Dynamic) -> Any:
    """Examples and dynamic shapes, the most general first."""
    import torch
    from torch.utils._pytree import tree_map

    def repeated(x: Any) -> Any:
        # torch takes a size of 1 for a constant; of 12, halves, thirds and quarters are not 1 either.
        return torch.cat([x] * 12) if isinstance(x, torch.Tensor) and x.ndim and x.shape[0] == 1 else x

    for given in (tree_map(repeated, (args, kwargs)), (args, kwargs)):
        yield given, shapes(module, given, dynamic, batch=True)
    yield (args, kwargs), shapes(module, (args, kwargs), dynamic, batch=False) if dynamic else None


def _special(program: Any, given: Any, example: Any) -> dict[int, Any]:
    """Examples for the batch sizes 0 and 1, if the program is meant for them.

    Args:
        program: the exported one.
        given: its example.
        example: the caller's, whose batch size may be 1 where the program's is not.
    """
    import torch
    from torch.utils._pytree import tree_flatten, tree_unflatten

    leaves, tree = tree_flatten(given)
    metas = [node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"]
    metas = metas[len(metas) - len(leaves) :]
    open_sizes = [
        sizes.expression(meta.shape[0])
        if isinstance(leaf, torch.Tensor) and leaf.ndim and not isinstance(meta.shape[0], int)
        else None
        for leaf, meta in zip(leaves, metas, strict=True)
    ]
    found = {}
    for size in (0, 1) if any(e is not None for e in open_sizes) else ():
        wanted = [e and evaluate(e, dict.fromkeys(symbols(e), size)) for e in open_sizes]
        if all(w is None or 0 <= w <= x.shape[0] for x, w in zip(leaves, wanted, strict=True)):
            cut = [x if w is None else x[:w].clone() for x, w in zip(leaves, wanted, strict=True)]
            found[size] = tree_unflatten(cut, tree)
    changed = any(x is not y for x, y in zip(leaves, tree_flatten(example)[0], strict=True))
    return found | ({1: example} if changed else {})


def _check_sizes(program: Any) -> None:
    """Refuses what a graph may have and a trace may not: numbers out of tensors, and tensors of torch.vmap."""
    import torch

    for node in program.graph.nodes:
        value = node.meta.get("val")
        if sizes.is_size(value):
            unknown = [s for s in symbols(sizes.expression(value)) if s.startswith(("u", "zuf"))]
            if unknown:
                raise ValueError(f"data-dependent number {unknown[0]} ({place_of(node)})")
        if isinstance(value, torch.Tensor) and torch._C._functorch.is_batchedtensor(value):
            raise ValueError(f"torch.vmap in it ({place_of(node)})")


@contextmanager
def _quietly() -> Any:
    """Without what torch prints and logs about an attempt that fails: the error has it."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        with redirect_stderr(_WithoutTorch(sys.stderr)):
            yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


class _WithoutTorch:
    """A stream without what torch's own code writes to it; what the network writes, passes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes for all but torch."""
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_globals.get("__name__") in _ON_BEHALF:
            frame = frame.f_back
        if frame.f_globals.get("__name__", "").partition(".")[0] != "torch":
            self._stream.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_ON_BEHALF = ("contextlib", "logging", "traceback", "warnings")
"""Modules that write for those that call them."""

_LOGGERS = ("torch._subclasses.fake_tensor", "torch.fx.experimental.symbolic_shapes")


@contextmanager
def _mode_of_norms_aside(module: Any) -> Any:
    """Norms are traced in eval mode: then they count no batches and read no counter; their own mode is known."""
    norms = [m for m in module.modules() if is_norm(m) and m.training]
    for norm in norms:
        norm.training = False
    try:
        yield
    finally:
        for norm in norms:
            norm.training = True


@contextmanager
def _dropout_of_aliases() -> Any:
    """Dropout is traced as an operation on an alias of its input.

    In eval mode it returns its very input, since torch 2.14 also in a trace: every later use of the input would then be
    traced as a use of the dropped-out result, and in training mode that is another number.
    """
    import torch

    def of_alias(dropout: Callable[..., Any]) -> Callable[..., Any]:
        return lambda input, p, train: dropout(torch.ops.aten.alias.default(input), p, train)

    names = ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
    functions = {name: getattr(torch, name) for name in names}
    for name, function in functions.items():
        setattr(torch, name, of_alias(function))
        setattr(torch._VF, name, of_alias(function))  # what torch.nn.functional calls
    try:
        yield
    finally:
        for name, function in functions.items():
            setattr(torch, name, function)
            delattr(torch._VF, name)


def is_norm(module: Any) -> bool:
    """Whether it is one of torch's layers with running statistics."""
    import torch

    return isinstance(module, torch.nn.modules.batchnorm._NormBase)
