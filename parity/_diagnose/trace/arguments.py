"""Pooling and normalisation with other arguments than torch's."""

from typing import Any

from torch.nn import functional as F

from parity._diagnose.registry import CAUSES
from parity._diagnose.trace.arithmetic import Yields


def window(given: Any) -> Yields:
    """Another stride, padding or kind of pooling."""
    ones = [1] * len(given.kernel_size)
    text = f"its stride is {{}}: torch's is {list(given.stride or given.kernel_size)}"
    for stride in (ones, list(given.kernel_size)):
        yield CAUSES["pool.stride"], text.format(stride), lambda g, s=stride: g.changed(stride=s)
    none = [0] * len(given.kernel_size)
    for padding in (none, [k // 2 for k in given.kernel_size]):
        text = f"its padding is {padding}: torch's is {given.padding}"
        yield CAUSES["pool.padding"], text, lambda g, p=padding: g.changed(padding=p)
    for cause, name in (("pool.ceil_mode", "ceil_mode"), ("pool.count_include_pad", "count_include_pad")):
        if name in given.named:
            value = not given.named[name]
            text = f"its {name} is {value}: torch's is {not value}"
            yield CAUSES[cause], text, lambda g, n=name, v=value: g.changed(**{n: v})
    other = (
        (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
        if "max" in given.name
        else (F.max_pool1d, F.max_pool2d, F.max_pool3d)
    )
    pool: Any = other[len(given.kernel_size) - 1]
    text = f"it is {pool.__name__}: torch's is {given.name}"
    yield (
        CAUSES["pool.kind"],
        text,
        lambda g: pool(g.tensors[0], g.kernel_size, g.stride or None, g.padding),
    )


def normalisation(given: Any) -> Yields:
    """Another epsilon."""
    for eps in (0.0, 1e-12, 1e-8, 1e-7, 1e-6, 1e-5, 1e-3):
        text = f"its epsilon is {eps:g}: torch's is {given.eps:g}"
        yield CAUSES["norm.epsilon"], text, lambda g, e=eps: g.changed(eps=e)
