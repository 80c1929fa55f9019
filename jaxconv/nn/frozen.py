"""A parameter that takes no gradient."""

from typing import Any

from flax import nnx


class FrozenParam(nnx.Variable[Any]):
    """A parameter that is not trained: torch's with `requires_grad=False`.

    It is no nnx.Param, so what Flax selects by nnx.Param leaves it out: `nnx.grad`'s default `wrt`, and
    `nnx.Optimizer(..., wrt=nnx.Param)`. For `state_dict`, `surgery` and `parity` it is a parameter like any other.
    `model.fc.weight = nnx.Param(model.fc.weight[...])` trains it again.
    """
