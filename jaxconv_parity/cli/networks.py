"""Networks and inputs by what the command line calls them."""

import importlib.util
from typing import Any

from jaxconv_parity.cli.common import Unusable, found


def torch_network(text: str) -> Any:
    """What TORCH_FACTORY names: a network of a library by its own name, or PKG.MOD:NAME."""
    from parity._check.factory import LIBRARIES, of_library

    library, _, name = text.partition(":")
    if library not in LIBRARIES:
        return made(text, "TORCH_FACTORY")
    if importlib.util.find_spec(library) is None:
        raise Unusable(f"`TORCH_FACTORY` (={text!r}): {library} is not installed: pip install {library}")
    try:
        return of_library(library, name).make()
    except Exception as error:  # whatever a library says of a name that it does not know
        raise Unusable(f"`TORCH_FACTORY`: {text} raised {type(error).__name__}: {error}") from error


def made(text: str, what: str) -> Any:
    """What a factory gives, or the network that is there in its place."""
    import torch
    from flax import linen, nnx

    made = found(text, what)
    if isinstance(made, torch.nn.Module | nnx.Module | linen.Module | tuple):
        return made
    if not callable(made):
        raise Unusable(f"`{what}` (={text!r}) must be a factory or a network, got {type(made).__name__}")
    try:
        return made()
    except Exception as error:
        raise Unusable(f"`{what}`: {text} raised {type(error).__name__}: {error}") from error


def random_input(text: str, dtype: str, rng: Any) -> Any:
    """The array that --input describes: of random numbers, or a file's; of integers zeros, which index anything."""
    import ml_dtypes  # noqa: F401  # gives numpy bfloat16
    import numpy as np

    if text.endswith(".npy"):
        try:
            return np.load(text)
        except (OSError, ValueError) as error:
            raise Unusable(f"`--input` (={text!r}): {error}") from error
    try:
        shape = tuple(int(n) for n in text.replace("x", ",").split(","))
        if np.issubdtype(np.dtype(dtype), np.integer):
            return np.zeros(shape, dtype)
        return rng.standard_normal(shape).astype(np.dtype(dtype))
    except ValueError as error:
        raise Unusable(
            f"`--input` (={text!r}) must be a shape such as 1,3,224,224, or a .npy file"
        ) from error
