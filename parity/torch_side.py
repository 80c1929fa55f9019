"""The torch side of a case: arrays in, arrays or the exception out. Knows nothing of JAX."""

import copy
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ml_dtypes
import numpy as np
import torch

from parity.case import Case

DTYPES = {
    "bool": torch.bool,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float32": torch.float32,
    "float64": torch.float64,
    "complex64": torch.complex64,
    "complex128": torch.complex128,
    "int32": torch.int32,
    "int64": torch.int64,
}
# torch's initialisers draw from one global stream: whoever makes a layer takes numbers from it, wanted or not.
_random = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's global stream begins at the seed, for this thread alone, and is afterwards where it was."""
    with _random, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """A tensor as an array, bit for bit; NumPy's bfloat16 is ml_dtypes'."""
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def from_numpy(array: np.ndarray) -> torch.Tensor:
    """An array as a tensor of its own memory, bit for bit."""
    array = np.array(array, order="C")
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def detached(module: torch.nn.Module) -> torch.nn.Module:
    """A copy to run, so that the module's own buffers stay."""
    return copy.deepcopy(module)


def _module(case: Case) -> torch.nn.Module:
    dtype: dict[str, Any] = {"dtype": DTYPES[case.dtype]} if case.has_weights else {}
    with _random, warnings.catch_warnings():
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
