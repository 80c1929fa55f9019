"""Layers under JAX's own strict settings: nothing broadcasts to another number of dimensions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxconv


def rngs():
    return nnx.Rngs(0)


LAYERS = {
    "Conv1d": (lambda: jaxconv.Conv1d(4, 4, 3, padding=1, rngs=rngs()), (2, 4, 8)),
    "Conv2d": (
        lambda: jaxconv.Conv2d(4, 4, 3, padding=1, padding_mode="circular", rngs=rngs()),
        (2, 4, 8, 8),
    ),
    "ConvTranspose2d": (lambda: jaxconv.ConvTranspose2d(4, 4, 3, rngs=rngs()), (2, 4, 8, 8)),
    "BatchNorm2d": (lambda: jaxconv.BatchNorm2d(4, rngs=rngs()), (2, 4, 8, 8)),
    "BatchNorm2d-eval": (lambda: jaxconv.BatchNorm2d(4, use_running_average=True, rngs=rngs()), (2, 4, 8, 8)),
    "GroupNorm": (lambda: jaxconv.GroupNorm(2, 4, rngs=rngs()), (2, 4, 8, 8)),
    "LayerNorm": (lambda: jaxconv.LayerNorm(8, rngs=rngs()), (2, 4, 8, 8)),
    "InstanceNorm2d": (lambda: jaxconv.InstanceNorm2d(4, affine=True, rngs=rngs()), (2, 4, 8, 8)),
    "Linear": (lambda: jaxconv.Linear(8, 4, rngs=rngs()), (2, 4, 8)),
    "PReLU": (lambda: jaxconv.PReLU(4, rngs=rngs()), (2, 4, 8, 8)),
    "Upsample": (lambda: jaxconv.Upsample(scale_factor=2, mode="bilinear"), (2, 4, 8, 8)),
    "MaxPool2d": (lambda: jaxconv.MaxPool2d(2, return_indices=True), (2, 4, 8, 8)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_promotes_no_ranks(name):
    make, shape = LAYERS[name]
    x = jnp.asarray(np.random.default_rng(0).standard_normal(shape), jnp.float32)
    want = jax.tree.leaves(make()(x))
    with jax.numpy_rank_promotion("raise"):
        got = jax.tree.leaves(make()(x))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)
