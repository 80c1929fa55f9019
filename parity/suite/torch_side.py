"""The torch side of a case: arrays in, arrays or the exception out. Knows nothing of JAX."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from parity._torch.tensors import DTYPES, from_numpy, random_stream, seeded, to_numpy
from parity.suite.case import Case


def _module(case: Case) -> torch.nn.Module:
    dtype: dict[str, Any] = {"dtype": DTYPES[case.dtype]} if case.has_weights else {}
    with random_stream, warnings.catch_warnings():
        # "Complex modules are a new feature": they are what is compared.
        warnings.simplefilter("ignore")
        return getattr(torch.nn, case.module)(**case.arguments, **dtype)


def init(case: Case, suite_seed: int) -> dict[str, torch.Tensor]:
    """The state_dict that torch gives a new module of this case."""
    with seeded(case.seed(suite_seed, "init")):
        return dict(_module(case).state_dict())


def carry(case: Case, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """These weights after a module of this case has loaded them."""
    module = _module(case)
    module.load_state_dict(weights, strict=True)
    return dict(module.state_dict())


def run(
    case: Case,
    weights: Mapping[str, torch.Tensor] | Mapping[str, np.ndarray] | None,
    input: np.ndarray,
    cotangent: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """`y`, `indices`, `grad.input`, `grad.weight`, `grad.bias`, if there are any; raises what torch raises.

    Args:
        case: the case.
        weights: tensors; for a functional case, arrays; None for a module's own.
        input: the input.
        cotangent: of y's shape and dtype; None for no gradients.
    """
    with warnings.catch_warnings():
        # Among others "padding='same' with even kernel lengths may require a copy": torch's own affair.
        warnings.simplefilter("ignore")
        tensors = {
            name: from_numpy(w) if isinstance(w, np.ndarray) else w.clone()
            for name, w in (weights or {}).items()
        }
        leaves = {"input": from_numpy(input), **tensors}
        if cotangent is not None:
            for leaf in leaves.values():
                leaf.requires_grad_()
        result = _call(case, tensors, leaves["input"])
        y, indices = result if isinstance(result, tuple) else (result, None)
        outputs = {"y": to_numpy(y)} | ({} if indices is None else {"indices": to_numpy(indices)})
        if cotangent is not None:
            grads = torch.autograd.grad(y, list(leaves.values()), from_numpy(cotangent))
            outputs |= {f"grad.{name}": to_numpy(grad) for name, grad in zip(leaves, grads, strict=True)}
        return outputs


def _call(case: Case, weights: dict[str, torch.Tensor], x: torch.Tensor) -> Any:
    if case.api == "functional":
        return getattr(torch.nn.functional, case.op)(x, **weights, **case.call_arguments)
    return torch.func.functional_call(_module(case), weights, (x,))
