import itertools
import sys

import numpy as np
import pytest

from benchmarks.timing import interleaved, peak


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much memory a process held at most")
def test_peak_is_what_a_call_holds_at_most():
    found = peak(lambda: [np.ones(2**22), np.ones(2**22).sum()])  # 32 MiB each, both held at once
    if found is None:
        pytest.skip("this system does not let a process reset its peak")
    assert 60 * 2**20 < found < 90 * 2**20
    assert peak(lambda: None) < 2**20


def test_interleaved_takes_every_function_in_turn():
    calls = []
    found = interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2)
    assert set(found) == {"a", "b"} and min(found.values()) > 0
    assert [name for name, _ in itertools.groupby(calls)] == ["a", "b"] * 3  # once before, and two rounds
