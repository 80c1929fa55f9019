"""The suite has to catch wrong ports, also ones wrong forward and backward alike, and never a right one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jaxconv
from parity.suite import runner
from parity.suite.case import case

pytestmark = pytest.mark.share(2)

CPU = jax.devices("cpu")[0]
ARGS = {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1, "groups": 2}
CONV = case("conv2d", "groups", "functional", None, ARGS, (2, 4, 8, 6))
DILATED = case(
    "conv2d",
    "stride",
    "functional",
    None,
    {"in_channels": 4, "out_channels": 4, "kernel_size": 3, "padding": 2, "dilation": 2},
    (2, 4, 8, 6),
)
POOL = case(
    "max_pool2d",
    "window",
    "functional",
    None,
    {"kernel_size": 3, "stride": 1, "padding": 1, "return_indices": True},
    (2, 3, 8, 6),
)


def lax_conv(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    pads = padding if isinstance(padding, str | list) else [(padding, padding)] * 2
    y = lax.conv_general_dilated(
        x,
        w,
        (stride, stride),
        pads,
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NCHW", "OIHW", "NCHW"),
        feature_group_count=groups,
    )
    return y + b[:, None, None]


def port(forward):
    """A port of conv2d with the gradients that follow from it, as `runner.run_case` calls it."""
    return lambda x, weight, bias, **arguments: forward(x, weight, bias, **arguments)


def by_blocks(x, w, b, groups=1, **rest):
    y = lax_conv(x, w, b, groups=groups, **rest)
    n, c, *size = y.shape
    return y.reshape(n, groups, c // groups, *size).swapaxes(1, 2).reshape(y.shape)


def in_bfloat16(x, w, b, **rest):
    return lax_conv(*(a.astype(jnp.bfloat16) for a in (x, w, b)), **rest).astype(x.dtype)


FAULTS = {
    "flipped kernel": lambda x, w, b, **rest: lax_conv(x, w[:, :, ::-1, ::-1], b, **rest),
    "height and width swapped": lambda x, w, b, **rest: lax_conv(x, w.swapaxes(2, 3), b, **rest),
    "SAME for symmetric padding": lambda x, w, b, **rest: lax_conv(x, w, b, **rest | {"padding": "SAME"}),
    "padding at one side": lambda x, w, b, **rest: lax_conv(x, w, b, **rest | {"padding": [(0, 2), (1, 1)]}),
    "group order": by_blocks,
    "output channels reversed": lambda x, w, b, **rest: lax_conv(x, w, b, **rest)[:, ::-1],
    "stride dropped": lambda x, w, b, **rest: lax_conv(x, w, b, **rest | {"stride": 1}),
    "stride from the wrong end": lambda x, w, b, **rest: lax_conv(x[:, :, ::-1], w[:, :, ::-1], b, **rest)[
        :, :, ::-1
    ],
    "bias dropped": lambda x, w, b, **rest: lax_conv(x, w, 0 * b, **rest),
    "bias twice": lambda x, w, b, **rest: lax_conv(x, w, 2 * b, **rest),
    "bfloat16 inside": in_bfloat16,
    "weight off by 1e-5": lambda x, w, b, **rest: lax_conv(x, w * (1 + 1e-5), b, **rest),
}


def changed(y=lambda y: y, cotangent=lambda dy: dy, **gradients):
    """`lax_conv` with its output, its cotangent or its gradients changed."""

    def run(x, weight, bias, **arguments):
        @jax.custom_vjp
        def conv(*arrays):
            return y(lax_conv(*arrays, **arguments))

        def forward(*arrays):
            result, vjp = jax.vjp(lambda *arrays: lax_conv(*arrays, **arguments), *arrays)
            return y(result), vjp

        def backward(vjp, dy):
            right = zip(("input", "weight", "bias"), vjp(cotangent(dy.astype(x.dtype))), strict=True)
            return tuple(gradients.get(name, lambda g: g)(g) for name, g in right)

        conv.defvjp(forward, backward)
        return conv(x, weight, bias)

    return run


CHANGES = {
    "input gradient off by 1e-5": {"input": lambda g: g * np.float32(1 + 1e-5)},
    "weight gradient off by 1e-5": {"weight": lambda g: g * np.float32(1 + 1e-5)},
    "bias gradient off by 1e-5": {"bias": lambda g: g * np.float32(1 + 1e-5)},
    "gradient of a mean": {"weight": lambda g: g / 2},
    "cotangent permuted": {"cotangent": lambda dy: dy[::-1]},
    "cotangent of ones": {"cotangent": jnp.ones_like},
    "one NaN": {"y": lambda y: jnp.where(y == y.max(), np.nan, y)},
    "wrong dtype": {"y": lambda y: y.astype(jnp.float64)},
    "no gradient": {"bias": jnp.zeros_like},
}


def verdicts(case, seed, function):
    return {v.name: v for v in runner.run_case(case, seed, CPU, function).verdicts}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_forward_pass_is_caught(fault, seed):
    found = verdicts(CONV, seed, port(FAULTS[fault]))
    assert not found["y"].ok, found
    # Only a dropped stride changes a shape; all others are found by their numbers.
    assert ("outside the rounding bound" in found["y"].reason) is (fault != "stride dropped")


def test_dropped_dilation_is_caught_where_the_shape_is_right():
    found = verdicts(
        DILATED, 0, port(lambda x, w, b, **rest: lax_conv(x, w, b, **rest | {"dilation": 1, "padding": 1}))
    )
    assert all("outside the rounding bound" in found[n].reason for n in ("y", "grad.input", "grad.weight"))
    assert found["grad.bias"].ok


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("change", CHANGES)
def test_a_wrong_output_is_caught(change, seed):
    assert any(not v.ok for v in verdicts(CONV, seed, changed(**CHANGES[change])).values())


def test_another_number_of_outputs_is_caught():
    found = verdicts(CONV, 0, lambda *args, **more: (port(lax_conv)(*args, **more), args[0]))
    assert "Conv2d returns 1 array" in found["layer"].reason and not found["layer"].ok


@pytest.mark.parametrize("case", [CONV, DILATED])
def test_a_right_port_is_never_accused(case):
    results = [runner.run_case(case, seed, CPU, port(lax_conv)) for seed in range(40)]
    assert [r.verdicts for r in results if not r.ok] == []


def pool(x, lowest):
    x = jnp.pad(jnp.asarray(x), [(0, 0), (0, 0), (1, 1), (1, 1)], constant_values=lowest)
    y, indices = jaxconv.functional.max_pool2d(x, 3, 1, return_indices=True)
    row, column = jnp.divmod(indices, x.shape[-1])
    return y, (row - 1) * (x.shape[-1] - 2) + column - 1


def pool_port(lowest=-np.inf, y=lambda y: y, indices=lambda i: i, gradient=lambda g: g):
    """A port of max_pool2d, with its results or its gradient changed."""

    @jax.custom_vjp
    def run(x):
        values, places = pool(x, lowest)
        return y(values), indices(places)

    def forward(x):
        _, vjp, _ = jax.vjp(lambda x: pool(x, lowest), x, has_aux=True)
        return run(x), vjp

    def backward(vjp, cotangents):
        return (gradient(vjp(cotangents[0])[0]),)

    run.defvjp(forward, backward)
    return lambda x, **arguments: run(x)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ("y", pool_port(lowest=0.0)),
        ("y", pool_port(y=lambda y: y * (1 + 2.0**-23))),
        ("index", pool_port(indices=lambda i: i + 1)),
        ("grad.input", pool_port(gradient=lambda g: g * (1 + 1e-5))),
        ("grad.input", pool_port(gradient=lambda g: g.swapaxes(0, 1).reshape(g.shape))),
    ],
)
def test_wrong_pooling_is_caught(wrong, fault):
    assert not verdicts(POOL, 0, fault)[wrong].ok


def test_right_pooling_is_never_accused():
    results = [runner.run_case(POOL, seed, CPU, pool_port()) for seed in range(40)]
    assert [r.verdicts for r in results if not r.ok] == []
