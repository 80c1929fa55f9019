import pytest
import torch

from parity._diagnose.hypothesis import Diagnosis, changed, computing, padded, same_pads, with_weight


def test_a_diagnosis_says_where_and_what():
    assert str(Diagnosis("conv", "dtype", "write it")) == "conv: dtype: write it"
    assert str(Diagnosis("", "unknown", "off")) == "unknown: off"


def test_a_changed_copy_leaves_the_layer_alone():
    module = torch.nn.Conv2d(2, 2, 3)
    new = changed(module, padding=(1, 1), stride=(2, 2))
    assert (new.padding, new.stride) == ((1, 1), (2, 2)) and (module.padding, module.stride) == (
        (0, 0),
        (1, 1),
    )
    assert new.weight is not module.weight and torch.equal(new.weight, module.weight)


def test_a_layer_that_computes_something_else_holds_the_same_parameters():
    module = torch.nn.Linear(2, 2)
    new = computing(module, lambda self, x: x @ self.weight)
    x = torch.randn(3, 2)
    assert torch.equal(new(x), x @ module.weight) and not torch.equal(module(x), new(x))
    assert new.weight is module.weight and isinstance(new, torch.nn.Linear)
    assert type(new).__name__ == "Linear" and type(module) is torch.nn.Linear


def test_only_a_weight_that_differs_and_fits_is_a_mistake():
    module = torch.nn.Linear(2, 3)
    assert with_weight(module, lambda w: w.T) is None  # another shape
    assert with_weight(module, lambda w: w.clone()) is None  # no change
    new = with_weight(module, lambda w: w.flip(0))
    assert torch.equal(new.weight, module.weight.flip(0)) and torch.equal(new.bias, module.bias)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation", "pads"),
    [
        ((8,), (3,), (1,), (1,), [(1, 1)]),
        ((8,), (3,), (2,), (1,), [(0, 1)]),
        ((7,), (3,), (2,), (1,), [(1, 1)]),
        ((8, 8), (2, 5), (1, 2), (1, 1), [(0, 1), (1, 2)]),
        ((8,), (3,), (1,), (3,), [(3, 3)]),
        ((8,), (1,), (3,), (1,), [(0, 0)]),
    ],
)
def test_same_pads_for_size_over_stride(size, kernel, stride, dilation, pads):
    assert same_pads(size, kernel, stride, dilation) == pads
    assert same_pads(size, kernel, stride, dilation, end=False) == [(high, low) for low, high in pads]


def test_pairs_pad_the_last_dimensions():
    y = padded(torch.ones(1, 1, 2, 2), [(1, 0), (0, 2)], 7.0)
    assert y[0, 0].tolist() == [[7, 7, 7, 7], [1, 1, 7, 7], [1, 1, 7, 7]]


def test_a_module_with_parametrizations_can_compute_something_else():
    normed = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 4))
    twice = computing(normed, lambda self, x: 2 * torch.nn.functional.linear(x, self.weight, self.bias))
    x = torch.randn(2, 3)
    assert torch.equal(twice(x), 2 * normed(x))
    assert twice.bias is normed.bias
