"""`jaxconv.surgery`'s functions with names of torch.nn.init.

Written out, each with its own signature, so that help() and editors show torch's arguments.
"""

import zlib
from contextvars import ContextVar
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv import init
from jaxconv._select import Selector, distinct, refuse, select
from jaxconv._tree import with_leaves
from jaxconv.init import TorchStream

Tree = TypeVar("Tree")

prefix: ContextVar[str] = ContextVar("prefix", default="")
"""What stands before the names of the tree: `surgery.apply` hands out layers of a model one by one."""


def zeros(tree: Tree, selector: Selector, *, count: int | None = None, buffers: bool = False) -> Tree:
    """Fills with zeros; see `jaxconv.init.zeros`."""
    return _fill(tree, selector, init.zeros(), None, count, buffers)


def ones(tree: Tree, selector: Selector, *, count: int | None = None, buffers: bool = False) -> Tree:
    """Fills with ones; see `jaxconv.init.ones`."""
    return _fill(tree, selector, init.ones(), None, count, buffers)


def constant(
    tree: Tree, selector: Selector, val: complex, *, count: int | None = None, buffers: bool = False
) -> Tree:
    """Fills with `val`; see `jaxconv.init.constant`."""
    return _fill(tree, selector, init.constant(val), None, count, buffers)


def uniform(
    tree: Tree,
    selector: Selector,
    a: float = 0.0,
    b: float = 1.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws uniformly from [a, b); see `jaxconv.init.uniform`."""
    return _fill(tree, selector, init.uniform(a, b), _checked(key), count, buffers)


def normal(
    tree: Tree,
    selector: Selector,
    mean: float = 0.0,
    std: float = 1.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws from a normal distribution; see `jaxconv.init.normal`."""
    return _fill(tree, selector, init.normal(mean, std), _checked(key), count, buffers)


def trunc_normal(
    tree: Tree,
    selector: Selector,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws from a normal distribution truncated to [a, b]; see `jaxconv.init.trunc_normal`."""
    return _fill(tree, selector, init.trunc_normal(mean, std, a, b), _checked(key), count, buffers)


def eye(tree: Tree, selector: Selector, *, count: int | None = None, buffers: bool = False) -> Tree:
    """Fills matrices with the identity; see `jaxconv.init.eye`."""
    return _fill(tree, selector, init.eye(), None, count, buffers)


def dirac(
    tree: Tree, selector: Selector, groups: int = 1, *, count: int | None = None, buffers: bool = False
) -> Tree:
    """Makes convolutions pass their input on; see `jaxconv.init.dirac`."""
    return _fill(tree, selector, init.dirac(groups), None, count, buffers)


def xavier_uniform(
    tree: Tree,
    selector: Selector,
    gain: float = 1.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws by Glorot & Bengio 2010; see `jaxconv.init.xavier_uniform`."""
    return _fill(tree, selector, init.xavier_uniform(gain), _checked(key), count, buffers)


def xavier_normal(
    tree: Tree,
    selector: Selector,
    gain: float = 1.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws by Glorot & Bengio 2010; see `jaxconv.init.xavier_normal`."""
    return _fill(tree, selector, init.xavier_normal(gain), _checked(key), count, buffers)


def kaiming_uniform(
    tree: Tree,
    selector: Selector,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws by He et al. 2015; see `jaxconv.init.kaiming_uniform`."""
    return _fill(tree, selector, init.kaiming_uniform(a, mode, nonlinearity), _checked(key), count, buffers)


def kaiming_normal(
    tree: Tree,
    selector: Selector,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws by He et al. 2015; see `jaxconv.init.kaiming_normal`."""
    return _fill(tree, selector, init.kaiming_normal(a, mode, nonlinearity), _checked(key), count, buffers)


def orthogonal(
    tree: Tree,
    selector: Selector,
    gain: float = 1,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws (semi-)orthogonal matrices; see `jaxconv.init.orthogonal`."""
    return _fill(tree, selector, init.orthogonal(gain), _checked(key), count, buffers)


def sparse(
    tree: Tree,
    selector: Selector,
    sparsity: float,
    std: float = 0.01,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws normal matrices with zeros; see `jaxconv.init.sparse`."""
    return _fill(tree, selector, init.sparse(sparsity, std), _checked(key), count, buffers)


def _fill(
    tree: Tree, selector: Selector, initializer: init.Initializer, key: Any, count: int | None, buffers: bool
) -> Tree:
    new, problems = {}, []
    for name, leaf in distinct(tree, select(tree, selector, count=count, buffers=buffers)).items():
        own: Any = key
        if isinstance(key, jax.Array):
            own = jax.random.fold_in(key, np.uint32(zlib.crc32(f"{prefix.get()}{name}".encode())))
        try:
            value = initializer(own, leaf.shape, leaf.dtype)
        except (TypeError, ValueError) as error:
            problems.append(f"{name!r} of shape {leaf.shape} and dtype {leaf.dtype}: {error}")
            continue
        # What was placed stays placed; a tracer's placement is the compiler's business.
        placed = isinstance(leaf, jax.Array) and not isinstance(leaf, jax.core.Tracer) and leaf.committed
        new[name] = jax.device_put(value, leaf.sharding) if placed else value
    refuse("cannot fill", problems)
    return with_leaves(tree, new)


def _checked(key: Any) -> jax.Array | TorchStream:
    """`key`, if it is one: typed, or raw uint32; or torch's stream."""
    if isinstance(key, TorchStream):
        return key
    if isinstance(key, jax.Array | np.ndarray):
        typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        if key.ndim == 0 if typed else (key.ndim == 1 and key.dtype == np.uint32):
            return jnp.asarray(key)
    raise TypeError(f"`key` (={key!r}) must be one JAX random key, such as jax.random.key(0)")
