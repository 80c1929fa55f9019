"""A Linen module for inference: in evaluation mode, some BatchNorms folded into the layers before them."""

import inspect
import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import jax
from flax import linen, traverse_util
from flax.core import meta, unfreeze

from jaxconv import linen as ours
from jaxconv._folding import check_pairs, folded

Path = tuple[str, ...]

_PLAIN: tuple[Any, ...] = (ours.Conv1d, ours.Conv2d, ours.Conv3d, ours.Linear)
_TRANSPOSED: tuple[Any, ...] = (ours.ConvTranspose1d, ours.ConvTranspose2d, ours.ConvTranspose3d)
_NORMS: tuple[Any, ...] = (ours.BatchNorm1d, ours.BatchNorm2d, ours.BatchNorm3d)
_MODES = ("use_running_average", "deterministic")


class Inference(linen.Module):
    """Another module in evaluation mode: each layer whose mode neither its constructor nor its call was given.

    Attributes:
        original: the module; its variables have the same names here.
        norms: the paths of BatchNorms that return their input as it is.
        shifted: the paths of layers without a bias that add the parameter `bias` to their output.
    """

    original: linen.Module
    norms: tuple[Path, ...] = ()
    shifted: tuple[Path, ...] = ()

    def setup(self) -> None:
        linen.share_scope(self, self.original)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """What the original returns."""

        def call(run: Any, args: Any, kwargs: Any, context: Any) -> Any:
            module = context.module
            if context.method_name != "__call__":
                return run(*args, **kwargs)
            path = module.path[len(self.path) :]
            if path in self.norms:
                return args[0]
            output = run(*args, **_in_evaluation(module, args, kwargs))
            bias = module.get_variable("params", "bias") if path in self.shifted else None
            if bias is None:
                return output
            return output + bias.reshape(-1, *(1,) * getattr(module, "ndim", 0))

        with linen.intercept_methods(call):
            return self.original(*inputs, **options)


def _in_evaluation(module: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments by name of a call, the mode among them if there is one to choose."""
    parameters = inspect.signature(type(module).__call__)
    given = parameters.bind_partial(module, *args, **kwargs).arguments
    modes = [
        name
        for name in _MODES
        if name in parameters.parameters and given.get(name) is None and getattr(module, name, True) is None
    ]
    return kwargs | dict.fromkeys(modes, True)


@dataclass
class _Seen:
    """What a module calls.

    Attributes:
        modules: by path.
        training: the paths of BatchNorms in training mode.
        calls: how often each is called.
        follow: of Sequentials: the paths of a child and of the next one, and the Sequential's.
    """

    modules: dict[Path, Any] = field(default_factory=dict)
    training: set[Path] = field(default_factory=set)
    calls: Counter[Path] = field(default_factory=Counter)
    follow: list[tuple[Path, Path, Path]] = field(default_factory=list)


def _in_order(module: Any) -> Iterable[str]:
    """The names of what a Sequential calls one after the other."""
    if type(module).__call__ is ours.Sequential.__call__:
        return tuple(module.children.names)
    if type(module).__call__ is linen.Sequential.__call__:
        return [f"layers_{i}" for i in range(len(module.layers))]
    return ()


def _see(module: Any, variables: Any, inputs: tuple[Any, ...]) -> _Seen:
    seen = _Seen()

    def call(run: Any, args: Any, kwargs: Any, context: Any) -> Any:
        own, path = context.module, context.module.path
        if context.method_name == "__call__" and not isinstance(own, Inference):
            if path not in seen.modules:
                children = [(*path, name) for name in _in_order(own)]
                seen.follow += [(first, second, path) for first, second in itertools.pairwise(children)]
            seen.modules[path] = own
            seen.calls[path] += 1
            if isinstance(own, _NORMS):
                given = inspect.signature(type(own).__call__).bind_partial(own, *args, **kwargs).arguments
                if False in (own.use_running_average, given.get("use_running_average")):
                    seen.training.add(path)
        return run(*args, **kwargs)

    with linen.intercept_methods(call):
        # In training mode a BatchNorm writes its statistics.
        jax.eval_shape(lambda *xs: Inference(module).apply(variables, *xs, mutable=["batch_stats"]), *inputs)
    return seen


def fuse(
    module: Any, variables: Any, pairs: Iterable[tuple[str, str]] | None, inputs: tuple[Any, ...]
) -> tuple[Inference, Any]:
    """The module without some BatchNorms, if it has any of these, and its variables: see `fuse_conv_bn`."""
    seen = _see(module, variables, inputs)
    if pairs is None:
        chosen = [
            (first, second)
            for first, second, whole in seen.follow
            if isinstance(seen.modules.get(first), _PLAIN + _TRANSPOSED)
            and isinstance(seen.modules.get(second), _NORMS)
            and seen.modules[second].track_running_stats
            and seen.calls[first] == seen.calls[second] == seen.calls[whole]
        ]
    else:
        named = [(str(a), str(b)) for a, b in pairs]
        names = {".".join(path): seen.calls[path] for path in seen.modules if path}
        check_pairs(named, list(names), names)
        chosen = [(tuple(a.split(".")), tuple(b.split("."))) for a, b in named]
    flat = traverse_util.flatten_dict(unfreeze(variables))
    shifted = tuple(layer for layer, norm in chosen if _fold(flat, seen, layer, norm))
    return Inference(module, tuple(norm for _, norm in chosen), shifted), traverse_util.unflatten_dict(flat)


def _fold(flat: dict[Path, Any], seen: _Seen, at: Path, norm_at: Path) -> bool:
    """Folds one BatchNorm in the variables. Returns whether the layer had no bias."""
    layer, norm = seen.modules[at], seen.modules[norm_at]
    name, norm_name = ".".join(at), ".".join(norm_at)
    if not isinstance(layer, _PLAIN + _TRANSPOSED):
        raise TypeError(f"{name!r} must be a Conv, ConvTranspose or Linear, got {type(layer).__name__}")
    if not isinstance(norm, _NORMS):
        raise TypeError(f"{norm_name!r} must be a BatchNorm, got {type(norm).__name__}")
    if not norm.track_running_stats:
        raise ValueError(f"{norm_name!r} has no running statistics to fold (track_running_stats=False)")
    if norm_at in seen.training:
        raise ValueError(
            f"Fusion only for eval! {norm_name!r} is in training mode: use_running_average=False"
        )
    collections = ("params", "batch_stats")
    paths = {p[-1]: p for p in list(flat) if p[0] in collections and p[1:-1] == norm_at}
    held = {key: meta.unbox(flat.pop(path)) for key, path in paths.items()}
    weight_at, bias_at = ("params", *at, "weight"), ("params", *at, "bias")
    boxed, old = flat[weight_at], flat.get(bias_at)
    groups = layer.groups if isinstance(layer, _TRANSPOSED) else None
    weight, bias = folded((name, norm_name), meta.unbox(boxed), meta.unbox(old), held, norm.eps, groups)
    flat[weight_at] = meta.replace_boxed(boxed, weight)
    flat[bias_at] = bias if old is None else meta.replace_boxed(old, bias)
    return old is None
