"""Both sides' plumbing. What they compute is judged in test_runner.py."""

import ast
import inspect
import threading

import jax
import ml_dtypes
import numpy as np
import pytest
import torch

import parity
from parity._torch.tensors import from_numpy, to_numpy
from parity.suite import jax_side, torch_side
from parity.suite.case import case, draw_cotangent, draw_input, draw_weights

CPU = jax.devices("cpu")[0]
ARGS = {"in_channels": 4, "out_channels": 6, "kernel_size": 3}


def imported(module):
    nodes = ast.walk(ast.parse(inspect.getsource(module)))
    return {
        name
        for node in nodes
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }


def test_the_sides_do_not_know_each_other():
    foreign = {jax_side: ("torch",), torch_side: ("jax", "flax", "jaxconv")}
    for module, packages in foreign.items():
        names = imported(module)
        assert names and not [n for n in names if n.split(".")[0] in packages or "_side" in n]


def test_public_names_are_found_and_unknown_ones_refused():
    assert {getattr(parity, name).__name__ for name in parity.__all__} == set(parity.__all__)
    with pytest.raises(AttributeError, match="module 'parity' has no attribute 'nothing'"):
        _ = parity.nothing


@pytest.mark.parametrize(
    "dtype", [np.float32, np.float16, ml_dtypes.bfloat16, np.complex64, np.int64, np.bool_]
)
def test_arrays_become_tensors_and_back_bit_for_bit(dtype):
    array = np.random.default_rng(0).integers(0, 255, (3, 4)).astype(np.uint8).astype(dtype)
    tensor = from_numpy(array.T)
    assert np.array_equal(to_numpy(tensor), array.T) and to_numpy(tensor).dtype == array.dtype
    if tensor.is_floating_point():
        tensor.zero_()
        assert (array.astype(float) != 0).any()
    z = torch.tensor([1 + 2j]).conj()
    assert np.array_equal(to_numpy(z), [1 - 2j])


@pytest.mark.parametrize("api", ["functional", "nnx", "linen"])
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_both_sides_give_the_same_outputs(api, dtype):
    c = case("conv2d", "g", api, None if api == "functional" else "to_flax", ARGS, (2, 4, 9, 8), dtype)
    weights = draw_weights(c, 0) if api == "functional" else torch_side.init(c, 0)
    x, dy = draw_input(c, 0), draw_cotangent(c, 0, (2, 6, 7, 6))
    ours, theirs = jax_side.run(c, weights, x, dy, CPU), torch_side.run(c, weights, x, dy)
    assert set(ours) == set(theirs) == {"y", "grad.input", "grad.weight", "grad.bias"}
    assert {n: (a.shape, a.dtype) for n, a in ours.items()} == {
        n: (a.shape, a.dtype) for n, a in theirs.items()
    }
    forward = jax_side.run(c, weights, x, None, CPU)
    assert list(forward) == list(torch_side.run(c, weights, x, None)) == ["y"]


@pytest.mark.parametrize("api", ["nnx", "linen"])
def test_initial_weights_follow_from_the_seed(api):
    c = case("conv2d", "g", api, "to_torch", ARGS, (2, 4, 9, 8))
    for side, same in [(torch_side, torch.equal), (jax_side, np.array_equal)]:
        first, again, other = side.init(c, 0), side.init(c, 0), side.init(c, 1)
        assert list(first) == ["weight", "bias"]
        for name in first:
            assert same(first[name], again[name]) and not same(first[name], other[name])


def test_torchs_random_stream_is_left_alone():
    state = torch.random.get_rng_state()
    torch_side.init(case("conv2d", "g", "nnx", "to_flax", ARGS, (2, 4, 9, 8)), 0)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_same_configuration_is_compiled_once():
    shape = (2, 4, 11, 13)
    ways = [case("conv2d", way, "nnx", way, ARGS, shape) for way in ("to_flax", "to_torch")]
    jax_side._forward.clear_cache()
    for c in ways:
        jax_side.run(c, None, draw_input(c, 0), None, CPU)
    assert jax_side._forward._cache_size() == 1


def test_exceptions_come_through():
    c = case("conv2d", "refused", "functional", None, ARGS | {"stride": 0}, (2, 4, 9, 8), refused=True)
    with pytest.raises(ValueError, match="stride"):
        jax_side.run(c, draw_weights(c, 0), draw_input(c, 0), None, CPU)
    with pytest.raises(RuntimeError, match="stride"):
        torch_side.run(c, draw_weights(c, 0), draw_input(c, 0), None)


def test_an_output_of_the_wrong_shape_or_dtype_comes_without_gradients():
    c = case("conv2d", "g", "functional", None, ARGS, (2, 4, 9, 8))
    x, weights = draw_input(c, 0), draw_weights(c, 0)
    for cotangent in (np.ones((2, 6, 6, 7), np.float32), np.ones((2, 6, 7, 6))):
        assert list(jax_side.run(c, weights, x, cotangent, CPU)) == ["y"]


def test_a_layer_made_by_another_thread_takes_no_number_from_the_seed_s_stream(monkeypatch):
    one = case("conv2d", "g", "nnx", "to_flax", ARGS, (2, 4, 9, 8))
    alone = torch_side.init(one, 0)
    threads = []
    seed = torch.manual_seed

    def seed_and_let_the_other_go_first(number):
        seed(number)
        threads.append(threading.Thread(target=torch_side.carry, args=(one, alone)))
        threads[-1].start()
        threads[-1].join(0.3)

    monkeypatch.setattr(torch, "manual_seed", seed_and_let_the_other_go_first)
    beside = torch_side.init(one, 0)
    for thread in threads:
        thread.join()
    assert len(threads) == 1
    for name, value in alone.items():
        assert torch.equal(beside[name], value)
