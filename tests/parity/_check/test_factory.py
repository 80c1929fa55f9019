"""What makes a network, by its name: a library's own name for it, too."""

import sys
import types

import pytest

from parity._check.factory import factory


def detector(*, weights_backbone="downloaded"):
    return weights_backbone


def classifier():
    return "classifier"


@pytest.fixture
def torchvision(monkeypatch):
    """torchvision is not installed for the tests: what is called of it."""
    builders = {"detector": detector, "classifier": classifier}

    def get_model_builder(name):
        if name not in builders:
            raise ValueError(f"Unknown model {name}")
        return builders[name]

    models = types.ModuleType("torchvision.models")
    models.get_model_builder = get_model_builder
    models.get_model = lambda name, **config: get_model_builder(name)(**config)
    package = types.ModuleType("torchvision")
    package.models = models
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    return package


@pytest.mark.parametrize(
    ("name", "expression", "made"),
    [
        ("detector", 'torchvision.models.get_model("detector", weights_backbone=None)', None),
        ("classifier", 'torchvision.models.get_model("classifier")', "classifier"),
    ],
)
def test_no_backbone_is_downloaded_for_a_detector(torchvision, name, expression, made):
    found = factory(f"torchvision:{name}", "`made_by[0]`")
    assert found.expression == expression
    assert found.make() == eval(expression, {"torchvision": torchvision}) == made


def test_a_name_that_the_library_does_not_know_is_refused(torchvision):
    with pytest.raises(ValueError, match=r"`made_by\[0\]` \(='torchvision:nope'\): Unknown model nope"):
        factory("torchvision:nope", "`made_by[0]`")
