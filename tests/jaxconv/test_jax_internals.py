"""What jaxconv uses of JAX and Flax without a promise: on a new release, the test that fails says what has changed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.sharding import PartitionSpec

from jaxconv import _jax_internals as internals


@pytest.fixture
def doubled():
    """A primitive of two operands that is bilinear: a * b."""
    primitive = internals.Primitive("jaxconv_test_product")
    primitive.def_abstract_eval(lambda a, b: a)
    primitive.def_impl(lambda a, b: jax.jit(primitive.bind)(a, b))

    def transposed(ct, a, b, wrt):
        return ct * (b if wrt == 0 else a)

    internals.define_bilinear(
        primitive, lambda ct, a, b: transposed(ct, a, b, 0), lambda ct, a, b: transposed(ct, a, b, 1)
    )
    internals.define_batching(
        primitive,
        lambda args, dims: (
            primitive.bind(*jnp.broadcast_arrays(*args)),
            max(d for d in dims if d is not None),
        ),
    )
    internals.define_lowering(primitive, internals.lower_with(lambda a, b: a * b))
    return primitive


def test_a_primitive_has_an_implementation_derivatives_and_vmap(doubled):
    a, b = jnp.arange(3.0), jnp.arange(3.0) + 5
    np.testing.assert_array_equal(doubled.bind(a, b), a * b)
    tangents = jax.jvp(doubled.bind, (a, b), (b, a))
    np.testing.assert_array_equal(tangents[1], b * b + a * a)
    _, vjp = jax.vjp(doubled.bind, a, b)
    for got, expected in zip(vjp(jnp.full(3, 2.0)), (2 * b, 2 * a), strict=True):
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(jax.vmap(doubled.bind)(a[None], b[None]), (a * b)[None])


def test_a_primitive_can_refuse_derivatives(doubled):
    internals.refuse_derivatives(doubled, "no derivatives here")
    with pytest.raises(NotImplementedError, match="no derivatives here"):
        jax.jvp(doubled.bind, (jnp.ones(2), jnp.ones(2)), (jnp.ones(2), jnp.ones(2)))
    with pytest.raises(NotImplementedError, match="no derivatives here"):
        jax.grad(lambda a: doubled.bind(a, a).sum())(jnp.ones(2))


def test_jaxprs_are_opened_and_computed_equation_by_equation():
    @jax.custom_jvp
    def inner(x):
        return x + 2

    inner.defjvp(lambda primals, tangents: (inner(*primals), tangents[0]))
    jaxpr, consts = internals.opened(jax.make_jaxpr(lambda x: (jax.jit(jnp.sin)(x), inner(x), x * 3))(2.0))
    assert consts == () and len(jaxpr.outvars) == 3
    calls = [internals.called(eqn) for eqn in jaxpr.eqns]
    assert [call is not None for call in calls] == [True, True, False]
    assert [internals.opened(call)[0].eqns[0].primitive.name for call in calls[:2]] == ["sin", "add"]
    product = jaxpr.eqns[-1]
    assert [internals.is_literal(v) for v in product.invars].count(True) == 1
    assert internals.evaluate(product, [jnp.float32(2), jnp.float32(3)]) == [6]
    # A call that spreads its operands over devices is more than its equations.
    spread = jax.jit(jnp.sin, in_shardings=jax.sharding.SingleDeviceSharding(jax.devices()[0]))
    (eqn,) = internals.opened(jax.make_jaxpr(spread)(2.0))[0].eqns
    assert internals.called(eqn) is None


def test_a_bilinear_primitive_has_taylor_series(doubled):
    from jax.experimental import jet

    internals.define_taylor(doubled)
    x, v = jnp.arange(3.0), jnp.ones(3)
    y, (first, second) = jet.jet(lambda x: doubled.bind(x, x), (x,), ((v, 0 * v),))
    np.testing.assert_array_equal([y, first, np.round(second)], [x * x, 2 * x, 2 * v])


def test_a_lowering_can_be_of_one_platform(doubled):
    internals.define_lowering(doubled, internals.lower_with(lambda a, b: a * b + 1), platform="cpu")
    assert jax.jit(doubled.bind)(jnp.ones(2), jnp.ones(2)).tolist() == [2, 2]


def test_functions_that_are_not_inlined_stay_functions_of_the_program():
    inner = jax.jit(lambda x: x + 1)

    def outer(x):
        with internals.not_inlined():
            return inner(x)

    assert 'inlineable = "false"' in jax.jit(outer).lower(1.0).as_text()


class _Watched:
    """Notes what `runs_on_one_device` says about the programs that it is lowered in."""

    def __init__(self):
        self.found = []
        self.primitive = internals.Primitive("jaxconv_test_watched")
        self.primitive.def_abstract_eval(lambda x: x)
        rule = internals.lower_with(lambda x: x)

        def lower(context, x):
            self.found.append(internals.runs_on_one_device(context.module_context))
            return rule(context, x)

        internals.define_lowering(self.primitive, lower)


def test_a_program_for_this_device_is_told_from_one_for_export_and_from_one_in_shard_map():
    watched = _Watched()
    x = jnp.zeros(2)
    jax.jit(watched.primitive.bind).lower(x)
    assert watched.found == [True]
    jax.export.export(jax.jit(lambda x: watched.primitive.bind(x) + 1), disabled_checks=[])(x)
    assert watched.found[-1] is False
    mesh = jax.make_mesh((1,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
    spread = jax.shard_map(
        lambda x: watched.primitive.bind(x) * 2,
        mesh=mesh,
        in_specs=PartitionSpec("i"),
        out_specs=PartitionSpec("i"),
    )
    jax.jit(spread).lower(x)
    assert watched.found[-1] is True


def test_a_context_that_tells_nothing_is_taken_for_several_devices():
    assert internals.runs_on_one_device(object()) is False


def test_the_axes_that_an_array_varies_along_are_known_in_shard_map():
    seen = []

    def inner(x):
        seen.append(internals.varying_axes(jax.typeof(x)))
        return x

    mesh = jax.make_mesh((1,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
    jax.jit(jax.shard_map(inner, mesh=mesh, in_specs=PartitionSpec("i"), out_specs=PartitionSpec("i"))).lower(
        jnp.zeros(2)
    )
    assert seen == [frozenset({"i"})]
    assert internals.varying_axes(jax.typeof(jnp.zeros(2))) == frozenset()


def test_the_default_precision_is_what_its_context_manager_sets():
    assert internals.default_matmul_precision() is None
    with jax.default_matmul_precision("highest"):
        assert internals.default_matmul_precision() == "highest"


def test_xla_itself_says_whether_it_accepts_a_handler():
    """Not the comparison of headers, which is only for a jaxlib without that function."""
    from jaxlib import xla_client

    assert callable(xla_client._xla.register_custom_call_target)


@pytest.mark.parametrize(("version", "accepted"), [((0, 3), True), ((0, 99), False), ((1, 0), False)])
def test_the_versions_of_headers_are_compared_where_xla_cannot_be_asked(monkeypatch, version, accepted):
    from jaxlib import xla_client

    monkeypatch.delattr(xla_client._xla, "register_custom_call_target")
    why = internals.why_refused(None, version)
    assert (why is None) == accepted
    if not accepted:
        assert f"the kernels need FFI version {version[0]}.{version[1]}, and this jaxlib has 0." in why


def test_without_headers_nothing_is_registered(monkeypatch, tmp_path):
    from jaxlib import xla_client

    monkeypatch.delattr(xla_client._xla, "register_custom_call_target")
    monkeypatch.setattr(jax.ffi, "include_dir", lambda: str(tmp_path))
    assert "the FFI version of this jaxlib is unknown" in internals.why_refused(None, (0, 3))


def test_attributes_of_an_nnx_module_come_without_flax_s_own():
    class Net(nnx.Module):
        def __init__(self):
            self.z = nnx.Param(jnp.zeros(1))
            self.a = nnx.Param(jnp.zeros(1))
            self.name = "net"

    net = Net()
    assert {name for name, _ in internals.nnx_attributes(net)} == {"z", "a", "name"}
    # Flax rebuilds a module with its attributes sorted; the order of assignment survives.
    rebuilt = nnx.merge(*nnx.split(net))
    for module in (net, rebuilt):
        assert [name for name in internals.nnx_assignment_order(module) if name != "name"] == ["z", "a"]


def test_first_from_takes_the_first_value_that_is_given():
    assert internals.first_from(None, False, True, error_msg="none") is False


def test_promote_dtype_casts_to_the_common_dtype():
    cast = internals.promote_dtype((jnp.ones(1, jnp.bfloat16), jnp.ones(1, jnp.float32)), dtype=None)
    assert {a.dtype.name for a in cast} == {"float32"}


def test_a_trace_state_is_valid_in_the_trace_it_was_made_in():
    state = internals.TraceState()
    assert state.is_valid()
    assert jax.eval_shape(lambda x: x * int(state.is_valid()), 1.0).dtype  # runs
    seen = []
    jax.make_jaxpr(lambda x: seen.append(state.is_valid()) or x)(1.0)
    assert seen == [False]


def test_an_executable_goes_through_bytes():
    compiled = jax.jit(lambda x, y: (x + 1, y), keep_unused=True).lower(jnp.ones(3), jnp.ones(2)).compile()
    executable = compiled.runtime_executable()
    assert "f64[3]" in internals.executable_text(executable) or "f32[3]" in internals.executable_text(
        executable
    )
    again = internals.load_executable(internals.executable_bytes(executable), jax.devices()[0])
    first, second = internals.run_executable(again, [jnp.arange(3.0), jnp.ones(2)])
    assert first.tolist() == [1, 2, 3] and second.tolist() == [1, 1]
    with pytest.raises(jax.errors.JaxRuntimeError):
        internals.run_executable(again, [jnp.arange(4.0), jnp.ones(2)])
    with pytest.raises(jax.errors.JaxRuntimeError):
        internals.load_executable(b"unknown", jax.devices()[0])
