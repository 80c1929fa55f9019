"""What was given in the place of something else, in the words of an error."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def wrong_type(name: str, expected: str, value: Any) -> TypeError:
    """The error about a value of another type than expected."""
    return TypeError(f"`{name}` must be {expected}, got {shown(value)}")


def shown(value: Any) -> str:
    """A value of the wrong type as an error shows it, on one line."""
    if value is None:
        return "None"
    if is_key(value):
        return "a JAX random key"
    if isinstance(value, jax.Array | np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    text = repr(value)
    kind = type(value).__name__
    return f"{text} of type {kind}" if len(text) < 80 and "\n" not in text else f"an object of type {kind}"


def is_key(value: Any) -> bool:
    """Whether a value is what jax.random.key makes."""
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def refuse_key(name: str, value: Any) -> None:
    """Refuses a random key in the place of numbers."""
    if is_key(value):
        raise TypeError(
            f"`{name}` must be an array of numbers, got a JAX random key: draw numbers with it, as in "
            f"jax.random.normal(key, shape)"
        )


def not_an_array(name: str, value: Any) -> TypeError:
    """The error about a value that is no array, with what makes an array of it."""
    module, kind = type(value).__module__.partition(".")[0], type(value).__name__
    if module == "torch":
        return TypeError(
            f"`{name}` must be an array of JAX or NumPy, got a torch.{kind}: give {from_tensor(value)}"
        )
    if isinstance(value, list | tuple | int | float):
        return TypeError(f"`{name}` must be an array, got a {kind}: convert it with jnp.asarray")
    return TypeError(f"`{name}` must be an array, got {shown(value)}")


def from_tensor(tensor: Any) -> str:
    """The call that makes NumPy's array of a torch tensor."""
    detached = ".detach()" if getattr(tensor, "requires_grad", False) else ""
    moved = ".cpu()" if str(getattr(tensor, "device", "cpu")) != "cpu" else ""
    return f"`tensor{detached}{moved}.numpy()`"
