"""A compiled model refuses what it was not compiled for, in words of ours; and a batch is padded."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv


class Net(nnx.Module):
    """Of whole numbers, so that a batch of another size gives the same bits."""

    def __init__(self):
        self.conv = jaxconv.Conv2d(2, 3, 3, padding=1, rngs=nnx.Rngs(0))
        weight = np.random.default_rng(0).integers(-3, 4, (3, 2, 3, 3)).astype(np.float32)
        self.conv = jaxconv.load_state_dict(self.conv, {"weight": weight, "bias": np.arange(3.0)})

    def __call__(self, x, more=None):
        y = self.conv(x)
        return y if more is None else {"y": y, "sum": y.sum((1, 2, 3)) + more["shift"]}


X = np.random.default_rng(1).integers(-4, 5, (5, 2, 6, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def fixed():
    return jaxconv.compile(Net(), X)


@pytest.fixture(scope="module")
def batched():
    return jaxconv.compile(Net(), X[:1], batch_sizes=[4, 1])


REFUSED = {
    "torch": ((torch.ones(5, 2, 6, 6),), TypeError, r"`inputs\[0\]` must be an array of JAX or NumPy, got a torch.Tensor: give `tensor.numpy\(\)`"),
    "shape": ((X[:, :, 1:],), ValueError, r"`inputs\[0\]` has the shape \(5, 2, 5, 6\); this model was compiled for \(5, 2, 6, 6\). Compile it for the other shape, too, or give `batch_sizes`"),
    "dtype": ((X.astype(np.float16),), TypeError, r"`inputs\[0\]` has the dtype float16; this model was compiled for float32. Cast it: x.astype\('float32'\)"),
    "JAX's dtype": ((jnp.ones(X.shape, jnp.int32),), TypeError, "has the dtype int32"),
    "float64": ((X.astype(np.float64),), TypeError, "has the dtype float64"),
    "number": ((1.0,), TypeError, r"`inputs\[0\]` must be an array of shape \(5, 2, 6, 6\) and dtype float32, got 1.0 of type float"),
    "key": ((jax.random.key(0),), TypeError, r"`inputs\[0\]` must be an array of numbers, got a JAX random key"),
    "text": (("x",), TypeError, "got 'x' of type str"),
    "two": ((X, X), TypeError, "the compiled model takes 1 input, got 2"),
    "none": ((), TypeError, "the compiled model takes 1 input, got 0"),
    "list": (([X],), TypeError, "the inputs have the structure .*; this model was compiled for "),
    "dates": ((np.zeros(X.shape, "M8[s]"),), TypeError, "has the dtype datetime64"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("example", "text"),
    [
        (torch.ones(5, 2, 6, 6, requires_grad=True), r"give `tensor.detach\(\).numpy\(\)`"),
        (jax.random.key(0), "a JAX random key"),
    ],
)
def test_examples_that_are_no_arrays_of_numbers_are_refused_by_name(example, text):
    with pytest.raises(TypeError, match=rf"`inputs\[0\]` must be an array .*{text}"):
        jaxconv.compile(Net(), example)


def test_what_is_printed_says_what_goes_in_and_comes_out(fixed, batched, tmp_path):
    lines = ["inputs[0]: float32 (5, 2, 6, 6)", "result: float32 (5, 3, 6, 6)"]
    assert repr(fixed) == "\n  ".join(["Compiled (Net)", *lines])
    fixed.save(tmp_path / "net")
    loaded = jaxconv.load_compiled(tmp_path / "net", trust=True)
    assert repr(loaded) == "\n  ".join(["Compiled (from a file)", *lines])
    assert repr(batched).splitlines()[1:] == [
        "  inputs[0]: float32 (N, 2, 6, 6)",
        "  result: float32 (N, 3, 6, 6)",
        "  N up to 4, with a program for N = 1, 4",
    ]


@pytest.mark.parametrize("case", REFUSED)
def test_other_inputs_are_refused(case, fixed):
    inputs, kind, text = REFUSED[case]
    with pytest.raises(kind, match=text):
        fixed(*inputs)


def test_jaxs_and_numpys_arrays_are_taken(fixed):
    expected = np.asarray(Net()(X))
    for x in (X, jnp.asarray(X), X[::-1][::-1]):
        np.testing.assert_array_equal(fixed(x), expected)


def test_float64_is_taken_where_jax_makes_it_float32():
    with jax.enable_x64(False):
        compiled = jaxconv.compile(Net(), X)
        np.testing.assert_array_equal(compiled(X.astype(np.float64)), compiled(X))


def test_a_call_inside_a_transformation_is_refused(fixed):
    for transformed in (jax.jit(fixed), jax.grad(lambda x: fixed(x).sum()), jax.vmap(fixed)):
        with pytest.raises(
            TypeError, match="is traced: a compiled model cannot be part of another JAX program"
        ):
            transformed(X)


def test_numbers_are_taken_where_the_example_is_one():
    class Scaled(nnx.Module):
        def __call__(self, x, factor):
            return x * factor

    compiled = jaxconv.compile(Scaled(), X, 2.0)
    np.testing.assert_array_equal(compiled(X, 3.0), X * 3)
    with pytest.raises(TypeError, match=r"`inputs\[1\]` has the dtype int"):
        compiled(X, 3)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_a_batch_is_padded_to_the_next_size(n, batched):
    assert batched.batch_sizes == (1, 4)
    for x in (X[:n], jnp.asarray(X[:n])):
        y = batched(x)
        assert isinstance(y, jax.Array)
        np.testing.assert_array_equal(y, np.asarray(Net()(X))[:n])


def test_what_does_not_fit_a_batch_is_refused(batched):
    with pytest.raises(
        ValueError, match=r"holds 5 samples; the largest of `batch_sizes` is 4. Split the batch"
    ):
        batched(X)
    with pytest.raises(
        ValueError, match=r"shape \(2, 6, 6\); this model was compiled for \(N, 2, 6, 6\) with N up to 4"
    ):
        batched(X[0])
    with pytest.raises(ValueError, match=r"shape \(1, 2, 5, 6\); this model was"):
        batched(X[:1, :, 1:])


def test_several_inputs_and_results_have_the_batch_in_common():
    shift = np.arange(5, dtype=np.float32)
    compiled = jaxconv.compile(Net(), X, {"shift": shift}, batch_sizes=(2, 8))
    expected = Net()(X, {"shift": shift})
    for n in (1, 2, 5):
        found = compiled(X[:n], {"shift": shift[:n]})
        assert {*found} == {"y", "sum"}
        for name, array in found.items():
            np.testing.assert_array_equal(array, np.asarray(expected[name])[:n])
    with pytest.raises(ValueError, match=r"`inputs\[1\]\['shift'\]` holds 2 samples and `inputs\[0\]` 5"):
        compiled(X, {"shift": shift[:2]})


def test_threads_may_share_a_model(batched):
    expected, found = np.asarray(Net()(X)), {}

    def call(i):
        found[i] = [np.asarray(batched(X[i : i + n])) for n in (1, 2, 1, 2)]

    threads = [threading.Thread(target=call, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(4):
        for n, y in zip((1, 2, 1, 2), found[i], strict=True):
            np.testing.assert_array_equal(y, expected[i : i + n])
