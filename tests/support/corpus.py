"""Ports with a mistake: for each, torch's network, a Flax network that is right, and one that is wrong in one place."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import linen, nnx
from torch.nn import functional as TF

import jaxconv
from jaxconv import functional as F


@dataclass(frozen=True)
class Port:
    """One row.

    Attributes:
        id: what is wrong, in which kind of network.
        theirs: () -> torch's network.
        ours: (wrong: bool) -> the Flax network, as `parity.check` takes it.
        layer: the layer to be named; None where the fault is between the layers.
        causes: the diagnoses that are right.
        shape: of the input.
        convert: as of `parity.check`.
    """

    id: str
    theirs: Any
    ours: Any
    layer: str | None
    causes: tuple[str, ...]
    shape: tuple[int, ...] = (2, 3, 10, 9)
    convert: str | None = "to_flax"


class Middle(torch.nn.Module):
    """A convolution, the layer in question, and a convolution or dense layer behind it."""

    def __init__(self, mid, channels=8, function=None, head=True):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.mid = mid
        self.function = function or (lambda x: x)
        self.head = torch.nn.Conv2d(channels, 4, 1) if head else torch.nn.Identity()

    def forward(self, x):
        return self.head(self.function(self.mid(self.stem(x))))


class Ours(nnx.Module):
    """The same of jaxconv's layers."""

    def __init__(self, mid, channels=8, function=None, head=True):
        self.stem = jaxconv.Conv2d(3, 8, 3, padding=1, rngs=nnx.Rngs(0))
        self.mid = mid
        self.function = function or (lambda x: x)
        self.head = jaxconv.Conv2d(channels, 4, 1, rngs=nnx.Rngs(1)) if head else jaxconv.Identity()

    def __call__(self, x):
        return self.head(self.function(self.mid(self.stem(x))))


class Flaxs(nnx.Module):
    """The same of Flax's own layers, channels last."""

    def __init__(self, mid, channels=8, function=None, head=True):
        self.stem = nnx.Conv(3, 8, (3, 3), padding=1, rngs=nnx.Rngs(0))
        self.mid = mid
        self.function = function or (lambda x: x)
        self.head = nnx.Conv(channels, 4, (1, 1), rngs=nnx.Rngs(1)) if head else jaxconv.Identity()

    def __call__(self, x):
        return self.head(self.function(self.mid(self.stem(x))))


class Thin(linen.Module):
    """The same of jaxconv's Linen layers."""

    mid: Any
    function: Any = None

    @linen.compact
    def __call__(self, x):
        x = self.mid(jaxconv.linen.Conv2d(3, 8, 3, padding=1, name="stem")(x))
        x = x if self.function is None else self.function(x)
        return jaxconv.linen.Conv2d(x.shape[1], 4, 1, name="head")(x)


class ThinFlax(linen.Module):
    """The same of Linen's own layers, channels last, with the names that Linen gives."""

    mid: Any
    function: Any = None

    @linen.compact
    def __call__(self, x):
        x = self.mid(linen.Conv(8, (3, 3), padding=1)(x))
        x = x if self.function is None else self.function(x)
        return linen.Conv(4, (1, 1))(x)


def variables(net, shape):
    return net, net.init(jax.random.key(0), jnp.zeros(shape, jnp.float32))


def rngs():
    return nnx.Rngs(5)


def evaluated(net):
    net.eval()
    return net


def conv(**more):
    return {"in_channels": 8, "out_channels": 8, "kernel_size": 3, "padding": 1, **more}


def _layer_rows():
    """Mistakes in a layer's arguments: (id, torch's layer, the layer by `wrong` in NNX, channels, causes)."""
    C, T = jaxconv.Conv2d, torch.nn.Conv2d

    def ours(name, right, wrong, theirs, causes, channels=8, kind=None, torch_kind=None, **more):
        kind, torch_kind = kind or C, torch_kind or T

        def make(is_wrong):
            arguments = wrong if is_wrong else right
            needs = {"rngs": rngs()} if "rngs" in kind.__init__.__annotations__ else {}
            return evaluated(Ours(kind(**arguments, **needs), channels))

        return Port(name, lambda: Middle(torch_kind(**theirs), channels).eval(), make, "mid", causes, **more)

    s2 = conv(stride=2)
    yield ours("conv padding missing", conv(), conv(padding=0), conv(), ("padding.missing",))
    yield ours("conv padding size", conv(padding=2), conv(padding=1), conv(padding=2), ("padding.size",))
    yield ours(
        "conv padding mode",
        conv(padding_mode="reflect"),
        conv(),
        conv(padding_mode="reflect"),
        ("padding.mode",),
    )
    yield ours("conv stride dropped", s2, conv(), s2, ("stride.dropped",))
    yield ours("conv stride", s2, conv(stride=3), s2, ("stride.value",))
    yield ours(
        "conv stride order", conv(stride=(1, 2)), conv(stride=(2, 1)), conv(stride=(1, 2)), ("stride.order",)
    )
    dilated = conv(dilation=2, padding=2)
    yield ours("conv dilation dropped", dilated, conv(), dilated, ("dilation.dropped",))
    uneven = conv(dilation=(1, 2), padding=2)
    yield ours("conv dilation order", uneven, {**uneven, "dilation": (2, 1)}, uneven, ("dilation.order",))
    wide = conv(kernel_size=(3, 5), padding=(1, 2))
    yield ours(
        "conv even same",
        conv(kernel_size=2, padding="same"),
        conv(kernel_size=2, padding=1),
        conv(kernel_size=2, padding="same"),
        ("padding.size",),
    )
    yield ours("conv bias missing", wide, {**wide, "bias": False}, wide, ("bias.missing",))
    yield ours("conv bfloat16 inside", conv(), conv(dtype=jnp.bfloat16), conv(), ("dtype",))
    group = dict(num_groups=4, num_channels=8)
    yield ours(
        "group norm count",
        group,
        {**group, "num_groups": 2},
        group,
        ("groupnorm.groups",),
        kind=jaxconv.GroupNorm,
        torch_kind=torch.nn.GroupNorm,
    )
    yield ours(
        "group norm epsilon",
        group,
        {**group, "eps": 1e-3},
        group,
        ("norm.epsilon",),
        kind=jaxconv.GroupNorm,
        torch_kind=torch.nn.GroupNorm,
    )
    batch = dict(num_features=8)
    yield ours(
        "batch norm epsilon",
        batch,
        {**batch, "eps": 1e-3},
        batch,
        ("norm.epsilon",),
        kind=jaxconv.BatchNorm2d,
        torch_kind=torch.nn.BatchNorm2d,
    )
    pool = dict(kernel_size=3, stride=2, padding=1)
    for kind, what in (("MaxPool2d", "max"), ("AvgPool2d", "avg")):
        k, t = getattr(jaxconv, kind), getattr(torch.nn, kind)
        yield ours(
            f"{what} pool ceil mode",
            {**pool, "ceil_mode": True},
            pool,
            {**pool, "ceil_mode": True},
            ("pool.ceil_mode",),
            kind=k,
            torch_kind=t,
            shape=(2, 3, 10, 10),
        )
        yield ours(
            f"{what} pool padding",
            pool,
            {**pool, "padding": 0},
            pool,
            ("pool.padding",),
            kind=k,
            torch_kind=t,
        )
        yield ours(
            f"{what} pool stride", pool, {**pool, "stride": 1}, pool, ("pool.stride",), kind=k, torch_kind=t
        )
    avg = jaxconv.AvgPool2d, torch.nn.AvgPool2d
    yield ours(
        "avg pool count",
        pool,
        {**pool, "count_include_pad": False},
        pool,
        ("pool.count_include_pad",),
        kind=avg[0],
        torch_kind=avg[1],
    )
    yield ours(
        "leaky relu slope",
        dict(negative_slope=0.2),
        {},
        dict(negative_slope=0.2),
        ("leaky_relu.slope",),
        kind=jaxconv.LeakyReLU,
        torch_kind=torch.nn.LeakyReLU,
    )
    yield ours(
        "gelu tanh",
        {},
        dict(approximate="tanh"),
        {},
        ("gelu.approximate",),
        kind=jaxconv.GELU,
        torch_kind=torch.nn.GELU,
    )
    yield ours(
        "elu alpha",
        dict(alpha=0.5),
        {},
        dict(alpha=0.5),
        ("elu.alpha",),
        kind=jaxconv.ELU,
        torch_kind=torch.nn.ELU,
    )
    yield ours(
        "softmax axis",
        dict(dim=1),
        dict(dim=2),
        dict(dim=1),
        ("softmax.axis",),
        kind=jaxconv.Softmax,
        torch_kind=torch.nn.Softmax,
    )
    up = dict(scale_factor=2, mode="bilinear")
    resize = dict(kind=jaxconv.Upsample, torch_kind=torch.nn.Upsample)
    yield ours(
        "resize align corners",
        {**up, "align_corners": True},
        up,
        {**up, "align_corners": True},
        ("resize.align_corners",),
        **resize,
    )
    near = dict(size=(7, 13), mode="nearest")
    yield ours(
        "resize nearest exact", near, {**near, "mode": "nearest-exact"}, near, ("resize.nearest",), **resize
    )
    cubic = dict(scale_factor=2, mode="bicubic")
    yield ours("resize mode", cubic, up, cubic, ("resize.mode",), **resize)
    turn = dict(in_channels=8, out_channels=8, kernel_size=3, stride=2, padding=1, output_padding=1)
    transposed = dict(kind=jaxconv.ConvTranspose2d, torch_kind=torch.nn.ConvTranspose2d)
    yield ours(
        "transposed output padding",
        turn,
        {**turn, "output_padding": 0},
        turn,
        ("output_padding.value",),
        **transposed,
    )
    yield ours(
        "transposed padding",
        turn,
        {**turn, "padding": 0},
        turn,
        ("padding.value", "output_padding.value"),
        **transposed,
    )
    yield ours(
        "transposed stride",
        turn,
        {**turn, "stride": 2, "dilation": 2},
        turn,
        ("dilation.value",),
        **transposed,
    )


def _weight_rows():
    """Weights that were carried over by hand, wrongly."""

    def port(name, change, causes, theirs=None, mid=None, key="mid.weight", channels=8):
        torch_mid = theirs or (lambda: torch.nn.Conv2d(8, 8, 3, padding=1))
        our_mid = mid or (lambda: jaxconv.Conv2d(8, 8, 3, padding=1, rngs=rngs()))
        module = Middle(torch_mid(), channels).eval()

        def make(wrong):
            net = jaxconv.load_state_dict(evaluated(Ours(our_mid(), channels)), module.state_dict())
            return jaxconv.surgery.update(net, key, change) if wrong else net

        return Port(name, lambda: module, make, "mid", causes, convert=None)

    yield port("kernel height and width", lambda w: w.swapaxes(2, 3), ("kernel.hw_swapped",))
    yield port("kernel flipped", lambda w: w[..., ::-1, ::-1], ("kernel.flipped",))
    yield port("kernel in and out", lambda w: w.swapaxes(0, 1), ("weight.transposed", "kernel.io_swapped"))
    flipped = lambda w: w.swapaxes(0, 1)[..., ::-1, ::-1]
    yield port("kernel in and out, flipped", flipped, ("kernel.io_swapped",))
    yield port("kernel not loaded", lambda w: w * 0 + 0.01, ("weight.different",))
    yield port("bias not loaded", lambda b: b * 0, ("weight.different", "bias.missing"), key="mid.bias")
    t = lambda: torch.nn.ConvTranspose2d(8, 8, 3)
    o = lambda: jaxconv.ConvTranspose2d(8, 8, 3, rngs=rngs())
    yield port("transposed kernel flipped", lambda w: w[..., ::-1, ::-1], ("kernel.flipped",), t, o)
    yield port("transposed kernel in and out", lambda w: w.swapaxes(0, 1), ("weight.transposed",), t, o)
    g = lambda: torch.nn.Conv2d(8, 8, 3, groups=4)
    og = lambda: jaxconv.Conv2d(8, 8, 3, groups=4, rngs=rngs())
    yield port(
        "group order in the kernel",
        lambda w: w.reshape(4, 2, 2, 3, 3).swapaxes(0, 1).reshape(w.shape),
        ("weight.reordered",),
        g,
        og,
    )


class Computes(nnx.Module):
    """Somebody's own layer around right parameters."""

    def __init__(self, layer, forward):
        self.weight = layer.weight
        self.bias = layer.bias
        self.forward = forward

    def __call__(self, x):
        return self.forward(x, self.weight[...], None if self.bias is None else self.bias[...])


def _own_rows():
    """Layers that people write themselves."""

    def port(name, theirs, right, wrong, causes, layer, channels=8):
        def make(is_wrong):
            return Ours(Computes(layer(), wrong if is_wrong else right), channels)

        return Port(name, lambda: Middle(theirs(), channels).eval(), make, "mid", causes)

    one = lambda **k: jaxconv.Conv2d(8, 8, 3, rngs=rngs(), **k)
    shuffled = lambda y: F.channel_shuffle(y, 4)
    yield port(
        "groups interleaved", lambda: torch.nn.Conv2d(8, 8, 3, groups=4), lambda x, w, b: F.conv2d(x, w, b, groups=4),
        lambda x, w, b: shuffled(F.conv2d(x, w, b, groups=4)), ("groups.order",), lambda: one(groups=4),
    )  # fmt: skip
    yield port(
        "groups of the input interleaved", lambda: torch.nn.Conv2d(8, 8, 3, groups=4),
        lambda x, w, b: F.conv2d(x, w, b, groups=4), lambda x, w, b: F.conv2d(shuffled(x), w, b, groups=4),
        ("groups.order",), lambda: one(groups=4),
    )  # fmt: skip
    yield port(
        "bias doubled", lambda: torch.nn.Conv2d(8, 8, 3), lambda x, w, b: F.conv2d(x, w, b),
        lambda x, w, b: F.conv2d(x, w, b) + b[:, None, None], ("bias.doubled",), one,
    )  # fmt: skip
    yield port(
        "bias subtracted", lambda: torch.nn.Conv2d(8, 8, 3), lambda x, w, b: F.conv2d(x, w, b),
        lambda x, w, b: F.conv2d(x, w, -b), ("bias.sign",), one,
    )  # fmt: skip
    same = lambda end: lambda x, w, b: F.conv2d(F.pad(x, (0, 1, 0, 1) if end else (1, 0, 1, 0)), w, b)
    two = lambda: jaxconv.Conv2d(8, 8, 2, padding="same", rngs=rngs())
    yield port(
        "the side of same padding",
        lambda: torch.nn.Conv2d(8, 8, 2, padding="same"),
        same(True),
        same(False),
        ("padding.side",),
        two,
    )
    yield port(
        "one-sided padding", lambda: torch.nn.Conv2d(8, 8, 3, padding=1), lambda x, w, b: F.conv2d(x, w, b, padding=1),
        lambda x, w, b: F.conv2d(F.pad(x, (0, 2, 0, 2)), w, b), ("padding.side",), one,
    )  # fmt: skip
    yield port(
        "low precision inside", lambda: torch.nn.Conv2d(8, 8, 3), lambda x, w, b: F.conv2d(x, w, b),
        lambda x, w, b: F.conv2d(_bf16(x), _bf16(w), b), ("precision.bfloat16",), one,
    )  # fmt: skip
    tf32 = lambda x: jax.lax.reduce_precision(x, 8, 10)
    yield port(
        "TF32 inside", lambda: torch.nn.Conv2d(8, 8, 3), lambda x, w, b: F.conv2d(x, w, b),
        lambda x, w, b: F.conv2d(tf32(x), tf32(w), b), ("precision.tf32",), one,
    )  # fmt: skip
    norm = lambda: jaxconv.LayerNorm(8)

    def layer_norm(x, w, b, ddof=0, axis=-1):
        centred = x - x.mean(axis, keepdims=True)
        return centred / jnp.sqrt(x.var(axis, keepdims=True, ddof=ddof) + 1e-5) * w + b

    class Last(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.ln = torch.nn.Conv2d(3, 8, 1), torch.nn.LayerNorm(8)

        def forward(self, x):
            return self.ln(self.conv(x).permute(0, 2, 3, 1))

    class OurLast(nnx.Module):
        def __init__(self, forward):
            self.conv, self.ln = jaxconv.Conv2d(3, 8, 1, rngs=rngs()), Computes(norm(), forward)

        def __call__(self, x):
            return self.ln(self.conv(x).transpose(0, 2, 3, 1))

    yield Port(
        "layer norm variance",
        Last,
        lambda wrong: OurLast(lambda x, w, b: layer_norm(x, w, b, int(wrong))),
        "ln",
        ("layernorm.variance",),
    )
    yield Port(
        "layer norm axis", Last, lambda wrong: OurLast(lambda x, w, b: layer_norm(x, w, b, 0, -1) if not wrong else layer_norm(x.swapaxes(1, -1), w, b).swapaxes(1, -1)),
        "ln", ("layernorm.axis",), (2, 3, 8, 8),
    )  # fmt: skip


class Does(nnx.Module):
    """A layer without weights."""

    def __init__(self, function):
        self.function = function

    def __call__(self, x):
        return self.function(x)


def _function_rows():
    """Functions in the place of a pooling layer."""

    def port(name, right, wrong, causes, theirs=lambda: torch.nn.MaxPool2d(3, 2, 1), layer="mid"):
        def make(is_wrong):
            # What returns indices as well is taken for them.
            taken = lambda y: y[1].astype(jnp.float32) if type(y) is tuple else y
            return Ours(Does(wrong if is_wrong else right), function=taken)

        return Port(name, lambda: Middle(theirs()).eval(), make, layer, causes, (2, 3, 10, 10))

    right = lambda x: F.max_pool2d(x, 3, 2, 1)
    around = lambda x, pads, value: jnp.pad(x, ((0, 0), (0, 0), pads, pads), constant_values=value)
    yield port(
        "pooled as SAME", right, lambda x: F.max_pool2d(around(x, (0, 1), -jnp.inf), 3, 2), ("pool.same",)
    )
    yield port(
        "zeros around", right, lambda x: F.max_pool2d(around(x, (1, 1), 0), 3, 2), ("pool.padding_value",)
    )
    yield port("average for maximum", right, lambda x: F.avg_pool2d(x, 3, 2, 1), ("pool.kind",))
    yield port("doubled", right, lambda x: 2 * right(x), ("factor.value",))
    yield port("cubed", right, lambda x: right(x) ** 3, ("unknown",))
    indices = lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True)
    yield port("indices as well", right, indices, ("output.structure",))
    yield port("an input refused", right, _refuses, ("refused",))

    def without(is_wrong):
        return Ours(Does(lambda x: x) if is_wrong else jaxconv.Conv2d(8, 8, 3, padding=1, rngs=rngs()))

    yield Port(
        "a layer without weights",
        lambda: Middle(torch.nn.Conv2d(8, 8, 3, padding=1)),
        without,
        "mid",
        ("layer.unmatched",),
    )

    def bare(is_wrong):
        if not is_wrong:
            return Dead(rngs())
        dense = {name: {"weight": jnp.ones((6, 6)), "bias": jnp.zeros(6)} for name in ("fc", "dead")}
        return lambda p, x: x @ p["fc"]["weight"].T + p["fc"]["bias"], dense

    yield Port("a layer without effect in a function", TorchDead, bare, "dead", ("layer.unseen",), (5, 6))


class TorchDead(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.dead = torch.nn.Linear(6, 6), torch.nn.Linear(6, 6)

    def forward(self, x):
        return self.fc(x) + 0 * self.dead(x)


class Dead(nnx.Module):
    """The same with layers, which are judged on their own."""

    def __init__(self, rngs):
        self.fc, self.dead = nnx.Linear(6, 6, rngs=rngs), nnx.Linear(6, 6, rngs=rngs)

    def __call__(self, x):
        return self.fc(x) + 0 * self.dead(x)


def _refuses(x):
    raise ValueError("no such input")


def _bf16(x):
    return x.astype(jnp.bfloat16).astype(jnp.float32)


def _flax_rows():
    """Flax's own layers, NNX and Linen, channels last."""

    def nnx_port(name, theirs, right, wrong, causes, channels=8, layer="mid", train=False, **more):
        def make(is_wrong):
            net = Flaxs((wrong if is_wrong else right)(), channels)
            net.train() if train else net.eval()
            return net

        return Port(name, lambda: Middle(theirs(), channels).train(train), make, layer, causes, **more)

    def linen_port(name, theirs, right, wrong, causes, channels=8, shape=(2, 3, 10, 9)):
        last = (shape[0], *shape[2:], shape[1])

        def make(is_wrong):
            return variables(ThinFlax((wrong if is_wrong else right)()), last)

        return Port(name, lambda: Middle(theirs(), channels).eval(), make, "mid", causes, shape)

    def nconv(**more):
        return nnx.Conv(8, 8, (3, 3), rngs=rngs(), **{"padding": 1, **more})

    def lconv(**more):
        return linen.Conv(8, (3, 3), **{"padding": 1, **more})

    tconv = lambda **more: lambda: torch.nn.Conv2d(8, 8, 3, **{"padding": 1, **more})
    even = dict(shape=(2, 3, 10, 10))
    yield nnx_port(
        "flax same with stride",
        tconv(stride=2),
        lambda: nconv(strides=2),
        lambda: nconv(strides=2, padding="SAME"),
        ("padding.same",),
        **even,
    )
    yield linen_port(
        "linen same with stride",
        tconv(stride=2),
        lambda: lconv(strides=2),
        lambda: lconv(strides=2, padding="SAME"),
        ("padding.same",),
        shape=(2, 3, 10, 10),
    )
    yield nnx_port(
        "flax groups dropped",
        tconv(groups=4),
        lambda: nconv(feature_group_count=4),
        lambda: nconv(),
        ("groups.dropped",),
    )
    yield linen_port(
        "linen groups dropped",
        tconv(groups=4),
        lambda: lconv(feature_group_count=4),
        lambda: lconv(),
        ("groups.dropped",),
    )
    yield linen_port(
        "linen dilation dropped",
        tconv(dilation=2, padding=2),
        lambda: lconv(kernel_dilation=2, padding=2),
        lambda: lconv(),
        ("dilation.dropped",),
    )
    yield linen_port("linen bias missing", tconv(), lconv, lambda: lconv(use_bias=False), ("bias.missing",))
    yield nnx_port(
        "flax stride dropped", tconv(stride=2), lambda: nconv(strides=2), nconv, ("stride.dropped",)
    )
    bn = lambda **m: lambda: nnx.BatchNorm(8, **{"momentum": 0.9, "epsilon": 1e-5, **m}, rngs=rngs())
    tbn = lambda: torch.nn.BatchNorm2d(8)
    yield nnx_port("flax batch norm epsilon", tbn, bn(), bn(epsilon=1e-3), ("norm.epsilon",))
    yield nnx_port("flax scale missing", tbn, bn(), bn(use_scale=False), ("norm.weight_missing",))
    yield nnx_port("flax batch norm bias missing", tbn, bn(), bn(use_bias=False), ("norm.bias_missing",))
    lbn = lambda train=False, **m: (
        lambda: linen.BatchNorm(not train, **{"momentum": 0.9, "epsilon": 1e-5, **m})
    )
    yield linen_port("linen train mode left on", tbn, lbn(), lbn(True), ("batchnorm.train_mode",))
    ours = lambda **m: lambda: jaxconv.BatchNorm2d(8, **m)

    def training(name, right, wrong, causes):
        def make(is_wrong):
            return Ours((wrong if is_wrong else right)())

        return Port(name, lambda: Middle(tbn()), make, "mid", causes)

    yield training("momentum inverted", ours(), ours(momentum=0.9), ("batchnorm.momentum",))
    yield training("momentum other", ours(), ours(momentum=0.01), ("batchnorm.momentum",))
    yield training(
        "eval mode left on", ours(), lambda: evaluated(jaxconv.BatchNorm2d(8)), ("batchnorm.train_mode",)
    )
    yield training("biased running variance", ours(), lambda: Biased(), ("batchnorm.biased_variance",))
    gn = lambda **m: lambda: nnx.GroupNorm(8, **{"num_groups": 4, "epsilon": 1e-5, **m}, rngs=rngs())
    yield nnx_port(
        "flax group norm epsilon", lambda: torch.nn.GroupNorm(4, 8), gn(), gn(epsilon=1e-6), ("norm.epsilon",)
    )
    yield nnx_port(
        "flax group norm count",
        lambda: torch.nn.GroupNorm(4, 8),
        gn(),
        gn(num_groups=8),
        ("groupnorm.groups",),
    )
    up = lambda **m: lambda: nnx.ConvTranspose(8, 6, (3, 3), strides=(2, 2), rngs=rngs(), **m)
    yield nnx_port(
        "flax transposed same",
        lambda: torch.nn.ConvTranspose2d(8, 6, 3, stride=2),
        up(padding="VALID"),
        up(padding=((0, 0), (0, 0))),
        ("padding.value",),
        channels=6,
    )


class Biased(nnx.Module):
    """BatchNorm as it is often written: its running variance is the biased one."""

    def __init__(self):
        inner = jaxconv.BatchNorm2d(8)
        self.weight, self.bias = inner.weight, inner.bias
        self.running_mean, self.running_var = inner.running_mean, inner.running_var
        self.num_batches_tracked = inner.num_batches_tracked

    def __call__(self, x):
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
        self.running_mean[...] = 0.9 * self.running_mean[...] + 0.1 * mean
        self.running_var[...] = 0.9 * self.running_var[...] + 0.1 * var
        self.num_batches_tracked[...] = self.num_batches_tracked[...] + 1
        return F.batch_norm(x, None, None, self.weight[...], self.bias[...], True, 0.0, 1e-5)


def _between_rows():
    """Mistakes between the layers."""

    def port(name, theirs, right, wrong, causes, channels=8, thin=False, **more):
        def make(is_wrong):
            function = wrong if is_wrong else right
            mid = jaxconv.linen.Conv2d(8, 8, 3) if thin else jaxconv.Conv2d(8, 8, 3, rngs=rngs())
            if thin:
                return variables(Thin(mid, function), more.get("shape", (2, 3, 10, 9)))
            return Ours(mid, channels, function)

        return Port(
            name, lambda: Middle(torch.nn.Conv2d(8, 8, 3), channels, theirs), make, None, causes, **more
        )

    yield port("an activation missing", torch.relu, jax.nn.relu, lambda x: x, ("activation.missing",))
    yield port(
        "relu for relu6",
        lambda x: TF.relu6(4 * x),
        lambda x: F.relu6(4 * x),
        lambda x: jax.nn.relu(4 * x),
        ("activation.relu6",),
    )
    yield port(
        "gelu tanh by default",
        TF.gelu,
        lambda x: jax.nn.gelu(x, approximate=False),
        jax.nn.gelu,
        ("gelu.approximate",),
    )
    yield port(
        "linen gelu tanh by default",
        TF.gelu,
        lambda x: linen.gelu(x, approximate=False),
        linen.gelu,
        ("gelu.approximate",),
        thin=True,
    )
    yield port(
        "slope of leaky relu",
        lambda x: TF.leaky_relu(x, 0.2),
        lambda x: jax.nn.leaky_relu(x, 0.2),
        jax.nn.leaky_relu,
        ("leaky_relu.slope",),
    )
    yield port(
        "silu for hardswish", TF.hardswish, jax.nn.hard_swish, jax.nn.silu, ("activation.other",), thin=True
    )
    yield port(
        "softmax over another axis",
        lambda x: torch.softmax(x, 1),
        lambda x: jax.nn.softmax(x, 1),
        jax.nn.softmax,
        ("softmax.axis",),
    )
    yield port(
        "logarithm of softmax",
        lambda x: torch.softmax(x, 1),
        lambda x: jax.nn.softmax(x, 1),
        lambda x: jax.nn.log_softmax(x, 1),
        ("softmax.kind",),
    )
    yield port(
        "a factor missing",
        lambda x: x * torch.sigmoid(x),
        lambda x: x * jax.nn.sigmoid(x),
        jax.nn.sigmoid,
        ("scale.missing",),
    )
    yield port(
        "resize with antialias", lambda x: TF.interpolate(x, size=(4, 4), mode="bilinear"),
        lambda x: F.interpolate(x, size=(4, 4), mode="bilinear"),
        lambda x: jax.image.resize(x, (*x.shape[:2], 4, 4), "bilinear"), ("resize.antialias",),
    )  # fmt: skip
    yield port(
        "bicubic coefficient", lambda x: TF.interpolate(x, scale_factor=2, mode="bicubic"),
        lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"),
        lambda x: F.interpolate(x, scale_factor=2, mode="bicubic", antialias=True),
        ("resize.bicubic_coefficient", "resize.antialias"),
    )  # fmt: skip
    yield port(
        "pixel shuffle order",
        lambda x: TF.pixel_shuffle(x, 2),
        lambda x: F.pixel_shuffle(x, 2),
        _depth_to_space,
        ("pixel_shuffle.order",),
        channels=2,
    )
    yield port(
        "average pool counts",
        lambda x: TF.avg_pool2d(x, 3, 1, 1),
        lambda x: F.avg_pool2d(x, 3, 1, 1),
        lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False),
        ("pool.count_include_pad",),
    )
    yield port(
        "residual missing",
        lambda x: x + torch.tanh(x),
        lambda x: x + jnp.tanh(x),
        jnp.tanh,
        ("residual.missing",),
    )
    yield port(
        "concatenated the other way",
        lambda x: torch.cat([x, torch.tanh(x)], 1),
        lambda x: jnp.concatenate([x, jnp.tanh(x)], 1),
        lambda x: jnp.concatenate([jnp.tanh(x), x], 1),
        ("concat.order",),
        channels=16,
    )
    yield port(
        "gradient stopped",
        torch.tanh,
        jnp.tanh,
        lambda x: jnp.tanh(jax.lax.stop_gradient(x)),
        ("gradient.stopped",),
    )


def _depth_to_space(x):
    n, c, h, w = x.shape
    y = x.reshape(n, 2, 2, c // 4, h, w).transpose(0, 3, 4, 1, 5, 2)
    return y.reshape(n, c // 4, 2 * h, 2 * w)


class TorchClassifier(torch.nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 6, 3)
        self.dropout = torch.nn.Dropout(dropout)
        self.fc = torch.nn.Linear(6 * 4 * 3, 72)
        self.out = torch.nn.Linear(72, 72)

    def forward(self, x):
        return self.out(torch.relu(self.fc(self.dropout(torch.flatten(self.conv(x), 1)))))


class Classifier(nnx.Module):
    def __init__(
        self,
        flatten=lambda x: x.reshape(len(x), -1),
        dropout=0.0,
        head=lambda fc, out, x: out(jax.nn.relu(fc(x))),
        turn=lambda x: x,
    ):
        self.conv = jaxconv.Conv2d(3, 6, 3, rngs=rngs())
        self.dropout = jaxconv.Dropout(dropout, rngs=rngs())
        self.fc = jaxconv.Linear(72, 72, rngs=rngs())
        self.out = jaxconv.Linear(72, 72, rngs=rngs())
        self.flatten, self.head, self.turn = flatten, head, turn

    def __call__(self, x):
        return self.head(self.fc, self.out, self.dropout(self.flatten(self.conv(self.turn(x)))))


def _network_rows():
    def port(name, causes, layer=None, torch_dropout=0.0, shape=(2, 3, 6, 5), right=None, **wrong):
        def make(is_wrong):
            return Classifier(**(wrong if is_wrong else right or {})) if "mode" not in wrong else None

        return Port(name, lambda: TorchClassifier(torch_dropout).eval(), make, layer, causes, shape)

    last = lambda x: x.transpose(0, 2, 3, 1).reshape(len(x), -1)
    yield port("flatten channels last", ("flatten.order",), flatten=last)
    yield port(
        "two layers in another order", ("layer.order",), head=lambda fc, out, x: fc(jax.nn.relu(out(x)))
    )
    yield port("a layer skipped", ("layer.skipped",), head=lambda fc, out, x: out(jax.nn.relu(x)))
    yield port("a layer repeated", ("layer.repeated",), head=lambda fc, out, x: out(out(jax.nn.relu(fc(x)))))
    square = dict(shape=(2, 3, 6, 5))
    yield port("input flipped", ("input.flipped",), turn=lambda x: x[..., ::-1], **square)
    yield port("channels reversed", ("input.channels",), turn=lambda x: x[:, ::-1], **square)

    def dropped(is_wrong):
        net = Classifier(dropout=0.5)
        net.train() if is_wrong else net.eval()
        return net

    yield Port(
        "dropout left on",
        lambda: TorchClassifier(0.5).eval(),
        dropped,
        "dropout",
        ("dropout.active",),
        (2, 3, 6, 5),
    )

    class Square(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return torch.tanh(self.conv(x))

    class OurSquare(nnx.Module):
        def __init__(self, wrong, turn):
            self.conv, self.wrong, self.turn = (
                nnx.Conv(3, 4, (3, 3), padding="VALID", rngs=rngs()),
                wrong,
                turn,
            )

        def __call__(self, x):
            return jnp.tanh(self.conv(self.turn(x) if self.wrong else x))

    yield Port(
        "height and width swapped",
        Square,
        lambda w: OurSquare(w, lambda x: x.swapaxes(1, 2)),
        None,
        ("input.hw_swapped",),
        (2, 3, 7, 7),
    )
    yield Port(
        "reshaped instead of transposed",
        Square,
        lambda w: OurSquare(w, lambda x: x.transpose(0, 3, 1, 2).reshape(x.shape)),
        None,
        ("layout.reinterpreted",),
        (2, 3, 7, 7),
    )

    class Dense(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fc2 = torch.nn.Linear(12, 12), torch.nn.Linear(12, 5)

        def forward(self, x):
            return self.fc2(torch.tanh(self.fc1(x)))

    module = Dense()

    class OurDense(nnx.Module):
        def __init__(self, wrong):
            self.fc1, self.fc2 = nnx.Linear(12, 12, rngs=rngs()), nnx.Linear(12, 5, rngs=rngs())
            for ours, theirs in ((self.fc1, module.fc1), (self.fc2, module.fc2)):
                w = theirs.weight.detach().numpy()
                ours.kernel[...] = jnp.asarray(w if wrong and ours is self.fc1 else w.T)
                ours.bias[...] = jnp.asarray(theirs.bias.detach().numpy())

        def __call__(self, x):
            return self.fc2(jnp.tanh(self.fc1(x)))

    yield Port(
        "square dense weight transposed",
        lambda: module,
        OurDense,
        "fc1",
        ("weight.transposed",),
        (4, 12),
        None,
    )


class Block(torch.nn.Module):
    def __init__(self, c, groups):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(c, c, 3, padding=1, groups=groups, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(c)
        self.conv2 = torch.nn.Conv2d(c, c, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(c)

    def forward(self, x):
        return torch.relu(x + self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))


class OurBlock(nnx.Module):
    def __init__(self, c, groups, eps=1e-5, relu=jax.nn.relu, **first):
        self.conv1 = jaxconv.Conv2d(
            c, c, 3, **{"padding": 1, **first}, groups=groups, bias=False, rngs=rngs()
        )
        self.bn1 = jaxconv.BatchNorm2d(c)
        self.conv2 = jaxconv.Conv2d(c, c, 1, bias=False, rngs=rngs())
        self.bn2 = jaxconv.BatchNorm2d(c, eps=eps)
        self.relu = relu

    def __call__(self, x):
        return jax.nn.relu(x + self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))


class Deep(torch.nn.Module):
    """24 layers, residual and grouped."""

    def __init__(self, blocks=6, c=8):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, c, 3, padding=1)
        self.blocks = torch.nn.Sequential(*(Block(c, 4) for _ in range(blocks)))
        self.fc = torch.nn.Linear(c, 4)

    def forward(self, x):
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))


class OurDeep(nnx.Module):
    def __init__(self, blocks=6, c=8, at=None, **fault):
        self.stem = jaxconv.Conv2d(3, c, 3, padding=1, rngs=rngs())
        self.blocks = jaxconv.Sequential(
            *(OurBlock(c, 4, **(fault if i == at else {})) for i in range(blocks))
        )
        self.fc = jaxconv.Linear(c, 4, rngs=rngs())

    def __call__(self, x):
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))


def _deep_rows():
    def port(name, at, layer, causes, train=False, **fault):
        def make(wrong):
            net = OurDeep(at=at, **fault) if wrong else OurDeep()
            net.train() if train else net.eval()
            return net

        return Port(name, lambda: Deep().train(train), make, layer, causes, (2, 3, 8, 7))

    yield port("deep: epsilon", 4, "blocks.4.bn2", ("norm.epsilon",), eps=1e-3)
    yield port("deep: padding mode", 3, "blocks.3.conv1", ("padding.mode",), padding_mode="circular")
    yield port("deep: dilation", 2, "blocks.2.conv1", ("dilation.value",), dilation=2, padding=2)
    yield port("deep: activation", 5, None, ("activation.other", "activation.missing"), relu=jax.nn.silu)
    yield port("deep: epsilon in training", 1, "blocks.1.bn2", ("norm.epsilon",), train=True, eps=1e-3)


PORTS = [
    *_layer_rows(), *_weight_rows(), *_own_rows(), *_function_rows(), *_flax_rows(), *_between_rows(), *_network_rows(), *_deep_rows(),
]  # fmt: skip


def image(port, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(port.shape).astype(dtype)
