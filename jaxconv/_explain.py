"""Which lowering every convolution of a model gets, and why."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
from flax import linen, nnx

from jaxconv._compiled import Compiled
from jaxconv._inference.layers import Layer, Layers
from jaxconv._lower import gpu, native
from jaxconv._lower.choice import NATIVE, Choice, choose, forced_one
from jaxconv._lower.product import Product
from jaxconv._lower.watch import Seen, watching
from jaxconv._programs import lanes, under


@dataclass(frozen=True)
class Explained:
    """One convolution.

    Attributes:
        layer: its path in the model, as of its parameters; '' where no layer called it.
        what: the convolution in words. A transposed one is another's gradient with respect to its input, and has its
            lowerings.
        y: the lowering of the convolution itself, and why.
        x: likewise of its gradient with respect to the input.
        weight: likewise of its gradient with respect to the weight.
        epilogue: of a compiled model: what follows the convolution and is computed with it, such as 'bias + relu'.
    """

    layer: str
    what: str
    y: Choice
    x: Choice
    weight: Choice
    epilogue: str = ""


@dataclass(frozen=True)
class Explanation:
    """What `explain` found; as a str a table.

    Attributes:
        platform: that of `jax.default_backend()`.
        remark: that the kernels for CPUs are missing, if they are.
        convolutions: in the order of their calls.
        compiled: whether it is of a compiled model: then the table says what is computed with each convolution, and
            leaves the gradients out.
    """

    platform: str
    convolutions: tuple[Explained, ...]
    remark: str = ""
    compiled: bool = False

    def __str__(self) -> str:
        if self.compiled:
            return self._for_inference()
        head = ("layer", "convolution", "y", "dx", "dweight", "why")
        rows = [(c.layer, c.what, c.y.name, c.x.name, c.weight.name, _reasons(c)) for c in self.convolutions]
        return self._table([head, *rows])

    def _for_inference(self) -> str:
        head = ("layer", "convolution", "y", "computed with it", "why")
        rows = [(c.layer, c.what, c.y.name, c.epilogue, c.y.why) for c in self.convolutions]
        counts = Counter(c.epilogue for c in self.convolutions if c.epilogue)
        words = ", ".join(f"{n} with {epilogue}" for epilogue, n in counts.most_common())
        summary = f"\n{counts.total()} of {len(rows)}: {words}" if counts else ""
        return f"{self._table([head, *rows])}{summary}"

    def _table(self, rows: Sequence[tuple[str, ...]]) -> str:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        return "\n".join([f"on {self.platform}{self.remark}", *lines])


def explain(model: Any, *inputs: Any, **options: Any) -> Explanation:
    """Shows the lowering of each convolution of `model(*inputs, **options)` on the default platform, and the reason.

    For a model that `jaxconv.compile` returned, leave out the inputs. The result then also shows which operations the
    kernels compute together with each convolution. If the model was compiled under `jaxconv.lowering`, call `explain`
    under the same lowering.

    The model is traced and computes nothing. The result is for a program on one device. A program that is exported, or
    sharded over several devices, does not call the kernels ('native'); it gets the lowerings of `lowering("xla")`.

    Args:
        model: an NNX module, a pair (Linen module, variables), or any function of arrays, such as
            `functools.partial(module.apply, variables)`. Or a `Compiled`.
        inputs: arrays, or `jax.ShapeDtypeStruct`s.
        options: keyword arguments of the model.

    Returns:
        An `Explanation`; print it.

    Raises:
        TypeError: `model` is something else.
        ValueError: `model` was loaded from a file, or is compiled and there are inputs as well.
    """
    if isinstance(model, Compiled):
        return _compiled(model, inputs)
    if isinstance(model, tuple) and len(model) == 2 and isinstance(model[0], linen.Module):
        model = partial(model[0].apply, model[1])
    if not callable(model):
        raise TypeError(
            "`model` must be an NNX module, a pair (Linen module, variables) or a function, got "
            f"{type(model).__name__}"
        )
    paths: dict[int, str] = {}

    def run(model: Any, *inputs: Any) -> Any:
        if isinstance(model, nnx.Module):
            paths.update({id(m): ".".join(map(str, path)) for path, m in nnx.iter_modules(model)})
        return model(*inputs, **options)

    with watching() as seen:
        if isinstance(model, nnx.Module):
            nnx.eval_shape(run, model, *inputs)
        else:
            jax.eval_shape(lambda *inputs: run(model, *inputs), *inputs)
    platform = jax.default_backend()
    missing = platform == "cpu" and native.isa() is None
    remark = f", without the kernels: {native.kernels().reason}" if missing else ""
    return Explanation(platform, tuple(_explained(s, paths, platform) for s in seen), remark)


def _compiled(compiled: Compiled, inputs: tuple[Any, ...]) -> Explanation:
    if compiled.model is None:
        raise ValueError(
            "`model` was loaded from a file, which has only its programs: call explain on the model that was saved"
        )
    if inputs:
        raise ValueError("`inputs` must be left out for a compiled model, which has its own")
    args = compiled.examples
    with under(compiled.setting):
        found = explain(compiled.model, *args)
        if isinstance(compiled.model, nnx.Module):
            graph, state = nnx.split(compiled.model)
            layers = Layers(lambda state, *args: nnx.merge(graph, state)(*args), (state, *args)).layers
        else:
            module, variables = compiled.model
            layers = Layers(module.apply, (variables, *args)).layers
    if len(layers) != len(found.convolutions):  # some are in loops
        return replace(found, compiled=True)
    block = lanes(compiled.setting)
    return replace(
        found,
        compiled=True,
        convolutions=tuple(
            _of_kernel(c, layer, block) if c.y.name == NATIVE else c
            for c, layer in zip(found.convolutions, layers, strict=True)
        ),
    )


def _of_kernel(c: Explained, layer: Layer, block: int) -> Explained:
    y = Choice(NATIVE, f"in blocks of {block} channels") if layer.in_blocks(block) else c.y
    return replace(c, y=y, epilogue=str(layer.epilogue or ""))


def _explained(seen: Seen, paths: dict[int, str], platform: str) -> Explained:
    layer = seen.layer
    path = ".".join(layer.path) if isinstance(layer, linen.Module) else paths.get(id(layer), "")

    def choice(wanted: str) -> Choice:
        product = replace(seen.product, wanted=wanted)
        if platform == "gpu":
            return gpu.choose(product, seen.dtype, seen.forced)
        if platform != "cpu":
            own = Choice("direct", f"XLA's own convolution is the default on {platform}")
            return forced_one(product, seen.forced) or own
        return choose(product, seen.batch, seen.dtype, seen.forced, native.isa() is not None)

    forward = seen.product.wanted
    backward = "y" if forward == "x" else "x"
    return Explained(
        path, _in_words(seen.product, seen.batch), choice(forward), choice(backward), choice("weight")
    )


def _in_words(p: Product, batch: Any) -> str:
    def times(numbers: Any) -> str:
        return "x".join(map(str, numbers))

    spec = p.spec
    if p.wanted == "x":
        words, size = [f"transposed {spec.out_channels}>{spec.in_channels}"], p.out
    else:
        words, size = [f"{spec.in_channels}>{spec.out_channels}"], p.size
    words += [times(spec.kernel_size)]
    words += [f"stride {times(spec.stride)}"] if set(spec.stride) != {1} else []
    words += [f"dilation {times(spec.dilation)}"] if set(spec.dilation) != {1} else []
    words += [f"{spec.groups} groups"] if spec.groups > 1 else []
    return " ".join([*words, f"@{times(size)}", f"batch {batch}"])


def _reasons(c: Explained) -> str:
    """Each reason once, for what it holds."""
    reasons: dict[str, list[str]] = {}
    for name, choice in (("y", c.y), ("dx", c.x), ("dweight", c.weight)):
        reasons.setdefault(choice.why, []).append(name)
    if len(reasons) == 1:
        return next(iter(reasons))
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
