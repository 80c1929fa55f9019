"""The file of a compiled model: a .safetensors file with the parameters, the programs, and what they are as JSON.

A program is machine code, and no check makes machine code of a stranger harmless. So the file is read only when the
caller names its SHA-256 or says that it is trusted, and no byte of it reaches XLA before all of it has been found
undamaged.
"""

import hashlib
import hmac
import io
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import IO, Any

import jax
import numpy as np

from jaxconv._compiled import machine, structure
from jaxconv._compiled.inputs import Inputs
from jaxconv._compiled.setting import Setting
from jaxconv._compiled.structure import listed
from jaxconv._files import detect, safetensors
from jaxconv._files.arrays import SAFETENSORS
from jaxconv._files.limits import Budget, Damaged
from jaxconv._files.save import replace_file

_PROGRAM, _VERSION = "jaxconv.Compiled", 2
_DOCUMENT, _DIGEST = "compiled.json", "sha256"
_KEYS = {"program", "version", "needs", "setting", "inputs", "sizes", "outputs", "state"}


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes:
        setting: how the model was compiled.
        inputs: what it takes.
        programs: an executable as bytes, and the structure of its outputs, by batch size.
        state: the parameters in the order in which the programs take them.
        uses_kernels: whether a program calls jaxconv's kernels.
    """

    setting: Setting
    inputs: Inputs
    programs: Mapping[int | None, tuple[bytes, Any]]
    state: list[np.ndarray]
    uses_kernels: bool = False


def save(contents: Contents, path: str | os.PathLike[str]) -> str:
    """Writes the file. Returns its SHA-256.

    Raises:
        TypeError: a structure or dtype that it cannot hold.
    """
    if odd := sorted({a.dtype.name for a in contents.state} - {*SAFETENSORS}):
        raise TypeError(
            f"the model has parameters of {', '.join(odd)}, which a .safetensors file cannot hold"
        )
    programs = contents.programs.items()
    document = {
        "program": _PROGRAM,
        "version": _VERSION,
        "needs": machine.needed(contents.uses_kernels),
        "setting": asdict(contents.setting),
        "inputs": structure.encoded("inputs", contents.inputs.example),
        "sizes": [size for size, _ in programs],
        "outputs": [structure.encoded("the result", outputs) for _, (_, outputs) in programs],
        "state": len(contents.state),
    }
    arrays = {_DOCUMENT: np.frombuffer(json.dumps(document).encode(), np.uint8)}
    arrays |= {f"program.{i}": np.frombuffer(data, np.uint8) for i, (_, (data, _)) in enumerate(programs)}
    arrays |= {f"state.{i}": array for i, array in enumerate(contents.state)}
    header, ordered = safetensors.header_of(arrays, {_DIGEST: digest(arrays)})
    whole = hashlib.sha256()

    def write(file: IO[bytes]) -> None:
        for piece in (header, *map(_bytes, ordered)):
            whole.update(piece)
            file.write(piece)

    replace_file(path, write)
    return whole.hexdigest()


def load(path: str | os.PathLike[str], sha256: str | None, trust: bool) -> Contents:
    """Reads the file, and checks that it is undamaged, the one that is meant, and fits this machine.

    Raises:
        TypeError, ValueError: as `jaxconv.load_compiled`.
    """
    _check_trust(path, sha256, trust)
    opened, size = detect.opened(path, None)
    with opened:
        budget = Budget(None, size)
        if sha256 is not None:
            # Read once: what is hashed is what is used, whoever writes to the file meanwhile.
            budget.charge(size, "the file")
            data = opened.read(size)
            if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), sha256.lower()):
                raise ValueError(f"{os.fspath(path)} is not the file with the SHA-256 {sha256}")
            opened.close()
            opened, size = io.BytesIO(data), len(data)
        try:
            arrays, metadata = safetensors.read(opened, size, budget)
            if sha256 is None and metadata.get(_DIGEST) != digest(arrays):
                raise Damaged("its contents are not those that were written")
            return _contents(arrays, os.fspath(path))
        except Damaged as error:
            raise ValueError(
                f"{os.fspath(path)} is not a valid file of a compiled model: {error}. Compiled.save writes one"
            ) from None


def _check_trust(path: Any, sha256: Any, trust: Any) -> None:
    if not isinstance(trust, bool):
        raise TypeError(f"`trust` (={trust!r}) must be a bool")
    if sha256 is not None and not (isinstance(sha256, str) and re.fullmatch("[0-9a-fA-F]{64}", sha256)):
        raise ValueError(
            f"`sha256` (={sha256!r}) must be 64 hexadecimal digits, as Compiled.save returns them"
        )
    if sha256 is None and not trust:
        raise ValueError(
            f"{os.fspath(path)} holds machine code, which this process would run. Pass `sha256`, the text that "
            f"Compiled.save returned, or `trust=True` if only you can write the file"
        )


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Returns the SHA-256 of the names, dtypes, shapes and bytes, which stands in the file."""
    header, ordered = safetensors.header_of(arrays, {})
    whole = hashlib.sha256(header)
    for array in ordered:
        whole.update(_bytes(array))
    return whole.hexdigest()


def _bytes(array: np.ndarray) -> Any:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _contents(arrays: dict[str, np.ndarray], path: str) -> Contents:
    document = _document(arrays)
    sizes, outputs, count = listed(document["sizes"]), listed(document["outputs"]), document["state"]
    names = [_DOCUMENT, *(f"program.{i}" for i in range(len(sizes)))]
    if type(count) is not int or not 0 <= count <= len(arrays):
        raise Damaged("it does not say how many parameters it has")
    names += [f"state.{i}" for i in range(count)]
    if (
        {*names} != {*arrays}
        or len(sizes) != len(outputs)
        or any(arrays[n].ndim != 1 for n in names[: len(sizes) + 1])
    ):
        raise Damaged("its arrays are not those that it lists")
    fixed = sizes == [None]
    if not fixed and not (
        sizes and all(type(n) is int and n > 0 for n in sizes) and sizes == sorted({*sizes})
    ):
        raise Damaged("its batch sizes are invalid")
    machine.check(document["needs"], path)
    example = structure.decoded(document["inputs"])
    if not isinstance(example, tuple) or not jax.tree.leaves(example):
        raise Damaged("its inputs must be a tuple of arrays")
    inputs = Inputs.of(example, () if fixed else tuple(sizes))
    if not fixed and any(not kind.shape for kind in inputs.types):
        raise Damaged("an input has no batch")
    results = [structure.decoded(entry) for entry in outputs]
    programs = {size: (arrays[f"program.{i}"].tobytes(), results[i]) for i, size in enumerate(sizes)}
    state = [arrays[f"state.{i}"] for i in range(count)]
    dtypes = {leaf.dtype for leaf in (*inputs.types, *jax.tree.leaves(results), *state)}
    if wide := sorted(str(dtype) for dtype in dtypes if jax.dtypes.canonicalize_dtype(dtype) != dtype):
        raise ValueError(f"{path} has arrays of {', '.join(wide)}; set jax_enable_x64 before you load it")
    return Contents(_setting(document["setting"]), inputs, programs, state)


def _document(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    text = arrays.get(_DOCUMENT)
    if text is None or text.dtype != np.uint8:
        raise Damaged(f"it has no {_DOCUMENT}")
    try:
        document = json.loads(text.tobytes().decode())
    except (ValueError, RecursionError) as error:
        raise Damaged(f"its {_DOCUMENT} is not JSON ({type(error).__name__})") from None
    if not isinstance(document, dict) or document.get("program") != _PROGRAM:
        raise Damaged(f"its {_DOCUMENT} is of another program")
    if document.get("version") != _VERSION:
        raise Damaged(f"its version is {document.get('version')!r:.20}, and this jaxconv reads {_VERSION}")
    if {*document} != _KEYS:
        raise Damaged(f"its {_DOCUMENT} must have exactly {', '.join(sorted(_KEYS))}")
    return document


def _setting(entry: Any) -> Setting:
    """It is shown, not used."""
    if not isinstance(entry, dict) or {*entry} != {"lowering", "options", "constants", "blocks"}:
        raise Damaged("its setting is invalid")
    lowering, options = entry["lowering"], listed(entry["options"])
    constants, blocks = entry["constants"], entry["blocks"]
    pairs = [tuple(listed(pair)) for pair in options]
    good = all(
        len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], str | int) for pair in pairs
    )
    flags = isinstance(constants, bool) and isinstance(blocks, bool)
    if not good or not flags or not isinstance(lowering, str | None):
        raise Damaged("its setting is invalid")
    return Setting(lowering, tuple((name, value) for name, value in pairs), constants, blocks)
