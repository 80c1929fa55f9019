"""Layers with parameters refuse integers and booleans, as torch's do; a uint8 image is not computed on silently."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from every_layer import LAYERS, build

import jaxconv
from jaxconv._layers.base import ParamLayer

HELD = {
    name: (shapes, arguments)
    for name, shapes, arguments in LAYERS
    if issubclass(getattr(jaxconv, name), ParamLayer) and not name.startswith("Embedding")
}
FLOATING = np.ones((2, 4, 5, 5), np.float32)


def test_every_kind_of_layer_is_here():
    kinds = {
        "Conv2d",
        "ConvTranspose2d",
        "Linear",
        "Bilinear",
        "BatchNorm2d",
        "GroupNorm",
        "PReLU",
        "BCELoss",
    }
    assert kinds < set(HELD)


@pytest.mark.parametrize("name", HELD)
def test_integers_are_refused_as_in_torch(name):
    shapes, arguments = HELD[name]
    layer = build(name, arguments, True)
    for dtype in (np.uint8, np.int32, np.bool_):
        with pytest.raises(
            TypeError,
            match=rf"`input1?` of {name.removeprefix('Lazy')} must be of a floating dtype.*got {np.dtype(dtype).name}: ",
        ):
            layer(*(jnp.ones(shape, dtype) for shape in shapes))
    own = {key: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for key, v in arguments.items()}
    theirs = getattr(torch.nn, name)(**own)
    with pytest.raises((RuntimeError, ValueError)):  # NotImplementedError is a RuntimeError
        theirs(*(torch.ones(shape, dtype=torch.uint8) for shape in shapes))


def test_a_dtype_casts_them_and_a_network_of_integers_may_have_them():
    image = (FLOATING * 255).astype(np.uint8)
    cast = build("Conv2d", dict(in_channels=4, out_channels=2, kernel_size=3, dtype=jnp.float32), True)
    assert cast(image).dtype == jnp.float32
    with pytest.raises(TypeError, match=r"write `x.astype\(jnp.bfloat16\)`, for an image of bytes .* / 255`"):
        build("Conv2d", dict(in_channels=4, out_channels=2, kernel_size=3, param_dtype=jnp.bfloat16), True)(
            image
        )
    own = dict(
        promote_dtype=lambda arrays, dtype: tuple(
            None if a is None else jnp.asarray(a, "float32") for a in arrays
        )
    )
    assert (
        build("Conv2d", dict(in_channels=4, out_channels=2, kernel_size=3, **own), True)(image).dtype
        == jnp.float32
    )
    with pytest.raises(TypeError, match="`input` of LayerNorm must be of a floating dtype, got uint8"):
        build("LayerNorm", dict(normalized_shape=5, elementwise_affine=False), True)(image)
    with pytest.raises(TypeError, match="`input2` of Bilinear"):
        build("Bilinear", dict(in1_features=5, in2_features=5, out_features=2), True)(FLOATING, image)
