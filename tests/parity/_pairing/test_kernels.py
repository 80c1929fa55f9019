"""In which ways a weight may lie: every way leads back, and no two are the same."""

import numpy as np
import pytest
import torch
from flax import nnx

from parity._pairing.kernels import arrangements, reshaped

CASES = [
    (torch.nn.Conv2d(3, 4, (2, 5)), (4, 3, 2, 5), (2, 5, 3, 4), 1),
    (torch.nn.Conv2d(3, 4, (2, 5)), (4, 3, 2, 5), (4, 3, 2, 5), 1),
    (torch.nn.Conv2d(3, 4, (2, 5)), (4, 3, 2, 5), (30, 4), 2),
    (torch.nn.Conv2d(3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3), 3),
    (torch.nn.Conv2d(3, 4, 1), (4, 3, 1, 1), (3, 4), 1),
    (torch.nn.ConvTranspose1d(3, 4, 5), (3, 4, 5), (5, 3, 4), 2),
    (torch.nn.Linear(3, 4), (4, 3), (3, 4), 1),
    (torch.nn.Linear(3, 3), (3, 3), (3, 3), 2),
    (torch.nn.Linear(6, 4), (4, 6), (2, 3, 4), 1),
    (torch.nn.Linear(3, 4), (4, 3), (1, 1, 3, 4), 1),
    (torch.nn.Linear(3, 4), (4, 3), (5, 4), 0),
]


@pytest.mark.parametrize(("module", "weight", "other", "count"), CASES)
def test_every_way_leads_back(module, weight, other, count):
    ways = arrangements(module, None, weight, other, "w")
    numbers = np.arange(np.prod(weight)).reshape(weight)
    there = [way.to_flax(numbers) for way in ways]
    assert all(k.shape == other for k in there)
    assert all(np.array_equal(way.to_torch(k), numbers) for way, k in zip(ways, there, strict=True))
    assert len({k.tobytes() for k in there}) == len(there) == count


def test_what_is_called_a_weight_most_likely_lies_as_torch_s():
    square = torch.nn.Linear(3, 3), None, (3, 3), (3, 3)
    assert arrangements(*square, "weight")[0].how == "as it is"
    assert arrangements(*square, "kernel")[0].how == "transposed to (in, out)"


def test_flax_s_own_layers_have_one_layout():
    dense = nnx.Linear(3, 3, rngs=nnx.Rngs(0))
    assert [way.how for way in arrangements(torch.nn.Linear(3, 3), dense, (3, 3), (3, 3), "kernel")] == [
        "transposed to (in, out)"
    ]


def test_a_reshape():
    assert reshaped((3,), (3,)).how == "as it is"
    assert reshaped((3,), (3, 1)).to_flax(np.ones(3)).shape == (3, 1)
