"""What the network's code does while it is traced that torch.export leaves out of the graph."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import get_ident
from typing import Any

from jaxconv._from_torch.places import definition, here


@dataclass
class Watch:
    """A trace's state.

    Attributes:
        strict: whether the network is only run, to see what torch.export(strict=True) would leave out.
        enabled: whether gradients are switched on, as the graph has it.
        in_backward: whether a custom Function's backward is being traced.
        lost: what changes gradients and is not in the graph, in words.
        hooks: the backward hooks that the code registers.
        numbers: of the calls of custom Functions.
        thread: where the trace runs.
    """

    strict: bool = False
    enabled: bool = True
    in_backward: bool = False
    lost: list[str] = field(default_factory=list)
    hooks: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=count)
    thread: int = field(default_factory=get_ident)

    @contextmanager
    def backward(self) -> Iterator[None]:
        """While a custom Function's backward is traced."""
        before, self.in_backward = self.in_backward, True
        try:
            yield
        finally:
            self.in_backward = before

    def hook(self, hook: str) -> None:
        """Notes a hook that the code registers."""
        self.hooks.append(
            f"Tensor.{hook} at {here()}" if hook.startswith("register") else f"{hook} at {here()}"
        )


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Sees what the code does to gradients."""
    import torch
    from torch.overrides import TorchFunctionMode

    tensor: Any = torch.Tensor
    reads = [getattr(tensor, name) for name in _READS]
    data, grad_fn = tensor.data.__get__, tensor.grad_fn.__get__
    freezes = (tensor.requires_grad.__set__, tensor.requires_grad_)
    # Of all that the code calls; a trace calls a hundred functions for each operation.
    watched = {torch._C._set_grad_enabled, torch.autograd.grad, data, grad_fn, *freezes, *reads}

    def freeze(x: Any) -> None:
        if x.requires_grad:
            watch.lost.append(f"requires_grad_(False) of a tensor ({here()})")

    class Mode(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if func not in watched:
                return func(*args, **kwargs)
            if func is torch._C._set_grad_enabled:
                watch.enabled = args[0]
            elif func == data:
                if not watch.strict:
                    return args[0].detach()
                if args[0].requires_grad:
                    watch.lost.append(f"Tensor.data ({here()})")
            elif func is torch.autograd.grad and not kwargs.get("create_graph", False):
                # torch's results have no history; what the trace has recorded on the way to them would have one.
                return tuple(g if g is None else g.detach() for g in func(*args, **kwargs))
            elif func == grad_fn:
                node = func(*args)
                return node and _Node(node, watch)
            elif func in freezes:
                if not (args[1] if len(args) > 1 else kwargs.get("requires_grad", True)):
                    freeze(args[0])
            elif watch.in_backward and func in reads:
                raise ValueError(f"it reads the numbers in a tensor ({here()})")
            return func(*args, **kwargs)

    # A graph has nothing of inference_mode, but of no_grad, which does the same to gradients.
    inference: Any = torch.inference_mode
    enter, leave = inference.__enter__, inference.__exit__
    held: list[Any] = []

    def no_grad(mode: Any) -> None:
        if get_ident() != watch.thread:
            return enter(mode)
        if watch.strict:
            watch.lost.append(f"torch.inference_mode ({here()})")
        held.append(torch.set_grad_enabled(not mode.mode))
        return None

    def restored(mode: Any, *error: Any) -> None:
        if get_ident() != watch.thread:
            return leave(mode, *error)
        return held.pop().__exit__(*error)

    # torch.cond compiles its branches, and the compiler takes no mode that it does not know.
    cond, mode = torch.cond, Mode()

    def unwatched(*args: Any, **kwargs: Any) -> Any:
        with _aside(mode):
            return cond(*args, **kwargs)

    inference.__enter__, inference.__exit__, torch.cond = no_grad, restored, unwatched
    try:
        with mode:
            yield
    finally:
        inference.__enter__, inference.__exit__, torch.cond = enter, leave, cond


@contextmanager
def _aside(mode: Any) -> Iterator[None]:
    """Without one of the modes that are entered."""
    from torch.overrides import _get_current_function_mode_stack, _pop_mode, _push_mode

    def stack(modes: Any) -> None:
        for _ in _get_current_function_mode_stack():
            _pop_mode()
        for own in modes:
            _push_mode(own)

    entered = _get_current_function_mode_stack()
    stack([own for own in entered if own is not mode])
    try:
        yield
    finally:
        stack(entered)


_READS = ("item", "tolist", "numpy", "__array__", "__bool__", "__int__", "__float__", "__index__")


class _Node:
    """A tensor's grad_fn, which notes hooks."""

    def __init__(self, node: Any, watch: Watch) -> None:
        self._node, self._watch = node, watch

    def __getattr__(self, name: str) -> Any:
        if name in ("register_hook", "register_prehook"):
            return self._register
        return getattr(self._node, name)

    def _register(self, hook: Any) -> Any:
        import torch

        self._watch.hooks.append(f"Node.register_hook({definition(hook)}) at {here()}")
        return torch.utils.hooks.RemovableHandle(OrderedDict())
