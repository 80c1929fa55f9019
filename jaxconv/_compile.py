"""Inference compiled ahead of time, in the fastest of a few ways to write the same program."""

import hashlib
import os
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import jax
from flax import linen, nnx

from jaxconv import _compile_cache, _linen_inference
from jaxconv._lower import lowering, native
from jaxconv._tree import with_leaves
from jaxconv.fusion import fuse_conv_bn

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
        pairs: as of `fuse_conv_bn`: which BatchNorms to fold. None for all that it finds itself.
        constants: whether the parameters are part of the program. If `tune`, both are tried.
        cache: the file. By default the environment variable JAXCONV_CACHE, else ~/.cache/jaxconv/tuned.json. Several
            processes may write it at once. One that is damaged, or of another program or version, is ignored with a
            warning and never overwritten. Of what stands in it, only what a candidate may hold is used.

    Raises:
        TypeError: a model of another kind.
        ValueError: no inputs; `pairs` that cannot be folded.
    """
    if not example_inputs:
        raise ValueError("`example_inputs`: at least one is needed to know the shapes")
    model, function, state = _parts(model, pairs, example_inputs)
    setting = Setting(constants=constants and not tune)
    base = _lowered(function, state, example_inputs, setting)
    if not tune:
        return Compiled(model, setting, {}, _runner(base, state, setting))
    place, key = _compile_cache.place(cache), _key(base)
    known = _compile_cache.read(place, _accepted) if place is not None else {}
    if key in known:
        setting = known[key]
        low = _lowered(function, state, example_inputs, setting)
        return Compiled(model, setting, {}, _runner(low, state, setting))
    found = _tuned(function, state, example_inputs)
    setting = min(found, key=lambda s: found[s][0])
    if place is None:
        warnings.warn(
            "what was measured is not remembered: there is no home directory; give a file as `cache` or in the "
            "environment variable JAXCONV_CACHE",
            stacklevel=2,
        )
    else:
        _compile_cache.remember(place, key, asdict(setting), _accepted)
    return Compiled(model, setting, {s: ms for s, (ms, _) in found.items()}, found[setting][1])


def _parts(model: Any, pairs: Any, inputs: tuple[Any, ...]) -> tuple[Any, Callable[..., Any], Any]:
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
        module, variables = _linen_inference.fuse(model[0], model[1], pairs, inputs)
        return (module, variables), lambda variables, *inputs: module.apply(variables, *inputs), variables
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
    text = repr((_compile_cache.machine(), lowered.as_text()))
    return hashlib.sha256(text.encode()).hexdigest()


def _accepted(entry: Any) -> Setting:
    """A setting from a file. Only what a candidate may hold: XLA has options that write files or change results.

    Raises:
        ValueError: it holds something else.
    """
    first, second = _CANDIDATES.get(jax.default_backend(), ((Setting(),), ()))
    lowerings = {setting.lowering for setting in (*first, *second)}
    options = {(n, type(v), v) for setting in (*first, *second) for n, v in setting.options}
    if not (isinstance(entry, dict) and {*entry} == {"lowering", "options", "constants"}):
        raise ValueError("an entry is not made of lowering, options and constants")
    lower, given, constants = entry["lowering"], entry["options"], entry["constants"]
    if not (lower is None or isinstance(lower, str)) or lower not in lowerings:
        raise ValueError(f"no candidate has the lowering {lower!r:.40}")
    if not isinstance(constants, bool) or not isinstance(given, list) or len(given) > len(options):
        raise ValueError("an entry's options are no list, or its constants no bool")
    for option in given:
        pair = isinstance(option, list) and len(option) == 2 and all(isinstance(x, str | int) for x in option)
        if not pair or (option[0], type(option[1]), option[1]) not in options:
            raise ValueError(f"no candidate has the option {option!r:.80}")
    return Setting(lower, tuple((n, v) for n, v in given), constants)
