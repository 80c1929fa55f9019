"""Resizing, adaptive pooling and padding of symbolic sizes, exported by jax.export, are torch's at every size.

The inputs are whole numbers and all weights are multiples of a power of two, so nothing rounds and all must be equal.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import jaxconv.functional as F

pytestmark = pytest.mark.share(2)

CASES = {
    "nearest": lambda F, x: F.interpolate(x, scale_factor=2),
    "nearest, a fraction": lambda F, x: F.interpolate(x, scale_factor=1.5),
    "nearest-exact": lambda F, x: F.interpolate(x, scale_factor=0.5, mode="nearest-exact"),
    "nearest, by size": lambda F, x: F.interpolate(x, size=(7, 9)),
    "bilinear": lambda F, x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "bilinear, by size": lambda F, x: F.interpolate(x, size=(16, 4), mode="bilinear"),
    "bilinear, corners": lambda F, x: F.interpolate(x, size=(8, 15), mode="bilinear", align_corners=True)[
        :, :, ::7, ::7
    ],
    "bicubic": lambda F, x: F.interpolate(x, scale_factor=2, mode="bicubic"),
    "area": lambda F, x: F.interpolate(x, size=(4, 2), mode="area"),
    "average": lambda F, x: F.adaptive_avg_pool2d(x, (4, None)),
    "max": lambda F, x: F.adaptive_max_pool2d(x, (3, 2), return_indices=True),
    "circular": lambda F, x: F.pad(x, (1, 2, 3, -1), mode="circular"),
    "reflect": lambda F, x: F.pad(x, (1, 2, 3, 0), mode="reflect"),
}


def exported(function, constraints=("h >= 4", "w >= 4")):
    dims = jax.export.symbolic_shape("b, 2, h, w", constraints=constraints)
    return jax.export.export(jax.jit(function))(jax.ShapeDtypeStruct(dims, jnp.float32))


@pytest.mark.parametrize("name", CASES)
def test_an_exported_function_is_torchs_at_every_size(name):
    function = CASES[name]
    call = exported(lambda x: function(F, x)).call
    for shape in ((1, 2, 8, 4), (3, 2, 4, 8), (2, 2, 5, 8)):
        if name in ("bilinear, by size", "area") and shape[2] % 4:
            continue
        x = np.random.default_rng(0).integers(-9, 10, shape).astype(np.float32)
        ours = jax.tree.leaves(call(x))
        theirs = function(torch.nn.functional, torch.from_numpy(x))
        theirs = theirs if isinstance(theirs, tuple) else (theirs,)
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: F.interpolate(x, scale_factor=0.7), r"`scale_factor` \(=0.7\) of the symbolic size h"),
        (
            lambda x: F.interpolate(x, size=4, mode="bilinear", antialias=True),
            "`antialias` .* does not support symbolic sizes",
        ),
    ],
)
def test_what_no_symbol_can_tell_is_refused_in_words(function, words):
    with pytest.raises(ValueError, match=words):
        exported(function)


def test_the_last_nan_of_a_window_is_taken_as_in_torch():
    x = np.full((1, 2, 6, 6), np.nan, np.float32)
    _, ours = exported(lambda x: F.adaptive_max_pool2d(x, 2, return_indices=True)).call(x)
    _, theirs = torch.nn.functional.adaptive_max_pool2d(torch.from_numpy(x), 2, return_indices=True)
    np.testing.assert_array_equal(ours, theirs)
