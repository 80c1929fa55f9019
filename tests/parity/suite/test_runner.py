import jax
import pytest

from parity.suite import runner, sides
from parity.suite.case import case
from parity.suite.tables import ALL

CPU = jax.devices("cpu")[0]
ARGS = {"in_channels": 4, "out_channels": 6, "kernel_size": 3}

# A sample of each group; the whole suite is `python -m parity`.
SAMPLE = [c for group in {(c.op, c.group): c for c in ALL[::7]}.values() for c in [group]]


@pytest.mark.share(3)
@pytest.mark.parametrize("sampled", SAMPLE, ids=lambda c: c.id)
def test_cases_agree(sampled):
    result = runner.run_case(sampled, 0, CPU)
    assert result.ok, [v for v in result.verdicts if not v.ok]
    assert sampled.shape[0] == 0 or all(v.elements for v in result.verdicts)


def conv(api="nnx", direction="to_flax", **more):
    return case("conv2d", "g", api, direction, ARGS, (2, 4, 9, 8), **more)


@pytest.mark.parametrize("api", ["nnx", "linen"])
@pytest.mark.parametrize("direction", ["to_flax", "to_torch"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
def test_there_is_a_verdict_on_every_output_and_weight(api, direction, dtype):
    result = runner.run_case(conv(api, direction, dtype=dtype), 0, CPU)
    names = ["weights.weight", "weights.bias", "y", "grad.input", "grad.weight", "grad.bias"]
    assert result.ok and [v.name for v in result.verdicts] == names
    assert [v.elements for v in result.verdicts] == [216, 6, 2 * 6 * 7 * 6, 576, 216, 6]


def test_weights_that_do_not_come_back_are_caught(monkeypatch):
    right = sides.jaxconv.to_torch

    def check(change, reason):
        monkeypatch.setattr(sides.jaxconv, "to_torch", lambda weights: change(right(weights)))
        verdicts = runner.run_case(conv(), 0, CPU).verdicts
        assert any(not v.ok and reason in v.reason for v in verdicts), verdicts

    check(lambda w: w | {"weight": w["weight"].flip(3)}, "outside the rounding bound")
    check(lambda w: w | {"bias": w["bias"].double()}, "dtype float64, in torch float32")
    check(lambda w: {"weight": w["weight"]}, "names ['weight'] where ['weight', 'bias'] were given")
    check(lambda w: 1 / 0, "ZeroDivisionError")


def test_an_exception_is_a_verdict():
    def broken(*_, **arguments):
        raise KeyError("lost")

    (refusal,) = runner.run_case(conv("functional", None), 0, CPU, broken).verdicts
    assert not refusal.ok and refusal.reason == "the Flax layer refused torch's input: 'lost'"
    refused = case("conv2d", "r", "functional", None, ARGS | {"stride": 0}, (2, 4, 9, 8), refused=True)
    (accident,) = runner.run_case(refused, 0, CPU, broken).verdicts
    assert not accident.ok and "we failed where we should have refused: KeyError" in accident.reason
    assert runner.run_case(refused, 0, CPU).ok


def test_a_result_without_verdicts_is_not_ok():
    assert not runner.Result(conv(), (), 0.0).ok
