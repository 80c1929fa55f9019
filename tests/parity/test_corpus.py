"""A corpus of faulty ports: each is flagged, in the right layer, with the right cause; without the fault, no alarm."""

import warnings

import pytest
import torch
from corpus import PORTS, image

import parity


def trained(module):
    """Statistics and scales that differ from their defaults, which hide mistakes."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            last = name.rpartition(".")[2]
            kind = type(module.get_submodule(name.rpartition(".")[0])).__name__
            if last == "running_var" or (last == "weight" and "Norm" in kind):
                tensor.uniform_(0.2, 1.5, generator=generator)
            elif last in ("running_mean", "bias"):
                tensor.uniform_(-1, 1, generator=generator)
    return module


def run(port, wrong, seed=0):
    torch.manual_seed(seed)
    module = port.theirs()
    if port.convert is not None:
        module = trained(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parity.check(module, port.ours(wrong), image(port, seed), convert=port.convert, seed=seed)


def test_the_corpus_is_large():
    assert len(PORTS) >= 60 and len({port.id for port in PORTS}) == len(PORTS)


@pytest.mark.parametrize("port", PORTS, ids=lambda port: port.id.replace(" ", "-"))
def test_a_fault_is_found_and_named(port):
    run(port, wrong=False).assert_ok()
    report = run(port, wrong=True)
    assert not report.ok
    if port.layer is None:
        assert all(layer.ok for layer in report.layers)
    else:
        assert report.first_divergence == port.layer
        assert {layer.name for layer in report.layers if not layer.ok} == {port.layer}
    assert len(report.diagnosis) == 1, report.diagnosis
    (found,) = report.diagnosis
    assert found.cause in port.causes, found
    if port.layer is not None:
        assert found.layer == port.layer
