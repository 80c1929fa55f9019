"""Tensors as arrays and back, bit for bit, and torch's random numbers."""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import ml_dtypes
import numpy as np
import torch

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
random_stream = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's global stream begins at the seed, for this thread alone, and is afterwards where it was."""
    with random_stream, torch.random.fork_rng(devices=[]):
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
