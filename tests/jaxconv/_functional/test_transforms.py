"""Every JAX transformation. Arrays hold small integers, so float arithmetic is exact and results must be equal."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax import export

from jaxconv import functional as F

rng = np.random.default_rng(7)


def ints(*shape, dtype=np.float32):
    return jnp.asarray(rng.integers(-4, 5, shape).astype(dtype))


X, W, B = ints(2, 4, 6, 5), ints(6, 2, 3, 2), ints(6)
conv = functools.partial(F.conv2d, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
# All distinct: among equal elements a maximum has no derivative that finite differences would show.
P = jnp.asarray(rng.permutation(2 * 3 * 7 * 6).reshape(2, 3, 7, 6).astype(np.float32))
pool = functools.partial(F.max_pool2d, kernel_size=(3, 2), stride=2, padding=1, ceil_mode=True)


def equal(a, b):
    jax.tree.map(lambda p, q: np.testing.assert_array_equal(np.asarray(p), np.asarray(q)), a, b)


def torch_conv(x, w, b):
    return torch.nn.functional.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)


def to_torch(a):
    return torch.from_numpy(np.array(a)).requires_grad_()


def test_jit_and_vjp_equal_torch():
    tx, tw, tb = map(to_torch, (X, W, B))
    ty = torch_conv(tx, tw, tb)
    dy = ints(*ty.shape)
    y, vjp = jax.vjp(jax.jit(conv), X, W, B)
    equal(y, ty.detach())
    equal(vjp(dy), tuple(torch.autograd.grad(ty, (tx, tw, tb), torch.from_numpy(np.array(dy)))))
    tp = to_torch(P)
    tq = torch.nn.functional.max_pool2d(tp, (3, 2), 2, 1, 1, True)
    q, vjp = jax.vjp(jax.jit(pool), P)
    dq = ints(*q.shape)
    equal(q, tq.detach())
    equal(vjp(dq)[0], torch.autograd.grad(tq, tp, torch.from_numpy(np.array(dq)))[0])


def test_jvp_is_the_transpose_of_vjp():
    dx, dw, db = ints(*X.shape), ints(*W.shape), ints(*B.shape)
    y, dy = jax.jvp(conv, (X, W, B), (dx, dw, db))
    # Bilinear: the derivative along (dx, dw, db) in closed form.
    equal(dy, conv(dx, W) + conv(X, dw, db))
    ct = ints(*y.shape)
    pulled = jax.vjp(conv, X, W, B)[1](ct)
    assert sum(jnp.vdot(a, b) for a, b in zip((dx, dw, db), pulled, strict=True)) == jnp.vdot(ct, dy)
    q, dq = jax.jvp(pool, (P,), (dp := ints(*P.shape),))
    ct = ints(*q.shape)
    assert jnp.vdot(jax.vjp(pool, P)[1](ct)[0], dp) == jnp.vdot(ct, dq)


def test_hessian_vector_product():
    def loss(w):
        return jnp.sum(pool(conv(X, w, B)) ** 2) / 2

    v = ints(*W.shape)
    hvp = jax.jvp(jax.grad(loss), (W,), (v,))[1]
    reverse = jax.grad(lambda w: jnp.vdot(jax.grad(loss)(w), v))(W)
    equal(hvp, reverse)
    tw = to_torch(W)
    ty = torch.nn.functional.max_pool2d(torch_conv(to_torch(X), tw, to_torch(B)), (3, 2), 2, 1, 1, True)
    (g,) = torch.autograd.grad((ty**2).sum() / 2, tw, create_graph=True)
    expected = torch.autograd.grad(g, tw, torch.from_numpy(np.array(v)))[0]
    equal(hvp, expected)
    assert np.any(np.asarray(hvp))


@pytest.mark.parametrize("in_axes", [(0, None, None), (None, 0, None), (0, 0, 0), (1, None, 0)], ids=str)
def test_vmap(in_axes):
    def stack(a, axis):
        return a if axis is None else jnp.stack([a + i for i in range(3)], axis)

    args = tuple(stack(a, axis) for a, axis in zip((X, W, B), in_axes, strict=True))
    out = jax.vmap(conv, in_axes)(*args)
    for i in range(3):
        row = (a + i if axis is not None else a for a, axis in zip((X, W, B), in_axes, strict=True))
        equal(out[i], conv(*row))
    values, indices = jax.vmap(functools.partial(pool, return_indices=True))(jnp.stack([P, -P]))
    equal((values[1], indices[1]), pool(-P, return_indices=True))


def test_vmap_of_gradients_over_weights():
    weights = jnp.stack([W, W + 1])
    grads = jax.vmap(jax.grad(lambda w: jnp.sum(conv(X, w, B) ** 2)))(weights)
    equal(grads[1], jax.grad(lambda w: jnp.sum(conv(X, w, B) ** 2))(W + 1))


def test_checkpoint():
    def loss(w, remat):
        block = (jax.checkpoint if remat else lambda f: f)(lambda x: pool(conv(x, w, B)))
        return jnp.sum(block(X) ** 2)

    equal(jax.grad(loss)(W, True), jax.grad(loss)(W, False))


@pytest.mark.parametrize("platform", ["cpu", "cuda", "tpu"])
def test_export(platform):
    def step(x, w, b):
        return jax.value_and_grad(lambda w: jnp.sum(pool(conv(x, w, b))))(w)

    exported = export.export(jax.jit(step), platforms=[platform])(X, W, B)
    restored = export.deserialize(exported.serialize())
    assert restored.platforms == (platform,)
    if platform == "cpu":
        equal(restored.call(X, W, B), step(X, W, B))


def test_a_symbolic_batch_exports():
    (n,) = export.symbolic_shape("n")
    x = jax.ShapeDtypeStruct((n, *X.shape[1:]), X.dtype)
    exported = export.export(jax.jit(lambda x: pool(conv(x, W, B))))(x)
    for batch in (1, 3):
        equal(
            exported.call(jnp.tile(X[:1], (batch, 1, 1, 1))),
            jnp.tile(pool(conv(X[:1], W, B)), (batch, 1, 1, 1)),
        )


def test_bfloat16_bias_gradient_does_not_stagnate():
    # 1600 ones summed in bfloat16 give 256 or 1024; torch gives 1600.
    dy = jnp.ones((1, 1, 40, 40), jnp.bfloat16)
    x, w = jnp.ones((1, 1, 40, 40), jnp.bfloat16), jnp.ones((1, 1, 1, 1), jnp.bfloat16)
    for run in (lambda f: f, jax.jit):
        grad = run(lambda b: jax.vjp(lambda b: F.conv2d(x, w, b), b)[1](dy)[0])(jnp.zeros(1, jnp.bfloat16))
        assert grad.dtype == jnp.bfloat16
        assert float(grad[0]) == 1600


def test_integers_wrap_around_as_in_torch():
    for dtype in ("int8", "uint8", "int16", "int32", "int64"):
        info = np.iinfo(dtype)
        x = rng.integers(info.min, info.max, (1, 3, 5, 5), dtype=dtype)
        w = rng.integers(info.min, info.max, (2, 3, 3, 3), dtype=dtype)
        expected = torch.nn.functional.conv2d(torch.from_numpy(x), torch.from_numpy(w))
        equal(F.conv2d(x, w), expected)


def test_indices_without_64_bit_types_are_int32():
    with jax.enable_x64(False):
        values, indices = F.max_pool2d(np.asarray(P), 2, return_indices=True)
    assert indices.dtype == jnp.int32
    expected = torch.nn.functional.max_pool2d(to_torch(P).detach(), 2, return_indices=True)
    equal((values, indices), expected)
