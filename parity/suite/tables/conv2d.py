"""Conv2d: every argument, all three fronts, weights carried both ways."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from parity.suite.case import Api, Case, Direction, case

# Height and width differ and so do the channels, so that no two axes can be confused unnoticed.
SHAPE = (2, 4, 9, 8)
BASE: dict[str, Any] = {"in_channels": 4, "out_channels": 6, "kernel_size": 3}

FUNCTIONAL: tuple[tuple[Api, Direction | None], ...] = (("functional", None),)
MODULES: tuple[tuple[Api, Direction | None], ...] = (
    ("nnx", "to_flax"),
    ("nnx", "to_torch"),
    ("linen", "to_flax"),
    ("linen", "to_torch"),
)
NNX = MODULES[:2]
EVERY = FUNCTIONAL + MODULES

KERNELS: list[dict[str, Any]] = [
    {"kernel_size": k, "stride": s, "padding": p}
    for k, s, p in product([1, 2, 3, 5, (3, 2), (1, 7)], [1, (2, 3)], [0, (2, 1)])
]
PADDINGS: list[dict[str, Any]] = [
    {"kernel_size": k, "padding": p, "dilation": d}
    for k, p, d in product([2, 3, (3, 4)], [1, (0, 2), "same", "valid"], [1, (1, 2)])
]
STRIDES: list[dict[str, Any]] = [
    {"stride": s, "dilation": d, "padding": 2, "groups": g}
    for s, d, g in product([1, 2, (2, 1), 5], [2, (1, 3)], [1, 2])
]
GROUPS: list[dict[str, Any]] = [
    {"in_channels": i, "out_channels": o, "groups": g, "kernel_size": k, "stride": s, "padding": 1, "bias": b}
    for (i, o, g), (k, s), b in product(
        [
            (4, 6, 2),
            (6, 3, 3),
            (6, 9, 3),  # groups that are neither depthwise nor one
            (5, 5, 5),  # depthwise
            (3, 6, 3),  # depthwise with a multiplier
            (2, 8, 2),
            (1, 4, 1),
            (32, 16, 4),  # as wide as a lowering of its own begins at
        ],
        [(3, 1), (1, 1), (3, 2)],
        [True, False],
    )
]
PADDING_MODES: list[dict[str, Any]] = [
    {"padding_mode": m, "kernel_size": k, "padding": p, "stride": s}
    for m, k, (p, s) in product(
        ["reflect", "replicate", "circular"], [3, (2, 4)], [(1, 1), ((2, 3), 1), ("same", 1), ((3, 0), 2)]
    )
]
BATCH_ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"padding": 1, "groups": 2},
    {"padding": "same", "kernel_size": 2},
]
BATCHES = list(product([(4, 9, 8), (0, 4, 9, 8), (1, 4, 9, 8), (5, 4, 3, 3), (2, 4, 3, 17)], BATCH_ARGUMENTS))
REFLECTED_BATCHES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    (shape, {"padding": (2, 1), "padding_mode": m})
    for shape, m in product([(4, 9, 8), (0, 4, 9, 8)], ["reflect", "replicate", "circular"])
]
DTYPES = ["float64", "bfloat16", "float16", "complex64", "complex128"]
DTYPE_ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"stride": 2, "padding": 1, "bias": False},
    {"groups": 2, "padding": "same", "kernel_size": (3, 2)},
    {"dilation": (1, 2), "padding": (1, 2)},
]
DTYPE_MODES: list[dict[str, Any]] = [
    {"padding": (2, 1), "padding_mode": m} for m in ["reflect", "replicate", "circular"]
]
INTEGER_ARGUMENTS: list[tuple[str, dict[str, Any]]] = [
    ("int64", {}),
    ("int64", {"stride": 2, "padding": 1}),
    ("int64", {"groups": 2, "padding": "same"}),
    ("int64", {"dilation": 2}),  # which torch has for no other integer
    ("int32", {}),
    ("int32", {"groups": 2, "stride": (2, 1)}),
]
INTEGERS = [
    (dtype, draw, extra | {"bias": b})
    for (dtype, extra), draw, b in product(INTEGER_ARGUMENTS, ["normal", "wraparound"], [True, False])
]

# What torch refuses; modules at construction or at the first call.
REFUSED: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    (SHAPE, {"groups": 3}),
    (SHAPE, {"groups": 0}),
    (SHAPE, {"out_channels": 5, "groups": 2}),
    (SHAPE, {"in_channels": 3}),
    (SHAPE, {"stride": 0}),
    (SHAPE, {"stride": -1}),
    (SHAPE, {"stride": (1, 1, 1)}),
    (SHAPE, {"stride": 1.0}),
    (SHAPE, {"dilation": 0}),
    (SHAPE, {"padding": -1}),
    (SHAPE, {"padding": (1, 2, 3)}),
    (SHAPE, {"padding": "full"}),
    (SHAPE, {"padding": None}),
    (SHAPE, {"padding": "same", "stride": 2}),
    (SHAPE, {"kernel_size": 10}),
    (SHAPE, {"kernel_size": 3, "dilation": 4}),
    ((9, 8), {}),
    ((1, 2, 4, 9, 8), {}),
    ((2, 4, 0, 8), {"padding": 2}),
]
REFUSED_MODULES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    (SHAPE, {"padding_mode": "wrap"}),
    (SHAPE, {"padding_mode": "reflect", "padding": 9}),
    (SHAPE, {"padding_mode": "circular", "padding": (10, 0)}),
    ((2, 4, 0, 8), {"padding_mode": "replicate", "padding": 1}),
    ((9, 8), {"padding_mode": "reflect", "padding": 1}),
    ((2, 3, 9, 8), {"padding_mode": "circular", "padding": 1}),
]
MIXED_DTYPES = [
    ("float32", "float64"),
    ("float64", "float32"),
    ("bfloat16", "float32"),
    ("complex64", "float32"),
]


def _cases() -> Iterator[Case]:
    for group, table, fronts in [
        ("kernel", KERNELS, EVERY),
        ("padding", PADDINGS, FUNCTIONAL + NNX),
        ("stride", STRIDES, FUNCTIONAL + NNX),
        ("groups", GROUPS, EVERY),
        ("padding_mode", PADDING_MODES, MODULES),
    ]:
        for extra, (api, direction) in product(table, fronts):
            yield case("conv2d", group, api, direction, BASE | extra, SHAPE[:1] + _plane(extra))
    for shape, extra in BATCHES:
        for api, direction in EVERY:
            yield case("conv2d", "batch", api, direction, BASE | extra, shape)
    for shape, extra in REFLECTED_BATCHES:
        for api, direction in MODULES:
            yield case("conv2d", "batch", api, direction, BASE | extra, shape)
    for dtype, extra, (api, direction) in product(DTYPES, DTYPE_ARGUMENTS, EVERY):
        yield case("conv2d", dtype, api, direction, BASE | extra, SHAPE, dtype)
    for dtype, extra, (api, direction) in product(DTYPES, DTYPE_MODES, MODULES):
        yield case("conv2d", dtype, api, direction, BASE | extra, SHAPE, dtype)
    for dtype, draw, extra in INTEGERS:
        yield case("conv2d", "integer", "functional", None, BASE | extra, SHAPE, dtype, draw=draw)
    for (shape, extra), api in product(REFUSED, ("functional", "nnx", "linen")):
        yield case("conv2d", "refused", api, None, BASE | extra, shape, refused=True)
    for (shape, extra), api in product(REFUSED_MODULES, ("nnx", "linen")):
        yield case("conv2d", "refused", api, None, BASE | extra, shape, refused=True)
    for dtype, weight_dtype in MIXED_DTYPES:
        yield case(
            "conv2d",
            "refused",
            "functional",
            None,
            BASE,
            SHAPE,
            dtype,
            weight_dtype=weight_dtype,
            refused=True,
        )
    yield case("conv2d", "refused", "functional", None, BASE, SHAPE, "bool", refused=True)


def _plane(extra: dict[str, Any]) -> tuple[int, ...]:
    return (extra.get("in_channels", BASE["in_channels"]), *SHAPE[2:])


CASES: tuple[Case, ...] = tuple(_cases())
