"""Both networks compared: one step after the other."""
