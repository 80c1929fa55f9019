"""Feature maps and weights in blocks of channels: there and back, whatever the numbers of channels."""

import numpy as np
import pytest

from jaxconv._lower import blocks
from jaxconv._lower.product import Product
from jaxconv._spec import conv_spec


@pytest.mark.parametrize("channels", [1, 4, 6, 8, 9])
@pytest.mark.parametrize("size", [(), (5,), (3, 2)])
def test_feature_maps(channels, size):
    x = np.arange(2 * channels * np.prod(size, dtype=int), dtype=np.float32).reshape(2, channels, *size)
    y = blocks.to_blocks(x, 4)
    assert y.shape == (2, blocks.count(channels, 4), *size, 4)
    for c in range(channels):
        np.testing.assert_array_equal(y[:, c // 4, ..., c % 4], x[:, c])
    assert not np.asarray(y).reshape(2, -1, 4)[:, -1, (channels - 1) % 4 + 1 :].any()
    np.testing.assert_array_equal(blocks.from_blocks(y, channels), x)


@pytest.mark.parametrize(
    "shape, groups", [((8, 4, 3, 2), 1), ((6, 5, 1, 1), 1), ((8, 4, 2, 2), 2), ((7, 1, 3, 3), 7)]
)
@pytest.mark.parametrize("blocked", [True, False])
def test_weights(shape, groups, blocked):
    if groups > 1 and not blocked:
        pytest.skip("an input with groups is always in blocks")
    product = Product("y", conv_spec(2, shape, 1, 1, 1, groups), (9, 9))
    weight = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) + 1
    packed = blocks.pack_weight(weight, product, 4, blocked)
    assert packed.shape[-1] == 4
    assert np.count_nonzero(packed) == weight.size
    np.testing.assert_array_equal(blocks.unpack_weight(packed, product, blocked), weight)
