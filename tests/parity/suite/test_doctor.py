"""The doctor notices an installation that computes wrongly."""

import time

import jax
import numpy as np
import pytest

from jaxconv_parity.cli import main
from parity.suite import doctor
from parity.suite.doctor import Known
from parity.suite.tables import ALL

CPU = jax.devices("cpu")[0]
X = np.float32([1, 2, 3])


def traced(x):
    return isinstance(x, jax.core.Tracer)


@pytest.mark.parametrize(
    ("function", "detail"),
    [
        (lambda x: x + 1, ""),
        (lambda x: x + (1 if traced(x) else 2), "3 of 3 elements outside jit"),
    ],
)
def test_what_is_wrong_under_jit_or_outside_is_found(function, detail, monkeypatch):
    monkeypatch.setattr(doctor, "KNOWN", (Known(1, "a fault", "use another", function, lambda: (X,)),))
    ((what, ok, found, means),) = doctor.known(CPU)
    assert what == "jax-ml/jax 1: a fault" and ok == (not detail) and found == detail
    assert means == "use another"


def test_the_command_says_what_a_fault_means_for_the_user(monkeypatch, capsys):
    wrong = Known(1, "a fault", "use another", lambda x: x + (1 if traced(x) else 2), lambda: (X,))
    right = Known(2, "no fault", "never said", lambda x: x, lambda: (X,))
    monkeypatch.setattr(doctor, "KNOWN", (wrong, right))
    monkeypatch.setattr(doctor, "_CASES", ())
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if "WRONG jax-ml/jax 1" in line)
    assert lines[at + 1] == "        means: use another" and lines[at + 2] == "  ok    jax-ml/jax 2: no fault"


def test_what_runs_before_runs_before(monkeypatch):
    ran = []
    fault = Known(1, "a fault", "use another", lambda x: x, lambda: (X,), before=lambda: ran.append(1))
    monkeypatch.setattr(doctor, "KNOWN", (fault,))
    assert next(doctor.known(CPU)).ok and len(ran) == 2


def test_factors_that_are_rounded_to_fewer_digits_than_the_bounds_expect_are_found(monkeypatch):
    found = doctor.products(CPU)
    assert found.ok and "matrix product float32, convolution float32; expected float32" in found.detail
    # float32 itself rounds 1 + 2^-24 to 1.
    monkeypatch.setattr(doctor, "_FORMATS", {2.0**-24: "a format"})
    found = doctor.products(CPU)
    assert not found.ok and "matrix product a format, convolution a format; expected float32" in found.detail


def test_the_selected_cases_exist_and_are_judged(monkeypatch):
    for prefix in doctor._CASES:
        assert any(case.id.startswith(f"{prefix}/") for case in ALL)
    monkeypatch.setattr(doctor, "_CASES", ("Linear/layer",))
    (found,) = doctor.cases(CPU, time.perf_counter())
    assert found.ok and found.what.startswith("Linear/layer/nnx") and found.detail.startswith("error / bound")


def test_cases_agree_though_64_bit_types_are_off(monkeypatch):
    """BatchNorm counts its batches in int64."""
    monkeypatch.setattr(doctor, "_CASES", ("BatchNorm2d/training",))
    with jax.enable_x64(False):
        (finding,) = doctor.cases(jax.devices("cpu")[0], time.perf_counter())
    assert finding.ok, finding


def test_the_time_counts_from_the_start_of_the_command(monkeypatch):
    monkeypatch.setattr(doctor, "_CASES", ("max_pool2d/nan", "max_pool2d/nan"))
    assert len(list(doctor.cases(CPU, time.perf_counter() - 2 * doctor.SECONDS))) == 1
