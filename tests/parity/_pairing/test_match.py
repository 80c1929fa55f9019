"""Which Flax layer is which of torch's, and what becomes of every tensor."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
from parity._flax.network import layers, network
from parity._pairing.leftovers import complete
from parity._pairing.match import Entry, holders, match


class Theirs(torch.nn.Module):
    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            if isinstance(child, torch.nn.Module):
                self.add_module(name, child)
            else:
                self.register_parameter(name, torch.nn.Parameter(torch.tensor(child)))


class Ours(nnx.Module):
    def __init__(self, **children):
        for name, child in children.items():
            setattr(self, name, child if isinstance(child, nnx.Module) else nnx.Param(jnp.asarray(child)))


def linear(inner, outer):
    return torch.nn.Linear(inner, outer)


def our_linear(inner, outer):
    return jaxconv.Linear(inner, outer, rngs=nnx.Rngs(0))


def matched(theirs, ours, order=None, mapping=None):
    whole = network(ours)
    names = [name for name, m in theirs.named_modules() if not list(m.children())]
    order, parts = order or names, layers(ours, whole, ())
    by_name = match(theirs, order, parts, whole, mapping)
    return complete(by_name, theirs, order, holders(parts, whole), whole, mapping)


def test_the_same_names():
    found = matched(
        Theirs(b=linear(2, 2), a=linear(2, 2)), Ours(a=our_linear(2, 2), b=our_linear(2, 2)), ["a", "b"]
    )
    assert found.layers == {"a": "a", "b": "b"} and not found.missing and not found.extra
    assert found.ledger == tuple(
        Entry(name, name, "as it is") for name in ("a.weight", "a.bias", "b.weight", "b.bias")
    )


@pytest.mark.parametrize("name", ["block_0_fc", "Block_0_fc", "BLOCK_0_FC"])
def test_names_that_are_written_in_another_way(name):
    # The order of the calls would pair the other one.
    theirs = Theirs(block=torch.nn.Sequential(Theirs(fc=linear(2, 2))), other=linear(2, 2))
    found = matched(theirs, Ours(x=our_linear(2, 2), **{name: our_linear(2, 2)}))
    assert found.layers == {"block.0.fc": name, "other": "x"}


def test_shapes_and_order_where_names_tell_nothing():
    theirs = Theirs(one=linear(2, 3), two=linear(3, 2), three=linear(2, 3))
    ours = Ours(p=our_linear(3, 2), q=our_linear(2, 3), r=our_linear(2, 3))
    assert matched(theirs, ours).layers == {"one": "q", "two": "p", "three": "r"}
    # In the order of the calls, and not in that of the definitions.
    assert matched(theirs, ours, ["three", "two", "one"]).layers == {"three": "q", "two": "p", "one": "r"}


def test_a_mapping_comes_first():
    theirs, ours = Theirs(a=linear(2, 2), b=linear(2, 2)), Ours(a=our_linear(2, 2), b=our_linear(2, 2))
    assert matched(theirs, ours, mapping={"a": "b", "b": "a"}).layers == {"a": "b", "b": "a"}
    assert matched(theirs, ours, mapping={"a": "b"}).layers == {"a": "b", "b": "a"}


def test_a_mapping_that_is_wrong_is_refused_with_all_its_faults():
    theirs, ours = Theirs(a=linear(2, 2), b=linear(2, 2)), Ours(a=our_linear(2, 2), b=our_linear(2, 3))
    with pytest.raises(ValueError, match="`mapping`") as error:
        matched(theirs, ours, mapping={"x": "a", "a": "y", "b": "b"})
    for part in (
        "torch has no layer 'x'",
        "the Flax network has no layer 'y'",
        "'b' and 'b' do not hold the same arrays",
        "torch's layers: a, b; the Flax network's: a, b",
    ):
        assert part in str(error.value)


def test_what_has_no_partner():
    found = matched(Theirs(a=linear(2, 2), b=linear(2, 3)), Ours(a=our_linear(2, 2), c=our_linear(4, 5)))
    assert found.layers == {"a": "a"}
    assert found.missing == ("b.weight", "b.bias") and found.extra == ("c.weight", "c.bias")
    assert found.ledger[-4:] == (
        Entry("b.weight", None, "no partner"),
        Entry("b.bias", None, "no partner"),
        Entry(None, "c.weight", "no partner"),
        Entry(None, "c.bias", "no partner"),
    )


def test_flax_counts_no_batches():
    theirs = Theirs(norm=torch.nn.BatchNorm1d(3))
    found = matched(theirs, Ours(norm=nnx.BatchNorm(3, rngs=nnx.Rngs(0))))
    assert found.layers == {"norm": "norm"} and not found.missing and not found.extra
    assert {(link.torch, link.flax) for link in found.all()} == {
        ("norm.weight", "norm.scale"),
        ("norm.bias", "norm.bias"),
        ("norm.running_mean", "norm.mean"),
        ("norm.running_var", "norm.var"),
    }


def test_parameters_outside_of_layers():
    found = matched(
        Theirs(scale=[1.0, 2.0, 3.0], class_token=[[1.0, 2.0]]),
        Ours(scale=[[1.0], [2.0], [3.0]], Class_Token=[[1.0, 2.0]]),
    )
    assert [(link.torch, link.flax, link.how) for link in found.loose] == [
        ("scale", "scale", "reshaped to (3, 1)"),
        ("class_token", "Class_Token", "as it is"),
    ]
    assert found.to_flax({"scale": np.arange(3.0)})["scale"].tolist() == [[0], [1], [2]]
    assert found.to_torch({"scale": np.ones((3, 1))})["scale"].shape == (3,)


def test_arrays_go_there_and_back():
    theirs = Theirs(conv=torch.nn.Conv2d(3, 4, (2, 5)))
    found = matched(theirs, Ours(conv=nnx.Conv(3, 4, (2, 5), rngs=nnx.Rngs(0))))
    state = {name: tensor.numpy() for name, tensor in theirs.state_dict().items()}
    there = found.to_flax(state)
    assert np.array_equal(there["conv.kernel"], state["conv.weight"].transpose(2, 3, 1, 0))
    back = found.to_torch(there)
    assert list(back) == list(state) and all(np.array_equal(back[name], state[name]) for name in state)


def test_a_dense_layer_behind_an_image_that_is_flattened_channels_last():
    found = matched(Theirs(fc=linear(12, 2)), Ours(fc=nnx.Linear(12, 2, rngs=nnx.Rngs(0))))
    turned = found.with_flattened("fc", (3, 2, 2))
    weight = np.arange(24.0).reshape(2, 12)
    kernel = turned.to_flax({"fc.weight": weight})["fc.kernel"]
    assert np.array_equal(kernel, weight.reshape(2, 3, 2, 2).transpose(2, 3, 1, 0).reshape(12, 2))
    assert np.array_equal(turned.to_torch({"fc.kernel": kernel})["fc.weight"], weight)
    assert np.array_equal(found.to_flax({"fc.weight": weight})["fc.kernel"], weight.T)
