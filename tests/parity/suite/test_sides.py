"""What a case runs on both sides. What they compute is judged in test_runner.py."""

import threading

import jax
import ml_dtypes
import numpy as np
import pytest
import torch

import jaxconv
import parity
from parity._flax import run
from parity._torch.tensors import from_numpy, to_numpy
from parity.suite import runner, sides
from parity.suite.case import case

CPU = jax.devices("cpu")[0]
ARGS = {"in_channels": 4, "out_channels": 6, "kernel_size": 3}


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


@pytest.mark.parametrize("direction", ["to_flax", "to_torch"])
@pytest.mark.parametrize("api", ["nnx", "linen"])
def test_initial_weights_follow_from_the_seed(api, direction):
    c = case("conv2d", "g", api, direction, ARGS, (2, 4, 9, 8))

    def weights(seed):
        module, ours, verdicts = sides.both(c, seed)
        theirs = dict(module.state_dict())
        ours = jaxconv.state_dict(ours[1] if api == "linen" else ours)
        assert list(theirs) == list(ours) == ["weight", "bias"]
        assert [v.name for v in verdicts] == ["weights.weight", "weights.bias"] and all(
            v.ok for v in verdicts
        )
        assert all(np.array_equal(to_numpy(theirs[name]), ours[name]) for name in ours)
        return theirs

    first, again, other = weights(0), weights(0), weights(1)
    for name in first:
        assert torch.equal(first[name], again[name]) and not torch.equal(first[name], other[name])


def test_torchs_random_stream_is_left_alone():
    state = torch.random.get_rng_state()
    sides.torch_layer(case("conv2d", "g", "nnx", "to_flax", ARGS, (2, 4, 9, 8)), 0)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_same_configuration_is_compiled_once(monkeypatch):
    shape, used, shared = (2, 4, 11, 13), [], run._shared
    shared.cache_clear()
    monkeypatch.setattr(run, "_shared", lambda program: used.append(shared(program)) or used[-1])
    for way in ("to_flax", "to_torch"):
        assert runner.run_case(case("conv2d", way, "nnx", way, ARGS, shape), 0, CPU).ok
    assert len(used) > 1 and len(set(map(id, used))) == 1
    assert used[0]._cache_size() == 1


@pytest.mark.parametrize("api", ["functional", "nnx", "linen"])
def test_exceptions_come_through(api):
    c = case("conv2d", "refused", api, None, ARGS | {"stride": 0}, (2, 4, 9, 8), refused=True)
    with pytest.raises(ValueError, match="stride"):
        sides.call_ours(c, 0)
    with pytest.raises((RuntimeError, ValueError), match="stride"):
        sides.call_torch(c, 0)


@pytest.mark.parametrize("dtype", ["bool", "complex64", "int64"])
@pytest.mark.parametrize("api", ["functional", "nnx", "linen"])
def test_a_layer_without_weights_takes_any_dtype(api, dtype):
    """What is refused is the call, and no conversion of the layer before it."""
    c = case("max_pool2d", "g", api, None, {"kernel_size": 2}, (2, 3, 8, 6), dtype)
    assert isinstance(sides.torch_layer(c, 0), torch.nn.MaxPool2d)


def test_a_layer_made_by_another_thread_takes_no_number_from_the_seed_s_stream(monkeypatch):
    one = case("conv2d", "g", "nnx", "to_flax", ARGS, (2, 4, 9, 8))
    alone = sides.torch_layer(one, 0).state_dict()
    threads = []
    seed = torch.manual_seed

    def seed_and_let_the_other_go_first(number):
        seed(number)
        if len(threads) == 0:
            threads.append(threading.Thread(target=sides.torch_layer, args=(one, 1)))
            threads[-1].start()
            threads[-1].join(0.3)

    monkeypatch.setattr(torch, "manual_seed", seed_and_let_the_other_go_first)
    beside = sides.torch_layer(one, 0).state_dict()
    for thread in threads:
        thread.join()
    assert len(threads) == 1
    for name, value in alone.items():
        assert torch.equal(beside[name], value)
