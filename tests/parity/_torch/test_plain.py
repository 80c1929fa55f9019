"""A torch network without what is wrapped around it."""

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrizations, prune

from parity._torch.plain import copied, unwrap

WRAPPERS = {
    "old weight_norm": (torch.nn.utils.weight_norm, "WeightNorm"),
    "weight_norm": (parametrizations.weight_norm, "_WeightNorm"),
    "old spectral_norm": (torch.nn.utils.spectral_norm, "SpectralNorm"),
    "spectral_norm": (parametrizations.spectral_norm, "_SpectralNorm"),
    "pruning": (lambda m: prune.l1_unstructured(m, "weight", 0.5), "pruning"),
}


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
@pytest.mark.parametrize("kind", WRAPPERS)
def test_computed_weights_become_what_they_are(kind):
    wrap, word = WRAPPERS[kind]
    x = torch.randn(2, 3)
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU()).train()
    wrap(network[0])
    network(x)  # spectral_norm has its weight only then
    network.eval()
    own = copied(network)
    (note,) = unwrap(own)
    assert f"torch's '0.weight' is computed by {word}: its value is compared" in note
    assert {name for name, _ in own.named_parameters()} == {"0.weight", "0.bias"}
    assert np.array_equal(own(x).detach(), network(x).detach())
    assert "0.weight" not in dict(network.named_parameters())  # the original stays as it was


def test_spectral_norm_in_training_mode_is_refused():
    network = torch.nn.Sequential(
        parametrizations.spectral_norm(torch.nn.Linear(3, 4)),
        torch.nn.utils.spectral_norm(torch.nn.Linear(4, 4)),
    )
    with pytest.raises(
        ValueError, match=r"spectral_norm changes the weight of '0', '1' with every call: call .eval"
    ):
        unwrap(network)


def test_a_compiled_module_is_its_original():
    network = torch.nn.Linear(3, 4)
    own = copied(torch.compile(network, backend="eager"))
    assert type(own) is torch.nn.Linear and own is not network


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_script_module_is_refused():
    traced = torch.jit.trace(torch.nn.Linear(3, 4), torch.zeros(1, 3))
    with pytest.raises(
        TypeError, match="`torch_module` is a TopLevelTracedModule, whose layers cannot be run one by one"
    ):
        copied(traced)


def test_tensors_without_shapes_or_numbers_are_refused():
    lazy = torch.nn.Sequential(torch.nn.LazyLinear(3))
    with pytest.raises(
        ValueError, match=r"'0.weight', '0.bias' of lazy layers have no shape yet: call the network once"
    ):
        copied(lazy)
    with pytest.raises(
        ValueError, match="'weight', 'bias' are on the meta device, without numbers: load weights"
    ):
        copied(torch.nn.Linear(3, 4, device="meta"))
