"""The registered target, called directly: saved programs call it, and a wrong call must end in an error, no crash.

Wrong calls run in a subprocess, because before the kernels checked their arguments many of them ended the process.
"""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxconv import functional as F
from jaxconv._lower import native
from jaxconv._lower.choice import choose
from jaxconv._lower.product import ROLES, Product
from jaxconv._spec import ConvSpec

pytestmark = pytest.mark.share(2)

GOOD = dict(operation="forward", groups=1, stride=[1, 1], padding=[0, 0], dilation=[1, 1])
"""Attributes of a convolution of x (1, 4, 5, 5) and a weight (6, 4, 3, 3) to (1, 6, 3, 3)."""
SHAPES = dict(a=[1, 4, 5, 5], b=[6, 4, 3, 3], result=[1, 6, 3, 3])
FAR = 2**62

# What is different from the good call, and what the error says.
WRONG = {
    "no such operation": (dict(operation="backward"), "operation='backward' must be"),
    "an empty operation": (dict(operation=""), "operation='' must be"),
    "an operation's old name": (dict(operation="y"), "operation='y' must be"),
    "groups of 0": (dict(groups=0), "groups=0 must be positive"),
    "groups below 0": (dict(groups=-2), "groups=-2 must be positive"),
    "the least groups": (dict(groups=-(2**63)), "must be positive"),
    "groups that do not divide": (dict(groups=4), "multiple of groups=4"),
    "groups that the input has not": (dict(groups=2), "groups times the channels of weight"),
    "groups times channels overflow": (
        dict(
            operation="backward_input", a=[0, 4, 3, 3], b=[1, 0, 3, 3], result=[1, 4, 5, 5], groups=FAR // 2
        ),
        "groups times the channels of weight",
    ),
    "a stride of 0": (dict(stride=[1, 0]), "stride=0 must be positive"),
    "a stride below 0": (dict(stride=[-1, 1]), "stride=-1 must be positive"),
    "a stride too far": (dict(stride=[FAR, 1]), "farther than 2^60"),
    "a dilation of 0": (dict(dilation=[0, 1]), "dilation=0 must be positive"),
    "a dilation below 0": (dict(dilation=[1, -(2**63)]), "must be positive"),
    "a dilation too far": (dict(dilation=[1, FAR]), "farther than 2^60"),
    "a padding too far": (dict(padding=[FAR, 0]), "farther away than 2^60"),
    "a padding too far below": (dict(padding=[0, -(2**63)]), "farther away than 2^60"),
    "too few strides": (dict(stride=[1]), "one number for each of the 2"),
    "too many strides": (dict(stride=[1, 1, 1]), "one number for each of the 2"),
    "no padding": (dict(padding=[]), "one number for each of the 2"),
    "too many dilations": (dict(dilation=[1] * 9), "one number for each of the 2"),
    "ranks of 2": (dict(a=[1, 4], b=[6, 4], result=[1, 6]), "must have rank 3, 4 or 5"),
    "a rank of 0": (dict(a=[]), "must have rank 3, 4 or 5"),
    "ranks of 6": (dict(a=[1, 4, 1, 1, 5, 5]), "must have rank 3, 4 or 5"),
    "ranks that differ": (dict(b=[6, 4, 3]), "must have the same rank"),
    "a result of another rank": (dict(result=[1, 6, 3]), "must have the same rank"),
    "another batch size": (dict(result=[2, 6, 3, 3]), "batch size of input"),
    "other output channels": (dict(result=[1, 5, 3, 3]), "output channels of weight"),
    "other input channels": (dict(b=[6, 3, 3, 3]), "groups times the channels of weight"),
    "an empty kernel": (dict(b=[6, 4, 3, 0]), "a kernel of at least one element"),
    "operands exchanged": (dict(operation="backward_input"), ""),
    "another operation's shapes": (dict(operation="backward_weight"), ""),
    "integers": (dict(dtype="int32"), "must be float32 or float64"),
    "dtypes that differ": (dict(result_dtype="int32"), "must have the same dtype"),
    "an attribute that is missing": (dict(missing="dilation"), ""),
    "an attribute of another type": (dict(groups=1.5), ""),
}

CALLS = """
import json, sys
import jax, jax.numpy as jnp, numpy as np
from jaxconv._lower import native

def run(a, b, result, dtype="float32", result_dtype=None, missing=None, **attributes):
    out = jax.ShapeDtypeStruct(tuple(result), result_dtype or dtype)
    held = {
        name: np.array(value, np.int64) if isinstance(value, list)
        else np.int64(value) if isinstance(value, int) else value
        for name, value in attributes.items() if name != missing
    }
    call = jax.ffi.ffi_call(native.TARGET, out, vmap_method=None)
    return np.asarray(jax.block_until_ready(call(jnp.ones(tuple(a), dtype), jnp.ones(tuple(b), dtype), **held)))

for label, arguments in json.load(sys.stdin).items():
    try:
        y = run(**arguments)
        print(json.dumps([label, f"returned {y.shape}, {np.count_nonzero(y)} not zero"]), flush=True)
    except Exception as error:
        print(json.dumps([label, f"{type(error).__name__}: {error}"]), flush=True)
"""


def called(calls):
    """What became of each call, by label."""
    given = json.dumps({label: SHAPES | GOOD | call for label, call in calls.items()})
    done = subprocess.run(
        [sys.executable, "-c", CALLS], input=given, text=True, capture_output=True, timeout=300, check=False
    )
    found = dict(map(json.loads, done.stdout.splitlines()))
    assert done.returncode == 0, (
        f"ended with {done.returncode} after {list(found)[-1:]}: {done.stderr[-2000:]}"
    )
    return found


@pytest.fixture(scope="module")
def outcomes():
    return called({"good": {}} | {label: call for label, (call, _) in WRONG.items()} | {"good, again": {}})


@pytest.mark.parametrize("label", WRONG)
def test_a_wrong_call_is_an_invalid_argument(outcomes, label):
    outcome = outcomes[label]
    assert "INVALID_ARGUMENT" in outcome and WRONG[label][1] in outcome, outcome


def test_a_good_call_is_none(outcomes):
    assert outcomes["good"] == outcomes["good, again"] == "returned (1, 6, 3, 3), 54 not zero"


def test_what_is_empty_gives_zeros():
    empty = called(
        {
            "no samples": dict(
                operation="backward_weight", a=[0, 4, 5, 5], b=[0, 6, 3, 3], result=[6, 4, 3, 3]
            ),
            "no positions": dict(
                operation="backward_weight", a=[1, 4, 5, 5], b=[1, 6, 0, 3], result=[6, 4, 3, 3]
            ),
            "no input": dict(a=[1, 4, 0, 5], padding=[2, 2]),
            "no channels": dict(a=[1, 0, 5, 5], b=[6, 0, 3, 3]),
        }
    )
    for label, outcome in empty.items():
        assert outcome.startswith("returned ") and outcome.endswith(", 0 not zero"), (label, outcome)


def of_both(x, w, **arguments):
    """The result and both gradients, of the kernels and of torch."""
    tx, tw = (torch.from_numpy(a).requires_grad_() for a in (x, w))
    ndim = x.ndim - 2
    ty = getattr(torch.nn.functional, f"conv{ndim}d")(tx, tw, **arguments)
    theirs = (ty.detach(), *torch.autograd.grad(ty, (tx, tw), torch.ones_like(ty)))
    y, vjp = jax.vjp(lambda x, w: getattr(F, f"conv{ndim}d")(x, w, **arguments), x, w)
    return zip((y, *vjp(jnp.ones_like(y))), theirs, strict=True)


# Each ended the process, or took gigabytes: x, weight, arguments.
FAR_PADDING = {
    "sizes beyond 64 bits": (
        (1, 256, 1, 1),
        (2, 256, 2, 2),
        dict(dilation=(2**24 - 1, 2**30 - 1), padding=(2**23, 2**29)),
    ),
    "gigabytes of zeros": ((1, 2, 100), (3, 2, 2), dict(dilation=10**9, padding=5 * 10**8)),
    "a stride beyond the input": ((2, 3, 7), (4, 3, 2), dict(stride=10**9, padding=10**9, dilation=10**9)),
}


@pytest.mark.parametrize("label", FAR_PADDING)
def test_padding_far_beyond_the_input_is_not_copied(label):
    shape, weight_shape, arguments = FAR_PADDING[label]
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-4, 5, s).astype(np.float32) for s in (shape, weight_shape))
    for ours, theirs in of_both(x, w, **arguments):
        np.testing.assert_array_equal(np.asarray(ours), theirs)


MEMORY = """
import resource, sys, jax, jax.numpy as jnp, numpy as np
from jaxconv import functional as F
x, w = np.ones((1, 2, 100), "f4"), np.ones((3, 2, 2), "f4")
def run(x, w):
    y, vjp = jax.vjp(lambda x, w: F.conv1d(x, w, dilation=10**9, padding=5 * 10**8), x, w)
    return y, vjp(y)
run = jax.jit(run).lower(x, w).compile()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
jax.block_until_ready(run(x, w))
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(grown if sys.platform == "darwin" else 1024 * grown)
"""


def test_padding_far_beyond_the_input_takes_no_memory():
    """It took 7.8 GiB."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], check=True, timeout=120, capture_output=True, text=True
    )
    assert int(done.stdout) < 2**26  # bytes


def test_without_kernels_it_is_left_to_xla_as_it_is():
    spec = ConvSpec(2, 3, (2,), (1,), ((5 * 10**8, 5 * 10**8),), (10**9,), 1)
    for wanted in ROLES:
        assert choose(Product(wanted, spec, (100,)), 1, np.float32).name == "direct"
        assert choose(Product(wanted, spec, (100,)), 1, np.float32, "xla", native=True).name == "direct"
        assert choose(Product(wanted, spec, (100,)), 1, np.float32, native=True).name == "native"


def test_the_name_has_a_version():
    assert native.TARGET == "jaxconv_conv_v1"
