"""Each lowering, forced, of each of the three products. Arrays of small integers make sums exact: results are equal."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import jaxconv
from jaxconv import functional as F
from jaxconv._lower import direct, grouped
from jaxconv._lower.choice import LOWERINGS, NATIVE, choose
from jaxconv._lower.primitive import conv_p
from jaxconv._lower.product import ROLES, Product
from jaxconv._spec import ConvSpec

pytestmark = pytest.mark.share(3)

# batch, size, (channels, kernel, stride, padding, dilation, groups): each argument differs between dimensions.
SPECS = {
    "depthwise": (2, (9, 8), ConvSpec(6, 6, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 6)),
    "multiplier, stride": (1, (15, 8), ConvSpec(6, 12, (3, 2), (2, 1), ((1, 0), (2, 1)), (1, 2), 6)),
    "stride wider than kernel": (2, (9, 10), ConvSpec(6, 6, (2, 2), (3, 4), ((0, 0), (0, 0)), (1, 1), 6)),
    "padding wider than kernel": (2, (17, 11), ConvSpec(4, 4, (3, 3), (3, 2), ((4, 4), (5, 1)), (2, 3), 2)),
    "groups of 2": (2, (16, 9), ConvSpec(8, 4, (2, 3), (1, 2), ((0, 0), (3, 3)), (2, 1), 4)),
    "groups of 8": (2, (6, 5), ConvSpec(40, 80, (3, 2), (1, 1), ((1, 1), (1, 0)), (1, 1), 5)),
    "groups of 32": (2, (6, 5), ConvSpec(64, 64, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 2)),
    "groups of 48": (2, (6, 5), ConvSpec(96, 48, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 2)),
    "dense": (1, (9, 8), ConvSpec(3, 5, (3, 2), (1, 1), ((1, 0), (2, 1)), (1, 2), 1)),
    "dense, batch, stride": (2, (9, 8), ConvSpec(3, 5, (3, 2), (2, 3), ((1, 0), (2, 1)), (1, 2), 1)),
    "pointwise": (1, (9, 8), ConvSpec(3, 5, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    "pointwise, batch, stride": (3, (17, 34), ConvSpec(3, 5, (1, 1), (1, 2), ((0, 0), (0, 0)), (1, 1), 1)),
    "pointwise, stride leaves a rest": (
        2,
        (9, 8),
        ConvSpec(3, 5, (1, 1), (2, 3), ((0, 0), (0, 0)), (1, 1), 1),
    ),
    "patches": (2, (9, 8), ConvSpec(3, 5, (3, 2), (3, 2), ((0, 0), (0, 0)), (1, 1), 1)),
    "patches that leave a rest": (1, (11, 5), ConvSpec(3, 5, (3, 2), (3, 2), ((0, 0), (0, 0)), (1, 1), 1)),
    "1d": (2, (20,), ConvSpec(6, 6, (5,), (2,), ((2, 2),), (2,), 6)),
    "3d": (2, (5, 6, 4), ConvSpec(4, 8, (2, 3, 2), (2, 1, 2), ((1, 1), (0, 0), (1, 1)), (1, 2, 1), 4)),
}
rng = np.random.default_rng(3)


def ints(*shape):
    return rng.integers(-4, 5, shape).astype(np.float32)


def arrays(batch, size, spec):
    return {
        "x": ints(batch, spec.in_channels, *size),
        "weight": ints(*spec.weight_shape),
        "y": ints(batch, spec.out_channels, *spec.output_size(size)),
    }


def equal(a, b):
    jax.tree.map(lambda p, q: np.testing.assert_array_equal(np.asarray(p), np.asarray(q)), a, b)


def by_name(name, p):
    return lambda a, b: conv_p.bind(a, b, product=p, forced=name, like=None)


@pytest.mark.parametrize("label", SPECS)
def test_all_are_equal_to_the_direct_one(label):
    batch, size, spec = SPECS[label]
    held = arrays(batch, size, spec)
    tried = set()

    @jax.jit
    def run(held):
        out = {}
        for wanted in ROLES:
            p = Product(wanted, spec, size)
            operands = [held[role] for role in p.operands]
            for name in (*LOWERINGS, NATIVE):
                if choose(p, batch, np.float32, name, native=True).name == name:
                    out[wanted, name] = by_name(name, p)(*operands)
        return out

    for (wanted, name), got in run(held).items():
        tried.add(name)
        p = Product(wanted, spec, size)
        expected = direct.compute(p, *(jnp.asarray(held[role]) for role in p.operands))
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected, err_msg=f"{wanted} {name}")
    assert len(tried) > 1


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_types_are_rounded_once(dtype):
    """Sums of a few integers of at most 16 are exact, so is what is rounded to a half-precision type."""
    x, w = (a.astype(dtype) for a in (ints(2, 8, 7, 6), ints(8, 1, 3, 3)))

    def everything(x, w):
        y, vjp = jax.vjp(lambda x, w: F.conv2d(x, w, padding=1, groups=8), x, w)
        return y, *vjp(y)

    got = jax.jit(everything)(x, w)
    with jaxconv.lowering("direct"):
        wide = jax.jit(everything)(*(a.astype(np.float32) for a in (x, w)))
    for a, b in zip(got, wide, strict=True):
        assert a.dtype == dtype
        np.testing.assert_array_equal(a, np.asarray(b).astype(dtype))
    # a sum that a half-precision type cannot hold on its way: 600 ones
    ones = jnp.ones((1, 8, 20, 30), dtype)
    dw = jax.jit(jax.grad(lambda w: F.conv2d(ones, w, groups=8).sum()))(jnp.ones((8, 1, 1, 1), dtype))
    np.testing.assert_array_equal(dw, np.full((8, 1, 1, 1), 600, dtype))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_types_are_rounded_once_with_the_bias(dtype, batch, transposed):
    """Where the bias nearly cancels the sum, a sum that was rounded already has lost the sign."""
    rng = np.random.default_rng(3)
    size = (4, 1, 3, 3) if transposed else (4, 2, 3, 3)
    x, weight = (jnp.asarray(rng.normal(size=s), dtype) for s in ((batch, 4, 9, 9), size))
    plain, torchs = (F.conv_transpose2d, torch.conv_transpose2d) if transposed else (F.conv2d, torch.conv2d)
    sums = plain(*(a.astype(jnp.float32) for a in (x, weight)), groups=2)
    bias = -sums[0, :, 3, 3].astype(dtype)

    y, pull = jax.vjp(jax.jit(lambda *o: plain(*o, groups=2)), x, weight, bias)
    exact = torchs(*(torch.tensor(np.float64(a)) for a in (x, weight, bias)), groups=2).numpy()
    # Half a unit in the last place of the sum, and what float32 leaves of its terms.
    allowed = np.abs(exact) * jnp.finfo(dtype).eps / 2 + 40 * 2.0**-24 * np.abs(sums).max()
    assert y.dtype == dtype and np.all(np.abs(np.float64(y) - exact) <= allowed)
    assert 0 < np.abs(np.float64(y)[0, :, 3, 3]).max() < np.abs(np.float64(bias)).max() / 100
    assert [g.dtype for g in pull(y)] == [dtype] * 3


@pytest.mark.parametrize("written_out", [1, 16])
@pytest.mark.parametrize("cached", [1, 3000, 10**9])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("label", ["groups of 2", "groups of 8", "groups of 48"])
def test_groups_in_lots_of_any_size(label, batch, cached, written_out, monkeypatch):
    monkeypatch.setattr(grouped, "CACHED", cached)
    monkeypatch.setattr(grouped, "WRITTEN_OUT", written_out)
    monkeypatch.setattr(grouped, "LOTS", written_out)
    _, size, spec = SPECS[label]
    held = arrays(batch, size, spec)
    for wanted in ROLES:
        p = Product(wanted, spec, size)
        operands = [jnp.asarray(held[role]) for role in p.operands]
        got = grouped.compute(p, *operands)
        got = got.sum(0) if grouped.by_products(p, batch) else got
        np.testing.assert_array_equal(got, direct.compute(p, *operands))


@pytest.mark.parametrize("size", [14, 40])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("per_group", [(4, 64), (64, 4), (16, 32), (64, 64)])
def test_what_stands_apart_has_no_convolution(per_group, stride, size):
    """In a function of its own XLA's convolution is 50 times slower."""
    channels = (2 * n for n in per_group)
    spec = ConvSpec(*channels, (3, 3), (stride, stride), ((1, 1), (1, 1)), (1, 1), 2)
    held = {"x": (1, spec.in_channels, size, size), "weight": spec.weight_shape}
    held["y"] = (1, spec.out_channels, *spec.output_size((size, size)))
    for wanted in ROLES:
        p = Product(wanted, spec, (size, size))
        operands = [jnp.zeros(held[role]) for role in p.operands]
        program = str(jax.make_jaxpr(functools.partial(grouped.compute, p))(*operands))
        assert ("conv_general_dilated" in program) != LOWERINGS["grouped"].apart(p, 1)


def test_channels_are_last_in_loops_too():
    """There XLA leaves a convolution as it is written: with channels first it is a loop over scalars."""
    x, w = jnp.zeros((2, 24, 9, 9)), jnp.zeros((24, 24, 3, 3))

    def descend(w, _):
        return w - jax.grad(lambda w: (F.conv2d(x, w) ** 2).sum())(w), None

    with jaxconv.lowering("xla"):
        program = jax.jit(lambda w: jax.lax.scan(descend, w, None, 3)[0]).lower(w).compile().as_text()
    assert set(re.findall(r"dim_labels=(\S+?),", program)) == {"b01f_01io->b01f"}


# Every way in which two arrays can be mapped, of every product; dims other than 0 too.
@pytest.mark.parametrize("label", ["groups of 2", "dense, batch, stride"])
def test_vmap(label):
    batch, size, spec = SPECS[label]
    held = arrays(batch, size, spec)
    stacked = {role: jnp.stack([a, a + 1, -a]) for role, a in held.items()}
    for wanted in ROLES:
        p = Product(wanted, spec, size)
        f = by_name("direct", p)
        for dims in ((0, None), (None, 0), (2, 0)):
            picked = [
                held[role] if dim is None else jnp.moveaxis(stacked[role], 0, dim)
                for role, dim in zip(p.operands, dims, strict=True)
            ]
            got = jax.vmap(f, dims)(*picked)
            for i in range(3):
                row = (
                    held[role] if dim is None else stacked[role][i]
                    for role, dim in zip(p.operands, dims, strict=True)
                )
                np.testing.assert_array_equal(got[i], f(*row), err_msg=f"{wanted} {dims}")


FORCED = {
    "shift": dict(x=(2, 4, 7, 6), w=(8, 1, 3, 2), stride=(2, 1), padding=1, groups=4),
    "grouped": dict(x=(2, 16, 5, 6), w=(16, 8, 3, 3), stride=(2, 1), padding=1, groups=2),
    "pointwise": dict(x=(2, 4, 5, 6), w=(3, 4, 1, 1), stride=2),
    "im2col": dict(x=(2, 4, 5, 6), w=(3, 4, 3, 2), padding=1),
    "phases": dict(x=(2, 4, 7, 6), w=(6, 2, 3, 2), stride=(2, 1), padding=1, groups=2),
    "patches": dict(x=(2, 4, 7, 6), w=(3, 4, 3, 2), stride=(3, 2)),
    "native": dict(x=(2, 4, 7, 6), w=(8, 2, 3, 2), stride=(2, 1), padding=1, groups=2),
}


@pytest.mark.parametrize("name", FORCED)
def test_derivatives_of_every_order_vmap_and_checkpoint(name):
    case = dict(FORCED[name])
    x, w = (np.sign(ints(*case.pop(key))) for key in ("x", "w"))
    dx, dw = np.sign(ints(*x.shape)), np.sign(ints(*w.shape))

    def loss(x, w):
        return jnp.sum(F.conv2d(x, w, **case) ** 2)

    def everything(x, w, dx, dw):
        grad = jax.grad(loss, (0, 1))
        return (
            jax.value_and_grad(loss, (0, 1))(x, w),
            jax.jvp(loss, (x, w), (dx, dw)),
            jax.jvp(grad, (x, w), (dx, dw)),
            jax.grad(lambda x, w: sum(map(jnp.vdot, grad(x, w), (dx, dw))), (0, 1))(x, w),
            jax.grad(jax.checkpoint(loss), (0, 1))(x, w),
            jax.vmap(jax.grad(loss, (0, 1)))(jnp.stack([x, dx]), jnp.stack([w, dw])),
        )

    with jaxconv.lowering(name):
        forced = jax.jit(everything)(x, w, dx, dw)
        (called,) = jaxconv.explain(lambda x: F.conv2d(x, w, **case), x).convolutions
        names = called.y.name, called.x.name, called.weight.name
        assert name in names and set(names) <= {name, "direct"}
    with jaxconv.lowering("direct"):
        expected = jax.jit(everything)(x, w, dx, dw)
    equal(forced, expected)
    assert all(np.any(np.asarray(a)) for a in jax.tree.leaves(forced))


@pytest.mark.parametrize("name", FORCED)  # native: what is exported has no kernels
def test_export_for_a_batch_of_any_size(name):
    case = dict(FORCED[name])
    x, w = ints(*case.pop("x")), ints(*case.pop("w"))
    (n,) = jax.export.symbolic_shape("n")

    def step(x, w):
        return jax.value_and_grad(lambda w: jnp.sum(F.conv2d(x, w, **case)))(w)

    shape = jax.ShapeDtypeStruct((n, *x.shape[1:]), x.dtype)
    with jaxconv.lowering(name):
        exported = jax.export.export(jax.jit(step), platforms=["cpu", "cuda", "tpu"])(shape, w)
    restored = jax.export.deserialize(exported.serialize())
    equal(restored.call(x, w), step(x, w))


@pytest.mark.parametrize("groups", [1, 4])
def test_mapped_over_nothing(groups):
    x, w = jnp.ones((0, 2, 4, 6, 6)), jnp.ones((8, 4 // groups, 3, 3))
    y = jax.vmap(lambda x: F.conv2d(x, w, groups=groups))(x)
    dw = jax.vmap(jax.grad(lambda w, x: F.conv2d(x, w, groups=groups).sum()), (None, 0))(w, x)
    assert y.shape == (0, 2, 8, 4, 4) and dw.shape == (0, *w.shape)


def test_within_disable_jit():
    x, w = ints(1, 4, 6, 6), ints(4, 1, 3, 3)
    with jax.disable_jit():
        y = F.conv2d(x, w, groups=4)
    np.testing.assert_array_equal(y, F.conv2d(x, w, groups=4))


def test_an_empty_batch():
    x, w = np.zeros((0, 4, 5, 5), np.float32), ints(4, 1, 3, 3)
    y, vjp = jax.vjp(lambda x, w: F.conv2d(x, w, groups=4), x, w)
    dx, dw = vjp(y)
    assert y.shape == (0, 4, 3, 3) and dx.shape == x.shape and not np.any(dw)


@pytest.mark.parametrize("name", ["native", "xla"])
def test_infinity_and_nan_stay_where_they_belong(name):
    # Where groups are taken together, what is not of the group is multiplied by zeros: inf * 0 is NaN.
    x, w = ints(1, 32, 6, 6), ints(32, 8, 3, 3)
    x[0, 3, 2, 2], x[0, 20, 4, 4] = np.inf, np.nan
    with jaxconv.lowering(name):
        y = F.conv2d(x, w, padding=1, groups=4)
    expected = torch.nn.functional.conv2d(torch.from_numpy(x), torch.from_numpy(w), padding=1, groups=4)
    np.testing.assert_array_equal(np.asarray(y), expected)
