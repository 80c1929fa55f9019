"""A program rewritten for inference, as `jaxconv.compile` compiles it.

- flat.py makes one list of equations of the program.
- find.py finds what follows each convolution and can be computed with it, activations.py knows activations.
- layers.py has each convolution computed by its kernel with what follows it, in blocks of channels or in torch's
  layout, or by another lowering; values.py converts between both layouts, layout.py computes other equations in blocks.
- parameters.py computes once what depends on the parameters alone.
"""
