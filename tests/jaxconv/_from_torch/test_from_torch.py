"""What a network from torch can do: modes, batches, transforms, surgery, and what is refused."""

import copy
import pickle
import subprocess
import sys
from collections import namedtuple
from dataclasses import dataclass

import architectures
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx
from one_function import Of
from torch import nn
from torch.nn import functional as F

import jaxconv
import parity

pytestmark = pytest.mark.share(2)

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((3, 3, 16, 16)).astype(np.float32)


class Small(nn.Module):
    def __init__(self, momentum=0.1):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4, momentum=momentum)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(4, 5)

    def forward(self, x):
        return self.fc(self.drop(self.norm(self.conv(x)).relu().mean((2, 3))))


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return Small().eval()


@pytest.fixture(scope="module")
def ours(small):
    return jaxconv.from_torch(small, torch.zeros(1, 3, 16, 16), rngs=nnx.Rngs(0))


@pytest.fixture
def model(ours):
    return nnx.clone(ours)


def drop_rate(y):
    return float((y == 0).mean())


# Modes


def test_modes_are_those_of_each_module_in_torch_and_torch_is_as_before(small):
    module = copy.deepcopy(small).train()
    module.norm.eval()
    network = jaxconv.from_torch(module, torch.zeros(2, 3, 16, 16))
    assert network.norm.use_running_average and not network.drop.deterministic
    assert module.training and module.drop.training and not module.norm.training
    network.eval()
    assert network.drop.deterministic


@pytest.mark.parametrize("momentum", [0.3, None])
@pytest.mark.parametrize("traced_in_training", [False, True])
def test_a_training_step_leaves_torchs_running_statistics(momentum, traced_in_training):
    torch.manual_seed(0)
    module = Small(momentum).double().train(traced_in_training)
    module.drop.p = 0.0
    network = jaxconv.from_torch(module, torch.zeros(1, 3, 16, 16).double())
    module.train()
    network.train()
    for step in range(2):
        x = RNG.standard_normal((4, 3, 16, 16)) + step
        module(torch.from_numpy(x))
        network(x)
    theirs, mine = module.state_dict(), jaxconv.state_dict(network)
    assert mine["norm.num_batches_tracked"] == 2 and mine["norm.num_batches_tracked"].dtype == jnp.int64
    for name in ("norm.running_mean", "norm.running_var"):
        want = theirs[name].numpy()
        # A mean of 784 numbers and an update, twice, in float64.
        assert np.abs(mine[name] - want).max() <= 2 * 800 * 2.0**-53 * np.abs(want).max()


def test_a_layer_alone_is_a_network():
    module = nn.BatchNorm2d(3)
    network = jaxconv.from_torch(module, torch.zeros(2, 3, 4, 4))
    network(IMAGES[..., :4, :4])
    assert network.num_batches_tracked[...] == 1 and network.running_mean[...].all()


def test_dropout_draws_in_training_mode_only(model):
    np.testing.assert_array_equal(model(IMAGES), model(IMAGES))
    model.drop.train()
    assert (model(IMAGES) != model(IMAGES)).any()
    model.eval()
    np.testing.assert_array_equal(model(IMAGES), model(IMAGES))


def test_functional_dropout_follows_the_mode_and_fixed_dropout_does_not():
    class Drops(nn.Module):
        def forward(self, x):
            return (
                F.dropout(x, 0.25, self.training),
                F.dropout(x, 0.75, True),
                F.dropout1d(x, 0.5, self.training),
            )

    network = jaxconv.from_torch(Drops().eval(), torch.zeros(64, 32, 8), rngs=nnx.Rngs(dropout=0))
    x = np.ones((64, 32, 8), np.float32)
    a, b, c = network(x)
    assert drop_rate(a) == drop_rate(c) == 0 and 0.7 < drop_rate(b) < 0.8
    network.train()
    a, b, c = network(x)
    assert 0.2 < drop_rate(a) < 0.3 and 0.7 < drop_rate(b) < 0.8 and 0.4 < drop_rate(c) < 0.6
    assert set(np.unique(c)) == {0, 2} and (c == c[..., :1]).all(), "whole channels"


def test_attention_of_torch_drops_in_training_mode_though_traced_in_eval_mode():
    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, dropout=0.5, batch_first=True)
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return self.fc(self.attention(x, x, x, need_weights=False)[0])

    module = Attends().eval().double()
    x = RNG.standard_normal((2, 3, 4))
    network = jaxconv.from_torch(module, x, rngs=nnx.Rngs(0))
    parity.check(module, network, x).assert_ok()
    network.train()
    assert (network(x) != network(x)).any()


def test_dropout_without_rngs_is_refused_when_it_is_to_draw(small):
    network = jaxconv.from_torch(small, torch.zeros(1, 3, 16, 16))
    network.train()
    with pytest.raises(ValueError, match=r"dropout draws random numbers.*rngs=nnx.Rngs\(0\)"):
        network(IMAGES)


# Arguments and results


@pytest.mark.parametrize("batch", [0, 1, 2, 5])
def test_any_batch_size(small, model, batch):
    x = RNG.standard_normal((batch, 3, 16, 16)).astype(np.float32)
    assert model(x).shape == small(torch.from_numpy(x)).shape


def test_other_shapes_and_kinds_of_input_are_refused(model):
    with pytest.raises(
        ValueError, match=r"`inputs\[0\]` of shape \(any, 3, 16, 16\), got shape \(2, 3, 16, 17\).*dynamic="
    ):
        model(jnp.ones((2, 3, 16, 17)))
    with pytest.raises(ValueError, match=r"must be a tuple of 1, as in the example, got 2"):
        model(IMAGES, IMAGES)
    with pytest.raises(TypeError, match=r"give `tensor.numpy\(\)`"):
        model(torch.zeros(2, 3, 16, 16))


def test_a_batch_size_that_the_code_has_fixed_is_told():
    network = jaxconv.from_torch(Of(lambda x: x.reshape(4, -1) if x.shape[0] == 2 else x), torch.zeros(2, 6))
    with pytest.raises(ValueError, match=r"shape \(2, 6\), got shape \(3, 6\); torch's code has fixed"):
        network(jnp.ones((3, 6)))


def test_arguments_by_name_and_results_of_any_structure():
    pair = namedtuple("Pair", ["total", "rest"])

    class Many(nn.Module):
        def forward(self, x, others, scale=2.0, *, shift=None):
            y = x * scale + others["b"] - others["a"][0]
            return {"pair": pair(y, [x, None]), "shift": None if shift is None else y + shift}

    x, a, b, s = (jnp.asarray(RNG.standard_normal((2, 3))) for _ in range(4))
    example = (x, {"a": [a], "b": b}, 3.0)
    network = jaxconv.from_torch(Many(), example, {"shift": s})
    result = network(x, others={"b": b, "a": [a]}, scale=3.0, shift=s)
    np.testing.assert_array_equal(result["pair"].total, x * 3 + b - a)
    np.testing.assert_array_equal(result["shift"], x * 3 + b - a + s)
    assert result["pair"].rest[1] is None and type(result["pair"]).__name__ == "Pair"
    assert jax.tree.structure(result) == jax.tree.structure(
        jax.jit(lambda *a: network(*a, shift=s), static_argnums=2)(*example)
    )
    with pytest.raises(
        ValueError, match=r"`inputs\[2\]` must be 3.0 in every call, as in the example, got 4.0"
    ):
        network(x, {"a": [a], "b": b}, 4.0, shift=s)
    with pytest.raises(
        ValueError, match=r"`kwargs` must be a dict with the example's keys \['shift'\], got \[\]"
    ):
        network(*example)
    with pytest.raises(ValueError, match=r"example's keys \['a', 'b'\], got \['b'\]"):
        network(x, {"b": b}, 3.0, shift=s)


def test_a_dataclass_comes_back_as_a_named_tuple():
    @dataclass
    class Result:
        logits: torch.Tensor
        hidden: torch.Tensor

    torch.export.register_dataclass(Result, serialized_type_name="test.Result")
    network = jaxconv.from_torch(Of(lambda x: Result(logits=2 * x, hidden=x)), torch.zeros(2, 3))
    result = network(jnp.ones((4, 3)))
    assert type(result).__name__ == "Result" and (result.logits == 2).all() and (result.hidden == 1).all()


# Writing in place


def _write_through_a_transposed_view(x):
    y = x.clone()
    y.t()[1] += 10
    return y


def _write_to_the_base_of_views(x):
    y = x * 1
    row, flat = y[0], y.view(-1)
    y.mul_(2)
    return row + 1, flat * 3, y


def _write_to_one_view_and_read_another(x):
    y = x * 1
    left, right = y[:, :2], y[:, 1:]
    before = right.clone()
    left.copy_(torch.arange(2))
    right[0].zero_()
    return left, right, before, y.flip(0)


def _write_into_what_reshape_copied(x):
    y = x * 1
    copied, same = y.t().reshape(-1), y.reshape(-1)
    copied.fill_(7)
    same[::2].neg_()
    return y, copied, same


def _write_with_masks_and_indices(x):
    y = x * 1
    y[y > 2] = -1
    y[:, [0, 2]] = y[:, [2, 0]]
    y[torch.tensor([1])] += 5
    y.masked_fill_(y == 5, 50).add_(torch.ones(3, dtype=torch.int64))
    y.index_put_((torch.tensor([0, 0]), torch.tensor([1, 1])), torch.tensor([100.0, 100.0]), accumulate=True)
    return y


@pytest.mark.parametrize(
    "function",
    [f for name, f in list(globals().items()) if name.startswith("_write_")],
    ids=lambda f: f.__name__,
)
def test_writing_in_place_is_seen_through_every_view(function):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    theirs = function(torch.from_numpy(x.copy()))
    mine = jaxconv.from_torch(Of(function), (x,))(x)
    pairs = zip(mine, theirs, strict=True) if isinstance(theirs, tuple) else [(mine, theirs)]
    for a, b in pairs:
        assert a.dtype == str(b.dtype).removeprefix("torch.")
        np.testing.assert_array_equal(a, b)


def test_writing_to_an_input_leaves_the_callers_array():
    x = jnp.ones((2, 3))
    network = jaxconv.from_torch(Of(lambda x: x.mul_(3) + 1), torch.ones(2, 3))
    assert (network(x) == 4).all() and (x == 1).all()


def test_a_part_without_gradients_has_none():
    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen, self.trained = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x):
            with torch.no_grad():
                y = self.frozen(x).view(-1, 3)
                with torch.enable_grad():
                    z = x * y.shape[0]
            return self.trained(y) + z

    x = RNG.standard_normal((2, 3)).astype(np.float32)
    network = jaxconv.from_torch(Frozen(), x)
    grads = nnx.grad(lambda m: (m(x) ** 2).sum())(network)
    assert not grads.frozen.weight[...].any() and grads.trained.weight[...].all()
    np.testing.assert_array_equal(jax.grad(lambda x: network(x).sum())(jnp.asarray(x)), np.full((2, 3), 2))


# The tree


def test_names_shared_and_unused_parameters_are_torchs():
    module = architectures.build("waves")
    module.unused = nn.Linear(2, 2)
    network = jaxconv.from_torch(module, torch.zeros(2, 2, 20))
    assert list(jaxconv.state_dict(network)) == list(module.state_dict())
    assert network.again is network.leave
    for name, value in jaxconv.to_torch(jaxconv.state_dict(network)).items():
        assert torch.equal(value, module.state_dict()[name])


def test_tied_weights_are_one_parameter():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = nn.Linear(3, 3, bias=False), nn.Linear(3, 3)
            self.decoder.weight = self.encoder.weight

        def forward(self, x):
            return self.decoder(self.encoder(x).tanh())

    module = Tied()
    x = RNG.standard_normal((2, 3)).astype(np.float32)
    network = jaxconv.from_torch(module, x)
    assert network.encoder.weight is network.decoder.weight
    parity.check(module, network, x).assert_ok()


def test_later_changes_in_torch_do_not_show(small):
    module = copy.deepcopy(small)
    network = jaxconv.from_torch(module, torch.zeros(1, 3, 16, 16))
    before = np.array(network.fc.weight[...])
    module.fc.weight.data.zero_()
    np.testing.assert_array_equal(network.fc.weight[...], before)


def test_modules_can_be_called_and_replaced(model):
    want = jaxconv.functional.conv2d(IMAGES, model.conv.weight[...], model.conv.bias[...])
    np.testing.assert_array_equal(model.conv(IMAGES), want)
    model.fc = jaxconv.Linear(4, 7, rngs=nnx.Rngs(0))
    assert model(IMAGES).shape == (3, 7)
    assert jaxconv.state_dict(model)["fc.weight"].shape == (7, 4)


def test_a_module_that_is_called_in_several_ways_cannot_be_called_alone():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.act, self.never, self.twofold = nn.Flatten(0, 1), nn.Linear(1, 1), Of(lambda x: 2 * x)

        def forward(self, x):
            return self.act(x), self.act(x[..., None, None])[0, 0], nn.Flatten(1)(self.twofold(x))

    network = jaxconv.from_torch(Twice(), torch.zeros(2, 3, 4))
    assert [y.shape for y in network(np.ones((2, 3, 4), np.float32))] == [(6, 4), (1, 1), (2, 12)]
    assert network.act(np.ones((2, 3))).shape == (6,)
    with pytest.raises(ValueError, match="the network calls this Linear never"):
        network.never(jnp.ones((1, 1)))
    with pytest.raises(ValueError, match=r"this Of takes 1 array\(s\), got 2"):
        network.twofold(jnp.ones((1, 1)), jnp.ones((1, 1)))


def test_surgery_and_loading(small, model):
    zeros = jaxconv.surgery.zeros(model, "fc.*")
    assert not zeros(IMAGES).any() and model(IMAGES).any()
    loaded = jaxconv.load_state_dict(zeros, small.state_dict())
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))


# Transforms


def test_jit_split_and_merge_export_and_vmap(model):
    want = np.asarray(jax.jit(lambda m, x: m(x))(model, IMAGES))
    graph, state = nnx.split(model)
    run = jax.jit(lambda state, x: nnx.merge(graph, state)(x))
    np.testing.assert_array_equal(run(state, IMAGES), want)
    symbol = jax.export.symbolic_shape("n")[0]
    shape = jax.ShapeDtypeStruct((symbol, 3, 16, 16), jnp.float32)
    exported = jax.export.deserialize(jax.export.export(jax.jit(lambda x: run(state, x)))(shape).serialize())
    assert exported.call(IMAGES).shape == (3, 5)
    each = jax.vmap(lambda x: model(x[None])[0])(IMAGES)
    assert each.shape == want.shape
    assert hash(graph) == hash(nnx.split(model)[0]) and graph == nnx.split(model)[0]


def test_an_optimizer_step_trains_it(model):
    model.train()
    optimizer = nnx.Optimizer(model, optax.sgd(0.1), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer, x):
        loss, grads = nnx.value_and_grad(lambda m: (m(x) ** 2).mean())(model)
        optimizer.update(model, grads)
        return loss

    before = jaxconv.state_dict(nnx.clone(model))
    first = step(model, optimizer, IMAGES)
    for _ in range(5):
        last = step(model, optimizer, IMAGES)
    after = jaxconv.state_dict(model)
    assert last < first
    assert all((before[name] != after[name]).any() for name in before if name != "conv.bias")
    assert after["norm.num_batches_tracked"] == 6


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_parameters_keep_their_dtype(small, dtype):
    module = copy.deepcopy(small).to(getattr(torch, dtype))
    network = jaxconv.from_torch(module, torch.zeros(2, 3, 16, 16, dtype=getattr(torch, dtype)))
    assert all(a.dtype == dtype for n, a in jaxconv.state_dict(network).items() if "num" not in n)
    assert network(jnp.asarray(IMAGES, dtype)).dtype == dtype


def test_float64_is_refused_while_jaxs_64_bit_types_are_off(small):
    with jax.enable_x64(False):
        network = jaxconv.from_torch(small, torch.zeros(1, 3, 16, 16))
        assert network.norm.num_batches_tracked.dtype == jnp.int32 and network(IMAGES).dtype == jnp.float32
        with pytest.raises(ValueError, match=r"holds float64 arrays.*jax_enable_x64"):
            jaxconv.from_torch(copy.deepcopy(small).double(), torch.zeros(1, 3, 16, 16).double())
        with pytest.raises(ValueError, match=r"computes in float64, which needs"):
            jaxconv.from_torch(Of(lambda x: x.double() + 1), torch.zeros(2))
        network = jaxconv.from_torch(Of(lambda x: x.double() + 1), torch.zeros(2), check=False)
        with pytest.raises(ValueError, match=r"computes in float64, which needs"):
            network(jnp.ones(2))


def test_no_torch_at_run_time(model, tmp_path):
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(nnx.split(model)))
    np.save(tmp_path / "x.npy", IMAGES)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import pickle, jax, numpy as np, jaxconv\n"
        "from flax import nnx\n"
        "jax.config.update('jax_enable_x64', True)\n"
        "model = nnx.merge(*pickle.load(open('model.pkl', 'rb')))\n"
        "np.save('y.npy', model(np.load('x.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), model(IMAGES))


# What is refused


def test_all_operations_that_are_missing_are_reported_with_their_places():
    class Inner(nn.Module):
        def forward(self, x):
            return torch.special.bessel_j0(x) + torch.special.bessel_j0(2 * x)

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def forward(self, x):
            return torch.special.bessel_j1(self.inner(x)) + torch.special.airy_ai(x)

    with pytest.raises(NotImplementedError) as caught:
        jaxconv.from_torch(Odd(), torch.zeros(2, 3))
    text = str(caught.value)
    assert text.startswith("Odd has 3 operation(s) that from_torch does not cover")
    assert "aten.special_bessel_j0.default, 2 time(s): module 'inner', test_from_torch.py line" in text
    assert "aten.special_bessel_j1." in text
    assert "aten.special_airy_ai.default, 1 time(s): the network itself" in text


@pytest.mark.parametrize(
    "function", [lambda x: x[x > 0], lambda x: x * 2 if x.sum() > 0 else x], ids=["shape", "branch"]
)
def test_what_depends_on_the_numbers_in_a_tensor_is_refused(function):
    with pytest.raises(
        (ValueError, NotImplementedError), match=r"cannot trace Of.*\n.*decides by the numbers|not cover"
    ):
        jaxconv.from_torch(Of(function), torch.zeros(2, 3))


def test_arguments_of_from_torch_are_checked(small):
    with pytest.raises(TypeError, match=r"`module` must be a torch.nn.Module, got 3 of type int"):
        jaxconv.from_torch(3, torch.zeros(1))
    with pytest.raises(TypeError, match=r"`rngs` must be nnx.Rngs, got 0 of type int"):
        jaxconv.from_torch(small, torch.zeros(1, 3, 16, 16), rngs=0)

    class Clash(nn.Module):
        def __init__(self):
            super().__init__()
            self.programs = nn.Linear(2, 2)

        def forward(self, x):
            return self.programs(x)

    with pytest.raises(ValueError, match="'programs' has a name that Flax's modules use"):
        jaxconv.from_torch(Clash(), torch.zeros(2, 2))


def test_an_input_of_another_dtype_is_named():
    network = jaxconv.from_torch(torch.nn.Conv2d(2, 3, 1), torch.zeros(1, 2, 4, 4))
    with pytest.raises(TypeError) as caught:
        network(np.zeros((1, 2, 4, 4), np.float16))
    note = "array 0 of the network's inputs is float16; it was traced with float32"
    assert caught.value.__notes__[1:] == [note]


def test_what_always_draws_is_not_told_to_eval():
    class Noisy(torch.nn.Module):
        def forward(self, x):
            return x + torch.rand(1)

    with pytest.raises(
        ValueError, match=r"rand draws random numbers: give from_torch `rngs=nnx.Rngs\(0\)`\nfrom_torch: in"
    ):
        jaxconv.from_torch(Noisy().eval(), torch.zeros(2))(np.zeros(2, np.float32))
