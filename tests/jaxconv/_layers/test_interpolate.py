"""Upsample on both fronts, torch's module beside them."""

import jax
import numpy as np
import pytest
import torch

import jaxconv

CASES = [
    ("Upsample", (None, 2), {}),
    ("Upsample", ([3, 8],), {"mode": "nearest-exact"}),
    ("Upsample", (None, (2, 4), "bilinear", True), {}),
    ("Upsample", (None, 1.3, "bicubic", False, True), {}),
    ("UpsamplingNearest2d", (), {"scale_factor": (2, 0.5)}),
    ("UpsamplingBilinear2d", ((9, 5),), {}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), CASES)
def test_equals_torch(name, args, kwargs):
    """But for rounding, where other modes and coordinates differ in the first digits."""
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 4)).astype(np.float32)
    expected = getattr(torch.nn, name)(*args, **kwargs)(torch.from_numpy(x)).numpy()
    layer, linen = getattr(jaxconv, name)(*args, **kwargs), getattr(jaxconv.linen, name)(*args, **kwargs)
    assert jaxconv.state_dict(layer) == {}
    for got in (layer(x), linen.apply(linen.init(jax.random.key(0), x), x)):
        # Weights of slope 2 at coordinates up to 5, and 4 products in each of 2 dimensions.
        assert (
            np.abs(got - expected).max()
            <= 2 * (3 * 5 * 2 + 36 * 6) * np.finfo(np.float32).eps * np.abs(x).max()
        )


@pytest.mark.parametrize("front", [jaxconv, jaxconv.linen])
@pytest.mark.parametrize(
    ("name", "kwargs", "match"),
    [
        ("Upsample", {}, "either `size`"),
        ("Upsample", {"size": 3, "scale_factor": 2}, "only one of `size`"),
        ("Upsample", {"size": 3, "mode": "cubic"}, r"`mode` \(='cubic'\) must be one of"),
        ("Upsample", {"size": 3, "align_corners": True}, "`align_corners`"),
        ("UpsamplingNearest2d", {}, "either `size`"),
        ("UpsamplingBilinear2d", {"size": 3, "scale_factor": 2}, "only one of `size`"),
    ],
)
def test_refused_at_construction(front, name, kwargs, match):
    with pytest.raises(ValueError, match=match):
        getattr(front, name)(**kwargs)
