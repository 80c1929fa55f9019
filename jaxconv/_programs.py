"""A model as programs of XLA's, written and compiled in the ways that `jaxconv.compile` has."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax

from jaxconv._compiled import Program, Setting
from jaxconv._inference.layers import Layers
from jaxconv._inference.parameters import Split
from jaxconv._lower import lowering, native


class Programs:
    """Makes programs of a function of (parameters, *inputs).

    Tracing takes as long as compiling, so what was traced is kept.
    """

    def __init__(self, function: Callable[..., Any], parameters: Any) -> None:
        self._function, self._parameters = function, parameters
        self._layers: dict[Any, Layers] = {}
        self._splits: dict[Any, tuple[Split, dict[str, Any]]] = {}

    def _written(self, inputs: Any, setting: Setting) -> tuple[Split, dict[str, Any]]:
        """The program, and what is prepared for it."""
        shapes = str(jax.tree.map(jax.typeof, inputs))
        key = setting.lowering, setting.blocks, shapes
        if key not in self._splits:
            with under(setting):
                if (setting.lowering, shapes) not in self._layers:
                    self._layers[setting.lowering, shapes] = Layers(
                        self._function, (self._parameters, *inputs)
                    )
                written = self._layers[setting.lowering, shapes].function(lanes=lanes(setting))
                split = Split(written, self._parameters, inputs)
                self._splits[key] = split, split.prepare(self._parameters)
        return self._splits[key]

    def lowered(self, inputs: Any, setting: Setting, more: Any = ()) -> tuple[Any, dict[str, Any]]:
        """The program before it is compiled, and its parameters; with `more`, which it does not use."""
        split, prepared = self._written(inputs, setting)
        prepared = dict(more) | prepared
        with under(setting):
            if setting.constants:
                whole = jax.jit(lambda *inputs: split.function(prepared, *inputs), keep_unused=True)
                return whole.lower(*inputs), prepared
            # All parameters stay arguments, used or not: so a file needs no list of those that are.
            return jax.jit(split.function, keep_unused=True).lower(prepared, *inputs), prepared

    def compiled(self, inputs: Any, setting: Setting, more: Any = ()) -> Program:
        """The program."""
        lowered, parameters = self.lowered(inputs, setting, more)
        made = lowered.compile(compiler_options=dict(setting.options))
        outputs = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), lowered.out_info)
        run = made if setting.constants else lambda *inputs: made(parameters, *inputs)
        return Program(run, made.runtime_executable(), outputs, parameters)

    def of_sizes(
        self, examples: Mapping[Any, Any], setting: Setting, known: Mapping[Any, Program]
    ) -> dict[Any, Program]:
        """Programs for inputs of several sizes, which take the same parameters.

        Args:
            examples: inputs by size.
            setting: how they are compiled.
            known: programs that are compiled already.
        """
        union: dict[str, Any] = {}
        for inputs in examples.values():
            union |= self._written(inputs, setting)[1]
        found = {size: p for size, p in known.items() if p.parameters.keys() == union.keys()}
        return {
            size: found[size] if size in found else self.compiled(inputs, setting, union)
            for size, inputs in examples.items()
        }


def under(setting: Setting) -> AbstractContextManager[Any]:
    """The context in which a setting's programs are traced and lowered."""
    return lowering(setting.lowering) if setting.lowering else nullcontext()


def lanes(setting: Setting) -> int:
    """The channels of a block, or 0 if nothing is in blocks."""
    return native.lanes() if setting.blocks and jax.default_backend() == "cpu" else 0
