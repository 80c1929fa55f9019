"""What a recording's header must be: everything in it is checked before anything is made of it."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import torch

from parity._bounds.tolerance import Arithmetic
from parity._torch.original import MANY
from parity._torch.recording_check import Checker, Invalid, inexact
from parity._torch.recording_layers import LAYERS, misfits

VERSION = 2

_LEVELS = 64
"""How deeply modules may be nested."""
_KEYS = {
    *("version", "torch", "seed", "random", "modules", "inputs", "outputs"),
    *("cotangents", "theirs", "wanted", "calls", "distances"),
}
_IN_EVERY_MODULE = torch.nn.Module()


def validate(header: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Checks a whole header against the arrays that lie next to it.

    Raises:
        Invalid: it is none of `parity.record`; all problems are listed.
    """
    if not isinstance(header, dict):
        raise Invalid([f"the header is a {type(header).__name__}, not a dict"])
    if header.get("version") != VERSION:
        raise Invalid([f"its version is {header.get('version')!r:.40}, not {VERSION}"])
    if odd := sorted(_KEYS ^ {*header}):
        missing = [key for key in odd if key not in header]
        unknown = [f"{key!r:.40}" for key in odd if key in header]
        raise Invalid([f"the header lacks {missing} and has unknown keys {unknown}"])
    check = _Check(arrays)
    check.that(isinstance(header["torch"], str), "torch: must be the version as a str")
    seed = header["seed"]
    check.that(_count(seed), "seed: must be an int that is not negative")
    check.that(isinstance(header["random"], bool), "random: must be a bool")
    leaves = check.modules(header["modules"])
    check.results(header)
    calls = header["calls"]
    if check.that(isinstance(calls, list), "calls: must be a list"):
        for i, call in enumerate(calls):
            check.call(f"calls[{i}]", call, leaves)
    check.distances(header["distances"])
    if check.problems:
        raise Invalid(check.problems)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


class _Check(Checker):
    """The parts of a header."""

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        super().__init__(arrays)
        self.parameters: list[tuple[str, str]] = []  # of the whole network, by each path: the array's name
        self._floating_results: set[str] | None = None
        self._opaque: set[str] = set()  # paths of modules that whoever compares cannot run

    def modules(self, entries: Any) -> set[str]:
        """The network; returns the paths of its layers."""
        if not self.that(isinstance(entries, list) and bool(entries), "modules: must be a list with entries"):
            return set()
        before = len(self.problems)
        first: dict[str, str] = {}  # of each path, the first that the same module has
        children: dict[str, dict[str, str]] = {}
        owned: dict[str, dict[str, Any]] = {}
        for i, entry in enumerate(entries):
            where = f"modules[{i}]"
            if not self.that(isinstance(entry, dict), f"{where}: must be a dict, is {entry!r:.80}"):
                return set()
            name = entry.get("name")
            if not self.that(isinstance(name, str), f"{where}: name (={name!r:.80}) must be a str"):
                return set()
            parent, _, own = name.rpartition(".")
            placed = name == "" if i == 0 else self._may_be_child(own) and parent in first
            placed = placed and name not in first and name.count(".") < _LEVELS
            if not self.that(placed, f"{where}: name (={name!r:.80}) has no place in the network"):
                return set()
            if "same" in entry:
                same = entry["same"]
                good = {*entry} == {"name", "same"} and isinstance(same, str) and same in first and i > 0
                if not self.that(good, f"{where}: same (={same!r:.80}) must be the path of a module before"):
                    return set()
                first[name] = first[same]
            else:
                first[name] = name
                children[name] = {}
                self.module(where, entry)
                owned[name] = entry.get("parameters", {})
            if name:
                children[first[parent]][own] = first[name]
        # All paths, in torch's order. Lazily: modules that hold each other have no end of them.
        walk = _walk(children)
        if not all(next(walk, None) == entry["name"] for entry in entries) or next(walk, None) is not None:
            self.problems.append("modules: the paths are not those of one network, in its order")
        if len(self.problems) > before:
            return set()
        self.parameters = [
            (f"{path}.{own}".lstrip("."), held["array"])
            for path, module in first.items()
            for own, held in owned[module].items()
            if held is not None
        ]
        described = {e["name"] for e in entries if e.get("attributes") is not None}
        self._opaque = {path for path, module in first.items() if module not in described}
        return {path for path, module in first.items() if not children[module]}

    @staticmethod
    def _may_be_child(own: str) -> bool:
        return bool(own) and len(own) <= 200 and not hasattr(_IN_EVERY_MODULE, own)

    def module(self, where: str, entry: Mapping[str, Any]) -> None:
        keys = {"name", "module", "class", "training", "attributes", "parameters", "buffers", "unsaved"}
        if not self.that({*entry} == keys, f"{where}: must have the keys {sorted(keys)}"):
            return
        home, kind = entry["module"], entry["class"]
        last = kind.rpartition(".")[2] if isinstance(kind, str) else ""
        named = isinstance(home, str) and len(home) <= 500 and home.isprintable() and last.isidentifier()
        if not self.that(named, f"{where}: {home!r:.80}, {kind!r:.80} are not the names of a class"):
            return
        self.that(isinstance(entry["training"], bool), f"{where}: training must be a bool")
        tensors = {}
        for what in ("parameters", "buffers"):
            if self.that(isinstance(entry[what], dict), f"{where}: {what} must be a dict"):
                tensors[what] = entry[what]
                for name, held in entry[what].items():
                    good = (
                        self._may_be_child(name)
                        and "." not in name
                        and (what == "parameters" or name not in tensors.get("parameters", {}))
                    )
                    self.that(good, f"{where}: {what} cannot have the name {name!r:.80}")
                    if held is not None:
                        self.array(f"{where}.{what}[{name!r:.80}]", held)
        unsaved = entry["unsaved"]
        self.that(
            isinstance(unsaved, list)
            and all(isinstance(n, str) and n in tensors.get("buffers", {}) for n in unsaved),
            f"{where}: unsaved must be a list of names of buffers",
        )
        if entry["attributes"] is not None and len(tensors) == 2:
            self._layer(where, f"{home}.{kind}", kind, entry["attributes"], tensors)

    def _layer(self, where: str, full: str, kind: str, attributes: Any, tensors: Any) -> None:
        layer = LAYERS.get(kind)
        home = full.removesuffix(f".{kind}")
        if layer is None or not home.startswith("torch.nn.modules."):
            self.problems.append(
                f"{where}: {full:.80} is not one of torch's layers that a recording describes"
            )
            return
        values = {name: self.plain(v) for name, v in self.items(f"{where}.attributes", attributes)}
        self.problems += [f"{where}: {text}" for text in misfits(layer, values)]
        for what, allowed in (("parameters", layer.parameters), ("buffers", layer.buffers)):
            self.that(
                {*tensors[what]} == allowed,
                f"{where}: the {what} of torch.nn.{kind} are {sorted(allowed)}, not {sorted(tensors[what])!r:.200}",
            )

    @staticmethod
    def plain(value: Any) -> Any:
        """An attribute: of numbers, names and tuples of these. Anything else fits no attribute."""
        if isinstance(value, dict) and len(value) == 1 and isinstance(value.get("tuple"), list):
            return tuple(value["tuple"])
        return value

    def results(self, header: Mapping[str, Any]) -> None:
        """The network's inputs, outputs and gradients."""
        inputs = self.arrays_in("inputs", header["inputs"])
        self.that(bool(inputs), "inputs: must not be empty")
        outputs = self.arrays_in("outputs", header["outputs"])
        self.that(bool(outputs), "outputs: must not be empty")
        inputs, outputs = ([a for a in arrays if inexact(a.dtype.name)] for arrays in (inputs, outputs))
        self._alike("cotangents", outputs, self.arrays_in("cotangents", header["cotangents"]))
        theirs, wanted = (self.named(name, header[name]) for name in ("theirs", "wanted"))
        if not self.problems:
            self._pair("theirs", theirs, "wanted", wanted)
            expected = [
                (n, a.shape) for n, a in zip(_names("output", len(outputs)), outputs, strict=True)
            ] + [(f"grad.{n}", a.shape) for n, a in zip(_names("input", len(inputs)), inputs, strict=True)]
            expected += [
                (f"grad.{path}", self.arrays[key].shape)
                for path, key in self.parameters
                if inexact(self.arrays[key].dtype.name)
            ]
            self._shapes("theirs", theirs, expected)
            self._floating_results = {name for name, a in wanted.items() if a.dtype.kind == "f"}

    def _pair(
        self, a_name: str, a: Mapping[str, np.ndarray], b_name: str, b: Mapping[str, np.ndarray]
    ) -> None:
        same = {n: x.shape for n, x in a.items()} == {n: x.shape for n, x in b.items()}
        self.that(same, f"{a_name} and {b_name}: names and shapes must be the same")

    def _alike(self, where: str, outputs: list[np.ndarray], cotangents: list[np.ndarray]) -> None:
        kinds = [[(a.shape, a.dtype) for a in arrays] for arrays in (outputs, cotangents)]
        self.that(kinds[0] == kinds[1], f"{where}: must have the outputs' shapes and dtypes")

    def _shapes(
        self, where: str, found: Mapping[str, np.ndarray], expected: Collection[tuple[str, tuple[int, ...]]]
    ) -> None:
        for name, shape in expected:
            held = found[name].shape if name in found else None
            self.that(held == shape, f"{where}[{name!r:.80}]: must be there with shape {shape}, is {held}")

    def call(self, where: str, call: Any, leaves: Collection[str]) -> None:
        """One call of a layer."""
        always = {"name", "args", "kwargs", "outputs", "cotangents"}
        good = isinstance(call, dict) and always <= {*call} <= always | {"theirs", "wide", "uncertainty"}
        if not self.that(good, f"{where}: must be a dict with the keys {sorted(always)}"):
            return
        name = call["name"]
        known = isinstance(name, str) and name.partition("#")[0] in leaves
        # Where the modules are wrong, that has been said.
        self.that(known or not leaves, f"{where}: name (={name!r:.80}) is not the path of a layer")
        args = call["args"]
        is_tuple = isinstance(args, dict) and [*args] == ["tuple"]
        if self.that(is_tuple, f"{where}.args: must be a tuple"):
            self.tree(f"{where}.args", args)
        if self.that(
            isinstance(call["kwargs"], dict) and [*call["kwargs"]] == ["dict"],
            f"{where}.kwargs: must be a dict",
        ):
            self.tree(f"{where}.kwargs", call["kwargs"])
        outputs = call["outputs"]
        good = isinstance(outputs, list) and all(map(_is_output, outputs))
        if not self.that(good, f"{where}.outputs: must be pairs of a shape and a floating dtype"):
            return
        cotangents = self.arrays_in(f"{where}.cotangents", call["cotangents"])
        kinds = [(tuple(shape), dtype) for shape, dtype in outputs]
        self.that(
            kinds == [(a.shape, a.dtype.name) for a in cotangents],
            f"{where}.cotangents: must have the outputs' shapes and dtypes",
        )
        if outputs:
            self._computed(where, call, kinds, known and name.partition("#")[0] in self._opaque)

    def _computed(
        self, where: str, call: Mapping[str, Any], kinds: list[tuple[Any, str]], is_opaque: bool
    ) -> None:
        computed = {
            k: self.named(f"{where}.{k}", call[k]) for k in ("theirs", "wide", "uncertainty") if k in call
        }
        if not self.that("theirs" in computed, f"{where}: lacks theirs, what torch's layer gave"):
            return
        needed = {"wide"} if is_opaque else set()
        needed |= {"uncertainty"} if is_opaque and kinds[0][1] == "float64" else set()
        self.that(needed <= {*computed}, f"{where}: lacks {sorted(needed)}, which this layer cannot compute")
        shapes = [(n, shape) for n, (shape, _) in zip(_names("output", len(kinds)), kinds, strict=True)]
        self._shapes(f"{where}.theirs", computed["theirs"], shapes)
        if "wide" in computed:
            self._pair(f"{where}.theirs", computed["theirs"], "wide", computed["wide"])
        for name, value in computed.get("uncertainty", {}).items():
            fits = name in computed["theirs"] and value.shape in ((), computed["theirs"][name].shape)
            self.that(fits, f"{where}.uncertainty[{name!r:.80}]: no result has this name and shape")

    def distances(self, entries: Any) -> None:
        """How far rounding carries the results."""
        if not self.that(isinstance(entries, list), "distances: must be a list"):
            return
        names = {f.name for f in fields(Arithmetic)}
        for i, entry in enumerate(entries):
            where = f"distances[{i}]"
            good = isinstance(entry, dict) and {*entry} == {"arithmetic", "samples"}
            if not self.that(good, f"{where}: must be a dict with arithmetic and samples"):
                continue
            how, samples = entry["arithmetic"], entry["samples"]
            good = isinstance(how, dict) and {*how} == names
            good = good and all(
                isinstance(v, bool) if n == "nearest" else _distance(v) or (n == "sums" and v is None)
                for n, v in how.items()
            )
            self.that(good, f"{where}.arithmetic: must have the numbers {sorted(names)}")
            good = isinstance(samples, dict) and all(
                isinstance(s, list) and len(s) == MANY and all(map(_distance, s)) for s in samples.values()
            )
            if self.that(good, f"{where}.samples: must be {MANY} distances for each result"):
                results = self._floating_results
                self.that(
                    results is None or {*samples} == results,
                    f"{where}.samples: must be of the floating results in wanted",
                )


def _names(kind: str, count: int) -> list[str]:
    return [kind] if count == 1 else [f"{kind}.{i}" for i in range(count)]


def _distance(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and (math.isnan(value) or value >= 0)


def _is_output(value: Any) -> bool:
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], list)):
        return False
    shape, dtype = value
    return all(map(_count, shape)) and isinstance(dtype, str) and inexact(dtype)


def _walk(children: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """The paths below the network, parents first, in the order of their assignment; perhaps without an end."""
    stack = [("", "")]
    while stack:
        path, module = stack.pop()
        yield path
        prefix = f"{path}." if path else ""
        stack += [(prefix + own, child) for own, child in reversed([*children[module].items()])]
