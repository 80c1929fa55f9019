"""Inference compiled ahead of time, in the fastest of a few ways to write the same program."""

import hashlib
import json
import os
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import jax
from flax import linen, nnx

from jaxconv._lower import checked, lowering, native
from jaxconv._tree import with_leaves
from jaxconv.fusion import fuse_conv_bn

_VERSION = 1
_ROUNDS = 15
"""How often each candidate is run; the median counts."""


@dataclass(frozen=True)
class Setting:
    """One way to compile a model.

    Attributes:
        lowering: as of `jaxconv.lowering`; None for the fastest known for each convolution.
        options: XLA's compiler options, names and values.
        constants: whether the parameters are part of the program instead of arguments.
    """

    lowering: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    constants: bool = False

    def __str__(self) -> str:
        words = [f"lowering {self.lowering}"] if self.lowering else []
        words += [f"{name}={value}" for name, value in self.options]
        return ", ".join(words + ["parameters as constants"] * self.constants) or "as it is"


# What made a difference on XLA's CPU compiler: Eigen's convolutions instead of YNNPACK's, its older code generator,
# vectors of AVX-512. And once the weights are constants, turning them costs nothing.
_CANDIDATES: dict[str, tuple[tuple[Setting, ...], tuple[Setting, ...]]] = {
    "cpu": (
        (
            Setting(),
            Setting("xla"),
            Setting("direct"),
            Setting(options=(("xla_cpu_experimental_ynn_fusion_type", "LIBRARY_FUSION_TYPE_DOT"),)),
            Setting(options=(("xla_cpu_use_fusion_emitters", False),)),
            Setting(options=(("xla_cpu_prefer_vector_width", 512),)),
        ),
        (Setting("channels_last", constants=True),),
    ),
}
"""By platform what is tried first, and what is tried beside the fastest of that."""


@dataclass(frozen=True)
class Compiled:
    """A model compiled for inputs of one shape: it is called as the model is.

    Attributes:
        model: what was compiled: a copy in evaluation mode, BatchNorm folded away where that is possible.
        setting: how.
        milliseconds: of each candidate, if they were measured here; the median.
    """

    model: Any
    setting: Setting
    milliseconds: Mapping[Setting, float] = field(repr=False)
    _run: Callable[..., Any] = field(repr=False)

    def __call__(self, *inputs: Any) -> Any:
        """The model's result.

        Raises:
            TypeError: inputs of other shapes or dtypes than the examples'.
        """
        return self._run(*inputs)


def compile(
    model: Any,
    *example_inputs: Any,
    tune: bool = False,
    pairs: Iterable[tuple[str, str]] | None = None,
    constants: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Compiled:
    """Compiles a model for inference, for inputs like the examples; `model` stays as it is.

    Args:
        model: an NNX module, or a pair (Linen module, variables).
        example_inputs: arrays, or jax.ShapeDtypeStruct unless `tune`.
        tune: whether to measure a few candidates (lowerings, compiler options, parameters as constants) on the examples
            and keep the fastest. What was found is remembered in `cache`, by the program and the machine.
        pairs: as of `fuse_conv_bn`, for an NNX module: which BatchNorms to fold. None for all that it finds itself.
        constants: whether the parameters are part of the program. If `tune`, both are tried.
        cache: the file. By default the environment variable JAXCONV_CACHE, else ~/.cache/jaxconv/tuned.json. One that
            is damaged, or not of this version, is ignored with a warning.

    Raises:
        TypeError: a model of another kind.
        ValueError: no inputs; `pairs` that cannot be folded.
    """
    if not example_inputs:
        raise ValueError("`example_inputs`: at least one is needed to know the shapes")
    model, function, state = _parts(model, pairs)
    setting = Setting(constants=constants and not tune)
    base = _lowered(function, state, example_inputs, setting)
    if not tune:
        return Compiled(model, setting, {}, _runner(base, state, setting))
    place = Path(
        cache or os.environ.get("JAXCONV_CACHE") or Path.home() / ".cache" / "jaxconv" / "tuned.json"
    )
    known, key = _read(place), _key(base)
    if key in known:
        setting = known[key]
        low = _lowered(function, state, example_inputs, setting)
        return Compiled(model, setting, {}, _runner(low, state, setting))
    found = _tuned(function, state, example_inputs)
    setting = min(found, key=lambda s: found[s][0])
    _write(place, {**known, key: setting})
    return Compiled(model, setting, {s: ms for s, (ms, _) in found.items()}, found[setting][1])


def _parts(model: Any, pairs: Any) -> tuple[Any, Callable[..., Any], Any]:
    """What is compiled, as a function of (state, *inputs), and the state."""
    if isinstance(model, nnx.Module):
        model = with_leaves(model, {})
        model.eval()
        if pairs is not None:
            model = fuse_conv_bn(model, pairs)
        else:
            with suppress(ValueError):  # there is nothing to fold
                model = fuse_conv_bn(model)
        graph, state = nnx.split(model)
        return model, lambda state, *inputs: nnx.merge(graph, state)(*inputs), state
    if isinstance(model, tuple) and len(model) == 2 and isinstance(model[0], linen.Module):
        if pairs is not None:
            raise ValueError(
                "`pairs` are for NNX modules: Linen's variables do not tell which layer uses them"
            )
        module, variables = model
        return model, lambda variables, *inputs: module.apply(variables, *inputs), variables
    raise TypeError(
        f"`model` must be an NNX module or a pair (Linen module, variables), got {type(model).__name__}"
    )


def _lowered(function: Callable[..., Any], state: Any, inputs: Any, setting: Setting) -> Any:
    with lowering(setting.lowering) if setting.lowering else nullcontext():
        if setting.constants:
            return jax.jit(lambda *inputs: function(state, *inputs)).lower(*inputs)
        return jax.jit(function).lower(state, *inputs)


def _runner(lowered: Any, state: Any, setting: Setting) -> Callable[..., Any]:
    program = lowered.compile(compiler_options=dict(setting.options))
    return program if setting.constants else lambda *inputs: program(state, *inputs)


def _tuned(function: Callable[..., Any], state: Any, inputs: Any) -> dict[Setting, tuple[float, Any]]:
    """Milliseconds and program of each candidate."""
    first, second = _CANDIDATES.get(jax.default_backend(), ((Setting(),), ()))
    if native.isa() is None:
        first = tuple(s for s in first if s.lowering != "xla")  # that is what there is anyway
    found = _measured(function, state, inputs, first)
    best = min(found, key=lambda s: found[s][0])
    # Once more beside the others, so that all are measured in the same minute.
    return found | _measured(function, state, inputs, [best, replace(best, constants=True), *second])


def _measured(
    function: Callable[..., Any], state: Any, inputs: Any, settings: Iterable[Setting]
) -> dict[Setting, tuple[float, Any]]:
    programs = {}
    for setting in settings:
        try:
            run = _runner(_lowered(function, state, inputs, setting), state, setting)
        except jax.errors.JaxRuntimeError:  # this XLA has not that option
            continue
        jax.block_until_ready(run(*inputs))
        programs[setting] = run
    times: dict[Setting, list[float]] = {setting: [] for setting in programs}
    for _ in range(_ROUNDS):
        for setting, run in programs.items():
            start = time.perf_counter()
            jax.block_until_ready(run(*inputs))
            times[setting].append(time.perf_counter() - start)
    return {s: (1e3 * statistics.median(times[s]), run) for s, run in programs.items()}


def _key(lowered: Any) -> str:
    """The program and the machine."""
    device = jax.devices()[0]
    machine = (jax.__version__, device.platform, device.device_kind, os.cpu_count())
    return hashlib.sha256(repr((machine, lowered.as_text())).encode()).hexdigest()


def _read(place: Path) -> dict[str, Setting]:
    try:
        document = json.loads(place.read_text(encoding="utf-8"))
        if document["version"] != _VERSION:
            raise ValueError(f"its version is {document['version']}, not {_VERSION}")
        return {
            key: Setting(
                checked(s["lowering"]), tuple((str(n), v) for n, v in s["options"]), bool(s["constants"])
            )
            for key, s in document["settings"].items()
        }
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        warnings.warn(
            f"{place} is ignored: it is no file of jaxconv.compile ({type(error).__name__}: {error})",
            stacklevel=3,
        )
        return {}


def _write(place: Path, settings: Mapping[str, Setting]) -> None:
    document = {"version": _VERSION, "settings": {key: asdict(s) for key, s in settings.items()}}
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        # As a whole or not at all: another process may read it.
        new = place.with_name(f"{place.name}.{os.getpid()}")
        new.write_text(json.dumps(document, indent=1), encoding="utf-8")
        new.replace(place)
    except OSError as error:
        warnings.warn(f"what was measured cannot be remembered: {error}", stacklevel=3)
