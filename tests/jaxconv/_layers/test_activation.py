"""The activation and shape layers of both fronts: signatures, refusals, PReLU, RReLU, Softmax2d, Identity.

Their values are compared by test_module_info.py.
"""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
from jaxconv._layers import activation, shape

NAMES = [
    name
    for module in (activation, shape)
    for name, cls in vars(module).items()
    if inspect.isclass(cls) and cls.__module__ == module.__name__ and hasattr(torch.nn, name)
]
FRONTS = [jaxconv.nn, jaxconv.linen]


def positional(function):
    parameters = inspect.signature(function).parameters.values()
    return [
        (p.name, p.default)
        for p in parameters
        if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in ("self", "parent", "name", "device", "dtype")
    ]


@pytest.mark.parametrize("name", [*NAMES, "PReLU"])
def test_arguments_and_docstrings(name):
    theirs = getattr(torch.nn, name).__init__
    expected = [] if theirs is torch.nn.Module.__init__ else positional(theirs)
    if name == "Hardtanh":
        expected = expected[:3]  # without torch's deprecated min_value and max_value
    assert positional(getattr(jaxconv, name).__init__) == expected
    of_linen = [
        ("init", d) if n == "init_value" else (n, d) for n, d in positional(getattr(jaxconv.linen, name))
    ]
    assert of_linen == expected
    for front in FRONTS:
        assert getattr(front, name).__doc__.startswith(f"torch.nn.{name}: ")


BAD = {
    "inplace": (lambda m: m.ReLU(jnp.ones(1)), TypeError, "`inplace` must be a bool, got an array"),
    "inplace of RReLU": (lambda m: m.RReLU(0.1, 0.2, jnp.ones(1)), TypeError, "`inplace` must be a bool"),
    "approximate": (lambda m: m.GELU("erf"), ValueError, r"`approximate` \(='erf'\) must be 'none' or 'tanh'"),
    "alpha": (lambda m: m.ELU("1"), TypeError, "`alpha` must be a number, got '1' of type str"),
    "lambd": (lambda m: m.Softshrink(-1.0), ValueError, r"`lambd` \(=-1.0\) must be greater or equal to 0"),
    "ends": (lambda m: m.Hardtanh(2, 1), ValueError, r"`min_val` \(=2\) must not be greater than `max_val` \(=1\)"),
    "bounds": (lambda m: m.RReLU(0.5, 0.1), ValueError, r"`lower` \(=0.5\) must not be greater than `upper` \(=0.1\)"),
    "dim": (lambda m: m.Softmax(1.5), TypeError, "`dim` must be an int, got 1.5 of type float"),
    "dim of GLU": (lambda m: m.GLU(None), TypeError, "`dim` must be an int, got None"),
    "num_parameters": (lambda m: m.PReLU(0), ValueError, r"`num_parameters` \(=0\) must be positive"),
    "init": (lambda m: m.PReLU(1, "1"), TypeError, "`init(_value)?` must be a number, got '1' of type str"),
    "start_dim": (lambda m: m.Flatten(0.5), TypeError, "`start_dim` must be an int, got 0.5 of type float"),
    "sizes": (lambda m: m.Unflatten(1, 4), TypeError, "`unflattened_size` must be a tuple of ints, got 4"),
    "size": (lambda m: m.Unflatten(1, (2, "a")), TypeError, r"`unflattened_size\[1\]` must be an int, got 'a'"),
    "name": (lambda m: m.Unflatten("C", (2, 2)), TypeError, "`dim` must be an int, got 'C' of type str"),
}  # fmt: skip


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize(("make", "error", "message"), BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_refused_at_construction(front, make, error, message):
    with pytest.raises(error, match=message):
        make(front)


def test_prelus_parameter():
    for count in (1, 3):
        theirs = torch.nn.PReLU(count, 0.5)
        x = np.arange(-6.0, 6.0, dtype=np.float32).reshape(2, 3, 2)
        ours = jaxconv.PReLU(count, 0.5)  # it draws nothing: no rngs
        linen = jaxconv.linen.PReLU(count, 0.5)
        variables = linen.init(jax.random.key(0), x)
        for y, tree in ((ours(x), ours), (linen.apply(variables, x), variables)):
            np.testing.assert_array_equal(y, theirs(torch.from_numpy(x)).detach())
            assert {n: a.shape for n, a in jaxconv.state_dict(tree).items()} == {"weight": (count,)}
    drawn = jaxconv.PReLU(3, weight_init=jax.nn.initializers.normal(), rngs=nnx.Rngs(0)).weight[...]
    assert len(set(drawn.tolist())) == 3
    half = jaxconv.PReLU(param_dtype=jnp.bfloat16)
    assert half(jnp.ones(3, jnp.bfloat16)).dtype == jnp.bfloat16 and half(x).dtype == np.float32


def test_rrelus_modes_and_streams():
    x, key = -jnp.ones(100), jax.random.key(3)
    expected = jaxconv.functional.rrelu(x, 0.25, 0.5, True, key=key)
    layer = jaxconv.RReLU(0.25, 0.5)
    np.testing.assert_array_equal(layer(x, rngs=key), expected)
    linen = jaxconv.linen.RReLU(0.25, 0.5)
    np.testing.assert_array_equal(linen.apply({}, x, False, key), expected)
    layer.eval()
    for y in (layer(x), linen.apply({}, x, True)):
        np.testing.assert_array_equal(y, -jnp.full(100, 0.375))
    with pytest.raises(ValueError, match=r"RReLU needs `rngs` in training: RReLU\(..., rngs=nnx.Rngs\(0\)\)"):
        jaxconv.RReLU()(x)
    model = nnx.Sequential(jaxconv.RReLU(rngs=nnx.Rngs(0)))
    assert jaxconv.state_dict(model) == {}
    draw = nnx.jit(lambda m, x: m(x))
    assert (draw(model, x) != draw(model, x)).all()


@pytest.mark.parametrize("front", FRONTS)
def test_softmax_warns_whoever_calls(front):
    layer, x = front.Softmax(), jnp.ones((2, 3))
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax") as caught:
        layer(x) if front is jaxconv.nn else layer.apply({}, x)
    if front is jaxconv.nn:
        assert caught[0].filename == __file__
    with pytest.raises(
        ValueError, match=r"Softmax2d: expected input to be 3D or 4D, but got `input` of shape \(2, 3\)"
    ):
        front.Softmax2d()(x)


@pytest.mark.parametrize("front", FRONTS)
def test_identity_takes_anything(front):
    layer, x = front.Identity(54, unused_argument1=0.1, unused_argument2=False), {"a": [1, "b"]}
    assert (layer(x) if front is jaxconv.nn else layer.apply({}, x)) is x


def test_attributes_are_live():
    layer = jaxconv.LeakyReLU(0.5)
    layer.negative_slope = 0.25
    np.testing.assert_array_equal(layer(-jnp.ones(2)), [-0.25, -0.25])
