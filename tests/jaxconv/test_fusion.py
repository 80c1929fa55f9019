"""fuse_conv_bn: the fused model computes what torch's unfused one does, and torch's fused weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from oracle import Sample, check_samples

import jaxconv

rng = np.random.default_rng(16)

# layer, its arguments, the BatchNorm's keywords, the input
ROWS = [
    ("Conv1d", (4, 6, 3), dict(padding=1), {}, (3, 4, 5)),
    ("Conv2d", (4, 6, 3), dict(groups=2, bias=False, padding=1, padding_mode="circular"), {}, (2, 4, 3, 4)),
    ("Conv2d", (4, 6, 1), {}, dict(affine=False), (2, 4, 3, 2)),
    ("Conv3d", (2, 3, 2), {}, dict(bias=False, eps=0.1), (2, 2, 3, 2, 2)),
    ("ConvTranspose1d", (4, 6, 3), dict(stride=2), {}, (2, 4, 3)),
    ("ConvTranspose2d", (4, 6, 2), dict(groups=2, bias=False), {}, (2, 4, 2, 3)),
    ("Linear", (4, 6), {}, {}, (3, 4)),
    ("Linear", (4, 6, False), {}, dict(affine=False), (3, 4)),
]


class Pair(nnx.Module):
    def __init__(self, layer, norm):
        self.layer, self.norm = layer, norm

    def __call__(self, x):
        return self.norm(self.layer(x))


def pair(kind, args, kwargs, norm_kwargs):
    """The same two layers in torch and here, by the names of `Pair`."""
    norm = f"BatchNorm{kind[-2] if kind[-1] == 'd' else 1}d"
    theirs = torch.nn.Sequential()
    theirs.add_module("layer", getattr(torch.nn, kind)(*args, **kwargs))
    theirs.add_module("norm", getattr(torch.nn, norm)(args[1], **norm_kwargs))
    ours = Pair(
        getattr(jaxconv, kind)(*args, **kwargs, rngs=nnx.Rngs(0)),
        getattr(jaxconv, norm)(args[1], **norm_kwargs),
    )
    ours.eval()
    return theirs.eval(), ours


def random_state(theirs):
    def draw(name, value):
        if not value.dtype.is_floating_point:
            return value.numpy()
        values = rng.uniform(0.5, 2, value.shape) if "var" in name else rng.standard_normal(value.shape)
        return values.astype(np.float32)

    return {name: draw(name, value) for name, value in theirs.state_dict().items()}


def keywords(state):
    """A dot is no part of a keyword."""
    return {name.replace(".", "_"): value for name, value in state.items()}


def torch_run(theirs, names, transposed, cannot):
    """The unfused output, and torch's fused weights unless its fusion cannot do them."""

    def run(x, **values):
        model = theirs.to(x.dtype)
        model.load_state_dict(dict(zip(names, values.values(), strict=True)))
        if cannot:
            return model(x).detach()
        fused = torch.nn.utils.fusion.fuse_conv_bn_eval(*model, transpose=transposed)
        return model(x).detach(), fused.weight.detach(), fused.bias.detach()

    return run


def our_run(ours, names, cannot):
    def run(x, **values):
        model = jaxconv.load_state_dict(ours, dict(zip(names, values.values(), strict=True)))
        fused = jaxconv.fuse_conv_bn(model, [("layer", "norm")])
        assert list(jaxconv.state_dict(fused)) == ["layer.weight", "layer.bias"]
        return fused(x) if cannot else (fused(x), fused.layer.weight[...], fused.layer.bias[...])

    return run


def test_the_fused_model_is_torchs():
    samples = []
    for kind, args, kwargs, norm_kwargs, shape in ROWS:
        theirs, ours = pair(kind, args, kwargs, norm_kwargs)
        state = random_state(theirs)
        transposed = "Transpose" in kind
        cannot = transposed and "groups" in kwargs
        samples.append(
            Sample(
                torch_run(theirs, list(state), transposed, cannot),
                our_run(ours, list(state), cannot),
                {"x": rng.standard_normal(shape).astype(np.float32), **keywords(state)},
                wrt=(),
                about=f"{kind}{args}{kwargs}{norm_kwargs}",
            )
        )
    assert all(check_samples(samples, rng))


class Block(nnx.Module):
    def __init__(self, rngs):
        self.conv = jaxconv.Conv2d(2, 2, 1, bias=False, rngs=rngs)
        self.bn = jaxconv.BatchNorm2d(2)
        self.body = nnx.List(
            [nnx.Sequential(jaxconv.Conv2d(2, 2, 1, rngs=rngs), jaxconv.BatchNorm2d(2), jax.nn.relu)]
        )

    def __call__(self, x):
        return self.body[0](self.bn(self.conv(x)))


@pytest.fixture
def block():
    model = Block(nnx.Rngs(0))
    model(jnp.asarray(rng.standard_normal((3, 2, 4, 4)), jnp.float32))
    model.eval()
    return model


def test_the_model_stays_and_the_rest_is_shared(block):
    before = jaxconv.state_dict(block)
    fused = jaxconv.fuse_conv_bn(block, [("conv", "bn")])
    after = jaxconv.state_dict(block)
    assert list(before) == list(after) and all(before[name] is after[name] for name in before)
    assert isinstance(fused.bn, jaxconv.Identity) and isinstance(block.bn, jaxconv.BatchNorm2d)
    names = [name for name in before if name.startswith("body")]
    assert list(jaxconv.state_dict(fused)) == ["conv.weight", "conv.bias", *names]
    assert all(jaxconv.state_dict(fused)[name] is before[name] for name in names)


def test_sequentials_are_searched(block):
    fused = jaxconv.fuse_conv_bn(block)
    assert isinstance(fused.bn, jaxconv.BatchNorm2d)  # Block's own order of calls is not known
    assert isinstance(fused.body[0].layers[1], jaxconv.Identity)
    named = jaxconv.fuse_conv_bn(block, [("body.0.0", "body.0.1")])
    jax.tree.map(np.testing.assert_array_equal, nnx.state(named), nnx.state(fused))
    rngs = nnx.Rngs(0)
    model = jaxconv.Sequential(
        jaxconv.Conv2d(1, 2, 1, rngs=rngs), jaxconv.BatchNorm2d(2), jaxconv.Conv2d(2, 2, 1, rngs=rngs), jax.nn.relu,
        jaxconv.BatchNorm2d(2),
    )  # fmt: skip
    model.eval()
    names = list(jaxconv.state_dict(jaxconv.fuse_conv_bn(model)))
    assert names[:4] == ["0.weight", "0.bias", "2.weight", "2.bias"] and names[4:] == [
        name for name in jaxconv.state_dict(model) if name.startswith("4.")
    ]


def test_tied_weights_of_others_stay(block):
    block.body[0].layers[0].weight = block.conv.weight
    fused = jaxconv.fuse_conv_bn(block, [("conv", "bn")])
    np.testing.assert_array_equal(fused.body[0].layers[0].weight[...], block.conv.weight[...])
    assert (fused.conv.weight[...] != block.conv.weight[...]).any()


def shared(block):
    block.other = block.conv
    return block


def training(block):
    block.train()
    return block


def untracked(block):
    block.bn = jaxconv.BatchNorm2d(2, track_running_stats=False, use_running_average=True)
    return block


def wider(block):
    block.bn = jaxconv.BatchNorm2d(3, use_running_average=True)
    return block


def same(block):
    return block


BAD = {
    "unknown": (same, [("conv", "bn1")], ValueError, r"the model has no module 'bn1'; it has 'conv', 'bn', 'body', 'body.0', 'body.0.0'"),
    "twice": (same, [("conv", "bn"), ("body.0.0", "bn")], ValueError, "`pairs` names 'bn' more than once"),
    "shared": (shared, [("conv", "bn")], ValueError, "the module 'conv' is in the model at more than one place"),
    "no layer": (same, [("bn", "conv")], TypeError, "'bn' must be a Conv, ConvTranspose or Linear, got BatchNorm2d"),
    "no norm": (same, [("conv", "body.0.0")], TypeError, "'body.0.0' must be a BatchNorm, got Conv2d"),
    "training": (training, [("conv", "bn")], ValueError, "Fusion only for eval! 'bn' is in training mode"),
    "no statistics": (untracked, [("conv", "bn")], ValueError, "'bn' has no running statistics"),
    "channels": (wider, [("conv", "bn")], ValueError, "'bn' is for 3 channels, but 'conv' has 2 channels of output"),
    "no pairs": (same, [], ValueError, "found no layer with a BatchNorm after it"),
    "no module": (lambda block: jaxconv.state_dict(block), None, TypeError, "`model` must be an NNX module or a pair .*, got dict"),
}  # fmt: skip


class Own(jaxconv.Sequential):
    def __call__(self, x):
        y = self[0](x)
        return self[1](y) + y


def test_a_sequential_with_a_call_of_its_own_is_left_alone():
    model = Own(jaxconv.Conv2d(2, 2, 1, rngs=nnx.Rngs(0)), jaxconv.BatchNorm2d(2))
    model.eval()
    with pytest.raises(ValueError, match="found no layer with a BatchNorm after it"):
        jaxconv.fuse_conv_bn(model)


def test_a_block_in_several_places_is_fused_once():
    rngs = nnx.Rngs(0)
    block = jaxconv.Sequential(jaxconv.Conv2d(2, 2, 1, rngs=rngs), jaxconv.BatchNorm2d(2))
    lone = jaxconv.Conv2d(2, 2, 1, rngs=rngs)
    model = jaxconv.Sequential(
        block, jaxconv.Sequential(lone, jaxconv.BatchNorm2d(2)), block, jaxconv.Sequential(lone)
    )
    x = jnp.asarray(rng.standard_normal((3, 2, 4, 4)), jnp.float32)
    model(x)
    model.eval()
    fused = jaxconv.fuse_conv_bn(model)
    # The lone layer's output is also taken without its norm.
    assert isinstance(fused[0][1], jaxconv.Identity) and isinstance(fused[1][1], jaxconv.BatchNorm2d)
    assert fused[0] is fused[2]
    scale = block[1].weight[...] / jnp.sqrt(block[1].running_var[...] + block[1].eps)
    np.testing.assert_array_equal(fused[0][0].weight[...], block[0].weight[...] * scale[:, None, None, None])


class Network(torch.nn.Module):
    """Norms behind layers of all kinds; one behind a layer whose output is also used, one behind an activation."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False, padding_mode="reflect")
        self.bn1 = torch.nn.BatchNorm2d(4)
        self.up = torch.nn.Sequential(
            torch.nn.ConvTranspose2d(4, 6, 2, 2, groups=2), torch.nn.BatchNorm2d(6, affine=False)
        )
        self.conv3, self.bn3 = torch.nn.Conv2d(6, 6, 1), torch.nn.BatchNorm2d(6)
        self.twice, self.bn4 = torch.nn.Conv2d(6, 6, 1), torch.nn.BatchNorm2d(6)
        self.bn5 = torch.nn.BatchNorm2d(6)
        self.fc, self.bn6 = torch.nn.Linear(6, 3), torch.nn.BatchNorm1d(3)

    def forward(self, x):
        x = self.up(torch.relu(self.bn1(self.conv1(x))))
        y = self.conv3(x)
        x = self.bn3(y) + y
        x = self.bn4(self.twice(self.twice(x)))
        return self.bn6(self.fc(self.bn5(torch.tanh(x)).mean((2, 3))))


@pytest.mark.parametrize("mode", [True, False])
def test_a_network_from_torch(mode):
    theirs = Network()
    state = random_state(theirs)
    x = rng.standard_normal((3, 4, 4, 5)).astype(np.float32)
    ours = jaxconv.from_torch(theirs.train(mode), x)
    ours.eval()
    theirs.eval()

    def run(x, **values):
        model = theirs.to(x.dtype)
        model.load_state_dict(dict(zip(state, values.values(), strict=True)))
        return model(x).detach()

    def fused_run(x, **values):
        graph, held = nnx.split(ours)
        held = jax.tree.map(lambda a: a.astype(x.dtype) if a.dtype == np.float32 else a, held)
        model = jaxconv.load_state_dict(
            nnx.merge(graph, held), dict(zip(state, values.values(), strict=True))
        )
        fused = jaxconv.fuse_conv_bn(model)
        left = {name.partition(".")[0] for name in jaxconv.state_dict(fused) if "running_mean" in name}
        assert left == {"bn3", "bn4", "bn5"}
        return fused(x)

    assert check_samples([Sample(run, fused_run, {"x": x, **keywords(state)}, wrt=())], rng)[0]
    one = jaxconv.fuse_conv_bn(ours, [("conv1", "bn1")])
    assert list(jaxconv.state_dict(one))[:2] == ["conv1.weight", "conv1.bias"]
    assert jaxconv.state_dict(ours)["bn1.running_mean"].shape == (4,)
    with pytest.raises(TypeError, match="'up' must be a BatchNorm, got Sequential"):
        jaxconv.fuse_conv_bn(ours, [("conv3", "up")])
    ours.train()
    with pytest.raises(ValueError, match="'bn1' is in training mode"):
        jaxconv.fuse_conv_bn(ours, [("conv1", "bn1")])


@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_refusals(row, block):
    change, pairs, error, message = row
    with pytest.raises(error, match=message):
        jaxconv.fuse_conv_bn(change(block), pairs)
