"""Error bounds that follow from the arithmetic: what rounding may do to each number."""
