"""What a network does to gradients outside of its forward pass: torch's backward hooks, which no trace sees."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import get_ident
from typing import Any

from jaxconv._from_torch.places import definition

# torch's attributes for hooks, and what registers them.
_OF_MODULES = {
    "_backward_hooks": "register_full_backward_hook",
    "_backward_pre_hooks": "register_full_backward_pre_hook",
}
_OF_TENSORS = {
    "_backward_hooks": "register_hook",
    "_post_accumulate_grad_hooks": "register_post_accumulate_grad_hook",
}


def held(module: Any) -> list[str]:
    """The backward hooks of a network's modules, parameters and buffers, in words."""
    from torch.nn.modules import module as torch_module

    found = [
        f"{registered}({definition(hook)}) of {f'module {name!r}' if name else 'the network itself'}"
        for name, child in module.named_modules()
        for attribute, registered in _OF_MODULES.items()
        for hook in getattr(child, attribute).values()
    ]
    found += [
        f"{registered}({definition(hook)}) of {name!r}"
        for own in (module.named_parameters, module.named_buffers)
        for name, tensor in own()
        for attribute, registered in _OF_TENSORS.items()
        for hook in (getattr(tensor, attribute) or {}).values()
    ]
    found += [
        f"register_module_{registered.removeprefix('register_')}({definition(hook)}) of all modules"
        for attribute, registered in _OF_MODULES.items()
        for hook in getattr(torch_module, f"_global{attribute}").values()
    ]
    return found


@contextmanager
def aside(module: Any, note: Callable[[str], None] = lambda hook: None) -> Iterator[None]:
    """A network runs without backward hooks.

    Args:
        module: the network.
        note: is told of each hook that the network's code registers meanwhile.
    """
    import torch
    from torch.nn.modules import module as torch_module

    thread = get_ident()

    def registers(name: str) -> Callable[..., Any]:
        original = getattr(torch.Tensor, name)

        def register(tensor: Any, hook: Any, *args: Any, **kwargs: Any) -> Any:
            if get_ident() != thread:
                return original(tensor, hook, *args, **kwargs)
            note(f"{name}({definition(hook)})")
            return torch.utils.hooks.RemovableHandle(OrderedDict())

        return register

    def of_saved(hooks: Any) -> None:
        if type(hooks) is saved:  # save_on_cpu and checkpoint give back what they took
            note(f"saved_tensors_hooks({definition(hooks.pack_hook)}, {definition(hooks.unpack_hook)})")
        enter(hooks)

    saved: Any = torch.autograd.graph.saved_tensors_hooks
    enter = saved.__enter__
    with ExitStack() as stack:
        for name in _OF_TENSORS.values():
            stack.callback(setattr, torch.Tensor, name, getattr(torch.Tensor, name))
            setattr(torch.Tensor, name, registers(name))
        stack.callback(setattr, saved, "__enter__", enter)
        saved.__enter__ = of_saved
        tables = [getattr(child, name) for child in module.modules() for name in _OF_MODULES]
        tables += [getattr(torch_module, f"_global{name}") for name in _OF_MODULES]
        for table in tables:
            stack.callback(table.update, dict(table))
            table.clear()
        yield
