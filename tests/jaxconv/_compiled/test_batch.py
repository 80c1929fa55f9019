"""`batch_sizes` are refused where padding would change a result."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxconv
from jaxconv import _compile
from jaxconv._compiled import Setting

X = np.ones((2, 3), np.float32)


def network(function):
    class Net(nnx.Module):
        def __call__(self, *inputs):
            return function(*inputs)

    return Net()


MIXING = {
    "centred": lambda x: x - x.mean(0),
    "sorted": lambda x: jnp.sort(x, 0),
    "reversed": lambda x: x[::-1],
    "attention": lambda x: jax.nn.softmax(x @ x.T) @ x,
}


@pytest.mark.parametrize("name", MIXING)
def test_samples_that_influence_each_other(name):
    with pytest.raises(
        ValueError, match=r"`batch_sizes` \(=\(1, 4\)\): the result of a sample changes with the other"
    ):
        jaxconv.compile(network(MIXING[name]), X, batch_sizes=(1, 4))
    assert jaxconv.compile(network(MIXING[name]), X)(X).shape == X.shape
    assert jaxconv.compile(network(MIXING[name]), X, batch_sizes=(1,)).batch_sizes == (1,)


@pytest.mark.parametrize("result", [lambda x: x.sum(), lambda x: (x, x.sum(0))])
def test_results_without_a_batch(result):
    with pytest.raises(ValueError, match="dimension 0 of every result must be the batch, but the result"):
        jaxconv.compile(network(result), X, batch_sizes=(1, 4))


def test_integers_and_truth_values():
    compiled = jaxconv.compile(
        network(lambda i, b: (i * 2, ~b)), np.ones((1, 2), np.int32), np.ones((1,), bool), batch_sizes=(1, 4)
    )
    doubled, turned = compiled(np.arange(6, dtype=np.int32).reshape(3, 2), np.array([True, False, True]))
    assert doubled.tolist() == [[0, 2], [4, 6], [8, 10]] and turned.tolist() == [False, True, False]


def test_what_is_no_batch_size():
    for sizes in (3, "1", {1, 2}, (1.0,), (True,), (None,)):
        with pytest.raises(TypeError, match=r"`batch_sizes` .* must be a list or tuple of ints, or None"):
            jaxconv.compile(network(lambda x: x), X, batch_sizes=sizes)
    for sizes in ((), (0, 1), (1, 1)):
        with pytest.raises(
            ValueError, match="must hold at least one size, each of at least 1 and none twice"
        ):
            jaxconv.compile(network(lambda x: x), X, batch_sizes=sizes)


def test_inputs_without_a_batch():
    with pytest.raises(
        ValueError, match=r"dimension 0 of every input is the batch, and inputs\[1\] has no dimension"
    ):
        jaxconv.compile(network(lambda x, y: x * y), X, 2.0, batch_sizes=(1,))
    with pytest.raises(
        ValueError, match=r"the examples differ in it: inputs\[0\]: \(2, 3\), inputs\[1\]: \(3,\)"
    ):
        jaxconv.compile(network(lambda x, y: x * y), X, np.ones(3), batch_sizes=(1,))


def test_types_and_an_empty_example_are_enough():
    for example in (jax.ShapeDtypeStruct((7, 3), np.float32), X[:0]):
        compiled = jaxconv.compile(network(lambda x: x + 1), example, batch_sizes=(2,), constants=True)
        np.testing.assert_array_equal(compiled(X[:1]), X[:1] + 1)


def test_the_largest_is_tuned(monkeypatch, tmp_path):
    monkeypatch.setattr(_compile, "_ROUNDS", 1)
    monkeypatch.setattr(_compile, "_candidates", lambda: ((Setting(),), ()))
    seen, tuned = [], _compile._tuned
    monkeypatch.setattr(
        _compile, "_tuned", lambda programs, inputs: seen.append(inputs[0].shape) or tuned(programs, inputs)
    )
    for _ in range(2):  # measured, and then remembered
        compiled = jaxconv.compile(
            network(lambda x: x * 2), X, tune=True, batch_sizes=(1, 4), cache=tmp_path / "tuned.json"
        )
        np.testing.assert_array_equal(compiled(X), X * 2)
        np.testing.assert_array_equal(compiled(X[:1]), X[:1] * 2)
    assert seen == [(4, 3)]
