"""embedding, embedding_bag and embedding_renorm beside torch's, beyond torch's own samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from oracle import Sample, check, check_samples

from jaxconv import functional as F

rng = np.random.default_rng(0)
W = rng.standard_normal((6, 3)).astype(np.float32)
IDS = np.array([[0, 2, 2, 5], [5, 1, 2, 0]])


def both(name, arrays, **options):
    return Sample(
        lambda weight, **a: getattr(torch.nn.functional, name)(weight=weight.clone(), **a, **options),
        lambda **a: getattr(F, name)(**a, **options),
        arrays,
        about=str(options),
    )


def test_embedding_equals_torch():
    options = [
        {},
        dict(padding_idx=2),
        dict(padding_idx=-1),
        dict(scale_grad_by_freq=True),
        dict(scale_grad_by_freq=True, padding_idx=2),
        *(dict(max_norm=0.7, norm_type=p) for p in (1.0, 2.0, 3.5, float("inf"), 0.0)),
    ]
    samples = [both("embedding", {"input": IDS, "weight": W}, **o) for o in options]
    samples += [
        both("embedding", {"input": ids, "weight": W}) for ids in (IDS[0, 0], IDS[:, :0], IDS.astype("i4"))
    ]
    # torch has no gradient of complex tables.
    samples += [
        both("embedding", {"input": IDS, "weight": W.astype(np.complex64)}, padding_idx=2)._replace(wrt=())
    ]
    assert all(check_samples(samples, rng))


def test_embedding_bag_equals_torch():
    flat, offsets, factors = (
        IDS.reshape(-1),
        np.array([0, 3, 3, 6]),
        rng.standard_normal(8).astype(np.float32),
    )
    samples, ends = [], np.array([0, 3, 3, 8])
    for mode in ("sum", "mean", "max"):
        for padding in (None, 2, -1):
            options = dict(mode=mode, padding_idx=padding)
            samples += [
                both("embedding_bag", {"input": IDS, "weight": W}, **options),
                both("embedding_bag", {"input": flat, "weight": W, "offsets": offsets}, **options),
                both("embedding_bag", {"input": flat, "weight": W, "offsets": ends}, include_last_offset=True, **options),
            ]  # fmt: skip
        if mode != "max":  # which of rounded rows is the greatest, no bound tells
            samples.append(both("embedding_bag", {"input": IDS, "weight": W}, mode=mode, max_norm=0.7))
        samples.append(both("embedding_bag", {"input": IDS[:0], "weight": W}, mode=mode))
    weighted = {"input": flat, "weight": W, "offsets": offsets, "per_sample_weights": factors}
    samples += [both("embedding_bag", weighted, mode="sum", padding_idx=padding) for padding in (None, 2)]
    assert all(check_samples(samples, rng))


def test_of_equal_elements_the_first_gets_the_gradient():
    ones = np.ones((3, 2), np.float32)
    assert check_samples(
        [both("embedding_bag", {"input": np.array([[2, 0, 1]]), "weight": ones}, mode="max")], rng
    )[0]


@pytest.mark.parametrize("p", [1.0, 2.0, float("inf")])
def test_renorm_is_torchs_on_a_new_table(p):
    def torch_renorm(weight):
        return torch.embedding_renorm_(weight.detach().clone(), torch.from_numpy(IDS), 0.7, p)

    def ours(weight):
        return F.embedding_renorm(weight, IDS, 0.7, p)

    assert check(torch_renorm, ours, {"weight": W}, gradients=False, rng=rng)
    got = np.asarray(ours(W))
    assert (got[3:5] == W[3:5]).all() and (got[:3] != W[:3]).any()
    assert not jax.grad(lambda w: ours(w).sum())(W).any()
    np.testing.assert_array_equal(F.embedding(IDS, W, max_norm=0.7, norm_type=p), got[IDS])


def test_gradients_are_added_up_in_float32():
    # In bfloat16 a sum of ones stagnates at 256.
    ids, table = np.zeros(4096, int), jnp.ones((2, 1), jnp.bfloat16)
    for function in (
        lambda w: F.embedding(ids, w).sum(dtype=jnp.float32),
        lambda w: F.embedding_bag(ids, w, np.zeros(1, int), mode="sum").sum(),
    ):
        np.testing.assert_array_equal(jax.grad(function)(table), [[4096], [0]])


@pytest.mark.share(2)
@pytest.mark.parametrize("wrap", [jax.jit, jax.checkpoint, lambda f: lambda w: jax.vmap(f)(w[None])[0]])
@pytest.mark.parametrize("name", ["embedding", "embedding_bag"])
def test_under_transformations(name, wrap):
    def function(w):
        return getattr(F, name)(IDS, w, padding_idx=2, scale_grad_by_freq=True)

    tangent = rng.integers(-4, 5, W.shape).astype(np.float32)
    want, got = jax.vjp(function, W), jax.vjp(wrap(function), W)
    np.testing.assert_array_equal(got[0], want[0])
    ct = rng.integers(-4, 5, want[0].shape).astype(np.float32)
    np.testing.assert_array_equal(got[1](ct)[0], want[1](ct)[0])
    np.testing.assert_array_equal(
        jax.jvp(wrap(function), (W,), (tangent,))[1], jax.jvp(function, (W,), (tangent,))[1]
    )


def test_a_batch_of_any_size_is_exported():
    shape = jax.ShapeDtypeStruct(jax.export.symbolic_shape("n, 4"), jnp.int64)
    for function in (F.embedding, F.embedding_bag):
        exported = jax.export.export(jax.jit(lambda ids, f=function: f(ids, jnp.asarray(W))))(shape)
        np.testing.assert_array_equal(exported.call(IDS), jax.jit(function)(IDS, W))


BAD = {
    "float indices": (lambda: F.embedding(W, W), TypeError, "embedding: `input` must be indices of dtype int64 or int32, but got float32"),
    "rank": (lambda: F.embedding(IDS, W[0]), ValueError, r"`weight` must be 2-D, \(num_embeddings, embedding_dim\), but got shape \(3,\)"),
    "padding_idx": (lambda: F.embedding(IDS, W, 6), ValueError, r"`padding_idx` \(=6\) must be within num_embeddings \(=6\)"),
    "padding type": (lambda: F.embedding(IDS, W, 1.0), TypeError, "`padding_idx` must be an int"),
    "max_norm": (lambda: F.embedding(IDS, W, max_norm="1"), TypeError, "`max_norm` must be a number"),
    "sparse": (lambda: F.embedding(IDS, W, sparse=True), ValueError, r"`sparse` \(=True\): JAX has no sparse gradients. Leave it False"),
    "integers": (lambda: F.embedding(IDS, W.astype(int), max_norm=1.0), TypeError, '"embedding_renorm" is not implemented for dtype int64'),
    "mode": (lambda: F.embedding_bag(IDS, W, mode="product"), ValueError, r"`mode` \(='product'\) has to be one of 'sum', 'mean' or 'max'"),
    "frequency": (lambda: F.embedding_bag(IDS, W, scale_grad_by_freq=True, mode="max"), ValueError, "max mode does not support scaling"),
    "no offsets": (lambda: F.embedding_bag(IDS[0], W), ValueError, "`offsets` must be a 1-D array"),
    "offsets": (lambda: F.embedding_bag(IDS, W, np.array([0])), ValueError, "`offsets` must be None for"),
    "offsets' rank": (lambda: F.embedding_bag(IDS[0], W, IDS), ValueError, "`offsets` has to be 1-D"),
    "offsets' start": (lambda: F.embedding_bag(IDS[0], W, np.array([1])), ValueError, "`offsets` must start at 0 and not exceed the 4 indices"),
    "offsets' end": (lambda: F.embedding_bag(IDS[0], W, np.array([0, 5])), ValueError, "but go from 0 to 5"),
    "bag's rank": (lambda: F.embedding_bag(IDS[None], W), ValueError, r"`input` has to be 1-D or 2-D, but got shape \(1, 2, 4\)"),
    "factors": (lambda: F.embedding_bag(IDS, W, per_sample_weights=W, mode="sum"), ValueError, "`per_sample_weights` of shape"),
    "factors' mode": (lambda: F.embedding_bag(IDS, W, per_sample_weights=IDS.astype("f4")), ValueError, "only supported for mode='sum'"),
    "factors' dtype": (lambda: F.embedding_bag(IDS, W, per_sample_weights=IDS.astype("f8"), mode="sum"), TypeError, "per_sample_weights: float64"),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_refusals(row):
    call, error, message = row
    with pytest.raises(error, match=message):
        call()
