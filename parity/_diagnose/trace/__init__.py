"""Looks between the layers: every operation of torch's and every equation of the Flax network's, with its values."""
