"""What a port is, how its weights are copied by hand, and how it runs without `parity`."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import linen, nnx

State = dict[str, np.ndarray]


@dataclass(frozen=True)
class Port:
    """A Flax network that is the same as torch's network, and the same Flax network with one fault.

    Attributes:
        name: what is special about the port.
        theirs: () -> torch's network, with random weights.
        ours: (torch's weights by name, wrong) -> the Flax network with these weights, as `parity.check` takes it.
        inputs: the shapes of random inputs, or a function that draws the inputs.
        options: of `parity.check`. `convert=None` where the Flax network holds other arrays than torch's, folded ones.
        call: keyword arguments with which the Flax network's author calls it.
        last: whether the Flax network takes and returns images with channels last.
        refused: whether `parity.check` may also refuse the port, in one sentence.
        narrow: whether Flax's own layers compute in float32 whatever they are given.
    """

    name: str
    theirs: Callable[[], torch.nn.Module]
    ours: Callable[[State, bool], Any]
    inputs: tuple[tuple[int, ...], ...] | Callable[[np.random.Generator], tuple[np.ndarray, ...]] = (
        (2, 3, 8, 6),
    )
    options: Mapping[str, Any] = field(default_factory=dict)
    call: Mapping[str, Any] = field(default_factory=dict)
    last: bool = False
    refused: bool = False
    narrow: bool = False

    def build(
        self, seed: int, wrong: bool = False, wide: bool = False
    ) -> tuple[torch.nn.Module, Any, tuple[np.ndarray, ...]]:
        """Makes torch's network in eval mode, the Flax network with torch's weights, and the inputs.

        The numbers are in float32, or in float64 if `wide`.
        """
        torch.manual_seed(seed)
        module = self.theirs().eval()
        rng = np.random.default_rng(seed)
        if callable(self.inputs):
            inputs = self.inputs(rng)
        else:
            inputs = tuple(rng.standard_normal(shape).astype(np.float32) for shape in self.inputs)
        if wide:
            module = module.double()
            inputs = tuple(x.astype(np.float64) if x.dtype.kind == "f" else x for x in inputs)
        return module, self.ours(weights(module), wrong), inputs


def weights(module: torch.nn.Module) -> State:
    """Returns every parameter and buffer by name, and each layer's effective weight where it is computed."""
    tensors = dict(module.state_dict())
    for path, layer in module.named_modules():
        for hook in layer._forward_pre_hooks.values():  # they compute the weight anew
            hook(layer, None)
        value = getattr(layer, "weight", None)
        if isinstance(value, torch.Tensor):
            tensors[f"{path}.weight" if path else "weight"] = value
    return {name: value.detach().clone().numpy() for name, value in tensors.items()}


def kernel(weight: np.ndarray) -> np.ndarray:
    """Transposes (out, in, *size) to Flax's (*size, in, out)."""
    return weight.transpose(*range(2, weight.ndim), 1, 0)


_NAMES = {"bias": "bias", "running_mean": "mean", "running_var": "var"}


def layer(state: State, path: str, *names: str) -> dict[str, np.ndarray]:
    """Returns one layer's arrays under Flax's names: kernel, scale, bias, mean, var; or only `names` of them."""
    found = {}
    for name, value in state.items():
        parent, _, own = name.rpartition(".")
        if parent != path:
            continue
        if own == "weight":
            found |= {"scale": value} if value.ndim == 1 else {"kernel": kernel(value)}
        elif own in _NAMES:
            found[_NAMES[own]] = value
    return {name: found[name] for name in names or found if name in found}


def variables(state: State, paths: Mapping[str, str]) -> dict[str, Any]:
    """Returns Linen's variables of a network without nested modules, given each Flax name and torch's path."""
    params = {ours: layer(state, path, "kernel", "scale", "bias") for ours, path in paths.items()}
    stats = {ours: layer(state, path, "mean", "var") for ours, path in paths.items()}
    stats = {name: found for name, found in stats.items() if found}
    held = {"params": params, **({"batch_stats": stats} if stats else {})}
    return jax.tree.map(jnp.asarray, held)


def give(module: nnx.Module, state: State, **paths: str) -> None:
    """Writes torch's weights into layers of an NNX module, given each attribute and torch's path."""
    for attribute, path in paths.items():
        for name, value in layer(state, path).items():
            write(getattr(getattr(module, attribute), name), value)


def write(variable: nnx.Variable, value: np.ndarray) -> None:
    """Gives an NNX variable a value in the value's dtype."""
    variable.set_value(jnp.asarray(value))


class Lively(torch.nn.Module):
    """A torch network whose normalisations have random weights, biases and statistics."""

    def __init__(self, **layers: torch.nn.Module):
        super().__init__()
        for name, value in layers.items():
            setattr(self, name, enlivened(value))


def enlivened(module: torch.nn.Module) -> torch.nn.Module:
    """Draws the weights, biases and statistics of every normalisation in the module, and returns the module."""
    for part in module.modules():
        if "Norm" in type(part).__name__:
            for name, value in part.state_dict().items():
                if name != "num_batches_tracked":
                    torch.nn.init.uniform_(value, 0.5, 1.5)
    return module


def mapped(model: Any, change: Callable[[jax.Array], jax.Array]) -> Any:
    """Returns the Flax network with every floating array changed."""

    def changed(leaf: Any) -> Any:
        return change(leaf) if jnp.issubdtype(jnp.result_type(leaf), jnp.floating) else leaf

    if isinstance(model, tuple):
        return model[0], jax.tree.map(changed, model[1])
    if isinstance(model, nnx.Module):
        static, held = nnx.split(model)
        return nnx.merge(static, jax.tree.map(changed, held))
    return jax.tree.map(changed, model)


def scrambled(model: Any, seed: int) -> Any:
    """Returns the Flax network with random weights of its own."""
    rng = np.random.default_rng(seed)
    return mapped(model, lambda x: jnp.asarray(rng.uniform(0.5, 1.5, x.shape), x.dtype))


def outputs(port: Port, seed: int, wrong: bool) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Runs both networks without `parity`, in float64 unless the port is narrow, and returns torch's arrays and the Flax network's by name."""
    module, model, inputs = port.build(seed, wrong, wide=not port.narrow)
    with torch.no_grad():
        theirs = flat(module(*map(torch.from_numpy, inputs)))
    if not port.narrow:
        model = mapped(model, lambda x: x.astype(jnp.float64))
    given = [jnp.asarray(x) for x in inputs]
    if port.last:
        given = [jnp.moveaxis(x, 1, -1) if x.ndim > 2 else x for x in given]
    if not isinstance(model, tuple):
        result = model(*given, **port.call)
    elif isinstance(model[0], linen.Module):
        result = model[0].apply(model[1], *given, **port.call)
    else:
        result = model[0](model[1], *given, **port.call)
    ours = flat(result)
    if port.last:
        images = {x.ndim for x in inputs if x.ndim > 2}
        ours = {name: np.moveaxis(y, -1, 1) if y.ndim in images else y for name, y in ours.items()}
    return theirs, ours


def flat(result: Any, path: str = "") -> dict[str, np.ndarray]:
    """Returns the arrays in nested dicts, tuples and dataclasses by their keys, without None."""
    if isinstance(result, torch.Tensor | jax.Array):
        return {path: np.asarray(result)}
    if dataclasses.is_dataclass(result):
        result = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    elif hasattr(result, "_asdict"):
        result = result._asdict()
    elif isinstance(result, list | tuple):
        result = dict(enumerate(result))
    elif result is None:
        return {}
    return {name: y for key, value in result.items() for name, y in flat(value, f"{path}/{key}").items()}
