"""docs/differences.md, section by section: what torch does, and what we do instead."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch.utils.checkpoint import checkpoint

import jaxconv
from jaxconv import functional as F

pytestmark = pytest.mark.share(2)

rng = np.random.default_rng(11)
X = rng.standard_normal((2, 4, 6, 5)).astype(np.float32)
TX = torch.from_numpy(X)
T = torch.nn.functional


def ours(*args, **kwargs):
    return jaxconv.Conv2d(*args, **kwargs, rngs=nnx.Rngs(0))


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((0, 4, 3), {}, "`in_channels` (=0) must be positive"),
        ((4, 0, 3), {}, "`out_channels` (=0) must be positive"),
        ((4, 4, 0), {}, "`kernel_size` (=(0, 0)) must be positive"),
        ((4, 4, 3), dict(stride=0), "`stride` (=(0, 0)) must be positive"),
        ((4, 4, 3), dict(stride=-1), "`stride` (=(-1, -1)) must be positive"),
        (
            (4, 4, 3),
            dict(stride=(1, 1, 1)),
            "`stride` (=(1, 1, 1)) must be an int or a tuple of 2 ints, got 3",
        ),
        ((4, 4, 3), dict(dilation=0), "`dilation` (=(0, 0)) must be positive"),
        ((4, 4, 3), dict(padding=-1), "`padding` (=(-1, -1)) must be non-negative"),
        ((4, 4, 3), dict(stride=2.0), "`stride` must be an int, got 2.0 of type float"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning")
def test_bad_convolutions_are_refused_at_construction(args, kwargs, message):
    layer = torch.nn.Conv2d(*args, **kwargs)
    with pytest.raises((RuntimeError, TypeError)):
        layer(TX)
    for construct in (ours, jaxconv.linen.Conv2d):
        with pytest.raises((ValueError, TypeError)) as caught:
            construct(*args, **kwargs)
        assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(kernel_size=0), "`kernel_size` (=(0, 0)) must be positive"),
        (dict(kernel_size=2, stride=0), "`stride` (=(0, 0)) must be positive"),
        (
            dict(kernel_size=2, padding=2),
            "`padding` (=(2, 2)) must be at most half of `kernel_size` (=(2, 2))",
        ),
        (dict(kernel_size=2, padding=-1), "`padding` (=(-1, -1)) must be non-negative"),
        (dict(kernel_size=2, dilation=0), "`dilation` (=(0, 0)) must be positive"),
        (dict(kernel_size=2.0), "`kernel_size` must be an int, got 2.0 of type float"),
        (dict(kernel_size=2, ceil_mode=1), "`ceil_mode` must be a bool, got 1 of type int"),
    ],
    ids=str,
)
def test_bad_poolings_are_refused_at_construction(kwargs, message):
    layer = torch.nn.MaxPool2d(**kwargs)
    with pytest.raises((RuntimeError, TypeError)):
        layer(TX)
    for construct in (jaxconv.MaxPool2d, jaxconv.linen.MaxPool2d):
        with pytest.raises((ValueError, TypeError)) as caught:
            construct(**kwargs)
        assert str(caught.value).startswith(message)


def test_constructors_take_no_bool_for_an_int():
    assert torch.nn.Conv2d(4, 4, True)(TX).shape == TX.shape
    with pytest.raises(TypeError, match="`kernel_size` must be an int, got True of type bool"):
        ours(4, 4, True)
    assert torch.nn.Conv2d(True, 4, 3)(TX[:, :1]).shape == (2, 4, 4, 3)
    with pytest.raises(TypeError, match="`in_channels` must be an int, got True of type bool"):
        ours(True, 4, 3)
    torch.nn.MaxPool2d(True)
    with pytest.raises(TypeError, match="`kernel_size` must be an int, got True of type bool"):
        jaxconv.MaxPool2d(True)


@pytest.mark.parametrize("bias", [0, 1, None, "no", ()])
def test_bias_takes_any_truth_value_as_in_torch(bias):
    assert (ours(4, 4, 3, bias=bias).bias is None) == (torch.nn.Conv2d(4, 4, 3, bias=bias).bias is None)


def test_tuples_of_one():
    with pytest.raises(RuntimeError, match="expected stride to be a single integer value"):
        torch.nn.Conv2d(4, 4, (3,))(TX)
    assert ours(4, 4, (3,)).kernel_size == (3, 3)
    kwargs = dict(padding=(1,), padding_mode="reflect")
    assert torch.nn.Conv2d(4, 4, 3, **kwargs)(TX[0]).shape == (4, 4, 5)  # a row of padding is missing
    with pytest.raises(NotImplementedError):
        torch.nn.Conv2d(4, 4, 3, **kwargs)(TX)
    with pytest.raises(ValueError, match=r"`padding` \(=\(1,\)\) must be an int or a tuple of 2 ints with"):
        ours(4, 4, 3, **kwargs)
    kwargs = dict(padding="same", dilation=(2,), padding_mode="circular")
    assert torch.nn.Conv2d(4, 4, 3, **kwargs)(TX).shape != TX.shape
    assert ours(4, 4, 3, **kwargs)(X).shape == X.shape


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_negative_padding_of_a_layer(mode):
    assert torch.nn.Conv2d(4, 4, 1, padding=-1, padding_mode=mode)(TX).shape == (2, 4, 4, 3)
    with pytest.raises(ValueError, match=r"`padding` \(=\(-1, -1\)\) must be non-negative"):
        ours(4, 4, 1, padding=-1, padding_mode=mode)
    cropped = T.pad(TX, (-1, -1, -1, -1), mode=mode)
    np.testing.assert_array_equal(F.pad(X, (-1, -1, -1, -1), mode=mode), cropped)


def test_no_channels():
    assert T.conv2d(torch.ones(1, 0, 4, 4), torch.ones(4, 0, 3, 3)).shape == (1, 0, 2, 2)
    with pytest.raises(ValueError, match=r"`in_channels` \(=0\) must be positive"):
        F.conv2d(np.ones((1, 0, 4, 4)), np.ones((4, 0, 3, 3)))
    assert T.pad(torch.ones(1, 0, 3), (1, 1), mode="circular").shape == (1, 0, 5)
    with pytest.raises(ValueError, match="circular padding: only the batch may be of size zero"):
        F.pad(np.ones((1, 0, 3)), (1, 1), mode="circular")


def test_circular_padding_of_what_was_cropped():
    row = np.arange(4.0).reshape(1, 1, 4)
    # What it holds is undefined: torch reads what it is writing.
    assert T.pad(torch.from_numpy(row), (-4, 1), mode="circular").shape == (1, 1, 1)
    with pytest.raises(ValueError, match=r"circular: .* more than once: got padding \(-4, 1\)"):
        F.pad(row, (-4, 1), mode="circular")
    assert T.pad(torch.from_numpy(row), (-2, -2), mode="circular").shape == (1, 1, 0)
    with pytest.raises(ValueError, match=r"circular: padding \(-2, -2\) .* leaves 0 elements"):
        F.pad(row, (-2, -2), mode="circular")
    # What does not wrap around beyond the rest is defined, and equal.
    for amounts in ((-1, 3), (3, -1), (-3, 1), (-1, -1)):
        expected = T.pad(torch.from_numpy(row), amounts, mode="circular")
        np.testing.assert_array_equal(F.pad(row, amounts, mode="circular"), expected)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_a_value_for_a_mode_that_has_none(mode):
    np.testing.assert_array_equal(T.pad(TX[0], (1, 1), mode, 0), T.pad(TX[0], (1, 1), mode))
    with pytest.raises(ValueError, match=rf"`value` \(=0\): padding mode '{mode}' doesn't take in a value"):
        F.pad(X[0], (1, 1), mode, 0)


def test_padding_assigned_later_counts():
    for mode, theirs in (("zeros", (2, 4, 8, 7)), ("circular", (2, 4, 4, 3))):
        layers = torch.nn.Conv2d(4, 4, 3, padding_mode=mode), ours(4, 4, 3, padding_mode=mode)
        for layer in layers:
            layer.padding = (2, 2)
        assert layers[0](TX).shape == theirs
        assert layers[1](X).shape == (2, 4, 8, 7)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_pooling_windows_in_the_padding(dtype):
    plane = np.arange(1, 5, dtype=dtype).reshape(1, 2, 2)
    theirs = T.max_pool2d(torch.from_numpy(plane), 2, 1, 1, 3, return_indices=True)
    mine = F.max_pool2d(plane, 2, 1, 1, 3, return_indices=True)
    lowest = -np.inf if dtype == "float32" else np.iinfo(dtype).min
    assert theirs[0].item() == mine[0].item() == lowest
    assert theirs[1].item() == mine[1].item() >= plane.size
    if dtype == "float32":  # torch's backward would write out of bounds
        assert not jax.grad(lambda x: F.max_pool2d(x, 2, 1, 1, 3).sum())(jnp.asarray(plane)).any()


def test_param_dtype_is_torchs_dtype():
    assert torch.nn.Conv2d(4, 4, 3, dtype=torch.bfloat16).weight.dtype == torch.bfloat16
    layer = ours(4, 4, 3, param_dtype=jnp.bfloat16, dtype=jnp.float32)
    assert layer.weight.dtype == layer.bias.dtype == jnp.bfloat16
    assert layer(X).dtype == jnp.float32
    assert torch.nn.Conv2d(4, 4, 3, device="cpu").weight.device.type == "cpu"
    with pytest.raises(TypeError, match="device"):
        ours(4, 4, 3, device="cpu")


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_layers_promote_and_functionals_do_not(dtype):
    x = X.astype(dtype)
    with pytest.raises(RuntimeError):
        torch.nn.Conv2d(4, 4, 3)(torch.from_numpy(x))
    assert ours(4, 4, 3)(x).dtype == jnp.promote_types(dtype, jnp.float32)
    weight = X[:, :, :3, :3]
    with pytest.raises(RuntimeError):
        T.conv2d(torch.from_numpy(x), torch.from_numpy(weight))
    with pytest.raises(TypeError, match=f"same dtype, but got input: {dtype}, weight: float32"):
        F.conv2d(x, weight)


def test_without_64_bit_types():
    assert T.max_pool2d(TX.double(), 2).dtype == torch.float64
    assert T.max_pool2d(TX, 2, return_indices=True)[1].dtype == torch.int64
    with jax.enable_x64(False):
        assert F.max_pool2d(X.astype(np.float64), 2).dtype == jnp.float32
        assert F.max_pool2d(X, 2, return_indices=True)[1].dtype == jnp.int32


@pytest.mark.parametrize(
    ("dtype", "call"),
    [
        ("bool", lambda f, x: f.pad(x, (1, 1), "reflect")),
        ("bool", lambda f, x: f.pad(x, (1, 1), "replicate")),
        ("uint16", lambda f, x: f.max_pool1d(x, 2)),
        ("uint16", lambda f, x: f.conv1d(x, x[:, :, :2])),
        ("float8_e5m2", lambda f, x: f.max_pool1d(x, 2)),
        ("float8_e5m2", lambda f, x: f.conv1d(x, x[:, :, :2])),
        ("int32", lambda f, x: f.max_pool1d(x, 2)),
    ],
)
def test_dtypes_that_torch_has_no_kernel_for(dtype, call):
    x = torch.tensor([[[0, 1, 1, 0]]])
    with pytest.raises(NotImplementedError, match="not implemented for"):
        call(T, x.to(getattr(torch, dtype)))
    y = call(F, jnp.asarray(x.numpy(), dtype))
    assert y.dtype == dtype
    # The same in a dtype that both know. The numbers are small: exact in all of these.
    np.testing.assert_array_equal(np.asarray(y).astype(np.float32), call(T, x.float()))


@pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental:UserWarning")
def test_jax_has_no_complex32():
    assert torch.nn.Conv2d(4, 4, 3, dtype=torch.complex32).weight.dtype == torch.complex32
    with pytest.raises(TypeError):
        jnp.zeros(1, "complex32")


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="of XLA's CPU programs")
def test_subnormal_numbers_are_zeros():
    tiny, one = np.full((1, 1, 1), 1e-40, np.float32), np.ones((1, 1, 1), np.float32)
    assert T.conv1d(torch.from_numpy(tiny), torch.from_numpy(one)).item() > 0
    assert F.conv1d(tiny, one).item() == 0
    row = np.array([[[0, 1e-40]]], np.float32)
    assert T.max_pool1d(torch.from_numpy(row), 2, return_indices=True)[1].item() == 1
    assert F.max_pool1d(row, 2, return_indices=True)[1].item() == 0


@pytest.mark.parametrize("name", ["native", "im2col", "direct", "channels_last"])
def test_infinity_that_meets_only_padding(name):
    x, ct = np.ones((2, 3, 3), np.float32), np.zeros((2, 3, 7), np.float32)
    ct[0, 0, 0] = np.inf  # the first position meets padding alone
    w = torch.ones(3, 3, 1, requires_grad=True)
    tx = torch.from_numpy(x).requires_grad_()
    y = T.conv1d(tx, w, padding=2)
    dx, dw = (g.numpy() for g in torch.autograd.grad(y, (tx, w), torch.from_numpy(ct)))
    assert np.isnan(dw[0]).all() and (dw[1:] == 0).all() and (dx == 0).all()
    with jaxconv.lowering(name):
        _, vjp = jax.vjp(lambda x, w: F.conv1d(x, w, padding=2), x, jnp.ones((3, 3, 1), jnp.float32))
        our_dx, our_dw = map(np.asarray, vjp(ct))
    np.testing.assert_array_equal(our_dx, dx)
    np.testing.assert_array_equal(our_dw, dw if name in ("native", "im2col") else np.zeros(dw.shape))


def test_nan_in_bfloat16_has_other_bits():
    nan = np.array([np.nan], np.float32)
    theirs = torch.from_numpy(nan).bfloat16()
    our = jnp.asarray(nan).astype(jnp.bfloat16)
    assert theirs.isnan().all() and jnp.isnan(our).all()
    assert theirs.view(torch.int16).item() == -1 and np.asarray(our).view(np.uint16).item() == 0x7FC0


def test_complex_gradients_are_conjugates():
    def integers(*shape):
        return (rng.integers(-4, 5, shape) + 1j * rng.integers(-4, 5, shape)).astype(np.complex64)

    z, w = integers(2, 3, 5), integers(4, 3, 2)
    tz, tw = (torch.from_numpy(a).requires_grad_() for a in (z, w))
    T.conv1d(tz, tw).real.square().sum().backward()
    gz, gw = jax.grad(lambda z, w: jnp.square(F.conv1d(z, w).real).sum(), (0, 1))(z, w)
    # Small integers: exact.
    np.testing.assert_array_equal(np.conj(gz), tz.grad)
    np.testing.assert_array_equal(np.conj(gw), tw.grad)
    assert np.any(tz.grad.numpy().imag)


@pytest.fixture
def torch_warns_every_time():
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


def test_same_padding_of_an_even_kernel_does_not_warn(torch_warns_every_time):
    with pytest.warns(UserWarning, match="Using padding='same' with even kernel"):
        expected = torch.nn.Conv2d(4, 4, 2, padding="same")(TX)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ours(4, 4, 2, padding="same")(X).shape == expected.shape


def test_torchs_types_of_errors_become_ours():
    w = np.ones((4, 4, 3, 3), np.float32)
    for kwargs in (dict(padding=-1), dict(groups=3), dict(dilation=9), dict(padding="same", stride=2)):
        with pytest.raises(RuntimeError):
            T.conv2d(TX, torch.from_numpy(w), **kwargs)
        with pytest.raises(ValueError):
            F.conv2d(X, w, **kwargs)


def test_attributes():
    theirs, mine = torch.nn.Conv2d(4, 4, 3), ours(4, 4, 3)
    for name in ("transposed", "output_padding"):
        assert hasattr(theirs, name) and not hasattr(mine, name)
    for name in ("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode"):
        assert getattr(theirs, name) == getattr(mine, name)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32"])
def test_dilated_convolutions_of_narrow_integers(dtype):
    x, w = np.arange(12).reshape(1, 1, 12).astype(dtype), np.array([[[1, 2]]], dtype)
    with pytest.raises(NotImplementedError, match="slow_conv_dilated"):
        T.conv1d(torch.from_numpy(x), torch.from_numpy(w), dilation=2)
    np.testing.assert_array_equal(
        F.conv1d(x, w, dilation=2)[0, 0], (x[0, 0, :-2] + 2 * x[0, 0, 2:]).astype(dtype)
    )


def test_batch_norm_subtracts_the_mean_first():
    mean, var = np.full(1, 1000, np.float32), np.full(1, 9, np.float32)
    values = (mean + 3 * rng.standard_normal((4, 1, 8, 8))).astype(np.float32)
    exact = (values.astype(np.float64) - 1000) / np.sqrt(9 + 1e-5)
    theirs = T.batch_norm(*map(torch.from_numpy, (values, mean, var))).numpy()
    assert np.abs(F.batch_norm(values, mean, var) - exact).max() < np.abs(theirs - exact).max() / 4


def test_a_lazy_layer_stays_lazy_when_another_takes_the_checkpoint():
    lazy, loaded = jaxconv.LazyConv2d(3, 2, rngs=nnx.Rngs(0)), torch.nn.LazyConv2d(3, 2)
    checkpoint = torch.nn.Conv2d(4, 3, 2).state_dict()
    loaded.load_state_dict(checkpoint)
    assert loaded.weight.shape == (3, 4, 2, 2)
    taken = jaxconv.load_state_dict(lazy, checkpoint)
    np.testing.assert_array_equal(taken.weight[...], checkpoint["weight"])
    assert type(taken) is jaxconv.Conv2d and type(lazy) is jaxconv.LazyConv2d


def test_linens_prelu_names_its_init_otherwise():
    assert torch.nn.PReLU(init=0.5).weight.item() == jaxconv.PReLU(init=0.5).weight[...].item() == 0.5
    variables = jaxconv.linen.PReLU(init_value=0.5).init(jax.random.key(0), X)
    assert variables["params"]["weight"].item() == 0.5


def test_activations_at_their_ends():
    assert F.hardswish(jnp.float32(1e38)) == np.float32(1e38)
    assert torch.isinf(torch.nn.functional.hardswish(torch.tensor(1e38)))
    x = torch.ones((), dtype=torch.float64, requires_grad=True)
    torch.nn.functional.hardsigmoid(x).backward()
    assert x.grad != 1 / 6 == jax.grad(F.hardsigmoid)(np.float64(1))
    assert x.grad == float(np.float32(1 / 6))


@pytest.mark.parametrize("name", ["hardtanh", "relu6", "softshrink", "celu", "selu", "hardswish"])
def test_gradients_at_nan_are_those_of_torchs_full_vectors(name):
    def theirs(n):
        x = torch.full((n,), float("nan"), requires_grad=True)
        getattr(torch.nn.functional, name)(x).sum().backward()
        return x.grad.numpy()

    ours = jax.grad(lambda x: getattr(F, name)(x).sum())(jnp.full(16, jnp.nan, jnp.float32))
    np.testing.assert_array_equal(ours, theirs(64)[:16])


def test_instance_norm_of_an_empty_batch():
    x = np.zeros((0, 3, 2, 2, 2), np.float32)
    assert jaxconv.InstanceNorm3d(3, affine=True)(x).shape == x.shape
    with pytest.raises(IndexError):
        torch.nn.InstanceNorm3d(3, affine=True)(torch.from_numpy(x))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_a_transformer_encoder_computes_padded_positions_as_torch_does_with_gradients():
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, dtype=torch.float64)
    encoder = torch.nn.TransformerEncoder(layer, 2).eval()
    x, mask = torch.randn(2, 3, 4, dtype=torch.float64), torch.tensor([[False, False, True], [False] * 3])
    with torch.no_grad():
        fast = encoder(x, src_key_padding_mask=mask).numpy()
    slow = encoder(x, src_key_padding_mask=mask).detach().numpy()
    with jax.enable_x64(True):
        converted = jaxconv.from_torch(encoder, (x,), {"src_key_padding_mask": mask})
        ours = np.asarray(converted(x.numpy(), src_key_padding_mask=mask.numpy()))
    assert (fast[0, 2] == 0).all() and (slow[0, 2] != 0).all()
    kept = ~mask.numpy()
    # Layer norms make numbers of size 1 out of sums of at most 8 products: float32 would be off by 1e-7.
    units = 1000 * np.finfo(np.float64).eps
    assert np.abs(ours - slow).max() < units and np.abs(ours - fast)[kept].max() < units


def test_the_backward_of_a_custom_function_knows_nothing_of_one_backward_pass():
    seen = []

    class Watches(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.set_materialize_grads(False)
            return x * x, y * 3

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, of_x, of_y):
            seen.append((ctx.needs_input_grad, of_y is None))
            return 2 * of_x, of_y

    class Calls(torch.nn.Module):
        def forward(self, x):
            return Watches.apply(x, x.detach())[0] ** 2

    t = torch.ones((), requires_grad=True)
    (first,) = torch.autograd.grad(Calls()(t), t, create_graph=True)
    assert seen.pop() == ((True, False), True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.backward()
    converted = jaxconv.from_torch(Calls(), torch.ones(()))
    assert set(seen) == {((True, True), False)}
    assert jax.grad(converted)(1.0) == first.item()
    assert np.isfinite(jax.grad(jax.grad(converted))(1.0))


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad:UserWarning")
def test_a_reentrant_checkpoint_has_gradients_even_if_its_input_takes_none():
    class Checkpointed(torch.nn.Linear):
        def forward(self, x):
            return checkpoint(super().forward, x, use_reentrant=True).sum()

    module = Checkpointed(2, 2)
    assert not module(torch.ones(1, 2)).requires_grad
    converted = jaxconv.from_torch(module, torch.ones(1, 2))
    assert nnx.grad(lambda m: m(jnp.ones((1, 2), jnp.float32)))(converted).bias[...].tolist() == [1, 1]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
def test_nan_in_reduced_precision_has_other_bits(dtype):
    bits = np.array([0x7FC00000, 0xFFC00000, 0x7F800001, 0xFF812345], np.uint32)
    theirs = (
        torch.from_numpy(bits.view(np.float32))
        .to(getattr(torch, dtype))
        .view(torch.int16)
        .numpy()
        .view(np.uint16)
    )
    given = {"a": bits.view(np.float32)}
    ours = np.asarray(jaxconv.load_state_dict({"a": jnp.zeros(4, dtype)}, given)["a"])
    assert np.isnan(ours.astype(np.float32)).all()
    np.testing.assert_array_equal(ours.view(np.uint16) >> 15, bits >> 31)
    assert (ours.view(np.uint16) != theirs).any()


def test_losses_are_nan_where_torch_refuses_a_value():
    x, p = np.zeros((2, 3), np.float32), np.full((2, 3), 0.5, np.float32)
    wrong = {
        "nll_loss": (x, np.array([0, 3])),
        "cross_entropy": (x, np.array([0, -1])),
        "multi_margin_loss": (x, np.array([0, 3])),
        "multilabel_margin_loss": (x, np.array([[0, -1, 0], [3, -1, 0]])),
        "binary_cross_entropy": (p, np.array([[0, 0, 1], [0, 0, 1.5]], np.float32)),
        "gaussian_nll_loss": (x, x, np.array([[1.0], [-1]], np.float32)),
    }
    for name, arrays in wrong.items():
        with pytest.raises((RuntimeError, IndexError, ValueError)):
            getattr(T, name)(*map(torch.from_numpy, arrays))
        for function in (getattr(F, name), jax.jit(getattr(F, name))):
            assert np.isnan(function(*arrays)), name
        each = np.asarray(getattr(F, name)(*arrays, reduction="none"))
        assert np.isfinite(each[0]).all() and np.isnan(each[1]).any(), name
    outside = np.array([[0.5, 0.5, 1.5]], np.float32)
    with pytest.raises(RuntimeError):
        T.binary_cross_entropy(torch.from_numpy(outside), torch.from_numpy(p[:1]))
    got = np.asarray(F.binary_cross_entropy(outside, p[:1], reduction="none"))
    np.testing.assert_array_equal(np.isnan(got), [[False, False, True]])


def test_losses_take_int32_class_indices_and_reduced_precision():
    target = np.array([0, 2], np.int32)
    for name in ("nll_loss", "cross_entropy", "multi_margin_loss"):
        with pytest.raises(RuntimeError):
            getattr(T, name)(torch.zeros(2, 3), torch.from_numpy(target))
        got = getattr(F, name)(np.zeros((2, 3), np.float32), target)
        np.testing.assert_array_equal(got, getattr(F, name)(np.zeros((2, 3), np.float32), target.astype(int)))
    with pytest.raises(NotImplementedError):
        T.multi_margin_loss(torch.zeros(2, 3).half(), torch.tensor([0, 2]))
    assert F.multi_margin_loss(np.zeros((2, 3), np.float16), target).dtype == jnp.float16


def test_losses_of_integers_and_complex_numbers():
    i = torch.tensor([1, 2])
    assert T.hinge_embedding_loss(i, i, reduction="none").dtype == torch.int64
    with pytest.raises(TypeError, match="not implemented for dtype int64"):
        F.hinge_embedding_loss(i.numpy(), i.numpy(), reduction="none")
    z = torch.tensor([1 + 1j])
    assert T.soft_margin_loss(z, z).is_complex() and T.poisson_nll_loss(z, z).is_complex()
    for name in ("soft_margin_loss", "poisson_nll_loss"):
        with pytest.raises(TypeError, match="not implemented for dtype complex64"):
            getattr(F, name)(z.numpy(), z.numpy())


def test_losses_of_reduced_precision_are_rounded_once():
    x = np.array([300.0, 0, 0, 0], np.float16)
    assert torch.isinf(T.mse_loss(torch.from_numpy(x), torch.zeros(4).half()))
    assert F.mse_loss(x, np.zeros(4, np.float16)) == np.float16(22500)


def test_soft_margin_loss_does_not_overflow():
    x, target = np.array([200.0], np.float32), -np.ones(1, np.float32)
    tensor = torch.tensor(x, requires_grad=True)
    theirs = T.soft_margin_loss(tensor, torch.from_numpy(target))
    theirs.backward()
    assert torch.isinf(theirs) and torch.isnan(tensor.grad)
    value, grad = jax.value_and_grad(lambda x: F.soft_margin_loss(x, target))(jnp.asarray(x))
    assert value == 200 and grad == 1


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
def test_kl_div_of_a_target_of_zero():
    x, target = np.array([-2.0], np.float32), np.zeros(1, np.float32)
    tensor = torch.tensor(target, requires_grad=True)
    T.kl_div(torch.from_numpy(x), tensor).backward()
    assert torch.isnan(tensor.grad)
    assert jax.grad(lambda t: F.kl_div(jnp.asarray(x), t))(jnp.asarray(target)) == 2


@pytest.mark.filterwarnings("ignore:size_average and reduce")
def test_losses_refuse_what_torch_deprecated():
    x = np.ones(2, np.float32)
    assert T.mse_loss(torch.from_numpy(x), torch.zeros(2), False) == 2
    with pytest.raises(ValueError, match=r"`size_average` \(=False\) is deprecated .* use `reduction`"):
        F.mse_loss(x, x, False)


def test_loss_layers_promote_and_their_weight_has_a_gradient():
    x, target = torch.zeros(2, 3, dtype=torch.bfloat16), torch.tensor([0, 2])
    with pytest.raises(RuntimeError):
        torch.nn.CrossEntropyLoss(torch.ones(3))(x, target)
    weight = np.ones(3, np.float32)
    got = jaxconv.CrossEntropyLoss(weight)(jnp.zeros((2, 3), jnp.bfloat16), target.numpy())
    assert got.dtype == jnp.float32
    with pytest.raises(RuntimeError):
        T.nll_loss(torch.zeros(2, 3), target, torch.ones(3, requires_grad=True))
    grad = jax.grad(lambda w: F.nll_loss(jnp.ones((2, 3)), target.numpy(), w, reduction="sum"))(jnp.ones(3))
    np.testing.assert_array_equal(grad, [-1, 0, -1])


def test_an_index_beyond_the_table_gives_a_row_of_nan():
    ids, table = np.array([0, 3, -1]), np.ones((3, 2), np.float32)
    with pytest.raises(IndexError, match="index out of range"):
        T.embedding(torch.from_numpy(ids), torch.from_numpy(table))
    np.testing.assert_array_equal(np.isnan(F.embedding(ids, table)).all(1), [False, True, True])
    assert np.isnan(F.embedding_bag(ids[None], table)).all()
    gradient = jax.grad(lambda w: F.embedding(ids, w)[0].sum())(jnp.asarray(table))
    np.testing.assert_array_equal(gradient, [[1, 1], [0, 0], [0, 0]])


def test_sparse_gradients_are_refused():
    layer = torch.nn.Embedding(3, 2, sparse=True)
    layer(torch.tensor([1])).sum().backward()
    assert layer.weight.grad.is_sparse
    with pytest.raises(ValueError, match=r"`sparse` \(=True\): JAX has no sparse gradients"):
        jaxconv.Embedding(3, 2, sparse=True, rngs=nnx.Rngs(0))


def test_a_bags_gradient_is_divided_by_how_often_its_own_index_occurs():
    ids, weight = torch.tensor([[0, 1, 1, 1, 2]]), torch.zeros(3, 1, requires_grad=True)
    T.embedding_bag(ids, weight, mode="sum", scale_grad_by_freq=True).sum().backward()
    # Divided by the count of another index
    mended = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 14)
    assert (weight.grad[2, 0] == 1) == mended
    options = dict(mode="sum", scale_grad_by_freq=True)
    gradient = jax.grad(lambda w: F.embedding_bag(ids.numpy(), w, **options).sum())(jnp.zeros((3, 1)))
    np.testing.assert_array_equal(gradient, [[1], [1], [1]])


def test_recurrent_layers_round_their_state_once():
    """torch rounds it at every step: 1 + 1/256 is 1 in bfloat16."""
    x, h = np.full((256, 1, 1), 1 / 256), np.ones((1, 1, 1))
    one = np.ones((1, 1))
    rest = (False, 1, 0.0, False, False, False)
    theirs = torch.rnn_relu(
        *(torch.from_numpy(a).bfloat16() for a in (x, h)), [torch.from_numpy(one).bfloat16()] * 2, *rest
    )
    got = F.rnn_relu(
        *(jnp.asarray(a, jnp.bfloat16) for a in (x, h)), [jnp.asarray(one, jnp.bfloat16)] * 2, *rest
    )
    assert theirs[1].item() == 1 and got[1].item() == 2
