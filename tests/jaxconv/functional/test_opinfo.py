"""torch's own samples for these operations (torch.testing._internal, OpInfo): values, gradients and error inputs.

Where torch lists many (pooling: over a thousand), one in `STRIDE` runs, in each dtype another share, because each is
compiled on its own. `--all-samples` (`make thorough`) runs them all in every dtype.
"""

import warnings

import numpy as np
import pytest
import torch
from oracle import REFUSALS, check_conv, check_max_pool

import jaxconv.functional as F
from parity.torch_side import to_numpy

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

STRIDE = 48
CONVS = ["conv1d", "conv2d", "conv3d"]
POOLS = ["max_pool1d", "max_pool2d", "max_pool3d"]
SKIP = {torch.complex32: pytest.mark.skip(reason="JAX has no complex of two float16")}


def op_info(name):
    (op,) = (op for op in op_db if op.name == f"nn.functional.{name}")
    return op


def dtype_rows(names):
    return [
        pytest.param(name, dtype, id=f"{name}-{str(dtype)[6:]}", marks=SKIP.get(dtype, ()))
        for name in names
        for dtype in sorted(op_info(name).dtypes, key=str)
    ]


def samples(name, dtype, every):
    found = list(op_info(name).sample_inputs("cpu", dtype))
    assert found
    if every or len(found) <= STRIDE:
        return found
    return found[sum(map(ord, str(dtype))) % STRIDE :: STRIDE]


def arrays_of(sample):
    values = [sample.input, *sample.args, *sample.kwargs.values()]
    return [to_numpy(v) for v in values if isinstance(v, torch.Tensor)]


@pytest.mark.parametrize(("name", "dtype"), dtype_rows(CONVS))
def test_conv_samples(name, dtype, request):
    rng = np.random.default_rng(0)
    compared, seen = 0, set()
    for sample in samples(name, dtype, request.config.getoption("--all-samples")):
        x, w, *rest = arrays_of(sample)
        assert not [a for a in sample.args if not isinstance(a, torch.Tensor) and a is not None]
        kwargs = plain(sample.kwargs)
        key = (x.shape, w.shape, len(rest), str(kwargs))
        if key not in seen:  # torch lists some twice
            verdicts = check_conv(int(name[-2]), x, w, rest[0] if rest else None, kwargs, rng)
            compared += verdicts is not None
        seen.add(key)
    assert compared


def plain(kwargs):
    return {key: value for key, value in kwargs.items() if not isinstance(value, torch.Tensor)}


@pytest.mark.parametrize(("name", "dtype"), dtype_rows(POOLS))
def test_max_pool_samples(name, dtype, request):
    rng = np.random.default_rng(0)
    seen = set()
    for sample in samples(name, dtype, request.config.getoption("--all-samples")):
        assert not sample.args
        kwargs = {key: value for key, value in sample.kwargs.items() if key != "return_indices"}
        # torch lists each once with and once without return_indices; check_max_pool asks for both at once.
        key = (tuple(sample.input.shape), tuple(sorted((k, str(v)) for k, v in kwargs.items())))
        if key not in seen:
            assert check_max_pool(int(name[-2]), to_numpy(sample.input), kwargs, rng) is not None
        seen.add(key)
    assert seen


@pytest.mark.parametrize("name", CONVS + POOLS)
def test_error_inputs_are_refused(name):
    refused = 0
    for error in op_info(name).error_inputs("cpu"):
        sample = error.sample_input
        args = [to_numpy(a) if isinstance(a, torch.Tensor) else a for a in (sample.input, *sample.args)]
        kwargs = {k: to_numpy(v) if isinstance(v, torch.Tensor) else v for k, v in sample.kwargs.items()}
        with pytest.raises(REFUSALS):
            getattr(torch.nn.functional, name)(sample.input, *sample.args, **sample.kwargs)
        with pytest.raises((ValueError, TypeError)):
            getattr(F, name)(*args, **kwargs)
        refused += 1
    assert refused >= 5


PADS = [
    pytest.param(op.variant_test_name, dtype, id=f"{op.variant_test_name}-{str(dtype)[6:]}")
    for op in op_db
    if op.name == "nn.functional.pad"
    for dtype in sorted(op.dtypes, key=str)
]


@pytest.mark.parametrize(("variant", "dtype"), PADS)
def test_pad_samples(variant, dtype):
    (op,) = (op for op in op_db if op.name == "nn.functional.pad" and op.variant_test_name == variant)
    count = 0
    for sample in op.sample_inputs("cpu", dtype):
        expected = torch.nn.functional.pad(sample.input, *sample.args, **sample.kwargs)
        got = F.pad(to_numpy(sample.input), *sample.args, **sample.kwargs)
        # Copies only: bit for bit.
        assert np.asarray(got).tobytes() == to_numpy(expected).tobytes()
        assert got.shape == tuple(expected.shape)
        count += 1
    assert count
