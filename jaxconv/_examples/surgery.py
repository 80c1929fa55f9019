"""An example for each function of `jaxconv.surgery`: what is written, and what is printed. tests/jaxconv/test_examples.py runs all."""

# fmt: off
# ruff: noqa: E501
SURGERY = {
    "apply": ('surgery.apply(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), lambda layer: surgery.zeros(layer, "bias")).bias[...].tolist()', '[0.0, 0.0]'),
    "constant": ('surgery.constant(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "bias", 0.5).bias[...].tolist()', '[0.5, 0.5]'),
    "dirac": ('surgery.dirac(jaxconv.Conv1d(2, 2, 3, rngs=nnx.Rngs(0)), "weight").weight.shape', '(2, 2, 3)'),
    "eye": ('surgery.eye(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "weight").weight[...].tolist()', '[[1.0, 0.0], [0.0, 1.0]]'),
    "kaiming_normal": ('surgery.kaiming_normal(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "weight", key=jax.random.key(0)).weight.shape', '(2, 2)'),
    "kaiming_uniform": ('surgery.kaiming_uniform(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "weight", key=jax.random.key(0)).weight.shape', '(2, 2)'),
    "normal": ('surgery.normal(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "weight", key=jax.random.key(0)).weight.shape', '(2, 2)'),
    "ones": ('surgery.ones(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "bias").bias[...].tolist()', '[1.0, 1.0]'),
    "orthogonal": ('surgery.orthogonal(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "weight", key=jax.random.key(0)).weight.shape', '(2, 2)'),
    "replace": ('surgery.replace(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), {"bias": jnp.ones(2)}).bias[...].tolist()', '[1.0, 1.0]'),
    "select": ('list(surgery.select(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "*"))', "['weight', 'bias']"),
    "sparse": ('surgery.sparse(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "weight", 0.5, key=jax.random.key(0)).weight.shape', '(2, 2)'),
    "trunc_normal": ('surgery.trunc_normal(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "weight", key=jax.random.key(0)).weight.shape', '(2, 2)'),
    "uniform": ('surgery.uniform(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "weight", key=jax.random.key(0)).weight.shape', '(2, 2)'),
    "update": ('surgery.update(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "bias", lambda b: b * 0 + 3).bias[...].tolist()', '[3.0, 3.0]'),
    "xavier_normal": ('surgery.xavier_normal(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "weight", key=jax.random.key(0)).weight.shape', '(2, 2)'),
    "xavier_uniform": ('surgery.xavier_uniform(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "weight", key=jax.random.key(0)).weight.shape', '(2, 2)'),
    "zeros": ('surgery.zeros(jaxconv.Linear(2, 2, rngs=nnx.Rngs(0)), "bias").bias[...].tolist()', '[0.0, 0.0]'),
}
# fmt: on
