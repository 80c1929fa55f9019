"""torch's own samples of its modules (torch.testing._internal, ModuleInfo): both fronts of every layer that we have."""

import functools
import inspect
import warnings

import jax
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
from parity._flax import network as flax_network
from parity._judge import layer as layers
from parity._torch.network import calls
from parity._torch.original import drawn
from parity._torch.tensors import to_numpy

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import module_db

pytestmark = pytest.mark.share(3)

SHARE = 2
INFOS = {info.module_cls.__name__: info for info in module_db if hasattr(jaxconv, info.module_cls.__name__)}


def samples(name, training, every):
    info = INFOS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = info.module_inputs_func(
            info, device="cpu", dtype=torch.float32, requires_grad=False, training=training
        )
    found = [f for f in found if f.forward_input is not None]
    step = max(len(found) // SHARE, 1)
    return found if every else found[sum(map(ord, name)) % step :: step][:SHARE]


def arrays(tree):
    return torch.utils._pytree.tree_map(lambda x: to_numpy(x) if isinstance(x, torch.Tensor) else x, tree)


def options(cls, training, **more):
    known = inspect.signature(cls.__init__).parameters
    given = {"deterministic": not training, "use_running_average": not training, **more}
    return {name: value for name, value in given.items() if name in known}


@pytest.mark.filterwarnings("ignore::UserWarning:torch")
@pytest.mark.filterwarnings("ignore:Implicit dimension choice:UserWarning")
@pytest.mark.parametrize(
    ("name", "training"),
    # Only what a mode changes is compared in both: the rest in training mode is left to make thorough.
    [pytest.param(name, False, id=f"{name}-eval") for name in INFOS]
    + [
        pytest.param(name, True, id=f"{name}-train", marks=[] if "Norm" in name else pytest.mark.thorough)
        for name in INFOS
    ],
)
def test_both_fronts_are_torch_s_module(name, training, request):
    if training and ("Dropout" in name or name == "RReLU"):
        pytest.skip("random: see test_dropout.py and test_activation.py")
    if name == "SoftMarginLoss":
        pytest.skip("torch has no gradient with respect to the target: see _functional/test_loss.py")
    compared = 0
    for sample in samples(name, training, request.config.getoption("--thorough")):
        made, given = sample.constructor_input, sample.forward_input
        module = getattr(torch.nn, name)(*made.args, **made.kwargs).train(training)
        if "Lazy" in name:
            module(*given.args, **given.kwargs)
        args, kwargs = arrays(given.args), arrays(given.kwargs)
        front = getattr(jaxconv, name)
        ours = front(*arrays(made.args), **arrays(made.kwargs), **options(front, training, rngs=nnx.Rngs(0)))
        if "Lazy" in name:
            ours(*args, **kwargs)
        weights = dict(module.state_dict())
        if weights:
            assert list(jaxconv.state_dict(ours)) == list(weights)
            ours = jaxconv.load_state_dict(ours, weights)

        found = calls(Around(module, given), [])
        run = drawn(found[0], np.random.default_rng(0))
        verdicts = layers.JudgedLayer(run, flax_network.network(ours)).verdicts
        assert verdicts and not [f"{v.name}: {v.reason}" for v in verdicts if not v.ok], sample.desc

        thin = getattr(jaxconv.linen, name)
        layer = thin(*arrays(made.args), **arrays(made.kwargs), **options(thin, training))
        shapes = jax.eval_shape(functools.partial(layer.init, jax.random.key(0), *args, **kwargs))
        variables = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
        if weights:
            variables = jaxconv.load_state_dict(variables, weights)
        assert same_numbers(ours, layer, variables, args, kwargs)
        compared += 1
    assert compared


def same_numbers(ours, layer, variables, args, kwargs):
    """Whether an NNX and a Linen layer compute the same output, bit for bit. Compiled as one program: that is quicker."""
    leaves, structure = jax.tree.flatten((args, kwargs))

    @jax.jit
    def both(given):
        args, kwargs = structure.unflatten([given.get(i, leaf) for i, leaf in enumerate(leaves)])
        linen, _ = layer.apply(variables, *args, **kwargs, mutable=["batch_stats"])
        return linen, nnx.merge(*nnx.split(ours), copy=True)(*args, **kwargs)

    linen, nnx_ = both({i: leaf for i, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray)})
    pairs = zip(jax.tree.leaves(linen), jax.tree.leaves(nnx_), strict=True)
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") for a, b in pairs)


class Around(torch.nn.Module):
    """A network of one layer, to have `calls` note what it is given."""

    def __init__(self, layer, given):
        super().__init__()
        self.layer, self.given = layer, given

    def forward(self):
        return self.layer(*self.given.args, **self.given.kwargs)
