"""torch.nn's own modules come back as jaxconv's layers, which compute what the traced operations did."""

import functools
import itertools
import re
import warnings
from types import MethodType

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from every_layer import LAYERS, inputs, public
from flax import nnx
from torch import nn
from torch.nn import functional as F

import jaxconv
import parity
from jaxconv._from_torch import convert, exported

# The same numbers in another program: no indices where nobody takes them; a draw in another order.
OTHER_STEPS = {
    *(f"{name}{n}d" for name in ("AdaptiveMaxPool", "Dropout", "LPPool", "MaxUnpool") for n in (1, 2, 3)),
    *("EmbeddingBag", "Softmin", "LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"),
}
FIRST = dict(zip(reversed([name for name, _, _ in LAYERS]), reversed(LAYERS), strict=True))
CASES = [
    case
    for case in LAYERS
    if (hasattr(nn, case[0]) and not case[0].startswith("Lazy") and not case[0].endswith("Loss"))
    and (case is FIRST[case[0]] or {*case[2]} & {"padding_mode", "return_indices"})
]


class Each(nn.Module):
    """Layers next to one another, each with an input of its own."""

    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, *groups):
        return [layer(*given) for layer, given in zip(self.layers, groups, strict=True)]


def traced(monkeypatch, module, example, **options):
    """The network with no layer in it: every operation is one of the program."""
    with monkeypatch.context() as patched:
        patched.setattr(convert, "layer_of", lambda *_: None)
        return jaxconv.from_torch(module, example, **options)


def program(network, *xs):
    """What JAX is to compute, without the addresses of functions."""
    graph, keys, state = nnx.split(network, nnx.RngState, ...)

    def run(state, *xs):
        merged = nnx.merge(graph, keys, state, copy=True)
        return merged(*xs), nnx.state(merged, nnx.BatchStat)

    return re.sub(r"0x[0-9a-f]+", "", str(jax.make_jaxpr(run)(state, *xs)))


def test_every_layer_is_jaxconvs_with_torchs_arguments_and_the_same_program(monkeypatch):
    torch.manual_seed(0)
    module = Each([getattr(nn, name)(**arguments) for name, _, arguments in CASES])
    xs = tuple(tuple(map(np.array, inputs(name, shapes))) for name, shapes, _ in CASES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, that a layer is slow, say
        # One trace, at the sizes of the example only, is quicker.
        plain = torch.export.export
        monkeypatch.setattr(exported, "_attempts", lambda _, args, kwargs, *more: [((args, kwargs), None)])
        once = functools.cache(lambda: plain(module, jax.tree.map(torch.from_numpy, xs)))
        monkeypatch.setattr(torch.export, "export", lambda *_, **options: once())
        network = jaxconv.from_torch(module, xs, rngs=nnx.Rngs(0), check=False)
        without = traced(monkeypatch, module, xs, rngs=nnx.Rngs(0), check=False)
    for (name, _, arguments), layer in zip(CASES, network.layers, strict=True):
        assert type(layer) is getattr(jaxconv, name, None), name
        for argument, value in arguments.items():
            got = getattr(layer, argument)
            if argument not in ("bias", "padding_idx"):
                assert got == value or {*np.ravel(got)} == {value}, (name, argument)
    kinds = {type(layer).__name__ for layer in network.layers} & public()
    assert len(kinds) > 75, "nearly all of torch.nn's layers"
    for (name, _, arguments), ours, theirs, given in zip(
        CASES, network.layers, without.layers, xs, strict=True
    ):
        assert type(theirs).__name__ == "TorchModule"
        if name == "LocalResponseNorm":  # rounds in another order; a test of its own compares it
            continue
        for mode in (
            ("eval", "train") if hasattr(ours, "rngs") or hasattr(ours, "running_mean") else ("eval",)
        ):
            getattr(ours, mode)()
            getattr(theirs, mode)()
            if name in OTHER_STEPS and not arguments.get("return_indices"):
                found, wanted = jax.tree.leaves(ours(*given)), jax.tree.leaves(theirs(*given))
                assert len(found) == len(wanted) > 0
                for a, b in zip(found, wanted, strict=True):
                    np.testing.assert_array_equal(a, b)
            else:
                assert program(ours, *given) == program(theirs, *given), (name, arguments)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.act, self.pool, self.drop = nn.LeakyReLU(0.2, inplace=True), nn.MaxPool2d(2), nn.Dropout(0.5)
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(self.drop(self.pool(self.act(self.bn(self.conv(x)))).flatten(1)))


X = np.random.default_rng(0).standard_normal((3, 3, 4, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return Net().eval()


@pytest.fixture
def network(net):
    return jaxconv.from_torch(net, X, rngs=nnx.Rngs(0))


def test_arguments_are_read_and_changed_as_in_torch(net, network):
    assert network.bn.eps == 1e-5 and network.conv.padding == (1, 1) and network.act.negative_slope == 0.2
    other = jaxconv.load_state_dict(network, net.state_dict())
    for model in (net, other):
        model.bn.eps, model.conv.stride, model.act.negative_slope = 10.0, (2, 2), 0.5
        model.pool.kernel_size = model.pool.stride = 1
    parity.check(net, other, X).assert_ok()
    for model in (net, other):
        model.bn.eps, model.conv.stride, model.act.negative_slope = 1e-5, (1, 1), 0.2
        model.pool.kernel_size = model.pool.stride = 2
    np.testing.assert_array_equal(other(X), network(X))


def test_parameters_modes_and_random_numbers_are_those_of_the_traced_network(monkeypatch, net, network):
    without = traced(monkeypatch, net, X, rngs=nnx.Rngs(0))
    assert list(jaxconv.state_dict(network)) == list(net.state_dict()) == list(jaxconv.state_dict(without))
    for mode in ("eval", "train"):
        for model in (network, without):
            getattr(model, mode)()
        np.testing.assert_array_equal(network(X), without(X))
        for name, value in jaxconv.state_dict(without).items():
            np.testing.assert_array_equal(jaxconv.state_dict(network)[name], value)


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_mixed_dtypes_are_refused_as_in_torch_unless_the_layer_has_a_dtype(net, dtype):
    network = jaxconv.from_torch(net, X)
    with pytest.raises(TypeError, match="dtype"):
        network(jnp.asarray(X, dtype))
    network.conv.dtype = network.fc.dtype = jnp.dtype(dtype)
    assert network(X).dtype == dtype


def test_a_layer_whose_inputs_autocast_casts_stays_traced():
    class Cast(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside, self.norm, self.outside = nn.Linear(3, 3), nn.LayerNorm(3), nn.Linear(3, 3)

        def forward(self, x):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                x = self.norm(self.inside(x))
            return self.outside(x.float())

    network = jaxconv.from_torch(Cast(), torch.ones(2, 3))
    assert type(network.inside).__name__ == "TorchModule" and isinstance(network.outside, jaxconv.Linear)
    assert network.inside(X[0, 0, :, :3]).dtype == jnp.bfloat16


def test_what_is_not_one_call_of_a_layer_stays_traced_and_is_right():
    class Scaled(nn.Linear):
        def forward(self, x):
            return super().forward(2 * x)

    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.read, self.sub, self.hooked = nn.Linear(3, 3), Scaled(3, 3), nn.Linear(3, 3)
            self.hooked.register_forward_hook(lambda module, args, y: y + 1)
            self.normed = nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))
            self.patched = nn.Linear(3, 3)
            self.patched.forward = MethodType(lambda own, x: 2 * nn.Linear.forward(own, x), self.patched)
            self.masked = nn.Linear(3, 3)
            self.masked.register_buffer("mask", torch.ones(3))
            self.set, self.twice, self.tied = nn.LeakyReLU(0.1), nn.LeakyReLU(0.1), nn.Linear(3, 3)
            self.tied.weight = self.read.weight

        def forward(self, x):
            x = F.linear(x, self.read.weight, self.read.bias)
            x = self.patched(self.normed(self.hooked(self.sub(x)))) + self.masked(x) * self.masked.mask
            x = self.twice(x)
            self.twice.negative_slope = 0.3
            x = self.twice(x)
            self.twice.negative_slope = 0.1
            return self.tied(self.set(x))

    torch.manual_seed(0)
    module = Mixed()
    network = jaxconv.from_torch(module, X[0, 0, :, :3])
    for name in ("read", "sub", "hooked", "normed", "patched", "masked", "twice"):
        assert type(getattr(network, name)).__name__ == "TorchModule", name
    assert isinstance(network.tied, jaxconv.Linear) and isinstance(network.set, jaxconv.LeakyReLU)
    assert network.tied.weight is network.read.weight
    parity.check(module, network, X[0, 0, :, :3]).assert_ok()


def test_an_attribute_that_would_change_nothing_is_refused():
    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn, self.scale = nn.BatchNorm1d(3), 2.0

        def forward(self, x):
            bn = self.bn
            return self.scale * F.batch_norm(
                x, bn.running_mean, bn.running_var, bn.weight, bn.bias, False, 0.1, bn.eps
            )

    network = jaxconv.from_torch(Reads().eval(), torch.ones(2, 3))
    for module, name in ((network.bn, "eps"), (network, "scale")):
        with pytest.raises(
            TypeError, match=rf"setting `{name}` would change nothing: set it in torch and convert .* again"
        ):
            setattr(module, name, 10.0)
        assert not hasattr(module, name)
    with pytest.raises(
        TypeError, match=r"Here only weight, bias, running_mean, running_var, num_batches_tracked can"
    ):
        network.bn.momentum = 0.5
    network.bn.weight = nnx.Param(jnp.zeros(3, jnp.float32))
    assert not network(jnp.ones((2, 3), jnp.float32)).any()
    alone = jaxconv.from_torch(nn.BatchNorm1d(3), torch.ones(2, 3))
    with pytest.raises(TypeError, match="this BatchNorm1d is a traced program"):
        alone.eps = 10.0
    again = nnx.merge(*nnx.split(network))
    with pytest.raises(TypeError, match="setting `scale`"):
        again.scale = 1.0


def test_a_module_in_the_place_of_an_identity_is_refused_because_nothing_calls_it():
    class Headless(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.bn, self.head = nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Identity()

        def forward(self, x):
            return self.head(self.bn(self.fc(x)))

    network = jaxconv.from_torch(Headless().eval(), torch.ones(2, 3))
    with pytest.raises(
        TypeError, match="torch's Identity `head` left nothing to replace: put another module there"
    ):
        network.head = jaxconv.Linear(3, 7, rngs=nnx.Rngs(0))
    fused = jaxconv.fuse_conv_bn(network)
    assert isinstance(fused.bn, jaxconv.Identity)
    fused.bn = jaxconv.Linear(3, 7, rngs=nnx.Rngs(0))
    assert fused(jnp.ones((2, 3), jnp.float32)).shape == (2, 7)


def test_layers_of_a_shared_module_are_one():
    act = nn.PReLU()
    network = jaxconv.from_torch(nn.Sequential(nn.Linear(3, 3), act, nn.Linear(3, 3), act), torch.ones(2, 3))
    assert isinstance(network[1], jaxconv.PReLU) and network[1] is network[3]
    assert list(itertools.islice(jaxconv.state_dict(network), 3)) == ["0.weight", "0.bias", "1.weight"]


def test_an_error_names_the_layer_and_torchs_line(network):
    network.fc = jaxconv.Linear(17, 5, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="must have 17 features") as caught:
        network(X)
    (note,) = caught.value.__notes__
    assert re.fullmatch(
        r"from_torch: in module 'fc', test_layers.py line \d+: return self.fc\(self.drop\(.*", note
    )
    again = jaxconv.from_torch(nn.Sequential(Net().eval()), X)
    again[0].conv.stride = 3.5
    with pytest.raises(TypeError, match="stride") as caught:
        again(X)
    (note,) = caught.value.__notes__
    assert note.startswith("from_torch: in module '0.conv', test_layers.py line ")


def test_explain_and_fusion_find_the_layers(network):
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return F.conv2d(x, self.conv.weight)

    assert [c.layer for c in jaxconv.explain(network, X).convolutions] == ["conv"]
    nested = jaxconv.from_torch(nn.Sequential(Functional(), nn.Conv2d(4, 4, 1)), X)
    assert [c.layer for c in jaxconv.explain(nested, X).convolutions] == ["0", "1"]
    fused = jaxconv.fuse_conv_bn(network)
    assert isinstance(fused.bn, jaxconv.Identity) and fused.conv.bias is not None
    np.testing.assert_array_less(
        np.abs(fused(X) - network(X)), 64 * np.finfo(np.float32).eps * np.abs(network(X)).max()
    )


class Whole(nn.Module):
    """A module inside another, so that it may become a layer."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *given):
        return self.inner(*given)


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


S = noise(5, 2, 3)
STATE = torch.ones(2, 2, 4)
RECURRENT = {
    "LSTM": (nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True, dropout=0.1).eval(), (S,)),
    "LSTM with states": (nn.LSTM(3, 4, 2), (S, (STATE, 2 * STATE))),
    "LSTM projected": (nn.LSTM(3, 4, proj_size=2), (S,)),
    "GRU without bias": (nn.GRU(3, 4, bias=False), (S,)),
    "GRU with a state": (nn.GRU(3, 4, 2), (S, STATE)),
    "RNN": (nn.RNN(3, 4, nonlinearity="relu"), (S,)),
    "LSTMCell": (nn.LSTMCell(3, 4), (S[0],)),
    "LSTMCell with states": (nn.LSTMCell(3, 4, bias=False), (S[0], (STATE[0], 2 * STATE[0]))),
    "GRUCell": (nn.GRUCell(3, 4), (S[0],)),
    "RNNCell with a state": (nn.RNNCell(3, 4, nonlinearity="relu"), (S[0], STATE[0])),
    "bag": (nn.EmbeddingBag(10, 4, mode="sum", padding_idx=1), (torch.tensor([[1, 2], [3, 1], [4, 4]]),)),
    "bag of offsets": (
        nn.EmbeddingBag(10, 4, mode="max"), (torch.tensor([1, 2, 3, 1, 4, 4]), torch.tensor([0, 2, 5])),
    ),
}  # fmt: skip
P, T = noise(4, 3), noise(4, 3) + 1
C = torch.tensor([0, 1, 2, 0])
LOSSES = {
    "MSE": (nn.MSELoss(), (P, T)),
    "L1": (nn.L1Loss(reduction="sum"), (P, T)),
    "SmoothL1": (nn.SmoothL1Loss(beta=2.0), (P, T)),
    "Huber": (nn.HuberLoss(reduction="none", delta=0.5), (P, T)),
    "BCE": (nn.BCELoss(), (P.sigmoid(), T.sigmoid())),
    "BCE of logits": (nn.BCEWithLogitsLoss(pos_weight=torch.arange(3.0)), (P, T.sigmoid())),
    "NLL": (nn.NLLLoss(weight=torch.arange(3.0), ignore_index=1), (P, C)),
    "cross entropy": (nn.CrossEntropyLoss(label_smoothing=0.1), (P, C)),
    "KLDiv": (nn.KLDivLoss(reduction="sum", log_target=True), (P, T)),
    "SoftMargin": (nn.SoftMarginLoss(), (P, T.sign())),
}


@pytest.mark.share(3)
@pytest.mark.parametrize("name", [*RECURRENT, *LOSSES])
def test_recurrent_layers_and_losses_are_layers_with_torchs_arguments_and_results(name, monkeypatch):
    inner, example = (RECURRENT | LOSSES)[name]
    network = jaxconv.from_torch(Whole(inner), example)
    without = traced(monkeypatch, Whole(inner), example)
    layer = network.inner
    assert type(layer) is getattr(jaxconv, type(inner).__name__)
    for argument in (
        "num_layers",
        "dropout",
        "bidirectional",
        "batch_first",
        "mode",
        "reduction",
        "beta",
        "delta",
    ):
        if hasattr(layer, argument):
            assert getattr(layer, argument) == getattr(inner, argument), argument
    given = jax.tree.map(lambda x: jnp.asarray(x.numpy()), example)
    found, wanted = network(*given), without(*given)
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for a, b, c in zip(*map(jax.tree.leaves, (found, wanted, layer(*given))), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    assert {*jaxconv.state_dict(network)} == {f"inner.{key}" for key in inner.state_dict()}


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4)

    def forward(self, x, one):
        return self.lstm(x, (one, one))[0] + self.lstm(x)[0]


class Changed(nn.Module):
    def __init__(self):
        super().__init__()
        self.loss, self.shrink, self.norm = nn.MSELoss(), nn.Tanhshrink(), nn.LocalResponseNorm(3)
        self.shrink.forward = lambda x: torch.tanh(x) - x
        self.norm.register_forward_pre_hook(lambda module, given: setattr(module, "alpha", 1.0))

    def forward(self, x):
        self.loss.reduction = "sum"
        loss = self.loss(x, x + 1)
        self.loss.reduction = "mean"
        norm = self.norm(x)
        self.norm.alpha = 1e-4
        return loss + self.shrink(x) + norm


def test_what_is_called_in_another_way_stays_a_program():
    twice = jaxconv.from_torch(Twice(), (S, STATE[:1]))
    assert type(twice.lstm).__name__ == "TorchModule"
    x = noise(2, 4, 3, 3)
    changed = jaxconv.from_torch(Changed(), x)
    assert {type(m).__name__ for m in (changed.loss, changed.shrink, changed.norm)} == {"TorchModule"}


class Unpooled(nn.Module):
    def __init__(self, n, out=0, **arguments):
        super().__init__()
        self.pool = getattr(nn, f"MaxPool{n}d")(2, return_indices=True, **arguments)
        self.unpool, self.out = getattr(nn, f"MaxUnpool{n}d")(2, **arguments), out

    def forward(self, x):
        size = (*x.shape[:2], *(n + self.out for n in x.shape[2:]))
        return self.unpool(*self.pool(x), output_size=size)


@pytest.mark.parametrize(
    ("n", "size", "arguments"),
    [
        (1, (8,), {}),
        (2, (8, 6), {}),
        (2, (5, 5), dict(stride=1, padding=1)),
        (2, (7, 7), dict(stride=3, padding=1)),
        (3, (4, 6, 4), {}),
    ],
)
def test_unpooling_to_the_size_that_follows_is_a_layer(n, size, arguments):
    x = noise(2, 3, *(2 * s if not arguments else s for s in size))
    module = Unpooled(n, **arguments)
    network = jaxconv.from_torch(module, x)
    default = [
        (s + 2 * p - 2) % t
        for s, p, t in zip(x.shape[2:], [module.unpool.padding[0]] * n, module.unpool.stride, strict=True)
    ]
    assert (type(network.unpool) is getattr(jaxconv, f"MaxUnpool{n}d")) == (not any(default))
    assert np.array_equal(network(jnp.asarray(x.numpy())), module(x).numpy())


def test_unpooling_to_another_size_stays_a_program():
    x = noise(2, 3, 8, 6)
    module = Unpooled(2, 1)
    network = jaxconv.from_torch(module, x)
    assert type(network.unpool).__name__ == "TorchModule"
    assert network(jnp.asarray(x.numpy())).shape == (2, 3, 9, 7)


@pytest.mark.parametrize("shape", [(2, 5, 7), (2, 5, 4, 3), (2, 5, 4, 3, 3)])
@pytest.mark.parametrize("size", [2, 3])
def test_a_response_norm_is_a_layer_in_every_dimension(shape, size):
    theirs = nn.LocalResponseNorm(size, alpha=0.7, beta=0.6, k=1.5)
    network = jaxconv.from_torch(Whole(theirs), x := noise(*shape))
    (layer,) = (m for _, m in nnx.iter_modules(network) if isinstance(m, jaxconv.LocalResponseNorm))
    assert (layer.size, layer.alpha, layer.beta, layer.k) == (size, 0.7, 0.6, 1.5)
    parity.check(Whole(theirs), network, x.numpy()).assert_ok()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_weighted_loss_is_a_layer(reduction):
    class Loss(nn.Module):
        def __init__(self):
            super().__init__()
            self.loss = nn.BCELoss(
                torch.rand(4, generator=torch.Generator().manual_seed(0)), reduction=reduction
            )

        def forward(self, x, y):
            return self.loss(x.sigmoid(), y.sigmoid())

    given = noise(3, 4), noise(3, 4) + 1
    network = jaxconv.from_torch(Loss(), given)
    assert type(network.loss) is jaxconv.BCELoss and network.loss.reduction == reduction
    parity.check(Loss(), network, *(x.numpy() for x in given)).assert_ok()


def test_a_recurrent_layers_dropout_is_switched_on():
    module = Whole(nn.LSTM(3, 4, 2, dropout=0.5))
    model = jaxconv.from_torch(module, S, rngs=nnx.Rngs(0))
    x = jnp.asarray(S.numpy())
    assert (model(x)[0] != model(x)[0]).any()
    model.eval()
    assert (model(x)[0] == model(x)[0]).all() and model.inner.dropout == 0.5
    with pytest.raises(ValueError, match="give from_torch `rngs"):
        jaxconv.from_torch(module, S)(x)
