"""Running torch's networks in float64."""

import numpy as np
import torch

from parity._torch.network import run


class Recurrent(torch.nn.Module):
    """A network that makes its first state itself, in torch's default dtype."""

    def __init__(self):
        super().__init__()
        self.cell = torch.nn.Linear(3, 3)

    def forward(self, x):
        h = torch.zeros(len(x), 3)
        return torch.tanh(x + self.cell(h))


def test_what_a_network_makes_anew_is_in_float64_too():
    x = np.ones((2, 3), np.float32)
    (wide, narrow) = (run(Recurrent(), [x], {}, [x], wide=wide)["output"].dtype for wide in (True, False))
    assert (wide, narrow) == (np.float64, np.float32)
    assert torch.get_default_dtype() == torch.float32
