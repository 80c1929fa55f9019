"""torch's methods and Flax's arguments on our layers: the error says what to write instead."""

import copy
import inspect
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx

import jaxconv
from jaxconv._habits import ARGUMENTS, LINEN_METHODS, METHODS, NAMES

X = jnp.ones((1, 3, 5, 5), jnp.float32)


def conv(**more):
    return jaxconv.Conv2d(3, 4, 3, rngs=nnx.Rngs(0), **more)


def networks():
    theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    return [conv(), jaxconv.ReLU(), jaxconv.Sequential(conv()), jaxconv.from_torch(theirs, np.asarray(X))]


@pytest.mark.parametrize("network", networks(), ids=lambda network: type(network).__name__)
def test_methods_of_torch_say_what_to_write(network):
    for name, said in METHODS.items():
        with pytest.raises(AttributeError) as error:
            getattr(network, name)
        kind = type(network).__name__
        assert str(error.value) == f"'{kind}' object has no attribute '{name}': {said}"
        assert error.value.name == name and not hasattr(network, name) and getattr(network, name, 1) == 1
    with pytest.raises(AttributeError, match=r"has no attribute 'unheard_of'$"):
        _ = network.unheard_of


@pytest.mark.parametrize("name", LINEN_METHODS)
def test_so_do_those_of_linen(name):
    for module in (jaxconv.linen.Conv2d(3, 4, 3), jaxconv.linen.Sequential(jaxconv.linen.ReLU())):
        with pytest.raises(AttributeError) as error:
            getattr(module, name)
        assert str(error.value).endswith(f"has no attribute '{name}': {LINEN_METHODS[name]}")


def test_every_method_that_is_named_is_torch_s():
    known = set(dir(torch.nn.Linear(1, 1)))
    assert set(METHODS) | set(LINEN_METHODS) <= known
    # NNX has train and eval, Linen has apply.
    assert set(METHODS) - {"apply"} == set(LINEN_METHODS) - {"train", "eval"}


def test_modules_are_copied_pickled_and_taken_apart_as_before():
    layer = conv()
    for other in (
        copy.copy(layer),
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),
        nnx.clone(layer),
        nnx.merge(*nnx.split(layer)),
        jax.tree.map(lambda a: a, layer),
    ):
        assert (other(X) == layer(X)).all()
    thin = jaxconv.linen.Sequential(jaxconv.linen.Conv2d(3, 4, 3))
    variables = thin.init(jax.random.key(0), X)
    for other in (copy.deepcopy(thin), pickle.loads(pickle.dumps(thin)), thin.clone()):
        assert (other.apply(variables, X) == thin.apply(variables, X)).all()


class Own(jaxconv.Conv2d):
    def __init__(self, features, **more):
        super().__init__(3, features, 3, **more)

    def parameters(self):
        return "its own"


def test_a_class_of_the_user_s_own_may_have_them():
    own = Own(features=4, rngs=nnx.Rngs(0))
    assert own.parameters() == "its own" and own(X).shape == (1, 4, 3, 3)


class Late(jaxconv.linen.ReLU):
    def setup(self):
        self.float = jaxconv.linen.Tanh()

    def __call__(self, x):
        return self.float(x)


def test_attributes_that_linen_sets_up_later_are_found():
    assert (Late().apply({}, X) == jnp.tanh(X)).all()


@pytest.mark.parametrize("package", [jaxconv, jaxconv.linen])
def test_arguments_of_flax_s_layers_are_named(package):
    rngs = {"rngs": nnx.Rngs(0)} if package is jaxconv else {}
    given = dict(in_channels=3, out_channels=4, kernel_size=3)
    for name, own in {
        "kernel_init": "weight_init",
        "strides": "stride",
        "use_bias": "bias",
        "kernel_dilation": "dilation",
        "feature_group_count": "groups",
        "kernel_sizes": "kernel_size",
    }.items():
        with pytest.raises(TypeError) as error:
            package.Conv2d(**given, **{name: 1}, **rngs)
        assert str(error.value) == (
            f"Conv2d.__init__() got an unexpected keyword argument '{name}': write `{own}`"
        )
    for make in (
        lambda: package.Conv2d(3, features=4, kernel_size=3),
        lambda: package.Conv2d(in_features=3, out_channels=4, kernel_size=3),
        lambda: package.Linear(3, features=4),
        lambda: package.BatchNorm2d(features=4),
        lambda: package.GroupNorm(2, features=4),
        lambda: package.BatchNorm2d(4, epsilon=1e-3),
        lambda: package.Dropout(rate=0.5),
        lambda: package.MaxPool2d(window_shape=2),
    ):
        with pytest.raises(TypeError, match=r"unexpected keyword argument '\w+': write `\w+`$"):
            make()
    with pytest.raises(TypeError, match=r"'device': place the arrays by `jax.device_put"):
        package.Conv2d(**given, device="cpu", **rngs)
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'zzz'$"):
        package.Conv2d(**given, zzz=1, **rngs)


def test_every_argument_that_is_named_is_flax_s():
    kinds = [k for front in (nnx, linen) for k in vars(front).values() if inspect.isclass(k)]
    known = {name for kind in kinds for name in _parameters(kind)} | {"window_shape", "strides"}
    assert set(ARGUMENTS) <= known, set(ARGUMENTS) - known


def _parameters(kind):
    try:
        return inspect.signature(kind.__init__).parameters
    except (TypeError, ValueError):
        return ()


def test_names_of_torch_s_packages():
    for name, said in NAMES.items():
        with pytest.raises(AttributeError) as error:
            getattr(jaxconv.nn, name)
        assert str(error.value) == f"module 'jaxconv.nn' has no attribute '{name}': {said}"
        assert not hasattr(jaxconv, name) and not hasattr(jaxconv.linen, name)
    for package in (jaxconv.init, jaxconv.surgery):
        with pytest.raises(
            AttributeError, match=r"`model = jaxconv.surgery.kaiming_normal\(model, 'conv.weight', "
        ):
            _ = package.kaiming_normal_
        with pytest.raises(AttributeError, match=r"has no attribute 'unheard_of_'$"):
            _ = package.unheard_of_


def test_a_parameter_that_is_to_be_frozen_by_metadata_says_how_to():
    layer = conv()
    for name in ("weight", "bias"):
        other = nnx.clone(layer)
        getattr(other, name).set_metadata(requires_grad=False)
        with pytest.raises(ValueError, match=rf"`layer.{name} = jaxconv.FrozenParam\(layer.{name}\[...\]\)`"):
            other(X)
        setattr(other, name, jaxconv.FrozenParam(getattr(other, name)[...]))
        assert (other(X) == layer(X)).all()
        grads = nnx.grad(lambda m: m(X).sum())(other)
        assert name not in grads
    with pytest.raises(ValueError, match="requires_grad, which Flax does not read"):
        conv(weight_metadata={"requires_grad": False})(X)
    conv(weight_metadata={"requires_grad": True})(X)
