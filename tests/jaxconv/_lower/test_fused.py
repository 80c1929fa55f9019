"""The primitive of a convolution with its epilogue: an operation of JAX for inference."""

import re

import jax
import numpy as np
import pytest

from jaxconv._lower import native
from jaxconv._lower.epilogue import Epilogue
from jaxconv._lower.fused import fused_conv_p, unfused
from jaxconv._lower.product import Product
from jaxconv._spec import conv_spec

X, W, B, Z = (
    np.random.default_rng(0).integers(-3, 4, shape).astype(np.float32)
    for shape in ((2, 4, 9, 8), (6, 2, 3, 3), (6,), (2, 6, 9, 8))
)
PARAMS = {
    "product": Product("y", conv_spec(2, (6, 2, 3, 3), 1, 1, 1, 2), (9, 8)),
    "epilogue": Epilogue(True, "first", "clamp", 0, 20),
}
OPERANDS = X, W, B, Z


def fused(*operands):
    return fused_conv_p.bind(*operands, **PARAMS)


def expected(*operands):
    return jax.jit(lambda *operands: unfused(*operands, **PARAMS))(*operands)


def test_it_is_a_call_and_the_same_numbers():
    np.testing.assert_array_equal(fused(*OPERANDS), expected(*OPERANDS))
    text = jax.jit(fused).lower(*OPERANDS).as_text()
    assert text.count(f"custom_call @{native.FUSED_TARGET}") == 1 and "stablehlo.add" not in text


def test_vmap():
    many = [np.stack([a, 2 * a, a - 1]) for a in OPERANDS]
    np.testing.assert_array_equal(jax.vmap(fused)(*many), np.stack([*map(expected, *many)]))
    alone = jax.vmap(fused, in_axes=(None, None, 0, None), out_axes=1)(X, W, many[2], Z)
    np.testing.assert_array_equal(alone, np.stack([expected(X, W, b, Z) for b in many[2]], 1))


def test_derivatives_are_refused():
    why = "for inference and has no derivatives: differentiate the model that it was made of"
    with pytest.raises(NotImplementedError, match=why):
        jax.jvp(lambda x: fused(x, W, B, Z), (X,), (X,))
    with pytest.raises(NotImplementedError, match=why):
        jax.grad(lambda w: fused(X, w, B, Z).sum())(W)


def test_where_kernels_may_not_be_called_it_is_what_it_was_made_of():
    exported = jax.export.export(jax.jit(fused))(*OPERANDS)
    assert native.FUSED_TARGET not in exported.mlir_module()
    np.testing.assert_array_equal(exported.call(*OPERANDS), expected(*OPERANDS))


CALL = {
    "groups": np.int64(2),
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
    "activation='magic' is none that the kernels have": (OPERANDS, {"activation": "magic"}),
    "residual='middle' must be 'none', 'first' or 'last'": (OPERANDS, {"residual": "middle"}),
    "there must be an operand for each of bias and residual": (OPERANDS[:3], {}),
    "bias must be float32, one for each output channel": ((X, W, B[:5], Z), {}),
    "residual must be float32, of the result's shape": ((X, W, B, Z[:, :, :8]), {}),
    "operands and result must be float32": ((X, W.astype(np.float16), B, Z), {}),
    "groups=3": (OPERANDS, {"groups": np.int64(3)}),
}


@pytest.mark.parametrize("why", REFUSED)
def test_calls_without_sense_are_refused(why):
    operands, changed = REFUSED[why]
    call = jax.ffi.ffi_call(native.FUSED_TARGET, jax.ShapeDtypeStruct(Z.shape, Z.dtype))
    with pytest.raises(jax.errors.JaxRuntimeError, match=re.escape(why)):
        jax.block_until_ready(jax.jit(lambda *operands: call(*operands, **CALL | changed))(*operands))


def test_such_a_call_with_sense_is_not():
    call = jax.ffi.ffi_call(native.FUSED_TARGET, jax.ShapeDtypeStruct(Z.shape, Z.dtype))
    np.testing.assert_array_equal(
        jax.jit(lambda *operands: call(*operands, **CALL))(*OPERANDS), expected(*OPERANDS)
    )


def test_the_words_for_an_epilogue():
    assert str(Epilogue(True, "first", "clamp", 0)) == "bias + residual + relu"
    assert str(Epilogue(False, "last", "silu")) == "silu + residual"
    assert str(Epilogue(True, "none", "leaky", 0.1)) == "bias + leaky relu 0.1"
    assert str(Epilogue(activation="clamp", low=-1, high=2)) == "clamp [-1, 2]"
