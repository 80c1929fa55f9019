"""Each layer once, for both fronts: `jaxconv.nn` (NNX) and `jaxconv.linen` add nothing but where arrays are held."""
