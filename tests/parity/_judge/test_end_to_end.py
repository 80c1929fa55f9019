"""How far rounding may carry a network's results: what few runs with noise say, and what many do."""

import numpy as np
import pytest

from parity._bounds.tolerance import arithmetic, prediction_limit
from parity._judge.end_to_end import EndToEnd
from parity._judge.verdict import judge_end_to_end
from parity._torch.original import FEW, FIRST, MANY

SAMPLES = [1.0, 1.2, 0.9, 1.1, 0.8, 1.0, 1.3, 1.05] * (MANY // FEW)


class Known:
    """torch's side with known distances, of an exact result that is 0 everywhere."""

    module = None

    def __init__(self, own=0.5):
        self.wanted = {"output": np.zeros(4), "index": np.zeros(4, np.int32)}
        self.theirs = {"output": np.full(4, own, np.float32), "index": np.zeros(4, np.int32)}
        self.own = {"output": own}
        self.asked = []

    def distances(self, how, count):
        self.asked.append(count)
        return {"output": SAMPLES[:count]}


def judged(distance, own=0.5):
    original = Known(own)
    whole = EndToEnd(original, None)
    ours = {"output": np.full(4, distance, np.float32), "index": np.zeros(4, np.int32)}
    whole.__dict__ |= {"ours": ours, "how": arithmetic(np.float32)}
    output, index = whole.judge()
    assert index.ok
    return output, original.asked


def test_within_the_worst_of_the_first_runs_nothing_more_is_asked():
    verdict, asked = judged(1.1)
    assert verdict.ok and asked == [FIRST]
    assert verdict.ratio == pytest.approx(1.1 / max(SAMPLES[:FIRST]), rel=1e-6)


def test_within_the_worst_of_a_few_runs_nothing_more_is_asked():
    verdict, asked = judged(1.25)
    assert verdict.ok and asked == [FIRST, FEW]
    assert verdict.ratio == pytest.approx(1.25 / 1.3, rel=1e-6)


def test_in_doubt_more_are_run():
    limit = prediction_limit(SAMPLES)
    assert 1.3 < limit < prediction_limit(SAMPLES[:FEW])
    for distance, ok in ((1.31, True), (0.99 * limit, True), (1.01 * limit, False)):
        verdict, asked = judged(distance)
        assert verdict.ok == ok and asked == [FIRST, FEW, MANY]
        assert verdict.ratio == pytest.approx(distance / limit, rel=1e-6)


def test_what_is_out_of_question_costs_no_more_runs():
    limit = prediction_limit(SAMPLES[:FEW])
    verdict, asked = judged(1.01 * limit)
    assert not verdict.ok and asked == [FIRST, FEW]
    assert "times as far from float64 as rounding in the layers explains" in verdict.reason


@pytest.mark.parametrize(
    ("times", "text"), [(2.5, "2.5"), (1234.0, "1,230"), (25_812.0, "25,800"), (3e7, "more than a million")]
)
def test_how_far_too_far_is_said_in_plain_numbers(times, text):
    verdict = judge_end_to_end("output", np.float32([times, 0]), np.float32([0, 0]), np.zeros(2), 0.5**0.5)
    assert verdict.reason == f"{text} times as far from float64 as rounding in the layers explains"


def test_where_noise_carries_less_far_than_torch_itself_came_the_limit_is_in_proportion():
    limit = 4 * prediction_limit(SAMPLES)
    own = 4 * float(np.median(SAMPLES))
    assert judged(0.99 * limit, own)[0].ok
    verdict, asked = judged(1.01 * limit, own)
    assert not verdict.ok and asked == [FIRST, FEW, MANY]


def test_a_nan_is_no_doubt():
    verdict, _ = judged(np.nan)
    assert not verdict.ok and verdict.reason == "NaN or infinity on one side only"
