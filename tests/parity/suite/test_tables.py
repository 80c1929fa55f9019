import inspect
from collections import Counter

import torch

import jaxconv
from parity.suite.tables import ALL


def test_ids_are_unique():
    assert [id for id, count in Counter(case.id for case in ALL).items() if count > 1] == []


def test_the_tables_cover_what_the_suite_promises():
    assert len(ALL) >= 700
    conv = [case for case in ALL if case.op == "conv2d" and not case.refused]
    pool = [case for case in ALL if case.op == "max_pool2d" and not case.refused]

    def values(cases, name):
        return {case.arguments[name] for case in cases if name in case.arguments}

    assert values(conv, "kernel_size") >= {1, 2, 3, 5, (3, 2), (1, 7)}
    assert values(conv, "padding") >= {0, 1, (2, 1), "same", "valid"}
    assert values(conv, "padding_mode") == {"reflect", "replicate", "circular"}
    assert values(conv, "bias") == {True, False}
    groups = {
        (c.arguments["in_channels"], c.arguments["out_channels"], c.arguments.get("groups", 1)) for c in conv
    }
    assert any(i == o == g > 1 for i, o, g in groups), "depthwise"
    assert any(i == g < o for i, o, g in groups), "depthwise with a multiplier"
    assert any(1 < g < i and i != o for i, o, g in groups), "groups of several channels"
    modules = {(case.api, case.direction) for case in conv if case.api != "functional"}
    assert modules == {(api, way) for api in ("nnx", "linen") for way in ("to_flax", "to_torch")}
    floats = {"float32", "float64", "bfloat16", "float16"}
    assert {case.dtype for case in conv} == floats | {"complex64", "complex128", "int32", "int64"}
    assert {case.dtype for case in pool} == floats | {"int32", "int64"}
    for cases in (conv, pool):
        assert {len(case.shape) for case in cases} == {3, 4}
        assert any(case.shape[0] == 0 for case in cases)
        assert {case.api for case in cases} == {"functional", "nnx", "linen"}
    assert values(pool, "ceil_mode") == values(pool, "return_indices") | {False} == {True, False}
    assert {case.draw for case in pool} >= {"ties", "signed_zeros", "nan", "minus_infinity"}
    assert {case.op for case in ALL if case.refused} >= {
        "conv2d",
        "max_pool2d",
        "ConvTranspose2d",
        "BatchNorm2d",
    }


TWO_INPUTS = {"Bilinear", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"}
CONTAINERS = {"ModuleDict", "ModuleList", "Sequential"}


def test_every_layer_has_cases():
    ours = {name for name, value in vars(jaxconv.linen).items() if inspect.isclass(value)}
    layers = {name for name in ours if hasattr(torch.nn, name) and not name.startswith("Lazy")}
    assert len(layers) > 90
    # ModuleInfo's samples (test_module_info.py) have those that take two arrays, as losses do.
    losses = {name for name in layers if name.endswith("Loss")}
    assert layers - losses - TWO_INPUTS - CONTAINERS == {case.module for case in ALL}
    for name in layers - losses - TWO_INPUTS - CONTAINERS:
        assert {"nnx", "linen"} <= {case.api for case in ALL if case.module == name}
