"""torch's side: what was written in place is what the operation that wrote it gave."""

import numpy as np
import pytest
import torch

from parity._diagnose.trace.torch_operations import replay, trace

X = np.linspace(-1, 1, 12).reshape(2, 6)


class InPlace(torch.nn.Module):
    def __init__(self, times):
        super().__init__()
        self.times = times

    def forward(self, x):
        a, b = x * 2, x * 3
        for _ in range(self.times):
            torch.nn.functional.relu(a, inplace=True)
            b.add_(1)
        return torch.cat([a, b], 1)


@pytest.mark.parametrize("times", [1, 2])
def test_two_tensors_that_are_written_in_place_stay_apart(times):
    found = trace(InPlace(times), [X], {}, 2**20)
    (cat,) = (step for step in found.steps if step.name == "cat")
    last = {name: [s for s in found.steps if s.name == name][-1].outputs[0] for name in ("relu", "add")}
    assert [id(value) for value in cat.inputs] == [id(last["relu"]), id(last["add"])]
    np.testing.assert_array_equal(last["relu"].data.detach(), np.maximum(2 * X, 0))
    np.testing.assert_array_equal(last["add"].data.detach(), 3 * X + times)


def test_an_operation_that_writes_beyond_its_arrays_is_not_computed_with_other_channels():
    found = trace(torch.nn.BatchNorm2d(4).train(), [np.ones((2, 4, 3, 3))], {}, 2**20)
    (norm,) = (step for step in found.steps if "batch_norm" in step.name)
    x = norm.inputs[0]
    assert norm.outputs[0] in replay(found, {x: torch.ones(8, 4, 5, 5, dtype=x.data.dtype)})
    with pytest.raises(ValueError, match=r"batch_norm.* was given"):
        replay(found, {x: torch.ones(2, 64, 3, 3, dtype=x.data.dtype)})
