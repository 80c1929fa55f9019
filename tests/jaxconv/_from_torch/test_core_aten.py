"""torch's core ATen set, read from torch: the operators that every exporter must take, each on samples of torch's own.

Torch's samples (OpInfo) call Python functions; what these call in ATen is recorded, backward passes too. `--thorough`
(`make thorough`) converts each operator on its own, with several samples, and compares gradients.
"""

import functools

import numpy as np
import oracle
import pytest
import torch
from flax import nnx
from torch_calls import Call, Calls, record

import jaxconv
from jaxconv._from_torch.trace import name_of
from parity._torch.tensors import to_numpy

pytestmark = pytest.mark.share(2)

aten = torch.ops.aten

EXCLUDED = {
    "_local_scalar_dense.default": "a Python number out of a tensor: x.item()",
    "nonzero.default": "the result's size depends on the numbers",
    "resize_.default": "elements that nothing has written, in memory that arrays do not have",
    "sym_is_contiguous.default": "how a tensor lies in memory, which arrays do not tell",
    "sym_numel.default": "a size, which the trace computes",
    "sym_size.int": "a size, which the trace computes",
    "sym_storage_offset.default": "where a tensor lies in memory, which arrays do not tell",
    "sym_stride.int": "how a tensor lies in memory, which arrays do not tell",
}

# The samples, by OpInfo's names, that call every operator of the core set at least once.
FROM = {
    "__getitem__", "_native_batch_norm_legit", "acos", "acosh", "amin", "any", "argmax", "argmin",
    "as_strided-partial_views", "asin", "asinh", "atan", "atan2", "atanh", "cdist", "ceil", "clamp",
    "corrcoef", "cumprod", "expm1", "fft.irfftn", "fill", "floor", "fmod", "index_reduce-prod", "isinf",
    "linalg.matrix_rank-hermitian", "log10", "log1p", "log2", "logaddexp2", "logical_not", "logical_xor",
    "masked.log_softmax", "masked_select", "max-binary", "max_pool2d_with_indices_backward", "min-reduction_with_dim", "minimum", "movedim", "nanquantile", "native_group_norm", "ne",
    "nn.functional.adaptive_avg_pool1d", "nn.functional.avg_pool3d", "nn.functional.conv3d",
    "nn.functional.elu", "nn.functional.embedding", "nn.functional.embedding_bag", "nn.functional.gelu",
    "nn.functional.grid_sample", "nn.functional.group_norm", "nn.functional.hardtanh",
    "nn.functional.instance_norm", "nn.functional.layer_norm", "nn.functional.leaky_relu",
    "nn.functional.local_response_norm", "nn.functional.max_pool3d",
    "nn.functional.multi_head_attention_forward", "nn.functional.pad-reflect", "nn.functional.pad-replicate_negative", "nn.functional.pdist", "nn.functional.relu", "pow", "prod", "quantile", "remainder",
    "round", "scatter_reduce-amin", "select_scatter", "sigmoid", "sign", "sin", "sinh", "special.i1",
    "special.ndtr", "split_with_sizes", "squeeze-multiple", "take_along_dim", "tan", "tanh", "topk", "trunc",
    "var-unbiased",
}  # fmt: skip

X, IMAGE = torch.linspace(-2, 3, 24).reshape(4, 6), torch.linspace(-1, 1, 96).sin().reshape(2, 3, 4, 4)
SOLID = torch.linspace(-1, 1, 96).cos().reshape(1, 2, 4, 4, 3)
INTEGERS = torch.arange(-12, 12, dtype=torch.int32).reshape(4, 6)
STATISTICS = (torch.ones(3), torch.zeros(3))

# Arguments for the operators that no sample of torch's in float32 calls.
OWN = {
    "adaptive_avg_pool1d.default": (X, [2]),
    "any.dims": (X > 2, [1], True),
    "arange.start_step": (1, 9, 2),
    "atan2.out": (X, X * 2 - 1),
    "avg_pool1d.default": (IMAGE[0], [2]),
    "bitwise_and.Scalar": (INTEGERS, 5),
    "bitwise_or.Scalar": (INTEGERS, 5),
    "bitwise_or.Tensor": (INTEGERS, INTEGERS + 3),
    "bitwise_xor.Scalar": (INTEGERS, 5),
    "bitwise_xor.Tensor": (INTEGERS, INTEGERS + 3),
    "col2im.default": (X[:, :1].repeat(4, 8).reshape(2, 16, 4), [4, 4], [2, 2], [1, 1], [0, 0], [2, 2]),
    "copy.default": (X, X[:1] * 2),
    "div.Scalar_mode": (X, 0.7),
    "empty.memory_format": ([2, 3],),
    "empty_strided.default": ([2, 3], [3, 1]),
    "fmod.Scalar": (X, 0.7),
    "full.default": ([2, 3], 0.5),
    "full_like.default": (X, 0.5),
    "le.Scalar": (X, 0.5),
    "native_dropout.default": (X, 0.5, True),
    "rand.default": ([2, 3],),
    "randn.default": ([2, 3],),
    "randperm.default": (5,),
    "reflection_pad2d.default": (IMAGE, [1, 2, 0, 1]),
    "reflection_pad3d.default": (SOLID, [1, 2, 0, 1, 1, 1]),
    "replication_pad3d.default": (SOLID, [1, 2, 0, 1, 1, 1]),
    "scalar_tensor.default": (0.5,),
    "slice_scatter.default": (X, X[:, :2] * 2, 1, 1, 4, 2),
    "upsample_bilinear2d.vec": (IMAGE, [7, 5], False, None),
    "upsample_nearest2d.vec": (IMAGE, None, [2.0, 1.5]),
    "var.dim": (X, [1], False),
    "_adaptive_avg_pool3d.default": (SOLID, [2, 3, 2]),
    "_native_batch_norm_legit.no_stats": (IMAGE, *STATISTICS, True, 0.1, 1e-5),
    "_native_batch_norm_legit_no_training.default": (IMAGE, *STATISTICS, *STATISTICS[::-1], 0.1, 1e-5),
}


def core():
    """Every operator that torch tags as one of the core set, by name."""
    # Not dir(aten), which has what was used before.
    names = sorted({schema.name for schema in torch._C._jit_get_all_schemas()})
    packets = (getattr(aten, n.removeprefix("aten::"), None) for n in names if n.startswith("aten::"))
    packets = (packet for packet in packets if isinstance(packet, torch._ops.OpOverloadPacket))
    overloads = (getattr(packet, name) for packet in packets for name in packet.overloads())
    return {name_of(op): op for op in overloads if torch.Tag.core in op.tags}


def test_every_operator_of_the_core_set_is_covered():
    found = core()
    assert len(found) > 150 and EXCLUDED.keys() <= found.keys()
    calls = samples_of(1)
    assert found.keys() - EXCLUDED.keys() == {name for name, own in calls.items() if own}


@functools.cache
def samples_of(most):
    """The calls of each operator."""
    found = core()
    recorded = record({op for name, op in found.items() if name not in (*OWN, *EXCLUDED)}, FROM, most)
    calls = {name_of(op): own for op, own in recorded.items()}
    for name, args in OWN.items():
        calls[name] = [Call(name, found[name], args, {})]
    for name, function in CALLED_AS.items():
        calls[name] = [call._replace(function=function) for call in calls[name]]
    return calls


CALLED_AS = {
    "atan2.out": lambda x, y: aten.atan2.out(x, y, out=torch.empty_like(x)),
    "div.Scalar_mode": lambda x, y: aten.div.Scalar_mode(x, y, rounding_mode="floor"),
    # What it returns besides the bags is for torch's backward pass.
    "_embedding_bag.default": lambda *args: aten._embedding_bag.default(*args)[0],
}

UNDETERMINED = ("native_dropout", "rand.", "randn.", "randperm", "empty")


def _determined(name):
    return not name.startswith(UNDETERMINED)


@pytest.mark.parametrize("share", range(4))
def test_the_operators_compute_what_torch_computes(share):
    calls = [own[0] for name, own in sorted(samples_of(1).items()) if _determined(name)][share::4]
    network = Calls(calls)
    given = [x for call in calls for x in call.tensors()]
    got = jaxconv.from_torch(network, tuple(given))(*map(to_numpy, given))  # compares with torch
    assert len(got) == len(network(*given)) >= len(calls) > 15


def test_random_and_empty_results_have_torchs_shapes_and_dtypes():
    calls = [own[0] for name, own in samples_of(1).items() if not _determined(name)]
    network = jaxconv.from_torch(Calls(calls), (X,), rngs=nnx.Rngs(0))
    ours, theirs = network(to_numpy(X)), Calls(calls)(X)
    assert [x.shape for x in ours] == [tuple(x.shape) for x in theirs]
    assert [x.dtype.name.replace("int32", "int64") for x in ours] == [str(x.dtype)[6:] for x in theirs]


@pytest.mark.thorough
@pytest.mark.parametrize("name", sorted(core().keys() - EXCLUDED.keys()))
def test_each_operator_alone(name):
    for call in samples_of(4)[name] if _determined(name) else ():
        network, arrays = Calls([call]), [to_numpy(x) for x in call.tensors()]
        converted = jaxconv.from_torch(network, tuple(call.tensors()))
        verdicts = oracle.check(
            network, converted, arrays, gradients=_differentiable(network, call), rng=np.random.default_rng(0)
        )
        assert verdicts


def _differentiable(network, call):
    """Whether torch has a gradient by every input that may have one."""
    given = [x.clone().requires_grad_(x.is_floating_point() or x.is_complex()) for x in call.tensors()]
    try:
        results = [y for y in network(*given) if y.requires_grad]
        torch.autograd.grad(
            [y.abs().sum() for y in results], [x for x in given if x.requires_grad], allow_unused=True
        )
    except (RuntimeError, NotImplementedError):
        return False
    return bool(results)
