"""Compares the number of arrays that a layer or network returns with the number that torch's returns."""

from typing import Any

import numpy as np

from parity._torch.network import Arrays


def difference(ours: Arrays, theirs: Arrays, module: Any, ours_is: str = "the Flax layer") -> str:
    """What torch's returns and what ours returns, if these are other numbers of arrays; else empty.

    Args:
        ours, theirs: results by the names of `parity._torch.network.run`.
        module: torch's layer or network.
        ours_is: what to call ours.
    """
    mine, other = _returned(ours), _returned(theirs)
    if list(map(len, mine)) == list(map(len, other)):
        return ""
    name = type(module).__name__
    indices = getattr(module, "return_indices", None)
    if indices is not None and len(mine[0]) == len(other[0]):
        advice = f"pass return_indices={indices}, as torch's layer has it"
    else:
        advice = "return the same arrays in the same order"
    return f"torch's {name} returns {_text(other)}; {ours_is} returns {_text(mine)}: {advice}"


def _returned(results: Arrays) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The floating arrays and the others that were returned."""
    floating, other = (
        [array for name, array in results.items() if name.partition(".")[0] == kind]
        for kind in ("output", "index")
    )
    return floating, other


def _text(returned: tuple[list[np.ndarray], list[np.ndarray]]) -> str:
    arrays = [*returned[0], *returned[1]]
    shown = " and ".join(f"{array.dtype} {array.shape}" for array in arrays)
    return f"{len(arrays)} array{'s' * (len(arrays) != 1)}{' ' * bool(arrays)}{shown and f'({shown})'}"
