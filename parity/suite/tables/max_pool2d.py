"""MaxPool2d: every argument, all three fronts, and what a maximum is among equals, NaN and minus infinity."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from parity.suite.case import Api, Case, case

SHAPE = (2, 3, 9, 8)
FRONTS: tuple[Api, ...] = ("functional", "nnx", "linen")

WINDOWS: list[dict[str, Any]] = [
    {"kernel_size": k, "stride": s, "padding": p, "ceil_mode": c}
    for k, s, p, c in product([2, 3, (3, 2), (4, 3)], [None, 1, (2, 3)], [0, 1], [False, True])
]
DILATIONS: list[dict[str, Any]] = [
    {"kernel_size": 3, "stride": s, "padding": p, "dilation": d, "ceil_mode": c}
    for s, p, d, c in product([1, 2], [0, 1], [2, (1, 3)], [False, True])
]
BATCHES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    (shape, extra)
    for shape, extra in product(
        [(3, 9, 8), (0, 3, 9, 8), (1, 3, 9, 8), (4, 1, 3, 17)],
        [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}],
    )
]
DRAWS = ["ties", "signed_zeros", "nan", "minus_infinity"]
DTYPES = ["float64", "bfloat16", "float16"]
SPECIAL: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": (2, 3), "stride": (1, 2), "padding": (1, 0), "dilation": (2, 1), "ceil_mode": True},
]
FRONTS_AND_INDICES: tuple[tuple[Api, dict[str, Any]], ...] = (
    ("functional", {"return_indices": True}),
    ("nnx", {}),
    ("linen", {"return_indices": True}),
)
REFUSED: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    (SHAPE, {"kernel_size": 0}),
    (SHAPE, {"kernel_size": -1}),
    (SHAPE, {"kernel_size": (2, 2, 2)}),
    (SHAPE, {"kernel_size": 2.0}),
    (SHAPE, {"kernel_size": 2, "stride": 0}),
    (SHAPE, {"kernel_size": 2, "padding": 2}),
    (SHAPE, {"kernel_size": 3, "padding": 2, "dilation": 2}),
    (SHAPE, {"kernel_size": 2, "padding": -1}),
    (SHAPE, {"kernel_size": 2, "dilation": 0}),
    (SHAPE, {"kernel_size": 10}),
    (SHAPE, {"kernel_size": 2, "ceil_mode": 1}),
    ((9, 8), {"kernel_size": 2}),
    ((1, 2, 3, 9, 8), {"kernel_size": 2}),
    ((2, 0, 9, 8), {"kernel_size": 2}),
    ((2, 3, 0, 8), {"kernel_size": 2, "padding": 1}),
]


def _cases() -> Iterator[Case]:
    for args, (api, indices) in product(WINDOWS, FRONTS_AND_INDICES[:2]):
        yield case("max_pool2d", "window", api, None, args | indices, SHAPE)
    for args, (api, indices) in product(DILATIONS, FRONTS_AND_INDICES):
        yield case("max_pool2d", "dilation", api, None, args | indices, SHAPE)
    for (shape, args), (api, indices) in product(BATCHES, FRONTS_AND_INDICES):
        yield case("max_pool2d", "batch", api, None, args | indices, shape)
    for dtype, draw, args in product(["float32", *DTYPES], DRAWS, SPECIAL):
        yield case(
            "max_pool2d", draw, "functional", None, args | {"return_indices": True}, SHAPE, dtype, draw=draw
        )
    for dtype, args, api in product(DTYPES, SPECIAL, FRONTS):
        yield case("max_pool2d", dtype, api, None, args | {"return_indices": True}, SHAPE, dtype)
    for dtype, draw, args, api in product(["int64", "int32"], ["ties", "wraparound"], SPECIAL, FRONTS):
        yield case(
            "max_pool2d", "integer", api, None, args | {"return_indices": True}, SHAPE, dtype, draw=draw
        )
    for (shape, args), api in product(REFUSED, FRONTS):
        yield case("max_pool2d", "refused", api, None, args, shape, refused=True)
    for dtype, api in product(["bool", "complex64"], FRONTS):
        yield case("max_pool2d", "refused", api, None, {"kernel_size": 2}, SHAPE, dtype, refused=True)


CASES: tuple[Case, ...] = tuple(_cases())
