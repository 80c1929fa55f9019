"""Runs a case on both sides and judges it. Returns data; `parity.suite.report` formats them."""

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from parity._flax import network as flax_network
from parity._judge.layer import JudgedLayer
from parity._judge.verdict import Verdict, failed, judge_refusal
from parity._torch import network as torch_network
from parity._torch.original import drawn
from parity.suite import sides
from parity.suite.case import Case, Result, draw_input
from parity.suite.sides import Function


def run_case(case: Case, suite_seed: int, device: jax.Device, function: Function | None = None) -> Result:
    """Runs a case and judges what it gives.

    Args:
        case: the case.
        suite_seed: with the case's id it determines its data.
        device: where our side runs; torch's always runs on the CPU.
        function: what is called in the place of `jaxconv.functional`'s, to see whether the suite notices.
    """
    start = time.perf_counter()
    with jax.default_device(device):
        if case.refused:
            _, ours = _attempt(sides.call_ours, case, suite_seed, function)
            _, theirs = _attempt(sides.call_torch, case, suite_seed)
            verdicts: tuple[Verdict, ...] = (judge_refusal(ours, theirs),)
        else:
            found, error = _attempt(_judged, case, suite_seed, device, function)
            verdicts = found if error is None else (failed("layer", f"{type(error).__name__}: {error}"),)
    return Result(case, verdicts, time.perf_counter() - start)


def _judged(
    case: Case, suite_seed: int, device: jax.Device, function: Function | None
) -> tuple[Verdict, ...]:
    module, ours, carried = sides.both(case, suite_seed, function)
    x = draw_input(case, suite_seed)
    with warnings.catch_warnings():
        # Among others "padding='same' with even kernel lengths may require a copy": torch's own affair.
        warnings.simplefilter("ignore")
        (call,) = torch_network.calls(module, [x])
        run = drawn(replace(call, name=case.id), np.random.default_rng(case.seed(suite_seed, "cotangent")))
        judged = JudgedLayer(run, flax_network.network(ours), device)
        return (*carried, *judged.verdicts)


def _attempt(f: Callable[..., Any], *args: Any) -> tuple[Any, Exception | None]:
    try:
        return f(*args), None
    except Exception as error:
        return None, error
