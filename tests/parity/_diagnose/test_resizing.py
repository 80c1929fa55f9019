"""Each mistake in resizing gives what it says, in a layer and in a call."""

import pytest
import torch
from torch.nn import functional as F

from parity._diagnose.registry import CAUSES, Called, forms

X = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

MADE = [
    ("resize.align_corners", dict(size=(9, 7), mode="bilinear"), "align_corners is True", dict(align_corners=True)),
    ("resize.align_corners", dict(size=(9, 7), mode="bilinear", align_corners=True), "align_corners is False", dict(align_corners=False)),
    ("resize.antialias", dict(size=(3, 3), mode="bilinear"), "antialias is True", dict(antialias=True)),
    ("resize.bicubic_coefficient", dict(scale_factor=2, mode="bicubic"), "the cubic's coefficient", dict(antialias=True)),
    ("resize.nearest", dict(size=(7, 7), mode="nearest"), "the mode is 'nearest-exact'", dict(mode="nearest-exact")),
    ("resize.mode", dict(size=(7, 7), mode="bilinear"), "the mode is 'nearest'", dict(mode="nearest")),
    ("resize.mode", dict(size=(7, 7), mode="nearest"), "the mode is 'bicubic'", dict(mode="bicubic", align_corners=True)),
]  # fmt: skip


@pytest.mark.parametrize(("cause", "given", "fix", "changes"), MADE)
def test_a_mistake_is_what_it_says(cause, given, fix, changes):
    module, called = torch.nn.Upsample(**given), Called("interpolate", (X,), given)
    expected = F.interpolate(X, **{**given, **changes})
    assert not torch.equal(expected, module(X))
    made = [new(X) for text, new in CAUSES[cause].forms["Upsample"](module) if text.startswith(fix)]
    ways = CAUSES[cause].forms["interpolate"](called)
    assert any(torch.equal(y, expected) for y in made)
    assert any(
        torch.equal(w(F.interpolate, X, **given), expected) for text, w in ways if text.startswith(fix)
    )


def test_arguments_by_place():
    called = Called("interpolate", (X, (3, 3), None, "bilinear"), {})
    way = dict(CAUSES["resize.antialias"].forms["interpolate"](called))
    (fix,) = way
    assert fix == "antialias is True: torch's is False (jax.image.resize: antialias=False)"
    expected = F.interpolate(X, (3, 3), mode="bilinear", antialias=True)
    assert torch.equal(way[fix](F.interpolate, *called.args), expected)


@pytest.mark.parametrize(
    ("mode", "ids"),
    [
        ("nearest", ["resize.nearest", "resize.mode"]),
        ("linear", ["resize.align_corners", "resize.mode"]),
        ("bilinear", ["resize.align_corners", "resize.antialias", "resize.mode"]),
        (
            "bicubic",
            ["resize.align_corners", "resize.antialias", "resize.bicubic_coefficient", "resize.mode"],
        ),
    ],
)
def test_only_what_the_mode_can_have_is_tried(mode, ids):
    tried = [cause.id for cause, *_ in forms("Upsample", torch.nn.Upsample(scale_factor=2, mode=mode))]
    assert list(dict.fromkeys(tried)) == ids
