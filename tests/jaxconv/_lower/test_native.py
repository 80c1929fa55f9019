"""The kernels: where they are called, on every instruction set, and by many threads at once.

They are compared with the other lowerings in test_lowerings.py. Small integers make sums exact: results are equal.
"""

import os
import pickle
import platform
import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.experimental.serialize_executable import serialize

import jaxconv
from jaxconv import functional as F
from jaxconv._lower import direct, native
from jaxconv._lower.primitive import conv_p
from jaxconv._lower.product import ROLES, Product
from jaxconv._spec import ConvSpec

pytestmark = pytest.mark.share(2)

CALL = f"custom_call @{native.TARGET}"


def test_they_are_built():
    """All that follows, and the speed, depends on it: setup.py goes on without a compiler."""
    assert native.isa() in ("any", "neon", "avx2", "avx512")


def ints(rng, *shape, dtype=np.float32):
    return rng.integers(-4, 5, shape).astype(dtype)


def arrays(rng, batch, size, spec, dtype=np.float32):
    shapes = {
        "x": (batch, spec.in_channels, *size),
        "weight": spec.weight_shape,
        "y": (batch, spec.out_channels, *spec.output_size(size)),
    }
    return {role: ints(rng, *shape, dtype=dtype) for role, shape in shapes.items()}


def of_torch(held, spec):
    """All three products, of which the padding's gradient is cut off again."""
    x, weight, y = (torch.from_numpy(held[role]).requires_grad_() for role in ROLES)
    around = [n for pair in reversed(spec.padding) for n in pair]
    convolve = getattr(torch.nn.functional, f"conv{spec.ndim}d")
    found = convolve(
        torch.nn.functional.pad(x, around), weight, None, spec.stride, 0, spec.dilation, spec.groups
    )
    return dict(zip(ROLES, (*torch.autograd.grad(found, (x, weight), y), found), strict=True))


def compare(held, spec, size):
    expected = of_torch(held, spec)
    for wanted in ROLES:
        p = Product(wanted, spec, size)
        operands = [jnp.asarray(held[role]) for role in p.operands]
        got = conv_p.bind(*operands, product=p, forced="native", like=None)
        assert got.dtype == held[wanted].dtype
        np.testing.assert_array_equal(got, expected[wanted].detach().numpy(), err_msg=wanted)


@st.composite
def convolutions(draw):
    ndim = draw(st.sampled_from([2, 1, 3]))

    def each(low, high):
        return draw(st.tuples(*[st.integers(low, high)] * ndim))

    groups = draw(st.sampled_from([1, 2, 3, 4, 8, 16]))
    inner, outer = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    kernel, dilation = each(1, 4), each(1, 3)
    padding = tuple(zip(each(0, 3), each(0, 3), strict=True))
    spec = ConvSpec(inner * groups, outer * groups, kernel, each(1, 3), padding, dilation, groups)
    most = {1: 90, 2: 20, 3: 6}[ndim]
    size = tuple(
        max(n, d * (k - 1) + 1 - low - high)
        for n, d, k, (low, high) in zip(each(1, most), dilation, kernel, padding, strict=True)
    )
    return draw(st.integers(1, 3)), size, spec, draw(st.sampled_from([np.float32, np.float64]))


@settings(max_examples=60, deadline=None)
@given(convolutions(), st.integers(0, 2**32 - 1))
def test_any_convolution(convolution, seed):
    batch, size, spec, dtype = convolution
    with jax.enable_x64(dtype == np.float64):
        compare(arrays(np.random.default_rng(seed), batch, size, spec, dtype), spec, size)


# What is cut into blocks of terms, of rows and of positions, and what several threads share, all in two dimensions:
# batch, size, spec.
LARGE = {
    "many terms": (1, (9, 9), ConvSpec(300, 70, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1)),
    "many terms, as it lies": (1, (9, 9), ConvSpec(1100, 70, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    "many terms, few rows": (1, (20, 9), ConvSpec(1100, 12, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
    "many terms and positions": (
        1,
        (32, 32),
        ConvSpec(1100, 20, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    ),
    "many rows": (1, (6, 6), ConvSpec(130, 700, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 1)),
    "wide, odd batch": (3, (61, 60), ConvSpec(9, 12, (5, 5), (1, 2), ((2, 2), (1, 3)), (1, 1), 1)),
    "groups, shared": (1, (30, 30), ConvSpec(33, 66, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 3)),
    "groups, apart": (2, (30, 30), ConvSpec(32, 64, (3, 3), (2, 1), ((1, 1), (1, 1)), (1, 2), 16)),
    "depthwise": (2, (57, 57), ConvSpec(30, 30, (7, 7), (1, 1), ((3, 3), (3, 3)), (1, 1), 30)),
}


@pytest.mark.parametrize("label", LARGE)
def test_large_ones(label):
    batch, size, spec = LARGE[label]
    compare(arrays(np.random.default_rng(1), batch, size, spec), spec, size)


OTHER_SETS = """
import sys, numpy as np
sys.path.insert(0, sys.argv[1])
import test_native as t
assert t.native.isa() == sys.argv[2], t.native.isa()
for batch, size, spec in t.LARGE.values():
    t.compare(t.arrays(np.random.default_rng(1), batch, size, spec), spec, size)
"""


@pytest.mark.parametrize("name", ["any", "avx2"])
def test_other_instruction_sets(name):
    sets = ["any", "avx2", "avx512"]
    if native.isa() not in sets or sets.index(name) > sets.index(native.isa()):
        pytest.skip(f"this processor has no {name}")
    env = {**os.environ, "JAXCONV_ISA": name}
    folder = os.path.dirname(__file__)
    subprocess.run([sys.executable, "-c", OTHER_SETS, folder, name], check=True, timeout=300, env=env)


def test_without_them():
    code = (
        "import jaxconv, jax, numpy as np\n"
        "f = lambda x: jaxconv.functional.conv2d(x, np.zeros((4, 1, 3, 3), 'f4'), groups=4)\n"
        "x = np.zeros((1, 4, 9, 9), 'f4')\n"
        f"assert {CALL!r} not in jax.jit(f).lower(x).as_text()\n"
        "told = jaxconv.explain(f, x)\n"
        "assert told.convolutions[0].y.name == 'shift' and 'on cpu, without the kernels: ' in str(told)\n"
        "with jaxconv.lowering('native'):\n"
        "    assert jaxconv.explain(f, x).convolutions[0].y.name == 'shift'\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    subprocess.run(command, check=True, timeout=120, env={**os.environ, "JAXCONV_KERNELS": "0"})


OTHER_ARCHITECTURE = "avx2" if platform.machine() in ("aarch64", "arm64") else "neon"


@pytest.mark.parametrize(
    ("name", "value"),
    [("JAXCONV_KERNELS", "false"), ("JAXCONV_ISA", "sse"), ("JAXCONV_ISA", OTHER_ARCHITECTURE)],
)
def test_the_environment_is_checked(name, value):
    command = [sys.executable, "-c", "import jaxconv"]
    done = subprocess.run(
        command, env={**os.environ, name: value}, timeout=120, capture_output=True, text=True, check=False
    )
    assert f"ValueError: the environment variable {name} (={value!r}) must be one of (" in done.stderr


LOAD = """
import pickle, sys
import jax, jaxconv, numpy as np
from jax.experimental.serialize_executable import deserialize_and_load
with open(sys.argv[1], "rb") as file:
    run = deserialize_and_load(*pickle.load(file))
np.testing.assert_array_equal(run(np.ones((1, 8, 9, 9), "f4")), np.full((1, 8, 7, 7), 36, "f4"))
"""


def test_a_saved_program_finds_them_when_jaxconv_is_imported(tmp_path):
    x, w = jnp.ones((1, 8, 9, 9), jnp.float32), jnp.ones((8, 4, 3, 3), jnp.float32)
    compiled = jax.jit(lambda x: F.conv2d(x, w, groups=2)).lower(x).compile()
    (tmp_path / "program").write_bytes(pickle.dumps(serialize(compiled)))
    subprocess.run([sys.executable, "-c", LOAD, tmp_path / "program"], check=True, timeout=120)


def test_what_is_chosen():
    x, w = jnp.zeros((2, 8, 9, 9)), jnp.zeros((8, 4, 3, 3))

    def told(dtype):
        (found,) = jaxconv.explain(
            lambda x: F.conv2d(x, w.astype(dtype), groups=2), x.astype(dtype)
        ).convolutions
        return [found.y, found.x, found.weight]

    for dtype in ("float32", "bfloat16", "float16"):
        assert told(dtype) == [("native", "a floating dtype")] * 3
    assert {choice.name for choice in told("int32")} == {"direct"}
    with jaxconv.lowering("native"):
        assert told("float32") == [("native", "forced")] * 3
        assert {choice.name for choice in told("complex64")} == {"direct"}


@pytest.mark.parametrize(
    ("x", "w", "groups", "expected"),
    [
        ((1, 64, 7, 7), (64, 64, 1, 1), 1, "native native native"),
        ((1, 64, 3, 3), (64, 64, 1, 1), 1, "native native pointwise"),
        ((1, 64, 1, 1), (64, 64, 1, 1), 1, "pointwise pointwise pointwise"),
        ((2, 64, 1, 2), (64, 64, 1, 1), 1, "pointwise pointwise pointwise"),
        ((2, 64, 6, 6), (64, 64, 1, 1), 1, "native pointwise native"),
        ((2, 64, 7, 7), (64, 64, 1, 1), 1, "native native native"),
        ((16, 64, 7, 7), (64, 64, 1, 1), 1, "native pointwise native"),
        ((16, 64, 16, 16), (64, 64, 1, 1), 1, "native native native"),
        ((1, 64, 3, 3), (64, 64, 3, 3), 1, "im2col native im2col"),  # one output, nine inputs
        ((9, 16, 1, 1), (16, 8, 1, 1), 2, "native native native"),
        ((1, 64, 1, 2), (64, 1, 1, 1), 64, "shift shift shift"),
        ((1, 64, 3, 3), (64, 1, 1, 1), 64, "native native native"),
        ((33, 64, 13, 13), (64, 1, 1, 1), 64, "shift shift shift"),
        ((33, 64, 14, 14), (64, 1, 1, 1), 64, "shift shift native"),
        ((33, 64, 28, 28), (64, 1, 1, 1), 64, "native native native"),
    ],
)
def test_few_positions_are_left_to_xla(x, w, groups, expected):
    weight = jnp.zeros(w)
    (found,) = jaxconv.explain(lambda x: F.conv2d(x, weight, groups=groups), jnp.zeros(x)).convolutions
    assert " ".join(choice.name for choice in (found.y, found.x, found.weight)) == expected


def test_an_exported_program_has_none():
    x, w = ints(np.random.default_rng(0), 1, 8, 9, 9), ints(np.random.default_rng(1), 8, 4, 3, 3)
    f = jax.jit(lambda x: F.conv2d(x, w, groups=2))
    assert CALL in f.lower(x).as_text()
    exported = jax.export.export(f)(x)
    assert CALL not in exported.mlir_module()
    np.testing.assert_array_equal(exported.call(x), f(x))


def test_a_transposed_convolution_and_vmap_call_them_too():
    x, w = jnp.zeros((3, 2, 8, 9, 9)), jnp.zeros((3, 8, 4, 3, 3))
    lowered = jax.jit(jax.vmap(lambda x, w: F.conv_transpose2d(x, w, None, 2))).lower(x, w)
    assert lowered.as_text().count(CALL) == 1


def torch_grads(x, w, **arguments):
    x, w = (torch.from_numpy(a).requires_grad_() for a in (x, w))
    y = torch.nn.functional.conv2d(x, w, **arguments)
    return y.detach(), *torch.autograd.grad(y, (x, w), torch.ones_like(y))


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize("arguments", [dict(padding=1), dict(stride=2), dict(padding=2, dilation=2)])
def test_infinity_and_nan_reach_what_torch_says(value, arguments):
    """Rows follow each other without a gap in what the kernels read, so the next row's first element is close by."""
    rng = np.random.default_rng(0)
    for at in ((0, 0), (4, 0), (3, 8), (8, 8), (4, 4)):
        x, w = ints(rng, 2, 3, 9, 9), ints(rng, 4, 3, 3, 3)
        w[w == 0] = 1  # torch does not say what becomes of infinity times zero
        x[1, 1][at] = value
        expected = torch_grads(x, w, **arguments)
        y, vjp = jax.vjp(lambda x, w: F.conv2d(x, w, **arguments), x, w)
        for ours, theirs in zip((y, *vjp(jnp.ones_like(y))), expected, strict=True):
            np.testing.assert_array_equal(np.asarray(ours), theirs)


@pytest.mark.parametrize("groups", [1, 3])
def test_infinity_does_not_reach_the_next_channels_weight(groups):
    """Planes of whole cache lines, so that nothing is between them, and enough of them to be shared by threads."""
    for size, kernel in ((48, 3), (48, 2), (16, 2)):
        x = np.ones((1, 96, size), np.float32)
        w = np.ones((96, 96 // groups, kernel), np.float32)
        for channel in (8, 16, 32, 48, 64):
            x[0, channel, 0] = np.inf
            dw = jax.grad(lambda w: F.conv1d(x, w, groups=groups).sum())(w)  # noqa: B023
            x[0, channel, 0] = 1
            per_group = 96 // groups
            expected = np.zeros(w.shape, bool)
            first = channel // per_group * per_group
            expected[first : first + per_group, channel % per_group, 0] = True
            np.testing.assert_array_equal(~np.isfinite(dw), expected)


@pytest.mark.parametrize(
    "arguments", [{}, dict(padding=1), dict(stride=2), dict(stride=2, padding=1, groups=4)]
)
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_weight_that_is_not_finite_reaches_what_it_is_a_factor_of(arguments, value):
    """Of y torch itself is of two minds: in float64 it multiplies the padding, in float32 it does not."""
    x, groups = np.ones((2, 4, 8, 8), np.float32), arguments.get("groups", 1)
    w = np.ones((4, 4 // groups, 3, 3), np.float32)
    w[1, 0, 0, 2] = value
    with jaxconv.lowering("native"):
        y, vjp = jax.vjp(lambda x: F.conv2d(x, w, **arguments), x)
        (dx,) = vjp(jnp.ones_like(y))
    np.testing.assert_array_equal(np.asarray(dx), torch_grads(x, w, **arguments)[1])


def test_many_threads_at_once():
    """Each waits for nobody who has not begun: with more callers than threads there is no deadlock."""
    rng = np.random.default_rng(0)
    x, w = ints(rng, 2, 32, 40, 40), ints(rng, 32, 32, 3, 3)
    step = jax.jit(jax.grad(lambda w: F.conv2d(x, w, padding=1).sum()))
    expected, wrong = np.asarray(step(w)), []

    def work():
        for _ in range(20):
            if not np.array_equal(step(w), expected):
                wrong.append(1)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads) and not wrong


THREADS = """
import os, sys
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[2])])  # before XLA makes its threads
sys.path.insert(0, sys.argv[1])
import hashlib, numpy as np, test_native as t
digest = hashlib.sha256()
for batch, size, spec in t.LARGE.values():
    rng = np.random.default_rng(1)
    held = {role: rng.standard_normal(a.shape, np.float32) for role, a in t.arrays(rng, batch, size, spec).items()}
    for wanted in t.ROLES:
        p = t.Product(wanted, spec, size)
        operands = [held[role] for role in p.operands]
        digest.update(np.asarray(t.conv_p.bind(*operands, product=p, forced="native", like=None)).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="this system has one processor, or does not let a process choose",
)
def test_numbers_do_not_depend_on_the_number_of_threads():
    def run(threads):
        command = [sys.executable, "-c", THREADS, os.path.dirname(__file__), str(threads)]
        return subprocess.run(command, check=True, timeout=300, capture_output=True, text=True).stdout

    assert run(1) == run(2)


def test_the_memory_that_they_keep_is_not_shared_between_sizes():
    rng = np.random.default_rng(0)
    w = ints(rng, 4, 4, 3, 3)
    f = jax.jit(lambda x: F.conv2d(x, w, padding=1))
    for size in (5, 90, 5, 40):
        x = ints(rng, 1, 4, size, size)
        expected = direct.conv(
            ConvSpec(4, 4, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1), jnp.asarray(x), jnp.asarray(w)
        )
        np.testing.assert_array_equal(f(x), expected)
