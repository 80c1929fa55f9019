"""torch.export writes hundreds of debug records, which pytest would keep and print under every failure."""

import logging

import numpy as np
import pytest
import torch_gradients

logging.getLogger("torch.__trace").disabled = True


@pytest.fixture(autouse=True)
def same_numbers(monkeypatch):
    """Each test draws the same numbers whichever run before it: of others a ReLU may let none through."""
    monkeypatch.setattr(torch_gradients, "RNG", np.random.default_rng(0))
