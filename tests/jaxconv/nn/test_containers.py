"""Sequential, ModuleList and ModuleDict beside torch's: names, order, surgery by index, Flax's transforms."""

import copy
import pickle
from collections import OrderedDict

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv

X = jnp.arange(6.0).reshape(2, 3)


def linear(front):
    return torch.nn.Linear(3, 3) if front is torch.nn else jaxconv.Linear(3, 3, rngs=nnx.Rngs(0))


def activation(front):
    return torch.nn.ReLU() if front is torch.nn else positive


def positive(x):  # unlike jax.nn.relu it can be pickled
    return jnp.maximum(x, 0)


def rebuilt(how, model):
    if how == "split and merge":
        return nnx.merge(*nnx.split(model))
    if how == "load":
        return jaxconv.load_state_dict(model, jaxconv.state_dict(model))
    if how == "tree":
        return jax.tree.map(lambda a: a, model)
    if how == "jit":
        return jax.jit(lambda model: model)(model)
    return {"as it is": lambda m: m, "clone": nnx.clone, "deepcopy": copy.deepcopy, "pickle": dump}[how](
        model
    )


def dump(model):
    return pickle.loads(pickle.dumps(model))


def build(front):
    """Twelve children, nested, named, decimal names among letters."""
    many = front.Sequential(*[activation(front) if i % 3 == 1 else linear(front) for i in range(12)])
    named = front.Sequential(
        OrderedDict(conv=linear(front), act=activation(front), b=linear(front), a=linear(front))
    )
    table = front.ModuleDict({"z": linear(front), "2": front.ModuleList([linear(front)]), "b": named})
    return front.ModuleList([many, table])


@pytest.mark.parametrize(
    "how", ["as it is", "clone", "split and merge", "deepcopy", "pickle", "tree", "jit", "load"]
)
def test_names_and_order_are_torchs(how):
    ours = rebuilt(how, build(jaxconv))
    assert list(jaxconv.state_dict(ours)) == list(build(torch.nn).state_dict())
    assert list(ours[1]) == ["z", "2", "b"]
    assert [type(child).__name__ for child in ours[0]][:2] == ["Linear", "function"]


def test_values_are_torchs():
    torch.manual_seed(0)
    theirs = build(torch.nn).double()
    ours = jaxconv.load_state_dict(
        jax.tree.map(lambda a: a.astype(jnp.float64), build(jaxconv)), theirs.state_dict()
    )
    with torch.no_grad():
        weights = {n: np.round(8 * w.numpy()) for n, w in theirs.state_dict().items()}
        theirs.load_state_dict({n: torch.from_numpy(w) for n, w in weights.items()})
        expected = theirs[0](torch.from_numpy(np.array(X, np.float64))).numpy()
    ours = jaxconv.load_state_dict(ours, weights)  # small integers: exact
    np.testing.assert_array_equal(nnx.jit(lambda m, x: m(x))(ours[0], X), expected)
    grads = nnx.grad(lambda m: (m[0](X) ** 2).sum())(ours)
    assert grads["0"]["0"]["weight"].shape == (3, 3) and np.any(grads["0"]["0"]["weight"][...])


def names(model):
    return list(model.state_dict() if isinstance(model, torch.nn.Module) else jaxconv.state_dict(model))


EDITS = {
    "replace": lambda m, new: m.__setitem__(1, new()),
    "replace the last": lambda m, new: m.__setitem__(-1, new()),
    "delete": lambda m, new: m.__delitem__(0),
    "delete the last": lambda m, new: m.__delitem__(-1),
    "delete a slice": lambda m, new: m.__delitem__(slice(0, 2)),
    "append": lambda m, new: m.append(new()),
    "extend": lambda m, new: m.extend([new(), new()]),
    "add": lambda m, new: m.__iadd__([new()]),
    "insert": lambda m, new: m.insert(1, new()),
    "pop": lambda m, new: m.pop(0),
}


@pytest.mark.parametrize("kind", ["Sequential", "ModuleList"])
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_edits_are_torchs(kind, edit):
    results = []
    for front in (torch.nn, jaxconv):
        # Functions among them: a module may come where a function was, and the reverse.
        children = [activation(front), linear(front), activation(front), linear(front), linear(front)]
        model = getattr(front, kind)(*([children] if kind == "ModuleList" else children))
        if front is torch.nn and edit is EDITS["add"] and kind == "Sequential":
            model.append(linear(front))  # torch adds Sequentials to Sequentials only
        else:
            edit(model, lambda front=front: linear(front))
        results.append(
            (names(model), len(model), [isinstance(m, torch.nn.Linear | jaxconv.Linear) for m in model])
        )
    assert results[0] == results[1]
    # Every parameter is in the pytree too.
    assert len(jax.tree.leaves(model)) == len(names(model))
    assert names(nnx.clone(model)) == names(model)


def test_a_name_may_be_assigned():
    model = jaxconv.Sequential(jax.nn.relu, linear(jaxconv))
    setattr(model, "0", linear(jaxconv))
    model[1] = jnp.tanh
    assert names(model) == ["0.weight", "0.bias"] and len(jax.tree.leaves(model)) == 2


def test_slices_and_sums():
    for front in (torch.nn, jaxconv):
        tail = front.Sequential(*[linear(front) for _ in range(4)])[2:]
        assert isinstance(tail, front.Sequential) and names(tail)[::2] == ["2.weight", "3.weight"]
        tail = front.ModuleList([linear(front) for _ in range(4)])[2:]
        assert isinstance(tail, front.ModuleList) and names(tail)[::2] == ["0.weight", "1.weight"]
        both = front.Sequential(linear(front)) + front.Sequential(linear(front))
        assert isinstance(both, front.Sequential) and names(both)[::2] == ["0.weight", "1.weight"]
        named = front.Sequential(OrderedDict(a=linear(front), b=linear(front)))
        assert names(named[1:])[::2] == ["b.weight"] and names(named.append(linear(front)))[-1] == "2.bias"
    model = jaxconv.Sequential(*[linear(jaxconv) for _ in range(3)])
    assert model[1:][0] is model[1] and model[-1] is model[2]
    assert names(model[1:].append(linear(jaxconv)))[::2] == ["0.weight", "1.weight", "2.weight"]


def test_a_module_that_is_there_twice_is_one():
    shared = linear(jaxconv)
    model = nnx.clone(jaxconv.Sequential(shared, jax.nn.relu, shared))
    assert model[0] is model[2] and len(jax.tree.leaves(nnx.split(model)[1])) == 2
    theirs = linear(torch.nn)
    assert names(model) == names(torch.nn.Sequential(theirs, torch.nn.ReLU(), theirs))


def test_a_dict_is_torchs():
    for front in (torch.nn, jaxconv):
        table = front.ModuleDict([("b", linear(front)), ("a", linear(front))])
        table.update({"c": linear(front), "b": activation(front)})
        assert list(table) == list(table.keys()) == ["b", "a", "c"] and len(table) == 3 and "c" in table
        assert names(table)[::2] == ["a.weight", "c.weight"]
        a = table["a"]
        assert table.pop("a") is a and "a" not in table
        table["b"] = linear(front)
        assert [key for key, _ in table.items()] == ["b", "c"] and next(iter(table.values())) is table["b"]
        del table["b"]
        with pytest.raises(KeyError):
            table["b"]
        with pytest.raises(KeyError, match="attribute 'keys' already exists"):
            table["keys"] = linear(front)
        table.clear()
        assert len(table) == 0


BAD = {
    "list": (lambda: jaxconv.Sequential([jax.nn.relu]), TypeError, "'0' must be a module or a function, got"),
    "None": (lambda: jaxconv.Sequential(None), TypeError, "'0' must be a module or a function, got None"),
    "str": (lambda: jaxconv.ModuleList("ab"), TypeError, "'0' must be a module or a function, got 'a' of type str"),
    "dot": (lambda: jaxconv.ModuleDict({"a.b": jax.nn.relu}), ValueError, "without '.', got 'a.b'"),
    "empty": (lambda: jaxconv.ModuleDict({"": jax.nn.relu}), ValueError, "non-empty string without '.', got ''"),
    "int": (lambda: jaxconv.ModuleDict({1: jax.nn.relu}), ValueError, "non-empty string without '.', got 1"),
    "index": (lambda: jaxconv.Sequential(jax.nn.relu)[1], IndexError, "index 1 is out of range"),
    "assign": (lambda: jaxconv.Sequential(jax.nn.relu).__setitem__(0, None), TypeError, "'0' must be a module"),
    "beyond": (lambda: jaxconv.ModuleList([]).__setitem__(0, jax.nn.relu), IndexError, "index 0 is out of range"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), BAD.values(), ids=BAD.keys())
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_flaxs_own_go_along():
    model = jaxconv.Sequential(
        nnx.Linear(3, 3, rngs=nnx.Rngs(0)), jaxconv.Dropout(0.5, rngs=nnx.Rngs(0)), nnx.relu
    )
    model.eval()
    assert model[1].deterministic and model(X).shape == X.shape
    assert jaxconv.Sequential()(X) is X
    both = nnx.Sequential(jaxconv.Sequential(linear(jaxconv)), jaxconv.ReLU())
    assert names(both) == ["0.0.weight", "0.0.bias"]
