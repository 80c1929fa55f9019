"""Bias, residual sum and activation that follow a convolution, found in a program and computed with it.

flat.py makes one list of equations of the program, activations.py knows activations when it sees them, find.py finds
what can be fused, layers.py writes the program with it.
"""
