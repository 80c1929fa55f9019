"""`parity.check`: every input, one after the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import optax
import torch

from parity._check.compare import Options, compared
from parity._check.inputs import sets
from parity._check.probe import everywhere, with_probes
from parity._flax import compilation
from parity._flax import network as flax_network
from parity._report.merged import merged
from parity._report.progress import Tell, shown
from parity._report.report import Report
from parity._torch.original import MEMORY_LIMIT, Original, original
from parity._torch.plain import keeps_its_parametrizations
from parity._torch.training import Recipe
from parity._torch.unseen import unseen


def check(
    torch_module: torch.nn.Module | Original,
    flax_module: Any,
    *given: Any,
    inputs: Sequence[Any] | None = None,
    sizes: Sequence[int | tuple[int, ...]] | None = None,
    convert: Literal["to_flax", "to_torch"] | None = "to_flax",
    layout: Literal["NCHW", "NHWC"] | None = None,
    mapping: Mapping[str, str] | None = None,
    seed: int = 0,
    memory_limit: int = MEMORY_LIMIT,
    quick: bool = False,
    train_steps: int = 0,
    optimizer: tuple[Callable[[Any], torch.optim.Optimizer], Any] | None = None,
    loss: tuple[Callable[[Any], Any], Callable[[Any], Any]] | None = None,
    probe: bool = False,
    progress: bool = True,
) -> Report:
    """Compares a Flax network with a torch network, layer by layer and end to end.

    torch and Flax each run every layer on its own, forward and backward, on the input that torch's layer had inside
    the network. Both results are compared with a float64 reference, with a bound that is derived for each number
    (`_bounds`). So an error is found in the layer that makes it, and in no other. Then both networks run end to end,
    forward and backward. The limit of their difference is measured: torch's network runs in float64 with random
    rounding of every operation (`_torch.monte_carlo`). Neither network is changed.

    Args:
        torch_module: in the mode (train, eval) in which it is to be compared; or a recording of it (`parity.record`),
            which has its own inputs and seed.
        flax_module: an NNX module, a bound Linen module, a pair (Linen module, variables), a pair (function,
            parameters), called as function(parameters, *given), or a pytree that can be called. Its layers are found
            by torch's names, else by order and shape; they may be jaxconv's, Flax's own, or anybody's. If its call
            takes `train`, `deterministic` or the like, it gets torch's mode.
        given: the networks' input, or inputs: arrays or tensors in torch's layout: floating ones that are not constant,
            since a constant input could not tell a layout from another, or integers and booleans (token ids, masks).
        inputs: several inputs in the place of `given`, each an array or a tuple of arrays: of several sizes and batch
            sizes, since two networks may agree at some sizes only, as 'SAME' and torch's padding do. The networks are
            compared on each.
        sizes: further inputs, made of `given` by size: `(225, 223)` is a spatial size, `(2, 3, 225, 223)` the whole
            shape of the first input, `2` a batch size. Their numbers are drawn from those of `given`. Another input
            that has the same size in the same dimension as the first gets the new size, too.
        convert: 'to_flax' gives torch's weights to the Flax network, 'to_torch' the Flax weights to torch's network;
            None leaves each network its own.
        layout: the layout of the Flax network's images: 'NCHW' as in torch, or 'NHWC'. None recognises it by the
            layers: jaxconv's are NCHW, Flax's own NHWC. Only the network's inputs and outputs are transposed.
        mapping: torch's path -> the Flax path, for layers and parameters that neither name nor order and shape match.
        seed: of the cotangents and the noise.
        memory_limit: the limit, in bytes, of the layers' inputs that are kept at once. If they need more, the layers
            are judged in several passes through torch's network.
        quick: whether only the forward pass is compared. The report then says nothing about gradients.
        train_steps: the number of training steps to compare as well. After each step the loss, the outputs, the
            buffers and all parameters are compared; the limit is measured as it is end to end. The networks stay in
            their mode, and every step uses the same input.
        optimizer: of `train_steps`, a pair: a function that makes a torch optimizer of a list of parameters, and an
            optax transformation, which is given a dict of the parameters by their names in the Flax network. By
            default SGD with a learning rate of 0.1 and momentum 0.9. torch's parameters with `requires_grad=False` are
            not trained; of an NNX network each `nnx.Param` is.
        loss: of `train_steps`, a pair of functions of the output, torch's and the Flax network's (in torch's layout; a
            list of several outputs). By default half the mean square of the distance from random targets.
        probe: whether the networks, if they agree, are also compared where the input shows nothing: in another size,
            in a larger batch, with the input times 16 and -16, with other numbers for weights that are zero, in
            training mode. Each is tried only if it may show something that is hidden (`report.hidden`). Of several
            inputs the first is taken.
        progress: whether a bar on stderr shows what is compiled and compared, if stderr is a terminal.

    Returns:
        The report; `report.assert_ok()` raises AssertionError if it is not ok.

    Raises:
        ValueError: weights that do not fit, no inputs, inputs in both places or with a recording, a size that
            does not fit, an unknown `convert` or `layout`, an `optimizer` or a `loss` without `train_steps`.
        TypeError: a module of neither kind, a ScriptModule, an input that is no array of numbers.

    Examples:
        >>> x = jax.random.normal(jax.random.key(0), (4, 3))
        >>> report = parity.check(torch.nn.Linear(3, 2), jaxconv.Linear(3, 2, rngs=nnx.Rngs(0)), x)
        >>> report.ok
        True
    """
    if convert not in ("to_flax", "to_torch", None):
        raise ValueError(f"`convert` (={convert!r}) must be 'to_flax', 'to_torch' or None")
    if layout not in ("NCHW", "NHWC", None):
        raise ValueError(f"`layout` (={layout!r}) must be 'NCHW', 'NHWC' or None")
    if isinstance(torch_module, Original):
        beside = {
            "inputs": given or inputs is not None,
            "sizes": sizes is not None,
            "seed": seed,
            "quick": quick,
        }
        beside |= {"memory_limit": memory_limit != MEMORY_LIMIT, "train_steps": train_steps, "probe": probe}
        if names := ", ".join(f"`{name}`" for name, value in beside.items() if value):
            raise ValueError(f"{names} cannot be combined with a recording, which has its own")
        if convert == "to_torch" and not torch_module.runnable:
            raise ValueError("`convert` (='to_torch') needs torch's network itself, not a recording of it")
    recipe = _recipe(torch_module, train_steps, optimizer, loss, quick)
    options = Options(convert, layout, mapping, memory_limit, recipe=recipe)
    found = []
    with shown(progress) as tell, compilation.kept():
        all_given = sets(given, inputs, sizes, seed)
        for i, one in enumerate(all_given):
            part = partial(_part_of_the_work, tell, i, len(all_given))
            part("running torch's network", 0.0)
            if isinstance(torch_module, Original):
                theirs = torch_module
            else:
                ours = flax_network.network(flax_module).arrays()
                plain = not keeps_its_parametrizations(iter(ours))
                theirs = original(torch_module, one, seed, memory_limit, plain, not quick)
            found.append(compared(theirs, flax_module, options, part))
        report = merged([one.report for one in found])
        if not report.ok:
            return report
        hidden = [unseen(one.theirs) for one in found]
        report = replace(report, hidden=everywhere(hidden))
        return with_probes(report, found[0], flax_module, options, tell) if probe else report


def _part_of_the_work(tell: Tell, index: int, count: int, what: str, done: float) -> None:
    tell(f"inputs[{index}]: {what}" if count > 1 else what, (index + done) / count)


def _recipe(
    torch_module: torch.nn.Module | Original, steps: int, optimizer: Any, loss: Any, quick: bool
) -> Recipe | None:
    if type(steps) is not int or steps < 0:
        raise ValueError(f"`train_steps` (={steps!r}) must be a number of steps, or 0 for none")
    pairs = {"optimizer": optimizer, "loss": loss}
    if not steps:
        if given := " and ".join(f"`{name}`" for name, pair in pairs.items() if pair is not None):
            raise ValueError(f"{given} must come with `train_steps`, the number of steps that are compared")
        return None
    if quick:
        raise ValueError("`train_steps` needs gradients, and `quick` compares none: leave out one of them")
    for name, pair in pairs.items():
        # An optax transformation is a pair itself.
        if pair is not None and (
            hasattr(pair, "update") or not isinstance(pair, tuple | list) or len(pair) != 2
        ):
            raise TypeError(
                f"`{name}` must be a pair, torch's and the Flax network's, got {type(pair).__name__}"
            )
    if optimizer is None:
        optimizer = partial(torch.optim.SGD, lr=0.1, momentum=0.9), optax.sgd(0.1, 0.9)
    elif not callable(optimizer[0]) or not hasattr(optimizer[1], "update"):
        kinds = " and ".join(type(one).__name__ for one in optimizer)
        raise TypeError(
            "`optimizer` must be a pair: a function from a list of parameters to a torch optimizer, and an Optax "
            f"transformation; got {kinds}"
        )
    assert isinstance(torch_module, torch.nn.Module)
    named = torch_module.named_parameters(remove_duplicate=False)
    return Recipe(steps, tuple(optimizer), loss, frozenset(name for name, p in named if not p.requires_grad))
