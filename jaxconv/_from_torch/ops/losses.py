"""ATen's losses, which some networks return beside their outputs: those of `jaxconv.functional`."""

from collections.abc import Callable
from typing import Any

import jax

from jaxconv import functional
from jaxconv._from_torch.ops._dtypes import together

_REDUCTIONS = ("none", "mean", "sum")  # ATen's 0, 1, 2


def _elementwise(function: Callable[..., jax.Array], *names: str) -> Callable[..., jax.Array]:
    """A loss (input, target, reduction, *names), of numbers too."""

    def of(x: Any, target: Any, reduction: int = 1, *args: Any, **options: Any) -> jax.Array:
        options |= dict(zip(names, args, strict=False))
        return function(*together(x, target), reduction=_REDUCTIONS[reduction], **options)

    return of


def _weighted(function: Callable[..., jax.Array], *names: str) -> Callable[..., jax.Array]:
    """A loss (input, target, weight, *names), of which one is `reduction`."""

    def of(x: Any, target: Any, *args: Any, **options: Any) -> jax.Array:
        options |= dict(zip(("weight", *names), args, strict=False))
        options["reduction"] = _REDUCTIONS[options.get("reduction", 1)]
        return function(x, target, **options)

    return of


_nll_loss = _weighted(functional.nll_loss, "reduction", "ignore_index")

TABLE: dict[str, Callable[..., Any]] = {
    "mse_loss": _elementwise(functional.mse_loss),
    "l1_loss": _elementwise(functional.l1_loss),
    "smooth_l1_loss": _elementwise(functional.smooth_l1_loss, "beta"),
    "huber_loss": _elementwise(functional.huber_loss, "delta"),
    "soft_margin_loss": _elementwise(functional.soft_margin_loss),
    "kl_div": _elementwise(functional.kl_div),
    "binary_cross_entropy": _weighted(functional.binary_cross_entropy, "reduction"),
    "binary_cross_entropy_with_logits": _weighted(
        functional.binary_cross_entropy_with_logits, "pos_weight", "reduction"
    ),
    "nll_loss": _nll_loss,
    "nll_loss2d": _nll_loss,
    "nll_loss_nd": _nll_loss,
    "cross_entropy_loss": _weighted(functional.cross_entropy, "reduction", "ignore_index", "label_smoothing"),
}
