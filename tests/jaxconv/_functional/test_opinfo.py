"""torch's own samples (torch.testing._internal, OpInfo) of everything in `jaxconv.functional`: values, gradients, dtypes
and error inputs.

A share of the samples runs, in each dtype another, because each is compiled on its own: of every operator in float32
and in one more of its dtypes, which differs from one operator to the next. `--thorough` runs them all.
"""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from oracle import REFUSALS, Sample, check, check_samples

import jaxconv.functional as F
from parity._bounds.rounding.elementwise import UNITS
from parity._torch.tensors import to_numpy

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

pytestmark = pytest.mark.share(4)

ADAPTIVE = [f"adaptive_{kind}_pool{n}d" for kind in ("avg", "max") for n in (1, 2, 3)]
CONVS = [f"conv{n}d" for n in (1, 2, 3)] + [f"conv_transpose{n}d" for n in (1, 2, 3)]
POOLS = [
    f"{kind}_{what}{n}d"
    for kind, what in (("avg", "pool"), ("max", "pool"), ("max", "unpool"))
    for n in (1, 2, 3)
]
NORMS = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "normalize",
    "rms_norm",
]
ACTIVATIONS = [
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_softmax",
    "logsigmoid", "mish", "prelu", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softmin", "softplus",
    "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
]  # fmt: skip
SHAPES = ["channel_shuffle", "flatten", "pad", "pixel_shuffle", "pixel_unshuffle", "unflatten", "unfold"]
RESIZES = ["interpolate", "upsample_bilinear", "upsample_nearest"]
LOSSES = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "huber_loss", "kl_div", "l1_loss",
    "mse_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss", "cosine_embedding_loss", "gaussian_nll_loss",
    "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip
TABLE = [*ADAPTIVE, *CONVS, *POOLS, *NORMS, *ACTIVATIONS, *SHAPES, *RESIZES, *LOSSES, "bilinear", "linear"]
TABLE += ["embedding", "embedding_bag"]

RANDOM = {"alpha_dropout", "dropout", "dropout2d", "dropout3d", "feature_alpha_dropout", "rrelu"}
"""With an OpInfo whose outputs are random."""

OWN = {"batch_norm_with_stats", "instance_norm_with_stats", "embedding_renorm"}
"""Not in torch, or in place there."""

WEIGHT_FIRST = {"embedding", "embedding_bag"}
"""Whose OpInfo gives the weight before the input."""

SHARE = {torch.float32: 3}
"""How many of an operator's samples run: in float32 three, with gradients, else two, without but for complex dtypes."""
COMPLEX32 = "JAX has no complex of two float16"


def op_infos(name):
    found = [op for op in op_db if op.name in (f"nn.functional.{name}", name) and op.dtypes]
    return [op for op in found if op.name.startswith("nn.")] or found


def rows():
    for name in TABLE:
        if not hasattr(F, name):
            continue
        for op in op_infos(name):
            dtypes = sorted(op.dtypes, key=str)
            others = [dtype for dtype in dtypes if dtype not in (torch.float32, torch.complex32)]
            first = sum(map(ord, name)) % max(len(others), 1)
            usual = {torch.float32, torch.complex32, *(others[first:] + others[:first])[:1]}
            for dtype in dtypes:
                mark = [] if dtype in usual else [pytest.mark.thorough]
                mark += [pytest.mark.skip(reason=COMPLEX32)] if dtype == torch.complex32 else []
                id = "-".join(filter(None, [name, op.variant_test_name, str(dtype)[6:]]))
                yield pytest.param(name, op, dtype, id=id, marks=mark)


def share(items, dtype, every):
    count = SHARE.get(dtype, 2)
    if every or len(items) <= count:
        return items
    start = sum(map(ord, str(dtype)))
    return [items[(start + i * len(items) // count) % len(items)] for i in range(count)]


def torch_to_jax(value):
    if isinstance(value, torch.nn.PairwiseDistance):
        return None  # it is the default
    return jnp.dtype(str(value)[6:]) if isinstance(value, torch.dtype) else value


def compare(name, sample):
    """A sample of torch's as one for the oracle: the tensors are taken out of the arguments."""
    given = arguments(name, sample)
    keys = [*range(len(given)), *sample.kwargs]
    values = dict(zip(keys, [*given, *sample.kwargs.values()], strict=True))
    tensors = {f"a{key}": v for key, v in values.items() if isinstance(v, torch.Tensor)}

    def caller(function, convert):
        def call(**arrays):
            filled = {key: arrays.get(f"a{key}", convert(v)) for key, v in values.items()}
            positional = [filled[key] for key in keys if isinstance(key, int)]
            return function(*positional, **{k: v for k, v in filled.items() if isinstance(k, str)})

        return call

    return Sample(
        caller(torch_function(name), lambda v: v),
        caller(getattr(F, name), torch_to_jax),
        {key: to_numpy(t) for key, t in tensors.items()},
        tuple(key for key, t in tensors.items() if t.requires_grad),
        about=f"{name}{tuple(v if not isinstance(v, torch.Tensor) else '...' for v in given)}, {plain(sample.kwargs)}",
        # A coordinate is rounded three times, and is as large as the input; a cubic weight is as steep as 1.5.
        constants=8 * max(sample.input.shape, default=0) if name in RESIZES else 0,
    )


def arguments(name, sample):
    first = [sample.input, *sample.args]
    return [first[1], first[0], *first[2:]] if name in WEIGHT_FIRST else first


def torch_function(name):
    return getattr(torch.nn.functional, name, None) or getattr(torch, name)


def plain(kwargs):
    return {key: value for key, value in kwargs.items() if not isinstance(value, torch.Tensor)}


@pytest.mark.parametrize(("name", "op", "dtype"), list(rows()))
def test_samples(name, op, dtype, request):
    every = request.config.getoption("--thorough")
    gradients = (
        op.supports_autograd
        and (dtype == torch.float32 or dtype.is_complex or (every and dtype.is_floating_point))
        and dtype in op.backward_dtypes
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = list(op.sample_inputs("cpu", dtype, requires_grad=gradients))
    if (name, dtype) == ("local_response_norm", torch.int64):
        # Of integers torch's average is cut off, so its float64 run is another function: its own result is the measure.
        for sample in samples:
            got = F.local_response_norm(to_numpy(sample.input), *sample.args, **sample.kwargs)
            want = torch.nn.functional.local_response_norm(sample.input, *sample.args, **sample.kwargs)
            np.testing.assert_array_max_ulp(np.asarray(got), to_numpy(want), 2 * UNITS["pow"])
        return
    chosen = [compare(name, s) for s in share(samples, dtype, every)]
    results = check_samples(chosen, np.random.default_rng(0))
    assert any(verdicts is not None for verdicts in results)


def errors():
    return [n for n in TABLE if hasattr(F, n) and any(op.error_inputs_func for op in op_infos(n))]


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("name", errors())
def test_error_inputs_are_refused(name):
    refused = 0
    for op in op_infos(name):
        for error in op.error_inputs("cpu") if op.error_inputs_func else ():
            sample = error.sample_input
            given = arguments(name, sample)
            args = [to_numpy(a) if isinstance(a, torch.Tensor) else a for a in given]
            kwargs = {k: to_numpy(v) if isinstance(v, torch.Tensor) else v for k, v in sample.kwargs.items()}
            with pytest.raises(REFUSALS):
                torch_function(name)(*given, **sample.kwargs)
            with pytest.raises((ValueError, TypeError)):
                getattr(F, name)(*args, **kwargs)
            refused += 1
    assert refused


def test_every_functional_with_samples_is_in_the_table():
    public = {name for name in F.__all__ if not isinstance(getattr(F, name), type)}
    assert {name for name in public - RANDOM - OWN if op_infos(name)} <= set(TABLE)
    assert {
        name for name in public if not hasattr(torch.nn.functional, name) and not hasattr(torch, name)
    } <= OWN


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        (lambda x: jnp.tanh(x) * np.float32(1.000001), "y: .* outside the rounding bound"),
        (
            lambda x: jnp.tanh(x) + 1e-3 * (x - jax.lax.stop_gradient(x)),
            "grad.0: .* outside the rounding bound",
        ),
        (lambda x: jnp.tanh(x).astype(jnp.float16), r"float16\(3,\), in torch float32"),
        (lambda x: jnp.tanh(x)[:2], r"float32\(2,\), in torch float32\(3,\)"),
        (lambda x: (jnp.tanh(x), x), "outputs of ours"),
    ],
)
def test_the_oracle_sees_a_mistake(ours, words):
    x = np.asarray([9.5, 0.3, 10.0], np.float32)
    with pytest.raises(AssertionError, match=words):
        check(torch.tanh, ours, [x], rng=np.random.default_rng(0))


def test_the_oracle_wants_refusals_on_both_sides():
    x, rng = np.zeros((2, 3), np.float32), np.random.default_rng(0)

    def refuse(x):
        raise ValueError("no")

    assert check(refuse, refuse, [x], rng=rng) is None
    with pytest.raises(AssertionError, match="torch refuses"):
        check(refuse, lambda x: x, [x], rng=rng)
    with pytest.raises(ValueError, match="no"):
        check(torch.tanh, refuse, [x], rng=rng)
