"""Custom autograd Functions in a trace: their backward is traced beside their forward."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, wraps
from threading import get_ident
from typing import Any

from jaxconv._from_torch.places import here
from jaxconv._from_torch.watch import Watch

# The operations that stand in torch's graph around a call. Each returns copies of the tensors that it is given first.
# inputs: what it is differentiated by; cotangents: what its backward starts from; call: its results, and its gradients.
_SCHEMAS = {
    "inputs": "(Tensor[] inputs, int call) -> Tensor[]",
    "cotangents": "(Tensor[] outputs, int call) -> Tensor[]",
    "call": "(Tensor[] outputs, Tensor[] inputs, Tensor?[] grads, str name, str refused, int call) -> Tensor[]",
}
NAMESPACE = "jaxconv_custom_function"


@cache
def _defined() -> Any:
    from torch import library

    operations = library.Library(NAMESPACE, "DEF")
    for name, schema in _SCHEMAS.items():
        operations.define(name + schema)
        operations.impl(
            name, lambda tensors, *args: [t.clone() for t in tensors], "CompositeExplicitAutograd"
        )
    return operations


@contextmanager
def traced(watch: Watch) -> Iterator[None]:
    """Has every custom Function that is called put its backward into the trace."""
    import torch

    _defined()
    function = torch.autograd.Function
    meta: Any = type(function)
    init = meta.__init__
    with ExitStack() as stack:

        def of_new_class(cls: Any, *args: Any) -> None:
            init(cls, *args)
            _wrap(cls, cls.forward, watch, stack)

        # `apply` may have been taken from the class before, as `reverse = Reverse.apply`; `forward` is looked up at the
        # call. All are looked up before any is replaced: a subclass may inherit another's.
        for cls, forward in [(cls, cls.forward) for cls in _subclasses(function)]:
            _wrap(cls, forward, watch, stack)
        stack.callback(setattr, meta, "__init__", init)
        meta.__init__ = of_new_class
        yield


def _subclasses(cls: Any) -> Iterator[Any]:
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)


def _wrap(cls: Any, forward: Any, watch: Watch, stack: ExitStack) -> None:
    import torch
    from torch.utils.checkpoint import CheckpointFunction

    # torch's own machinery, and its identity that module hooks hang on.
    if cls.__module__.startswith("torch._") or cls is torch.nn.modules._functions.BackwardHookFunction:
        return
    call = _checkpoint if cls is CheckpointFunction else _call

    @wraps(forward)  # `apply` takes default arguments from its signature
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        # `apply` switches gradients off where no trace sees it.
        applied = watch.enabled and not torch.is_grad_enabled() and watch.thread == get_ident()
        return call(watch, cls, forward, args, kwargs) if applied else forward(*args, **kwargs)

    if "forward" in vars(cls):
        stack.callback(setattr, cls, "forward", vars(cls)["forward"])
    else:
        stack.callback(delattr, cls, "forward")
    cls.forward = staticmethod(wrapper)


def _checkpoint(watch: Watch, cls: Any, forward: Any, args: Any, kwargs: Any) -> Any:
    """Checkpointing changes what is kept, and no number: the function is called as it is."""
    import torch

    torch._C._set_grad_enabled(True)
    _, function, _, *inputs = args
    result = function(*inputs)
    _without_history()
    copies = [
        y.clone() if isinstance(y, torch.Tensor) else y
        for y in (result if isinstance(result, tuple) else (result,))
    ]
    return tuple(copies) if isinstance(result, tuple) else copies[0]


def _without_history() -> None:
    """Switches gradients off, until `apply` returns, where no trace sees it.

    `apply` detaches, where a trace sees it, a result that takes gradients although no input does.
    """
    import torch

    with torch._C.DisableTorchFunction():
        torch._C._set_grad_enabled(False)


def _call(watch: Watch, cls: Any, forward: Any, args: Any, kwargs: Any) -> Any:
    """Runs the forward, then the backward on cotangents without numbers, and marks each in the trace."""
    import torch
    from torch.autograd.function import FunctionCtx

    operations = getattr(torch.ops, NAMESPACE)
    number, place = next(watch.numbers), here()
    if watch.strict:
        watch.lost.append(f"the backward of {cls.__name__} ({place})")
        return forward(*args, **kwargs)
    apart = cls.setup_context is not torch.autograd.Function.setup_context
    ctx: Any = FunctionCtx()
    given = args if apart else args[1:]
    wrt = [i for i, x in enumerate(given) if _differentiable(x)]
    ctx.needs_input_grad = tuple(i in wrt for i in range(len(given)))
    inputs = operations.inputs([given[i] for i in wrt], number)
    torch._C._set_grad_enabled(False)
    try:
        output = forward(*given, **kwargs) if apart else forward(ctx, *given, **kwargs)
        if apart:
            cls.setup_context(ctx, given, output)
    finally:
        torch._C._set_grad_enabled(True)
    ctx.saved_tensors = getattr(ctx, "to_save", ())
    outputs = list(output) if isinstance(output, tuple) else [output]
    constant = {id(y) for y in getattr(ctx, "non_differentiable", ())}
    live = [i for i, y in enumerate(outputs) if _differentiable(y) and id(y) not in constant]
    if not live or not wrt:
        return output
    cotangents = operations.cotangents([outputs[i] for i in live], number)
    grads, refused = _backward(watch, cls, ctx, outputs, dict(zip(live, cotangents, strict=True)), len(given))
    _without_history()
    results = operations.call(
        [outputs[i] for i in live],
        inputs,
        [grads[i] for i in wrt],
        f"{cls.__name__} ({place})",
        refused,
        number,
    )
    dirty = {id(x) for x in getattr(ctx, "dirty_tensors", ())}
    for i, result in zip(live, results, strict=True):
        outputs[i] = outputs[i].copy_(result) if id(outputs[i]) in dirty else result
    if not apart:  # torch's own context has what the code has given ours
        for name, value in vars(ctx).items():
            if name not in ("needs_input_grad", "saved_tensors"):
                setattr(args[0], name, value)
    return tuple(outputs) if isinstance(output, tuple) else outputs[0]


def _differentiable(x: Any) -> bool:
    import torch

    return isinstance(x, torch.Tensor) and (x.is_floating_point() or x.is_complex())


def _backward(
    watch: Watch, cls: Any, ctx: Any, outputs: list[Any], cotangents: dict[int, Any], inputs: int
) -> tuple[list[Any], str]:
    """The gradients of all inputs, or why they cannot be traced."""
    import torch

    zeros = getattr(ctx, "materialize_grads", True)
    try:
        given = [
            cotangents[i]
            if i in cotangents
            else (torch.zeros_like(y) if zeros and isinstance(y, torch.Tensor) else None)
            for i, y in enumerate(outputs)
        ]
        with watch.backward():
            grads = _function_of(cls)(ctx, *given)
    except Exception as error:
        return [None] * inputs, f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    grads = list(grads) if isinstance(grads, tuple | list) else [grads]
    if len(grads) < inputs or any(grad is not None for grad in grads[inputs:]):
        return [None] * inputs, f"it returns {len(grads)} gradient(s) for {inputs} input(s)"
    return grads, ""


def _function_of(cls: Any) -> Callable[..., Any]:
    import torch

    function = torch.autograd.Function
    backward: Any = cls.vjp if cls.backward is function.backward else cls.backward
    once = torch.autograd.function.once_differentiable(lambda ctx: None)
    # once_differentiable switches gradients off around what it wraps.
    return backward.__wrapped__ if getattr(backward, "__code__", None) is once.__code__ else backward
