"""Which Flax layer and which array is which of torch's."""
