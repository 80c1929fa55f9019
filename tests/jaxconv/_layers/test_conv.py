"""Convolutions and poolings whose attributes are changed after they are made, as in torch."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv

rng = np.random.default_rng(5)

CHANGES = {
    "stride": ("Conv2d", (4, 6, 3), {}, dict(stride=(2, 1))),
    "int": ("Conv2d", (4, 6, 3), {}, dict(stride=2, padding=1, dilation=2)),
    "padding": ("Conv2d", (4, 6, 3), {}, dict(padding=(2, 1))),
    "same": ("Conv2d", (4, 6, 2), {}, dict(padding="same")),
    "valid": ("Conv2d", (4, 6, 3), dict(padding=1), dict(padding="valid")),
    "dilation": ("Conv1d", (4, 6, 2), {}, dict(dilation=(2,))),
    "padded stride": ("Conv2d", (4, 6, 3), dict(padding=1, padding_mode="circular"), dict(stride=(2, 2))),
    "transposed": ("ConvTranspose2d", (4, 6, 3), dict(stride=2), dict(padding=(1, 1), output_padding=(1, 0))),
    "pool": ("MaxPool2d", (2,), {}, dict(stride=1, padding=1, ceil_mode=True)),
    "avg": ("AvgPool2d", (2,), {}, dict(stride=(1, 2), count_include_pad=False, padding=1)),
    "divisor": ("AvgPool2d", (2,), {}, dict(divisor_override=2)),
    "lp": ("LPPool1d", (1, 2), {}, dict(kernel_size=4, stride=1)),
    "unfold": ("Unfold", (2,), {}, dict(dilation=2, padding=1)),
}


def pair(name, args, kwargs):
    rngs = dict(rngs=nnx.Rngs(0)) if "Conv" in name else {}
    theirs = getattr(torch.nn, name)(*args, **kwargs)
    with torch.no_grad():
        for p in theirs.parameters():
            p.copy_(torch.from_numpy(rng.integers(-4, 5, tuple(p.shape))))
    ours = getattr(jaxconv, name)(*args, **kwargs, **rngs)
    return theirs, jaxconv.load_state_dict(ours, theirs.state_dict()) if rngs else ours


def same(theirs, ours, x):
    with torch.no_grad():
        expected = theirs(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(ours(jnp.asarray(x)), expected)
    np.testing.assert_array_equal(nnx.jit(lambda m, x: m(x))(ours, jnp.asarray(x)), expected)
    return expected


@pytest.mark.share(2)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("case", CHANGES)
def test_a_changed_attribute_counts_from_then_on(case):
    name, args, kwargs, changes = CHANGES[case]
    theirs, ours = pair(name, args, kwargs)
    x = rng.integers(0, 5, (2, 4, *(8, 6)[2 - (1 if "1d" in name else 2) :])).astype(np.float32)
    before = same(theirs, ours, x)
    for layer in (theirs, ours):
        for attribute, value in changes.items():
            setattr(layer, attribute, value)
    after = same(theirs, ours, x)
    assert before.shape != after.shape or (before != after).any()
    for again in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), nnx.merge(*nnx.split(ours))):
        same(theirs, again, x)


def test_a_changed_attribute_is_judged_at_the_next_call():
    _, ours = pair("Conv2d", (4, 6, 3), {})
    ours.stride = 1.0
    with pytest.raises(TypeError, match=r"`stride` must be an int, got 1\.0"):
        ours(jnp.ones((1, 4, 5, 5)))
    ours.stride = (1, True)
    with pytest.raises(TypeError, match=r"`stride\[1\]` must be an int, got True"):
        ours(jnp.ones((1, 4, 5, 5)))
    ours.stride, ours.padding_mode = 1, "mirror"
    with pytest.raises(ValueError, match=r"`padding_mode` \(='mirror'\) must be one of"):
        ours(jnp.ones((1, 4, 5, 5)))


def test_the_weight_says_how_many_channels_there_are():
    """Pruned by hand, as in torch: `out_channels` and `kernel_size` are not looked at."""
    theirs, ours = pair("Conv2d", (4, 6, 3), dict(padding=1))
    ours.weight, ours.bias = nnx.Param(ours.weight[:5, :, 1:]), nnx.Param(ours.bias[:5])
    theirs.weight = torch.nn.Parameter(theirs.weight[:5, :, 1:])
    theirs.bias = torch.nn.Parameter(theirs.bias[:5])
    x = rng.integers(0, 5, (2, 4, 8, 6)).astype(np.float32)
    assert same(theirs, ours, x).shape == (2, 5, 9, 6)


def test_layers_made_alike_are_alike_as_pytrees():
    one, other = (jaxconv.Conv2d(3, 4, 3, padding=1, rngs=nnx.Rngs(i)) for i in range(2))
    one(jnp.ones((1, 3, 5, 5)))
    assert jax.tree.structure(one) == jax.tree.structure(other)
    assert hash(nnx.graphdef(one)) == hash(nnx.graphdef(other))
    assert nnx.graphdef(one) == nnx.graphdef(other)
