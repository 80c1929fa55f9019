"""torch is the oracle: what it saves, loads, casts and refuses."""

import re
import subprocess
import sys
from collections import OrderedDict

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import jaxconv
from jaxconv import load_state_dict, state_dict, to_torch

pytestmark = pytest.mark.share(3)

DTYPES = [
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu",
    "bfloat16", "float16", "float32", "float64", "complex64", "complex128",
]  # fmt: skip


class Conv(nnx.Module):
    def __init__(self, i, o):
        self.weight = nnx.Param(jnp.zeros((o, i, 3, 3), jnp.float32))
        self.bias = nnx.Param(jnp.zeros(o, jnp.float32))


class Norm(nnx.Module):
    def __init__(self, n):
        self.weight = nnx.Param(jnp.zeros(n, jnp.float32))
        self.bias = nnx.Param(jnp.zeros(n, jnp.float32))
        self.running_mean = nnx.BatchStat(jnp.zeros(n, jnp.float32))
        self.running_var = nnx.BatchStat(jnp.zeros(n, jnp.float32))
        self.num_batches_tracked = nnx.BatchStat(jnp.zeros((), jnp.int32))


class CNN(nnx.Module):
    def __init__(self):
        self.conv1 = Conv(3, 4)
        self.norm = Norm(4)
        self.conv2 = Conv(4, 5)


class TorchCNN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)
        self.conv2 = torch.nn.Conv2d(4, 5, 3)


def raw(value):
    """Dtype, shape and bytes, of which the last tells NaNs and zeros apart."""
    if isinstance(value, torch.Tensor):
        flat = value.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
        return str(value.dtype)[6:], tuple(value.shape), flat.view(torch.uint8).numpy().tobytes()
    return value.dtype.name, value.shape, np.asarray(value).tobytes()


def raws(mapping):
    return [(name, raw(value)) for name, value in mapping.items()]


def arrays(dtype, max_dims=3):
    """Arrays of random bytes: every bit pattern of the dtype, but only 0 and 1 for bool."""
    dtype = np.dtype(dtype)
    shapes = hnp.array_shapes(min_dims=0, max_dims=max_dims, min_side=0, max_side=3)
    top = 1 if dtype.kind == "b" else 255

    def build(shape):
        bytes_ = hnp.arrays(np.uint8, int(np.prod(shape)) * dtype.itemsize, elements=st.integers(0, top))
        return bytes_.map(lambda b: b.view(dtype).reshape(shape))

    return shapes.flatmap(build)


def trees_like(mapping):
    """The same parameters as each kind of tree."""
    module = CNN()
    nested = {"norm": {}, "conv1": {}, "conv2": {}}
    for name in mapping:
        layer, leaf = name.split(".")
        nested[layer][leaf] = state_dict(module)[name]
    return [module, nnx.state(module), nested, {"params": nested}]


@pytest.mark.parametrize("kind", range(4))
def test_load_and_back_is_bit_for_bit(kind):
    torch.manual_seed(kind)
    theirs = TorchCNN().state_dict()
    tree = trees_like(theirs)[kind]
    loaded = load_state_dict(tree, theirs)
    ours = state_dict(loaded)
    assert type(loaded) is type(tree)
    assert dict(raws(ours)) | {"norm.num_batches_tracked": None} == dict(raws(theirs)) | {
        "norm.num_batches_tracked": None  # int32 here, since JAX has no int64 by default
    }
    assert all((leaf == 0).all() for leaf in state_dict(tree).values())
    model = TorchCNN()
    model.load_state_dict(to_torch(ours))
    assert raws(model.state_dict()) == raws(theirs)
    assert list(state_dict(load_state_dict(CNN(), theirs))) == list(theirs)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=30, deadline=None)  # times the dtypes
@given(data=st.data())
def test_every_bit_pattern_survives_both_directions(dtype, data):
    array = data.draw(arrays(dtype))
    for leaf in (jnp.zeros(array.shape, dtype), np.zeros(array.shape, dtype)):
        for value in (array, jnp.asarray(array), to_torch({"a": array})["a"]):
            loaded = load_state_dict({"a": leaf}, {"a": value})["a"]
            assert raw(loaded) == raw(array) and isinstance(loaded, type(leaf))
            tensor = to_torch({"a": loaded})["a"]
            assert raw(tensor) == raw(array) and tensor.dtype == getattr(torch, dtype)


@pytest.mark.parametrize("x64", [True, False])
def test_64_bit_parameters_stay_so_in_default_mode(x64):
    tree = {"jax": jnp.zeros(1, jnp.float64), "numpy": np.zeros(1, np.int64)}
    values = {"jax": torch.tensor([1 + 2.0**-50], dtype=torch.float64), "numpy": torch.tensor([2**40 + 1])}
    with jax.enable_x64(x64):
        assert dict(raws(load_state_dict(tree, values))) == dict(raws(values))


@pytest.mark.parametrize(
    "source", ["bool", "uint8", "int32", "int64", "bfloat16", "float16", "float32", "float64"]
)
@pytest.mark.parametrize(
    "target", ["bool", "int8", "int64", "float16", "bfloat16", "float32", "float64", "complex64"]
)
def test_casts_are_those_of_copy_(source, target):
    rng = np.random.default_rng(0)
    half_way = 1 + 2.0 ** -np.arange(8, 13)[:, None] + rng.choice([-1, 0, 1], (5, 9)) * 2.0**-40
    wide = rng.standard_normal(300) * 10.0 ** rng.uniform(-9, 9, 300)
    with np.errstate(all="ignore"):
        array = np.concatenate([half_way.ravel(), wide, [0.0, -0.0, 1.0, -1.0, 65519.9, 65520.0]]).astype(
            source
        )
    tensor = to_torch({"a": array})["a"]
    leaf = {"a": jnp.ones(array.shape, target)}
    if getattr(torch, source).is_floating_point and not (
        getattr(torch, target).is_floating_point or getattr(torch, target).is_complex
    ):
        text = f"dtype mismatch for a: copying a param with dtype {source} from checkpoint, the dtype in"
        with pytest.raises(ValueError, match=re.escape(f"{text} current model is {target}.")):
            load_state_dict(leaf, {"a": tensor})
        return
    expected = torch.empty(tensor.shape, dtype=getattr(torch, target)).copy_(tensor)
    assert raw(load_state_dict(leaf, {"a": tensor})["a"]) == raw(expected)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("complex64", "float32"),
        ("complex128", "int32"),
        ("float32", "float8_e4m3fn"),
        ("float8_e5m2", "bool"),
    ],
)
def test_lossy_casts_are_refused(source, target):
    text = f"dtype mismatch for a: copying a param with dtype {source} from checkpoint, the dtype in current"
    with pytest.raises(ValueError, match=re.escape(f"{text} model is {target}.")):
        load_state_dict({"a": jnp.ones(2, target)}, {"a": np.ones(2, source)})


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0, requires_grad=True).reshape(2, 3),
        torch.nn.Parameter(torch.arange(6.0).reshape(2, 3)),
        torch.arange(6.0).reshape(3, 2).T,
        torch.arange(24.0).reshape(4, 6)[1::2, ::2],
        torch.ones(1).expand(2, 3),
        torch.complex(torch.arange(6.0), torch.ones(6)).reshape(2, 3).conj(),
        torch.complex(torch.arange(6.0), torch.ones(6)).reshape(2, 3).conj().imag,
        torch._neg_view(torch.ones(2, 3)),
        torch.zeros(2, 0, 3),
        torch.tensor(-0.0),
        torch.arange(6.0).reshape(1, 1, 2, 3).to(memory_format=torch.channels_last),
    ],
)
def test_tensors_of_any_memory_layout(tensor):
    leaf = jnp.ones(tensor.shape, str(tensor.dtype)[6:])
    assert raw(load_state_dict({"a": leaf}, {"a": tensor})["a"]) == raw(tensor)
    assert raw(to_torch({"a": tensor})["a"]) == raw(tensor)


def test_arrays_of_other_byte_order_and_numpy_scalars():
    big = np.arange(3, dtype=">f4")
    assert load_state_dict({"a": jnp.ones(3, jnp.float32)}, {"a": big})["a"].tolist() == [0, 1, 2]
    assert to_torch({"a": big, "b": np.float32(2)}) == {"a": pytest.approx([0, 1, 2]), "b": torch.tensor(2.0)}


@pytest.mark.parametrize("n", [1, 1024])  # JAX takes over numpy memory that happens to be aligned
def test_later_changes_in_torch_do_not_show(n):
    theirs = {"a": torch.zeros(n), "b": torch.zeros(n).numpy(), "c": np.zeros(n, np.float32)}
    loaded = load_state_dict({name: jnp.ones(n, jnp.float32) for name in theirs}, theirs)
    as_numpy = load_state_dict({name: np.ones(n, np.float32) for name in theirs}, theirs)
    for value in theirs.values():
        value += 1
    assert all((value == 0).all() for value in [*loaded.values(), *as_numpy.values()])


@pytest.mark.parametrize("n", [1, 1024])
def test_later_changes_of_exported_tensors_do_not_show(n):
    source = {"a": jnp.zeros(n, jnp.float32), "b": np.zeros(n, np.float32), "c": torch.zeros(n)}
    exported = to_torch(source)
    for tensor in exported.values():
        tensor.add_(1)
    assert all((value == 0).all() for value in source.values())


def test_loaded_arrays_can_be_donated():
    source = {"a": jnp.arange(3.0)}
    loaded = load_state_dict(source, source)
    jax.block_until_ready(jax.jit(lambda tree: jax.tree.map(lambda x: x + 1, tree), donate_argnums=0)(loaded))
    assert loaded["a"].is_deleted() and source["a"].tolist() == [0, 1, 2]


def test_all_problems_in_one_error_in_torchs_words():
    mapping = TorchCNN().state_dict()
    mapping["conv1.weight"] = torch.zeros(4, 3, 5, 5)
    mapping["conv2.weight"] = mapping["conv2.weight"].to(torch.complex64)
    mapping["norm.weight"] = mapping["norm.weight"].to_sparse()
    mapping["norm.bias"] = [0.0] * 4
    del mapping["conv2.bias"], mapping["norm.running_mean"]
    mapping["fc.weight"] = mapping["fc.bias"] = torch.ones(1)
    with pytest.raises(ValueError) as ours:
        load_state_dict(CNN(), mapping)
    assert str(ours.value).split("\n\t") == [
        "Error(s) in loading state_dict for CNN:",
        'Missing key(s) in state_dict: "norm.running_mean", "conv2.bias".',
        'Unexpected key(s) in state_dict: "fc.weight", "fc.bias".',
        "size mismatch for conv1.weight: copying a param with shape (4, 3, 5, 5) from checkpoint, the shape "
        "in current model is (4, 3, 3, 3).",
        "cannot read norm.weight: the tensor has layout torch.sparse_coo.",
        "cannot read norm.bias: list is not an array.",
        "dtype mismatch for conv2.weight: copying a param with dtype complex64 from checkpoint, the dtype in "
        "current model is float32.",
    ]
    del mapping["norm.bias"], mapping["norm.weight"], mapping["conv2.weight"]
    with pytest.raises(ValueError) as ours:
        load_state_dict(CNN(), mapping)
    model = TorchCNN()
    model.__class__.__name__ = "CNN"
    try:
        with pytest.raises(RuntimeError) as theirs:
            model.load_state_dict(mapping)
    finally:
        TorchCNN.__name__ = "TorchCNN"
    theirs = re.sub(r"torch\.Size\(\[(.*?)\]\)", r"(\1)", str(theirs.value))
    assert [line.strip() for line in str(ours.value).split("\n\t")] == [
        s.strip() for s in theirs.split("\n\t")
    ]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: torch.ones(2, device="meta"), "the tensor is on the meta device, without values"),
        (lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "the tensor is quantized"),
        (lambda: torch.nn.LazyLinear(2).weight, "the tensor is uninitialized"),
        (lambda: torch.empty(2, dtype=torch.complex32), "torch and JAX do not both have the dtype complex32"),
        (lambda: torch.empty(2, dtype=torch.uint4), "torch and JAX do not both have the dtype uint4"),
        (lambda: np.array([None, 1]), "torch and JAX do not both have the dtype object"),
        (lambda: jax.random.key(0), "torch and JAX do not both have the dtype key<fry>"),
        (lambda: jax.ShapeDtypeStruct((2,), np.float32), "ShapeDtypeStruct is not an array"),
        (lambda: 1.0, "float is not an array"),
        (lambda: None, "NoneType is not an array"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:ComplexHalf:UserWarning", "ignore:.*quantiz.*:UserWarning")
@pytest.mark.filterwarnings("ignore:.*quantiz.*:DeprecationWarning")
def test_values_that_cannot_be_read(make, reason):
    tensor = make()
    with pytest.raises(ValueError, match=re.escape(f"\n\tcannot read a: {reason}.")):
        load_state_dict({"a": jnp.ones(2, jnp.float32)}, {"a": tensor})
    with pytest.raises(TypeError, match=re.escape(f"to_torch cannot take this `mapping`:\n\t'a': {reason}")):
        to_torch({"a": tensor})


def test_nested_tensors_are_refused():
    nested = torch.nested.nested_tensor([torch.ones(1), torch.ones(2)], layout=torch.jagged)
    with pytest.raises(
        ValueError, match=re.escape("cannot read a: the tensor is nested and has layout torch.jagged")
    ):
        load_state_dict({"a": jnp.ones(2)}, {"a": nested})


def test_not_strict_warns_of_what_it_ignores():
    mapping = {"conv1.weight": torch.ones(4, 3, 3, 3), "fc.weight": "anything"}
    text = (
        'Missing key(s) in state_dict: "conv1.bias", "norm.weight", "norm.bias", "norm.running_mean", '
        '"norm.running_var", "conv2.weight", "conv2.bias". Unexpected key(s) in state_dict: "fc.weight".'
    )
    model = CNN()
    with pytest.warns(UserWarning, match=re.escape(text)) as caught:
        loaded = load_state_dict(model, mapping, strict=False)
    assert caught[0].filename == __file__
    assert (loaded.conv1.weight[...] == 1).all() and loaded.conv1.bias[...] is model.conv1.bias[...]
    assert str(
        TorchCNN().load_state_dict({k: v for k, v in mapping.items() if k[0] == "c"}, strict=False)[0]
    ) in (str(re.findall(r'"([^"]+)"', text.split(" Unexpected")[0])))
    with pytest.raises(ValueError, match=r"size mismatch for conv1\.bias"):
        load_state_dict(model, {"conv1.bias": torch.ones(1)}, strict=False)


def test_not_strict_without_difference_is_silent():
    load_state_dict(CNN(), TorchCNN().state_dict(), strict=False)  # warnings are errors here


@pytest.mark.parametrize("version", [None, 1, 2])
def test_old_checkpoints_lack_num_batches_tracked(version):
    mapping = OrderedDict((k, v) for k, v in TorchCNN().state_dict().items() if "num_batches" not in k)
    mapping._metadata = {"norm": {"version": version}}
    outcomes = []
    for load in (TorchCNN().load_state_dict, lambda mapping: load_state_dict(CNN(), mapping)):
        try:
            load(mapping)
            outcomes.append("loaded")
        except (RuntimeError, ValueError) as error:
            outcomes.append(str(error).split("\n\t")[1].strip())
    assert outcomes[0] == outcomes[1]
    load_state_dict(CNN(), dict(mapping))


def test_shape_1_fits_shape_0():
    assert load_state_dict({"a": jnp.ones(())}, {"a": torch.tensor([3.0])})["a"].shape == ()
    text = (
        "size mismatch for a: copying a param with shape () from checkpoint, the shape in current model is "
    )
    with pytest.raises(ValueError, match=re.escape(text + "(1,).")):
        load_state_dict({"a": jnp.ones(1)}, {"a": torch.tensor(3.0)})


class Listed(linen.Module):
    compact: bool = False

    def setup(self):
        make = list if self.compact else jaxconv.linen.ModuleList
        self.body = make([jaxconv.linen.Linear(3, 3) for _ in range(3)])
        self.f = make([jaxconv.linen.Linear(3, 3, bias=False), jaxconv.linen.Linear(3, 3)])

    def __call__(self, x):
        for layer in (*self.body, *self.f):
            x = layer(x)
        return x


class Unnamed(linen.Module):
    @linen.compact
    def __call__(self, x):
        return jaxconv.linen.Linear(3, 3)(x)


def test_the_names_that_linen_gives_a_plain_list_are_explained():
    def made(compact):
        return Listed(compact).init(jax.random.key(1 + compact), np.ones((1, 3), np.float32))

    weights = jaxconv.state_dict(made(False))
    assert "body.2.weight" in weights and "body_2.weight" in jaxconv.state_dict(made(True))
    with pytest.raises(
        ValueError, match=r'Linen calls the layers of a plain list "body_0", torch "body.0"'
    ) as error:
        jaxconv.load_state_dict(made(True), weights)
    assert "hold them in jaxconv.linen.ModuleList([...])" in str(error.value)
    line = str(error.value).partition("or write: load_state_dict")[2]
    loaded = eval(
        f"jaxconv.load_state_dict{line}", {"model": made(True), "state_dict": weights, "jaxconv": jaxconv}
    )
    assert all(
        (loaded["params"][f"body_{i}"]["weight"] == weights[f"body.{i}.weight"]).all() for i in range(3)
    )
    assert (loaded["params"]["f_1"]["bias"] == weights["f.1.bias"]).all()
    with pytest.raises(
        ValueError, match=r'calls layers without a name "Linear_0": .* Linear\(..., name="conv1"\)'
    ):
        jaxconv.load_state_dict(Unnamed().init(jax.random.key(0), np.ones((1, 3), np.float32)), weights)


@pytest.mark.parametrize("prefix", ["module.", "model.", "module.model."])
def test_a_common_prefix_is_pointed_out(prefix):
    state_dict = {prefix + name: value for name, value in TorchCNN().state_dict().items()}
    with pytest.raises(ValueError) as error:
        load_state_dict(CNN(), state_dict)
    hint = str(error.value).split("\n\t")[-1]
    start = "The names fit if you write: "
    assert hint.startswith(start)
    names = {"load_state_dict": load_state_dict, "model": CNN(), "state_dict": state_dict}
    eval(hint.removeprefix(start), names)
    for _ in range(len(state_dict) - 1):
        state_dict.popitem()
    with pytest.raises(ValueError) as error:
        load_state_dict(CNN(), state_dict)
    assert "fit if you write" not in str(error.value)


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        (TorchCNN(), "must be a state_dict (names to arrays), got TorchCNN (write `.state_dict()` after it)"),
        (CNN(), "`mapping` must be a state_dict (names to arrays), got CNN"),
        (nnx.state(CNN()), "must be a state_dict (names to arrays), got State"),
        ([("a", 1)], "must be a state_dict (names to arrays), got list"),
        ({"a": 1, 2: 3, None: 4}, "the keys of `mapping` must be str, got 2, None"),
    ],
)
def test_what_is_not_a_state_dict(mapping, text):
    with pytest.raises(TypeError, match=re.escape(text)):
        load_state_dict(CNN(), mapping)


def test_to_torch_wants_a_flat_mapping():
    text = (
        "`mapping` must map names to arrays, got CNN; for a model write to_torch(jaxconv.state_dict(model))"
    )
    with pytest.raises(TypeError, match=re.escape(text)):
        to_torch(CNN())
    with pytest.raises(TypeError, match=r"got State; for a model write to_torch\("):
        to_torch(nnx.state(CNN()))
    with pytest.raises(TypeError) as error:
        to_torch({"conv": {"weight": jnp.ones(1)}, 3: jnp.ones(1), "b": jnp.ones(2, jnp.int4)})
    assert str(error.value).split("\n\t") == [
        "to_torch cannot take this `mapping`:",
        "'conv': dict is not an array; flatten it with jaxconv.state_dict",
        "3: names must be str, got int",
        "'b': torch and JAX do not both have the dtype int4",
    ]


def test_tied_parameters():
    class Tied(nnx.Module):
        def __init__(self):
            self.a = Conv(2, 2)
            self.b = self.a

    class TorchTied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = torch.nn.Conv2d(2, 2, 3)
            self.b = self.a

    theirs = TorchTied().state_dict()
    loaded = load_state_dict(Tied(), theirs)
    assert loaded.a is loaded.b and raws(state_dict(loaded)) == raws(theirs)
    with pytest.raises(ValueError, match=re.escape("'a.bias' and 'b.bias' are tied")):
        load_state_dict(Tied(), theirs | {"b.bias": theirs["a.bias"] + 1})


def test_sharding_stays():
    sharding = NamedSharding(Mesh(jax.devices()[:1], "x"), PartitionSpec("x"))
    leaves = {
        "sharded": jax.device_put(jnp.ones(2), sharding),
        "free": jnp.ones(2),
        "abstract": jax.ShapeDtypeStruct((2,), jnp.float64, sharding=sharding),
        "plain": jax.ShapeDtypeStruct((2,), jnp.float64),
    }
    loaded = load_state_dict(leaves, dict.fromkeys(leaves, np.zeros(2)))
    assert loaded["sharded"].sharding == loaded["abstract"].sharding == sharding
    assert loaded["sharded"].committed and not loaded["free"].committed and not loaded["plain"].committed
    assert all((value == 0).all() for value in loaded.values())


def test_traced_models_and_traced_values():
    values = {name: np.ones(leaf.shape, leaf.dtype) for name, leaf in state_dict(CNN()).items()}
    loaded = jax.jit(lambda model: load_state_dict(model, values))(CNN())
    assert all((leaf == 1).all() for leaf in state_dict(loaded).values())
    halves = {name: value.astype(np.float16 if value.ndim else np.int8) for name, value in values.items()}
    loaded = jax.jit(lambda values: load_state_dict(CNN(), values))(halves)
    assert {n: raw(v) for n, v in state_dict(loaded).items()} == {n: raw(v) for n, v in values.items()}


def test_an_abstract_model_is_filled():
    theirs = TorchCNN().state_dict()
    loaded = load_state_dict(nnx.eval_shape(CNN), theirs)
    assert dict(raws(state_dict(loaded)))["conv1.weight"] == raw(theirs["conv1.weight"])


def test_torch_is_not_imported(tmp_path):
    script = """
import sys
sys.modules["torch"] = None  # any import of it fails
import jax.numpy as jnp, numpy as np
from jaxconv import load_file, load_state_dict, save_file, state_dict, to_torch
tree = {"a": {"weight": jnp.arange(3.0), "bias": jnp.ones(2, "bfloat16")}}
save_file(state_dict(tree), "x.safetensors")
loaded = load_state_dict(tree, load_file("x.safetensors"))
assert loaded["a"]["weight"].tolist() == [0, 1, 2], loaded
assert load_file("torch.pt")["weight"].tolist() == [[1.0]]
for call in (lambda: to_torch({}), lambda: save_file({}, "x.pt")):
    try:
        call()
    except ImportError as error:
        print(error)
del sys.modules["torch"]
load_file("x.safetensors")
print("torch" in sys.modules)
"""
    torch.save({"weight": torch.ones(1, 1)}, tmp_path / "torch.pt")
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert result.stdout.splitlines() == [
        "to_torch needs PyTorch: pip install torch",
        "save_file of .pt and .pth files needs PyTorch: pip install torch",
        "False",
    ], result.stderr


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_lazy_layers_take_their_sizes_from_the_checkpoint():
    x = torch.randn(2, 4, 6, 6)
    theirs = torch.nn.Sequential(
        torch.nn.LazyConv2d(6, 3, groups=2),
        torch.nn.LazyBatchNorm2d(),
        torch.nn.LazyConvTranspose2d(4, 2, groups=2),
        torch.nn.Flatten(),
        torch.nn.LazyLinear(3),
    )
    theirs(x)
    rngs = nnx.Rngs(0)
    lazy = jaxconv.Sequential(
        jaxconv.LazyConv2d(6, 3, groups=2, rngs=rngs),
        jaxconv.LazyBatchNorm2d(),
        jaxconv.LazyConvTranspose2d(4, 2, groups=2, rngs=rngs),
        jaxconv.Flatten(),
        jaxconv.LazyLinear(3, rngs=rngs),
    )
    state = theirs.state_dict()
    ours = jaxconv.load_state_dict(lazy, state)
    assert [type(layer).__name__ for layer in ours] == [
        type(layer).__name__ for layer in theirs
    ]  # torch's are plain by now, too
    assert type(lazy[0]) is jaxconv.LazyConv2d
    back = jaxconv.to_torch(jaxconv.state_dict(ours))
    assert list(back) == list(state) and all(torch.equal(back[name], state[name]) for name in state)
    with pytest.raises(TypeError, match=r"'1\.weight' holds a UninitializedParameter.*call the model once"):
        jaxconv.load_state_dict(lazy, {"0.weight": state["0.weight"]})
