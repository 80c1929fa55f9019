"""jaxconv.compile: the same numbers whatever is chosen, and a choice that is remembered."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
from jaxconv import _compile
from jaxconv._compile import Setting

X = np.random.default_rng(0).integers(-4, 5, (2, 3, 9, 8)).astype(np.float32)


class Net(nnx.Module):
    """Of small whole numbers, so that nothing is rounded, in whatever order it is added up."""

    def __init__(self):
        rngs = nnx.Rngs(0)
        self.body = jaxconv.Sequential(
            jaxconv.Conv2d(3, 6, 3, groups=3, rngs=rngs),
            jaxconv.BatchNorm2d(6, eps=0),
            jaxconv.ReLU(),
            jaxconv.Conv2d(6, 4, 1, rngs=rngs),
        )
        self.norm = jaxconv.BatchNorm2d(4, eps=0)

    def __call__(self, x):
        return self.norm(self.body(x))


@pytest.fixture
def model():
    net = Net()
    rng = np.random.default_rng(1)
    values = {
        name: np.full(a.shape, 4) if name.endswith("running_var") else rng.integers(-3, 4, a.shape)
        for name, a in jaxconv.state_dict(net).items()
    }
    return jaxconv.load_state_dict(net, values)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXCONV_CACHE", str(tmp_path / "deep" / "tuned.json"))
    monkeypatch.setattr(_compile, "_ROUNDS", 2)
    return tmp_path / "deep" / "tuned.json"


def expected(model):
    copy = nnx.clone(model)
    copy.eval()
    return copy(X)


def test_it_is_the_model_in_evaluation_mode(model):
    before = jaxconv.state_dict(model)
    compiled = jaxconv.compile(model, X)
    np.testing.assert_array_equal(compiled(X), expected(model))
    assert compiled.setting == Setting() and not compiled.milliseconds
    # The pair in the Sequential is folded, the other one's order is not known.
    assert isinstance(compiled.model.body[1], jaxconv.Identity)
    assert isinstance(compiled.model.norm, jaxconv.BatchNorm2d)
    assert not model.norm.use_running_average
    assert all(before[name] is a for name, a in jaxconv.state_dict(model).items())
    more = jaxconv.compile(model, X, pairs=[("body.0", "body.1"), ("body.3", "norm")])
    assert isinstance(more.model.norm, jaxconv.Identity)
    np.testing.assert_array_equal(more(X), expected(model))


def test_the_parameters_may_be_constants(model):
    compiled = jaxconv.compile(model, jax.ShapeDtypeStruct(X.shape, X.dtype), constants=True)
    np.testing.assert_array_equal(compiled(X), expected(model))
    assert str(compiled.setting) == "parameters as constants"


def test_tuning_keeps_the_fastest_and_remembers_it(model, cache, monkeypatch):
    compiled = jaxconv.compile(model, X, tune=True)
    assert compiled.milliseconds[compiled.setting] == min(compiled.milliseconds.values())
    settings = set(compiled.milliseconds)
    assert Setting() in settings and Setting("direct") in settings
    assert any(s.constants for s in settings) and any(s.options for s in settings)
    np.testing.assert_array_equal(compiled(X), expected(model))
    # Another process would find it in the file.
    monkeypatch.setattr(_compile, "_tuned", lambda *args: pytest.fail("measured again"))
    again = jaxconv.compile(model, X, tune=True)
    assert again.setting == compiled.setting and not again.milliseconds
    np.testing.assert_array_equal(again(X), expected(model))


def test_another_program_is_measured_for_itself(model, cache):
    jaxconv.compile(model, X, tune=True)
    assert jaxconv.compile(model, X[:1], tune=True).milliseconds
    assert len(json.loads(cache.read_text())["settings"]) == 2


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"version": 99, "settings": {}}',
        '{"version": 1, "settings": {"a": {"lowering": "magic"}}}',
        "\x00",
    ],
)
def test_a_file_that_is_none_of_ours_is_ignored(text, model, cache):
    cache.parent.mkdir()
    cache.write_text(text)
    with pytest.warns(UserWarning, match=r"tuned.json is ignored: it is no file of jaxconv.compile"):
        compiled = jaxconv.compile(model, X, tune=True)
    assert compiled.milliseconds
    assert len(json.loads(cache.read_text())["settings"]) == 1


def test_a_place_that_cannot_be_written_is_no_error(model, cache):
    with pytest.warns(UserWarning, match="what was measured cannot be remembered"):
        compiled = jaxconv.compile(model, X, tune=True, cache="/dev/null/tuned.json")
    np.testing.assert_array_equal(compiled(X), expected(model))


def test_an_option_that_this_xla_has_not_is_passed_over(model, cache, monkeypatch):
    first = (Setting(), Setting(options=(("xla_cpu_no_such_thing", 1),)))
    monkeypatch.setattr(_compile, "_CANDIDATES", {"cpu": (first, ())})
    settings = jaxconv.compile(model, X, tune=True).milliseconds
    assert settings and not any(s.options for s in settings)


def test_linen_and_torch():
    module = jaxconv.linen.Conv2d(3, 4, 3)
    variables = module.init(jax.random.key(0), X)
    compiled = jaxconv.compile((module, variables), X)
    np.testing.assert_array_equal(compiled(X), jax.jit(module.apply)(variables, X))
    theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    of_torch = jaxconv.compile(jaxconv.from_torch(theirs, X), X)
    assert not any("running" in name for name in jaxconv.state_dict(of_torch.model))


def test_refusals(model):
    with pytest.raises(ValueError, match="`example_inputs`: at least one is needed"):
        jaxconv.compile(model)
    with pytest.raises(TypeError, match=r"`model` must be an NNX module or a pair .* got function"):
        jaxconv.compile(lambda x: x, X)
    with pytest.raises(ValueError, match="the model has no module 'bn'"):
        jaxconv.compile(model, X, pairs=[("body.0", "bn")])
    module = jaxconv.linen.Conv2d(3, 4, 3)
    with pytest.raises(ValueError, match="`pairs` are for NNX modules"):
        jaxconv.compile((module, module.init(jax.random.key(0), X)), X, pairs=[("a", "b")])
    with pytest.raises(TypeError):
        jaxconv.compile(model, X)(jnp.zeros((1, 3, 9, 8)))
