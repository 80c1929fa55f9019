"""Checkpoints as people have them are read; what is none is named; and no file takes more than it may."""

import argparse
import collections
import contextlib
import enum
import gzip
import io
import json
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tarfile
import time
import zipfile

import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.torch
import torch
from file_mutations import watched
from flax import nnx

import jaxconv
from jaxconv import load_file, load_state_dict, save_file, state_dict, to_torch

pytestmark = pytest.mark.share(2)


def equal(loaded, tensors):
    assert list(loaded) == list(tensors)
    for name, tensor in tensors.items():
        assert torch.equal(to_torch({"a": loaded[name]})["a"], tensor.detach()), name


@pytest.fixture
def linear():
    torch.manual_seed(0)
    return torch.nn.Linear(3, 2)


NAMES = [
    "checkpoint.pth.tar",
    "last.ckpt",
    "a.th",
    "a.pkl",
    "a.model",
    "weights",
    "a.safetensors",
    "a.bin",
    "a.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_content_says_what_a_file_is(tmp_path, linear, name):
    path = tmp_path / name
    weights = linear.state_dict()
    for old in (False, True):
        torch.save(weights, path, _use_new_zipfile_serialization=not old)
        equal(load_file(path), weights)
    path.write_bytes(safetensors.torch.save(dict(weights)))
    assert load_file(path).keys() == weights.keys()
    path.write_bytes(pickle.dumps(weights))
    equal(load_file(path), weights)
    path.write_bytes(pickle.dumps({"w": np.arange(6.0).reshape(2, 3).T, "i": np.arange(3, dtype=">i4")}, 0))
    loaded = load_file(path)
    np.testing.assert_array_equal(loaded["w"], np.arange(6.0).reshape(2, 3).T)
    assert loaded["i"].dtype.isnative and loaded["i"].tolist() == [0, 1, 2]


def archive(names):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return data.getvalue()


def tarred():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as file:
        file.addfile(tarfile.TarInfo("pickle"))
    return data.getvalue()


def npz():
    data = io.BytesIO()
    np.savez(data, a=np.ones(2))
    return data.getvalue()


OTHERS = {
    "is empty": b"",
    "is a git-lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n",
    "is an HTML page: the download gave": b"\n<!DOCTYPE html><html></html>",
    "is an HTML page": b"<html lang='en'>",
    "is an XML document": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "is compressed with gzip: gunzip it": gzip.compress(b"x"),
    "is a tar archive": tarred(),
    "is a single NumPy array: numpy.load": b"\x93NUMPY\x01\x00",
    "is an HDF5 file": b"\x89HDF\r\n\x1a\n",
    "it is an .npz archive of NumPy: dict(numpy.load(PATH))": npz(),
    "it is a zip archive without a data.pkl": archive(["a"]),
    "it is a zip archive with files in it: unpack it": archive(["a.safetensors"]),
    "it is an archive of torch.export": archive(["x/archive_format"]),
    "is JSON without a `weight_map`": b'{"a": 3}',
    "begins like JSON but is not JSON": b"{hello",
    "it begins with b'hello, this is t'": b"hello, this is text",
}


@pytest.mark.parametrize("text", OTHERS)
@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
def test_what_is_no_checkpoint_is_named(tmp_path, text, name):
    if name == "a.safetensors" and text.startswith("it begins"):
        text = "is not a valid .safetensors file"
    (tmp_path / name).write_bytes(OTHERS.get(text, b"hello, this is text"))
    with pytest.raises(ValueError) as error:
        load_file(tmp_path / name)
    assert text in str(error.value) and str(error.value).startswith(str(tmp_path / name))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_torchscript_says_the_way(tmp_path, linear):
    torch.jit.save(torch.jit.trace(linear, torch.ones(1, 3)), tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a TorchScript archive.*torch\.save\(torch\.jit\.load\(PATH"):
        load_file(tmp_path / "a.pt")
    torch.save(torch.jit.load(tmp_path / "a.pt", map_location="cpu").state_dict(), tmp_path / "w.pt")
    equal(load_file(tmp_path / "w.pt"), linear.state_dict())


class Colour(enum.Enum):
    RED = 1


class Settings(dict):
    """As Lightning's hyperparameters are: a dict of another class, with attributes."""


def lightning(model):
    settings = Settings(lr=0.1)
    settings.path = pathlib.Path("/data")
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return {
        "epoch": 3,
        "score": np.float64(0.5),
        "scores": np.arange(3.0),
        "rng": np.random.get_state(),
        "random": np.random.RandomState(0),
        "args": argparse.Namespace(depth=3, path=pathlib.Path("x")),
        "colour": Colour.RED,
        "counts": collections.defaultdict(list, {"a": [1]}),
        "counter": collections.Counter("abca"),
        "hyper_parameters": settings,
        "loss": torch.nn.CrossEntropyLoss(),
        "names": np.array(["cat", "dog"]),
        "objects": np.array([{}, 1], dtype=object),
        "optimizer_states": [optimizer.state_dict()],
        "rng_state": torch.get_rng_state(),
        "dtype": torch.float32,
        "device": torch.device("cpu"),
        "state_dict": model.state_dict(),
        "models": [{"ema.model": model.state_dict()}],
    }


@pytest.mark.parametrize("old", [False, True])
def test_one_foreign_object_does_not_make_a_file_unreadable(tmp_path, linear, old):
    path = tmp_path / "last.ckpt"
    torch.save(lightning(linear), path, _use_new_zipfile_serialization=not old)
    load_file(path, "state_dict")  # what is imported late has been
    with watched() as events:
        loaded = load_file(path, "state_dict")
        equal(load_file(path, "models.0.ema.model"), linear.state_dict())
    assert {event for event, _ in events} == {"open"} and {args[0] for _, args in events} == {str(path)}
    equal(loaded, linear.state_dict())
    noted = {note.partition(":")[0].rpartition(".")[2] for note in loaded.notes}
    assert noted >= {"Namespace", "Colour", "Settings", "CrossEntropyLoss", "PosixPath"}
    with pytest.raises(ValueError, match="is not a state_dict") as error:
        load_file(path)
    assert str(error.value).endswith(
        "; it holds state_dicts under key='state_dict', key='models.0.ema.model'"
    )


def test_what_stands_beside_tensors_is_skipped_and_listed(tmp_path, linear):
    content = {
        **linear.state_dict(),
        "_extra_state": {"scale": 3},
        "bn._extra_state": None,
        "none": None,
        "n": 7,
    }
    content |= {"version": "1.0", "score": np.float32(1)}
    torch.save(content, tmp_path / "a.pt")
    loaded = load_file(tmp_path / "a.pt")
    equal(loaded, linear.state_dict())
    assert loaded.notes == (
        "skipped '_extra_state': dict", "skipped 'bn._extra_state': NoneType", "skipped 'none': NoneType",
        "skipped 'n': int", "skipped 'version': str", "skipped 'score': numpy f4",
    )  # fmt: skip
    tree = {name: jnp.zeros(a.shape) for name, a in loaded.items()}
    load_state_dict(tree, {**linear.state_dict(), "_extra_state": {"scale": 3}})


def test_parameters_conjugates_views_and_subclasses(tmp_path):
    base = torch.arange(12.0).reshape(3, 4)
    tensors = {
        "parameter": torch.nn.Parameter(base),
        "view": base[1:, ::2],
        "transposed": base.T,
        "conj": torch.tensor([1 + 2j]).conj(),
        "imag": torch.tensor([1 + 2j]).conj().imag,
        "expanded": torch.ones(1).expand(5),
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 3),
        "buffer": torch.nn.Buffer(torch.ones(2)),
    }
    for old in (False, True):
        torch.save(tensors, tmp_path / "a.pt", _use_new_zipfile_serialization=not old)
        equal(
            load_file(tmp_path / "a.pt"),
            {name: t.resolve_conj().resolve_neg() for name, t in tensors.items()},
        )


def test_files_of_machines_with_another_byte_order(tmp_path):
    torch.save({"a": torch.arange(3.0), "b": torch.tensor([1 + 2j])}, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as source, zipfile.ZipFile(tmp_path / "b.pt", "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("byteorder"):
                data = b"big"
            elif "/data/" in name:
                data = np.frombuffer(data, "<f4").astype(">f4").tobytes()
            target.writestr(name, data)
    equal(load_file(tmp_path / "b.pt"), {"a": torch.arange(3.0), "b": torch.tensor([1 + 2j])})


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_sharded_checkpoints_and_folders(tmp_path, linear, kind):
    weights = linear.state_dict()
    shards = {"weight": f"model-00001-of-00002.{kind}", "bias": f"model-00002-of-00002.{kind}"}
    for name, shard in shards.items():
        part = {name: weights[name]}
        safetensors.torch.save_file(part, tmp_path / shard) if kind == "safetensors" else torch.save(
            part, tmp_path / shard
        )
    index = tmp_path / f"model.{kind}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 32}, "weight_map": shards}))
    for path in (index, tmp_path):
        equal(load_file(path), weights)
    for bad in ("../a.bin", "/etc/passwd", "a/b.bin", "", 3):
        index.write_text(json.dumps({"weight_map": {"weight": bad}}))
        with pytest.raises(ValueError, match="a shard must be a file next to the index"):
            load_file(index)
    index.write_text(json.dumps({"weight_map": {"weight": "gone.bin"}}))
    with pytest.raises(FileNotFoundError, match=r"lists the shard gone\.bin, which does not exist"):
        load_file(index)
    index.write_text(json.dumps({"weight_map": {"other": shards["weight"]}}))
    with pytest.raises(ValueError, match=r"lacks tensors that .* lists: 'other'"):
        load_file(index)
    index.write_text(json.dumps({"weight_map": {"weight": index.name}}))
    with pytest.raises(ValueError, match="which is not a file of tensors"):
        load_file(index)
    index.unlink()
    with pytest.raises(
        IsADirectoryError, match=r"is a directory with 2 checkpoints, give one of: model-00001"
    ):
        load_file(tmp_path)
    (tmp_path / shards["bias"]).unlink()
    assert list(load_file(tmp_path)) == ["weight"]
    (tmp_path / shards["weight"]).unlink()
    with pytest.raises(IsADirectoryError, match="is a directory without a checkpoint: expected an index"):
        load_file(tmp_path)


class Tied(nnx.Module):
    def __init__(self):
        self.a = jaxconv.Linear(3, 3, bias=False, rngs=nnx.Rngs(0))
        self.b = jaxconv.Linear(3, 3, bias=False, rngs=nnx.Rngs(1))
        self.b.weight = self.a.weight


class TorchTied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Linear(3, 3, bias=False), torch.nn.Linear(3, 3, bias=False)
        self.b.weight = self.a.weight


def test_tied_weights_of_which_a_file_has_one_name(tmp_path):
    theirs = TorchTied()
    safetensors.torch.save_model(theirs, str(tmp_path / "a.safetensors"))
    loaded = load_file(tmp_path / "a.safetensors")
    assert {*loaded} == {"a.weight", "b.weight"} and loaded["a.weight"] is loaded["b.weight"]
    assert loaded.metadata == {"b.weight": "a.weight"}
    for one in ("a.weight", "b.weight"):
        ours = load_state_dict(Tied(), {one: theirs.a.weight})
        np.testing.assert_array_equal(ours.b.weight[...], theirs.a.weight.detach())
    with pytest.raises(ValueError, match=r'Missing key\(s\) in state_dict: "a.weight", "b.weight"'):
        load_state_dict(Tied(), {})


@pytest.mark.parametrize("source", ["jax", "torch"])
def test_safetensors_own_load_model_reads_what_is_written(tmp_path, source):
    theirs = TorchTied()
    ours = load_state_dict(Tied(), theirs.state_dict())
    save_file(state_dict(ours) if source == "jax" else theirs.state_dict(), tmp_path / "a.safetensors")
    other = TorchTied()
    safetensors.torch.load_model(other, tmp_path / "a.safetensors")
    assert torch.equal(other.b.weight, theirs.b.weight)
    assert list(load_file(tmp_path / "a.safetensors")) == ["a.weight", "b.weight"]
    (length,) = struct.unpack("<Q", (tmp_path / "a.safetensors").read_bytes()[:8])
    assert (tmp_path / "a.safetensors").stat().st_size == 8 + length + 36


class Norm(nnx.Module):
    def __init__(self):
        self.conv = jaxconv.Conv2d(1, 2, 1, rngs=nnx.Rngs(0))
        self.norm = jaxconv.BatchNorm2d(2)


class TorchNorm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2)


def renames():
    plain = TorchNorm().state_dict()
    wrapped = torch.optim.swa_utils.AveragedModel(TorchNorm()).state_dict()
    assert "n_averaged" in wrapped
    extra = {"encoder_k.conv.weight": torch.ones(3), "queue": torch.ones(2)}
    return {
        "nothing": ("", plain),
        "DataParallel": ('prefix="module."', {f"module.{k}": v for k, v in plain.items()}),
        "compile": ('prefix="_orig_mod."', {f"_orig_mod.{k}": v for k, v in plain.items()}),
        "both": ('prefix="module._orig_mod."', {f"module._orig_mod.{k}": v for k, v in plain.items()}),
        "Lightning": ('prefix="model."', {f"model.{k}": v for k, v in plain.items()}),
        "MoCo": (
            'prefix="module.encoder_q."',
            {f"module.encoder_q.{k}": v for k, v in plain.items()} | extra,
        ),
        "averaged": ('prefix="module."', wrapped),
        "middle": (
            'rename={"_orig_mod": ""}',
            {k.replace(".", "._orig_mod.", 1): v for k, v in plain.items()},
        ),
        "middle and front": (
            'prefix="model.", rename={"module": ""}',
            {f"model.{k.replace('.', '.module.', 1)}": v for k, v in plain.items()},
        ),
        "gamma and beta": (
            'rename={"gamma": "weight", "beta": "bias"}',
            {
                k.replace("norm.weight", "norm.gamma").replace("norm.bias", "norm.beta"): v
                for k, v in plain.items()
            },
        ),
    }


@pytest.mark.parametrize("case", renames())
def test_the_error_shows_the_line_that_maps_the_names(case):
    given, mapping = renames()[case]
    if given:
        with pytest.raises(ValueError, match="Error") as error:
            load_state_dict(Norm(), mapping)
        line = str(error.value).split("\n\t")[-1]
        assert line == f"The names fit if you write: load_state_dict(model, state_dict, {given})"
    names = {"load_state_dict": load_state_dict, "model": Norm(), "state_dict": mapping}
    loaded = eval(f"load_state_dict(model, state_dict, {given})", names)
    weight = next(
        v for k, v in mapping.items() if k.endswith("conv.weight") or ("conv." in k and "weight" in k)
    )
    np.testing.assert_array_equal(loaded.conv.weight[...], weight.detach())


def test_a_model_inside_another_and_half_of_the_names():
    plain = TorchNorm().state_dict()

    class Outer(nnx.Module):
        def __init__(self):
            self.backbone = Norm()

    with pytest.raises(ValueError, match="Error") as error:
        load_state_dict(Outer(), plain)
    line = str(error.value).split("\n\t")[-1]
    assert 'rename=lambda name: f"backbone.{name}"' in line
    eval(line.partition(": ")[2], {"load_state_dict": load_state_dict, "model": Outer(), "state_dict": plain})
    half = {f"module.{name}": value for name, value in plain.items() if "norm" not in name}
    half |= {"module.norm.weight": torch.ones(2)}
    with pytest.raises(ValueError, match=r"3 of 6 names fit if you write: .*prefix=\"module\.\"\)$"):
        load_state_dict(Norm(), half)


def test_prefix_and_rename_refuse_what_makes_no_sense():
    plain = TorchNorm().state_dict()
    with pytest.raises(
        ValueError, match=r"`prefix` \(='x.'\): no name begins with it; the first is 'conv.weight'"
    ):
        load_state_dict(Norm(), plain, prefix="x.")
    with pytest.raises(ValueError, match=r'"conv\.weight" and "norm\.weight" both become "weight"'):
        load_state_dict(Norm(), plain, rename={"conv": "", "norm": ""})
    with pytest.raises(TypeError, match=r"`rename` must be a dict or a function, got int"):
        load_state_dict(Norm(), plain, rename=3)
    with pytest.raises(TypeError, match=r"`prefix` \(=3\) must be a str"):
        load_state_dict(Norm(), plain, prefix=3)
    only = load_state_dict(
        Norm(), plain | {"betas": torch.ones(1)}, rename=lambda n: None if n == "betas" else n
    )
    np.testing.assert_array_equal(only.conv.bias[...], plain["conv.bias"])
    old = {k: v for k, v in plain.items() if not k.endswith("num_batches_tracked")}
    load_state_dict(Norm(), {f"module.{k}": v for k, v in old.items()}, prefix="module.")


PEAK = """
import resource, sys
import jax, numpy as np
from jaxconv import load_file
def rss(): return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
load_file(sys.argv[2])
before = rss()
loaded = load_file(sys.argv[1])
print(rss() - before, sum(a.nbytes for a in loaded.values()))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak is read from Linux' /proc")
@pytest.mark.parametrize("kind", ["pt", "old.pt", "safetensors"])
def test_the_peak_of_memory_is_about_the_files_size(tmp_path, kind):
    big, small = ({f"{i}": torch.zeros(n * 2**20) for i in range(4)} for n in (16, 1))
    for name, tensors in (("big", big), ("small", small)):
        path = tmp_path / f"{name}.{kind}"
        if kind == "safetensors":
            safetensors.torch.save_file(tensors, path)
        else:
            torch.save(tensors, path, _use_new_zipfile_serialization=kind == "pt")
    paths = [str(tmp_path / f"{name}.{kind}") for name in ("big", "small")]
    run = subprocess.run([sys.executable, "-c", PEAK, *paths], capture_output=True, text=True, check=True)
    peak, size = map(int, run.stdout.split())
    assert size == 256 * 2**20 and peak < 1.25 * size


def pickled(*parts):
    return b"\x80\x02" + b"".join(parts) + b"."


def test_small_files_cannot_ask_for_much(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"a": torch.zeros(1).expand(2**31)}, path)
    with pytest.raises(
        ValueError, match=r"a tensor of shape \(2147483648,\) in a storage of 4 bytes takes more"
    ):
        load_file(path)
    assert load_file(path, max_bytes=2**40)["a"].strides == (0,)
    torch.save({"a": torch.zeros(1).expand(2**20)}, path)
    assert load_file(path)["a"].shape == (2**20,)
    with pytest.raises(ValueError, match=r"has \d+ bytes, more than `max_bytes` \(=10\)"):
        load_file(path, max_bytes=10)
    tensor = torch.zeros(2**20)
    torch.save({f"{i}": tensor for i in range(1000)}, path)
    assert len({id(a) for a in load_file(path).values()}) == 1
    # A dict in a dict twice, 40 times over: 2^40 paths.
    bombs = {
        "tuples as keys": pickled(b"}", b"K\x01", b"2\x86" * 40, b"K\x01s"),
        "memo": pickled(b"}r\xff\xff\xff\x7f"),
        "long memo": b"\x80\x04}" + b"p999999999999999\n.",
        "bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b".",
        "frame": b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"}.",
        "number": b"\x80\x02\x8b" + struct.pack("<i", 2**30) + b".",
        "deep": b"\x80\x02" + b"]" * 30_000 + b"a" * 29_999 + b".",
    }  # fmt: skip
    nested = {"x": torch.ones(1)}
    for _ in range(40):
        nested = {"a": nested, "b": nested}
    modules = torch.nn.Module()
    for _ in range(40):
        above = torch.nn.Module()
        above.a = above.b = modules
        modules = above
    odd = torch.nn.Linear(1, 1)
    odd._non_persistent_buffers_set = argparse.Namespace()
    for name, content in [*bombs.items(), ("nested", nested), ("modules", modules), ("odd", {"a": odd})]:
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path)
        start = time.process_time()
        with contextlib.suppress(ValueError):
            assert load_file(path) == {}
        assert time.process_time() - start < 1, name


def test_a_zip_bomb_is_refused(tmp_path):
    torch.save({"a": torch.zeros(2**28)}, tmp_path / "a.pt")
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as source,
        zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    assert (tmp_path / "b.pt").stat().st_size < 2**21
    with pytest.raises(
        ValueError, match="takes more than 268435456 bytes, the limit for a file of this size"
    ):
        load_file(tmp_path / "b.pt")


def test_an_entry_that_says_it_is_larger_than_the_file(tmp_path):
    """zipfile would take memory for all of it."""
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pt")
    data = bytearray((tmp_path / "a.pt").read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 20 : at + 24] = struct.pack("<I", 2**31)
    (tmp_path / "a.pt").write_bytes(data)
    with pytest.raises(ValueError, match=r"'a/data\.pkl' ends after the end of the file"):
        load_file(tmp_path / "a.pt")


def test_devices_fifos_and_files_of_holes_are_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path, kind in ((tmp_path / "fifo", "a FIFO"), ("/dev/zero", "a device"), ("/dev/null", "a device")):
        with pytest.raises(ValueError, match=f"is {kind}, not a regular file"):
            load_file(path)
    header = json.dumps({"a": {"dtype": "U8", "shape": [2**40], "data_offsets": [0, 2**40]}}).encode()
    sparse = tmp_path / "sparse.safetensors"
    with open(sparse, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 2**40)
    with pytest.raises(ValueError, match=r"is sparse: \d+ bytes, of which \d+ are on disk"):
        load_file(sparse)


LIMITED = """
import resource, signal, sys, numpy as np, torch
from jaxconv import save_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
try:
    save_file({"a": np.zeros(100000)}, sys.argv[1])
except OSError as error:
    print(error.errno)
"""


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
def test_no_more_room_is_an_os_error(tmp_path, name):
    save_file({"a": np.ones(1)}, tmp_path / name)
    command = [sys.executable, "-c", LIMITED, str(tmp_path / name)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "27", run  # EFBIG; a full disk is ENOSPC in the same way
    assert os.listdir(tmp_path) == [name] and load_file(tmp_path / name)["a"][0] == 1


def test_a_full_disk_says_so(tmp_path, monkeypatch):
    import errno

    from jaxconv._files import save

    class Full:
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(save, "replace_file", lambda path, write: write(Full()))
    for name in ("a.pt", "a.safetensors"):
        with pytest.raises(OSError, match="No space left") as error:
            save_file({"a": np.ones(1)}, tmp_path / name)
        assert error.value.errno == errno.ENOSPC


def test_a_read_only_file_is_not_replaced(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"a": np.ones(1)}, path)
    path.chmod(0o444)
    with pytest.raises(PermissionError, match="is read-only: it is not replaced"):
        save_file({"a": np.zeros(1)}, path)
    assert load_file(path)["a"][0] == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give a file away")
def test_the_owner_is_kept(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"a": np.ones(1)}, path)
    os.chown(path, 1234, 2345)
    path.chmod(0o640)
    save_file({"a": np.zeros(1)}, path)
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 2345, 0o640)


def test_the_folder_is_synced(tmp_path, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")) or real(fd))
    save_file({"a": np.ones(1)}, tmp_path / "a.safetensors")
    assert synced[-1] == str(tmp_path)


KILLED = """
import os, signal, sys, numpy as np
from jaxconv._files import save
class Died:
    nbytes = 3
def write(file):
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
save.replace_file(sys.argv[1], write)
"""


def test_what_killed_writers_leave_is_removed(tmp_path):
    path = tmp_path / "a.safetensors"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".jaxconv-")
    save_file({"a": np.ones(1)}, path)
    assert sorted(os.listdir(tmp_path)) == [left, path.name], "it may be somebody's who is just beginning"
    os.utime(tmp_path / left, (0, 0))
    import fcntl

    with open(tmp_path / left) as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        save_file({"a": np.ones(1)}, path)
        assert left in os.listdir(tmp_path)
    save_file({"a": np.ones(1)}, path)
    assert os.listdir(tmp_path) == [path.name]
