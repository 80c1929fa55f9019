"""Nothing that changes gradients gets lost while torch.export traces a network."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from jaxconv._from_torch import custom_functions, hooks
from jaxconv._from_torch.own_copy import copies, own_copy
from jaxconv._from_torch.watch import Watch, watching


class Lost(ValueError):
    """The network does something to gradients that the result would not do."""


@contextmanager
def gradients_kept(
    module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], strict: bool, ignore_hooks: bool
) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Makes the context in which each trace of a network is to run.

    Args:
        module, args, kwargs: the network and an example.
        strict: torch.export's: then the network's code is analysed and not run, so it is run here before.
        ignore_hooks: whether backward hooks are left out.

    Raises:
        Lost: the network has backward hooks, or does something to gradients that no trace shows.
    """
    import torch

    name = type(module).__name__
    # What was made in inference mode can be traced in it only, and takes no gradients.
    inference = torch.is_inference_mode_enabled() and any(p.is_inference() for p in module.parameters())
    _refuse_hooks(name, [] if ignore_hooks else hooks.held(module))

    @contextmanager
    def kept(analysed: bool = False) -> Iterator[None]:
        watch = Watch(strict=analysed)
        with (
            torch.inference_mode(inference),
            torch.enable_grad(),
            hooks.aside(module, watch.hook),
            custom_functions.traced(watch),
            watching(watch),
        ):
            yield
        _refuse_hooks(name, [] if ignore_hooks else watch.hooks)
        _refuse_lost(name, watch.lost, analysed)

    if not strict:
        yield kept
        return
    with (
        torch.no_grad(),
        torch.random.fork_rng(devices=[]),
        own_copy(module) as own,
        kept(analysed=True),
        suppress(Exception),
    ):
        own(*copies(args), **copies(kwargs))
    yield (lambda: hooks.aside(module)) if ignore_hooks else nullcontext


def _refuse_hooks(network: str, found: list[str]) -> None:
    if found:
        found = list(dict.fromkeys(found))
        raise Lost(
            f"{network} has {len(found)} backward hook(s), which from_torch does not carry over: {'; '.join(found)}. "
            "Remove them (`handle.remove()`); write one that changes gradients as a torch.autograd.Function, which is "
            "carried over; or give `ignore_hooks=True` if they only watch, or if no gradient is needed"
        )


def _refuse_lost(network: str, found: list[str], strict: bool) -> None:
    if found:
        what = "; ".join(dict.fromkeys(found))
        remedy = "use `strict=False`" if strict else "use `.detach()` where the tensor is to take no gradient"
        raise Lost(
            f"torch.export would leave out operations of {network} that change its gradients: {what}; {remedy}"
        )
