"""A compiled model in a file: the same bits in another process, and nothing but what was meant is loaded."""

import hashlib
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from file_mutations import compiled_bytes
from flax import linen, nnx, struct

import jaxconv
from jaxconv import _compile_cache
from jaxconv._compiled import file, structure
from jaxconv._files.limits import Damaged
from jaxconv._lower import native

Pair = namedtuple("Pair", ["first", "second"])


class Net(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.conv = jaxconv.Conv2d(2, 3, 3, rngs=rngs)
        self.norm = jaxconv.BatchNorm2d(3)
        self.drop = jaxconv.Dropout(0.5, rngs=rngs)  # its random keys are state, too

    def __call__(self, x):
        y = self.drop(self.norm(self.conv(x)))
        return {"b": y, "a": [Pair(y.astype(jnp.bfloat16), (y > 0,)), None]}


class Scaled(linen.Module):
    @linen.compact
    def __call__(self, x):
        return (x.astype(complex) * self.param("a", lambda key: jnp.ones((), complex))).real


X = np.random.default_rng(0).standard_normal((2, 2, 6, 5), dtype=np.float32)


@pytest.fixture(scope="module")
def compiled():
    return jaxconv.compile(Net(), X, batch_sizes=(1, 2))


@pytest.fixture(scope="module")
def saved(compiled, tmp_path_factory):
    path = tmp_path_factory.mktemp("compiled") / "net.jaxconv"
    return path, compiled.save(path)


def changed(saved, tmp_path, change):
    """An undamaged file with another document; `change` gets the document and returns one."""
    path = tmp_path / "odd"
    path.write_bytes(compiled_bytes(saved[0].read_bytes(), change))
    return path


def needs(path):
    """What a file says it needs."""
    found = []
    compiled_bytes(path.read_bytes(), lambda document: found.append(document["needs"]) or document)
    return found[0]


def test_another_process_computes_the_same_bits(compiled, saved, tmp_path):
    path, digest = saved
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    np.save(tmp_path / "x.npy", X)
    program = f"""
import sys
import numpy as np, jax
import jaxconv
jax.config.update("jax_enable_x64", True)
assert not "torch" in sys.modules
served = jaxconv.load_compiled({str(path)!r}, sha256={digest!r})
assert served.model is None and served.batch_sizes == (1, 2)
jax.config.update("jax_debug_nans", False)
x = np.load("x.npy")
for n in (1, 2):
    found = served(x[:n])
    pair, nothing = found["a"]
    assert nothing is None and type(pair).__name__ == "Pair" and pair._fields == ("first", "second")
    np.save(f"b{{n}}.npy", found["b"]), np.save(f"first{{n}}.npy", np.asarray(pair.first).view(np.uint16))
    np.save(f"second{{n}}.npy", pair.second[0])
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    for n in (1, 2):
        expected = compiled(X[:n])
        pair = expected["a"][0]
        np.testing.assert_array_equal(np.load(tmp_path / f"b{n}.npy"), expected["b"])
        np.testing.assert_array_equal(
            np.load(tmp_path / f"first{n}.npy"), np.asarray(pair.first).view(np.uint16)
        )
        np.testing.assert_array_equal(np.load(tmp_path / f"second{n}.npy"), pair.second[0])


@pytest.mark.parametrize("constants", [False, True])
def test_setting_shapes_and_refusals_are_kept(constants, tmp_path):
    class Add(nnx.Module):
        def __init__(self):
            self.bias = nnx.Param(jnp.arange(3.0))

        def __call__(self, x, options):
            return x + self.bias[...] * options["factor"]

    example = np.ones((2, 3)), {"factor": 2.0}
    compiled = jaxconv.compile(Add(), *example, constants=constants)
    digest = compiled.save(tmp_path / "add")
    again = jaxconv.load_compiled(tmp_path / "add", sha256=digest.upper())
    assert again.setting == compiled.setting and again.setting.constants is constants
    np.testing.assert_array_equal(again(*example), compiled(*example))
    for model in (compiled, again):
        with pytest.raises(ValueError, match=r"`inputs\[0\]` has the shape \(1, 3\)"):
            model(np.ones((1, 3)), {"factor": 2.0})
    with pytest.raises(ValueError, match=r"was loaded from a file and cannot be saved again: copy that file"):
        again.save(tmp_path / "twice")


def test_machine_code_needs_trust(saved):
    path, _ = saved
    with pytest.raises(
        ValueError, match=r"holds machine code, .* Pass `sha256`, the text that Compiled.save returned"
    ):
        jaxconv.load_compiled(path)
    with pytest.raises(ValueError, match=rf"is not the file with the SHA-256 {'0' * 64}"):
        jaxconv.load_compiled(path, sha256="0" * 64, trust=True)
    with pytest.raises(ValueError, match=r"`sha256` \(='abc'\) must be 64 hexadecimal digits"):
        jaxconv.load_compiled(path, sha256="abc")
    with pytest.raises(TypeError, match=r"`trust` \(=1\) must be a bool"):
        jaxconv.load_compiled(path, trust=1)
    assert jaxconv.load_compiled(path, trust=True)(X)["b"].shape == (2, 3, 4, 3)


def test_no_byte_reaches_xla_unchecked(saved, tmp_path, monkeypatch):
    path, digest = saved
    data, broken = path.read_bytes(), tmp_path / "broken"
    monkeypatch.setattr(
        "jaxconv._jax_internals.load_executable", lambda *_: pytest.fail("XLA got what was not checked")
    )
    rng = np.random.default_rng(0)
    for at in [*range(0, 400, 7), *rng.integers(len(data), size=60)]:
        mutated = bytearray(data)
        mutated[at] ^= 1 << rng.integers(8)
        broken.write_bytes(mutated)
        with pytest.raises(ValueError, match="is not the file with the SHA-256"):
            jaxconv.load_compiled(broken, sha256=digest)
        with pytest.raises(ValueError, match="is not a valid file of a compiled model: "):
            jaxconv.load_compiled(broken, trust=True)
    for length in (0, 7, 100, len(data) // 2, len(data) - 1):
        broken.write_bytes(data[:length])
        with pytest.raises(ValueError, match="is not a valid file of a compiled model: "):
            jaxconv.load_compiled(broken, trust=True)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        jaxconv.load_compiled(tmp_path / "none", trust=True)
    with pytest.raises(ValueError, match="is a device, not a regular file"):
        jaxconv.load_compiled("/dev/zero", trust=True)
    jaxconv.save_file({"weight": np.ones(3)}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="its contents are not those that were written"):
        jaxconv.load_compiled(tmp_path / "a.safetensors", trust=True)
    digest = hashlib.sha256((tmp_path / "a.safetensors").read_bytes()).hexdigest()
    with pytest.raises(ValueError, match=r"it has no compiled.json. Compiled.save writes one"):
        jaxconv.load_compiled(tmp_path / "a.safetensors", sha256=digest)


DOCUMENTS = {
    "program": ({"program": "other"}, "is of another program"),
    "version": ({"version": 3}, "its version is 3, and this jaxconv reads 2"),
    "more": ({"more": 1}, "must have exactly"),
    "needs": ({"needs": {}}, "its requirements are missing"),
    "setting": (
        {"setting": {"lowering": 1, "options": [], "constants": False, "blocks": True}},
        "its setting is invalid",
    ),
    "inputs": ({"inputs": {"tuple": []}}, "its inputs must be a tuple of arrays"),
    "no batch": ({"inputs": {"tuple": [{"array": [], "dtype": "int8"}]}}, "an input has no batch"),
    "sizes": ({"sizes": [2, 1]}, "its batch sizes are invalid"),
    "no sizes": ({"sizes": []}, "its arrays are not those that it lists"),
    "outputs": ({"outputs": [3, 4]}, "a structure is described by 3"),
    "state": ({"state": -1}, "it does not say how many parameters it has"),
    "few": ({"state": 1}, "its arrays are not those that it lists"),
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_an_undamaged_file_that_makes_no_sense_is_refused(case, saved, tmp_path):
    change, text = DOCUMENTS[case]
    with pytest.raises(ValueError, match=text):
        jaxconv.load_compiled(changed(saved, tmp_path, lambda document: document | change), trust=True)


def test_a_program_that_xla_does_not_know_is_refused(compiled, tmp_path):
    programs = {size: (b"unknown", program.outputs) for size, program in compiled._programs.items()}
    file.save(file.Contents(compiled.setting, compiled._inputs, programs, []), tmp_path / "odd")
    with pytest.raises(ValueError, match="XLA does not load its program"):
        jaxconv.load_compiled(tmp_path / "odd", trust=True)


NEEDS = {
    "jaxlib": ("0.0.1", r"jaxlib '0.0.1', here '"),
    "jaxconv": ("9", r"jaxconv '9', here '"),
    "platform": ("tpu", r"platform 'tpu', here 'cpu'"),
    "architecture": ("vax", r"architecture 'vax', here '"),
    "instructions": (["avx9000"], r"a processor with avx9000"),
}


@pytest.mark.parametrize("name", NEEDS)
def test_another_machines_program_is_refused(name, saved, tmp_path):
    value, text = NEEDS[name]

    def needing(**others):
        return changed(saved, tmp_path, lambda d: d | {"needs": d["needs"] | others})

    with pytest.raises(
        ValueError, match=rf"odd cannot run here. It was compiled for {text}.* on a machine like this"
    ):
        jaxconv.load_compiled(needing(**{name: value}), trust=True)
    # A processor that can do more will do.
    assert jaxconv.load_compiled(needing(instructions=[]), trust=True)


@pytest.mark.skipif(jaxconv.kernels().instruction_set is None, reason="no kernels run")
def test_the_kernels_must_be_those_it_calls(saved, monkeypatch):
    assert needs(saved[0])["kernels"]
    with monkeypatch.context() as other:
        other.setattr(_compile_cache, "kernels_hash", lambda: "others")
        with pytest.raises(
            ValueError, match=r"for the kernels that it was compiled with .other ones are installed."
        ):
            jaxconv.load_compiled(saved[0], trust=True)
    monkeypatch.setattr(native, "_kernels", native.Kernels(None, "they are off"))
    with pytest.raises(
        ValueError, match=r"for the kernels that it was compiled with .no kernels: they are off."
    ):
        jaxconv.load_compiled(saved[0], trust=True)


def test_a_program_without_convolutions_needs_no_kernels(tmp_path):
    jaxconv.compile(jaxconv.ReLU(), X).save(tmp_path / "relu")
    assert needs(tmp_path / "relu")["kernels"] == ""


def test_64_bits_are_asked_for(tmp_path):
    jaxconv.compile(jaxconv.ReLU(), np.ones(3)).save(tmp_path / "wide")
    with (
        jax.enable_x64(False),
        pytest.raises(ValueError, match="has arrays of float64; set jax_enable_x64 before"),
    ):
        jaxconv.load_compiled(tmp_path / "wide", trust=True)


class Of(nnx.Module):
    def __init__(self, function):
        self.function = function

    def __call__(self, x):
        return self.function(x)


@struct.dataclass
class Result:
    y: jax.Array


def test_what_a_file_cannot_hold_is_refused(tmp_path):
    for function, text in {
        lambda x: [
            Result(x)
        ]: r"the result\[0\] is a .*Result; a file of a compiled model can hold tuples, lists",
        lambda x: {"k": jax.random.key(0)}: r"the result\['k'\] has the dtype key<fry>",
    }.items():
        with pytest.raises(TypeError, match=text):
            jaxconv.compile(Of(function), X).save(tmp_path / "none")
    called = Of(lambda x: jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x))
    with pytest.raises(ValueError, match="the model calls back into Python"):
        jaxconv.compile(called, X).save(tmp_path / "none")
    complex_state = jaxconv.compile((Scaled(), {"params": {"a": jnp.ones((), complex)}}), X)
    with pytest.raises(
        TypeError, match=r"the model has parameters of complex128, which a .safetensors file cannot"
    ):
        complex_state.save(tmp_path / "none")
    assert not (tmp_path / "none").exists()


BAD_STRUCTURES = [
    3,
    [],
    {},
    {"array": [1]},
    {"array": [-1], "dtype": "int8"},
    {"array": [2**40], "dtype": "int8"},
    {"array": [True], "dtype": "int8"},
    {"array": [1], "dtype": "O"},
    {"array": 1, "dtype": "int8"},
    {"tuple": 3},
    {"tuple": [], "list": []},
    {"dict": [["a"]]},
    {"dict": [[None, None]]},
    {"dict": [["a", None], ["a", None]]},
    {"dict": [["a", None], [1, None]]},
    {"namedtuple": "A", "fields": ["a"], "items": []},
    {"namedtuple": "A", "fields": ["a", "a"], "items": [None, None]},
    {"namedtuple": "A", "fields": ["_a"], "items": [None]},
    {"namedtuple": "A; import os", "fields": ["a"], "items": [None]},
    {"namedtuple": "class", "fields": ["a"], "items": [None]},
    {"namedtuple": "A", "fields": [1], "items": [None]},
    {"namedtuple": "A" * 101, "fields": ["a"], "items": [None]},
]


@pytest.mark.parametrize("entry", BAD_STRUCTURES, ids=range(len(BAD_STRUCTURES)))
def test_only_structures_are_structures(entry):
    with pytest.raises(Damaged):
        structure.decoded(entry)


def test_depth_is_limited():
    deep = None
    for _ in range(60):
        deep = {"list": [deep]}
    with pytest.raises(Damaged, match="nested too deeply"):
        structure.decoded(deep)


def test_the_contents_are_what_was_saved(compiled, saved):
    contents = file.load(saved[0], None, True)
    assert contents.setting == compiled.setting and contents.inputs == compiled._inputs
    assert replace(contents, state=[]).programs.keys() == {1, 2}
    assert len(contents.state) == len(jax.tree.leaves(compiled._state))
