"""An example for each initialiser: what is written, and what is printed. tests/jaxconv/test_examples.py runs all."""

# fmt: off
# ruff: noqa: E501
INIT = {
    "TorchStream": ('init.uniform()(init.TorchStream(0), (4,)).shape', '(4,)'),
    "calculate_gain": ('init.calculate_gain("tanh")', '1.6666666666666667'),
    "constant": ('init.constant(0.5)(jax.random.key(0), (2,)).tolist()', '[0.5, 0.5]'),
    "conv_bias": ('init.conv_bias(27)(jax.random.key(0), (4, 3)).shape', '(4, 3)'),
    "dirac": ('init.dirac()(jax.random.key(0), (2, 2, 3)).tolist()', '[[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]'),
    "eye": ('init.eye()(jax.random.key(0), (2, 2)).tolist()', '[[1.0, 0.0], [0.0, 1.0]]'),
    "kaiming_normal": ('init.kaiming_normal()(jax.random.key(0), (4, 3)).shape', '(4, 3)'),
    "kaiming_uniform": ('init.kaiming_uniform()(jax.random.key(0), (4, 3)).shape', '(4, 3)'),
    "normal": ('init.normal()(jax.random.key(0), (4, 3)).shape', '(4, 3)'),
    "ones": ('init.ones()(jax.random.key(0), (2,)).tolist()', '[1.0, 1.0]'),
    "orthogonal": ('init.orthogonal()(jax.random.key(0), (4, 3)).shape', '(4, 3)'),
    "sparse": ('init.sparse(0.5)(jax.random.key(0), (4, 3)).shape', '(4, 3)'),
    "trunc_normal": ('init.trunc_normal()(jax.random.key(0), (4, 3)).shape', '(4, 3)'),
    "uniform": ('init.uniform()(jax.random.key(0), (4, 3)).shape', '(4, 3)'),
    "xavier_normal": ('init.xavier_normal()(jax.random.key(0), (4, 3)).shape', '(4, 3)'),
    "xavier_uniform": ('init.xavier_uniform()(jax.random.key(0), (4, 3)).shape', '(4, 3)'),
    "zeros": ('init.zeros()(jax.random.key(0), (2,)).tolist()', '[0.0, 0.0]'),
}
# fmt: on
