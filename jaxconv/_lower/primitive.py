"""The three products as one primitive of JAX, whose derivatives are itself.

A custom derivative would not do: custom_vjp has no forward mode, and what a lowering is made of (padding, slices,
reductions) would be differentiated into something slow. As a primitive a product stays what it is under all of JAX's
transformations, and what it is made of is decided at the very end, for the platform that it runs on.
"""

import functools
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv import _jax_internals as internals
from jaxconv._dtypes import is_reduced
from jaxconv._lower import direct, gpu, native
from jaxconv._lower.choice import LOWERINGS, NATIVE, choose, forced_one
from jaxconv._lower.product import ROLES, Product
from jaxconv._rows import long_rows

conv_p = internals.Primitive("jaxconv_conv")
"""bind(a, b, product=Product, forced=a lowering's name or None, like=the result's type or None: then it is computed)"""


def _abstract(a: Any, b: Any, *, product: Product, forced: str | None, like: Any) -> Any:
    return _as_direct(product, a, b) if like is None else like


@functools.lru_cache(maxsize=4096)
def _as_direct(product: Product, a: Any, b: Any) -> Any:
    """The type of the result. JAX's own convolution knows about meshes and their axes what there is to know."""
    (out,) = jax.make_jaxpr(functools.partial(direct.compute, product))(a, b).out_avals
    return out.update(dtype=np.dtype(np.float32)) if product.wide else out


conv_p.def_abstract_eval(_abstract)


@functools.partial(jax.jit, static_argnames=("product", "forced", "like"))
def _run(a: jax.Array, b: jax.Array, **params: Any) -> jax.Array:
    return conv_p.bind(a, b, **params)


def _compiled(a: jax.Array, b: jax.Array, **params: Any) -> jax.Array:
    with jax.disable_jit(False):  # compiled it is even within jax.disable_jit(), as every operation of JAX
        return _run(a, b, **params)


conv_p.def_impl(_compiled)


def _derivative(
    wrt: int, ct: jax.Array, a: Any, b: Any, *, product: Product, forced: str | None, like: Any
) -> Any:
    """The transpose by operand `wrt`: the product that has its role, of the other operand and the cotangent."""
    roles = product.operands
    unknown, other = (a, b) if wrt == 0 else (b, a)
    # Whoever added to a wide result rounded the sum, and the derivative of that is of the type rounded to.
    held = {product.wanted: ct.astype(other.dtype), roles[1 - wrt]: other}
    turned = replace(product, wanted=roles[wrt], wide=False)
    operands = (held[role] for role in turned.operands)
    return conv_p.bind(*operands, product=turned, forced=forced, like=unknown.aval)


internals.define_bilinear(conv_p, functools.partial(_derivative, 0), functools.partial(_derivative, 1))


internals.define_taylor(conv_p)


class _Join(NamedTuple):
    """How the axis that vmap maps becomes part of another one.

    Attributes:
        axes: of each array that has it, the axis that it joins, and whether that has the groups outermost: then the
            new axis goes between the groups and each one's channels.
        grows: which of the spec's numbers are so many times larger.
    """

    axes: dict[str, tuple[int, bool]]
    grows: tuple[str, ...]


# Of three arrays two are mapped, or all. Two have samples, output channels or input channels in common; where all are
# mapped, every element of the axis is a group of its own.
_JOINS = {
    frozenset({"x", "y"}): _Join({"x": (0, False), "y": (0, False)}, ()),
    frozenset({"weight", "y"}): _Join({"weight": (0, True), "y": (1, True)}, ("out_channels",)),
    frozenset({"x", "weight"}): _Join({"x": (1, True), "weight": (1, False)}, ("in_channels",)),
    frozenset(ROLES): _Join(
        {"x": (1, False), "weight": (0, False), "y": (1, False)}, ("in_channels", "out_channels", "groups")
    ),
}


def _batch(args: Any, dims: Any, *, product: Product, forced: str | None, like: Any) -> tuple[jax.Array, int]:
    operands = dict(zip(product.operands, zip(args, dims, strict=True), strict=True))
    mapped = {role for role, (_, dim) in operands.items() if dim is not None}
    join = _JOINS[frozenset(mapped | {product.wanted})]
    n = next(a.shape[dim] for a, dim in operands.values() if dim is not None)
    if isinstance(n, int) and n == 0:  # there is no convolution of no channels
        one = (
            a if dim is None else jnp.zeros(np.delete(a.shape, dim), a.dtype) for a, dim in operands.values()
        )
        kind = _as_direct(product, *map(jax.typeof, one)) if like is None else like
        return jnp.zeros((0, *kind.shape), kind.dtype), 0
    spec = replace(product.spec, **{name: n * getattr(product.spec, name) for name in join.grows})

    def joined(role: str, a: jax.Array, dim: int) -> jax.Array:
        axis, grouped = join.axes[role]
        a = jnp.moveaxis(a, dim, 0)
        outer = product.spec.groups if grouped else 1
        before, size, after = a.shape[1 : axis + 1], a.shape[axis + 1], a.shape[axis + 2 :]
        a = a.reshape(n, *before, outer, size // outer, *after)
        return jnp.moveaxis(a, 0, axis + 1).reshape(*before, n * size, *after)

    axis, grouped = join.axes[product.wanted]
    if like is not None:
        like = like.update(shape=(*like.shape[:axis], n * like.shape[axis], *like.shape[axis + 1 :]))
    y = conv_p.bind(
        *(a if dim is None else joined(role, a, dim) for role, (a, dim) in operands.items()),
        product=replace(product, spec=spec),
        forced=forced,
        like=like,
    )
    outer = product.spec.groups if grouped else 1
    before, size, after = y.shape[:axis], y.shape[axis] // n, y.shape[axis + 1 :]
    y = y.reshape(*before, outer, n, size // outer, *after)
    return jnp.moveaxis(y, axis + 1, 0).reshape(n, *before, size, *after), 0


internals.define_batching(conv_p, _batch)


@functools.partial(jax.jit, static_argnames=("product", "name"))
def _compute(a: jax.Array, b: jax.Array, product: Product, name: str) -> jax.Array:
    return LOWERINGS[name].compute(product, a, b)


@functools.partial(jax.jit, static_argnames=("product", "name", "shapes"))
def _compute_rows(a: jax.Array, b: jax.Array, product: Product, name: str, shapes: Any) -> jax.Array:
    """The same of what `long_rows` joined."""
    return LOWERINGS[name].compute(product, a.reshape(shapes[0]), b.reshape(shapes[1]))


def _apart(a: jax.Array, b: jax.Array, product: Product, name: str) -> jax.Array:
    # XLA would fuse the sums of one layer into the padding of the next and compute each element once for every
    # element of the kernel that it meets (four 7x7 depthwise layers: 55 ms instead of 3). A barrier does not help, as
    # the CPU compiler drops it before it fuses. A function that is not to be inlined does. Not for XLA's own
    # convolutions: in a function they miss what makes them fast, and take 50 times as long.
    # What makes an operand goes by its rows, as they are here.
    rows = [x if role == "weight" else long_rows(x) for role, x in zip(product.operands, (a, b), strict=True)]
    with internals.not_inlined():
        found = _compute_rows(*rows, product=product, name=name, shapes=(a.shape, b.shape))
    # Out here: where samples are spread over devices the sum is an exchange between them, and XLA makes one of all
    # that it sees side by side. Two that do not wait for each other can wait for each other's threads forever.
    return found.sum(0) if product.wanted == "weight" else found


def _computed(name: str, a: jax.Array, b: jax.Array, *, product: Product, like: Any) -> jax.Array:
    """The product by a lowering, or by the kernels."""
    out = np.dtype(np.float32) if product.wide else a.dtype
    # On GPUs XLA rounds the gradient with respect to x even where what follows widens it again.
    rounded_twice = product.wide and product.wanted == "x"
    rounds_once = name != NATIVE and LOWERINGS[name].rounds_once and not rounded_twice
    if is_reduced(a.dtype) and not rounds_once:
        a, b = a.astype(np.float32), b.astype(np.float32)
        if name == NATIVE:
            return conv_p.bind(a, b, product=product, forced=name, like=None).astype(out)
    if name == "direct":
        return direct.compute(product, a, b, like).astype(out)
    batch = product.batch(a, b)
    compute = functools.partial(
        _apart if LOWERINGS[name].apart(product, batch) else _compute, product=product, name=name
    )
    if any(axis is not None for operand in (a, b) for axis in jax.typeof(operand).sharding.spec):
        # XLA spreads over the mesh what a lowering consists of: its reshapes have no types that would tell how.
        kind = _as_direct(product, jax.typeof(a), jax.typeof(b)) if like is None else like
        compute = jax.sharding.auto_axes(compute, out_sharding=kind.sharding)
    return compute(a, b).astype(out)


def _on_cpu(context: Any, a: Any, b: Any, *, product: Product, forced: str | None, like: Any) -> Any:
    kernels = native.usable(context.module_context)
    of_a, of_b = context.avals_in
    chosen = choose(product, product.batch(of_a, of_b), of_a.dtype, forced, kernels)
    if chosen.name == NATIVE and not is_reduced(of_a.dtype):
        return native.lower(context, a, b, product)
    written = internals.lower_with(functools.partial(_computed, chosen.name))
    return written(context, a, b, product=product, like=like)


def _on_gpu(a: jax.Array, b: jax.Array, *, product: Product, forced: str | None, like: Any) -> jax.Array:
    return _computed(gpu.choose(product, a.dtype, forced).name, a, b, product=product, like=like)


def _elsewhere(a: jax.Array, b: jax.Array, *, product: Product, forced: str | None, like: Any) -> jax.Array:
    chosen = forced_one(product, forced)
    return _computed(chosen.name if chosen else "direct", a, b, product=product, like=like)


internals.define_lowering(conv_p, internals.lower_with(_elsewhere))
internals.define_lowering(conv_p, _on_cpu, platform="cpu")
internals.define_lowering(conv_p, internals.lower_with(_on_gpu), platform="gpu")
