"""Embedding and EmbeddingBag of both fronts beside torch's modules."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx

import jaxconv

IDS = np.array([[0, 2, 2, 5], [5, 1, 2, 0]])
NAMES = ["Embedding", "EmbeddingBag"]


def loaded(name, theirs, **options):
    layer = getattr(jaxconv, name)(6, 3, **options, rngs=nnx.Rngs(0))
    return jaxconv.load_state_dict(layer, theirs.state_dict())


@pytest.mark.parametrize("name", NAMES)
def test_max_norm_scales_the_parameter_as_torch_does(name):
    theirs = getattr(torch.nn, name)(6, 3, max_norm=1.0)
    before = theirs.weight.detach().numpy().copy()
    ours = loaded(name, theirs, max_norm=1.0)
    thin = getattr(jaxconv.linen, name)(6, 3, max_norm=1.0)
    variables = jaxconv.load_state_dict(thin.init(jax.random.key(0), IDS), theirs.state_dict())
    theirs(torch.from_numpy(IDS)).sum().backward()

    gradient = nnx.grad(lambda m: m(IDS).sum())(ours)
    after, want = np.asarray(ours.weight[...]), theirs.weight.detach().numpy()
    np.testing.assert_array_max_ulp(after, want, 4)  # three elements are squared, added and divided
    assert (after[3:5] == before[3:5]).all() and (after[:3] != before[:3]).any()
    np.testing.assert_array_max_ulp(np.asarray(gradient.weight[...]), theirs.weight.grad.numpy(), 4)

    output, changed = thin.apply(variables, IDS, mutable=["params"])
    np.testing.assert_array_equal(changed["params"]["weight"], after)
    np.testing.assert_array_equal(thin.apply(variables, IDS), output)  # scaled in the call alone
    compiled = loaded(name, theirs, max_norm=1.0)
    nnx.jit(lambda m: m(IDS))(compiled)
    assert (compiled.weight[...] == loaded(name, theirs).weight[...]).all()


@pytest.mark.parametrize("name", NAMES)
def test_from_pretrained(name):
    table = np.arange(18, dtype=np.float32).reshape(6, 3)
    theirs = getattr(torch.nn, name).from_pretrained(torch.from_numpy(table), padding_idx=2)
    ours = getattr(jaxconv, name).from_pretrained(table, padding_idx=2)
    np.testing.assert_array_equal(ours(IDS), theirs(torch.from_numpy(IDS)).numpy())
    assert isinstance(ours.weight, jaxconv.FrozenParam) and not theirs.weight.requires_grad
    assert (ours.num_embeddings, ours.embedding_dim, ours.padding_idx) == (6, 3, 2)
    free = getattr(jaxconv, name).from_pretrained(table.astype(np.float16), freeze=False)
    assert isinstance(free.weight, nnx.Param) and free.weight.dtype == jnp.float16
    with pytest.raises(
        ValueError, match=r"`embeddings` is expected to be 2-dimensional, but got shape \(3,\)"
    ):
        getattr(jaxconv, name).from_pretrained(table[0])


@pytest.mark.parametrize("name", NAMES)
def test_the_padding_stays_zero(name):
    layer = getattr(jaxconv, name)(6, 3, padding_idx=-4, rngs=nnx.Rngs(0))
    assert layer.padding_idx == 2 and not layer.weight[2].any() and layer.weight[1].all()
    optimizer = nnx.Optimizer(layer, optax.sgd(0.1), wrt=nnx.Param)
    optimizer.update(layer, nnx.grad(lambda m: m(IDS).sum())(layer))
    assert not layer.weight[2].any()
    own = getattr(jaxconv, name)(6, 3, padding_idx=2, weight_init=jax.nn.initializers.ones, rngs=nnx.Rngs(0))
    assert own.weight[2].all()


def test_dtypes():
    layer = jaxconv.Embedding(6, 3, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    assert layer.weight.dtype == jnp.float32 and layer(IDS).dtype == jnp.bfloat16
    layer = jaxconv.EmbeddingBag(6, 3, mode="sum", param_dtype=jnp.float16, rngs=nnx.Rngs(0))
    assert layer(IDS).dtype == jnp.float16
    assert layer(IDS, per_sample_weights=np.ones(IDS.shape, np.float32)).dtype == jnp.float32


BAD = {
    "num_embeddings": (lambda m, n: getattr(m, n)(-1, 3), ValueError, r"`num_embeddings` \(=-1\) must be non-negative"),
    "embedding_dim": (lambda m, n: getattr(m, n)(6, 3.0), TypeError, "`embedding_dim` must be an int"),
    "padding_idx": (lambda m, n: getattr(m, n)(6, 3, padding_idx=-7), ValueError, r"`padding_idx` \(=-7\) must be within num_embeddings \(=6\)"),
    "max_norm": (lambda m, n: getattr(m, n)(6, 3, max_norm=True), TypeError, "`max_norm` must be a number"),
    "norm_type": (lambda m, n: getattr(m, n)(6, 3, norm_type="2"), TypeError, "`norm_type` must be a number"),
    "sparse": (lambda m, n: getattr(m, n)(6, 3, sparse=True), ValueError, "JAX has no sparse gradients"),
    "bias_init": (lambda m, n: getattr(m, n)(6, 3, bias_init=jnp.zeros), TypeError, "Embedding.* has no bias: leave out `bias_init`"),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("front", [jaxconv.nn, jaxconv.linen])
@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_refused_at_construction(front, name, row):
    make, error, message = row
    with pytest.raises(error, match=message):
        make(front, name)


@pytest.mark.parametrize("front", [jaxconv.nn, jaxconv.linen])
def test_a_bag_of_an_unknown_mode_is_refused(front):
    with pytest.raises(ValueError, match=r"`mode` \(='product'\) has to be one of"):
        front.EmbeddingBag(6, 3, mode="product")
