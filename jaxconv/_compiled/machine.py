"""What a compiled program needs of the machine that runs it."""

import functools
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from jaxconv import _compile_cache
from jaxconv._compiled.structure import listed
from jaxconv._files.limits import Damaged
from jaxconv._lower import native

# What compilers use; a processor's list has much else, of the kernel's and the hypervisor's.
_X86 = re.compile(
    r"(avx|sse|ssse|pni|amx|fma|f16c|bmi|adx|v?aes|v?pclmul|gfni|popcnt|abm|movbe|sha|sm[34]|cx16|lahf|xop|tbm)"
)
_VERSIONS = ("jax", "jaxlib", "jaxconv")
_TEXTS = (*_VERSIONS, "platform", "device", "architecture", "kernels")


def needed(uses_kernels: bool) -> dict[str, Any]:
    """What a program that was compiled here needs, for `check`.

    Args:
        uses_kernels: whether it calls jaxconv's kernels.
    """
    device = jax.devices()[0]
    return {
        **{name: _compile_cache.version_of(name) for name in _VERSIONS},
        "platform": device.platform,
        "device": device.device_kind,
        "architecture": platform.machine(),
        "instructions": sorted(_instructions()),
        "kernels": _running_kernels() if uses_kernels else "",
    }


def check(found: Any, path: str) -> None:
    """Refuses a program that another machine compiled, unless this one can run it, too.

    Raises:
        Damaged: `found` is not what `needed` gave.
        ValueError: this machine lacks what it needs; all that differs is listed.
    """
    if not isinstance(found, Mapping) or {*found} != {*_TEXTS, "instructions"}:
        raise Damaged("its requirements are missing")
    if not all(isinstance(found[name], str) for name in _TEXTS) or not all(
        isinstance(name, str) for name in listed(found["instructions"])
    ):
        raise Damaged("its requirements must be strings")
    here = needed(uses_kernels=bool(found["kernels"]))
    wrong = [
        f"{name} {found[name]!r:.60}, here {here[name]!r}"
        for name in (*_VERSIONS, "platform", "device", "architecture")
        if found[name] != here[name]
    ]
    if lacking := sorted({*found["instructions"]} - {*here["instructions"]}):
        wrong.append(f"a processor with {', '.join(name[:20] for name in lacking[:10])}")
    if found["kernels"] != here["kernels"]:
        why = str(native.kernels()) if native.isa() is None else "other ones are installed"
        wrong.append(f"the kernels that it was compiled with ({why})")
    if wrong:
        raise ValueError(
            f"{path} cannot run here. It was compiled for {'; '.join(wrong)}. Compile and save the model on a machine "
            f"like this one"
        )


@functools.cache
def _instructions() -> frozenset[str]:
    """The processor's extensions of its instruction set, as far as the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace").partition("\n\n")[0]
    except OSError:
        return frozenset({platform.processor() or "unknown"})
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    words = {name.strip(): value.split() for name, value in lines.items()}
    if "flags" in words:
        return frozenset(word for word in words["flags"] if _X86.match(word))
    return frozenset(words.get("Features", ()))


def _running_kernels() -> str:
    # Packed weights and blocks of channels are those of an instruction set.
    return f"{_compile_cache.kernels_hash()} {native.isa()}" if native.isa() is not None else "none"
