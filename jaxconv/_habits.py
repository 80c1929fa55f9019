"""torch's and Flax's ways of writing things, and what they are in jaxconv: one table for each place."""

import inspect
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache, partial
from typing import Any, ClassVar

_STEP = "`nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)` takes the model itself"
_PLACE = "write `model = jax.device_put(model, device)`, with one of `jax.devices()`"
_CAST = "a layer is built in a dtype: `dtype=jnp.bfloat16` computes in it, `param_dtype=jnp.bfloat16` also stores in it"
_HOOK = "there are no hooks: write it into the `__call__` of the network"

METHODS = {
    "parameters": f"`jaxconv.surgery.select(model, '**')` has the parameters by name, and {_STEP}",
    "named_parameters": f"`jaxconv.surgery.select(model, '**')` has the parameters by name, and {_STEP}",
    "buffers": "`jaxconv.surgery.select(model, '**', buffers=True)` has parameters and buffers by name",
    "named_buffers": "`jaxconv.surgery.select(model, '**', buffers=True)` has parameters and buffers by name",
    "state_dict": "write `jaxconv.state_dict(model)`",
    "load_state_dict": "write `model = jaxconv.load_state_dict(model, weights)`, which returns a new model",
    "to": f"{_PLACE}; {_CAST}",
    "cuda": _PLACE,
    "cpu": _PLACE,
    "half": _CAST,
    "bfloat16": _CAST,
    "float": _CAST,
    "double": _CAST,
    "zero_grad": "gradients are not stored: `nnx.grad` returns new ones at each call",
    "requires_grad_": (
        "`layer.weight = jaxconv.FrozenParam(layer.weight[...])` freezes a parameter, and `wrt` of `nnx.Optimizer` and "
        "`nnx.DiffState` selects what is trained"
    ),
    "forward": "call it: `layer(x)`",
    "training": "`use_running_average` and `deterministic` of a layer are true in eval mode",
    "modules": "write `nnx.iter_modules(model)`",
    "named_modules": "write `nnx.iter_modules(model)`",
    "named_children": "write `nnx.iter_children(model)`",
    "get_submodule": "write `parity.submodule(model, path)`, or the attributes",
    "apply": "write `model = jaxconv.surgery.apply(model, fn)`, where `fn` returns the layer",
    "reset_parameters": "build a new layer, or fill it by the functions of `jaxconv.surgery`",
    "register_buffer": "write `self.name = nnx.Variable(array)`",
    "register_parameter": "write `self.name = nnx.Param(array)`",
    "add_module": "write `self.name = layer`",
    "register_forward_hook": _HOOK,
    "register_forward_pre_hook": _HOOK,
    "register_full_backward_hook": _HOOK,
    "compile": "write `jaxconv.compile(model, x)` for serving, or `nnx.jit`",
}
"""Methods and attributes of torch's modules: what to write instead, for NNX."""

_TREE = "the arrays are not in the module but in `variables`, which `init` returns"
_MODE = "the mode is an argument of the call: `use_running_average=`, `deterministic=`"

LINEN_METHODS = {
    **{name: _TREE for name in ("modules", "named_modules", "named_children", "get_submodule")},
    **{
        name: text.replace("(model, '**'", "(variables, '**'").replace(
            _STEP, "`optax.adam(1e-3).init(variables['params'])` begins training"
        )
        for name, text in METHODS.items()
        if "surgery.select" in text
    },
    "state_dict": "write `jaxconv.state_dict(variables)`",
    "load_state_dict": "write `variables = jaxconv.load_state_dict(variables, weights)`",
    "requires_grad_": "`optax.multi_transform` or `optax.masked` selects what is trained",
    "forward": "write `module.apply(variables, x)`",
    "train": _MODE,
    "eval": _MODE,
    "training": _MODE,
    "zero_grad": "gradients are not stored: `jax.grad` returns new ones at each call",
    "reset_parameters": "call `init` again, or fill `variables` by the functions of `jaxconv.surgery`",
    "compile": METHODS["compile"].replace("model, x", "(module, variables), x").replace("nnx.jit", "jax.jit"),
    **{name: METHODS[name].replace("model", "variables") for name in ("to", "cuda", "cpu")},
    **{name: METHODS[name] for name in ("half", "bfloat16", "float", "double", "add_module")},
    "register_buffer": "write `self.variable('batch_stats', name, init)`",
    "register_parameter": "write `self.param(name, init)`",
    **{name: _HOOK for name in METHODS if name.endswith("_hook")},
}
"""The same for Linen, whose modules hold no arrays."""

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "features": (
        "out_channels",
        "out_features",
        "num_features",
        "num_channels",
        "embedding_dim",
        "hidden_size",
    ),
    "in_features": ("in_channels", "input_size"),
    "out_features": ("out_channels", "hidden_size"),
    "num_embeddings": (),
    "kernel_init": ("weight_init",),
    "scale_init": ("weight_init",),
    "embedding_init": ("weight_init",),
    "use_bias": ("bias",),
    "use_scale": ("affine", "elementwise_affine"),
    "strides": ("stride",),
    "window_shape": ("kernel_size",),
    "kernel_dilation": ("dilation",),
    "feature_group_count": ("groups",),
    "epsilon": ("eps",),
    "rate": ("p",),
}
"""Arguments of Flax's layers, and what they may be called in torch's."""

NOT_HERE = {
    "device": "place the arrays by `jax.device_put(model, device)`, or build inside `jax.default_device(device)`"
}
"""Arguments of torch's layers that ours do not take, and what to do."""


NAMES = {
    "Module": "derive a network from `flax.nnx.Module`, or from `flax.linen.Module`",
    "Parameter": "write `nnx.Param(array)`",
    "Buffer": "write `nnx.BatchStat(array)`",
    "no_grad": "JAX computes gradients only where `jax.grad` or `nnx.grad` asks for them",
    "manual_seed": "random numbers come from `nnx.Rngs(seed)`, or from `jaxconv.TorchRngs(seed)` as in torch",
    "load": "write `jaxconv.load_file(path)`",
    "save": "write `jaxconv.save_file(jaxconv.state_dict(model), path)`",
    "tensor": "write `jnp.asarray(values)`",
    "optim": "optimizers are optax's: `nnx.Optimizer(model, optax.sgd(0.1), wrt=nnx.Param)`",
    "DataParallel": "use several devices by sharding: docs/serving.md",
}
"""Names of torch's packages that jaxconv has not: what to write instead."""


def answer(*packages: str) -> None:
    """Has these packages answer names of torch's; not by a `__getattr__` in their files, which would hide wrong names
    from type checkers."""
    for package in packages:
        vars(sys.modules[package])["__getattr__"] = partial(_not_ours, package)


def _not_ours(package: str, name: str) -> Any:
    """Refuses a name that a package has not."""
    said, own = NAMES.get(name), name.removesuffix("_")
    if own != name and hasattr(sys.modules["jaxconv.surgery"], own):
        said = (
            f"nothing is changed in place. `model = jaxconv.surgery.{own}(model, 'conv.weight', ...)` fills parameters "
            f"of a model, and `weight_init=jaxconv.init.{own}()` is an initialiser"
        )
    text = f"module '{package}' has no attribute '{name}'"
    raise AttributeError(f"{text}: {said}" if said else text)


class Habits:
    """Answers torch's methods and Flax's arguments with what to write instead."""

    _METHODS: ClassVar[Mapping[str, str]] = METHODS

    def __new__(cls, *args: Any, **more: Any) -> Any:
        """Refuses an argument that the class does not know, before Python does."""
        if more:
            kind: Any = cls
            known = _known(kind)
            for name in more if known is not None else ():
                if known is not None and name not in known and (said := _instead(name, known)):
                    raise TypeError(
                        f"{cls.__name__}.__init__() got an unexpected keyword argument '{name}': {said}"
                    )
        return super().__new__(cls)

    def __getattr__(self, name: str) -> Any:
        said = type(self)._METHODS.get(name)
        if (inherited := getattr(super(), "__getattr__", None)) is not None:
            try:
                return inherited(name)
            except AttributeError:
                if said is None:
                    raise
        text = f"'{type(self).__name__}' object has no attribute '{name}'"
        raise AttributeError(f"{text}: {said}" if said else text, name=name, obj=self)


@cache
def _known(kind: Any) -> frozenset[str] | None:
    """The names of a constructor's arguments; None if it takes any."""
    parameters = inspect.signature(kind.__init__).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return frozenset(p.name for p in parameters)


def _instead(name: str, known: frozenset[str]) -> str:
    """What may have been meant by the name of an argument."""
    own = [other for other in ARGUMENTS.get(name, ()) if other in known] or get_close_matches(name, known, 1)
    return NOT_HERE.get(name) or (f"write `{own[0]}`" if own else "")
