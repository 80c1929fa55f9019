"""torch.nn.Embedding and EmbeddingBag as NNX modules."""

from dataclasses import dataclass
from typing import Any, Self

from flax import nnx

from jaxconv._args import array
from jaxconv._layers import embedding
from jaxconv._types import ArrayLike, BagMode
from jaxconv.nn._module import ParamModule
from jaxconv.nn.frozen import FrozenParam

__all__ = ["Embedding", "EmbeddingBag"]


@dataclass(eq=False, repr=False)
class _Table(embedding.Table, ParamModule):
    """A table whose rows `max_norm` scales where they are held."""

    def __call__(self, input: Any, *inputs: Any, **options: Any) -> Any:
        """Looks up rows of the table."""
        output = self._forward(self._held(), input, *inputs, **options)
        held: Any = self
        if (scaled := self._scaled(held.weight, input)) is not None:
            held.weight[...] = scaled
        return output

    @classmethod
    def _pretrained(cls, embeddings: Any, freeze: Any, *arguments: Any, **options: Any) -> Self:
        table = array("embeddings", embeddings)
        if table.ndim != 2:
            raise ValueError(f"`embeddings` is expected to be 2-dimensional, but got shape {table.shape}")
        layer: Any = cls(
            *table.shape, *arguments, **options, param_dtype=table.dtype,
            weight_init=lambda key, shape, dtype: table, rngs=nnx.Rngs(0),
        )  # fmt: skip
        if freeze:
            layer.weight = FrozenParam(table)
        return layer


@dataclass(eq=False, repr=False)
class Embedding(embedding.Embedding, _Table):
    @classmethod
    def from_pretrained(
        cls,
        embeddings: ArrayLike,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """Makes a layer of a table: torch.nn.Embedding.from_pretrained.

        Args:
            embeddings: the table, (num_embeddings, embedding_dim), kept as it is, the padding's row too.
            freeze: whether the weight is a `jaxconv.FrozenParam`, which is not trained.
            padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse: the constructor's.

        Raises:
            ValueError: a table of another rank, or an argument that the constructor refuses.
            TypeError: an argument of the wrong type.
        """
        return cls._pretrained(
            embeddings, freeze, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
        )


@dataclass(eq=False, repr=False)
class EmbeddingBag(embedding.EmbeddingBag, _Table):
    @classmethod
    def from_pretrained(
        cls,
        embeddings: ArrayLike,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: BagMode = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """Makes a layer of a table: torch.nn.EmbeddingBag.from_pretrained.

        The arguments and errors are those of `Embedding.from_pretrained` and of the constructor.
        """
        options = (max_norm, norm_type, scale_grad_by_freq, mode, sparse, include_last_offset, padding_idx)
        return cls._pretrained(embeddings, freeze, *options)
