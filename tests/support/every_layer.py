"""One list of every layer: its arguments and the shapes of what it is given."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import jaxconv
from parity.suite.tables.modules import ROWS

LOSSES = [
    *("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss", "KLDivLoss", "PoissonNLLLoss", "SoftMarginLoss"),
    *("HingeEmbeddingLoss", "MultiLabelMarginLoss"),
]
WEIGHTED = [
    *("BCELoss", "BCEWithLogitsLoss", "NLLLoss", "CrossEntropyLoss", "MultiMarginLoss"),
    "MultiLabelSoftMarginLoss",
]
TRIPLES = [
    *("GaussianNLLLoss", "MarginRankingLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss"),
]

MORE = [
    ("Conv2d", [(2, 4, 9, 8)], dict(in_channels=4, out_channels=6, kernel_size=3, padding=1, groups=2)),
    *(
        (
            "Conv2d",
            [(2, 4, 9, 8)],
            dict(in_channels=4, out_channels=4, kernel_size=3, padding=1, padding_mode=mode),
        )
        for mode in ("zeros", "circular", "reflect", "replicate")
    ),
    (
        "Conv2d",
        [(2, 4, 9, 8)],
        dict(in_channels=4, out_channels=4, kernel_size=3, stride=2, groups=4, dilation=2),
    ),
    ("Conv2d", [(2, 4, 9, 8)], dict(in_channels=4, out_channels=8, kernel_size=1)),
    *(
        (f"MaxPool{n}d", [(2, 4, *(9, 8, 4)[:n])], dict(kernel_size=2, padding=1, return_indices=indices))
        for n in (1, 2, 3)
        for indices in (False, True)
    ),
    *(
        (f"AdaptiveMaxPool{n}d", [(2, 4, *(9, 8, 4)[:n])], dict(output_size=3, return_indices=True))
        for n in (1, 2, 3)
    ),
    ("AvgPool2d", [(2, 4, 9, 8)], dict(kernel_size=2)),
    *((f"MaxUnpool{n}d", [(2, 4, *(4, 3, 2)[:n])], dict(kernel_size=2)) for n in (1, 2, 3)),
    ("Bilinear", [(3, 5), (3, 4)], dict(in1_features=5, in2_features=4, out_features=6)),
    *((f"LazyConv{n}d", [(2, 4, *(9, 8, 4)[:n])], dict(out_channels=6, kernel_size=3)) for n in (1, 2, 3)),
    *(
        (f"LazyConvTranspose{n}d", [(2, 4, *(9, 8, 4)[:n])], dict(out_channels=6, kernel_size=3))
        for n in (1, 2, 3)
    ),
    *((f"LazyBatchNorm{n}d", [(2, 4, *(9, 8, 4)[:n])], {}) for n in (1, 2, 3)),
    *((f"LazyInstanceNorm{n}d", [(2, 4, *(9, 8, 4)[:n])], dict(affine=True)) for n in (1, 2, 3)),
    ("LazyLinear", [(3, 6)], dict(out_features=4)),
    ("GroupNorm", [(2, 4, 9, 8)], dict(num_groups=2, num_channels=4)),
    ("RReLU", [(3, 6)], {}),
    *((name, [(4, 6), (4, 6)], {}) for name in LOSSES),
    *((name, [(4, 6), (4, 6)], dict(weight=np.full(6, 1.5, np.float32))) for name in WEIGHTED),
    ("CrossEntropyLoss", [(4, 6, 3), (4, 3)], dict(label_smoothing=0.1)),
    ("CosineEmbeddingLoss", [(4, 6), (4, 6), (4,)], {}),
    *((name, [(4, 6)] * 3, {}) for name in TRIPLES),
]

LAYERS = [(name, [shape], arguments) for name, shape, arguments in ROWS] + MORE
IDS = [f"{i}-{name}" for i, (name, _, _) in enumerate(LAYERS)]


def public():
    """The names of all layers that jaxconv has."""
    from jaxconv.nn.containers import Container

    return {
        name
        for name, kind in vars(jaxconv.nn).items()
        if isinstance(kind, type) and issubclass(kind, nnx.Module) and not issubclass(kind, Container)
    }


def build(name, arguments, training):
    """The NNX layer."""
    kind = getattr(jaxconv, name)
    known = inspect.signature(kind.__init__).parameters
    options = {"deterministic": not training, "use_running_average": not training, "rngs": nnx.Rngs(0)}
    return kind(**arguments, **{key: value for key, value in options.items() if key in known})


def inputs(name, shapes):
    """float32 arrays; MaxUnpool's second is where its first goes."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    if name.startswith("Embedding"):
        arrays = [rng.integers(0, 5, shape) for shape in shapes]
    if name.startswith("MaxUnpool"):
        size = int(np.prod(shapes[0][2:]))
        arrays.append(np.broadcast_to(np.arange(size).reshape(shapes[0][2:]), shapes[0]).astype(np.int64))
    if name.endswith("Loss"):
        arrays[:-1] = [np.abs(x) % 1 for x in arrays[:-1]]
        arrays[-1] = targets(name, arrays[-1])
    return arrays


def targets(name, drawn):
    """What a loss takes last: class indices, labels, probabilities, variances or signs."""
    if name in ("NLLLoss", "CrossEntropyLoss", "MultiMarginLoss"):
        indices = drawn if drawn.shape[-1] == 3 else drawn[:, 0]
        return (np.abs(indices) * 10 % 3).astype(np.int64)
    if name == "MultiLabelMarginLoss":
        return np.broadcast_to([3, 1, -1, 0, 0, 0], drawn.shape).astype(np.int64)
    if name in ("BCELoss", "BCEWithLogitsLoss", "KLDivLoss", "PoissonNLLLoss", "GaussianNLLLoss"):
        return np.abs(drawn) % 1
    return np.sign(drawn)


def step(name, shapes, arguments, training):
    """(parameters, rest, *inputs) -> loss and results, and gradients; with the parameters and what else there is."""
    layer = build(name, arguments, training)
    if name.startswith("Lazy"):
        layer(*inputs(name, shapes))
    graph, parameters, rest = nnx.split(layer, nnx.Param, ...)

    def loss(parameters, rest, *xs):
        merged = nnx.merge(graph, parameters, rest, copy=True)
        result = merged(*xs)
        floating = [y for y in jax.tree.leaves(result) if jnp.issubdtype(y.dtype, jnp.floating)]
        return sum(jnp.sum(jnp.square(y)) for y in floating), (result, nnx.state(merged, nnx.BatchStat))

    floating = not name.startswith("Embedding")  # no gradient with respect to indices
    return jax.value_and_grad(loss, argnums=(0, 2) if floating else 0, has_aux=True), parameters, rest
