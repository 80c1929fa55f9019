"""The NNX and the Linen layers: one table, both fronts, torch's module beside them."""

import inspect

import flax
import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats
import torch
from flax import nnx

import jaxconv

pytestmark = pytest.mark.share(2)

rng = np.random.default_rng(3)
NDIMS = [1, 2, 3]


def ints(*shape, dtype=np.float32):
    return jnp.asarray(rng.integers(-4, 5, shape).astype(dtype))


CONV = {
    "plain": ((4, 6, 3), {}),
    "positional": ((4, 6, 3, 2, 1, 2, 2, False), {}),
    "same": ((4, 6, 2), dict(padding="same", dilation=3)),
    "valid": ((4, 6, 2), dict(padding="valid", stride=2)),
    "reflect": ((4, 6, 3), dict(padding=2, padding_mode="reflect", stride=2)),
    "replicate same": ((4, 6, 2), dict(padding="same", padding_mode="replicate")),
    "circular": ((4, 6, 3), dict(padding=3, padding_mode="circular")),
    "multiplier": ((4, 12, 3), dict(groups=4, padding=1)),
    "no bias": ((4, 6, 1), dict(bias=False)),
}
POOL = {
    "int": ((2,), {}),
    "stride": ((3, 1, 1), {}),
    "indices": ((2,), dict(return_indices=True, ceil_mode=True)),
    "dilation": ((2,), dict(dilation=2, stride=(1,))),
}


def run_nnx(name, args, kwargs, weights, x):
    rngs = {} if "Pool" in name else {"rngs": nnx.Rngs(0)}
    layer = jaxconv.load_state_dict(getattr(jaxconv, name)(*args, **kwargs, **rngs), weights)
    return nnx.jit(lambda layer, x: layer(x))(layer, x)


def run_linen(name, args, kwargs, weights, x):
    layer = getattr(jaxconv.linen, name)(*args, **kwargs)
    variables = layer.init(jax.random.key(0), x)
    if weights:
        variables = jaxconv.load_state_dict(variables, weights)
    return jax.jit(layer.apply)(variables, x)


def run_torch(name, args, kwargs, x):
    layer = getattr(torch.nn, name)(*args, **kwargs)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.from_numpy(rng.integers(-4, 5, tuple(parameter.shape))))
        return layer(torch.from_numpy(np.array(x))), layer.state_dict()


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("run", [run_nnx, run_linen])
@pytest.mark.parametrize(
    ("ndim", "case"),
    # The dimensions differ by a class attribute: 2-d is run with all, the others with what could tell them apart.
    [(2, case) for case in {**CONV, **POOL}]
    + [
        (ndim, case) for ndim in (1, 3) for case in ("positional", "same", "reflect", "multiplier", "indices")
    ],
)
def test_equals_torch(run, ndim, case):
    args, kwargs = {**CONV, **POOL}[case]
    name = f"{'Conv' if case in CONV else 'MaxPool'}{ndim}d"
    for batch in ((2,), (), (0,)) if (ndim, run) == (2, run_nnx) else ((2,),):
        x = ints(*batch, 4, *(7, 6, 5)[-ndim:])
        expected, weights = run_torch(name, args, kwargs, x)
        got = run(name, args, kwargs, weights, x)
        assert isinstance(got, tuple) == isinstance(expected, tuple)
        for a, b in zip(*(v if isinstance(v, tuple) else (v,) for v in (got, expected)), strict=True):
            np.testing.assert_array_equal(np.asarray(a), b.numpy())


@pytest.mark.parametrize("name", [f"{kind}{n}d" for kind in ("Conv", "MaxPool") for n in NDIMS])
def test_torchs_arguments_in_torchs_order_with_torchs_defaults(name):
    def arguments(cls):
        function = cls.__init__ if issubclass(cls, nnx.Module) else cls  # NNX's metaclass hides the signature
        parameters = list(inspect.signature(function).parameters.values())
        parameters = parameters[1:] if parameters[0].name == "self" else parameters
        return [(p.name, p.default) for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]

    expected = [a for a in arguments(getattr(torch.nn, name)) if a[0] not in ("device", "dtype")]
    assert arguments(getattr(jaxconv, name)) == expected
    linen = arguments(getattr(jaxconv.linen, name))
    assert [a for a in linen if a[0] not in ("parent", "name")] == expected
    functional = name.lower().replace("pool", "_pool")
    ours = [
        (p.name, p.default)
        for p in inspect.signature(getattr(jaxconv.functional, functional)).parameters.values()
    ]
    names = [n for n, _ in ours if n != "precision"]
    if "Conv" in name:
        assert names == ["input", "weight", "bias", "stride", "padding", "dilation", "groups"]
        assert ours[2:7] == [("bias", None), ("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1)]
    else:
        assert names == [
            "input",
            "kernel_size",
            "stride",
            "padding",
            "dilation",
            "ceil_mode",
            "return_indices",
        ]


BAD = {
    "in_channels % groups": ((3, 4, 3), dict(groups=2), ValueError, r"`in_channels` \(=3\) must be divisible by `groups` \(=2\)"),
    "out_channels % groups": ((4, 3, 3), dict(groups=2), ValueError, r"`out_channels` \(=3\) must be divisible by `groups` \(=2\)"),
    "groups=0": ((4, 4, 3), dict(groups=0), ValueError, r"`groups` \(=0\) must be positive"),
    "in_channels=0": ((0, 4, 3), {}, ValueError, r"`in_channels` \(=0\) must be positive"),
    "out_channels float": ((4, 4.0, 3), {}, TypeError, r"`out_channels` must be an int, got 4.0 of type float"),
    "kernel_size": ((4, 4, (3, 3, 3, 3)), {}, ValueError, r"`kernel_size` \(=\(3, 3, 3, 3\)\) must be an int or a tuple of"),
    "kernel_size=0": ((4, 4, 0), {}, ValueError, r"`kernel_size` \(=\(0.*\)\) must be positive"),
    "stride=0": ((4, 4, 3, 0), {}, ValueError, r"`stride` \(=\(0.*\)\) must be positive: non-positive stride"),
    "dilation=0": ((4, 4, 3), dict(dilation=0), ValueError, r"`dilation` \(=\(0.*\)\) must be positive"),
    "padding=-1": ((4, 4, 3), dict(padding=-1), ValueError, r"`padding` \(=\(-1.*\)\) must be non-negative"),
    "padding=foo": ((4, 4, 3), dict(padding="foo"), ValueError, r"Invalid padding string: `padding` \(='foo'\)"),
    "same, stride": ((4, 4, 3), dict(padding="same", stride=2), ValueError, r"padding='same' is not supported for strided"),
    "padding of 1": (
        (4, 4, 3),
        dict(padding=(1, 1, 1, 1), padding_mode="circular"),
        ValueError,
        r"`padding` \(=\(1, 1, 1, 1\)\) must be an int or a tuple of . ints",
    ),
    "padding_mode": ((4, 4, 3), dict(padding_mode="mirror"), ValueError, r"`padding_mode` \(='mirror'\) must be one of \('zeros'"),
}  # fmt: skip


@pytest.mark.parametrize("ndim", NDIMS)
@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_refused_at_construction(ndim, row):
    args, kwargs, error, message = row
    with pytest.raises(error, match=message):
        getattr(jaxconv, f"Conv{ndim}d")(*args, **kwargs, rngs=nnx.Rngs(0))
    with pytest.raises(error, match=message):
        getattr(jaxconv.linen, f"Conv{ndim}d")(*args, **kwargs)


def test_bad_pooling_arguments_are_refused_at_construction():
    for cls in (jaxconv.MaxPool2d, jaxconv.linen.MaxPool2d):
        with pytest.raises(
            ValueError, match=r"`padding` \(=\(2, 2\)\) must be at most half of `kernel_size`"
        ):
            cls(2, padding=2)
        with pytest.raises(TypeError, match="`ceil_mode` must be a bool, got 1 of type int"):
            cls(2, ceil_mode=1)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize(
    "shape", [(2, 4, 0, 5), (2, 3, 5, 5), (5, 5), (1, 2, 4, 5, 5), (2, 4, 2, 5)], ids=str
)
def test_padding_modes_refuse_what_torch_refuses(mode, shape):
    layer = jaxconv.Conv2d(4, 4, 3, padding=3, padding_mode=mode, rngs=nnx.Rngs(0))
    twin = torch.nn.Conv2d(4, 4, 3, padding=3, padding_mode=mode)
    try:
        expected = twin(torch.ones(shape)).shape
    except (RuntimeError, NotImplementedError):
        with pytest.raises(ValueError, match=r"input|padding"):
            layer(jnp.ones(shape))
    else:
        assert layer(jnp.ones(shape)).shape == expected


def test_attributes_are_torchs_and_live():
    args = dict(stride=2, padding=1, dilation=(1, 2), groups=2, padding_mode="circular")
    ours = jaxconv.Conv2d(4, 6, 3, **args, rngs=nnx.Rngs(0))
    torchs = torch.nn.Conv2d(4, 6, 3, **args)
    for name in (
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "groups",
        "padding_mode",
    ):
        assert getattr(ours, name) == getattr(torchs, name), name
    assert ours.weight.shape == tuple(torchs.weight.shape)
    ours.stride = torchs.stride = (1, 1)
    x = jnp.ones((1, 4, 8, 8))
    assert ours(x).shape == tuple(torchs(torch.ones(1, 4, 8, 8)).shape)
    ours.padding, ours.stride = "same", 3
    with pytest.raises(ValueError, match="padding='same' is not supported for strided"):
        ours(x)
    assert jaxconv.Conv2d(4, 6, 3, bias=False, rngs=nnx.Rngs(0)).bias is None
    assert jaxconv.MaxPool2d(3).stride == torch.nn.MaxPool2d(3).stride


def test_dtypes_follow_flax():
    x = jnp.ones((1, 4, 5, 5), jnp.bfloat16)
    layer = jaxconv.Conv2d(4, 6, 3, rngs=nnx.Rngs(0))
    assert layer(x).dtype == jnp.float32
    assert jaxconv.Conv2d(4, 6, 3, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))(x).dtype == jnp.bfloat16
    half = jaxconv.Conv2d(4, 6, 3, param_dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    assert half.weight.dtype == jnp.bfloat16
    assert half(x).dtype == jnp.bfloat16
    linen = jaxconv.linen.Conv2d(4, 6, 3, dtype=jnp.float16, param_dtype=jnp.float64)
    variables = linen.init(jax.random.key(0), x)
    assert variables["params"]["weight"].dtype == jnp.float64
    assert linen.apply(variables, x).dtype == jnp.float16


def test_precision_reaches_xla():
    layer = jaxconv.Conv2d(4, 6, 3, precision="highest", lowering="xla", rngs=nnx.Rngs(0))
    text = jax.jit(lambda x: layer(x)).lower(jnp.ones((1, 4, 5, 5))).as_text()
    assert "HIGHEST" in text
    layer.precision = None
    assert "HIGHEST" not in jax.jit(lambda x: layer(x)).lower(jnp.ones((1, 4, 5, 5))).as_text()


def test_initialisers_and_promotion_are_used():
    ones, twos = jax.nn.initializers.ones, jax.nn.initializers.constant(2.0)
    layer = jaxconv.Conv2d(4, 6, 3, weight_init=ones, bias_init=twos, rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(layer.weight[...], np.ones((6, 4, 3, 3)))
    np.testing.assert_array_equal(layer.bias[...], np.full(6, 2.0))
    linen = jaxconv.linen.Conv2d(4, 6, 3, weight_init=ones, bias_init=twos)
    x = jnp.ones((1, 4, 3, 3))
    np.testing.assert_array_equal(linen.apply(linen.init(jax.random.key(0), x), x), layer(x))

    def to_half(args, /, *, dtype=None, inexact=True):
        return tuple(None if a is None else jnp.asarray(a, jnp.float16) for a in args)

    assert jaxconv.Conv2d(4, 6, 3, promote_dtype=to_half, rngs=nnx.Rngs(0))(x).dtype == jnp.float16


def test_parameters_are_drawn_from_torchs_distribution():
    # Uniform within 1 / sqrt(fan-in), the fan-in counted within a group: without that it were 1 / sqrt(8) of it.
    arguments = (64, 2048, 3, 1, 0, 1, 8)
    ours = jaxconv.Conv2d(*arguments, rngs=nnx.Rngs(0))
    linen = jaxconv.linen.Conv2d(*arguments).init(jax.random.key(0), jnp.zeros((1, 64, 3, 3)))["params"]
    torch.manual_seed(0)
    theirs = torch.nn.Conv2d(*arguments)
    limit = 1 / np.sqrt(64 / 8 * 3 * 3)
    for name in ("weight", "bias"):
        samples = [
            np.ravel(getattr(ours, name)[...]),
            np.ravel(linen[name]),
            getattr(theirs, name).detach().numpy().ravel(),
        ]
        for sample in samples:
            assert np.abs(sample).max() <= limit
            assert scipy.stats.kstest(sample, scipy.stats.uniform(-limit, 2 * limit).cdf).pvalue > 1e-3
            for wrong in (limit / np.sqrt(8), limit * 1.1, limit * 0.9):
                assert scipy.stats.kstest(sample, scipy.stats.uniform(-wrong, 2 * wrong).cdf).pvalue < 1e-3


def test_rngs_stream_decides_the_parameters():
    def weight(rngs):
        return np.asarray(jaxconv.Conv2d(4, 6, 3, rngs=rngs).weight[...])

    np.testing.assert_array_equal(weight(nnx.Rngs(0)), weight(nnx.Rngs(0)))
    np.testing.assert_array_equal(weight(nnx.Rngs(params=0)), weight(nnx.Rngs(0, params=0)))
    assert (weight(nnx.Rngs(0)) != weight(nnx.Rngs(1))).any()


def test_sharding_metadata():
    mesh = jax.make_mesh((1, 1), ("out", "in"), axis_types=(jax.sharding.AxisType.Auto,) * 2)
    names = ("out", "in", None, None)
    with jax.set_mesh(mesh):
        told = jaxconv.Conv2d(4, 6, 3, weight_metadata={"out_sharding": names}, rngs=nnx.Rngs(0))
        by_init = jaxconv.Conv2d(
            4,
            6,
            3,
            weight_init=nnx.with_partitioning(jaxconv.init.conv_weight, names),
            bias_metadata={"out_sharding": ("out",)},
            rngs=nnx.Rngs(0),
        )
    expected = jax.sharding.PartitionSpec(*names)
    assert nnx.get_partition_spec(nnx.state(told))["weight"].get_value() == expected
    specs = nnx.get_partition_spec(nnx.state(by_init))
    assert specs["weight"].get_value() == expected
    assert specs["bias"].get_value() == jax.sharding.PartitionSpec("out")
    linen = jaxconv.linen.Conv2d(
        4, 6, 3, weight_init=flax.linen.with_partitioning(jaxconv.init.conv_weight, names)
    )
    x = jnp.ones((1, 4, 5, 5))
    variables = linen.init(jax.random.key(0), x)
    assert flax.linen.get_partition_spec(variables)["params"]["weight"] == expected
    assert linen.apply(variables, x).shape == (1, 6, 3, 3)


def test_repr_and_tabulate():
    layer = jaxconv.Conv2d(4, 6, 3, padding="same", rngs=nnx.Rngs(0))
    text = repr(layer)
    for part in ("Conv2d(", "in_channels=4", "kernel_size=(3, 3)", "padding='same'", "shape=(6, 4, 3, 3)"):
        assert part in text
    table = nnx.tabulate(
        layer, jnp.ones((1, 4, 5, 5)), console_kwargs={"force_terminal": False, "width": 160}
    )
    assert "[6,4,3,3]" in table
    assert "[1,6,5,5]" in table
    linen = jaxconv.linen.Conv2d(4, 6, 3)
    assert "[6,4,3,3]" in linen.tabulate(
        jax.random.key(0), jnp.ones((1, 4, 5, 5)), console_kwargs={"width": 160}
    )
    assert "in_channels = 4" in repr(linen)


def test_nnx_grad_and_an_optimizer_step():
    class Net(nnx.Module):
        def __init__(self, *, rngs):
            self.conv = jaxconv.Conv2d(4, 6, 3, rngs=rngs)
            self.pool = jaxconv.MaxPool2d(2)

        def __call__(self, x):
            return self.pool(self.conv(x))

    net, x = Net(rngs=nnx.Rngs(0)), ints(2, 4, 6, 6)
    optimizer = nnx.Optimizer(net, optax.sgd(0.5), wrt=nnx.Param)

    @nnx.jit
    def step(net, optimizer, x):
        loss, grads = nnx.value_and_grad(lambda net: jnp.mean(net(x) ** 2))(net)
        optimizer.update(net, grads)
        return loss, grads

    before = net.conv.weight[...]
    _, grads = step(net, optimizer, x)
    np.testing.assert_array_equal(net.conv.weight[...], before - 0.5 * grads["conv"]["weight"][...])


def test_linen_gradients_and_train_loop_names():
    class Net(flax.linen.Module):
        @flax.linen.compact
        def __call__(self, x):
            x = jaxconv.linen.Conv2d(4, 6, 3, name="conv1")(x)
            return jaxconv.linen.MaxPool2d(2)(x)

    net, x = Net(), ints(2, 4, 6, 6)
    variables = net.init(jax.random.key(0), x)
    assert list(jaxconv.state_dict(variables)) == ["conv1.weight", "conv1.bias"]
    grads = jax.grad(lambda v: jnp.sum(net.apply(v, x) ** 2))(variables)
    assert jax.tree.structure(grads) == jax.tree.structure(variables)
    assert all(bool(jnp.any(g != 0)) for g in jax.tree.leaves(grads))
