"""A recording is data: no header makes torch run anything, and what is wrong with one is said at once."""

import json

import numpy as np
import pytest
import torch
from file_mutations import mutated_bytes, mutated_json, recording_bytes, watched
from flax import nnx

import jaxconv
import parity
from parity._torch.recording_check import Invalid
from parity._torch.recording_layers import LAYERS, described, misfits
from parity._torch.recording_schema import validate


class Custom(torch.nn.Module):
    def forward(self, x, *, power=1):
        return x**power


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 1)
        self.act = torch.nn.ReLU()
        self.own = Custom()
        self.again = self.act

    def forward(self, x):
        return self.own(self.again(self.conv(x)), power=2)


class Ours(nnx.Module):
    def __init__(self):
        self.conv = jaxconv.Conv2d(1, 2, 1, rngs=nnx.Rngs(0))
        self.act = self.again = jaxconv.ReLU()

    def __call__(self, x):
        return self.again(self.conv(x)) ** 2


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The header and the arrays of a small recording."""
    path = tmp_path_factory.mktemp("recording") / "small.safetensors"
    x = np.random.default_rng(0).standard_normal((2, 1, 3, 3)).astype(np.float32)
    torch.manual_seed(0)
    parity.record(Small(), x, platforms=["cpu"]).save(path)
    parity.load_recording(path)
    arrays = jaxconv.load_file(path)
    return json.loads(arrays.pop("recording.json").tobytes()), arrays


def load(header, arrays, tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_bytes(recording_bytes(arrays, header))
    return parity.load_recording(path)


def changed(header, where, value):
    header = json.loads(json.dumps(header))
    *above, last = where
    holder = header
    for key in above:
        holder = holder[key]
    holder[last] = value
    return header


def attributes(header, name):
    return next(e for e in header["modules"] if e["name"] == name)["attributes"]["dict"]


def test_a_forward_looked_up_in_torch_is_refused(good, tmp_path):
    """The files that ran a shell command through torch.load, and wrote a file through torch.save."""
    header, arrays = good
    check = parity.check
    load(header, arrays, tmp_path)  # what is imported late has been
    witness = tmp_path / "witness"
    for function in ("load", "save", "compile", "hub.load", "classes"):
        bad = json.loads(json.dumps(header))
        attributes(bad, "act").append(["forward", {"dtype": function}])
        call = next(c for c in bad["calls"] if c["name"] == "act")
        call["args"] = {"tuple": [str(witness), *([{"array": "array.0"}] if function == "save" else [])]}
        with pytest.raises(ValueError, match=r"ReLU has no attribute 'forward'"), watched() as events:
            check(load(bad, arrays, tmp_path), Ours())
        assert not witness.exists()
        assert not [event for event in events if str(witness) in str(event)]
        assert {event for event, _ in events} <= {"open"}, events


@pytest.mark.parametrize("place", ["args", "kwargs"])
def test_a_dtype_is_one_of_a_list(good, tmp_path, place):
    header, arrays = good
    i = next(i for i, c in enumerate(header["calls"]) if c["name"] == "own")
    held = {"args": {"tuple": [{"dtype": "load"}]}, "kwargs": {"dict": [["dtype", {"dtype": "load"}]]}}
    with pytest.raises(ValueError, match=r"'load' is not one of the dtypes \['bool', "):
        load(changed(header, ("calls", i, place), held[place]), arrays, tmp_path)


@pytest.mark.parametrize(
    ("home", "kind"),
    [
        ("os", "system"),
        ("torch.nn.modules.container", "Sequential"),
        ("torch.nn.modules.module", "Module"),
        ("torch.nn.modules.rnn", "GRU"),
        ("torch.nn.modules.lazy", "LazyModuleMixin"),
        ("torch.hub", "Conv2d"),
        ("this", "ReLU"),
    ],
)
def test_a_class_is_one_of_a_table(good, tmp_path, home, kind):
    header, arrays = good
    at = next(i for i, e in enumerate(header["modules"]) if e["name"] == "act")
    bad = changed(changed(header, ("modules", at, "module"), home), ("modules", at, "class"), kind)
    with watched() as events, pytest.raises(ValueError, match=f"{home}.{kind} is not one of torch's layers"):
        load(bad, arrays, tmp_path)
    assert not [event for event in events if event[0] == "import"]


def test_attributes_have_the_types_that_torch_gives_them(good, tmp_path):
    header, arrays = good
    bad = json.loads(json.dumps(header))
    own = dict(attributes(bad, "conv"))
    own |= {
        "padding_mode": "__class__",
        "stride": {"dtype": "load"},
        "groups": True,
        "_parameters": {"dict": []},
    }
    del own["dilation"]
    next(e for e in bad["modules"] if e["name"] == "conv")["attributes"]["dict"] = [*map(list, own.items())]
    with pytest.raises(ValueError, match="is not a recording") as error:
        load(bad, arrays, tmp_path)
    message = str(error.value)
    for text in (
        "torch.nn.Conv2d has no attribute '_parameters'",
        "torch.nn.Conv2d lacks the attribute 'dilation'",
        "stride (={'dtype': 'load'}) must be 2 ints",
        "groups (=True) must be an int",
        "padding_mode (='__class__') must be 'zeros' or 'reflect' or 'replicate' or 'circular'",
    ):
        assert text in message, text


def test_modules_that_hold_each_other_or_have_no_place(good, tmp_path):
    header, arrays = good
    entries = header["modules"]
    full = next(e for e in entries if e["name"] == "own")
    cases = [
        [*entries, {"name": "own.loop", "same": ""}],
        [*entries, {"name": "loop", "same": "loop"}],
        [*entries, {"name": "nowhere.a", "same": "own"}],
        [*entries, {"name": "forward", "same": "own"}],
        [*entries, {"name": "a..b", "same": "own"}],
        [*entries, {"name": ".".join("a" * 500), "same": "own"}],
        entries[1:],
        entries[::-1],
        [],
    ]
    # A module of 2^40 paths.
    doubled = [*entries, {**full, "name": "x0"}]
    for i in range(40):
        doubled += [{**full, "name": f"x{i + 1}"}]
        doubled += [{"name": f"x{i + 1}.{side}", "same": f"x{i}"} for side in "ab"]
    deep = [*entries, {**full, "name": "d"}]
    for _ in range(3000):
        deep.append({**full, "name": deep[-1]["name"] + ".d"})
    for modules in [*cases, doubled, deep]:
        with pytest.raises(ValueError, match=r"\n\tmodules"):
            load({**header, "modules": modules}, arrays, tmp_path)


def test_a_layer_cannot_give_what_its_inputs_do_not_allow(good, tmp_path):
    """A padding of 10^6 is refused by the shapes, before any memory is asked for."""
    header, arrays = good
    bad = json.loads(json.dumps(header))
    own = dict(attributes(bad, "conv")) | {"padding": {"tuple": [10**6, 10**6]}}
    next(e for e in bad["modules"] if e["name"] == "conv")["attributes"]["dict"] = [*map(list, own.items())]
    with pytest.raises(ValueError, match=r"'conv' gives outputs of the shapes .*2000003"):
        load(bad, arrays, tmp_path)
    own["stride"] = {"tuple": [0, 0]}
    next(e for e in bad["modules"] if e["name"] == "conv")["attributes"]["dict"] = [*map(list, own.items())]
    with pytest.raises(ValueError, match="'conv' cannot have run: "):
        load(bad, arrays, tmp_path)


def test_everything_wrong_is_listed_and_deep_nesting_is_no_crash(good, tmp_path):
    header, arrays = good
    bad = {**header, "seed": -1, "random": 3, "inputs": [{"array": "none"}], "calls": [7]}
    with pytest.raises(ValueError, match="is not a recording") as error:
        load(bad, arrays, tmp_path)
    lines = [line.strip().split(":")[0] for line in str(error.value).split("\n\t")[1:]]
    assert lines[:3] == ["seed", "random", "inputs[0]"] and "calls[0]" in lines
    text = json.dumps(header).replace('"seed": 0', '"seed": ' + "[" * 10**5 + "]" * 10**5)
    path = tmp_path / "deep.safetensors"
    jaxconv.save_file({**arrays, "recording.json": np.frombuffer(text.encode(), np.uint8)}, path)
    with pytest.raises(ValueError, match="nested too deeply"):
        parity.load_recording(path)
    nested = 1
    for _ in range(100):
        nested = [nested]
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        load(changed(header, ("calls", 0, "args"), {"tuple": [nested]}), arrays, tmp_path)


def test_the_table_has_the_attributes_that_torch_gives():
    """Layers as torch makes them: described, and accepted again."""
    made = {
        "Conv": (2, 2, 1), "BatchNorm": (2,), "InstanceNorm": (2,), "GroupNorm": (1, 2), "LayerNorm": (2,),
        "RMSNorm": (2,), "LocalResponseNorm": (2,), "CrossMapLRN2d": (2,), "Linear": (2, 2), "Bilinear": (2, 2, 2),
        "LPPool": (2, 2), "Fold": (2, 2), "Unfold": (2,), "MaxUnpool": (2,), "AvgPool": (2,), "MaxPool": (2,),
        "Adaptive": (2,), "ConstantPad": (1, 1.0), "ZeroPad": (1,), "Reflection": (1,), "Replication": (1,),
        "Circular": (1,), "Pixel": (2,), "ChannelShuffle": (2,), "Threshold": (1, 1.0), "Unflatten": (1, (1, 2)),
    }  # fmt: skip
    for name, layer in LAYERS.items():
        args = next((args for start, args in made.items() if name.startswith(start)), ())
        module = layer.kind(*args)
        found = described(module)
        assert found is not None, name
        assert not misfits(layer, found), name
        assert {*module._parameters} == layer.parameters and {*module._buffers} == layer.buffers, name
    assert len(LAYERS) > 90


def test_a_layer_that_the_table_does_not_describe_is_recorded_by_its_results(tmp_path):
    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(1, 2, 1)
            self.hooked = torch.nn.Conv2d(2, 2, 1)
            self.hooked.register_forward_hook(lambda m, args, y: 2 * y)
            self.mine = torch.nn.ReLU()
            self.mine.forward = torch.sigmoid

        def forward(self, x):
            return self.mine(self.hooked(self.conv(x)))

    network = Theirs()
    assert described(network.hooked) is None and described(network.mine) is None
    x = np.random.default_rng(0).standard_normal((2, 1, 3, 3)).astype(np.float32)
    parity.record(network, x, platforms=["cpu"]).save(tmp_path / "a.safetensors")
    recording = parity.load_recording(tmp_path / "a.safetensors")
    assert type(recording.module.hooked).__bases__ == (torch.nn.Module,)

    class Port(nnx.Module):
        def __init__(self, factor):
            self.conv, self.hooked = (jaxconv.Conv2d(i, 2, 1, rngs=nnx.Rngs(0)) for i in (1, 2))
            self.mine, self.factor = jaxconv.Sigmoid(), factor

        def __call__(self, x):
            return self.mine(self.factor * self.hooked(self.conv(x)))

    report = parity.check(recording, Port(1))
    assert report.first_divergence == "hooked"
    assert [layer.ok for layer in report.layers] == [True, False, True]
    # What the hook does, this network does outside of the layer: it is the same network.
    report = parity.check(recording, Port(2))
    report.assert_ok()
    assert [layer.name for layer in report.layers if layer.unjudged] == ["hooked"]


def test_a_layer_of_unknown_code_needs_its_results(good, tmp_path):
    """Without them, comparing would have to run code that is not there."""
    header, arrays = good
    bad = json.loads(json.dumps(header))
    call = next(c for c in bad["calls"] if c["name"] == "own")
    del call["wide"]
    with pytest.raises(ValueError, match=r"lacks \['wide'\], which this layer cannot compute"):
        load(bad, arrays, tmp_path)


def test_buffers_that_are_one_tensor_stay_one(tmp_path):
    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(1, 2, 1)
            shared = torch.ones(1000)
            for i in range(50):
                self.register_buffer(f"b{i}", shared)

        def forward(self, x):
            return self.conv(x)

    x = np.random.default_rng(0).standard_normal((2, 1, 3, 3)).astype(np.float32)
    parity.record(Theirs().eval(), x, platforms=["cpu"]).save(tmp_path / "a.safetensors")
    module = parity.load_recording(tmp_path / "a.safetensors").module
    assert module.b0 is module.b49


def test_mutated_headers_are_value_errors(good):
    """More of them: `make fuzz`."""
    header, arrays = good
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(3000):
        try:
            validate(mutated_json(rng, header, int(rng.integers(1, 4))), arrays)
        except Invalid:
            refused += 1
    assert refused > 2000


def test_mutated_files_are_value_errors(good, tmp_path):
    header, arrays = good
    data = recording_bytes(arrays, header)
    rng = np.random.default_rng(1)
    loaded = 0
    with watched() as events:
        for _ in range(300):
            try:
                if rng.integers(2):
                    load(mutated_json(rng, header), arrays, tmp_path)
                else:
                    (tmp_path / "b.safetensors").write_bytes(mutated_bytes(rng, data))
                    parity.load_recording(tmp_path / "b.safetensors")
                loaded += 1
            except ValueError:
                pass
    assert 0 < loaded < 200
    assert {event for event, _ in events} <= {"open", "import"}
