"""torch.nn.Embedding and EmbeddingBag as Linen modules."""

from typing import Any

from flax import linen as nn

from jaxconv._layers import embedding
from jaxconv.linen._module import ParamModule

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(embedding.Table, ParamModule):
    """A table whose rows `max_norm` scales, in the collection 'params' if it is mutable."""

    @nn.compact
    def __call__(self, input: Any, *inputs: Any, **options: Any) -> Any:
        """Looks up rows of the table."""
        held = self._held()
        output = self._forward(held, input, *inputs, **options)
        if self.is_mutable_collection("params") and not self.is_initializing():
            scaled = self._scaled(held["weight"], input)
            if scaled is not None:
                self.put_variable("params", "weight", scaled)
        return output


class Embedding(embedding.Embedding, _Table):
    pass


class EmbeddingBag(embedding.EmbeddingBag, _Table):
    pass
