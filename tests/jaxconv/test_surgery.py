"""Selecting and changing parameters: selectors by brute force, purity by identity, the docs against torch."""

import inspect
import itertools
import math
import re
import zlib
from pathlib import Path

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import jaxconv
from jaxconv import init, surgery
from jaxconv._tree import named_leaves

pytestmark = pytest.mark.share(2)

DOCS = (Path(__file__).parents[2] / "docs" / "surgery.md").read_text(encoding="utf-8")
KEY = jax.random.key(3)
rng = np.random.default_rng(5)
FILLERS = ("zeros", "ones", "constant", "uniform", "normal", "trunc_normal", "eye", "dirac", "xavier_uniform")
FILLERS += ("xavier_normal", "kaiming_uniform", "kaiming_normal", "orthogonal", "sparse")
RANDOM = [name for name in FILLERS if name not in ("zeros", "ones", "constant", "eye", "dirac")]


def array(*shape, dtype=np.float32):
    return jnp.asarray(rng.standard_normal(shape).astype(dtype))


class Conv(nnx.Module):
    def __init__(self, *shape):
        self.weight = nnx.Param(array(*shape), out_sharding=(None,) * len(shape), eager_sharding=False)
        self.bias = nnx.Param(array(shape[0], dtype=np.float16))


class Block(nnx.Module):
    def __init__(self):
        self.conv = Conv(4, 3, 2, 2)
        self.norm = Conv(5)
        self.mean = nnx.BatchStat(array(4))


class Net(nnx.Module):
    def __init__(self):
        self.stem = Conv(4, 2, 3)
        self.block = Block()
        self.scale = nnx.Param(array())


class LinenNet(linen.Module):
    @linen.compact
    def __call__(self, x):
        boxed = linen.with_partitioning(linen.initializers.normal(), ("in", None))
        return linen.BatchNorm(use_running_average=False)(linen.Dense(4, kernel_init=boxed)(x))


def nested():
    return {
        "stem": {"weight": array(4, 2, 3), "bias": array(4)},
        "block": {"conv": {"weight": array(4, 3, 2, 2)}},
    }


TREES = {
    "module": Net,
    "state": lambda: nnx.state(Net()),
    "linen": lambda: LinenNet().init(KEY, jnp.ones((2, 3))),
    "dict": nested,
    "numpy": lambda: jax.tree.map(np.array, nested()),
}


@pytest.fixture(params=TREES)
def tree(request):
    return TREES[request.param]()


# Selectors


def test_selectors():
    net = Net()
    assert list(named_leaves(net)) == [
        "scale",
        "stem.weight",
        "stem.bias",
        "block.mean",
        "block.conv.weight",
        "block.conv.bias",
        "block.norm.weight",
        "block.norm.bias",
    ]
    for selector, expected in {
        "stem.weight": ["stem.weight"],
        "scale": ["scale"],
        "stem.*": ["stem.weight", "stem.bias"],
        "block.mean": ["block.mean"],
        "block.*.bias": ["block.conv.bias", "block.norm.bias"],
        "block.[cx]onv.*": ["block.conv.weight", "block.conv.bias"],
        "block.[!c]*.b?as": ["block.norm.bias"],
        "**.weight": ["stem.weight", "block.conv.weight", "block.norm.weight"],
        "block.**": [n for n in named_leaves(net) if n.startswith("block.") and n != "block.mean"],
        "**": [n for n in named_leaves(net) if n != "block.mean"],
        "*lock.**": [n for n in named_leaves(net) if n.startswith("block.") and n != "block.mean"],
        Conv: [n for n in named_leaves(net) if n.endswith(("weight", "bias"))],
        (Conv, "scale"): [n for n in named_leaves(net) if n != "block.mean"],
        Block: [n for n in named_leaves(net) if n.startswith("block.") and n != "block.mean"],
        "*": ["scale"],
        "**.conv.**": ["block.conv.weight", "block.conv.bias"],
        lambda name, w: w.ndim == 0 or name.endswith("mean"): ["scale"],
        ("**.bias", "stem.*"): ["stem.weight", "stem.bias", "block.conv.bias", "block.norm.bias"],
        ("scale", ("stem.bias", lambda name, w: w.ndim == 4)): ["scale", "stem.bias", "block.conv.weight"],
    }.items():
        selected = surgery.select(net, selector, count=len(expected))
        assert list(selected) == expected, selector
        assert all(selected[name] is named_leaves(net)[name] for name in expected)


def test_buffers_are_selected_by_their_exact_name_or_on_demand():
    net = Net()
    assert list(surgery.select(net, "**", buffers=True)) == list(named_leaves(net))
    assert list(surgery.select(net, "block.*", buffers=True)) == ["block.mean"]
    assert next(iter(surgery.select(net, Block, buffers=True, count=5))) == "block.mean"
    assert list(surgery.select(net, lambda name, w: True, buffers=True)) == list(named_leaves(net))
    assert list(surgery.select(net, surgery.select(net, "block.mean"))) == ["block.mean"]
    assert (surgery.ones(net, "block.*", buffers=True).block.mean[...] == 1).all()
    assert (surgery.update(net, "**", jnp.zeros_like, buffers=True).block.mean[...] == 0).all()
    before = np.array(net.block.mean[...])
    np.testing.assert_array_equal(surgery.update(net, "**", jnp.zeros_like).block.mean[...], before)
    for call in (surgery.select, surgery.zeros):
        with pytest.raises(
            ValueError,
            match=r"selector 'block\.\*' matches buffers only, no parameter: 'block\.mean'; pass `buf",
        ):
            call(net, ["scale", "block.*"])


def test_each_kind_of_tree_tells_buffers_as_far_as_it_can():
    model = nnx.Dict(bn=jaxconv.BatchNorm2d(2), at=nnx.Variable(jnp.ones(1)))
    linen_model = jaxconv.linen.BatchNorm2d(2, use_running_average=True)
    for tree, parameters in {
        "module": (model, ["bn.weight", "bn.bias"]),
        "state": (nnx.state(model), ["bn.weight", "bn.bias"]),
        "linen": (linen_model.init(KEY, jnp.ones((1, 2, 3, 3))), ["weight", "bias"]),
        "state_dict": (jaxconv.state_dict(model.bn), ["weight", "bias"]),
        "nested": ({"bn": dict(jaxconv.state_dict(model.bn))}, ["bn.weight", "bn.bias"]),
    }.values():
        assert list(surgery.select(tree, "**")) == parameters
        assert len(surgery.select(tree, "**", buffers=True)) > len(parameters) + 2
        if not isinstance(tree, nnx.Module):
            with pytest.raises(TypeError, match=r"has the names of parameters, but not the classes"):
                surgery.select(tree, jaxconv.BatchNorm2d)


def test_layers_are_selected_by_their_class():
    model = OurCNN()
    weights = ["conv1.weight", "conv2.weight", "tied.weight"]
    assert list(surgery.select(model, layer=jaxconv.Conv2d, name="weight")) == weights
    both = surgery.select(model, layer=(jaxconv.Conv2d, jaxconv.BatchNorm2d), name="[wb]*", count=8)
    assert list(both)[:4] == ["conv1.weight", "conv1.bias", "bn.weight", "bn.bias"]
    assert list(surgery.select(model, layer=jaxconv.BatchNorm2d, name="running_mean")) == ["bn.running_mean"]
    assert list(surgery.select(model, layer=nnx.Module, count=9)) == list(surgery.select(model, "**"))
    for arguments in ({}, {"selector": "**", "layer": Conv}, {"selector": "**", "name": "weight"}):
        with pytest.raises(TypeError, match="give either a `selector`, or `layer`"):
            surgery.select(model, **arguments)
    with pytest.raises(
        ValueError, match=r"no layer .* is a Linear \(its layers are BatchNorm2d, Conv2d, OurCNN\)"
    ):
        surgery.zeros(model, jaxconv.Linear)
    with pytest.raises(ValueError, match=r"selector layer=Conv2d, name='wait' matches nothing"):
        surgery.select(model, layer=jaxconv.Conv2d, name="wait")
    with pytest.raises(
        ValueError, match=r"selector layer=Conv2d or Linear matches 6 name\(s\), not `count` \(=1\)"
    ):
        surgery.select(model, layer=(jaxconv.Conv2d, jaxconv.Linear), count=1)


def test_layers_of_a_converted_network_are_selected_by_either_class():
    model = jaxconv.from_torch(
        torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3)).eval(), torch.ones(1, 2, 4, 4)
    )
    for layer in (jaxconv.Conv2d, torch.nn.Conv2d):
        assert list(surgery.select(model, layer)) == ["0.weight", "0.bias"]
    assert list(surgery.select(model, jaxconv.BatchNorm2d)) == ["1.weight", "1.bias"]


# apply


def test_apply_is_torchs_in_torchs_order():
    visited, theirs = [], []
    model, net = OurCNN(), TorchCNN()
    new = surgery.apply(model, lambda layer: visited.append(type(layer).__name__) or layer)
    net.apply(lambda layer: theirs.append(type(layer).__name__))
    assert [name.replace("OurCNN", "TorchCNN") for name in visited] == theirs
    assert new is not model and list(named_leaves(new)) == list(named_leaves(model))
    nested = jaxconv.Sequential(jaxconv.Sequential(jaxconv.ReLU(), jaxconv.Tanh()), jaxconv.Sigmoid())
    order = []
    surgery.apply(nested, lambda layer: order.append(type(layer).__name__) or layer)
    assert order == ["ReLU", "Tanh", "Sequential", "Sigmoid", "Sequential"]


def test_apply_changes_a_new_model_and_a_parent_sees_its_children():
    model = OurCNN()
    seen = []

    def fn(layer):
        if isinstance(layer, OurCNN):
            seen.append(float(layer.conv2.weight[...].sum()))
        return surgery.ones(layer, "weight") if isinstance(layer, jaxconv.Conv2d) else layer

    new = surgery.apply(model, fn)
    assert seen == [5 * 10 * 9] and new.tied.weight is new.conv2.weight
    assert (new.conv1.weight[...] == 1).all() and not (model.conv1.weight[...] == 1).any()
    assert new.bn.weight[...] is model.bn.weight[...] or (new.bn.weight[...] == model.bn.weight[...]).all()


def test_apply_refuses_what_is_no_layer():
    model = OurCNN()
    with pytest.raises(
        TypeError, match=r"must return a Conv2d for 'conv1', .* None: end it with `return layer`"
    ):
        surgery.apply(model, lambda layer: None)
    with pytest.raises(
        TypeError,
        match=r"must return a Conv2d for 'conv1', the class that it was given, but returned a Identity",
    ):
        surgery.apply(model, lambda layer: jaxconv.Identity())
    with pytest.raises(ValueError, match=r"'weight' has shape \(10, 3, 3, 3\), got \(1, 1, 1, 1\)"):
        surgery.apply(model, lambda layer: jaxconv.Conv2d(1, 1, 1, rngs=nnx.Rngs(0)))
    with pytest.raises(ValueError, match=r"must return 'conv1' with all of its arrays; missing: 'bias'"):
        surgery.apply(model, lambda layer: jaxconv.Conv2d(3, 10, 3, bias=False, rngs=nnx.Rngs(0)))
    with pytest.raises(TypeError, match="a dict has the names of parameters, but not the classes"):
        surgery.apply({"weight": jnp.ones(1)}, lambda layer: layer)


def test_a_name_with_the_signs_of_a_glob_is_that_name():
    tree = {"a[0]": jnp.ones(1), "a0": jnp.ones(1), "*": jnp.ones(1)}
    assert list(surgery.select(tree, "a[0]")) == ["a[0]"]
    assert list(surgery.select(tree, "*")) == ["*"]
    assert len(surgery.select(tree, "**")) == 3


def brute_force(pattern, alphabet, depth, width):
    """All names the pattern means, by writing out every expansion of it."""
    segments = ["".join(s) for n in range(1, width + 1) for s in itertools.product(alphabet, repeat=n)]
    runs = ["", *segments]

    def expand(segment):
        if segment == "**":
            return {names for n in range(depth + 1) for names in itertools.product(segments, repeat=n)}
        parts = [
            runs if c == "*" else alphabet if c == "?" else c[1:-1] if c[0] == "[" else [c]
            for c in re.findall(r"\[\w+\]|.", segment)
        ]
        return {(word,) for p in itertools.product(*parts) if (word := "".join(p)) in segments}

    choices = itertools.product(*map(expand, pattern.split(".")))
    joined = {".".join(itertools.chain(*choice)) for choice in choices}
    return {name for name in joined if name and name.count(".") < depth}


SEGMENT = st.one_of(
    st.just("**"),
    st.lists(st.sampled_from(["a", "b", "*", "?", "[ab]", "[b]"]), min_size=1, max_size=3).map("".join),
)


@given(pattern=st.lists(SEGMENT, min_size=1, max_size=3).map(".".join))
@settings(max_examples=150, deadline=None)
def test_glob_is_every_expansion(pattern):
    segments = ["a", "b", "aa", "ab", "ba", "bb"]
    names = [".".join(s) for n in (1, 2) for s in itertools.product(segments, repeat=n)]
    expected = brute_force(pattern, "ab", 2, 2)
    leaves = dict.fromkeys(names, jnp.zeros(1))
    try:
        found = set(surgery.select({name: leaves[name] for name in names}, pattern))
    except ValueError as error:
        assert "matches nothing" in str(error)
        found = set()
    assert found == expected


def test_nothing_selected():
    net = Net()
    for selector, message in {
        "stem.wieght": r"selector 'stem\.wieght' matches nothing \(did you mean 'stem\.weight'.*\?\)",
        "stem": r"selector 'stem' matches nothing \(did you mean 'stem\.\*\*'\?\)",
        "stem.**.*.x": r"selector 'stem\.\*\*\.\*\.x' matches nothing",
        "head.9": r"selector 'head\.9' matches nothing \(the names are 'scale', 'stem\.weight', .*",
        ("stem.*", "hed.*"): r"selector 'hed\.\*' matches nothing",
        (): r"selector \(\) matches nothing \(the names are 'scale'",
        nobody: r"selector nobody matches nothing \(the names are 'scale'",
    }.items():
        for function in (surgery.select, surgery.zeros):
            with pytest.raises(ValueError, match=message):
                function(net, selector)
    deep = {"outc": {"conv": {"weight": jnp.zeros(1)}}}
    for selector in ("outc.*", "outc", "outc."):
        with pytest.raises(ValueError, match=r"matches nothing \(did you mean 'outc\.\*\*'\?\)"):
            surgery.zeros(deep, selector)
    many = {f"layer{i}": jnp.zeros(1) for i in range(12)}
    with pytest.raises(ValueError, match=r"'layer9' and 2 more\)$"):
        surgery.select(many, "x")
    with pytest.raises(ValueError, match=r"the names are none\)$"):
        surgery.select({}, "**")


def nobody(name, array):
    return False


def test_count():
    net = Net()
    message = (
        r"selector '\*\*\.weight' matches 3 name\(s\), not `count` \(=2\): 'stem\.weight', "
        r"'block\.conv\.weight', 'block\.norm\.weight'; narrow or widen the selector, or correct `count`"
    )
    for call in (
        lambda: surgery.select(net, "**.weight", count=2),
        lambda: surgery.update(net, "**.weight", jnp.abs, count=2),
        lambda: surgery.ones(net, "**.weight", count=2),
        lambda: surgery.normal(net, "**.weight", key=KEY, count=2),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert surgery.ones(net, "**.weight", count=3).stem.weight[...].all()


@pytest.mark.parametrize("selector", [3, [None], {"stem"}, ["stem.*", 4]])
def test_selector_of_no_kind(selector):
    with pytest.raises(
        TypeError,
        match=r"`selector` must be a name, a glob, a layer's class, a function .* got .* of type \w+",
    ):
        surgery.select(Net(), selector)


# Purity


def leaves_of(tree):
    return {name: np.array(leaf) for name, leaf in named_leaves(tree).items()}


def check_only(tree, new, names, before):
    """`tree` is what it was, and `new` shares with it all but `names`."""
    assert type(new) is type(tree) and new is not tree
    assert jax.tree.structure(new) == jax.tree.structure(tree)
    old, fresh = named_leaves(tree), named_leaves(new)
    assert list(old) == list(fresh)
    for name in old:
        np.testing.assert_array_equal(old[name], before[name])
        assert (fresh[name] is old[name]) == (name not in names), name
        assert fresh[name].shape == old[name].shape and fresh[name].dtype == old[name].dtype


def test_only_what_is_selected_changes(tree):
    before = leaves_of(tree)
    names = [name for name in before if name.endswith(("bias", "weight", "scale"))][:2]
    for new in (
        surgery.replace(tree, {name: before[name] + 1 for name in names}),
        surgery.update(tree, names, lambda w: w + 1),
        surgery.constant(tree, names, 7),
        surgery.normal(tree, names, key=KEY),
    ):
        check_only(tree, new, names, before)
        assert all((named_leaves(new)[name] != before[name]).all() for name in names)


def test_identity_shares_everything(tree):
    before = leaves_of(tree)
    check_only(tree, surgery.update(tree, "**", lambda w: w), [], before)
    check_only(tree, surgery.replace(tree, {}), [], before)


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_what_is_replaced_is_read_back(data):
    tree = TREES[data.draw(st.sampled_from(["module", "state", "linen", "dict"]))]()
    before = leaves_of(tree)
    names = data.draw(st.lists(st.sampled_from(list(before)), unique=True))
    mapping = {name: rng.standard_normal(before[name].shape).astype(before[name].dtype) for name in names}
    new = surgery.replace(tree, mapping)
    check_only(tree, new, names, before)
    for name, leaf in named_leaves(new).items():
        np.testing.assert_array_equal(leaf, mapping.get(name, before[name]))


def test_metadata_is_kept():
    new = surgery.normal(Net(), "**", key=KEY)
    assert new.stem.weight.get_metadata() == Net().stem.weight.get_metadata()
    assert isinstance(new.block.mean, nnx.BatchStat)
    variables = surgery.zeros(TREES["linen"](), "**.kernel")
    kernel = variables["params"]["Dense_0"]["kernel"]
    assert isinstance(kernel, linen.Partitioned) and kernel.names == ("in", None) and not kernel.value.any()


def test_numpy_is_copied():
    buffer = np.ones(64, np.float32)
    w = buffer[-buffer.ctypes.data % 64 // 4 :][:4]  # aligned, so that JAX could share it
    new = surgery.replace({"a": jnp.zeros(4, jnp.float32)}, {"a": w})
    same = surgery.update({"a": jnp.zeros(4, jnp.float32)}, "a", lambda _: w)
    w[:] = 9
    assert (new["a"] == 1).all() and (same["a"] == 1).all()
    assert isinstance(new["a"], jax.Array)


def test_weak_types_do_not_stay():
    weak = jnp.asarray(2.0)
    assert weak.weak_type
    tree = {"a": jnp.zeros((), weak.dtype)}
    assert not surgery.replace(tree, {"a": weak})["a"].weak_type
    assert not surgery.update(tree, "a", lambda _: weak)["a"].weak_type
    assert not surgery.replace(tree, {"a": 3.0})["a"].weak_type


# replace and update: what does not fit


def test_replace_tells_all_problems_at_once():
    net = Net()
    with pytest.raises(ValueError) as error:
        surgery.replace(
            net,
            {
                "stem.weight": np.zeros((4, 2, 3)),
                "stem.bias": np.zeros((1, 4), np.float32),
                "stem.wait": np.zeros(1),
                "block": np.zeros(1),
                "block.mean": np.zeros((), np.float32),
                "block.conv.bias": torch.zeros(4, dtype=torch.float16),
                "block.norm.bias": "text",
                "scale": np.zeros((), np.float32),
            },
        )
    assert str(error.value).split("; ") == [
        "cannot replace: 'stem.weight' has dtype float32, got float64: use .astype('float32')",
        "'stem.bias' has shape (4,), got (1, 4) and has dtype float16, got float32: use .astype('float16')",
        "no array is named 'stem.wait' (did you mean 'stem.weight' or 'stem.bias'?)",
        "no array is named 'block' (did you mean 'block.**'?)",
        "'block.mean' has shape (4,), got ()",
        "'block.conv.bias' is given a torch.Tensor: see jaxconv.load_state_dict, or pass `.detach().numpy()`",
        str(error.value).split("; ")[-1],
    ]
    assert str(error.value).split("; ")[-1].startswith("'block.norm.bias' ")


def test_replace_takes_what_becomes_the_right_array():
    tree = {"a": jnp.zeros(2, jnp.float64), "n": jnp.zeros((), jnp.int64)}
    new = surgery.replace(tree, {"a": [1.0, 2.0], "n": 3})
    assert new["a"].tolist() == [1, 2] and new["n"] == 3
    with pytest.raises(ValueError, match=r"'n' has dtype int64, got float64: use \.astype\('int64'\)"):
        surgery.replace(tree, {"n": 3.5})
    with jax.enable_x64(False):
        single = {"a": jnp.zeros(2, jnp.float32)}
        assert surgery.replace(single, {"a": [1.0, 2.0]})["a"].dtype == jnp.float32
        with pytest.raises(ValueError, match="'a' has dtype float32, got float64"):
            surgery.replace(single, {"a": np.zeros(2)})


def test_update_tells_all_offenders_at_once():
    net = Net()
    with pytest.raises(ValueError) as error:
        surgery.update(net, ["stem.*", "scale"], lambda w: jnp.zeros(w.shape[1:], jnp.float16))
    assert str(error.value) == (
        "`fn` must keep shape and dtype: "
        "'scale' has dtype float32, got float16: use .astype('float32'); "
        "'stem.weight' has shape (4, 2, 3), got (2, 3) and has dtype float32, got float16: "
        "use .astype('float32'); 'stem.bias' has shape (4,), got ()"
    )
    with pytest.raises(ZeroDivisionError):  # what fn raises is not dressed up
        surgery.update(net, "**", lambda w: 1 // 0)


# The functions of torch.nn.init


@pytest.mark.parametrize("name", FILLERS)
def test_signatures_are_those_of_torch(name):
    ours = list(inspect.signature(getattr(surgery, name)).parameters.values())
    theirs = inspect.signature(getattr(torch.nn.init, name + "_")).parameters.values()
    assert [p.name for p in ours[:2]] == ["tree", "selector"]
    positional = [(p.name, p.default) for p in ours[2:] if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == [(p.name, p.default) for p in theirs if p.name not in ("tensor", "generator")]
    keyword = {p.name: p.default for p in ours if p.kind is p.KEYWORD_ONLY}
    ours_too = {"count": None, "buffers": False}
    assert keyword == ({"key": inspect.Parameter.empty} if name in RANDOM else {}) | ours_too
    assert f"jaxconv.init.{name}`" in getattr(surgery, name).__doc__


@pytest.mark.parametrize("name", FILLERS)
def test_arguments_reach_the_initialiser(name):
    shape = {"eye": (3, 5), "sparse": (3, 5), "dirac": (4, 3, 2)}.get(name, (4, 3, 2))
    for args in {
        "constant": [(0.5,)],
        "uniform": [(), (2, 3)],
        "normal": [(), (2, 3)],
        "trunc_normal": [(), (1, 2, 3, 4)],
        "dirac": [(), (2,)],
        "xavier_uniform": [(), (3,)],
        "xavier_normal": [(), (3,)],
        "kaiming_uniform": [(), (0.1, "fan_out", "leaky_relu"), (0, "fan_in", "tanh")],
        "kaiming_normal": [(), (0.1, "fan_out", "leaky_relu"), (0, "fan_in", "tanh")],
        "orthogonal": [(), (3,)],
        "sparse": [(0.5,), (0.5, 3)],
    }.get(name, [()]):
        tree = {"a": {"w": jnp.zeros(shape, jnp.float32)}, "b": jnp.zeros(1)}
        key = {"key": KEY} if name in RANDOM else {}
        new = getattr(surgery, name)(tree, "a.*", *args, **key)
        own = jax.random.fold_in(KEY, zlib.crc32(b"a.w"))
        np.testing.assert_array_equal(new["a"]["w"], getattr(init, name)(*args)(own, shape, jnp.float32))
        assert new["b"] is tree["b"]


def test_what_does_not_fit_is_told_at_once():
    net = Net()
    with pytest.raises(ValueError) as error:
        surgery.kaiming_normal(net, "**", key=KEY)
    text = str(error.value)
    assert text.startswith(
        "cannot fill: 'scale' of shape () and dtype float32: fan in and fan out need a shape of"
    )
    assert re.findall(r"'([\w.]+)' of shape", text) == [
        name for name, leaf in surgery.select(net, "**").items() if leaf.ndim < 2
    ]
    with pytest.raises(
        ValueError, match=r"'block\.conv\.weight' of shape \(4, 3, 2, 2\) and dtype float32: eye needs"
    ):
        surgery.eye(net, "block.conv.weight")
    with pytest.raises(
        ValueError, match=r"'n' of shape \(\) and dtype int32: `dtype` \(=int32\) must be one of"
    ):
        surgery.uniform({"n": jnp.zeros((), jnp.int32), "m": jnp.zeros(2)}, "**", key=KEY)
    with pytest.raises(
        ValueError, match=r"'b' of shape \(2,\) and dtype float16: `val` \(=1000000\) cannot be represented"
    ):
        surgery.constant({"b": jnp.zeros(2, jnp.float16), "c": jnp.zeros(1)}, "**", 10**6)


def test_arguments_are_refused_as_by_init():
    with pytest.raises(ValueError, match=r"`std` \(=-1\) must be a number of at least 0"):
        surgery.normal(Net(), "**", 0, -1, key=KEY)


@pytest.mark.parametrize("key", [None, 0, jnp.uint32(3), np.zeros(2), jnp.zeros((3, 2), jnp.uint32)])
def test_keys_refused(key):
    for name in RANDOM:
        args = (0.5,) if name == "sparse" else ()
        with pytest.raises(
            TypeError, match=r"(?s)`key` \(=.*\) must be one JAX random key, such as jax\.random\.key"
        ):
            getattr(surgery, name)({"a": jnp.zeros((2, 2))}, "a", *args, key=key)
    with pytest.raises(TypeError, match="must be one JAX random key"):
        surgery.normal({"a": jnp.zeros(2)}, "a", key=jax.random.split(KEY))
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'key'"):
        surgery.normal({"a": jnp.zeros(2)}, "a")


def test_each_name_draws_its_own():
    tree = {"a": jnp.zeros(50), "b": jnp.zeros(50)}
    both = surgery.normal(tree, "**", key=KEY)
    assert not np.array_equal(both["a"], both["b"])
    more = surgery.normal(tree | {"0": jnp.zeros(50), "z": {"a": jnp.zeros(50)}}, "**", key=KEY)
    np.testing.assert_array_equal(more["a"], both["a"])  # whatever else there is
    np.testing.assert_array_equal(surgery.normal(tree, "b", key=KEY)["b"], both["b"])
    np.testing.assert_array_equal(surgery.normal(tree, "b", key=jax.random.PRNGKey(3))["b"], both["b"])
    assert not np.array_equal(surgery.normal(tree, "b", key=jax.random.key(4))["b"], both["b"])


# Ties


class Tied(nnx.Module):
    def __init__(self):
        self.encoder, self.decoder, self.other = Conv(4, 4), Conv(4, 4), Conv(4, 4)
        self.decoder.weight = self.encoder.weight


def test_tied_parameters_change_together_and_once():
    net = Tied()
    w = np.array(net.encoder.weight[...])
    calls = []

    def double(p):
        calls.append(p)
        return 2 * p

    for selector in ("**.weight", "decoder.weight", ["decoder.*r*", "decoder.weight"][1:]):
        new = surgery.update(net, selector, double)
        assert new.decoder.weight is new.encoder.weight
        np.testing.assert_array_equal(new.decoder.weight[...], 2 * w)
    assert len(calls) == 2 + 1 + 1
    drawn = [surgery.normal(net, s, key=KEY) for s in ("**.weight", "decoder.weight", "encoder.weight")]
    for new in drawn:
        assert new.decoder.weight is new.encoder.weight
        np.testing.assert_array_equal(new.encoder.weight[...], drawn[0].encoder.weight[...])
    assert list(surgery.select(net, "**.weight", count=3)) == [
        "encoder.weight",
        "decoder.weight",
        "other.weight",
    ]


def test_one_array_in_two_parameters_is_no_tie():
    shared = array(50)
    for tree in (
        surgery.replace(Tied(), {"encoder.bias": (b := jnp.ones(4, jnp.float16)), "other.bias": b}),
        {"encoder": {"bias": shared}, "other": {"bias": shared}},
    ):
        assert named_leaves(tree)["encoder.bias"] is named_leaves(tree)["other.bias"]
        drawn = named_leaves(surgery.normal(tree, ["encoder.bias", "other.bias"], key=KEY))
        assert not np.array_equal(drawn["encoder.bias"], drawn["other.bias"])
        one = surgery.zeros(tree, "other.bias")
        assert named_leaves(one)["encoder.bias"] is named_leaves(tree)["encoder.bias"]


# Transformations


def test_under_jit_vmap_and_grad():
    net = Net()
    eager = surgery.normal(surgery.update(net, "stem.*", lambda w: w * 2), "block.**", key=KEY)

    @jax.jit
    def both(net, key):
        return surgery.normal(surgery.update(net, "stem.*", lambda w: w * 2), "block.**", key=key)

    for a, b in zip(jax.tree.leaves(both(net, KEY)), jax.tree.leaves(eager), strict=True):
        np.testing.assert_array_equal(a, b)
    params = nested()
    keys = jax.random.split(KEY, 3)
    ensemble = jax.vmap(lambda key: surgery.kaiming_uniform(params, "**.weight", key=key))(keys)
    one = surgery.kaiming_uniform(params, "**.weight", key=keys[2])
    np.testing.assert_array_equal(ensemble["stem"]["weight"][2], one["stem"]["weight"])
    grads = jax.grad(
        lambda p: sum(w.sum() for w in jax.tree.leaves(surgery.update(p, "stem.*", lambda w: 3 * w)))
    )(params)
    frozen = surgery.zeros(grads, "block.**")
    assert (grads["stem"]["weight"] == 3).all() and (grads["block"]["conv"]["weight"] == 1).all()
    assert (frozen["stem"]["weight"] == 3).all() and (frozen["block"]["conv"]["weight"] == 0).all()


def test_grads_of_a_module():
    grads = nnx.grad(lambda net: (net.stem.weight[...] ** 2).sum())(Net())
    new = surgery.ones(grads, "stem.weight")
    assert isinstance(new, nnx.State) and (new["stem"]["weight"][...] == 1).all()
    assert "block.mean" not in named_leaves(new)


def test_placement_is_kept():
    mesh = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    tree = {"a": jax.device_put(array(4, 2), sharding), "b": array(4, 2)}
    for new in (surgery.zeros(tree, "**"), surgery.xavier_normal(tree, "**", key=KEY)):
        assert new["a"].sharding == sharding and new["a"].committed
        assert new["b"].sharding == tree["b"].sharding and not new["b"].committed
    jax.jit(lambda t: surgery.zeros(t, "**"))(tree)


# docs/surgery.md


class TorchCNN(torch.nn.Module):
    """The docs' network with a BatchNorm and tied weights."""

    def __init__(self):
        super().__init__()
        self.mix = torch.nn.Parameter(torch.ones(5, 7))
        self.conv1 = torch.nn.Conv2d(3, 10, 3, padding=1)
        self.bn = torch.nn.BatchNorm2d(10)
        self.conv2 = torch.nn.Conv2d(10, 5, 3, padding=1)
        self.tied = torch.nn.Conv2d(10, 5, 3, padding=1)
        self.tied.weight = self.conv2.weight


class OurCNN(nnx.Module):
    """The docs' network with a BatchNorm and tied weights, under torch's names."""

    def __init__(self):
        rngs = nnx.Rngs(0)
        self.mix = nnx.Param(jnp.ones((5, 7)))
        self.conv1 = jaxconv.Conv2d(3, 10, 3, padding=1, rngs=rngs)
        self.bn = jaxconv.BatchNorm2d(10, rngs=rngs)
        self.conv2 = jaxconv.Conv2d(10, 5, 3, padding=1, rngs=rngs)
        self.tied = jaxconv.Conv2d(10, 5, 3, padding=1, rngs=rngs)
        self.tied.weight = self.conv2.weight


def table():
    """The rows of the docs that are code on both sides."""
    rows = [
        re.findall(r"`([^`]+)`", line) for line in DOCS.splitlines() if re.match(r"\| `.*` \| `surgery", line)
    ]
    assert all(len(row) == 2 for row in rows)
    return [tuple(row) for row in rows]


@pytest.fixture(scope="module")
def docs():
    """The namespace after all of the page's blocks, which assert what they claim, ran from top to bottom."""
    namespace = {}
    blocks = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    assert len(blocks) == DOCS.count("```python")
    with jax.enable_x64(False):
        for block in blocks:
            exec(block, namespace)
    return namespace


def test_docs_run(docs):
    assert docs["rgbd"].conv1.weight.shape == (10, 4, 3, 3)
    np.testing.assert_array_equal(docs["rgbd"].conv1.weight[:, 3], 0)
    np.testing.assert_array_equal(docs["rgbd"].conv1.weight[:, :3], docs["model"].conv1.weight[...])
    np.testing.assert_array_equal(docs["scaled"].conv2.weight[...], 0.5 * docs["model"].conv2.weight[...])
    assert np.abs(named_leaves(docs["grads"])["conv2.weight"]).max() <= 1


@pytest.mark.parametrize(("left", "right"), table(), ids=[left for left, _ in table()])
def test_docs_table(docs, left, right):
    torch.manual_seed(0)
    net = TorchCNN()
    torch.nn.init.normal_(net.mix)
    net.bn(net.conv1(torch.randn(3, 3, 8, 8)))  # statistics that are not their defaults
    start = {name: a.numpy().copy() for name, a in net.state_dict().items()}
    w = rng.standard_normal((10, 3, 3, 3)).astype(np.float32)
    with jax.enable_x64(False):
        model = jaxconv.load_state_dict(OurCNN(), start)
        exec(left, {"torch": torch, "net": net, "w": w})
        new_model = eval(right, docs | {"model": model, "w": w})
        new = named_leaves(new_model)
    assert new_model.tied.weight is new_model.conv2.weight and new_model is not model
    theirs = {name: a.numpy() for name, a in net.state_dict().items()}
    assert new.keys() == theirs.keys()
    changed = [name for name in theirs if not np.array_equal(theirs[name], start[name])]
    assert changed == [name for name in theirs if not np.array_equal(new[name], start[name])] != []
    for name in theirs:
        if "key=key" not in right or name not in changed:
            np.testing.assert_array_equal(new[name], theirs[name])
        else:
            assert stats.ks_2samp(np.ravel(new[name]), theirs[name].ravel()).pvalue > 1e-3
            spread = np.std(new[name]) / np.std(theirs[name])
            assert abs(math.log(spread)) < 5 / math.sqrt(
                new[name].size
            )  # 5 standard errors, if both are normal


def test_docs_table_covers_what_there_is():
    rows = table()
    assert len(rows) >= 40
    for name in FILLERS:
        assert any(f"surgery.{name}(" in right for _, right in rows), name
    assert {f"torch.nn.init.{name}_(" for name in FILLERS} <= {
        m for left, _ in rows for m in re.findall(r"torch\.nn\.init\.\w+\(", left)
    }


def test_apply_draws_each_parameter_by_its_name_in_the_model():
    key = jax.random.key(3)
    model = nnx.Sequential(*(nnx.Linear(4, 4, rngs=nnx.Rngs(0)) for _ in range(2)))

    def drawn(layer):
        return surgery.normal(layer, "kernel", key=key) if isinstance(layer, nnx.Linear) else layer

    ours, whole = surgery.apply(model, drawn), surgery.normal(model, "**.kernel", key=key)
    first, second = (layer.kernel[...] for layer in ours.layers)
    assert not (first == second).any()
    for layer, other in zip(ours.layers, whole.layers, strict=True):
        np.testing.assert_array_equal(layer.kernel[...], other.kernel[...])
