"""Inference compiled ahead of time, in the fastest of a few ways to write the same program."""

import hashlib
import os
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import jax
from flax import linen, nnx

from jaxconv import _compile_cache, _linen_inference
from jaxconv._compiled import Compiled, Program, Setting, batch, inputs
from jaxconv._lower import native
from jaxconv._programs import Programs
from jaxconv._tree import with_leaves
from jaxconv.fusion import fuse_conv_bn

_ROUNDS = 15
"""How often each candidate is run; the median counts."""

_CODE = (
    Setting(options=(("xla_cpu_use_fusion_emitters", False),)),
    Setting(options=(("xla_cpu_prefer_vector_width", 512),)),
)
"""What made a difference for what XLA computes between convolutions: its older code generator, wider vectors."""

_CANDIDATES: dict[str, tuple[tuple[Setting, ...], tuple[Setting, ...]]] = {
    "cpu": ((Setting(), Setting(blocks=False), Setting("xla"), *_CODE), ()),
    # Eigen's convolutions instead of YNNPACK's; and once weights are constants, turning them costs nothing.
    "cpu without kernels": (
        (
            Setting(),
            Setting("direct"),
            Setting(options=(("xla_cpu_experimental_ynn_fusion_type", "LIBRARY_FUSION_TYPE_DOT"),)),
            *_CODE,
        ),
        (Setting("channels_last", constants=True),),
    ),
}
"""By platform what is tried first, and what is tried beside the fastest of that.

With the kernels, what is tried without them was never the fastest of the eight networks of benchmarks/networks.py.
"""


def _candidates() -> tuple[tuple[Setting, ...], tuple[Setting, ...]]:
    platform = jax.default_backend()
    if platform == "cpu" and native.isa() is None:
        platform = "cpu without kernels"
    return _CANDIDATES.get(platform, ((Setting(),), ()))


def compile(
    model: Any,
    *example_inputs: Any,
    tune: bool = False,
    pairs: Iterable[tuple[str, str]] | None = None,
    constants: bool = False,
    cache: str | os.PathLike[str] | None = None,
    batch_sizes: Sequence[int] | None = None,
) -> Compiled:
    """Compiles a model for inference, for inputs like the examples; `model` stays as it is.

    Args:
        model: an NNX module, or a pair (Linen module, variables).
        example_inputs: arrays, or jax.ShapeDtypeStruct unless `tune`.
        tune: whether to measure a few candidates (lowerings, compiler options, parameters as constants) on the examples
            and keep the fastest. The file `cache` remembers the choice for this program and machine.
        pairs: the BatchNorms to fold, as for `fuse_conv_bn`. None folds all that `fuse_conv_bn` finds itself.
        constants: whether the parameters are part of the program. If `tune`, both are tried.
        cache: the file. By default the environment variable JAXCONV_CACHE, else ~/.cache/jaxconv/tuned.json. Several
            processes may write it at once. A file that is damaged, or of another program or version, is ignored
            with a warning and never overwritten. Only settings that are among the candidates are read from it.
        batch_sizes: the batches to compile a program for, such as (1, 8, 32). Dimension 0 of every input and every
            result is the batch. A call with N samples is padded with zeros to the next larger size. `tune`
            measures the largest and uses its setting for all. None compiles for the examples' shapes only.

    Returns:
        A `Compiled`: call it, or `save` it.

    Raises:
        TypeError: a model of another kind; `batch_sizes` that are no ints.
        ValueError: no inputs; `pairs` that cannot be folded; `batch_sizes`, and inputs or results without a batch, or a
            network in which the samples of a batch influence each other.
    """
    if not example_inputs:
        raise ValueError("`example_inputs`: at least one is needed to know the shapes")
    sizes = batch.sizes_of(batch_sizes)
    taken = inputs.described(example_inputs, sizes)
    model, function, state = _parts(model, pairs, example_inputs)
    examples = {
        size: example_inputs
        if size is None
        else jax.tree.map(lambda x: inputs.resized(x, size), example_inputs)  # noqa: B023
        for size in sizes or (None,)
    }
    source = Programs(function, state)
    measured = [*examples][-1]
    setting = Setting(constants=constants and not tune)
    found: dict[Setting, tuple[float, Program]] = {}
    if tune:
        setting, found = _fastest(source, examples[measured], cache)
    programs = source.of_sizes(examples, setting, {measured: found[setting][1]} if found else {})
    if sizes:
        batch.check(programs, taken)
    milliseconds = {s: ms for s, (ms, _) in found.items()}
    parameters = () if setting.constants else next(iter(programs.values())).parameters
    return Compiled(model, setting, milliseconds, programs, taken, parameters)


def _fastest(
    programs: Programs, example: Any, cache: Any
) -> tuple[Setting, dict[Setting, tuple[float, Program]]]:
    """The setting, and what was measured, which is nothing if the cache knows the setting."""
    place = _compile_cache.place(cache)
    key = _key(programs.lowered(example, Setting())[0])
    known = _compile_cache.read(place, _accepted) if place is not None else {}
    if key in known:
        return known[key], {}
    found = _tuned(programs, example)
    setting = min(found, key=lambda s: found[s][0])
    if place is None:
        warnings.warn(
            "what was measured is not remembered: there is no home directory; give a file as `cache` or in the "
            "environment variable JAXCONV_CACHE",
            stacklevel=3,
        )
    else:
        _compile_cache.remember(place, key, asdict(setting), _accepted)
    return setting, found


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


def _tuned(programs: Programs, inputs: Any) -> dict[Setting, tuple[float, Program]]:
    """Milliseconds and program of each candidate."""
    first, second = _candidates()
    found = _measured(programs, inputs, first)
    best = min(found, key=lambda s: found[s][0])
    # Once more beside the others, so that all are measured in the same minute.
    return found | _measured(programs, inputs, [best, replace(best, constants=True), *second])


def _measured(
    programs: Programs, inputs: Any, settings: Iterable[Setting]
) -> dict[Setting, tuple[float, Program]]:
    compiled = {}
    for setting in settings:
        try:
            program = programs.compiled(inputs, setting)
        except jax.errors.JaxRuntimeError:  # this XLA has not that option
            continue
        jax.block_until_ready(program.run(*inputs))
        compiled[setting] = program
    times: dict[Setting, list[float]] = {setting: [] for setting in compiled}
    for _ in range(_ROUNDS):
        for setting, program in compiled.items():
            start = time.perf_counter()
            jax.block_until_ready(program.run(*inputs))
            times[setting].append(time.perf_counter() - start)
    return {s: (1e3 * statistics.median(times[s]), program) for s, program in compiled.items()}


def _key(lowered: Any) -> str:
    """The program and the machine."""
    text = repr((_compile_cache.machine(), lowered.as_text()))
    return hashlib.sha256(text.encode()).hexdigest()


def _accepted(entry: Any) -> Setting:
    """A setting from a file. Only what a candidate may hold: XLA has options that write files or change results.

    Raises:
        ValueError: it holds something else.
    """
    first, second = _candidates()
    lowerings = {setting.lowering for setting in (*first, *second)}
    options = {(n, type(v), v) for setting in (*first, *second) for n, v in setting.options}
    if not (isinstance(entry, dict) and {*entry} == {"lowering", "options", "constants", "blocks"}):
        raise ValueError("an entry is not made of lowering, options, constants and blocks")
    lower, given, constants, blocks = (entry[n] for n in ("lowering", "options", "constants", "blocks"))
    if not (lower is None or isinstance(lower, str)) or lower not in lowerings:
        raise ValueError(f"no candidate has the lowering {lower!r:.40}")
    if not (isinstance(constants, bool) and isinstance(blocks, bool)):
        raise ValueError("an entry's constants and blocks must be bools")
    if not isinstance(given, list) or len(given) > len(options):
        raise ValueError("an entry's options must be a list")
    for option in given:
        pair = isinstance(option, list) and len(option) == 2 and all(isinstance(x, str | int) for x in option)
        if not pair or (option[0], type(option[1]), option[1]) not in options:
            raise ValueError(f"no candidate has the option {option!r:.80}")
    return Setting(lower, tuple((n, v) for n, v in given), constants, blocks)
