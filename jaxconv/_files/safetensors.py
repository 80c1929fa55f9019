"""The .safetensors format: a length, names and places as JSON, and the data."""

import json
import struct
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from jaxconv._files.arrays import SAFETENSORS
from jaxconv._files.limits import Budget, Damaged, Unshared
from jaxconv._files.values import product, sizes

_LONGEST = 100_000_000
"""Bytes of a header, as the format's own library has it."""
_BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E8M0": 8}


def read(file: IO[bytes], size: int, budget: Budget) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays in the header's order, read straight into their memory, and the `__metadata__`.

    A name that the metadata call an alias of an array (as safetensors.torch.save_model does of tied weights) is there
    too, with that array.

    Raises:
        Damaged: the file is no valid .safetensors file, or has dtypes that torch and JAX do not share.
    """
    header, start = _header(file, size)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise Damaged("__metadata__ must be names and texts")
    budget.objects(4 * len(header))
    places = _places(header, size - start)
    arrays: dict[str, np.ndarray] = {}
    for name, (dtype, shape, begin, end) in sorted(places.items(), key=lambda item: item[1][2:]):
        budget.charge(end - begin, f"{name:.60}")
        array = np.empty(shape, dtype)
        file.seek(start + begin)
        flat = array.reshape(-1).view(np.uint8)
        if end > begin and file.readinto(flat.data) != end - begin:  # type: ignore[attr-defined]
            raise Damaged(f"the file ends in {name!r:.80}")
        if dtype == "bool" and flat.max(initial=0) > 1:
            raise Damaged(f"{name!r:.80} is BOOL and holds other bytes than 0 and 1")
        arrays[name] = array
    arrays = {name: arrays[name] for name in header}
    aliases = {name: arrays[kept] for name, kept in metadata.items() if kept in arrays and name not in arrays}
    return arrays | aliases, metadata


def _header(file: IO[bytes], size: int) -> tuple[dict[str, Any], int]:
    if size < 8:
        raise Damaged(f"it must have at least 8 bytes, but has {size}")
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(size - 8, _LONGEST):
        raise Damaged(f"its header should have {length} bytes, but the file has only {size}")
    try:
        header = json.loads(file.read(length).decode(), object_pairs_hook=_without_doubles)
    except RecursionError:
        raise Damaged("its header is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise Damaged(f"its header is not UTF-8: {error.reason}") from None
    except ValueError as error:
        raise Damaged(f"its header is not JSON: {error}") from None
    if not isinstance(header, dict):
        raise Damaged("its header is not a JSON object")
    return header, 8 + length


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _places(header: Mapping[str, Any], size: int) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
    """dtype, shape, first byte and last of each array: of all bytes without a gap."""
    dtypes = {code: name for name, code in SAFETENSORS.items()}
    found: dict[str, tuple[str, tuple[int, ...], int, int]] = {}
    unknown: list[str] = []
    spans: list[tuple[int, int]] = []
    for name, entry in header.items():
        if not isinstance(entry, dict) or {*entry} != {"dtype", "shape", "data_offsets"}:
            raise Damaged(f"{name!r:.80} must have exactly dtype, shape and data_offsets")
        code, offsets = entry["dtype"], entry["data_offsets"]
        good = isinstance(code, str) and isinstance(offsets, list) and len(offsets) == 2
        if not good or not all(isinstance(n, int) and not isinstance(n, bool) for n in offsets):
            raise Damaged(f"{name!r:.80} has no dtype or data_offsets")
        shape, (begin, end) = sizes(entry["shape"]), offsets
        spans.append((begin, end))
        if not 0 <= begin <= end <= size:
            raise Damaged(f"{name!r:.80} lies at {begin} to {end} of {size} bytes")
        if code not in dtypes:
            unknown.append(f"{name!r:.80} ({code:.20})")
        elif product(shape) * np.dtype(dtypes[code]).itemsize != end - begin:
            raise Damaged(f"{name!r:.80} of shape {shape} and dtype {code} has {end - begin} bytes")
        else:
            found[name] = (dtypes[code], shape, begin, end)
    at = 0
    for begin, end in sorted(spans):
        if begin != at:
            raise Damaged(f"its arrays overlap, or there is a gap, at byte {min(at, begin)} of the data")
        at = end
    if at != size:
        raise Damaged(f"its arrays end at byte {at} of {size} bytes of data")
    if unknown:
        raise Unshared(f"has dtypes that torch and JAX do not share: {', '.join(unknown[:10])}")
    return found


def header_of(
    arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> tuple[bytes, list[np.ndarray]]:
    """The file up to the data, and the arrays in the order of the data.

    The names stand in the header in the order of `arrays`, which `read` reads back. The data stand with the widest
    items first, since readers may need them aligned and the format allows no gaps.

    Raises:
        ValueError: a name that the format cannot have.
    """
    if "__metadata__" in arrays:
        raise ValueError("'__metadata__' cannot name an array in a .safetensors file")
    ordered = sorted(arrays, key=lambda name: -arrays[name].itemsize)
    offsets, end = {}, 0
    for name in ordered:
        offsets[name] = [end, end + arrays[name].nbytes]
        end += arrays[name].nbytes
    entries: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    entries |= {
        name: {"dtype": SAFETENSORS[a.dtype.name], "shape": list(a.shape), "data_offsets": offsets[name]}
        for name, a in arrays.items()
    }
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text, [arrays[name] for name in ordered]
