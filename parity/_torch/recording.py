"""torch's side of a comparison in a file, to be compared later or elsewhere, without the network's code.

The file is .safetensors: arrays, and a description of the network as JSON. Nothing in it is looked up in
torch: layers are made from the table in `parity._torch.recording_layers`, dtypes come from a dictionary, and
`parity._torch.recording_schema` checks the whole header first.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from os import PathLike
from typing import Any

import jax.numpy as jnp
import numpy as np
import torch

import jaxconv
from parity._bounds import tolerance
from parity._bounds.tolerance import Arithmetic
from parity._torch import recording_schema
from parity._torch.network import Arrays, Call
from parity._torch.original import MANY, LayerRun, Original, Samples, input_array, original
from parity._torch.recording_check import TORCH_DTYPES, Invalid
from parity._torch.recording_layers import LAYERS, described, output_shapes
from parity._torch.tensors import from_numpy, to_numpy

_HEADER = "recording.json"
_PLATFORMS = ("cpu", "gpu", "tpu")
_PRECISIONS = ("default", "high", "highest")


def record(
    torch_module: torch.nn.Module, *inputs: Any, platforms: Sequence[str] = _PLATFORMS, seed: int = 0
) -> "Recording":
    """Runs torch's side of `parity.check`, to be saved for a later comparison, or one on another machine.

    Args:
        torch_module: in the mode (train, eval) in which it is to be compared. It stays as it is.
        inputs: as of `parity.check`.
        platforms: the platforms on which the Flax network may run: of 'cpu', 'gpu' and 'tpu'. The rounding limits
            are measured for the precision of float32 on each, at each of JAX's precisions.
        seed: of the cotangents and the noise.

    Returns:
        The recording: `parity.check(recording, flax_module)`, `recording.save("FILE.safetensors")`.

    Raises:
        ValueError: no inputs, an unknown platform.
        TypeError: not a module, an input that is no array of numbers, a layer called with what no file can hold.

    Examples:
        >>> isinstance(parity.record(torch.nn.Linear(3, 2), torch.randn(4, 3)), parity.Recording)
        True
    """
    if unknown := sorted({*platforms} - {*_PLATFORMS}):
        raise ValueError(
            f"`platforms` (={tuple(platforms)}) must be of 'cpu', 'gpu' and 'tpu', not {unknown}"
        )
    live = original(torch_module, inputs, seed)
    write = _Writer()
    header: dict[str, Any] = {"version": recording_schema.VERSION, "torch": torch.__version__, "seed": seed}
    header["random"] = live.random
    header["modules"] = write.network(live.module)
    lists = {"inputs": live.inputs, "outputs": live.outputs, "cotangents": live.cotangents}
    header |= {name: write.tree(arrays) for name, arrays in lists.items()}
    header |= {name: write.tree(getattr(live, name)) for name in ("theirs", "wanted")}
    header["calls"] = [write.call(run) for run in live.runs({call.path for call in live.calls})]
    header["distances"] = [
        {"arithmetic": asdict(how), "samples": live.distances(how, MANY)}
        for how in _arithmetics(live.dtype, platforms)
    ]
    return Recording(header, write.arrays)


def _arithmetics(dtype: np.dtype, platforms: Sequence[str]) -> list[Arithmetic]:
    found: list[Arithmetic] = []
    for platform in platforms:
        # TPU has no float64.
        if not (platform == "tpu" and dtype == np.float64):
            found += [tolerance.arithmetic(dtype, platform, precision) for precision in _PRECISIONS]
    if dtype.itemsize == 2:  # a Flax network may add up in it
        found += [replace(how, sums=how.store) for how in found]
    found.append(tolerance.arithmetic(np.dtype(np.float64), "cpu"))  # EndToEnd.same_in_float64
    return list(dict.fromkeys(found))


class _Writer:
    """Puts arrays aside, and leaves what JSON can hold."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._known: dict[int, str] = {}

    def array(self, value: Any) -> dict[str, str]:
        """Where it is; a tensor that is held twice is kept once."""
        if id(value) not in self._known or not isinstance(value, torch.Tensor):
            key = self._known[id(value)] = f"array.{len(self.arrays)}"
            self.arrays[key] = np.array(to_numpy(value) if isinstance(value, torch.Tensor) else value)
        return {"array": self._known[id(value)]}

    def tree(self, value: Any) -> Any:
        """Nested tuples, lists and dicts of arrays and plain values."""
        if isinstance(value, np.ndarray | torch.Tensor):
            return self.array(value)
        if isinstance(value, tuple):
            return {"tuple": [self.tree(v) for v in value]}
        if isinstance(value, list):
            return [self.tree(v) for v in value]
        if isinstance(value, Mapping):
            return {"dict": [[str(k), self.tree(v)] for k, v in value.items()]}
        if isinstance(value, torch.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise TypeError(f"a recording cannot hold {type(value).__name__} (={value!r})")

    def call(self, run: LayerRun) -> dict[str, Any]:
        """One call of a layer, and what torch makes of it."""
        call = run.call
        try:
            given = {"args": self.tree(call.args), "kwargs": self.tree(call.kwargs)}
        except TypeError as error:
            raise TypeError(f"torch's layer {call.name!r}: {error}") from None
        kept = {"name": call.name, **given}
        kept["outputs"] = [[list(shape), dtype.name] for shape, dtype in call.outputs]
        kept["cotangents"] = self.tree(list(run.cotangents))
        if call.outputs:
            kept["theirs"] = self.tree(run.theirs)
            if described(call.module) is None:  # else whoever compares can compute it
                kept["wide"] = self.tree(run.wide)
                if call.outputs[0][1] == np.float64:
                    kept["uncertainty"] = self.tree(run.uncertainty)
        return kept

    def network(self, module: torch.nn.Module) -> list[dict[str, Any]]:
        """Its modules in their order: class, attributes where it is in the table of layers, tensors."""
        found: list[dict[str, Any]] = []
        names: dict[int, str] = {}
        for name, m in module.named_modules(remove_duplicate=False):
            if id(m) in names:
                found.append({"name": name, "same": names[id(m)]})
                continue
            names[id(m)] = name
            entry = {"name": name, "module": type(m).__module__, "class": type(m).__qualname__}
            attributes = described(m)
            entry |= {"training": m.training}
            entry["attributes"] = None if attributes is None else self.tree(attributes)
            for kind, tensors in (("parameters", m._parameters), ("buffers", m._buffers)):
                entry[kind] = {k: None if t is None else self.array(t) for k, t in tensors.items()}
            entry["unsaved"] = sorted(m._non_persistent_buffers_set)
            found.append(entry)
        return found


class Recording(Original):
    """torch's side of a comparison as it was computed by `record`.

    Attributes:
        module: torch's network; of its own code nothing is there, only its layers and weights.
        torch_version: of the torch that computed it.

    Examples:
        >>> parity.check(parity.record(torch.nn.ReLU(), torch.randn(4, 3)), jaxconv.ReLU()).ok
        True
    """

    def __init__(self, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]):
        self._header, self._arrays = header, arrays
        self.torch_version = header["torch"]
        super().__init__(self._network(header["modules"]), [], header["seed"])
        self.inputs = [input_array(i, x) for i, x in enumerate(self._tree(header["inputs"]))]

    def save(self, path: str | PathLike[str]) -> None:
        """Writes one .safetensors file, which `load_recording` reads.

        Raises:
            ValueError: another extension.
        """
        if not str(path).endswith(".safetensors"):
            raise ValueError(f"`path` (={str(path)!r}) must end with .safetensors")
        text = json.dumps(self._header).encode()
        jaxconv.save_file({_HEADER: np.frombuffer(text, np.uint8), **self._arrays}, path)

    def check_layers(self) -> None:
        """Whether torch's layers, given what they were given, have outputs of the recorded shapes. Computes nothing.

        Raises:
            ValueError: one has not; all are listed.
        """
        problems = []
        for call, kept in zip(self.calls, self._header["calls"], strict=True):
            if type(call.module) is not getattr(LAYERS.get(type(call.module).__name__), "kind", None):
                continue
            args, kwargs = (self._tree(kept[name]) for name in ("args", "kwargs"))
            try:
                shapes = output_shapes(call.module, args, kwargs)
            except ValueError as error:
                problems.append(f"torch's layer {call.name!r} cannot have run: {error}")
                continue
            recorded = [shape for shape, _ in call.outputs]
            if shapes is not None and shapes != recorded:
                problems.append(
                    f"torch's layer {call.name!r} gives outputs of the shapes {shapes}, not {recorded}"
                )
        if problems:
            raise Invalid(problems)

    @property
    def runnable(self) -> bool:
        """No: its code is not at hand."""
        return False

    @cached_property
    def outputs(self) -> list[np.ndarray]:
        """The network's."""
        return self._tree(self._header["outputs"])

    @property
    def random(self) -> bool:
        """Whether it gave other outputs each time."""
        return self._header["random"]

    @cached_property
    def cotangents(self) -> list[np.ndarray]:
        """Of the outputs."""
        return self._tree(self._header["cotangents"])

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Of its layers, in their order."""
        return tuple(self._call(call) for call in self._header["calls"])

    def runs(self, paths: Collection[str]) -> Iterator[LayerRun]:
        """The calls of these layers, in their order."""
        for call, kept in zip(self.calls, self._header["calls"], strict=True):
            if call.path in paths:
                run = LayerRun(call, self._tree(kept["cotangents"]))
                # What the recording has need not be computed.
                computed = {"theirs", "wide", "uncertainty"} & {*kept}
                run.__dict__ |= {name: self._tree(kept[name]) for name in computed}
                yield run

    @cached_property
    def theirs(self) -> Arrays:
        """torch's results, forward and backward."""
        return self._tree(self._header["theirs"])

    @cached_property
    def _exact(self) -> Arrays:
        return self._tree(self._header["wanted"])

    def distances(self, how: Arithmetic, count: int) -> Samples:
        """How far rounding carried each floating result in so many runs with noise.

        Raises:
            ValueError: it was not recorded for this arithmetic.
        """
        for kept in self._header["distances"]:
            if Arithmetic(**kept["arithmetic"]) == how:
                return {name: samples[:count] for name, samples in kept["samples"].items()}
        raise ValueError(f"the recording is not for {how}: give parity.record the platform in `platforms`")

    def _tree(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._tree(v) for v in value]
        if not isinstance(value, dict):
            return value
        ((kind, held),) = value.items()
        if kind == "array":
            return self._arrays[held]
        if kind == "dtype":
            return TORCH_DTYPES[held]
        return tuple(map(self._tree, held)) if kind == "tuple" else {k: self._tree(v) for k, v in held}

    def _call(self, kept: Mapping[str, Any]) -> Call:
        outputs = tuple((tuple(shape), jnp.dtype(dtype)) for shape, dtype in kept["outputs"])
        layer = self.module.get_submodule(kept["name"].partition("#")[0])
        return Call(kept["name"], layer, self._tree(kept["args"]), self._tree(kept["kwargs"]), outputs)

    def _network(self, entries: Sequence[Mapping[str, Any]]) -> torch.nn.Module:
        made: dict[str, torch.nn.Module] = {}
        tensors: dict[str, torch.Tensor] = {}  # one that is shared stays so
        for entry in entries:
            name = entry["name"]
            made[name] = made[entry["same"]] if "same" in entry else self._module(entry, tensors)
            if name:
                parent, _, own = name.rpartition(".")
                made[parent].add_module(own, made[name])
        return made[""]

    def _module(self, entry: Mapping[str, Any], tensors: dict[str, torch.Tensor]) -> torch.nn.Module:
        attributes = entry["attributes"]
        if attributes is None:  # of a network's own classes, the name alone
            name = entry["class"].rpartition(".")[2]
            kind: Any = type(name, (torch.nn.Module,), {"__module__": entry["module"]})
        else:
            kind = LAYERS[entry["class"]].kind
        module: torch.nn.Module = kind.__new__(kind)
        torch.nn.Module.__init__(module)
        module.__dict__ |= {} if attributes is None else self._tree(attributes)
        for name, where in entry["parameters"].items():
            value = None if where is None else self._tensor(where["array"], tensors, as_parameter=True)
            module.register_parameter(name, value)  # type: ignore[arg-type]
        for name, where in entry["buffers"].items():
            value = None if where is None else self._tensor(where["array"], tensors)
            module.register_buffer(name, value, persistent=name not in entry["unsaved"])
        module.training = entry["training"]
        return module

    def _tensor(self, key: str, tensors: dict[str, torch.Tensor], as_parameter: bool = False) -> torch.Tensor:
        kept = f"parameter {key}" if as_parameter else key
        if kept not in tensors:
            own = from_numpy(self._arrays[key])
            tensors[kept] = (
                torch.nn.Parameter(own, own.is_floating_point() or own.is_complex()) if as_parameter else own
            )
        return tensors[kept]


def load_recording(path: str | PathLike[str]) -> Recording:
    """Reads what `Recording.save` wrote.

    No code in the file is run, and nothing is made of it before all of it is checked: classes are those of
    `parity._torch.recording_layers`, dtypes those of a dictionary, and neither is looked up by a name in the file.

    Raises:
        FileNotFoundError, IsADirectoryError: as `open`.
        ValueError: the file is damaged or no recording, or its layers are unknown to this torch; with all faults.

    Examples:
        >>> parity.record(torch.nn.ReLU(), torch.randn(4, 3)).save("relu.safetensors")
        >>> parity.check(parity.load_recording("relu.safetensors"), jaxconv.ReLU()).ok
        True
    """
    arrays = jaxconv.load_file(path)
    if _HEADER not in arrays:
        raise ValueError(f"{path} is not a recording of parity.record: it has no {_HEADER!r}")
    try:
        header = json.loads(arrays.pop(_HEADER).tobytes().decode())
        recording_schema.validate(header, arrays)
        recording = Recording(header, arrays)
        recording.check_layers()
    except RecursionError:
        raise ValueError(f"{path} is not a recording of parity.record: nested too deeply") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is not a recording of parity.record: {error}") from error
    return recording
