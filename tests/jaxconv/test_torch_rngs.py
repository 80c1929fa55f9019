"""jaxconv.TorchRngs: torch itself, with the same seed, gives the same bits."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
from jaxconv import init, surgery
from jaxconv.nn._module import ParamModule

pytestmark = pytest.mark.share(3)

SEEDS = range(20)
DTYPES = ("float32", "float64", "bfloat16", "float16", "complex64", "complex128")
# What half precision is rounded from, and how trunc_normal_ draws, was another matter before.
NEW = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 13)
since_2_13 = pytest.mark.skipif(not NEW, reason="other numbers before torch 2.13")
needs_avx2 = pytest.mark.skipif(
    not torch.backends.cpu.get_cpu_capability().startswith("AVX"),
    reason="torch's normal_ has other bits here",
)


def bits(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def same_bits(ours, theirs):
    ours = jaxconv.to_torch(ours)
    return list(ours) == list(theirs) and all(
        ours[name].dtype == value.dtype
        and ours[name].shape == value.shape
        and bits(ours[name]) == bits(value)
        for name, value in theirs.items()
    )


ROWS = {
    "Bilinear": (3, 4, 5),
    "Embedding": (7, 5, 2),
    "EmbeddingBag": (7, 5),
    "GRU": (3, 5, 2, True, False, 0.0, True),
    "GRUCell": (3, 5),
    "GroupNorm": (2, 6),
    "LSTM": (3, 5, 2, False, True, 0.0, True, 2),
    "LSTMCell": (3, 5, False),
    "LayerNorm": ([3, 5],),
    "LazyLinear": (5,),
    "Linear": (7, 5),
    "PReLU": (3,),
    "RMSNorm": (5,),
    "RNN": (3, 5, 2, "relu"),
    "RNNCell": (3, 5),
}
for n in (1, 2, 3):
    ROWS |= {
        f"Conv{n}d": (4, 6, 3, 1, 0, 1, 2),
        f"ConvTranspose{n}d": (4, 6, (2, 3, 4)[:n], 1, 0, 0, 2),
        f"LazyConv{n}d": (6, 3),
        f"LazyConvTranspose{n}d": (6, 3),
        f"BatchNorm{n}d": (4,),
        f"InstanceNorm{n}d": (4, 1e-5, 0.1, True, True),
        f"LazyBatchNorm{n}d": (),
        f"LazyInstanceNorm{n}d": (),
    }
# The weights of losses are arguments: nothing is drawn.
WITH_PARAMETERS = {
    name
    for name, layer in vars(jaxconv).items()
    if isinstance(layer, type) and issubclass(layer, ParamModule) and not name.endswith("Loss")
}


def test_every_layer_with_parameters_has_a_row():
    assert set(ROWS) == WITH_PARAMETERS


@pytest.mark.parametrize("name", sorted(WITH_PARAMETERS))
def test_same_seed_same_weights(name):
    size = "".join(filter(str.isdigit, name))
    x = np.arange(2 * 4 * 5 ** int(size or 0), dtype=np.float32).reshape(2, 4, *[5] * int(size or 0))
    for seed in SEEDS:
        torch.manual_seed(seed)
        theirs = [getattr(torch.nn, name)(*ROWS[name]), torch.nn.Linear(2, 3)]
        rngs = jaxconv.TorchRngs(seed)
        ours = [getattr(jaxconv, name)(*ROWS[name], rngs=rngs), jaxconv.Linear(2, 3, rngs=rngs)]
        if name.startswith("Lazy"):  # draws when it sees its input
            theirs[0].eval()
            ours[0].eval()
            theirs[0](torch.from_numpy(x))
            ours[0](x)
        for our, their in zip(ours, theirs, strict=True):
            assert same_bits(jaxconv.state_dict(our), their.state_dict())


@pytest.mark.parametrize(
    "dtype", [d if d in ("float64", "complex64") else pytest.param(d, marks=since_2_13) for d in DTYPES[1:5]]
)
@pytest.mark.parametrize("name", ["Conv2d", "ConvTranspose1d", "Linear", "Bilinear"])
def test_other_dtypes(name, dtype):
    torch.manual_seed(3)
    theirs = getattr(torch.nn, name)(*ROWS[name], dtype=getattr(torch, dtype))
    ours = getattr(jaxconv, name)(*ROWS[name], param_dtype=dtype, rngs=jaxconv.TorchRngs(3))
    assert same_bits(jaxconv.state_dict(ours), theirs.state_dict())


class Block(nnx.Module):
    """Shortcut first and Dropout within: what is drawn later must not depend on them."""

    def __init__(self, channels, out, *, rngs):
        self.shortcut = jaxconv.Sequential(
            jaxconv.Conv2d(channels, out, 1, bias=False, rngs=rngs), jaxconv.BatchNorm2d(out, rngs=rngs)
        )
        self.a = jaxconv.Conv2d(channels, out, 3, padding=1, groups=2, rngs=rngs)
        self.drop = jaxconv.Dropout(0.5, rngs=rngs)
        self.act = jaxconv.PReLU(out, rngs=rngs)

    def __call__(self, x):
        return self.act(self.drop(self.a(x)) + self.shortcut(x))


class Net(nnx.Module):
    def __init__(self, *, rngs):
        self.blocks = jaxconv.ModuleList([Block(4, 6, rngs=rngs), Block(6, 8, rngs=rngs)])
        self.up = jaxconv.ConvTranspose2d(8, 4, 2, 2, rngs=rngs)
        self.norm = jaxconv.GroupNorm(2, 4, rngs=rngs)
        self.head = jaxconv.Linear(4, 3, rngs=rngs)


class TorchBlock(torch.nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.shortcut = torch.nn.Sequential(
            torch.nn.Conv2d(channels, out, 1, bias=False), torch.nn.BatchNorm2d(out)
        )
        self.a = torch.nn.Conv2d(channels, out, 3, padding=1, groups=2)
        self.drop = torch.nn.Dropout(0.5)
        self.act = torch.nn.PReLU(out)


class TorchNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([TorchBlock(4, 6), TorchBlock(6, 8)])
        self.up = torch.nn.ConvTranspose2d(8, 4, 2, 2)
        self.norm = torch.nn.GroupNorm(2, 4)
        self.head = torch.nn.Linear(4, 3)


def torch_net(seed):
    torch.manual_seed(seed)
    return TorchNet()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_network(seed):
    ours = jaxconv.state_dict(Net(rngs=jaxconv.TorchRngs(seed)))
    assert len(ours) > 20 and same_bits(ours, torch_net(seed).state_dict())
    assert not same_bits(ours, torch_net(seed + 1).state_dict())


@needs_avx2
def test_surgery_goes_on_as_torch_does():
    """What constructors of torch's own networks do at their end."""
    theirs = torch_net(9)
    for name, value in theirs.named_parameters():
        if name.endswith("a.weight"):
            torch.nn.init.kaiming_normal_(value, mode="fan_out", nonlinearity="relu")
    rngs = jaxconv.TorchRngs(9)
    ours = Net(rngs=rngs)
    ours = surgery.kaiming_normal(
        ours, "**.a.weight", mode="fan_out", nonlinearity="relu", key=rngs.params(), count=2
    )
    assert same_bits(jaxconv.state_dict(ours), theirs.state_dict())


@pytest.mark.parametrize("seed", [-1, -(2**63), 2**32 + 5, 2**63 + 9, 2**64 - 1, np.int64(-3)])
def test_seeds_are_those_of_manual_seed(seed):
    torch.manual_seed(int(seed))
    stream = jaxconv.TorchRngs(seed).params()
    assert same_bits({"x": init.uniform()(stream, (4,))}, {"x": torch.rand(4)})


def test_seeds_refused():
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises((ValueError, RuntimeError)):
            torch.manual_seed(seed)
        with pytest.raises(ValueError, match=rf"`seed` \(={seed}\) must be between -2\*\*63 and 2\*\*64 - 1"):
            jaxconv.TorchRngs(seed)
    for seed in (1.5, True, None, jax.random.key(0)):
        with pytest.raises(TypeError, match="`seed` must be an int, got"):
            jaxconv.TorchRngs(seed)


@since_2_13
@needs_avx2
@pytest.mark.parametrize("dtype", DTYPES)
def test_stream(dtype):
    """One stream through all sizes: the kept normal number and the redrawn block move on with it."""
    torch.manual_seed(1)
    stream = init.TorchStream(1)
    for size in (*range(1, 40), 999, 70001):
        x = torch.empty(size, dtype=getattr(torch, dtype))
        for low, high in ((0, 1), (-0.1, 0.1), (0.3, 5.7)):
            ours = init.uniform(low, high)(stream, (size,), dtype)
            assert same_bits({"x": ours}, {"x": x.uniform_(low, high)}), size
        for mean, std in ((0, 1), (-0.3, 0.7)):
            assert same_bits(
                {"x": init.normal(mean, std)(stream, (size,), dtype)}, {"x": x.normal_(mean, std)}
            ), size


def test_large_arrays_are_drawn_in_pieces():
    torch.manual_seed(2)
    stream = init.TorchStream(2)
    for size in (2**18, 2**19 + 17):
        assert same_bits(
            {"x": init.uniform(-1, 2)(stream, (size,))}, {"x": torch.empty(size).uniform_(-1, 2)}
        )
        assert same_bits(
            {"x": init.normal()(stream, (size,), "float64")}, {"x": torch.randn(size, dtype=torch.float64)}
        )


@since_2_13
@needs_avx2
@pytest.mark.parametrize(
    ("name", "kwargs", "shape"),
    [
        ("xavier_uniform", {"gain": 2}, (6, 4, 3)),
        ("xavier_normal", {}, (6, 4, 3)),
        ("kaiming_uniform", {"a": 0.2, "mode": "fan_out"}, (6, 4, 3)),
        ("kaiming_normal", {"nonlinearity": "relu"}, (6, 4, 3)),
        ("sparse", {"sparsity": 0.3}, (10, 7)),
        ("sparse", {"sparsity": 1}, (1, 3)),
        ("trunc_normal", {"std": 0.02}, (40, 40)),
        ("trunc_normal", {}, (40, 40)),
        ("trunc_normal", {"a": -1, "b": np.inf}, (40,)),
        ("trunc_normal", {"a": 1, "b": 3}, (40, 40)),  # few would fit: uniform numbers are tried
        ("trunc_normal", {"mean": 0.1, "std": 0.7, "a": -0.1, "b": 0.1}, (3, 3)),
        ("uniform", {}, (0, 3)),
        ("zeros", {}, (3,)),
    ],
)
def test_initialisers(name, kwargs, shape):
    for dtype in DTYPES[:4] if name == "trunc_normal" else DTYPES:
        for seed in range(3):
            torch.manual_seed(seed)
            theirs = torch.empty(shape, dtype=getattr(torch, dtype))
            getattr(torch.nn.init, name + "_")(theirs, **kwargs)
            stream = init.TorchStream(seed)
            ours = getattr(init, name)(**kwargs)(stream, shape, dtype)
            # The generator is left where torch's is.
            after = init.uniform()(stream, (3,))
            assert same_bits({"x": ours, "after": after}, {"x": theirs, "after": torch.rand(3)}), (
                dtype,
                seed,
            )


@needs_avx2
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(6, 4), (4, 3, 3), (5, 5)])
def test_orthogonal_is_torchs_but_for_rounding(shape, dtype):
    torch.manual_seed(4)
    theirs = torch.nn.init.orthogonal_(torch.empty(shape, dtype=getattr(torch, dtype)), gain=2)
    stream = init.TorchStream(4)
    ours = init.orthogonal(gain=2)(stream, shape, dtype)
    # Both are backward stable (Higham, ch. 19), of matrices of a condition that is small here.
    error = 10 * np.prod(shape) * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=0, atol=error)
    assert same_bits({"next": init.uniform()(stream, (3,))}, {"next": torch.rand(3)})


def test_trunc_normal_without_bounds_far_out_is_refused_as_in_torch():
    with pytest.raises((RuntimeError, ValueError)), pytest.warns(UserWarning, match="more than 2 std"):
        torch.nn.init.trunc_normal_(torch.empty(3), a=4, b=np.inf)
    with pytest.raises(ValueError, match=r"`a` \(=4\) and `b` \(=inf\) must be finite"):
        init.trunc_normal(a=4, b=np.inf)(init.TorchStream(0), (3,))


def test_other_streams_are_those_of_nnx():
    ours, flax = jaxconv.TorchRngs(7), nnx.Rngs(7)
    assert isinstance(ours, nnx.Rngs) and ours["params"]() is ours.params()
    for stream in ("dropout", "default", "noise"):
        np.testing.assert_array_equal(ours[stream].bits((2,)), flax[stream].bits((2,)))
    np.testing.assert_array_equal(jax.random.bits(ours()), jax.random.bits(flax()))
    assert nnx.Dropout(0.5, rngs=ours)(jnp.ones(9), deterministic=False).shape == (9,)


def test_layers_do_not_keep_it():
    model = Net(rngs=jaxconv.TorchRngs(0))
    kinds = {type(leaf).__name__ for _, leaf in nnx.to_flat_state(nnx.state(model))}
    assert kinds == {"Param", "BatchStat", "RngKey", "RngCount"}  # the last two are Dropout's
    graph = nnx.graphdef(model)
    assert graph == nnx.graphdef(Net(rngs=nnx.Rngs(1))) and hash(graph) is not None


def test_a_copy_goes_on_by_itself():
    rngs = jaxconv.TorchRngs(0)
    init.uniform()(rngs.params(), (5,))
    other = copy.deepcopy(rngs)
    x = init.normal()(rngs.params(), (5,))
    np.testing.assert_array_equal(init.normal()(other.params(), (5,)), x)


@pytest.mark.parametrize(
    "transform", [lambda make: jax.jit(make)(), lambda make: nnx.jit(make)(), nnx.eval_shape]
)
def test_under_a_transformation(transform):
    model = transform(lambda: Net(rngs=jaxconv.TorchRngs(5)))
    theirs = torch_net(5).state_dict()
    if transform is not nnx.eval_shape:
        ours = jaxconv.state_dict(model)
        assert same_bits({name: ours[name] for name in theirs}, theirs)  # jit sorts what it gives back
    rngs = jaxconv.TorchRngs(5)
    with pytest.raises(
        TypeError, match="made outside jit, vmap or another transformation, and cannot draw inside"
    ):
        transform(lambda: Net(rngs=rngs))
    init.normal()(rngs.params(), (1,))  # which keeps a second one
    with pytest.raises(TypeError, match="cannot draw inside"):
        transform(lambda: init.normal()(rngs.params(), (1,)))


def test_refused_where_it_has_no_meaning():
    rngs = jaxconv.TorchRngs(0)
    for wrong in (rngs.fork, lambda: rngs.split(3), lambda: rngs.broadcast(2)):
        with pytest.raises(
            TypeError, match="cannot be split or forked: torch draws everything from one stream"
        ):
            wrong()
    for wrong in (
        lambda: nnx.Linear(2, 3, rngs=rngs),
        lambda: jaxconv.Conv2d(2, 3, 1, weight_init=jax.nn.initializers.lecun_normal(), rngs=rngs),
        lambda: jax.random.split(rngs.params()),
    ):
        with pytest.raises(
            TypeError, match=r"is not a JAX key: give this layer initialisers of jaxconv\.init"
        ):
            wrong()
    layer = nnx.Linear(2, 3, kernel_init=init.kaiming_uniform(), rngs=rngs)  # zeros do not draw
    assert layer.kernel.shape == (2, 3)


def test_without_64_bit():
    torch.manual_seed(6)
    theirs = [torch.nn.Linear(3, 4), torch.nn.Linear(3, 4, dtype=torch.float64)]
    with jax.enable_x64(False):
        rngs = jaxconv.TorchRngs(6)
        first = jaxconv.Linear(3, 4, rngs=rngs)
        assert same_bits(jaxconv.state_dict(first), theirs[0].state_dict())
        with pytest.warns(UserWarning, match="float64 .*is not available"):
            second = jaxconv.Linear(3, 4, param_dtype=jnp.float64, rngs=rngs)
        rounded = {name: value.float() for name, value in theirs[1].state_dict().items()}
        assert same_bits(jaxconv.state_dict(second), rounded)


def test_linen_through_the_state_dict():
    layer = jaxconv.linen.Conv2d(3, 4, 3)
    variables = jax.eval_shape(layer.init, jax.random.key(0), jnp.zeros((1, 3, 5, 5)))
    twin = jaxconv.Conv2d(3, 4, 3, rngs=jaxconv.TorchRngs(8))
    variables = jaxconv.load_state_dict(variables, jaxconv.state_dict(twin))
    torch.manual_seed(8)
    assert same_bits(jaxconv.state_dict(variables), torch.nn.Conv2d(3, 4, 3).state_dict())
