"""Names and order are compared with torch's own state_dict; everything else with what went in."""

import pickle
import re
from collections import OrderedDict, defaultdict
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from flax.core import FrozenDict
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import Mesh, PartitionSpec

import jaxconv
from jaxconv._tree import named_leaves, with_leaves


class Layer(nnx.Module):
    def __init__(self, n=2):
        # Against torch's order on purpose.
        self.bias = nnx.Param(jnp.arange(n, dtype=jnp.float32))
        self.weight = nnx.Param(jnp.arange(n * n, dtype=jnp.float32).reshape(n, n))


class Norm(nnx.Module):
    def __init__(self):
        self.num_batches_tracked = nnx.BatchStat(jnp.zeros((), jnp.int32))
        self.running_mean = nnx.BatchStat(jnp.zeros(2))
        self.running_var = nnx.BatchStat(jnp.ones(2))
        self.weight = nnx.Param(jnp.ones(2))
        self.bias = nnx.Param(jnp.zeros(2))


class Net(nnx.Module):
    def __init__(self):
        self.stem = Layer()
        self.scale = nnx.Param(jnp.ones(()))  # own parameters come before children
        self.norm = Norm()
        self.blocks = nnx.List([Layer() for _ in range(11)])
        self.heads = nnx.Dict({"z": Layer(), "a": Layer()})
        self.drop = nnx.Dropout(0.5, rngs=nnx.Rngs(0))
        self.relu = jax.nn.relu
        self.table = jnp.ones(3)
        self.none = None
        self.absent = nnx.Param(None)
        self.seen = nnx.Intermediate(jnp.ones(1))
        self.cache = nnx.Cache(jnp.ones(1))


class TorchNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Linear(2, 2)
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.norm = torch.nn.BatchNorm1d(2)
        self.blocks = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(11))
        self.heads = torch.nn.ModuleDict({"z": torch.nn.Linear(2, 2), "a": torch.nn.Linear(2, 2)})
        self.drop = torch.nn.Dropout(0.5)
        self.table = torch.ones(3)
        self.absent = torch.nn.Parameter()
        del self.absent


class Tied(nnx.Module):
    def __init__(self):
        self.encoder = Layer()
        self.decoder = self.encoder
        self.other = Layer()
        self.weight = self.other.weight


class TorchTied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Linear(2, 2)
        self.decoder = self.encoder
        self.other = torch.nn.Linear(2, 2)
        self.weight = self.other.weight


def shapes(leaves):
    return [(name, tuple(leaf.shape)) for name, leaf in leaves.items()]


def test_names_order_and_shapes_are_torchs():
    assert shapes(named_leaves(Net())) == shapes(TorchNet().state_dict())


def test_parameters_come_before_buffers_whatever_the_order_of_assignment():
    class Ours(nnx.Module):
        def __init__(self):
            self.anchors = nnx.BatchStat(jnp.ones(1))
            self.scale = nnx.Param(jnp.ones(1))

    theirs = torch.nn.Module()
    theirs.register_buffer("anchors", torch.ones(1))
    theirs.scale = torch.nn.Parameter(torch.ones(1))
    variables = {"buffers": {"anchors": jnp.ones(1)}, "params": {"scale": jnp.ones(1)}}
    for tree in (Ours(), nnx.state(Ours()), variables):
        assert list(named_leaves(tree)) == list(theirs.state_dict())


def test_sequential_is_named_as_in_torch():
    ours = nnx.Sequential(Layer(), jax.nn.relu, nnx.Sequential(Norm(), Layer()))
    linear, norm = torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)
    theirs = torch.nn.Sequential(linear, torch.nn.ReLU(), torch.nn.Sequential(norm, linear))
    assert shapes(named_leaves(ours)) == shapes(theirs.state_dict())
    changed = with_leaves(ours, {"2.1.bias": jnp.full(2, 5.0)})
    assert changed.layers[2].layers[1].bias[...].tolist() == [5, 5]


@pytest.mark.parametrize("rebuild", [nnx.clone, lambda m: jax.tree.map(lambda x: x, m)])
def test_order_within_a_module_survives_sorted_keys(rebuild):
    """Flax and JAX sort attributes; torch's order of weight, bias, running_mean, ... is known."""
    norm = torch.nn.BatchNorm1d(2)
    assert list(named_leaves(rebuild(Norm()))) == list(norm.state_dict())
    blocks = nnx.List([Layer() for _ in range(11)])
    theirs = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(11))
    assert list(named_leaves(rebuild(blocks))) == list(theirs.state_dict())
    assert list(named_leaves(nnx.state(blocks))) == list(theirs.state_dict())
    assert list(named_leaves(nnx.state(Norm()))) == list(norm.state_dict())


def test_tied_names_are_all_listed_with_one_array():
    leaves = named_leaves(Tied())
    assert list(leaves) == list(TorchTied().state_dict())
    assert leaves["encoder.weight"] is leaves["decoder.weight"]
    assert leaves["other.weight"] is leaves["weight"]
    assert leaves["encoder.weight"] is not leaves["other.weight"]


@pytest.mark.parametrize("name", ["other.weight", "weight"])
def test_one_tied_name_sets_all_and_ties_last(name):
    model, new = Tied(), jnp.full((2, 2), 7.0)
    changed = with_leaves(model, {name: new})
    assert changed.decoder is changed.encoder and changed.weight is changed.other.weight
    assert changed.weight[...] is new and model.weight[...] is not new
    assert list(named_leaves(changed)) == list(named_leaves(model))


def test_tied_names_may_get_equal_arrays_but_not_different_ones():
    model = Tied()
    equal = {
        "encoder.bias": jnp.full(2, jnp.nan, jnp.float32),
        "decoder.bias": np.full(2, np.nan, np.float32),
    }
    assert jnp.isnan(with_leaves(model, equal).encoder.bias[...]).all()
    text = "'encoder.bias' and 'decoder.bias' are tied, so they cannot be given different arrays"
    for other in (jnp.ones(2), jnp.zeros(3, jnp.float32), jnp.zeros(2, jnp.int32)):
        with pytest.raises(ValueError, match=text):
            with_leaves(model, {"encoder.bias": jnp.zeros(2, jnp.float32), "decoder.bias": other})
    # Traced values cannot be compared.
    with pytest.raises(ValueError, match=text):
        jax.jit(lambda a, b: with_leaves(model, {"encoder.bias": a, "decoder.bias": b}))(
            jnp.ones(2), jnp.ones(2)
        )


def test_unchanged_arrays_are_shared_and_the_original_is_untouched():
    model = Net()
    before = named_leaves(model)
    attributes = {name: list(vars(child)) for name, child in nnx.iter_modules(model)}
    new = jnp.full((2, 2), 3.0)
    changed = with_leaves(model, {"blocks.10.weight": new})
    after = named_leaves(changed)
    assert list(after) == list(before) and type(changed) is Net
    assert after.pop("blocks.10.weight") is new
    assert all(array is before[name] for name, array in after.items())
    assert all(array is before[name] for name, array in named_leaves(model).items())
    assert changed.blocks[10] is not model.blocks[10]
    assert {name: sorted(vars(child)) for name, child in nnx.iter_modules(changed)} == {
        name: sorted(names) for name, names in attributes.items()
    }
    changed.stem.weight[...] = jnp.zeros((2, 2), jnp.float32)  # a variable is not shared, only its array
    assert model.stem.weight[...] is before["stem.weight"]


def test_attributes_keep_their_order():
    class Outer(nnx.Module):
        def __init__(self):
            self.z = Layer()
            self.a = nnx.data({"z": nnx.Param(jnp.ones(1)), "a": [nnx.Param(jnp.ones(1))]})

    changed = with_leaves(with_leaves(Outer(), {"a.a.0": jnp.zeros(1)}), {})
    assert list(named_leaves(changed)) == ["z.weight", "z.bias", "a.z", "a.a.0"]
    assert changed.a["a"][0][...].tolist() == [0]


def test_random_state_is_cloned_but_not_named():
    model = nnx.Dropout(0.5, rngs=nnx.Rngs(3))
    assert named_leaves(model) == {}
    assert with_leaves(model, {}).rngs.key[...] == model.rngs.key[...]


def test_a_state_comes_back_as_a_state():
    state = nnx.state(Net())
    new = jnp.full((2, 2), 3.0)
    changed = with_leaves(state, {"heads.a.weight": new})
    assert isinstance(changed, nnx.State) and jax.tree.structure(changed) == jax.tree.structure(state)
    assert changed["heads"]["a"]["weight"][...] is new
    assert changed["stem"]["weight"] is not state["stem"]["weight"]
    assert changed["stem"]["weight"][...] is state["stem"]["weight"][...]
    pure = nnx.as_pure(nnx.state(Layer()))
    assert list(named_leaves(pure)) == ["weight", "bias"]
    assert type(with_leaves(pure, {"bias": jnp.ones(2)})["bias"]) is type(new)


def test_a_variable_twice_in_a_state_stays_one():
    weight = nnx.Param(jnp.ones(1))
    changed = with_leaves(
        nnx.State({"a": {"weight": weight}, "b": {"weight": weight}}), {"b.weight": jnp.zeros(1)}
    )
    assert changed["a"]["weight"] is changed["b"]["weight"] is not weight
    assert changed["a"]["weight"][...].tolist() == [0]


class LinenNet(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.Dense(2, kernel_init=nn.with_partitioning(nn.initializers.ones, ("in", "out")), name="fc")(x)
        x = nn.BatchNorm(use_running_average=False, name="bn")(x)
        self.sow("intermediates", "x", x)
        return nn.Dense(2, name="a")(x)


@pytest.mark.parametrize("wrap", [dict, FrozenDict])
def test_linen_variables(wrap):
    variables = wrap(LinenNet().init(jax.random.key(0), jnp.ones((1, 2))) | {"intermediates": {"x": ()}})
    leaves = named_leaves(variables)
    # One module's parameters and statistics stand together, as in torch, whatever the collections.
    assert list(leaves) == [
        "fc.bias",
        "fc.kernel",
        "bn.bias",
        "bn.scale",
        "bn.mean",
        "bn.var",
        "a.bias",
        "a.kernel",
    ]
    new = jnp.full((2, 2), 3.0)
    changed = with_leaves(variables, {"fc.kernel": new, "bn.mean": jnp.ones(2)})
    assert type(changed) is wrap and jax.tree.structure(changed) == jax.tree.structure(variables)
    box = changed["params"]["fc"]["kernel"]
    assert isinstance(box, nn.Partitioned) and box.names == ("in", "out") and box.value is new
    assert changed["batch_stats"]["bn"]["mean"].tolist() == [1, 1]
    assert changed["batch_stats"]["bn"]["var"] is variables["batch_stats"]["bn"]["var"]
    assert variables["params"]["fc"]["kernel"].value is leaves["fc.kernel"] is not new
    assert changed["intermediates"] == variables["intermediates"]


def test_linen_statistics_alone_and_a_layer_called_params():
    stats = {"batch_stats": {"bn": {"running_mean": jnp.ones(1)}}}
    assert list(named_leaves(stats)) == ["bn.running_mean"]
    assert list(named_leaves({"params": jnp.ones(1), "other": jnp.ones(1)})) == ["params", "other"]


def test_a_name_in_two_collections_is_refused():
    with pytest.raises(ValueError, match=re.escape("two leaves of the tree have the name 'bn.mean'")):
        named_leaves({"params": {"bn": {"mean": jnp.ones(1)}}, "batch_stats": {"bn": {"mean": jnp.ones(1)}}})
    with pytest.raises(ValueError, match=re.escape("two leaves of the tree have the name 'a.b'")):
        named_leaves({"a.b": jnp.ones(1), "a": {"b": jnp.ones(1)}})


class Pair(NamedTuple):
    first: jax.Array
    second: jax.Array


def test_bare_mappings_of_every_kind():
    one = jnp.ones(1)
    factory = defaultdict(dict, {"bias": one, "weight": one})
    tree = OrderedDict(
        net=FrozenDict({"10": {"weight": one}, "9": [one, (one, {"bias": None, "weight": one})]}),
        d=factory,
        pair=Pair(one, np.zeros(2)),
        spec=jax.ShapeDtypeStruct((3,), jnp.float32),
    )
    names = ["spec", "net.9.0", "net.9.1.0", "net.9.1.1.weight", "net.10.weight", "d.weight", "d.bias"]
    assert list(named_leaves(tree)) == [*names, "pair.0", "pair.1"]
    new = jnp.full(1, 2.0)
    changed = with_leaves(tree, {"net.9.1.1.weight": new, "pair.1": new})
    assert jax.tree.structure(changed) == jax.tree.structure(tree)
    assert changed["net"]["9"][1][1]["weight"] is new and changed["pair"].second is new
    assert type(changed["d"]) is defaultdict and changed["d"].default_factory is dict
    assert tree["pair"].second is not new and changed["d"]["bias"] is one
    assert named_leaves({}) == {} and with_leaves({}, {}) == {}


def test_works_on_traced_and_abstract_modules():
    model = Net()
    doubled = jax.jit(lambda m: with_leaves(m, {k: 2 * v for k, v in named_leaves(m).items()}))(model)
    assert (named_leaves(doubled)["stem.weight"] == 2 * named_leaves(model)["stem.weight"]).all()
    abstract = nnx.eval_shape(Net)
    assert sorted(shapes(named_leaves(abstract))) == sorted(shapes(named_leaves(model)))  # Flax sorts
    filled = with_leaves(abstract, {"stem.bias": jnp.ones(2)})
    assert filled.stem.bias[...].tolist() == [1, 1]
    assert isinstance(filled.stem.weight.get_raw_value(), jax.ShapeDtypeStruct)


def test_gradients_are_a_tree_like_the_model():
    model = Layer()
    gradient = nnx.grad(lambda m: (m.weight[...] @ m.bias[...]).sum())(model)
    assert shapes(named_leaves(gradient)) == shapes(named_leaves(model))
    assert (named_leaves(gradient)["weight"] == jnp.broadcast_to(model.bias[...], (2, 2))).all()


def test_variable_metadata_is_kept():
    with jax.set_mesh(Mesh(jax.devices()[:1], "x")):

        class Sharded(nnx.Module):
            def __init__(self):
                self.weight = nnx.Param(jnp.ones(2), out_sharding=PartitionSpec("x"), mine="kept")

        model = Sharded()
    for tree in (model, nnx.state(model)):
        changed = with_leaves(tree, {"weight": jnp.zeros(2)})
        assert changed.weight.get_metadata() == model.weight.get_metadata()
        assert changed.weight.get_metadata("mine") == "kept"


def test_a_rebuilt_module_can_be_pickled_and_called_as_before():
    model = nnx.Linear(2, 3, rngs=nnx.Rngs(0))
    changed = with_leaves(model, {"bias": jnp.ones(3, jnp.float32)})
    x = jnp.arange(4.0, dtype=jnp.float32).reshape(2, 2)
    assert (changed(x) == model(x) + 1).all()
    assert (pickle.loads(pickle.dumps(changed))(x) == changed(x)).all()


class Loop(nnx.Module):
    def __init__(self):
        self.me = self


@pytest.mark.parametrize(
    ("tree", "error", "text"),
    [
        ([jnp.ones(1)], TypeError, "a nested dict of arrays, got list"),
        (None, TypeError, "got NoneType"),
        (
            nnx.Param(jnp.ones(1)),
            TypeError,
            "expected an NNX module, an nnx.State, a Linen variables dict or",
        ),
        ({"a": {"b": "text"}}, TypeError, "'a.b' holds a str, not an array"),
        ({"a": 1.0}, TypeError, "'a' holds a float, not an array"),
        ({"a": torch.ones(1)}, TypeError, "'a' holds a Tensor, not an array"),
        ({("a", "b"): jnp.ones(1)}, TypeError, "keys must be str or int, got ('a', 'b') of type tuple"),
        ({"a": Layer()}, TypeError, "'a' is an NNX Layer inside a dict: use nnx.Dict"),
        (nnx.Dict(a=nnx.Param({"x": 1})), TypeError, "'a' holds a dict, not an array"),
        (Loop(), ValueError, "Loop 'me' contains itself"),
    ],
)
def test_refusals(tree, error, text):
    for call in (named_leaves, lambda tree: with_leaves(tree, {})):
        with pytest.raises(error, match=re.escape(text)):
            call(tree)


def test_unknown_names_are_refused_all_at_once():
    text = "unknown name(s) 'wieght', 'x.y'; the tree's names are: 'weight', 'bias'"
    with pytest.raises(ValueError, match=re.escape(text)):
        with_leaves(Layer(), {"wieght": jnp.ones(1), "bias": jnp.ones(2), "x.y": jnp.ones(1)})
    with pytest.raises(ValueError, match=re.escape("unknown name(s) 'a'; the tree's names are: none")):
        with_leaves({}, {"a": jnp.ones(1)})


segments = st.text("abw", min_size=1, max_size=3)
trees = st.recursive(
    st.integers(0, 9),
    lambda child: st.dictionaries(segments, child, max_size=3) | st.lists(child, max_size=3),
    max_leaves=8,
).filter(lambda tree: isinstance(tree, dict))


def flat(tree, prefix=()):
    """An independent definition of the names."""
    if isinstance(tree, int):
        return {".".join(prefix): tree}
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return {k: v for key, child in items for k, v in flat(child, (*prefix, str(key))).items()}


@settings(deadline=None)
@given(trees, st.data())
def test_any_nested_dict(tree, data):
    arrays = jax.tree.map(np.array, tree)
    expected = flat(tree)
    leaves = named_leaves(arrays)
    assert {name: int(leaf) for name, leaf in leaves.items()} == expected
    chosen = data.draw(st.lists(st.sampled_from(list(expected)), unique=True)) if expected else []
    changed = with_leaves(arrays, {name: np.array(-1) for name in chosen})
    assert jax.tree.structure(changed) == jax.tree.structure(arrays)
    for name, leaf in named_leaves(changed).items():
        assert int(leaf) == -1 if name in chosen else leaf is leaves[name]


class Unsorted(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.z, self.a = jaxconv.Conv2d(1, 2, 1, rngs=rngs), jaxconv.BatchNorm2d(2)
        self.b = jaxconv.Conv2d(2, 1, 1, rngs=rngs)

    def __call__(self, x):
        return self.b(self.a(self.z(x)))


@pytest.mark.parametrize(
    "use",
    [
        lambda model, x: nnx.grad(lambda m: m(x).sum())(model),
        lambda model, x: nnx.jit(lambda m: m(x))(model),
        lambda model, x: nnx.clone(model),
        lambda model, x: jax.device_put(model),
        lambda model, x: jax.tree.map(lambda a: a, model),
        lambda model, x: nnx.merge(*nnx.split(model)),
    ],
    ids=["grad", "jit", "clone", "device_put", "tree.map", "merge"],
)
def test_the_order_of_assignment_survives_what_sorts_attributes(use):
    """Flax sorts the attributes of the caller's own module, too; a seeded surgery would draw in another order."""
    model, x = Unsorted(), jnp.ones((1, 1, 3, 3), jnp.float32)
    names = list(jaxconv.state_dict(model))
    assert names[0] == "z.weight" and names[-1] == "b.bias"
    result = use(model, x)
    assert list(jaxconv.state_dict(model)) == names
    if isinstance(result, Unsorted):
        assert list(jaxconv.state_dict(result)) == names
