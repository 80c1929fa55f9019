"""parity.reduce: a fault in one layer, in a block, in the backward pass alone; NNX and Linen; and the file that it writes."""

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
import parity
from tests.support import reducible

ROOT = Path(__file__).resolve().parents[3]


def image(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def theirs(kind=reducible.Theirs):
    torch.manual_seed(0)
    return kind().eval()


def run(file):
    """The test in a written file, which is run in this process."""
    names: dict = {"__file__": str(file)}
    exec(compile(file.read_text(), str(file), "exec"), names)
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    test()


def nnx_port(make):
    made = make()
    made.eval()
    return made


class Dense(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(4, 4)

    def forward(self, x):
        return torch.tanh(self.fc(x))


class Blocks(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([Dense(), Dense()])

    def forward(self, x):
        return self.blocks[1](self.blocks[0](x))


class OurDense(nnx.Module):
    def __init__(self, activation):
        self.fc, self.activation = jaxconv.Linear(4, 4, rngs=nnx.Rngs(0)), activation

    def __call__(self, x):
        return self.activation(self.fc(x))


class OurBlocks(nnx.Module):
    last = staticmethod(jnp.sin)

    def __init__(self):
        self.blocks = nnx.List([OurDense(jnp.tanh), OurDense(self.last)])

    def __call__(self, x):
        return self.blocks[1](self.blocks[0](x))


def test_the_block_with_the_fault_is_found_and_the_file_passes_once_it_is_mended(tmp_path, monkeypatch):
    file = tmp_path / "test_reduced.py"
    found = parity.reduce(Blocks().eval(), OurBlocks(), image(3, 4), file=file)
    assert (found.path, found.flax_path, found.shapes) == ("blocks.1", "blocks.1", ((1, 4),))
    with pytest.raises(AssertionError, match="the networks differ"):
        run(file)
    monkeypatch.setattr(OurBlocks, "last", staticmethod(jnp.tanh))
    run(file)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("ours", "path", "shape"),
    [
        (reducible.in_layer, "body.1.conv", (1, 4, 2, 2)),
        (reducible.in_block, "body.1", (1, 4, 1, 1)),
        (reducible.in_backward, "body.1", (1, 4, 1, 1)),
        (reducible.at_the_end, "", None),
    ],
)
def test_an_nnx_port_is_reduced_and_the_file_passes_once_it_is_mended(
    ours, path, shape, tmp_path, monkeypatch
):
    file = tmp_path / "test_reduced.py"
    made_by = (reducible.Theirs, ours)
    found = parity.reduce(theirs(), nnx_port(ours), image(2, 3, 32, 24), file=file, made_by=made_by)
    assert (found.path, found.flax_path, found.file) == (path, path, file)
    assert np.prod(found.shapes[0]) <= (np.prod(shape) if shape else 3 * 16)
    # Weights and inputs are those of the seed: nothing lies next to the file.
    assert sorted(p.name for p in tmp_path.iterdir()) == ["test_reduced.py"]
    with pytest.raises(AssertionError, match="the networks differ"):
        run(file)
    monkeypatch.setattr(reducible, ours.__name__, reducible.Ours)
    run(file)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("ours", "path", "flax_path"),
    [(reducible.linen_layer, "norm", "norm"), (reducible.linen_block, "body.1", "body_1")],
)
def test_a_linen_port_is_reduced(ours, path, flax_path, tmp_path, monkeypatch):
    file = tmp_path / "test_reduced.py"
    given = theirs(reducible.TheirsNorm), ours(), image(2, 3, 16, 16)
    found = parity.reduce(*given, file=file, made_by=(reducible.TheirsNorm, ours))
    assert (found.path, found.flax_path) == (path, flax_path)
    assert "parity.submodule(ours, " in file.read_text()
    with pytest.raises(AssertionError):
        run(file)
    monkeypatch.setattr(reducible, ours.__name__, reducible.linen_right)
    run(file)


class Gain(torch.nn.Module):
    """A gain that is 1 when it is made."""

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(3))

    def forward(self, x):
        return x * self.gain.detach()


class OurGain(nnx.Module):
    def __init__(self):
        self.gain = nnx.Param(np.ones(3, np.float32))

    def __call__(self, x):
        return x * jax.lax.stop_gradient(self.gain[...] ** 2)


def test_weights_that_show_the_fault_are_written_if_those_of_the_seed_do_not(tmp_path):
    trained = Gain()
    trained.gain.data.mul_(3)
    file = tmp_path / "test_reduced.py"
    found = parity.reduce(trained, OurGain(), image(4, 3), file=file)
    assert found.path == "" and found.shapes == ((1, 3),)
    assert set(jaxconv.load_file(tmp_path / "test_reduced.safetensors")) == {"weights.gain"}
    with pytest.raises(AssertionError):
        run(file)


@pytest.mark.thorough
def test_a_written_file_runs_under_pytest(tmp_path):
    file = tmp_path / "test_reduced.py"
    made_by = ("tests.support.reducible:Theirs", "tests.support.reducible:in_layer")
    parity.reduce(theirs(), nnx_port(reducible.in_layer), image(1, 3, 8, 8), file=file, made_by=made_by)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(file),
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 1 and "body.1.conv" in file.read_text() and "padding.mode" in ran.stdout


def test_what_does_not_differ_is_refused():
    with pytest.raises(
        ValueError, match="nothing differs between the networks on this input: there is nothing"
    ):
        parity.reduce(torch.nn.ReLU(), jaxconv.ReLU(), image(2, 3))
    with pytest.raises(ValueError, match=r"nothing differs .*: inputs\[0\] is constant"):
        parity.reduce(torch.nn.ReLU(), jaxconv.ReLU(), np.ones((2, 3), np.float32))


class Local(nnx.Module):
    def __init__(self, slope):
        self.slope = slope

    def __call__(self, x):
        return self.slope * x


def test_a_file_needs_networks_that_can_be_imported(tmp_path):
    given = torch.nn.ReLU(), Local(2.0), image(2, 3)
    file = tmp_path / "test_reduced.py"
    with pytest.raises(
        ValueError, match=r"`file` .* Local cannot be imported and made without arguments: pass made_by="
    ):
        parity.reduce(*given, file=file)
    with pytest.raises(ValueError, match=r"`made_by\[1\]` \(=.*lambda.*\) must be 'PKG.MOD:NAME'"):
        parity.reduce(*given, file=file, made_by=(torch.nn.ReLU, lambda: Local(2.0)))
    with pytest.raises(ValueError, match=r"`made_by\[1\]` .* has no attribute 'nope'"):
        parity.reduce(*given, file=file, made_by=(torch.nn.ReLU, "tests.support.reducible:nope"))
    with pytest.raises(ValueError, match=r"is not written: .* do not differ like the given ones"):
        parity.reduce(*given, file=file, made_by=(torch.nn.ReLU, "jaxconv:ReLU"))
    assert not file.exists()


def test_a_right_port_that_keeps_torchs_parametrization_does_not_differ():
    class Normed(nnx.Module):
        def __init__(self):
            self.parametrizations = nnx.data(
                {
                    "weight": {
                        "original0": nnx.Param(jnp.ones((4, 1), "float32")),
                        "original1": nnx.Param(jnp.ones((4, 3), "float32")),
                    }
                }
            )
            self.bias = nnx.Param(jnp.zeros(4, "float32"))

        def __call__(self, x):
            own = self.parametrizations["weight"]
            g, v = own["original0"][...], own["original1"][...]
            return x @ (g * v / jnp.linalg.norm(v, axis=1, keepdims=True)).T + self.bias[...]

    normed = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 4))
    parity.check(normed, Normed(), image(2, 3)).assert_ok()
    with pytest.raises(ValueError, match="differ"):
        parity.reduce(normed, Normed(), image(2, 3))
