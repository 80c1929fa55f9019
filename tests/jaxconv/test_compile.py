"""jaxconv.compile: the same numbers whatever is chosen, and a choice that is remembered."""

import json
import os
import subprocess
import sys
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
from jaxconv import _compile, _compile_cache
from jaxconv._compile import Setting
from jaxconv._lower import native

pytestmark = pytest.mark.share(2)

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


def test_what_follows_a_convolution_is_computed_with_it(model):
    compiled = jaxconv.compile(model, X, pairs=[("body.0", "body.1"), ("body.3", "norm")])
    text = compiled._programs[None].executable.hlo_modules()[0].to_string()
    targets = [f'custom_call_target="{t}"' for t in (native.FUSED_TARGET, native.BLOCKED_TARGET)]
    assert sum(map(text.count, targets)) == 2
    explained = jaxconv.explain(compiled)
    assert [(c.layer, c.epilogue) for c in explained.convolutions] == [
        ("body.0", "bias + relu"),
        ("body.3", "bias"),
    ]
    assert "2 of 2: 1 with bias + relu, 1 with bias" in str(explained)
    assert f"in blocks of {native.lanes()} channels" in str(explained) and "dweight" not in str(explained)
    np.testing.assert_array_equal(compiled(X), expected(model))
    # Not where the kernels were not asked for.
    with jaxconv.lowering("xla"):
        without = jaxconv.compile(model, X)
        assert not any(c.epilogue for c in jaxconv.explain(without).convolutions)
    text = without._programs[None].executable.hlo_modules()[0].to_string()
    assert not any(target in text for target in native.TARGETS)
    with pytest.raises(ValueError, match="`inputs` must be left out for a compiled model"):
        jaxconv.explain(compiled, X)
    module = jaxconv.linen.Conv2d(3, 4, 3)
    of_linen = jaxconv.compile((module, module.init(jax.random.key(0), X)), X[:1])
    assert [c.epilogue for c in jaxconv.explain(of_linen).convolutions] == ["bias"]


def test_the_parameters_may_be_constants(model):
    compiled = jaxconv.compile(model, jax.ShapeDtypeStruct(X.shape, X.dtype), constants=True)
    np.testing.assert_array_equal(compiled(X), expected(model))
    assert str(compiled.setting) == "parameters as constants"


def test_tuning_keeps_the_fastest_and_remembers_it(model, cache, monkeypatch):
    compiled = jaxconv.compile(model, X, tune=True)
    assert compiled.milliseconds[compiled.setting] == min(compiled.milliseconds.values())
    settings = set(compiled.milliseconds)
    assert Setting() in settings and Setting("xla" if native.isa() else "direct") in settings
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


OTHERS = [
    "{",
    "[]",
    '{"version": 99, "settings": {}}',
    '{"program": "jaxconv.compile", "version": 99, "settings": {}}',
    '{"name": "somebody\'s package.json"}',
    "\x00",
    "[" * 10**5,
    '{"program": "jaxconv.compile", "version": 2, "settings": []}',
]


@pytest.mark.parametrize("text", OTHERS, ids=range(len(OTHERS)))
def test_a_file_that_is_none_of_ours_is_ignored_and_stays(text, model, cache):
    cache.parent.mkdir()
    cache.write_text(text)
    with (
        pytest.warns(UserWarning, match=r"tuned.json is ignored: it is no file of jaxconv.compile"),
        pytest.warns(
            UserWarning, match=r"tuned.json is not overwritten, since .*; give another file as `cache`"
        ),
    ):
        compiled = jaxconv.compile(model, X, tune=True)
    assert compiled.milliseconds
    assert cache.read_text() == text


OLD = '{"program": "jaxconv.compile", "version": 2, "settings": {"a": {}}}'


@pytest.mark.parametrize("text", ["", '{"version": 1, "settings": {"a": {}}}', OLD])
def test_an_empty_file_and_those_of_earlier_versions_are_filled(text, model, cache):
    cache.parent.mkdir()
    cache.write_text(text)
    jaxconv.compile(model, X, tune=True)
    assert len(json.loads(cache.read_text())["settings"]) == 1


GOOD = {"lowering": None, "options": [], "constants": False, "blocks": True}
BAD_ENTRIES = [
    3,
    {},
    {**GOOD, "lowering": "magic"},
    {**GOOD, "lowering": ["xla"]},
    {**GOOD, "constants": 1},
    {**GOOD, "blocks": 1},
    {**GOOD, "options": {}},
    {**GOOD, "options": [["xla_dump_to", "/tmp/somewhere"]]},
    {**GOOD, "options": [["xla_cpu_enable_fast_math", True]]},
    {**GOOD, "options": [["xla_cpu_prefer_vector_width", 512.0]]},
    {**GOOD, "options": [["xla_cpu_use_fusion_emitters", 0]]},
    {**GOOD, "options": [["xla_cpu_use_fusion_emitters"]]},
    {**GOOD, "options": [[["a"], {}]]},
    {**GOOD, "more": 1},
]


@pytest.mark.parametrize("entry", BAD_ENTRIES, ids=range(len(BAD_ENTRIES)))
def test_only_what_a_candidate_may_hold_is_taken_from_a_file(entry, model, cache, monkeypatch):
    assert _compile._accepted(GOOD) == Setting()
    monkeypatch.setattr(_compile, "_key", lambda lowered: "this")
    monkeypatch.setattr(
        _compile, "_tuned", lambda programs, inputs: {Setting(): (1.0, programs.compiled(inputs, Setting()))}
    )
    cache.parent.mkdir()
    document = {"program": "jaxconv.compile", "version": 3, "settings": {"this": entry, "other": GOOD}}
    cache.write_text(json.dumps(document))
    with pytest.warns(UserWarning, match=r"tuned.json: 1 entries are ignored: "):
        assert jaxconv.compile(model, X, tune=True).milliseconds
    assert json.loads(cache.read_text())["settings"] == {"this": GOOD, "other": GOOD}


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    program = """
import sys
from jaxconv import _compile, _compile_cache
from pathlib import Path
for i in range(20):
    _compile_cache.remember(Path(sys.argv[1]), f"{sys.argv[2]}.{i}", {"lowering": None, "options": [], "constants": False, "blocks": True}, _compile._accepted)
"""
    file = tmp_path / "tuned.json"
    command = [sys.executable, "-c", program, str(file)]
    running = [subprocess.Popen([*command, str(i)]) for i in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    assert len(json.loads(file.read_text())["settings"]) == 80
    assert sorted(os.listdir(tmp_path)) == ["tuned.json", "tuned.json.lock"]


def test_links_that_were_laid_there_are_not_followed(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    file = tmp_path / "tuned.json"
    for name in (f"tuned.json.{os.getpid()}", "tuned.json.00.tmp", "tuned.json.lock"):
        (tmp_path / name).symlink_to(victim)
    monkeypatch.setattr(_compile_cache.secrets, "token_hex", lambda n: "00")
    with pytest.warns(UserWarning, match="what was measured cannot be remembered"):
        _compile_cache.remember(file, "a", GOOD, _compile._accepted)
    (tmp_path / "tuned.json.lock").unlink()
    with pytest.warns(UserWarning, match="what was measured cannot be remembered"):
        _compile_cache.remember(file, "a", GOOD, _compile._accepted)
    assert victim.read_text() == "mine" and not file.exists()


def test_without_a_home_nothing_is_remembered(model, monkeypatch):
    monkeypatch.delenv("JAXCONV_CACHE", raising=False)
    monkeypatch.setattr(_compile, "_ROUNDS", 1)

    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(_compile_cache.Path, "home", home)
    with pytest.warns(UserWarning, match="there is no home directory; give a file as `cache`"):
        assert jaxconv.compile(model, X, tune=True).milliseconds


def test_the_key_has_all_that_decides(monkeypatch):
    before = _compile_cache.machine()
    assert {version("jax"), version("jaxlib"), os.cpu_count()} <= {*before}
    assert any("model name" in str(x) or "CPU part" in str(x) for x in before) or not os.path.exists(
        "/proc/cpuinfo"
    )
    for name in ("JAXCONV_ISA", "JAXCONV_KERNELS", "XLA_FLAGS"):
        with monkeypatch.context() as changed:
            changed.setenv(name, "other")
            assert _compile_cache.machine() != before
    for name in ("_processor", "kernels_hash"):
        with monkeypatch.context() as changed:
            changed.setattr(_compile_cache, name, lambda: "another")
            assert _compile_cache.machine() != before


def test_a_place_that_cannot_be_written_is_no_error(model, cache):
    with pytest.warns(UserWarning, match="what was measured cannot be remembered"):
        compiled = jaxconv.compile(model, X, tune=True, cache="/dev/null/tuned.json")
    np.testing.assert_array_equal(compiled(X), expected(model))


def test_an_option_that_this_xla_has_not_is_passed_over(model, cache, monkeypatch):
    first = (Setting(), Setting(options=(("xla_cpu_no_such_thing", 1),)))
    monkeypatch.setattr(_compile, "_candidates", lambda: (first, ()))
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
    with pytest.raises(ValueError, match="the model has no module 'a'"):
        jaxconv.compile((module, module.init(jax.random.key(0), X)), X, pairs=[("a", "b")])
    with pytest.raises(TypeError):
        jaxconv.compile(model, X)(jnp.zeros((1, 3, 9, 8)))
