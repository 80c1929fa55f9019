"""Arrays that hold together what several of torch's hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen

from parity._flax.network import network
from parity._pairing.leftovers import complete
from parity._pairing.match import holders, match


def completed(theirs, arrays):
    """What belongs to what, for a tree of arrays of these shapes by path."""
    tree = {}
    for path, shape in arrays.items():
        *above, name = path.split(".")
        node = tree
        for key in above:
            node = node.setdefault(key, {})
        node[name] = np.zeros(shape, np.float32)
    whole = network((lambda p, x: x, tree))
    order = [name for name, m in theirs.named_modules() if not list(m.children())]
    return complete(match(theirs, order, {}, whole), theirs, order, holders({}, whole), whole)


def state(theirs):
    return {name: t.detach().numpy() for name, t in theirs.state_dict().items()}


def goes_back(found, theirs):
    there = found.to_flax(state(theirs))
    back = found.to_torch(there)
    return all(np.array_equal(back[name], value) for name, value in state(theirs).items())


class Blocks(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList(torch.nn.Linear(2, 5) for _ in range(3))


def test_a_list_of_layers_is_stacked():
    theirs = Blocks()
    found = completed(theirs, {"stack.kernel": (3, 2, 5), "stack.bias": (3, 5)})
    assert not found.missing and not found.extra and goes_back(found, theirs)
    kernels = found.to_flax(state(theirs))["stack.kernel"]
    assert np.array_equal(kernels[1], theirs.blocks[1].weight.detach().numpy().T)
    assert len([e for e in found.ledger if e.how.startswith("stacked along a first axis")]) == 6


def test_query_key_and_value_are_split():
    theirs = torch.nn.MultiheadAttention(6, 2)
    names = {"value": (6, 2, 3), "key": (6, 2, 3), "query": (6, 2, 3), "out": (2, 3, 6)}
    arrays = {f"{name}.kernel": shape for name, shape in names.items()}
    arrays |= {f"{name}.bias": shape[1:] if name != "out" else (6,) for name, shape in names.items()}
    found = completed(theirs, arrays)
    assert not found.missing and not found.extra and goes_back(found, theirs)
    query, key = (found.to_flax(state(theirs))[f"{name}.kernel"].reshape(6, 6) for name in ("query", "key"))
    packed = theirs.in_proj_weight.detach().numpy()
    assert np.array_equal(query, packed[:6].T) and np.array_equal(key, packed[6:12].T)


def test_query_key_and_value_are_joined():
    theirs = torch.nn.Module()
    for name in ("k_proj", "q_proj", "v_proj"):
        theirs.add_module(name, torch.nn.Linear(4, 4))
    found = completed(theirs, {"qkv.kernel": (4, 12), "qkv.bias": (12,)})
    assert not found.missing and not found.extra and goes_back(found, theirs)
    joined = found.to_flax(state(theirs))["qkv.kernel"]
    assert np.array_equal(joined[:, :4], theirs.q_proj.weight.detach().numpy().T)


@pytest.mark.parametrize(
    ("kind", "cell"), [(torch.nn.LSTM, linen.LSTMCell), (torch.nn.GRU, linen.GRUCell)], ids=["LSTM", "GRU"]
)
def test_a_cell_has_a_layer_for_each_gate(kind, cell):
    theirs = kind(3, 4)
    carry = cell(4).initialize_carry(jax.random.key(0), (2, 3))
    params = cell(4).init(jax.random.key(0), carry, jnp.zeros((2, 3)))["params"]
    arrays = {f"cell.{gate}.{name}": a.shape for gate, layer in params.items() for name, a in layer.items()}
    found = completed(theirs, arrays)
    assert not found.missing and not found.extra
    with pytest.raises(
        ValueError, match=r"`convert` \(='to_torch'\): .* is computed \(.*\) from torch's bias_ih_l0"
    ):
        found.to_torch({name: np.zeros(shape, np.float32) for name, shape in arrays.items()})
    # One step of Flax's cell with these weights is torch's.
    x = np.random.default_rng(0).standard_normal((2, 3), dtype=np.float32)
    flat = found.to_flax(state(theirs))
    nested = {gate: {n: flat[f"cell.{gate}.{n}"] for n in layer} for gate, layer in params.items()}
    _, ours = cell(4).apply({"params": nested}, carry, x)
    wanted = theirs(torch.from_numpy(x)[None])[0][0].detach().numpy()
    assert np.abs(ours - wanted).max() < np.sqrt(
        np.finfo(np.float32).eps
    )  # another gate's weights: of order 1


def test_query_key_and_value_of_other_sizes():
    theirs = torch.nn.MultiheadAttention(6, 2, kdim=4, vdim=5)
    inner = {"query": 6, "key": 4, "value": 5}
    arrays = {f"{name}.kernel": (size, 2, 3) for name, size in inner.items()} | {"out.kernel": (2, 3, 6)}
    arrays |= {f"{name}.bias": (2, 3) for name in inner} | {"out.bias": (6,)}
    found = completed(theirs, arrays)
    assert not found.missing and not found.extra and goes_back(found, theirs)
    key = found.to_flax(state(theirs))["key.kernel"].reshape(4, 6)
    assert np.array_equal(key, theirs.k_proj_weight.detach().numpy().T)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("affine", [False, True])
def test_the_gradients_of_a_folded_batch_norm_follow_by_the_chain_rule(affine, bias):
    torch.manual_seed(0)
    conv, norm = torch.nn.Conv2d(2, 3, 3, bias=bias), torch.nn.BatchNorm2d(3, affine=affine)
    theirs = torch.nn.Sequential(conv, norm).double().eval()
    norm.running_mean.normal_()
    norm.running_var.uniform_(1, 2)
    if affine:
        torch.nn.init.normal_(norm.weight)
    found = completed(theirs, {"0.kernel": (3, 3, 2, 3), "0.bias": (3,)})
    assert not found.missing and not found.extra
    (group,) = found.groups
    x, cotangent = torch.randn(2, 2, 5, 5).double(), torch.randn(2, 3, 3, 3).double()
    parameters = dict(theirs.named_parameters())
    wanted = torch.autograd.grad(theirs(x), list(parameters.values()), cotangent)
    flat = found.to_flax(state(theirs))
    kernel = torch.from_numpy(np.asarray(flat["0.kernel"])).permute(3, 2, 0, 1).contiguous().requires_grad_()
    bias = torch.from_numpy(np.asarray(flat["0.bias"])).requires_grad_()
    grads = torch.autograd.grad(torch.nn.functional.conv2d(x, kernel, bias), [kernel, bias], cotangent)
    back = group.gradients([grads[0].permute(2, 3, 1, 0).numpy(), grads[1].numpy()])
    assert set(back) == set(parameters)
    for name, want in zip(parameters, wanted, strict=True):
        assert np.abs(back[name] - want.numpy()).max() < np.sqrt(np.finfo(np.float64).eps), name


@pytest.mark.parametrize(
    "theirs",
    [torch.nn.LSTM(3, 5), torch.nn.LSTM(2, 4), torch.nn.LSTM(3, 4, proj_size=2)],
    ids=["hidden size", "input size", "proj_size"],
)
def test_a_cell_of_another_size_is_no_partner(theirs):
    names = [side + gate for side in "ih" for gate in "ifgo"]
    arrays = {f"cell.{name}.kernel": (3 if name[0] == "i" else 4, 4) for name in names}
    found = completed(theirs, arrays)
    assert not found.groups
