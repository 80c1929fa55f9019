"""Linen modules take what NNX modules take: modes in Sequential, `explain`, `fuse_conv_bn`, `compile`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen as nn
from flax import nnx

import jaxconv
from jaxconv import linen as ours
from jaxconv._linen_inference import Inference

rng = np.random.default_rng(0)
X = rng.standard_normal((2, 4, 6, 5)).astype(np.float32)


def layers(front, options):
    """A Sequential of `front` (torch.nn, jaxconv or jaxconv.linen)."""
    return front.Sequential(
        front.Conv2d(4, 6, 3, bias=False, **options),
        front.BatchNorm2d(6, eps=0.1),
        front.ReLU(),
        front.Sequential(
            front.ConvTranspose2d(6, 4, 2, groups=2, **options), front.BatchNorm2d(4, affine=False)
        ),
        front.Dropout(0.5),
        front.Conv2d(4, 3, 1, **options),
    )


class Named(nn.Module):
    """Layers by name, and a mode that is not given to them."""

    @nn.compact
    def __call__(self, x):
        x = ours.BatchNorm2d(6, name="bn")(ours.Conv2d(4, 6, 1, bias=False, name="conv")(x))
        return ours.BatchNorm1d(3, name="norm")(ours.Linear(6, 3, name="fc")(x.mean((2, 3))))


def trained(theirs):
    """torch's network in evaluation mode, with statistics and weights that matter."""
    with torch.no_grad():
        for name, tensor in theirs.state_dict().items():
            if tensor.is_floating_point():
                low, high = (0.5, 2) if "var" in name else (-1, 1)
                tensor.copy_(torch.from_numpy(rng.uniform(low, high, tensor.shape)))
    return theirs.eval()


@pytest.fixture(scope="module")
def theirs():
    return trained(layers(torch.nn, {}))


@pytest.fixture(scope="module")
def model(theirs):
    module = layers(ours, {})
    variables = module.init(jax.random.key(0), X, use_running_average=True, deterministic=True)
    return module, jaxconv.load_state_dict(variables, theirs.state_dict())


def test_modes_go_through_sequential_to_those_that_have_them(model, theirs):
    module, variables = model
    twin = jaxconv.load_state_dict(layers(jaxconv, {"rngs": nnx.Rngs(0)}), theirs.state_dict())
    want = twin(X, use_running_average=True, deterministic=True)
    np.testing.assert_array_equal(
        module.apply(variables, X, use_running_average=True, deterministic=True), want
    )
    twin.eval()
    np.testing.assert_array_equal(twin(X), want)
    options = dict(use_running_average=False, deterministic=True)
    _, changed = module.apply(variables, X, **options, mutable=["batch_stats"])
    assert (
        changed["batch_stats"]["1"]["num_batches_tracked"]
        == changed["batch_stats"]["3"]["1"]["num_batches_tracked"]
        == 1
    )
    fixed = ours.Sequential(ours.BatchNorm2d(4, use_running_average=True), jax.nn.relu, nn.BatchNorm())
    stats = fixed.init(jax.random.key(0), X, use_running_average=True)
    _, changed = fixed.apply(stats, X, use_running_average=False, mutable=["batch_stats"])
    assert changed["batch_stats"]["0"]["num_batches_tracked"] == 0, "the constructor's mode stays"
    assert changed["batch_stats"]["2"]["mean"].any(), "Flax's own layers have the mode, too"
    with pytest.raises(Exception, match="use_running_average"):
        module.apply(variables, X, deterministic=True)


def test_explain_takes_a_pair(model):
    evaluated = jaxconv.explain(model, X, use_running_average=True, deterministic=True)
    assert [c.layer for c in evaluated.convolutions] == ["0", "3.0", "5"]
    with pytest.raises(
        TypeError, match=r"NNX module, a pair \(Linen module, variables\) or a function, got dict"
    ):
        jaxconv.explain(model[1], X)


def test_the_fused_pair_is_the_nnx_twins(model, theirs):
    twin = jaxconv.load_state_dict(layers(jaxconv, {"rngs": nnx.Rngs(0)}), theirs.state_dict())
    twin.eval()
    twin = jaxconv.fuse_conv_bn(twin)
    before = jax.tree.map(jnp.copy, model[1])
    module, variables = jaxconv.fuse_conv_bn(model, inputs=(jax.ShapeDtypeStruct(X.shape, X.dtype),))
    ours_now, theirs_now = jaxconv.state_dict(variables), jaxconv.state_dict(twin)
    assert (
        {*ours_now} == {*theirs_now} == {"0.weight", "0.bias", "3.0.weight", "3.0.bias", "5.weight", "5.bias"}
    )
    for name, value in theirs_now.items():
        np.testing.assert_array_equal(ours_now[name], value)
    np.testing.assert_array_equal(module.apply(variables, X), twin(X))
    np.testing.assert_array_equal(module.apply(variables, X[0]), twin(X[0]))
    jax.tree.map(np.testing.assert_array_equal, model[1], before)


def test_pairs_in_any_module_and_compile(theirs):
    twin = torch.nn.ModuleDict(
        dict(conv=torch.nn.Conv2d(4, 6, 1, bias=False), bn=torch.nn.BatchNorm2d(6))
        | dict(fc=torch.nn.Linear(6, 3), norm=torch.nn.BatchNorm1d(3))
    )
    trained(twin)
    module = Named()
    variables = Inference(module).init(jax.random.key(0), X)
    variables = jaxconv.load_state_dict(variables, twin.state_dict())
    want = Inference(module).apply(variables, X)
    pairs = [("conv", "bn"), ("fc", "norm")]
    fused, folded = jaxconv.fuse_conv_bn((module, variables), pairs, inputs=(X,))
    assert {*jaxconv.state_dict(folded)} == {"conv.weight", "conv.bias", "fc.weight", "fc.bias"}
    got = fused.apply(folded, X)
    # Folding moves roundings: a sum of 4 products of each weight, of 30 positions, and of 6 products.
    allowed = 4 * (4 + 30 + 6) * np.finfo(np.float32).eps * np.abs(want).max()
    assert np.abs(got - want).max() <= allowed and not np.array_equal(
        folded["params"]["fc"]["weight"], variables["params"]["fc"]["weight"]
    )
    compiled = jaxconv.compile((module, variables), X, pairs=pairs)
    assert np.abs(compiled(X) - want).max() <= allowed and "batch_stats" not in compiled.model[1]
    plain = jaxconv.compile((module, variables), X)
    assert np.abs(plain(X) - want).max() <= allowed and "batch_stats" in plain.model[1]


def test_compile_evaluates_and_folds_as_for_nnx(model, theirs):
    compiled = jaxconv.compile(model, X)
    assert not any("running" in name for name in jaxconv.state_dict(compiled.model[1]))
    np.testing.assert_array_equal(compiled(X), jax.jit(compiled.model[0].apply)(compiled.model[1], X))


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("conv", "nothing")], "the model has no module 'nothing'; it has 'conv', 'bn', 'fc', 'norm'"),
        ([("conv", "bn"), ("conv", "norm")], "names 'conv' more than once"),
        ([("bn", "conv")], "'bn' must be a Conv, ConvTranspose or Linear, got BatchNorm2d"),
        ([("conv", "fc")], "'fc' must be a BatchNorm, got Linear"),
        ([("conv", "norm")], "'norm' is for 3 channels, but 'conv' has 6 channels of output"),
        (None, "found no layer with a BatchNorm after it in a Sequential"),
    ],
)
def test_what_is_refused(pairs, message):
    module = Named()
    variables = Inference(module).init(jax.random.key(0), X)
    with pytest.raises((ValueError, TypeError), match=message):
        jaxconv.fuse_conv_bn((module, variables), pairs, inputs=(X,))


def test_what_cannot_be_folded():
    for options, message in (
        (dict(use_running_average=False), "Fusion only for eval! '1' is in training mode"),
        (dict(track_running_stats=False), "'1' has no running statistics"),
    ):
        module = ours.Sequential(ours.Conv2d(4, 6, 1), ours.BatchNorm2d(6, **options))
        variables = Inference(module).init(jax.random.key(0), X)
        with pytest.raises(ValueError, match=message):
            jaxconv.fuse_conv_bn((module, variables), [("0", "1")], inputs=(X,))
    twice = ours.Conv2d(4, 4, 1)
    module = ours.Sequential(twice, ours.BatchNorm2d(4), twice)
    variables = Inference(module).init(jax.random.key(0), X)
    with pytest.raises(ValueError, match="found no layer"):
        jaxconv.fuse_conv_bn((module, variables), inputs=(X,))
    with pytest.raises(ValueError, match="the module '0' is in the model at more than one place"):
        jaxconv.fuse_conv_bn((module, variables), [("0", "1")], inputs=(X,))
    with pytest.raises(TypeError, match="a Linen module needs example `inputs`"):
        jaxconv.fuse_conv_bn((module, variables))
    with pytest.raises(TypeError, match="`inputs` are only for a Linen module"):
        jaxconv.fuse_conv_bn(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), inputs=(X,))
