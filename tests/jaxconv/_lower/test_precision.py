"""What is chosen for the layers of the speed table is as exact as it must be: within the derived bound, and not twice
as far from float64 as torch (root mean square)."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracle import check_conv, jax_outputs, torch_outputs

from benchmarks.layers import CASES
from jaxconv import functional as F

pytestmark = pytest.mark.share(2)


def smaller(case):
    """With fewer groups, or fewer channels of dense layers: the sums over positions stay as long."""
    groups = min(case.groups, 4)
    if case.groups > 1:
        inner, outer = case.channels // case.groups, case.out // case.groups
        return replace(case, channels=inner * groups, out=outer * groups, groups=groups)
    return replace(case, channels=min(case.channels, 64), out=min(case.out, 16))


ALL = [
    pytest.param(smaller(case), id=f"{kind}: {case.name}") for kind, cases in CASES.items() for case in cases
]


@pytest.mark.parametrize("case", ALL)
def test_rms_error(case):
    rng = np.random.default_rng(5)
    x, w = case.data(rng)

    def of_torch(x, w):
        return getattr(torch.nn.functional, case.function)(x, w, **case.arguments)

    torchs, ct = torch_outputs(of_torch, (x, w), rng)
    wide = [torch.from_numpy(a.astype(np.float64)).requires_grad_() for a in (x, w)]
    y = of_torch(*wide)
    exact = [y, *torch.autograd.grad(y, wide, torch.from_numpy(ct.astype(np.float64)))]
    ours = jax_outputs(lambda x, w: getattr(F, case.function)(x, w, **case.arguments), (x, w), ct)
    assert ours.keys() == torchs.keys()
    for (name, a), e in zip(ours.items(), exact, strict=True):
        own, its = (np.sqrt(np.mean((b - e.detach().numpy()) ** 2)) for b in (a, torchs[name]))
        assert 0 < own <= 2 * its, f"{name}: {own:.3g}, torch {its:.3g}"


@pytest.mark.parametrize("case", [ALL[i] for i in (0, 5, 12, 14, 15, 19, 23)])
def test_derived_bound(case):
    rng = np.random.default_rng(6)
    case = smaller(replace(case, size=min(case.size, 14)))
    assert check_conv(2, *case.data(rng), None, case.arguments, rng)
