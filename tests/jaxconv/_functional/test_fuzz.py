"""Random configurations, good and bad: torch and we agree on values and gradients, or both refuse.

Each draw that is not refused is compiled, so a plain run draws a few hundred. `make thorough` (which sets
HYPOTHESIS_PROFILE=thorough) draws 2,400. What torch and we are known to differ in is in docs/differences.md.
"""

import os

import jax.numpy as jnp
import numpy as np
import torch
from flax import nnx
from hypothesis import HealthCheck, Phase, assume, event, given, note, settings
from hypothesis import strategies as st
from oracle import REFUSALS, check_conv, check_max_pool, judge_defined, torch_outputs

import jaxconv
from jaxconv._spec_pool import pool_spec
from parity._bounds import definition
from parity._flax import network as flax_network
from parity._flax import run as flax_run

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"


def draws(plain, thorough):
    return settings(
        max_examples=thorough if THOROUGH else plain,
        deadline=None,
        derandomize=not THOROUGH,  # CI draws the same ones, `make thorough` others each time
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )


DTYPES = ["float32", "float64", "complex64", "int64", "float16"]
usually = st.integers(0, 39).map(lambda i: i != 23)  # wrong in one way or other in about one draw of four


@st.composite
def per_dim(draw, ndim, least, most):
    """An int, a 1-tuple or a tuple; now and then with a value below the least, or of a wrong length."""
    values = st.integers(least, most) if draw(usually) else st.integers(least - 2, most)
    length = draw(st.sampled_from([0, 0, ndim, ndim, 1])) if draw(usually) else ndim + 1
    if length == 0:
        return draw(values)
    return tuple(draw(st.lists(values, min_size=length, max_size=length)))


@st.composite
def conv_configuration(draw, ndims=(1, 2, 3)):
    ndim = draw(st.sampled_from(ndims))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    per_group, multiplier = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel = tuple(draw(st.lists(st.integers(1, 3), min_size=ndim, max_size=ndim)))
    size = tuple(draw(st.lists(st.integers(3, 9 if ndim < 3 else 6), min_size=ndim, max_size=ndim)))
    batch = draw(st.sampled_from([(), (1,), (2,), (0,)]))
    channels = groups * per_group + (0 if draw(usually) else draw(st.integers(-1, 1)))
    return {
        "ndim": ndim,
        "dtype": draw(st.sampled_from(DTYPES)),
        "input": (*batch, max(channels, 1), *size),
        "weight": (groups * multiplier + (0 if draw(usually) else 1), per_group, *kernel),
        "bias": draw(st.booleans()),
        "stride": draw(per_dim(ndim, 1, 3)),
        "padding": draw(st.one_of(per_dim(ndim, 0, 3), st.sampled_from(["same", "valid"]))),
        "dilation": draw(per_dim(ndim, 1, 3)),
        "groups": groups if draw(usually) else draw(st.integers(-1, 4)),
    }


def array(rng, shape, dtype):
    if dtype == "int64":
        return rng.integers(-9, 10, shape)
    values = rng.standard_normal(shape)
    return (values + 1j * rng.standard_normal(shape) if dtype == "complex64" else values).astype(dtype)


@draws(120, 1500)
@given(conv_configuration(), st.integers(0, 2**32 - 1))
def test_convolutions(c, seed):
    note(str(c))
    rng = np.random.default_rng(seed)
    x, w = array(rng, c["input"], c["dtype"]), array(rng, c["weight"], c["dtype"])
    b = array(rng, c["weight"][:1], c["dtype"]) if c["bias"] else None
    kwargs = {name: c[name] for name in ("stride", "padding", "dilation", "groups")}
    verdicts = check_conv(c["ndim"], x, w, b, kwargs, rng)
    event("both refuse" if verdicts is None else "compared")


@st.composite
def pool_configuration(draw):
    ndim = draw(st.sampled_from([1, 2, 2, 2, 3]))
    size = tuple(draw(st.lists(st.integers(2, 9 if ndim < 3 else 6), min_size=ndim, max_size=ndim)))
    batch = draw(st.sampled_from([(), (1,), (2,), (0,)]))
    return {
        "ndim": ndim,
        "dtype": draw(
            st.sampled_from(["float32", "bfloat16"] if ndim == 1 else ["float32", "bfloat16", "int64"])
        ),
        "input": (*batch, draw(st.integers(1, 3)), *size),
        "kinds": draw(st.sampled_from(["distinct", "ties", "special"])),
        "kernel_size": draw(per_dim(ndim, 1, 4)),
        "stride": draw(st.one_of(st.none(), per_dim(ndim, 1, 3))),
        "padding": draw(per_dim(ndim, 0, 2)),
        "dilation": draw(per_dim(ndim, 1, 3)),
        "ceil_mode": draw(st.booleans()),
    }


def has_an_empty_window(c):
    """A window without one element of the input: torch's index is out of bounds, and so is what its gradient writes."""
    try:
        spec = pool_spec(
            *(c[name] for name in ("ndim", "kernel_size", "stride", "padding", "dilation", "ceil_mode"))
        )
    except (ValueError, TypeError):
        return False
    size = c["input"][-c["ndim"] :]
    for n, out, k, s, (p, _), d in zip(
        size, spec.output_size(size), spec.kernel_size, spec.stride, spec.padding, spec.dilation, strict=True
    ):
        positions = (np.arange(max(out, 0)) * s - p)[:, None] + np.arange(k) * d
        if not ((positions >= 0) & (positions < n)).any(1).all():
            return True
    return False


@draws(60, 600)
@given(pool_configuration(), st.integers(0, 2**32 - 1))
def test_max_pooling(c, seed):
    assume(not has_an_empty_window(c))
    note(str(c))
    rng = np.random.default_rng(seed)
    x = rng.permutation(np.prod(c["input"], dtype=int)).reshape(c["input"]).astype(float)
    if c["kinds"] != "distinct":
        x %= 3
    if c["kinds"] == "special" and c["dtype"] != "int64":
        x = np.where(rng.random(x.shape) < 0.4, rng.choice([np.nan, -np.inf, np.inf], x.shape), x)
    x = x.astype(jnp.dtype(c["dtype"]))
    kwargs = {name: c[name] for name in ("kernel_size", "stride", "padding", "dilation", "ceil_mode")}
    verdicts = check_max_pool(c["ndim"], x, kwargs, rng)
    event("both refuse" if verdicts is None else "compared")


@st.composite
def layer_configuration(draw):
    c = draw(conv_configuration(ndims=(2,)))
    # torch's layers, other than its functionals, do not expect 1-tuples: with padding='same' a 1-tuple `dilation` pads
    # only one dimension, and so does a 1-tuple `padding` of an unbatched input (a batched one is refused).
    c |= {
        name: v[0]
        for name, v in c.items()
        if name in ("stride", "padding", "dilation") and len(np.shape(v)) and len(v) == 1
    }
    return c | {
        "padding_mode": draw(st.sampled_from(["reflect", "replicate", "circular"])),
        "dtype": "float32",
    }


@draws(25, 300)
@given(layer_configuration(), st.integers(0, 2**32 - 1))
def test_layers_with_padding_modes(c, seed):
    note(str(c))
    rng = np.random.default_rng(seed)
    x = array(rng, c["input"], "float32")
    arguments = {
        "in_channels": c["weight"][1] * max(c["groups"], 1),
        "out_channels": c["weight"][0],
        "kernel_size": c["weight"][2:],
        **{name: c[name] for name in ("stride", "padding", "dilation", "groups", "bias", "padding_mode")},
    }
    try:
        twin = torch.nn.Conv2d(**arguments)
        names = [name for name, _ in twin.named_parameters()]
        weights = [p.detach().numpy() for p in twin.parameters()]
        call = lambda x, *p: torch.func.functional_call(twin, dict(zip(names, p, strict=True)), (x,))
        theirs, ct = torch_outputs(call, (x, *weights), rng)
    except REFUSALS as error:
        note(f"torch refuses: {error}")
        with np.testing.assert_raises((ValueError, TypeError)):
            jaxconv.Conv2d(**arguments, rngs=nnx.Rngs(0))(x)
        event("both refuse")
        return
    if not isinstance(c["padding"], str) and np.min(c["padding"]) < 0:
        # Known difference: torch crops where padding is negative and not of zeros.
        with np.testing.assert_raises(ValueError):
            jaxconv.Conv2d(**arguments, rngs=nnx.Rngs(0))
        return
    layer = jaxconv.load_state_dict(jaxconv.Conv2d(**arguments, rngs=nnx.Rngs(0)), twin.state_dict())
    ours = flax_run.run(flax_network.network(layer), [x], {}, [ct])
    ours["y"] = ours.pop("output")
    plain = {
        name: value[0] if isinstance(value, tuple) and len(value) == 1 else value
        for name, value in arguments.items()
    }
    refs = definition.conv_layer(plain, x, dict(zip(names, weights, strict=True)), ct)
    judge_defined(ours, theirs, refs, x.dtype)
    event("compared")
