"""The primitive of a convolution in blocks of channels: an operation of JAX for inference."""

import re

import jax
import numpy as np
import pytest

from jaxconv._lower import blocked, native
from jaxconv._lower.blocks import count, filled, from_blocks, pack_weight, to_blocks
from jaxconv._lower.epilogue import Epilogue
from jaxconv._lower.fused import unfused
from jaxconv._lower.product import Product
from jaxconv._spec import conv_spec

LANES = native.lanes() or 8
RNG = np.random.default_rng(0)


def whole(*shape):
    return RNG.integers(-3, 4, shape).astype(np.float32)


PRODUCT = Product("y", conv_spec(2, (20, 2 * LANES, 3, 3), 1, 1, 1, 1), (9, 8))
EPILOGUE = Epilogue(True, "first", "clamp", 0, 20)
PLAIN = whole(2, 2 * LANES, 9, 8), whole(20, 2 * LANES, 3, 3), whole(20), whole(2, 20, 9, 8)


def in_blocks(x, w, b, z, product=PRODUCT, lanes=LANES):
    takes = blocked.takes_blocks(product, lanes)
    return (
        to_blocks(x, lanes) if takes else x,
        pack_weight(w, product, lanes, takes),
        filled(b, count(product.spec.out_channels, lanes) * lanes, 0),
        to_blocks(z, lanes),
    )


OPERANDS = in_blocks(*PLAIN)
PARAMS = {"product": PRODUCT, "epilogue": EPILOGUE, "lanes": LANES, "blocked": True}


def run(*operands):
    return blocked.blocked_conv_p.bind(*operands, **PARAMS)


def expected(*plain):
    return np.asarray(unfused(*plain, product=PRODUCT, epilogue=EPILOGUE))


def test_it_is_a_call_and_the_same_numbers():
    np.testing.assert_array_equal(from_blocks(run(*OPERANDS), 20), expected(*PLAIN))
    text = jax.jit(run).lower(*OPERANDS).as_text()
    assert text.count(f"custom_call @{native.BLOCKED_TARGET}") == 1 and "stablehlo.add" not in text


def test_vmap():
    many = [np.stack([a, a + 1]) for a in PLAIN]
    stacked = [
        np.stack([*arrays])
        for arrays in zip(*(in_blocks(*each) for each in zip(*many, strict=True)), strict=True)
    ]
    y = jax.vmap(run)(*stacked)
    for i in range(2):
        np.testing.assert_array_equal(from_blocks(y[i], 20), expected(*(a[i] for a in many)))


def test_derivatives_are_refused():
    with pytest.raises(NotImplementedError, match="for inference and has no derivatives"):
        jax.grad(lambda w: run(OPERANDS[0], w, *OPERANDS[2:]).sum())(OPERANDS[1])


@pytest.mark.parametrize("lanes", [LANES, 2 * LANES])
def test_where_its_kernel_may_not_be_called_it_is_computed_in_the_layout_of_torch(lanes):
    operands = in_blocks(*PLAIN, lanes=lanes)

    def of_lanes(*operands):
        return blocked.blocked_conv_p.bind(*operands, **PARAMS | {"lanes": lanes})

    if lanes == LANES:
        exported = jax.export.export(jax.jit(of_lanes))(*operands)
        assert native.BLOCKED_TARGET not in exported.mlir_module()
        y = exported.call(*operands)
    else:
        assert native.BLOCKED_TARGET not in jax.jit(of_lanes).lower(*operands).as_text()
        y = of_lanes(*operands)
    np.testing.assert_array_equal(from_blocks(y, 20), expected(*PLAIN))


# (input channels, output channels, groups), sizes, kernel, stride, padding, dilation
KINDS = {
    "few input channels": ((3, 20, 1), (11, 9), (3, 3), 2, 1, 1),
    "few of each": ((5, 6, 1), (7, 7), (1, 3), 1, (0, 1), 1),
    "channels that fill no block": ((2 * LANES + 1, LANES + 3, 1), (6, 5), (3, 2), (1, 2), 1, 1),
    "one position's kernel": ((4 * LANES, 5 * LANES, 1), (13, 7), (1, 1), 1, 0, 1),
    "its stride": ((4 * LANES, LANES, 1), (13, 7), (1, 1), 2, 0, 1),
    "dilation": ((LANES, LANES, 1), (13, 12), (3, 3), 1, 2, (2, 3)),
    "groups": ((4 * LANES, 2 * LANES, 2), (7, 9), (3, 3), 1, 1, 1),
    "depthwise": ((LANES + 5,) * 3, (17, 19), (3, 3), 1, 1, 1),
    "depthwise with a stride": ((2 * LANES,) * 3, (15, 30), (5, 5), 2, 2, 1),
    "depthwise of 7": ((LANES,) * 3, (9, 9), (7, 7), 1, 3, 1),
    "depthwise with a dilation": ((LANES,) * 3, (19, 19), (3, 3), 1, 2, 2),
    "many rows": ((LANES, 9 * LANES, 1), (70, 40), (1, 1), 1, 0, 1),
    "many terms": ((40 * LANES, LANES, 1), (4, 3), (3, 3), 1, 1, 1),
    "one dimension": ((LANES, 2 * LANES, 1), (50,), (5,), 2, 2, 1),
}
EPILOGUES = (
    EPILOGUE,
    Epilogue(True, "last", "leaky", 0.5),
    Epilogue(False, "first", "hardswish"),
    Epilogue(True),
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_whole_numbers(kind):
    (inputs, outputs, groups), size, kernel, stride, padding, dilation = KINDS[kind]
    spec = conv_spec(len(size), (outputs, inputs // groups, *kernel), stride, padding, dilation, groups)
    product = Product("y", spec, size)
    assert blocked.can(product, 2, np.dtype(np.float32), LANES)
    plain = whole(2, inputs, *size), whole(*spec.weight_shape), whole(outputs), 6 * whole(*product.shape(2))
    takes = blocked.takes_blocks(product, LANES)

    def both(x, w, b, z):
        pairs = []
        for epilogue in EPILOGUES:
            wanted = [True, True, epilogue.bias, epilogue.residual != "none"]
            own = [a for a, has in zip(in_blocks(x, w, b, z, product), wanted, strict=True) if has]
            y = blocked.blocked_conv_p.bind(
                *own, product=product, epilogue=epilogue, lanes=LANES, blocked=takes
            )
            theirs = [a for a, has in zip((x, w, b, z), wanted, strict=True) if has]
            pairs.append((from_blocks(y, outputs), unfused(*theirs, product=product, epilogue=epilogue)))
        return pairs

    for epilogue, (ours, theirs) in zip(EPILOGUES, jax.jit(both)(*plain), strict=True):
        # Of whole numbers hardswish alone is rounded: x + 3 and x * 6 are exact, x * (x + 3) / 6 is rounded twice.
        ulps = 2 if epilogue.activation == "hardswish" else 0
        np.testing.assert_array_max_ulp(np.asarray(ours), np.asarray(theirs), ulps)


CANNOT = {
    "three dimensions": (Product("y", conv_spec(3, (16, 16, 1, 1, 1), 1, 0, 1, 1), (3, 3, 3)), np.float32),
    "float64": (PRODUCT, np.float64),
    "narrow groups": (Product("y", conv_spec(2, (16, 2, 3, 3), 1, 1, 1, 8), (9, 9)), np.float32),
    "no samples": (Product("y", conv_spec(2, (16, 16, 1, 1), 1, 0, 1, 1), (0, 3)), np.float32),
    "a depthwise kernel of many elements": (
        Product("y", conv_spec(2, (16, 1, 11, 11), 1, 5, 1, 16), (30, 30)),
        np.float32,
    ),
    "a gradient": (Product("x", PRODUCT.spec, PRODUCT.size), np.float32),
}


@pytest.mark.parametrize("why", CANNOT)
def test_what_it_cannot_compute(why):
    product, dtype = CANNOT[why]
    assert not blocked.can(product, 1, np.dtype(dtype), LANES)


CALL = {
    "lanes": np.int64(LANES),
    "blocked": True,
    "input_shape": np.array(PLAIN[0].shape),
    "weight_shape": np.array(PLAIN[1].shape),
    "output_shape": np.array(PLAIN[3].shape),
    "groups": np.int64(1),
    "stride": np.array([1, 1]),
    "padding": np.array([1, 1]),
    "dilation": np.array([1, 1]),
    "bias": True,
    "residual": "first",
    "activation": "clamp",
    "low": np.float32(0),
    "high": np.float32(20),
}
REFUSED = {
    "channels are those of another instruction set": {"lanes": np.int64(LANES + 1)},
    "must have the output channels of weight": {"output_shape": np.array((2, 21, 9, 8))},
    "not of the convolution's sizes in blocks of channels": {"output_shape": np.array((2, 20, 8, 8))},
    "activation='magic' is none": {"activation": "magic"},
    "reaches too far to be copied": {"dilation": np.array([2**40, 1])},
    "must have one group and no dilation": {"blocked": False, "dilation": np.array([1, 2])},
}


@pytest.mark.skipif(native.isa() is None, reason="there are no kernels")
@pytest.mark.parametrize("why", REFUSED)
def test_calls_without_sense_are_refused(why):
    shape = jax.ShapeDtypeStruct(OPERANDS[3].shape, np.float32)
    call = jax.ffi.ffi_call(native.BLOCKED_TARGET, shape)
    np.testing.assert_array_equal(jax.jit(lambda *a: call(*a, **CALL))(*OPERANDS), run(*OPERANDS))
    with pytest.raises(jax.errors.JaxRuntimeError, match=re.escape(why)):
        jax.block_until_ready(jax.jit(lambda *a: call(*a, **CALL | REFUSED[why]))(*OPERANDS))
