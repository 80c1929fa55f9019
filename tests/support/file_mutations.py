"""Files with faults in them, made from good ones: for the fuzzers of all that is read."""

import copy
import io
import json
import pickletools
import struct
import sys
import zipfile
from contextlib import contextmanager

import numpy as np

from jaxconv._compiled import file
from jaxconv._files import safetensors
from jaxconv._files.limits import Budget

STRINGS = ["", "load", "save", "forward", "os.system", "float32", "../x", "a" * 300, "\x00", "\ud800", "__class__", "weight", "_forward_hooks"]  # fmt: skip
NUMBERS = [0, -1, 1, 2, 3, 7, 2**31, 2**62, 2**63, 2**64, -(2**63), 10**30, 0.5, float("nan"), float("inf")]


def value(rng):
    """Anything that JSON can hold."""
    deep = []
    for _ in range(200):
        deep = [deep]
    choices = [None, True, False, [], {}, deep, [0, 0], {"array": "array.0"}, {"dtype": "load"}]
    choices += [{"tuple": [1, 2]}, {"dict": [["a", 1]]}, {"dict": [["forward", {"dtype": "load"}]]}]
    pool = [STRINGS, NUMBERS, choices][rng.integers(3)]
    return copy.deepcopy(pool[rng.integers(len(pool))])


def nodes(tree, path=()):
    """The paths of all values in it."""
    yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in items:
        yield from nodes(child, (*path, key))


def mutated_json(rng, tree, faults=1):
    """A copy with values replaced, removed, doubled, renamed or exchanged."""
    tree = copy.deepcopy(tree)
    for _ in range(faults):
        paths = list(nodes(tree))
        path = paths[rng.integers(len(paths))]
        if not path:
            return value(rng)
        holder = tree
        for key in path[:-1]:
            holder = holder[key]
        key = path[-1]
        what = rng.integers(5)
        if what == 0:
            holder[key] = value(rng)
        elif what == 1:
            del holder[key]
        elif what == 2 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif what == 2:
            holder[STRINGS[rng.integers(len(STRINGS))]] = holder.pop(key)
        else:
            other = tree
            for step in paths[rng.integers(len(paths))]:
                other = other[step]
            holder[key] = copy.deepcopy(other)
    return tree


def mutated_bytes(rng, data, faults=1):
    """A copy with bytes changed, cut, doubled or put in."""
    data = bytearray(data)
    for _ in range(faults):
        at = int(rng.integers(len(data) + 1))
        what = rng.integers(6)
        if what <= 1 and at < len(data):
            data[at] ^= 1 << rng.integers(8)
        elif what == 2 and at < len(data):
            data[at] = rng.choice([0, 0x28, 0x2E, 0x52, 0x63, 0x7D, 0x80, 0x8C, 0xFF])
        elif what == 3:
            del data[at:]
        elif what == 4:
            piece = data[at : at + int(rng.integers(1, 40))]
            data[at:at] = piece
        else:
            del data[at : at + int(rng.integers(1, 9))]
    return bytes(data)


def safetensors_parts(data):
    """The header, as a dict, and the bytes after it."""
    (length,) = struct.unpack_from("<Q", data)
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def safetensors_bytes(header, data):
    """A file with that header before the data."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def recording_bytes(arrays, header):
    """A recording with that header."""
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    entries, blobs, end = {}, [], 0
    for name, array in {**arrays, "recording.json": text}.items():
        blob = array.tobytes()
        code = {"bool": "BOOL", "uint8": "U8", "int64": "I64", "float32": "F32", "float64": "F64"}[
            array.dtype.name
        ]
        entries[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [end, end + len(blob)]}
        blobs.append(blob)
        end += len(blob)
    return safetensors_bytes(entries, b"".join(blobs))


def compiled_bytes(data, change):
    """The file of a compiled model with another document, and with the digest that an undamaged file would have."""
    size = len(data)
    arrays, _ = safetensors.read(io.BytesIO(data), size, Budget(None, size))
    document = change(json.loads(arrays.pop("compiled.json").tobytes()))
    arrays = {"compiled.json": np.frombuffer(json.dumps(document).encode(), np.uint8), **arrays}
    header, ordered = safetensors.header_of(arrays, {"sha256": file.digest(arrays)})
    return header + b"".join(array.tobytes() for array in ordered)


_watched = []


def _hook(event, args):
    if _watched and event in ("os.system", "subprocess.Popen", "exec", "import", "open", "os.remove", "os.rename", "os.exec", "os.posix_spawn", "ctypes.dlopen", "socket.connect", "shutil.rmtree"):  # fmt: skip
        _watched[-1].append((event, args))


sys.addaudithook(_hook)


@contextmanager
def watched():
    """The events of Python's audit hooks by which a file's code would show itself."""
    events = []
    _watched.append(events)
    try:
        yield events
    finally:
        _watched.remove(events)


def zip_bytes(parts, compressed=False):
    """An archive as torch.save writes them."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return data.getvalue()


def zip_parts(data):
    """The files in an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def mutated_pickle(rng, data, faults=1):
    """A copy with operations of the pickle replaced, removed, doubled or exchanged; or with bytes changed."""
    if rng.integers(3) == 0:
        return mutated_bytes(rng, data, faults)
    starts = [position for _, _, position in pickletools.genops(data)]
    ends = [*starts[1:], starts[-1] + 1]
    pieces = [data[a:b] for a, b in zip(starts, ends, strict=True)]
    rest = data[ends[-1] :]
    for _ in range(faults):
        at, other = (int(rng.integers(len(pieces))) for _ in range(2))
        what = rng.integers(5)
        if what == 0:
            pieces[at] = OPERATIONS[rng.integers(len(OPERATIONS))]
        elif what == 1:
            del pieces[at]
        elif what == 2:
            pieces.insert(at, pieces[other])
        elif what == 3:
            pieces[at], pieces[other] = pieces[other], pieces[at]
        else:
            pieces.insert(at, OPERATIONS[rng.integers(len(OPERATIONS))])
    return b"".join(pieces) + rest


OPERATIONS = [
    b"N", b"}", b"]", b")", b"(", b"0", b"1", b"2", b"R", b"b", b"\x81", b"s", b"u", b"a", b"e", b"t", b"\x85", b"\x86",
    b"Q", b".", b"\x8f", b"\x90", b"\x91", b"o", b"d", b"l", b"\x93", b"\x92", b"K\xff", b"J\xff\xff\xff\xff",
    b"J\xff\xff\xff\x7f", b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01",
    b"G\x7f\xf0\x00\x00\x00\x00\x00\x00", b"h\x00", b"h\x05", b"j\xff\xff\xff\x7f", b"q\x00", b"r\xff\xff\xff\x7f",
    b"cos\nsystem\n", b"cbuiltins\neval\n", b"cbuiltins\ngetattr\n", b"ctorch\nload\n", b"ctorch\nFloatStorage\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n", b"ccollections\nOrderedDict\n", b"cnumpy\ndtype\n", b"c__main__\nA\n",
    b"ctorch.storage\n_load_from_bytes\n", b"\x82\x01", b"X\x02\x00\x00\x00id", b"B\x02\x00\x00\x00ab", b"U\x01a",
    b"X\xff\xff\xff\xff", b"\x8e\xff\xff\xff\xff\xff\xff\xff\x0f", b"\x95\xff\xff\xff\xff\xff\xff\xff\x0f", b"i0\nx\n", b"P1\n",
]  # fmt: skip
"""Operations of the pickle machine, and arguments that are too large."""
