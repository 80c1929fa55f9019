"""Runs cases on both sides and judges them. Yields data; formatting is `parity.suite.report`'s."""

import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from parity._flax import network as flax_network
from parity._judge.layer import JudgedLayer
from parity._judge.verdict import Verdict, failed, judge_refusal
from parity._torch import network as torch_network
from parity._torch.original import drawn
from parity.suite import sides
from parity.suite.case import Case, draw_input
from parity.suite.sides import Function


@dataclass(frozen=True)
class Result:
    """A case, its verdicts (on each output and weight carried over, or on a refusal) and its duration."""

    case: Case
    verdicts: tuple[Verdict, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether there are verdicts and all are ok."""
        return bool(self.verdicts) and all(verdict.ok for verdict in self.verdicts)


def select(cases: Sequence[Case], expression: str = "", dtype: str | None = None) -> list[Case]:
    """The cases of this dtype whose ids match an expression as pytest's -k has it.

    A word matches the ids that contain it, case aside; `and`, `or`, `not` and parentheses combine words.

    Raises:
        ValueError: an expression that is not one.
    """
    matches = _Expression(expression).parse() if expression.strip() else lambda _: True
    return [c for c in cases if (dtype is None or c.dtype == dtype) and matches(c.id.lower())]


class _Expression:
    """either: both (or both)*; both: factor (and factor)*; factor: not factor | '(' either ')' | word."""

    def __init__(self, text: str):
        self.text = text
        self.tokens = re.findall(r"[()]|[^\s()]+", text.lower())

    def parse(self) -> Callable[[str], bool]:
        matches = self._either()
        if self.tokens:
            raise self._error(f"unexpected {self.tokens[0]!r}")
        return matches

    def _either(self) -> Callable[[str], bool]:
        terms = [self._both()]
        while self.tokens[:1] == ["or"]:
            self.tokens.pop(0)
            terms.append(self._both())
        return lambda id: any(term(id) for term in terms)

    def _both(self) -> Callable[[str], bool]:
        factors = [self._factor()]
        while self.tokens[:1] == ["and"]:
            self.tokens.pop(0)
            factors.append(self._factor())
        return lambda id: all(factor(id) for factor in factors)

    def _factor(self) -> Callable[[str], bool]:
        token = self.tokens.pop(0) if self.tokens else "end of expression"
        if token == "not":
            factor = self._factor()
            return lambda id: not factor(id)
        if token == "(":
            inner = self._either()
            if self.tokens[:1] != [")"]:
                raise self._error("missing ')'")
            self.tokens.pop(0)
            return inner
        if token in (")", "and", "or", "end of expression"):
            raise self._error(f"expected a word, got {token!r}")
        return lambda id: token in id

    def _error(self, what: str) -> ValueError:
        return ValueError(f"`-k` (={self.text!r}) must be words joined by and, or, not, parentheses: {what}")


def run(
    cases: Sequence[Case],
    suite_seed: int,
    device: jax.Device,
    function: Function | None = None,
    workers: int = 2,
) -> Iterator[Result]:
    """Yields each case's result, in the cases' order. Results do not depend on the number of workers.

    Args:
        cases: the cases.
        suite_seed: with a case's id it determines its data.
        device: where our side runs; torch's always runs on the CPU.
        function: what is called in the place of `jaxconv.functional`'s, to see whether the suite notices.
        workers: threads. XLA and torch compute, and XLA compiles, without the interpreter's lock.
    """
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield from pool.map(lambda c: run_case(c, suite_seed, device, function), cases)
        finally:
            pool.shutdown(cancel_futures=True)


def run_case(case: Case, suite_seed: int, device: jax.Device, function: Function | None = None) -> Result:
    """One case's result; arguments as in `run`."""
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
