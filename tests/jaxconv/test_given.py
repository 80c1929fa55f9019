"""What was given in the place of something else is named so that one sees what to do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
from jaxconv import linen
from jaxconv._given import shown

F = jaxconv.functional
KEY = jax.random.key(0)

NO_ARRAYS = {
    "tensor": (torch.ones(2, 3), "of JAX or NumPy, got a torch.Tensor: give `tensor.numpy()`"),
    "parameter": (
        torch.nn.Parameter(torch.ones(2, 3)),
        "of JAX or NumPy, got a torch.Parameter: give `tensor.detach().numpy()`",
    ),
    "key": (
        KEY,
        "of numbers, got a JAX random key: draw numbers with it, as in jax.random.normal(key, shape)",
    ),
    "list": ([[1.0, 2.0, 3.0]], ", got a list: convert it with jnp.asarray"),
    "None": (None, ", got None"),
    "text": ("x", ", got 'x' of type str"),
}


@pytest.mark.parametrize("case", NO_ARRAYS)
@pytest.mark.parametrize(
    "call",
    [
        lambda x: jaxconv.Linear(3, 2, rngs=nnx.Rngs(0))(x),
        lambda x: linen.Linear(3, 2).init(KEY, x),
        F.relu,
        lambda x: jaxconv.from_torch(torch.nn.Tanh(), torch.ones(2, 3))(x),
    ],
    ids=["nnx", "linen", "functional", "from_torch"],
)
def test_an_input_that_is_no_array_is_refused_with_what_to_do(case, call):
    value, text = NO_ARRAYS[case]
    with pytest.raises(TypeError) as caught:
        call(value)
    assert f"must be an array{text if text[0] == chr(44) else chr(32) + text}" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (1.5, "1.5 of type float"),
        (jnp.ones((2, 3), jnp.float32), "an array of shape (2, 3) and dtype float32"),
        (np.ones(2, np.int8), "an array of shape (2,) and dtype int8"),
        (nnx.Rngs(0), "an object of type Rngs"),
        (KEY, "a JAX random key"),
    ],
)
def test_a_value_is_shown_on_one_line(value, text):
    assert shown(value) == text


MADE = {
    "Conv2d": ((3, 8, 3), "stride"),
    "ConvTranspose1d": ((3, 8, 3), "stride"),
    "Linear": ((3, 8), "bias"),
    "LSTM": ((3, 8), "num_layers"),
    "Embedding": ((3, 8), "padding_idx"),
    "BatchNorm2d": ((3,), "eps"),
    "Dropout": ((0.5,), "inplace"),
    "LazyConv2d": ((8, 3), "stride"),
    "ReLU": ((), "inplace"),
}


@pytest.mark.parametrize("given", [nnx.Rngs(0), jaxconv.TorchRngs(0), KEY], ids=["Rngs", "TorchRngs", "key"])
@pytest.mark.parametrize("name", MADE)
def test_rngs_by_position_are_refused_by_name(name, given):
    arguments, taken = MADE[name]
    told = rf"`{taken}` of {name} was given .*: give it by name, `rngs=nnx.Rngs\(0\)`"
    with pytest.raises(TypeError, match=told):
        getattr(jaxconv, name)(*arguments, given)
    if hasattr(linen, name):
        with pytest.raises(
            TypeError, match=rf"`{taken}` of {name} was given .*: a Linen module takes no random"
        ):
            getattr(linen, name)(*arguments, given)


def test_a_number_or_a_key_as_rngs_is_refused_on_one_line():
    for given, text in ((0, "0 of type int"), (KEY, "a JAX random key"), (None, "None")):
        with pytest.raises(TypeError, match=rf"`rngs` must be nnx.Rngs\(seed\) or .*, got {text}$"):
            jaxconv.Conv2d(3, 8, 3, rngs=given)
