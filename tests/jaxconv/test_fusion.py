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
    "no module": (lambda block: jaxconv.state_dict(block), None, TypeError, "`model` must be an NNX module, got dict"),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_refusals(row, block):
    change, pairs, error, message = row
    with pytest.raises(error, match=message):
        jaxconv.fuse_conv_bn(change(block), pairs)
