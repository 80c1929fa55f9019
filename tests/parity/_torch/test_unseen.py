"""What torch's functions say of the numbers that they are given: what hides something, and what does not."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from parity._torch.original import original
from parity._torch.unseen import KINDS, unseen
from parity._torch.unseen_rules import RULES


def draw(*shape):
    return torch.from_numpy(np.random.default_rng(0).standard_normal(shape, dtype=np.float32))


X, IMAGE = draw(4, 6), draw(2, 3, 8, 6)


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "hidden"),
    [
        ("relu", (X,), {}, set()),
        ("relu", (-X.abs(),), {}, {"relu.dead"}),
        ("clamp", (X,), {"max": 9.0}, {"clamp.upper"}),
        ("clamp", (X, -0.1, 0.1), {}, set()),
        ("hardtanh", (X,), {"min_val": -9.0, "max_val": 0.5}, {"clamp.lower"}),
        ("conv2d", (IMAGE, draw(4, 3, 3, 3), None, 2, 1), {}, set()),
        ("conv2d", (IMAGE[:, :, :7, :5], draw(4, 3, 3, 3), None, 2, 1), {}, {"window.same_padding"}),
        ("conv2d", (IMAGE[0, :, :7, :5], draw(4, 3, 3, 3), None, 2, 1), {}, {"window.same_padding"}),
        # With stride 1 'SAME' pads as torch does at every size.
        ("conv2d", (IMAGE, draw(4, 3, 3, 3), None, 1, 1), {}, set()),
        ("conv1d", (draw(2, 3, 8), torch.zeros(4, 3, 3)), {"padding": "same"}, {"scale.zero"}),
        ("max_pool2d", (IMAGE, 2), {"stride": None}, {"window.same_padding", "window.rounding"}),
        ("max_pool2d", (IMAGE[:, :, :7], 2), {}, set()),
        ("max_pool2d", (IMAGE - 9, 3, 2, 1), {}, set()),
        ("max_pool2d", (IMAGE.abs(), 3, 2, 1), {}, {"max_pool.padding"}),
        ("avg_pool1d", (draw(2, 3, 8), 3, 3), {}, set()),
        ("softmax", (X, 1), {}, set()),
        ("softmax", (X[:, :1],), {"dim": -1}, {"softmax.one"}),
        ("mul", (X, torch.zeros(6)), {}, {"scale.zero"}),
        ("mul", (X, 0.0), {}, set()),
        ("dropout", (X,), {"p": 0.0, "training": False}, set()),
        ("interpolate", (IMAGE,), {"scale_factor": 2}, set()),
        ("interpolate", (IMAGE,), {"scale_factor": 1.0}, {"resize.same_size"}),
        ("adaptive_avg_pool2d", (IMAGE, (8, None)), {}, {"resize.same_size"}),
        ("adaptive_avg_pool2d", (IMAGE, 1), {}, set()),
    ],
)
def test_a_function_names_what_it_hides(name, args, kwargs, hidden):
    assert set(RULES[name](args, kwargs)) == hidden <= set(KINDS)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.pool = torch.nn.Conv2d(3, 3, 1), torch.nn.MaxPool2d(3, 1, 1)
        self.slope, self.unused = torch.nn.LeakyReLU(), torch.nn.GELU()

    def forward(self, x, wide=8):
        x = self.pool(F.relu(self.conv(x)))
        if x.shape[-1] > wide:
            x = x[..., :wide]
        elif x.dim() < 4:
            raise ValueError("no image")
        return self.slope(x)


def test_layers_are_named_and_what_no_input_could_show_is_not():
    # Behind a ReLU nothing is negative: neither the padding of the pooling nor the slope can be shown.
    found = {(one.id, one.layer) for one in unseen(original(Net(), [IMAGE.numpy()]))}
    assert found == {("module.not_called", "unused"), ("branch.not_taken", "")}
    (branch,) = [one for one in unseen(original(Net(), [IMAGE.numpy()])) if one.id == "branch.not_taken"]
    assert branch.detail.startswith("test_unseen.py:") and branch.detail.endswith("`x = x[..., :wide]`")


def test_nothing_is_changed():
    net = torch.nn.BatchNorm2d(3).train()
    theirs = original(net, [IMAGE.numpy()])
    before = {name: tensor.clone() for name, tensor in theirs.module.state_dict().items()}
    assert unseen(theirs) == ()
    assert all(torch.equal(tensor, before[name]) for name, tensor in theirs.module.state_dict().items())
