"""Runs cases on both sides and judges them. Yields data; formatting is `parity.suite.report`'s."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

import jaxconv
from parity._bounds import definition, tolerance
from parity._bounds.reference import Reference, wider
from parity._judge.verdict import Verdict, failed, judge, judge_refusal
from parity._torch.tensors import to_numpy
from parity.suite import jax_side, torch_side
from parity.suite import layer as modules
from parity.suite.case import Case, draw_cotangent, draw_input, draw_weights

Arrays = dict[str, np.ndarray]
OurSide = Callable[[Case, Any, np.ndarray, np.ndarray | None, jax.Device], Arrays]


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
    precision: str = "default",
    our_side: OurSide = jax_side.run,
    workers: int = 2,
) -> Iterator[Result]:
    """Yields each case's result, in the cases' order. Results do not depend on the number of workers.

    Args:
        cases: the cases.
        suite_seed: with a case's id it determines its data.
        device: where our side runs; torch's always runs on the CPU.
        precision: JAX's default matmul precision in force, which the bounds depend on where the device heeds
            it.
        our_side: what runs our side; another than `jax_side.run` to see whether the suite notices.
        workers: threads. XLA and torch compute, and XLA compiles, without the interpreter's lock.
    """
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield from pool.map(lambda c: run_case(c, suite_seed, device, precision, our_side), cases)
        finally:
            pool.shutdown(cancel_futures=True)


def run_case(
    case: Case,
    suite_seed: int,
    device: jax.Device,
    precision: str = "default",
    our_side: OurSide = jax_side.run,
) -> Result:
    """One case's result; arguments as in `run`."""
    start = time.perf_counter()
    if case.is_layer:
        verdicts = _run_layer(case, suite_seed, device)
    elif case.refused:
        verdicts = _run_refused(case, suite_seed, device, our_side)
    else:
        verdicts = _run_both(case, suite_seed, device, precision, our_side)
    return Result(case, verdicts, time.perf_counter() - start)


def _run_layer(case: Case, suite_seed: int, device: jax.Device) -> tuple[Verdict, ...]:
    if case.refused:
        _, ours = _attempt(modules.call_ours, case, suite_seed)
        _, theirs = _attempt(modules.call_torch, case, suite_seed)
        verdict = judge_refusal(ours, theirs, refused=True)
        assert verdict is not None
        return (verdict,)
    verdicts, error = _attempt(modules.run_module, case, suite_seed, device)
    return verdicts if error is None else (failed("layer", f"{type(error).__name__}: {error}"),)


def _attempt(f: Callable[..., Any], *args: Any) -> tuple[Any, Exception | None]:
    try:
        return f(*args), None
    except Exception as error:
        return None, error


def _run_refused(case: Case, suite_seed: int, device: jax.Device, our_side: OurSide) -> tuple[Verdict, ...]:
    x = draw_input(case, suite_seed)
    weights = draw_weights(case, suite_seed) if case.api == "functional" else None
    _, ours = _attempt(our_side, case, weights, x, None, device)
    _, theirs = _attempt(torch_side.run, case, weights, x, None)
    verdict = judge_refusal(ours, theirs, refused=True)
    assert verdict is not None
    return (verdict,)


def _run_both(
    case: Case, suite_seed: int, device: jax.Device, precision: str, our_side: OurSide
) -> tuple[Verdict, ...]:
    carried, error = _attempt(_carry, case, suite_seed)
    if error is not None:
        return (failed("weights", f"carrying them failed: {type(error).__name__}: {error}"),)
    weights, verdicts = carried
    x = draw_input(case, suite_seed)
    arrays = {n: w if isinstance(w, np.ndarray) else to_numpy(w) for n, w in weights.items()}
    dy = None
    if case.differentiable:
        shape = expected(case, x, arrays, None)["y"].value.shape
        dy = draw_cotangent(case, suite_seed, shape)
    theirs, torch_error = _attempt(torch_side.run, case, weights, x, dy)
    ours, our_error = _attempt(our_side, case, weights, x, dy, device)
    refusal = judge_refusal(our_error, torch_error, refused=False)
    if refusal is not None:
        return (*verdicts, refusal)
    references = expected(case, x, arrays, dy)
    return (*verdicts, *judge_outputs(ours, theirs, references, case.dtype, device.platform, precision))


def _carry(case: Case, suite_seed: int) -> tuple[Mapping[str, Any], list[Verdict]]:
    """The case's weights, and whether they came through both conversions bit for bit."""
    if case.api == "functional":
        return draw_weights(case, suite_seed), []
    if not case.has_weights:
        return {}, []
    if case.direction == "to_flax":
        given = torch_side.init(case, suite_seed)
        before = {name: to_numpy(t) for name, t in given.items()}
        back = jax_side.carry(case, given)
    else:
        ours = jax_side.init(case, suite_seed)
        before = {name: np.asarray(w) for name, w in ours.items()}
        given = jaxconv.to_torch(ours)
        back = torch_side.carry(case, given)
    if list(back) != list(before):
        return given, [failed("weights", f"names {list(back)} where {list(before)} were given")]
    verdicts = []
    for name, weight in before.items():
        value = weight.astype(wider(weight.dtype))
        verdicts.append(judge(f"weights.{name}", to_numpy(back[name]), weight, value, bound=None))
    return given, verdicts


def expected(
    case: Case, input: np.ndarray, weights: Mapping[str, np.ndarray], cotangent: np.ndarray | None
) -> dict[str, Reference]:
    """The reference of each output that the case has."""
    if case.op == "conv2d":
        return definition.conv_layer(case.arguments, input, weights, cotangent)
    outputs = definition.max_pool_layer(case.arguments, input, cotangent)
    if not case.arguments.get("return_indices", False):
        del outputs["indices"]
    return outputs


def judge_outputs(
    ours: Arrays,
    theirs: Arrays,
    references: Mapping[str, Reference],
    dtype: str,
    platform: str = "cpu",
    precision: str = "default",
) -> list[Verdict]:
    """One verdict for each output of the reference or of either side; one that a side lacks is a failure."""
    verdicts = []
    for name in dict.fromkeys([*references, *theirs, *ours]):
        where = {"our outputs": ours, "torch's outputs": theirs, "the reference": references}
        missing = [side for side, outputs in where.items() if name not in outputs]
        if missing:
            verdicts.append(failed(name, f"missing in {' and '.join(missing)}"))
            continue
        value = references[name].value
        bound = torch_bound = None
        if not references[name].is_exact:
            bound = tolerance.bound(references[name], tolerance.arithmetic(dtype, platform, precision))
            torch_bound = tolerance.bound(references[name], tolerance.arithmetic(dtype).narrow())
        verdicts.append(judge(name, ours[name], theirs[name], value, bound, torch_bound))
    return verdicts
