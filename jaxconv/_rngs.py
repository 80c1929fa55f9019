"""torch's random stream as Flax's `rngs`."""

from typing import Any, NoReturn

from flax import nnx

from jaxconv._args import integer
from jaxconv.init import TorchStream


class TorchRngs(nnx.Rngs):
    """`rngs` with which parameters are, bit for bit, those of a network's torch twin after `torch.manual_seed(seed)`.

    The layers are jaxconv's, made in the order of the twin's. They draw from the stream `params`, which is torch's own
    (`jaxconv.init.TorchStream`): Python's state, moved on by each draw, as torch's is. All other streams, dropout's
    say, are those of `nnx.Rngs(seed)`. Flax's own layers refuse it, unless given initialisers of `jaxconv.init`.

    Inside of jit or nnx.eval_shape it works if it is made there too, and the parameters are constants of the compiled
    function. It cannot be split or forked.

    Args:
        seed: an int from -2**63 to 2**64 - 1; torch uses its low 32 bits.

    Raises:
        TypeError: `seed` is not an int.
        ValueError: it is out of range.
    """

    def __init__(self, seed: int):
        if not -(2**63) <= (seed := integer("seed", seed)) < 2**64:
            raise ValueError(
                f"`seed` (={seed}) must be between -2**63 and 2**64 - 1, as for torch.manual_seed"
            )
        super().__init__(seed & 0xFFFFFFFF)
        self.params = TorchStream(seed)

    def split(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: torch has one stream."""
        raise TypeError(
            "jaxconv.TorchRngs cannot be split or forked: torch draws everything from one stream, in order. "
            "Pass it as it is, or use nnx.Rngs(seed)"
        )

    fork = broadcast = split
