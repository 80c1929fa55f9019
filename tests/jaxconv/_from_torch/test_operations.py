"""Every family of ATen's operations as torch's graph has them, against torch: values, dtypes and gradients."""

import jax
import numpy as np
import oracle
import pytest
import torch
from torch.nn import functional as F

import jaxconv


class Functions(torch.nn.Module):
    """Functions of the same tensors, one output each: one trace and one compilation for all of them."""

    def __init__(self, functions):
        super().__init__()
        self.functions = functions

    def forward(self, *tensors):
        outputs = []
        for function in self.functions:
            y = function(*tensors)
            outputs += y if isinstance(y, tuple | list) else [y]
        return tuple(outputs)


def check(functions, *arrays):
    module = Functions(functions)
    network = jaxconv.from_torch(module, arrays)
    assert oracle.check(module, network, list(arrays), rng=np.random.default_rng(0))


X = np.random.default_rng(0).standard_normal((2, 4, 6)).astype(np.float32)
Y = np.random.default_rng(1).standard_normal((2, 4, 6)).astype(np.float32)
POSITIVE = np.abs(X) + np.float32(0.25)
IMAGE = np.random.default_rng(2).standard_normal((2, 4, 6, 6)).astype(np.float32)
INTEGERS = np.random.default_rng(3).integers(-5, 6, (2, 4, 6))
OTHERS = np.random.default_rng(4).integers(1, 6, (2, 4, 6)).astype(np.int32)
MASK = Y > 0

FAMILIES = {
    "binary": (
        [
            lambda x, y: x + y,
            lambda x, y: torch.add(x, y, alpha=0.5),
            lambda x, y: torch.sub(x, y, alpha=2),
            lambda x, y: 3 - x,
            lambda x, y: torch.rsub(x, y, alpha=2),
            lambda x, y: x * y * 2,
            lambda x, y: x / y.clamp(min=0.5),
            lambda x, y: torch.maximum(x, y) + torch.minimum(x, y[:, :1]),
            lambda x, y: torch.max(x, y),
            lambda x, y: torch.where(x > y, x, 0.5),
            lambda x, y: torch.lerp(x, y, 0.3),
            lambda x, y: torch.addcmul(x, x, y, value=0.5),
            lambda x, y: torch.addcdiv(x, y, x.abs() + 1, value=0.5),
            lambda x, y: (x > 0) & (y >= 0) | ~(x == y) ^ (x != 0.5),
            lambda x, y: torch.logical_and(x < y, x <= 1),
            lambda x, y: torch.atan2(x, y),
        ],
        (X, Y),
    ),
    "unary": (
        [
            *(
                torch.exp,
                torch.expm1,
                torch.sin,
                torch.cos,
                torch.tanh,
                torch.sigmoid,
                torch.erf,
                torch.square,
            ),
            *(
                torch.neg,
                torch.abs,
                torch.sign,
                torch.floor,
                torch.ceil,
                torch.round,
                torch.trunc,
                torch.relu,
            ),
            *(torch.isnan, torch.isinf, torch.isfinite, torch.atan, torch.sinh, torch.cosh),
            lambda x: x.clamp(-0.5, 0.5),
            lambda x: x.clamp_max(0.1),
            lambda x: x**2 + x.pow(3),
            lambda x: x.masked_fill(x > 0.3, -1e9).clamp(min=-3),
            lambda x: 2.0**x,
        ],
        (X,),
    ),
    "positive": (
        [
            *(torch.log, torch.log2, torch.log10, torch.log1p, torch.sqrt, torch.rsqrt, torch.reciprocal),
            lambda x: x**0.5,
            lambda x: x**-1.5,
            lambda x: x ** (x / 2),
            lambda x: x % 0.75,
            lambda x: torch.div(x, 0.3, rounding_mode="floor"),
        ],
        (POSITIVE,),
    ),
    "integers": (
        [
            lambda i, j: i + j,
            lambda i, j: i / j,
            lambda i, j: i // j,
            lambda i, j: torch.div(i, j, rounding_mode="trunc"),
            lambda i, j: i % j,
            lambda i, j: torch.fmod(i, j),
            lambda i, j: i + 1.5,
            lambda i, j: i * True,
            lambda i, j: (i > 0) + (j > 2),
            lambda i, j: (i > 0) * 2,
            lambda i, j: j**2,
            lambda i, j: j.sqrt(),
            lambda i, j: i.clamp(-2, 2.5),
            lambda i, j: i.sum() + j.sum(0) + (i > 0).sum(),
            lambda i, j: j.prod(1),
            lambda i, j: i.float().mean(),
            lambda i, j: i.max(dim=1),
            lambda i, j: i.argmax(-1),
            lambda i, j: torch.where(i > 0, i, j),
            lambda i, j: i.cumsum(1),
            lambda i, j: torch.any(i > 4, 1) | torch.all(i > 0),
            lambda i, j: j.to(torch.uint8).type_as(i),
            lambda i, j: (i.abs()[..., None] == torch.arange(6)).long(),
            lambda i, j: i + torch.tensor(2.5),
            lambda i, j: i.bool().logical_not(),
            lambda i, j: torch.bitwise_and(i.long(), 3) ^ 1,
        ],
        (INTEGERS, OTHERS),
    ),
    "reductions": (
        [
            lambda x: x.sum(),
            lambda x: x.sum((0, 2), keepdim=True),
            lambda x: x.mean(),
            lambda x: x.mean(-1),
            lambda x: x.var(),
            lambda x: x.var((1, 2), unbiased=False),
            lambda x: x.std(1, keepdim=True),
            lambda x: x.std(),
            lambda x: torch.var(x, 1, correction=0),
            lambda x: torch.var_mean(x, 2, keepdim=True),
            lambda x: torch.var_mean(x),
            lambda x: x.amax((1, 2)),
            lambda x: x.amin(-1),
            lambda x: x.max(dim=2),
            lambda x: x.min(dim=1, keepdim=True),
            lambda x: x.max() - x.min(),
            lambda x: x.argmin(1),
            lambda x: x.norm(),
            lambda x: x.norm(p=1, dim=1),
            lambda x: torch.linalg.vector_norm(x, dim=(1, 2)),
            lambda x: F.normalize(x, dim=1),
            lambda x: x.logsumexp(1),
            lambda x: x.prod(2),
            lambda x: x.cumsum(-1),
            lambda x: x.topk(3, dim=-1),
            lambda x: x.sort(dim=1, descending=True),
            lambda x: x.softmax(1),
            lambda x: x.log_softmax(-1),
        ],
        (X,),
    ),
    "shape": (
        [
            lambda x: x.view(2, -1),
            lambda x: x.reshape(-1, 3),
            lambda x: x.flatten(1),
            lambda x: x.flatten(),
            lambda x: x.unflatten(2, (2, -1)),
            lambda x: x.permute(2, 0, 1),
            lambda x: x.transpose(-1, 0),
            lambda x: x.mT,
            lambda x: x[0].t(),
            lambda x: x.movedim(0, 2),
            lambda x: x.unsqueeze(-1).squeeze(-1).unsqueeze(1).squeeze(),
            lambda x: x[:, :1].expand(-1, 3, 6),
            lambda x: x[:1].expand_as(x),
            lambda x: x.repeat(1, 2, 1),
            lambda x: x.repeat_interleave(2, dim=1),
            lambda x: x.flip(1, 2),
            lambda x: x.roll(1, 2),
            lambda x: torch.cat([x, x.double().float()[:, :2]], 1),
            lambda x: torch.stack([x, 2 * x], -1),
            lambda x: x.split(4, 2),
            lambda x: x.split([1, 3], 1),
            lambda x: x.chunk(4, 2),
            lambda x: x.unbind(1),
            lambda x: x[:, 1:-1:2, ...],
            lambda x: x[..., -1, None],
            lambda x: x.narrow(1, 1, 2),
            lambda x: x.select(1, -1),
            lambda x: x[:, [0, 2, 2]],
            lambda x: x[torch.tensor([1, 0]), :, torch.tensor([3, 5])],
            lambda x: x.index_select(2, torch.tensor([5, 0, 0])),
            lambda x: x.gather(2, torch.tensor([[[0, 5, 5]], [[1, 2, 3]]])),
            lambda x: torch.zeros_like(x).scatter(1, torch.tensor([[[3], [1]], [[2], [0]]]), x[:, :2, :1]),
            lambda x: x.unfold(2, 3, 2),
            lambda x: x.tril() + x.triu(1),
            lambda x: x.diagonal(dim1=1, dim2=2),
            lambda x: torch.meshgrid(x[0, 0], x[0, 1], indexing="xy"),
            lambda x: x + torch.arange(6) + torch.arange(0, 3, 0.5) + torch.linspace(0, 1, 6),
            lambda x: x + torch.zeros(6) + torch.ones(4, 1) + torch.full((6,), 0.5) + torch.eye(4, 6),
            lambda x: x.new_zeros(2) + x.new_full((2,), 3) + torch.ones_like(x)[0, 0, :2],
            lambda x: x.detach() * x,
            lambda x: x.contiguous().clone().to("cpu"),
            lambda x: x.clone().fill_(3) + x.clone().zero_(),
        ],
        (X,),
    ),
    "products": (
        [
            lambda x, y: x @ y.mT,
            lambda x, y: torch.bmm(x, y.transpose(1, 2)),
            lambda x, y: torch.mm(x[0], y[0].T),
            lambda x, y: torch.addmm(x[0, :, :4], x[0], y[0].t(), beta=0.5, alpha=2),
            lambda x, y: torch.baddbmm(x[..., :4], x, y.mT),
            lambda x, y: torch.einsum("b i c, b j c -> b i j", x, y),
            lambda x, y: torch.outer(x[0, 0], y[0, 1]),
            lambda x, y: torch.vdot(x[0, 0], y[0, 1]),
            lambda x, y: F.cosine_similarity(x, y, dim=2),
            lambda x, y: F.pairwise_distance(x, y),
            lambda x, y: torch._weight_norm(x, y[:, :1, :1], 0),
            lambda x, y: x[0] @ y[0, 0],
            lambda x, y: F.linear(x, y[0], y[0, :, 0]),
            lambda x, y: F.scaled_dot_product_attention(x, y, y, is_causal=True),
            lambda x, y: F.scaled_dot_product_attention(
                x, y, x, attn_mask=torch.tensor([True, False, True, True])
            ),
            lambda x, y: F.scaled_dot_product_attention(x[None], y[None], x[None], y[0, :, :4], scale=0.3),
            lambda x, y: F.embedding(torch.tensor([[0, 2], [1, 1]]), x[0], padding_idx=1),
        ],
        (X, Y),
    ),
    "activations": (
        [
            *(
                F.relu6,
                F.elu,
                F.selu,
                F.celu,
                F.leaky_relu,
                F.gelu,
                F.silu,
                F.mish,
                F.glu,
                F.softplus,
                F.softsign,
            ),
            *(F.hardtanh, F.hardswish, F.hardsigmoid, F.hardshrink, F.softshrink, F.tanhshrink, F.logsigmoid),
            lambda x: F.gelu(x, approximate="tanh"),
            lambda x: F.elu(x, 0.5),
            lambda x: F.threshold(x, 0.1, 0.2),
            lambda x: F.prelu(x, x[0, :, 0]),
            lambda x: F.rrelu(x, training=False),
        ],
        (X,),
    ),
    "layers": (
        [
            lambda x: F.max_pool2d(x, 3, 2, 1),
            lambda x: F.max_pool2d(x, 2, return_indices=True),
            lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
            lambda x: F.avg_pool2d(x, 2),
            lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
            lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
            lambda x: F.adaptive_max_pool2d(x, 2),
            lambda x: F.lp_pool2d(x.abs() + 1, 2, 2),
            lambda x: F.max_pool1d(x[0], 2) + F.avg_pool1d(x[0], 2),
            lambda x: F.adaptive_avg_pool1d(x[0], 2),
            lambda x: F.interpolate(x, scale_factor=2, mode="nearest"),
            lambda x: F.interpolate(x, size=(6, 11), mode="bilinear", align_corners=True),
            lambda x: F.interpolate(x, scale_factor=0.5, mode="bicubic"),
            lambda x: F.interpolate(x, size=4, mode="bilinear", antialias=True),
            lambda x: F.interpolate(x[0], size=12, mode="linear"),
            lambda x: F.interpolate(x, size=(3, 3), mode="area"),
            lambda x: F.pixel_shuffle(x, 2),
            lambda x: F.pixel_unshuffle(x, 2),
            lambda x: F.unfold(x, 3, padding=1, stride=2),
            lambda x: F.fold(F.unfold(x, 2), (6, 6), 2),
            lambda x: F.pad(x, (1, 2, -1, 0), value=0.5),
            lambda x: F.pad(x, (1, 2, 2, 1), mode="reflect"),
            lambda x: F.pad(x, (1, 2, 2, 1), mode="circular"),
            lambda x: F.layer_norm(x, (6,)),
            lambda x: F.group_norm(x, 2, x[0, :, 0, 0]),
            lambda x: F.instance_norm(x),
            lambda x: F.batch_norm(x, None, None, training=True),
            lambda x: F.rms_norm(x, (6,), eps=1e-5),
            lambda x: F.local_response_norm(x, 3),
            lambda x: F.dropout(x, 0.5, training=False),
            lambda x: F.conv2d(x, x[:, :2, :3, :3], groups=2, padding="same"),
            lambda x: F.conv2d(x, x[:, :, :3, :3], stride=2, padding=(1, 2), dilation=2),
            lambda x: F.conv1d(x[0], x[0, :, :, :3], x[0, 0, 0, :4]),
            lambda x: F.conv_transpose2d(x, x[0, :, None, :3, :3].expand(4, 2, 3, 3), None, 2, 1, 1, 2),
            lambda x: F.conv_transpose1d(x[0], x[0, :, :, :2].transpose(0, 1)),
        ],
        (IMAGE,),
    ),
    "more on elements": (
        [
            lambda x, y: torch.heaviside(x.detach(), y.detach()) + y,
            lambda x, y: torch.hypot(x, y),
            lambda x, y: torch.logaddexp(x, y),
            lambda x, y: torch.logit(torch.sigmoid(x), eps=0.1),
            lambda x, y: torch.nan_to_num(x / (y > 0), posinf=9.0, neginf=-7.0),
            lambda x, y: torch.frac(3 * x),
            lambda x, y: torch.sgn(x),
        ],
        (X, Y),
    ),
    "more reductions": (
        [
            lambda x: torch.std_mean(x, 1),
            lambda x: torch.std_mean(x),
            lambda x: torch.aminmax(x),
            lambda x: torch.aminmax(x, dim=1, keepdim=True),
            lambda x: torch.median(x),
            lambda x: torch.median(x, 1),
            lambda x: torch.median(x, 2, keepdim=True),
            lambda x: torch.kthvalue(x, 3, 2),
            lambda x: torch.cummax(x, 2),
            lambda x: torch.logcumsumexp(x, 1),
            lambda x: torch.linalg.norm(x, dim=(1, 2)),
            lambda x: torch.linalg.norm(x),
            lambda x: torch.linalg.norm(x, 1, dim=-1, keepdim=True),
            lambda x: torch.linalg.matrix_norm(x.detach(), 1),
            lambda x: torch.cdist(x, x + 1),
            lambda x: torch.linalg.cross(x[..., :3], x[..., 3:]),
            lambda x: torch.tensordot(x, x, ([0, 2], [0, 2])),
            lambda x: torch.kron(x[0], x[1]),
        ],
        (X,),
    ),
    "more shapes": (
        [
            lambda x, i: F.one_hot(i, 3),
            lambda x, i: torch.diag_embed(x),
            lambda x, i: torch.diag_embed(x, 1, 0, 2),
            lambda x, i: torch.tensor_split(x, 4, 2),
            lambda x, i: torch.tensor_split(x, (1, 3), 1),
            lambda x, i: torch.rot90(x, 1, (1, 2)),
            lambda x, i: x.index_add(1, i, x[:, :2], alpha=2),
            lambda x, i: torch.hstack([x, x]),
            lambda x, i: torch.dstack([x, x]),
        ],
        (X, np.array([2, 0])),
    ),
    "masked": (
        [
            lambda x, y: x.clone().masked_fill_(y > 0, 1.5),
            lambda x, y: put(x, (y > 0,), 0.5),
            lambda x, y: put(x, (y[:, 0, 0] > -9,), 0.5),
            lambda x, y: put(x, (slice(None), y[0, :, 0] > 0), y[0, 0]),
            lambda x, y: torch.index_put(x, (y > 0,), y[:1, 0, 0], accumulate=True),
        ],
        (X, Y),
    ),
    "losses": (
        [
            lambda x, y: F.mse_loss(x, y),
            lambda x, y: F.mse_loss(x, y, reduction="none"),
            lambda x, y: F.l1_loss(x, y, reduction="sum"),
            lambda x, y: F.smooth_l1_loss(x, y, beta=0.5),
            lambda x, y: F.huber_loss(x, y, delta=0.7),
            lambda x, y: F.soft_margin_loss(x, y.sign().detach()),
            lambda x, y: F.kl_div(F.log_softmax(x, 1), F.softmax(y, 1), reduction="batchmean"),
            lambda x, y: F.kl_div(F.log_softmax(x, 1), F.log_softmax(y, 1), reduction="sum", log_target=True),
            lambda x, y: F.binary_cross_entropy(torch.sigmoid(x), torch.sigmoid(y)),
            lambda x, y: F.binary_cross_entropy_with_logits(
                x, torch.sigmoid(y), pos_weight=y[0, 0].detach().abs()
            ),
            lambda x, y: F.cross_entropy(x, F.softmax(y, 1), label_smoothing=0.1),
        ],
        (X, Y),
    ),
    "losses of classes": (
        [
            lambda x, i: F.cross_entropy(x, i),
            lambda x, i: F.cross_entropy(x, i, reduction="none", ignore_index=1),
            lambda x, i: F.cross_entropy(
                x, i, label_smoothing=0.2, weight=x[0, :, 0].detach().abs(), ignore_index=2
            ),
            lambda x, i: F.nll_loss(F.log_softmax(x, 1), i, reduction="sum", ignore_index=0),
            lambda x, i: F.nll_loss(F.log_softmax(x, 1), i, weight=x[0, :, 0].detach().abs()),
            lambda x, i: F.cross_entropy(x[:, :, 0], i[:, 0]),
            lambda x, i: F.cross_entropy(x[0, :, 0], i[0, 0]),
        ],
        (X, OTHERS[:, 0].astype(np.int64) % 4),
    ),
}


def put(x, where, value):
    y = x.clone()
    y[where] = value
    return y


@pytest.mark.share(3)
@pytest.mark.parametrize("family", FAMILIES)
def test_operations(family):
    functions, arrays = FAMILIES[family]
    check(functions, *arrays)


def test_numbers_and_single_elements_promote_as_in_torch():
    half = X.astype(np.float16)
    check(
        [
            lambda x, i, s: x * 2.5 + i,
            lambda x, i, s: x + s,
            lambda x, i, s: i + s,
            lambda x, i, s: i * 2 + torch.tensor(1, dtype=torch.int8),
            lambda x, i, s: torch.cat([x, i]),
            lambda x, i, s: torch.where(i > 0, x, s),
            lambda x, i, s: i.mean(dtype=torch.float64) + s,
            lambda x, i, s: (x > 0).float() + i,
        ],
        half,
        OTHERS,
        np.float64(0.75).reshape(()),
    )


def test_casts_are_those_of_the_trace():
    functions = [
        lambda x: x.double().bfloat16().float(),
        lambda x: x.to(torch.int32),
        lambda x: x.half() + x.long(),
    ]
    x = 8 * X
    network = jaxconv.from_torch(Functions(functions), x)
    for ours, theirs in zip(network(x), Functions(functions)(torch.from_numpy(x)), strict=True):
        assert ours.dtype == str(theirs.dtype).removeprefix("torch.")
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.share(2)
@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("ndim", [2, 3])
def test_sampling_is_exact_where_its_numbers_are(ndim, align):
    """Whole numbers at places that are multiples of 1/8, between the pixels: nothing is rounded, so all is equal.

    A bound there is not: where a place is rounded over a pixel's edge, another pixel is taken.
    """
    size = (5, 9) if align else (4, 8)
    size = (3, *size) if align and ndim == 3 else (2, *size) if ndim == 3 else size
    rng = np.random.default_rng(0)
    image = rng.integers(-8, 9, (2, 3, *size)).astype(np.float64)
    # In pixels, from outside to outside, and back to -1 ... 1, exactly.
    at = rng.integers(-16, 8 * max(size), (*(2, 4, 5, 3)[: ndim + 1], ndim)) / 8 + 1 / 16
    n = np.array(size[::-1])
    grid = (2 * at / (n - 1) - 1 if align else (2 * at + 1) / n - 1).astype(np.float64)
    modes = ["bilinear", "nearest"] + (["bicubic"] if ndim == 2 else [])
    module = Functions(
        [
            lambda x, g, m=mode, p=padding: F.grid_sample(x, g, m, p, align)
            for mode in modes
            for padding in ("zeros", "border", "reflection")
        ]
    )
    network = jaxconv.from_torch(module, (image, grid))
    tensors = [torch.from_numpy(a).requires_grad_() for a in (image, grid)]
    theirs = module(*tensors)
    cotangents = [rng.integers(-4, 5, tuple(y.shape)).astype(np.float64) for y in theirs]

    ours, vjp = jax.vjp(network, image, grid)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other.detach())
    wanted = torch.autograd.grad(theirs, tensors, [torch.from_numpy(c) for c in cotangents])
    for mine, other in zip(vjp(tuple(map(jax.numpy.asarray, cotangents))), wanted, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_affine_grid():
    theta = np.float32([[[0.9, 0.2, 0.1], [-0.3, 1.1, 0.2]], [[0.7, 0.1, 0.3], [0.2, -0.8, 0.1]]])
    solid = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    check(
        [
            lambda t, s: F.affine_grid(t, (2, 4, 5, 3), align_corners=False),
            lambda t, s: F.affine_grid(t, (2, 4, 2, 4), align_corners=True),
            lambda t, s: F.affine_grid(s, (2, 4, 2, 3, 4), align_corners=True),
        ],
        theta,
        solid,
    )


def test_masked_assignment_is_jitted():
    class Cut(torch.nn.Module):
        def forward(self, x):
            y = x.clone()
            y[y < 0] = 0.5
            return y

    network = jaxconv.from_torch(Cut(), X)
    np.testing.assert_array_equal(jax.jit(lambda x: network(x))(X), np.where(X < 0, np.float32(0.5), X))


def test_a_mask_that_picks_is_refused_with_the_way_out():
    class Pick(torch.nn.Module):
        def forward(self, x):
            return x[x > 0].sum()

    with pytest.raises(ValueError, match=r"`x\[mask\]`, instead of which torch\.where does it"):
        jaxconv.from_torch(Pick(), X)
