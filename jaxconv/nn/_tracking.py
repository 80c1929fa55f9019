"""A layer with running statistics, as an NNX module."""

from dataclasses import dataclass, field

import jax

from jaxconv._jax_internals import first_from
from jaxconv._layers import tracking_norm
from jaxconv._types import ArrayLike
from jaxconv.nn._module import ParamModule, changing


@dataclass(eq=False, repr=False)
class Tracking(tracking_norm.TrackingNorm, ParamModule):
    """A layer that updates its running statistics in training, as `flax.nnx.BatchNorm` does."""

    use_running_average: bool | None = field(default=False, kw_only=True)

    def __call__(self, input: ArrayLike, *, use_running_average: bool | None = None) -> jax.Array:
        """Applies the layer; `use_running_average` comes before that of the constructor."""
        running = first_from(
            use_running_average,
            self.use_running_average,
            error_msg=f"`use_running_average` must be given to {type(self).__name__} or to its call",
        )
        output, changed = self._normalise(self._held(), input, not running, self.axis_name)
        with changing(self, "its running statistics"):
            for name, value in changed.items():
                held = getattr(self, name)
                if isinstance(value, jax.core.Tracer):
                    held.set_value(value)  # `held[...] = ` searches the whole trace for the text of an error
                else:
                    held[...] = value
        return output

    def set_view(self, use_running_average: bool | None = None) -> None:
        """What `nnx.view` calls.

        Args:
            use_running_average: whether the running statistics are used; None changes nothing.
        """
        if use_running_average is not None:
            self.use_running_average = use_running_average
