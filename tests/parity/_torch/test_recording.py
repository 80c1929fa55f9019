"""torch's side in a file: the same verdicts as from the network itself, and files that are none are refused."""

import json
import subprocess
import sys
from dataclasses import replace

import jax
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
import parity
from parity._bounds.tolerance import arithmetic
from parity._torch import original

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}


class Scale(torch.nn.Module):
    """A layer of nobody else's."""

    def __init__(self, channels):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.randn(channels, 1, 1))

    def forward(self, x, *, power=1):
        return x * self.factor**power


class Theirs(torch.nn.Module):
    """Shared and buffered and called twice."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 6, 3, padding="same", padding_mode="reflect")
        self.again = self.conv
        self.norm = torch.nn.BatchNorm2d(6)
        self.scale = Scale(6)
        self.act = torch.nn.GELU(approximate="tanh")
        self.pool = torch.nn.MaxPool2d(2)
        self.register_buffer("shift", torch.ones(1))
        self.register_buffer("own", torch.ones(1), persistent=False)
        self.head = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(24, 5))

    def forward(self, x):
        x = self.act(self.norm(self.conv(x)))
        x = self.scale(self.act(x), power=2) + self.shift
        return self.head(self.pool(x))


class OurScale(nnx.Module):
    def __init__(self, channels, broken):
        self.factor = nnx.Param(np.ones((channels, 1, 1), np.float32))
        self.broken = broken

    def __call__(self, x, *, power=1):
        return x * self.factor ** (1 if self.broken else power)


class Ours(nnx.Module):
    def __init__(self, *, padding_mode="reflect", between=0, scale=False):
        rngs = nnx.Rngs(0)
        self.conv = jaxconv.Conv2d(3, 6, 3, padding="same", padding_mode=padding_mode, rngs=rngs)
        self.again = self.conv
        self.norm = jaxconv.BatchNorm2d(6, rngs=rngs)
        self.scale = OurScale(6, scale)
        self.act = jaxconv.GELU(approximate="tanh")
        self.pool = jaxconv.MaxPool2d(2)
        self.shift = nnx.Variable(np.ones(1, np.float32))
        self.head = jaxconv.Sequential(jaxconv.Flatten(), jaxconv.Linear(24, 5, rngs=rngs))
        self.between = between

    def __call__(self, x):
        x = self.act(self.norm(self.conv(x)))
        x = self.scale(self.act(x), power=2) + self.shift[...] + self.between
        return self.head(self.pool(x))


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    return Theirs().train()


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).standard_normal((2, 3, 4, 4), dtype=np.float32)


@pytest.fixture(scope="module")
def file(theirs, image, tmp_path_factory):
    path = tmp_path_factory.mktemp("recording") / "net.safetensors"
    parity.record(theirs, image, seed=3).save(path)
    return path


@pytest.mark.share(2)
@pytest.mark.parametrize(
    "fault",
    [{}, {"padding_mode": "circular"}, {"between": 1e-3}, {"scale": True}],
    ids=["none", "layer", "between", "own layer"],
)
def test_a_recording_says_what_the_network_says(theirs, image, file, fault):
    live = parity.check(theirs, Ours(**fault), image, seed=3)
    later = parity.check(parity.load_recording(file), Ours(**fault))
    assert later.ok == live.ok == (not fault)
    assert later.layers == live.layers and later.network == live.network and later.ledger == live.ledger
    assert (later.problems, later.notes) == (live.problems, live.notes)
    if "padding_mode" in fault:
        assert later.diagnosis == tuple(replace(d, torch=None, flax=None) for d in live.diagnosis)
        assert later.diagnosis[0].cause == "padding.mode"
    elif fault:
        assert [d.cause for d in later.diagnosis] == ["unknown"]
    if "between" in fault:
        assert "Compare with torch's network itself" in later.diagnosis[0].fix


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_and_modes(theirs, image, dtype, tmp_path):
    network = Theirs().to(DTYPES[dtype]).eval()
    recording = parity.record(network, torch.from_numpy(image).to(DTYPES[dtype]), platforms=["cpu"])
    recording.save(tmp_path / "a.safetensors")
    loaded = parity.load_recording(tmp_path / "a.safetensors")
    ours = nnx.clone(Ours())
    ours = surgery_dtype(ours, dtype)
    ours.eval()
    parity.check(loaded, ours).assert_ok()
    assert list(loaded.module.state_dict()) == list(network.state_dict())
    assert all(
        torch.equal(a, b)
        for a, b in zip(loaded.module.state_dict().values(), network.state_dict().values(), strict=True)
    )
    assert loaded.module.conv is loaded.module.again and loaded.torch_version == torch.__version__


def surgery_dtype(model, dtype):
    """The model with floating arrays of another dtype."""
    graph, state = nnx.split(model)
    cast = jax.tree.map(lambda a: a.astype(dtype) if a.dtype.kind == "f" else a, state)
    return nnx.merge(graph, cast)


def test_another_process_needs_no_code_of_the_network(file):
    """Neither the class nor its module is there."""
    program = f"""
import parity, sys
recording = parity.load_recording({str(file)!r})
print(type(recording.module).__name__, len(recording.calls), "test_recording" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["Theirs", "8", "False"], run.stderr


def test_it_knows_each_platform_it_was_made_for(theirs, image, file):
    recording = parity.load_recording(file)
    tf32, single = (arithmetic(np.float32, platform) for platform in ("gpu", "cpu"))
    coarse, fine = (recording.distances(how, 8) for how in (tf32, single))
    for name in ("output", "grad.conv.weight"):
        assert len(fine[name]) == 8 and min(coarse[name]) > 100 * max(fine[name])
    only = parity.record(theirs, image, platforms=["cpu"])
    assert only.distances(single, 2)
    with pytest.raises(ValueError, match=r"give parity\.record the platform in `platforms`"):
        only.distances(tf32, 2)


def test_what_goes_only_with_the_network_is_refused(theirs, image, file):
    recording = parity.load_recording(file)
    with pytest.raises(ValueError, match="`inputs` cannot be combined with a recording"):
        parity.check(recording, Ours(), image)
    with pytest.raises(ValueError, match="`seed`, `memory_limit` cannot be combined with a recording"):
        parity.check(recording, Ours(), seed=3, memory_limit=1)
    with pytest.raises(ValueError, match=r"`convert` \(='to_torch'\) needs torch's network itself"):
        parity.check(recording, Ours(), convert="to_torch")
    with pytest.raises(ValueError, match=r"`platforms` .* not \['abacus'\]"):
        parity.record(theirs, image, platforms=["cpu", "abacus"])
    with pytest.raises(ValueError, match=r"`path` .* must end with \.safetensors"):
        recording.save("a.pt")


def test_a_layer_called_with_what_no_file_holds_is_named(image):
    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = Scale(3)

        def forward(self, x):
            return self.scale(x, power=1j) if False else self.scale(x, power=np.float32(2))

    with pytest.raises(TypeError, match="torch's layer 'scale': a recording cannot hold float32"):
        parity.record(Odd(), image)


def test_files_that_are_no_recording(file, tmp_path):
    weights = tmp_path / "weights.safetensors"
    jaxconv.save_file({"weight": np.ones(3)}, weights)
    with pytest.raises(ValueError, match=r"weights\.safetensors is not a recording of parity\.record"):
        parity.load_recording(weights)
    arrays = jaxconv.load_file(file)
    header = json.loads(bytes(arrays["recording.json"]))
    changes = {
        "its version is 99": {"version": 99},
        r"os\.system is not one of torch's layers that a recording describes": {
            "modules": [
                {**header["modules"][0], "module": "os", "class": "system", "attributes": {"dict": []}}
            ]
        },
    }
    for message, change in changes.items():
        text = json.dumps({**header, **change}).encode()
        jaxconv.save_file(
            {**arrays, "recording.json": np.frombuffer(text, np.uint8)}, tmp_path / "a.safetensors"
        )
        with pytest.raises(ValueError, match=message):
            parity.load_recording(tmp_path / "a.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"cut\.safetensors"):
        parity.load_recording(tmp_path / "cut.safetensors")
    with pytest.raises(FileNotFoundError):
        parity.load_recording(tmp_path / "none.safetensors")


def test_little_memory_takes_more_passes_and_finds_the_same(theirs, image, monkeypatch):
    passes = []
    run = original.torch_network.calls
    monkeypatch.setattr(
        original.torch_network, "calls", lambda *a, **k: passes.append(k["keep"]) or run(*a, **k)
    )
    one = parity.check(theirs, Ours(scale=True), image)
    assert len(passes) == 2 and passes[0] == ()
    passes.clear()
    many = parity.check(theirs, Ours(scale=True), image, memory_limit=1)
    assert many.layers == one.layers

    # Within so little memory no values are kept from which a cause could be computed.
    assert [d.layer for d in many.diagnosis] == [d.layer for d in one.diagnosis] == ["scale"]
    assert [len(p) for p in passes] == [0] + [1] * 8
    with pytest.raises(ValueError, match=r"`memory_limit` \(=0\) must be a positive number of bytes"):
        parity.check(theirs, Ours(), image, memory_limit=0)


def test_token_ids_integer_outputs_and_layers_of_another_division(tmp_path):
    """What `parity.check` takes, a recording takes."""

    class Words(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.conv = torch.nn.Embedding(11, 4), torch.nn.Conv1d(4, 3, 3)

        def forward(self, ids, mask):
            x = self.embedding(ids).mT * mask[:, None]
            y = self.conv(torch.nn.functional.pad(x, (2, 0)))
            return {"y": y, "best": y.argmax(1)}

    class Ours(nnx.Module):
        def __init__(self, padding):
            self.embedding = jaxconv.Embedding(11, 4, rngs=nnx.Rngs(0))
            self.conv = nnx.Conv(4, 3, (3,), padding=padding, rngs=nnx.Rngs(0))

        def __call__(self, ids, mask):
            y = self.conv(self.embedding(ids) * mask[..., None]).swapaxes(1, 2)
            return {"y": y, "best": y.argmax(1)}

    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 11, (2, 9)), rng.random((2, 9)) < 0.8
    parity.record(Words(), *inputs, platforms=("cpu",)).save(tmp_path / "words.safetensors")
    recording = parity.load_recording(tmp_path / "words.safetensors")
    report = parity.check(recording, Ours("CAUSAL"))
    report.assert_ok()
    assert [layer.name for layer in report.layers if layer.unjudged] == ["conv"]
    assert not parity.check(recording, Ours("SAME")).ok
