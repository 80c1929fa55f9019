"""torch's side: tensors, the calls of layers, runs with noise, recordings."""
