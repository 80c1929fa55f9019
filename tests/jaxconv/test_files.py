"""Files: every bit comes back, torch and safetensors read what we write, and nothing bad does harm."""

import json
import os
import pickle
import re
import stat
import struct
import tempfile
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jaxconv import load_file, load_state_dict, save_file, to_torch

DTYPES = [
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu",
    "bfloat16", "float16", "float32", "float64", "complex64", "complex128",
]  # fmt: skip
EXTENSIONS = [".safetensors", ".pt", ".pth"]


def raws(mapping):
    """Names, in order, with dtypes, shapes and bytes."""
    return [(name, a.dtype.name, a.shape, np.asarray(a).tobytes()) for name, a in mapping.items()]


def torch_raws(mapping):
    """The same, without the code under test."""
    flat = {
        name: tensor.detach().contiguous().reshape(-1).view(torch.uint8) for name, tensor in mapping.items()
    }
    return [(n, str(t.dtype)[6:], tuple(t.shape), flat[n].numpy().tobytes()) for n, t in mapping.items()]


def bits(dtype):
    """Arrays of random bytes: NaNs with payloads, subnormals, negative zeros."""
    dtype = np.dtype(dtype)
    top = 1 if dtype.kind == "b" else 255
    shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
    return shapes.flatmap(
        lambda shape: hnp.arrays(
            np.uint8, int(np.prod(shape)) * dtype.itemsize, elements=st.integers(0, top)
        ).map(lambda b: b.view(dtype).reshape(shape))
    )


def mappings(dtypes):
    names = st.text(min_size=1, max_size=9).filter(lambda name: name != "__metadata__")
    return st.dictionaries(names, st.sampled_from(dtypes).flatmap(bits), max_size=6)


MIXED = {
    "z": np.arange(3, dtype=np.int8),
    "a.weight": jnp.arange(6, dtype=jnp.bfloat16).reshape(2, 3),
    "empty": np.zeros((0, 2), np.float16),
    "ünï": np.array(2.5, np.float64),
    "b": np.array([1 + 2j], np.complex64),
}


@settings(max_examples=150, deadline=None)
@given(mappings([dtype for dtype in DTYPES if dtype != "complex128"]))
def test_safetensors_round_trip(mapping):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.safetensors")
        save_file(mapping, path)
        loaded = load_file(path)
        assert raws(loaded) == raws(mapping)
        assert sorted(torch_raws(safetensors.torch.load_file(path))) == sorted(raws(mapping))
        for array in loaded.values():
            array[...] = 0  # memory of its own
        assert raws(load_file(path)) == raws(mapping)


@settings(max_examples=60, deadline=None)
@given(mappings(DTYPES), st.sampled_from([".pt", ".pth"]))
def test_pickle_round_trip(mapping, extension):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a" + extension)
        save_file(mapping, path)
        assert raws(load_file(path)) == raws(mapping)
        assert torch_raws(torch.load(path, weights_only=True)) == raws(mapping)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_torchs_order_survives(tmp_path, extension):
    path = tmp_path / ("a" + extension)
    save_file(MIXED, path)
    assert raws(load_file(path)) == raws(MIXED)


def test_safetensors_written_by_others(tmp_path):
    tensors = {
        "b": torch.ones(3, dtype=torch.bfloat16),
        "a": torch.zeros(2),
        "c": torch.ones(1, dtype=torch.int64),
    }
    safetensors.torch.save_file(
        tensors, tmp_path / "torch.safetensors", metadata={"format": "pt", "order": "["}
    )
    loaded = load_file(tmp_path / "torch.safetensors")
    assert sorted(raws(loaded)) == sorted(torch_raws(tensors))
    arrays = {"b": np.ones(3), "a": np.arange(2)}
    safetensors.numpy.save_file(arrays, tmp_path / "numpy.safetensors")
    assert sorted(raws(load_file(tmp_path / "numpy.safetensors"))) == sorted(raws(arrays))


def test_items_are_aligned_for_readers_that_map_the_file(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(
        {f"{i}": np.zeros(3, dtype) for i, dtype in enumerate(["int8", "float64", "int16", "complex64"])},
        path,
    )
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    assert length % 8 == 0
    sizes = {"I8": 1, "F64": 8, "I16": 2, "C64": 8}
    for entry in json.loads(data[8 : 8 + length]).values():
        assert entry["data_offsets"][0] % sizes[entry["dtype"]] == 0


def test_torch_files_as_torch_writes_them(tmp_path):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    for name, old in (("a.bin", False), ("b.pth", True)):
        torch.save(model.state_dict(), tmp_path / name, _use_new_zipfile_serialization=not old)
        assert raws(load_file(tmp_path / name)) == torch_raws(model.state_dict())
    parameters = dict(model.to(memory_format=torch.channels_last).named_parameters())
    assert not parameters["0.weight"].is_contiguous()
    torch.save(parameters, tmp_path / "c.pt")
    assert raws(load_file(str(tmp_path / "c.pt"))) == torch_raws(parameters)


def test_arrays_are_bit_exact_in_default_mode(tmp_path):
    import jax

    path = tmp_path / "a.safetensors"
    save_file({"a": np.array([1 + 2.0**-50])}, path)
    with jax.enable_x64(False):
        assert load_file(path)["a"].dtype == np.float64
        assert load_file(path)["a"][0] == 1 + 2.0**-50


CHECKPOINT = {
    "epoch": 3,
    "state_dict": {"a": torch.ones(2)},
    "ema": {"decay": 0.9, "model": {"a": torch.zeros(2)}, "empty": {}},
    "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": []},
}


def test_nested_checkpoints(tmp_path):
    path = tmp_path / "a.pt"
    torch.save(CHECKPOINT, path)
    assert raws(load_file(path, "state_dict")) == torch_raws({"a": torch.ones(2)})
    assert raws(load_file(path, key="ema.model")) == torch_raws({"a": torch.zeros(2)})
    hint = "it holds state_dicts under key='state_dict', key='ema.model'"
    for key, text in (
        (
            None,
            f"{path} is not a state_dict: 'epoch': int is not an array, 'state_dict': dict is not an array, ",
        ),
        ("model", f"{path} has no key='model'; {hint}"),
        ("epoch", f"{path} holds a int under key='epoch', not a state_dict; {hint}"),
        ("ema", f"{path} is not a state_dict: 'decay': float is not an array, 'model': dict is not an array"),
        ("optimizer.state", f"{path} is not a state_dict: the key 0 is not a str; {hint}"),
    ):
        with pytest.raises(ValueError, match=re.escape(text)) as error:
            load_file(path, key)
        assert str(error.value).endswith(hint)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([torch.ones(1)], "holds a list, not a state_dict"),
        (torch.ones(1), "holds a Tensor, not a state_dict"),
        (3, "holds a int, not a state_dict"),
        ({"a": torch.eye(2).to_sparse()}, "is not a state_dict: 'a': the tensor has layout torch.sparse_coo"),
        ({"a": 1, "b": None}, "is not a state_dict: 'a': int is not an array, 'b': NoneType is not an array"),
        ({1: torch.ones(1)}, "is not a state_dict: the key 1 is not a str"),
    ],
)
def test_other_things_than_state_dicts(tmp_path, content, text):
    path = tmp_path / "a.pt"
    torch.save(content, path)
    with pytest.raises(ValueError, match=re.escape(f"{path} {text}")):
        load_file(path)


def test_a_checkpoint_that_contains_itself(tmp_path):
    checkpoint = {"model": {"a": torch.ones(1)}}
    checkpoint["me"] = checkpoint
    torch.save(checkpoint, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"it holds state_dicts under key='model'$"):
        load_file(tmp_path / "a.pt")
    assert list(load_file(tmp_path / "a.pt", "model")) == ["a"]


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
def test_no_code_in_a_file_is_run(tmp_path, old, protocol):
    witness, path = tmp_path / "witness", tmp_path / "a.pt"
    content = {"a": torch.ones(1), "b": Hostile(witness)}
    torch.save(content, path, pickle_protocol=protocol, _use_new_zipfile_serialization=not old)
    loaded = load_file(path)
    assert raws(loaded) == raws({"a": np.ones(1, np.float32)})
    opener = f"{open.__module__}.open"
    assert loaded.notes == (
        f"skipped 'b': {opener} (not imported)",
        f"{opener}: not imported, 1 inert stand-in(s)",
    )
    for plain in (0, 1, protocol):
        data = pickle.dumps({"b": Hostile(witness)}, plain)
        path.write_bytes(data)
        with pytest.raises(ValueError, match=re.escape(f"is not a state_dict: 'b': {opener} (not imported)")):
            load_file(path)
    assert not witness.exists()
    pickle.loads(data)["b"].close()
    assert witness.exists(), "the pickle was harmless, so the test showed nothing"


def test_a_module_that_was_saved_whole_gives_its_state_dict(tmp_path):
    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1), torch.nn.ReLU())
    module.register_buffer("own", torch.ones(1), persistent=False)
    torch.save(module, tmp_path / "a.pt")
    loaded = load_file(tmp_path / "a.pt")
    assert raws(loaded) == torch_raws(module.state_dict())
    assert "torch.nn.modules.linear.Linear: not imported, 1 inert stand-in(s)" in loaded.notes


def safetensors_file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(start, end, shape, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


HOSTILE_SAFETENSORS = {
    "short": b"123",
    "giant header": struct.pack("<Q", 2**62) + b"{}",
    "header beyond the end": struct.pack("<Q", 99) + b"{}",
    "not JSON": safetensors_file(b"{nope"),
    "a list": safetensors_file(b"[]"),
    "not UTF-8": safetensors_file(b"\xff{}"),
    "UTF-16": safetensors_file('{"a":3}'.encode("utf-16-le")),
    "deep": safetensors_file(b'{"a":' + b"[" * 99999),
    "overlap": safetensors_file({"a": entry(0, 8, [2]), "b": entry(4, 12, [2])}, bytes(12)),
    "gap": safetensors_file({"a": entry(0, 8, [2]), "b": entry(12, 16, [1])}, bytes(16)),
    "truncated": safetensors_file({"a": entry(0, 8, [2])}, bytes(5)),
    "trailing": safetensors_file({"a": entry(0, 8, [2])}, bytes(9)),
    "wrong shape": safetensors_file({"a": entry(0, 8, [3])}, bytes(8)),
    "overflow": safetensors_file({"a": entry(0, 8, [2**40, 2**40])}, bytes(8)),
    "negative": safetensors_file({"a": entry(0, 8, [-2, -1])}, bytes(8)),
    "metadata": safetensors_file({"__metadata__": {"a": 3}}),
    "no dtype": safetensors_file({"a": entry(0, 8, [2], 7)}, bytes(8)),
}


@pytest.mark.parametrize("name", HOSTILE_SAFETENSORS)
def test_hostile_safetensors(tmp_path, name):
    path = tmp_path / "a.safetensors"
    path.write_bytes(HOSTILE_SAFETENSORS[name])
    with pytest.raises(ValueError, match=re.escape(f"{path} is not a valid .safetensors file: ")):
        load_file(path)


def test_hostile_metadata_is_ignored(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(
        safetensors_file({"__metadata__": {"a": "[", "order": "b"}, "a": entry(0, 4, [1])}, bytes(4))
    )
    assert raws(load_file(path)) == raws({"a": np.zeros(1, np.float32)})


def test_safetensors_dtypes_that_nobody_shares(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors_file({"a": entry(0, 1, [2], "F4"), "b": entry(1, 2, [1], "U8")}, bytes(2)))
    with pytest.raises(
        ValueError, match=re.escape(f"{path} has dtypes that torch and JAX do not share: 'a' (F4)")
    ):
        load_file(path)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_truncation_is_an_error(tmp_path, extension):
    path = tmp_path / ("a" + extension)
    save_file(MIXED, path)
    data = path.read_bytes()
    for end in {*range(0, len(data), max(1, len(data) // 40)), len(data) - 1}:
        path.write_bytes(data[:end])
        with pytest.raises(ValueError, match=re.escape(f"{path} is ")):
            load_file(path)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200), extension=st.sampled_from([*EXTENSIONS, ".bin"]))
@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
def test_junk_is_a_value_error(data, extension):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a" + extension)
        path.write_bytes(data)
        try:
            loaded = load_file(path)
        except ValueError as error:
            assert str(error).startswith(f"{path} ")
        else:
            assert loaded == {}  # an empty dict, pickled


def test_paths(tmp_path):
    for name in ("a.safetensors", "a.pt", "a.txt"):
        with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / name))):
            load_file(tmp_path / name)
    with pytest.raises(IsADirectoryError):
        load_file(tmp_path)
    for name in ("a.txt", "a.bin", "safetensors"):
        text = f"the extension of `path` (={str(tmp_path / name)!r}) must be one of .safetensors, .pt, .pth"
        with pytest.raises(ValueError, match=re.escape(text) + "$"):
            save_file({}, tmp_path / name)
    save_file({}, tmp_path / "A.SafeTensors")
    assert load_file(tmp_path / "A.SafeTensors") == {}
    text = "`key` (='a') must be None for a .safetensors file, which is flat"
    with pytest.raises(ValueError, match=re.escape(text)):
        load_file(tmp_path / "A.SafeTensors", "a")


class Model(nnx.Module):
    pass


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_bad_mappings_are_refused_before_writing(tmp_path, extension):
    path = tmp_path / ("a" + extension)
    path.write_text("old")
    with pytest.raises(TypeError) as error:
        save_file({1: np.ones(1), "a": "text", "b": np.array([{}]), "c": {"d": np.ones(1)}}, path)
    what = "save_file" if extension == ".safetensors" else "to_torch"
    assert str(error.value).split("\n\t") == [
        f"{what} cannot take this `mapping`:",
        "1: names must be str, got int",
        "'a': str is not an array",
        "'b': torch and JAX do not both have the dtype object",
        "'c': dict is not an array; flatten it with jaxconv.state_dict",
    ]
    with pytest.raises(TypeError, match="`mapping` must map names to arrays, got Model; for a model"):
        save_file(Model(), path)
    assert path.read_text() == "old" and os.listdir(tmp_path) == [path.name]


def test_what_safetensors_cannot_hold(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(
        TypeError, match=re.escape("'z': .safetensors files have no complex128, .pt files do")
    ):
        save_file({"z": np.ones(1, np.complex128)}, path)
    with pytest.raises(ValueError, match=r"'__metadata__' cannot name an array in a \.safetensors file"):
        save_file({"__metadata__": np.ones(1)}, path)
    with pytest.raises(ValueError, match="surrogates not allowed"):
        save_file({"\ud800": np.ones(1)}, path)
    with pytest.raises(
        TypeError, match=re.escape("got Model; for a model write save_file(jaxconv.state_dict(model), path)")
    ):
        save_file(Model(), path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["os.fsync", "os.replace", "torch.save"])
def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, step, error):
    path = tmp_path / "a.pt"
    save_file({"a": np.ones(1)}, path)

    def fail(*args):
        raise error

    monkeypatch.setattr(step, fail)
    with pytest.raises(type(error)):
        save_file({"a": np.zeros(1)}, path)
    assert os.listdir(tmp_path) == ["a.pt"]
    assert load_file(path)["a"][0] == 1


def test_the_mode_is_that_of_open_or_of_the_old_file(tmp_path):
    path = tmp_path / "a.safetensors"
    old = os.umask(0o027)
    try:
        save_file(MIXED, path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    save_file(MIXED, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_links_are_followed(tmp_path):
    (tmp_path / "real").mkdir()
    link, target = tmp_path / "a.safetensors", tmp_path / "real" / "b"
    link.symlink_to(target)
    for value in (1, 2):  # dangling, then not
        save_file({"a": np.array(value)}, link)
        assert link.is_symlink() and target.is_file() and load_file(link)["a"] == value
    assert os.listdir(target.parent) == ["b"]


def test_what_is_not_a_file_is_not_replaced(tmp_path):
    os.mkdir(tmp_path / "a.pt")
    with pytest.raises(IsADirectoryError, match="is a directory"):
        save_file({}, tmp_path / "a.pt")
    os.mkfifo(tmp_path / "b.pt")
    with pytest.raises(ValueError, match=re.escape("b.pt') must be a regular file")):
        save_file({}, tmp_path / "b.pt")
    with pytest.raises(FileNotFoundError):
        save_file({}, tmp_path / "missing" / "a.pt")
    assert sorted(os.listdir(tmp_path)) == ["a.pt", "b.pt"]


def test_a_file_goes_through_jax_to_torch_and_back(tmp_path):
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / "a.pt")
    tree = {"weight": jnp.zeros((3, 2), jnp.float32), "bias": jnp.zeros(3, jnp.float32)}
    loaded = load_state_dict(tree, load_file(tmp_path / "a.pt"))
    save_file(loaded, tmp_path / "b.safetensors")
    again = to_torch(load_file(tmp_path / "b.safetensors"))
    assert torch_raws(again) == torch_raws(torch.load(tmp_path / "a.pt", weights_only=True))
