"""Who computes a convolution: what `explain` is told while a model runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from jaxconv._lower.product import Product


class Seen(NamedTuple):
    """A convolution that was called: by which layer (None: by none), what, and under which forced lowering."""

    layer: Any
    product: Product
    batch: Any
    dtype: Any
    forced: str | None


_layer: ContextVar[Any] = ContextVar("layer", default=None)
_seen: ContextVar[list[Seen] | None] = ContextVar("seen", default=None)


@contextmanager
def computing(layer: Any) -> Iterator[None]:
    """Convolutions within are `layer`'s."""
    before = _layer.set(layer)
    try:
        yield
    finally:
        _layer.reset(before)


@contextmanager
def watching() -> Iterator[list[Seen]]:
    """The list fills with the convolutions within."""
    seen: list[Seen] = []
    before = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(before)


def tell(product: Product, batch: Any, dtype: Any, forced: str | None) -> None:
    """A convolution is called."""
    if (seen := _seen.get()) is not None:
        seen.append(Seen(_layer.get(), product, batch, dtype, forced))
