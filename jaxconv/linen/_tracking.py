"""A layer with running statistics, as a Linen module."""

from dataclasses import field

import jax
from flax import linen as nn

from jaxconv._layers import tracking_norm
from jaxconv._types import ArrayLike
from jaxconv.linen._module import ParamModule


class Tracking(tracking_norm.TrackingNorm, ParamModule):
    """A layer that updates its running statistics in training, as `flax.linen.BatchNorm` does."""

    use_running_average: bool | None = field(default=None, kw_only=True)

    @nn.compact
    def __call__(self, input: ArrayLike, use_running_average: bool | None = None) -> jax.Array:
        """Applies the layer; in training `apply` needs mutable=['batch_stats']."""
        running = False  # Without statistics there is nothing to choose.
        if self.track_running_stats:
            running = nn.merge_param("use_running_average", self.use_running_average, use_running_average)
        held = dict(self._held())
        stats = {name: held[name] for name in tracking_norm.STATS if held[name] is not None}
        held |= {name: stat.value for name, stat in stats.items()}
        # `init` runs once, on one device, and must leave the statistics as they are.
        axis_name = None if self.is_initializing() else self.axis_name
        output, changed = self._normalise(held, input, not running, axis_name)
        if not self.is_initializing():
            for name, value in changed.items():
                stats[name].value = value
        return output
