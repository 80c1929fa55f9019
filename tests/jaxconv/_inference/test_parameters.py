"""What depends on the parameters alone is computed once: what that is, and that the numbers stay."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import jaxconv
from jaxconv._inference.parameters import Split

W = np.arange(12, dtype=np.float32).reshape(3, 4)
X = np.ones((2, 4), np.float32)


def split(function, parameters=W, inputs=(X,)):
    made = Split(function, parameters, inputs)
    prepared = made.prepare(parameters)
    assert [*prepared] == made.keys
    expected = jax.tree.leaves(function(parameters, *inputs))
    for ours, theirs in zip(jax.tree.leaves(made.function(prepared, *inputs)), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    late = str(jax.make_jaxpr(made.function)(prepared, *inputs))
    return prepared, late


def test_what_depends_on_parameters_alone_is_prepared():
    prepared, late = split(lambda w, x: x @ jnp.exp(w * 2).T)
    assert [array.shape for array in prepared.values()] == [(4, 3)]
    assert "exp" not in late and "transpose" not in late


def test_what_depends_on_inputs_as_well_is_not():
    _, late = split(lambda w, x: jnp.exp(x @ w.T))
    assert "exp" in late


def test_what_is_much_larger_than_its_operands_is_computed_in_each_call():
    prepared, late = split(lambda w, x: x[:, None, None] + jnp.broadcast_to(w * 2, (2, 9, 3, 4)))
    assert [array.shape for array in prepared.values()] == [(3, 4)]
    assert "broadcast_in_dim" in late


def test_parameters_that_are_results_or_unused():
    prepared, _ = split(lambda p, x: (p["a"], x), {"a": W, "unused": W + 1})
    assert len(prepared) == 1


def test_functions_of_the_same_parameters_share_what_is_prepared():
    def function(w, x):
        return x @ jnp.exp(w).T, w[0] * 2

    one, several = (Split(function, W, (x,)) for x in (X[:1], X))
    assert one.keys == several.keys
    assert {*one.keys}.isdisjoint(Split(lambda w, x: x @ jnp.exp2(w).T, W, (X,)).keys)
    # Numbers and constants are part of the key.
    keys = [Split(lambda w, x, c=c: x @ (w * c).T, W, (X,)).keys for c in (2, 3, np.arange(4.0), np.ones(4))]
    assert len({key for (key,) in keys}) == 4


def test_programs_of_several_batches_share_their_parameters(tmp_path):
    model = jaxconv.Conv2d(16, 32, 3, rngs=nnx.Rngs(0))
    x = np.ones((4, 16, 9, 9), np.float32)
    compiled = jaxconv.compile(model, x, batch_sizes=(1, 4))
    first, second = compiled._programs.values()
    assert first.parameters.keys() == second.parameters.keys()
    size = sum(array.nbytes for array in first.parameters.values())
    assert size <= 2 * 4 * (32 * 16 * 9 + 32)
    again = jaxconv.load_compiled(tmp_path / "m", sha256=compiled.save(tmp_path / "m"))
    np.testing.assert_array_equal(again(x), compiled(x))
