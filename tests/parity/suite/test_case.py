import zlib

import ml_dtypes
import numpy as np
import pytest

from parity.suite.case import DRAWS, Case, as_dtype, case, draw_input, draw_weights

ARGS = {"in_channels": 4, "out_channels": 6, "kernel_size": (3, 2), "groups": 2}


def conv(**changes) -> Case:
    return case("conv2d", "groups", "nnx", "to_flax", ARGS | changes, (2, 4, 9, 8))


def test_the_id_is_readable_and_stable():
    assert conv().id == "conv2d/groups/nnx/to_flax/float32/x=2x4x9x8,in=4,out=6,k=3x2,g=2"
    refused = case(
        "conv2d",
        "refused",
        "functional",
        None,
        {"padding": "same"},
        (3,),
        "float64",
        draw="ties",
        weight_dtype="int8",
    )
    assert refused.id == "conv2d/refused/functional/float64/x=3,p=same,draw=ties,weight=int8"


def test_a_case_is_hashable_and_equal_by_value():
    assert {conv(), conv()} == {conv()}
    assert conv() != conv(groups=1)


def test_data_follow_from_id_and_seed_alone():
    assert np.array_equal(draw_input(conv(), 0), draw_input(conv(), 0))
    assert not np.array_equal(draw_input(conv(), 0), draw_input(conv(), 1))
    assert not np.array_equal(draw_input(conv(), 0), draw_input(conv(groups=1), 0))
    assert conv().seed(5, "input") == zlib.crc32(f"5/{conv().id}/input".encode())
    streams = [conv().seed(0, stream) for stream in ("input", "weights", "cotangent", "init")]
    assert len(set(streams)) == len(streams)


def test_weights_have_torchs_shapes():
    weights = draw_weights(conv(), 0)
    assert {name: w.shape for name, w in weights.items()} == {"weight": (6, 2, 3, 2), "bias": (6,)}
    assert list(draw_weights(conv(bias=False), 0)) == ["weight"]
    assert draw_weights(case("max_pool2d", "window", "nnx", None, {"kernel_size": 2}, (1, 2, 3)), 0) == {}


@pytest.mark.parametrize(
    "dtype",
    ["float32", "float64", "bfloat16", "float16", "complex64", "complex128", "int32", "int64", "bool"],
)
def test_every_dtype_is_drawn_in_that_dtype_and_varies(dtype):
    drawn = case("conv2d", "g", "functional", None, ARGS, (2, 4, 9, 8), dtype)
    for array in (
        draw_input(drawn, 0),
        *draw_weights(drawn, 0).values(),
    ):
        assert array.dtype == as_dtype(dtype)
        assert len(np.unique(array.astype(np.complex128))) > 1


def test_special_draws_are_what_they_are_called():
    def drawn(name, dtype=np.float32):
        return DRAWS[name](np.random.default_rng(0), (4, 16, 16), np.dtype(dtype))

    assert np.isnan(drawn("nan")).any() and np.isinf(drawn("nan")).any() and np.isfinite(drawn("nan")).any()
    assert np.isneginf(drawn("minus_infinity")).mean() > 0.5
    zeros = drawn("signed_zeros")[drawn("signed_zeros") == 0]
    assert np.signbit(zeros).any() and not np.signbit(zeros).all()
    assert len(np.unique(drawn("ties", ml_dtypes.bfloat16).astype(float))) == 3
    with np.errstate(over="ignore"):
        large = drawn("wraparound", np.int32)
        assert (large.astype(np.int64) * 8 != large * np.int32(8)).any()


def test_the_case_names_module_and_functional_call():
    assert conv().module == "Conv2d" and conv().has_weights
    assert conv(stride=2).call_arguments == {"groups": 2, "stride": 2}
    pool = case("max_pool2d", "window", "linen", None, {"kernel_size": 2}, (3, 4, 4), "int64")
    assert pool.module == "MaxPool2d" and not pool.has_weights
    assert pool.call_arguments == {"kernel_size": 2} == pool.arguments
