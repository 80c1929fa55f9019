"""Each mistake in a convolution or dense layer gives what it says. Small integers in float64: sums are exact."""

import pytest
import torch
from torch.nn import functional as F

from parity._diagnose.convolutions import FLATTENED
from parity._diagnose.registry import CAUSES, Called


def integers(*shape, seed=0):
    return torch.randint(-4, 5, shape, generator=torch.Generator().manual_seed(seed)).double()


def whole(module):
    with torch.no_grad():
        for seed, parameter in enumerate(module.parameters()):
            parameter.copy_(integers(*parameter.shape, seed=seed + 1))
    return module.double()


X = integers(2, 4, 8, 8)
CONV = whole(torch.nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2))
DENSE = whole(torch.nn.Conv2d(4, 4, 3, stride=(1, 2), padding=2, dilation=(1, 2)))
EVEN = whole(torch.nn.Conv2d(4, 4, 2, padding="same"))
TURN = whole(torch.nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, output_padding=1))
LINEAR = whole(torch.nn.Linear(8, 8))


def conv(m, x=X, pads=None, mode="constant", **changes):
    given = {"stride": m.stride, "dilation": m.dilation, "groups": m.groups, **changes}
    w, b = given.pop("w", m.weight), given.pop("b", m.bias)
    return F.conv2d(F.pad(x, pads or [m.padding[1]] * 2 + [m.padding[0]] * 2, mode), w, b, **given)


def turn(**changes):
    m = TURN
    given = {"stride": 2, "padding": 1, "output_padding": 1, "w": m.weight, "b": m.bias, **changes}
    return F.conv_transpose2d(X, given.pop("w"), given.pop("b"), **given)


def channels(x, ways):
    return x.unflatten(1, (ways, -1)).transpose(1, 2).flatten(1, 2)


W, B = DENSE.weight, DENSE.bias
MADE = [
    (CONV, "padding.mode", "the padding is 'reflect'", lambda: conv(CONV, mode="reflect")),
    (CONV, "padding.missing", "the padding is 0", lambda: conv(CONV, pads=[0] * 4)),
    (CONV, "padding.size", "the padding is 3", lambda: conv(CONV, pads=[3] * 4)),
    (CONV, "padding.same", "SAME pads", lambda: conv(CONV, pads=[0, 1, 0, 1])),
    (EVEN, "padding.side", "the odd element", lambda: conv(EVEN, pads=[1, 0, 1, 0])),
    (CONV, "padding.side", "the padding is not the same", lambda: conv(CONV, pads=[0, 2, 0, 2])),
    (CONV, "padding.side", "the padding is on one side", lambda: conv(CONV, pads=[0, 2, 0, 2])),
    (CONV, "stride.dropped", "stride is 1: write stride=(2, 2)", lambda: conv(CONV, stride=1)),
    (CONV, "stride.value", "stride is 3", lambda: conv(CONV, stride=3)),
    (DENSE, "stride.order", "stride is (2, 1)", lambda: conv(DENSE, stride=(2, 1))),
    (DENSE, "dilation.dropped", "dilation is 1", lambda: conv(DENSE, dilation=1)),
    (CONV, "dilation.value", "dilation is 2", lambda: conv(CONV, dilation=2)),
    (DENSE, "dilation.order", "dilation is (2, 1)", lambda: conv(DENSE, dilation=(2, 1))),
    (DENSE, "kernel.flipped", "the kernel is not torch's: it is flipped in", lambda: conv(DENSE, w=W.flip(2, 3))),
    (DENSE, "kernel.flipped", "the kernel is not torch's: it is flipped along dimension 3", lambda: conv(DENSE, w=W.flip(3))),
    (DENSE, "kernel.io_swapped", "the kernel is not torch's: inputs and outputs are swapped: ", lambda: conv(DENSE, w=W.mT.permute(1, 0, 3, 2))),
    (DENSE, "kernel.hw_swapped", "the kernel is not torch's: its height and width are", lambda: conv(DENSE, w=W.mT)),
    (CONV, "groups.order", "the output channels of", lambda: channels(CONV(X), 2)),
    (CONV, "groups.order", "the output channels are", lambda: channels(CONV(X), 3)),
    (CONV, "groups.order", "the input channels", lambda: CONV(channels(X, 2))),
    (DENSE, "bias.missing", "the bias is not added", lambda: conv(DENSE, b=0 * B)),
    (DENSE, "bias.doubled", "the bias is added twice", lambda: conv(DENSE, b=2 * B)),
    (DENSE, "bias.sign", "the bias is subtracted", lambda: conv(DENSE, b=-B)),
    (TURN, "padding.value", "padding is 0", lambda: turn(padding=0)),
    (TURN, "output_padding.value", "output_padding is 0", lambda: turn(output_padding=0)),
    (TURN, "stride.value", "stride is 3", lambda: turn(stride=3)),
    (TURN, "dilation.value", "dilation is 2", lambda: turn(dilation=2)),
    (TURN, "padding.same", "the output is cropped", lambda: TURN(X).roll((-1, -1), (2, 3))),
    (TURN, "kernel.flipped", "the kernel is not torch's: it is flipped in", lambda: turn(w=TURN.weight.flip(2, 3))),
    (TURN, "bias.doubled", "the bias is added twice", lambda: turn(b=2 * TURN.bias)),
    (LINEAR, "weight.transposed", "the weight", lambda: F.linear(X, LINEAR.weight.T, LINEAR.bias)),
    (LINEAR, "bias.missing", "the bias is not added", lambda: F.linear(X, LINEAR.weight)),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(
    ("module", "cause", "fix", "expected"), MADE, ids=lambda v: v if type(v) is str else ""
)
def test_a_mistake_is_what_it_says(module, cause, fix, expected):
    right = module(X)
    ways = [
        new(X) for text, new in CAUSES[cause].forms[type(module).__name__](module) if text.startswith(fix)
    ]
    assert any(torch.equal(y, expected()) for y in ways)
    assert not any(torch.equal(y, right) for y in ways)
    assert torch.equal(module(X), right)


def test_padding_can_keep_the_output_s_size_with_another_dilation():
    kept = [new(X).shape == CONV(X).shape for _, new in CAUSES["dilation.value"].forms["Conv2d"](CONV)]
    assert kept == [False, True] * 2


def test_what_makes_no_difference_is_not_tried():
    blank = torch.nn.Conv2d(4, 4, 1, padding="valid", bias=False)
    torch.nn.init.ones_(blank.weight)
    for cause in CAUSES.values():
        tried = list(cause.forms["Conv2d"](blank)) if "Conv2d" in cause.forms else []
        # Values that the layer has not. Of a valid padding all sizes are others, and a stride of SAME is no mistake.
        allowed = {"padding.missing", "padding.size", "padding.same", "padding.side", "dilation.value"}
        assert not tried or cause.id in allowed, cause.id


def test_images_that_are_flattened_channels_last():
    image, dense = integers(3, 2, 2, 2), LINEAR
    (text, there), (_, back) = CAUSES["flatten.order"].forms[FLATTENED](dense, (2, 2, 2))
    assert "(C, H, W) = (2, 2, 2)" in text
    last = image.permute(0, 2, 3, 1).flatten(1)
    # Two ways: the Flax layer is given torch's vector, whose numbers it holds to be in its own order.
    assert torch.equal(there(image.flatten(1)), dense(last))
    assert torch.equal(back(last), dense(image.flatten(1)))
    ((_, way),) = CAUSES["flatten.order"].forms["flatten"](Called("flatten", (image, 1), {}))
    assert torch.equal(way(torch.flatten, image, 1), last)
    assert list(CAUSES["flatten.order"].forms["view"](Called("view", (last, 8), {}))) == []
