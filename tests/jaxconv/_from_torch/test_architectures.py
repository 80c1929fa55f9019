"""Networks of every style, as they are in torch, against what from_torch makes of them."""

import architectures
import numpy as np
import pytest
import torch

import jaxconv
import parity


@pytest.mark.share(3)
@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_an_architecture_is_the_same_network_forward_and_backward(name):
    module = architectures.build(name)
    # Its second head is there in training only; there the running statistics are compared, too.
    module.train(name == "auxiliary")
    shape = architectures.ARCHITECTURES[name][1]
    network = jaxconv.from_torch(module, torch.zeros((1, *shape[1:])))
    assert list(jaxconv.state_dict(network)) == list(module.state_dict())
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    report = parity.check(module, network, x)
    report.assert_ok()
    leaves = [m for m in module.modules() if not list(m.children())]
    assert len(report.layers) >= len(leaves), "a layer that was not compared"
