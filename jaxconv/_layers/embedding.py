"""torch.nn.Embedding and EmbeddingBag, of both fronts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jaxconv import functional, init
from jaxconv._args import check_bool, check_size, number
from jaxconv._functional.embedding import check_padding_idx, check_sparse
from jaxconv._functional.embedding_bag import check_options
from jaxconv._layers.base import Declared, ParamLayer
from jaxconv._types import ArrayLike, BagMode


class Table(ParamLayer):
    """A table of rows. A front keeps what `_scaled` gives, where it does."""

    _holds: ClassVar[tuple[str, ...]] = ("weight",)

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool
    sparse: bool

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        if self.bias_init is not None:
            raise TypeError(f"{type(self).__name__} has no bias: leave out `bias_init`")
        sizes = {name: check_size(name, getattr(self, name)) for name in ("num_embeddings", "embedding_dim")}
        if self.max_norm is not None:
            number("max_norm", self.max_norm)
        number("norm_type", self.norm_type)
        check_bool("scale_grad_by_freq", self.scale_grad_by_freq)
        check_sparse(self.sparse)
        if self.padding_idx is None:
            return sizes
        return {**sizes, "padding_idx": check_padding_idx(self.padding_idx, sizes["num_embeddings"])}

    def _declared(self) -> dict[str, Declared | None]:
        shape = (
            check_size("num_embeddings", self.num_embeddings),
            check_size("embedding_dim", self.embedding_dim),
        )
        return {"weight": Declared(shape, self.weight_init or self._drawn)}

    def _drawn(self, key: Any, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
        """Standard normal, but for the padding's row of zeros."""
        table = init.normal()(key, shape, dtype)
        return table if self.padding_idx is None else table.at[self.padding_idx].set(0)

    def _scaled(self, weight: Any, input: Any) -> jax.Array | None:
        """The table after a call; None where the call leaves it as it is."""
        if self.max_norm is None:
            return None
        return functional.embedding_renorm(weight, input, self.max_norm, self.norm_type)


_ARGUMENTS = """num_embeddings: how many rows there are.
        embedding_dim: how long they are.
        padding_idx: a row that {padding}; or None. It starts as zeros, unless there is a `weight_init`.
        max_norm: rows that are looked up are scaled to this norm first if theirs is greater; or None. As in torch, the
            scaled rows stay in `weight`: NNX writes them, in evaluation too; Linen does if the collection 'params' is
            mutable, and else scales them in each call.
        norm_type: p of that p-norm.
        scale_grad_by_freq: whether a row's gradient is divided by how often its index is in the input.
        sparse: False: JAX's gradients are dense."""

_ERRORS = """The keyword arguments are those of `Linear`, without `bias_init` and `precision`.

    Raises:
        ValueError: a value or a shape that torch refuses too, or `sparse`.
        TypeError: an argument of the wrong type.
    """


@dataclass(eq=False, repr=False)
class Embedding(Table):
    __doc__ = f"""torch.nn.Embedding: the same arguments, defaults, layout, parameter and distribution.

    Parameter `weight` (num_embeddings, embedding_dim), standard normal. The operation is
    `jaxconv.functional.embedding`: indices of shape (*), int64 or int32, to (*, embedding_dim). An index out of bounds
    gives a row of NaN.

    Args:
        {_ARGUMENTS.format(padding="gets no gradient")}

    {_ERRORS}"""

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None = None
    max_norm: float | None = None
    norm_type: float = 2.0
    scale_grad_by_freq: bool = False
    sparse: bool = False

    def _forward(self, held: Mapping[str, Any], input: ArrayLike) -> jax.Array:
        (weight,) = self._cast(held["weight"], names=())
        return functional.embedding(
            input,
            weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )


@dataclass(eq=False, repr=False)
class EmbeddingBag(Table):
    __doc__ = f"""torch.nn.EmbeddingBag: the same arguments, defaults, layout, parameter and distribution.

    Parameter `weight` (num_embeddings, embedding_dim), standard normal. The operation is
    `jaxconv.functional.embedding_bag`; a call takes `input`, `offsets` and `per_sample_weights`.

    Args:
        {_ARGUMENTS.format(padding="is in no bag and gets no gradient")}
        mode: 'sum', 'mean' or 'max'.
        include_last_offset: whether the last of `offsets` is where the last bag ends.

    {_ERRORS}"""

    num_embeddings: int
    embedding_dim: int
    max_norm: float | None = None
    norm_type: float = 2.0
    scale_grad_by_freq: bool = False
    mode: BagMode = "mean"
    sparse: bool = False
    include_last_offset: bool = False
    padding_idx: int | None = None

    def _normalised(self) -> Mapping[str, Any]:
        check_options(self.scale_grad_by_freq, self.mode, self.sparse, self.include_last_offset)
        return super()._normalised()

    def _forward(
        self,
        held: Mapping[str, Any],
        input: ArrayLike,
        offsets: ArrayLike | None = None,
        per_sample_weights: ArrayLike | None = None,
    ) -> jax.Array:
        weight, factors = self._cast(held["weight"], per_sample_weights, names=())
        return functional.embedding_bag(
            input, weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode, self.sparse,
            factors, self.include_last_offset, self.padding_idx,
        )  # fmt: skip
