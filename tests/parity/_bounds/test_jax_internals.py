"""What parity uses of JAX and Flax without a promise: on a new release, the test that fails says what has changed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

from parity._bounds import jax_internals as internals

X = jnp.arange(6.0).reshape(3, 2)


def equation(name, function, *arguments):
    """The equation of that primitive in a function's jaxpr."""
    jaxpr, _ = internals.opened(jax.make_jaxpr(function)(*arguments))
    (found,) = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == name]
    return found


def test_a_jaxpr_opens_into_equations_and_constants():
    table = jnp.arange(3.0)
    jaxpr, constants = internals.opened(jax.make_jaxpr(lambda x: x * table + 2)(table))
    assert [eqn.primitive.name for eqn in jaxpr.eqns] == ["mul", "add"]
    assert len(jaxpr.constvars) == len(constants) == 1 and len(jaxpr.invars) == len(jaxpr.outvars) == 1
    # What is open already is left as it is.
    assert [eqn.primitive.name for eqn in internals.opened(jaxpr)[0].eqns] == ["mul", "add"]


def test_literals_are_told_from_variables():
    add = equation("add", lambda x: x + 2, 1.0)
    assert [internals.is_literal(atom) for atom in add.invars] == [False, True]
    assert add.invars[1].val == 2 and add.invars[1].aval.dtype == add.invars[0].aval.dtype


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("jit", jax.jit(jnp.sin)),
        ("remat2", jax.checkpoint(jnp.sin)),
        ("custom_jvp_call", jax.nn.relu),
        ("custom_vjp_call", None),
    ],
)
def test_a_called_function_is_found(name, function):
    if function is None:
        function = jax.custom_vjp(jnp.sin)
        function.defvjp(lambda x: (jnp.sin(x), x), lambda x, ct: (ct,))
    inner, _ = internals.opened(internals.called(equation(name, function, 1.0)))
    assert len(inner.eqns) >= 1


def test_an_operation_calls_nothing():
    assert internals.called(equation("sin", jnp.sin, 1.0)) is None


def test_functions_of_jax_s_own_have_names_and_others_have_none():
    @jax.custom_jvp
    def exp_neg_sq(x):
        return jnp.exp(-x * x)

    exp_neg_sq.defjvp(lambda p, t: (exp_neg_sq(*p), t[0]))
    assert internals.jax_function(equation("custom_jvp_call", exp_neg_sq, 1.0)) is None
    assert internals.jax_function(equation("custom_jvp_call", jax.nn.relu, 1.0)) == "relu"
    assert internals.jax_function(equation("sin", jnp.sin, 1.0)) is None


def test_an_equation_knows_the_lines_that_made_it():
    def mine(x):
        return jnp.sin(x)

    line = mine.__code__.co_firstlineno + 1
    assert (__file__, line) in internals.frames(equation("sin", mine, 1.0))
    inner = equation("jit", jax.jit(mine), 1.0)
    assert internals.user_function(internals.called(inner)) == __file__
    assert "/jax/" in internals.user_function(internals.called(equation("jit", jax.nn.silu, 1.0)))


@pytest.mark.parametrize("function", [jnp.sin, lambda x: x + 2, jax.nn.relu, jax.lax.stop_gradient])
def test_an_equation_is_evaluated_with_its_parameters(function):
    jaxpr, _ = internals.opened(jax.make_jaxpr(function)(3.0))
    eqn = jaxpr.eqns[0]
    operands = [atom.val if internals.is_literal(atom) else jnp.float64(3) for atom in eqn.invars]
    assert internals.evaluate(eqn, operands, eqn.params) == [function(3.0)]


def test_several_results_of_an_equation_are_a_list():
    eqn = equation("split", lambda x: jnp.split(x, 3), X)
    assert [y.shape for y in internals.evaluate(eqn, [X], eqn.params)] == [(1, 2)] * 3


def test_inner_jaxprs_are_those_of_every_parameter():
    both = equation("cond", lambda x: lax.cond(x > 0, jnp.sin, jnp.cos, x), 1.0)
    assert sorted(eqn.primitive.name for j in internals.inner_jaxprs(both) for eqn in j.eqns) == [
        "cos",
        "sin",
    ]


@pytest.mark.parametrize("reverse", [False, True])
def test_scan(reverse):
    def step(carry, x):
        return (carry[0] + x.sum() + X[0, 0], carry[1] * x), x

    def function(x):
        return lax.scan(step, (x[0, 0], x[0]), (x), reverse=reverse)

    found = internals.scan(equation("scan", function, X))
    constants = len(internals.opened(found.body)[0].invars) - 3
    assert found[1:] == (constants, 2, 3, reverse)


@pytest.mark.parametrize(
    ("carry", "length", "function"),
    [
        (1, 4, lambda x: lax.scan(lambda c, _: (c * 2, None), x[0], None, length=4)),
        (0, 3, lambda x: lax.scan(lambda _, v: (None, v * 2), None, x)),
        (2, 3, lambda x: lax.fori_loop(0, 3, lambda i, c: c * x, x)),
    ],
    ids=["no slices", "no carry", "fori_loop"],
)
def test_scan_without_some_of_its_parts(carry, length, function):
    found = internals.scan(equation("scan", function, X))
    assert (found.carry, found.length) == (carry, length)


def test_while():
    limit = jnp.arange(3.0)
    found = internals.while_loop(
        equation("while", lambda x: lax.while_loop(lambda c: (c < limit[0]).all(), lambda c: c + x, x), X)
    )
    assert (found.of_condition, found.of_body) == (1, 1)
    assert [e.primitive.name for e in internals.opened(found.body)[0].eqns] == ["add"]


def test_the_branches_of_cond_are_in_the_order_of_the_index():
    false, true = internals.branches(equation("cond", lambda x: lax.cond(x > 0, jnp.sin, jnp.cos, x), 1.0))
    assert [internals.opened(j)[0].eqns[0].primitive.name for j in (false, true)] == ["cos", "sin"]


@pytest.mark.parametrize(
    ("branches", "at"), [({"cpu": jnp.sin, "tpu": jnp.tan}, 0), ({"cuda": jnp.sin, "tpu": jnp.tan}, -1)]
)
def test_the_branch_for_cpus(branches, at):
    def function(x):
        return lax.platform_dependent(x, default=jnp.cos, **branches)

    eqn = equation("platform_index", function, 1.0)
    assert internals.cpu_branch(eqn) == (
        list(branches).index("cpu") if at == 0 else len(eqn.params["platforms"]) - 1
    )


def test_the_primitives_of_jax_are_known():
    found = internals.known_primitives()
    assert {"add", "conv_general_dilated", "cholesky", "scan", "jit"} <= set(found)


def test_attributes_of_an_nnx_module_come_without_flax_s_own():
    class Net(nnx.Module):
        def __init__(self):
            self.weight = nnx.Param(jnp.zeros(1))
            self.name = "net"

    assert {name for name, _ in internals.nnx_attributes(Net())} == {"weight", "name"}


def test_the_default_precision_is_what_its_context_manager_sets():
    assert internals.default_matmul_precision() is None
    with jax.default_matmul_precision("highest"):
        assert internals.default_matmul_precision() == "highest"


@pytest.mark.parametrize("under_jit", [False, True])
def test_traced_reads_a_function_and_does_not_trace_again_what_ran_under_jit(under_jit):
    calls = []

    def function(x, pair):
        calls.append(1)
        return {"sum": x + pair[0], "whole": pair[1]}

    args = np.ones((2, 3), np.float32), (np.float32(1), np.arange(3))
    given = jax.jit(function) if under_jit else function
    if under_jit:
        given(*args)
    closed, shape = internals.traced(given, args)
    assert [eqn.primitive.name for eqn in internals.opened(closed)[0].eqns] == ["add"]
    assert shape["sum"].shape == (2, 3) and shape["whole"].shape == (3,)
    assert len(calls) == 1
