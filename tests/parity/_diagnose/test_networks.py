"""Faults in networks of many kinds: a few here, all of them under `--thorough`, where their rates are asserted.

`python tests/support/faulty_networks.py development` (or kept_apart) prints what is found of each.
"""

import pytest
from faulty_networks import PARTS, checked, faults, found, networks

SEEN = {"kept_apart": 0.98, "development": 0.98}
LINES = {"kept_apart": 0.95, "development": 0.95}
CAUSES = {"kept_apart": 0.80, "development": 0.80}
FEW = (
    "swin: shifted the other way",
    "vqvae: the loss moves the codes",
    "coupling: scale and shift exchanged",
)


def test_the_corpus_is_large():
    assert sum(len(faults(part)) for part in PARTS) >= 200
    names = [network.name for part in PARTS for network in networks(part)]
    assert len(names) == len(set(names)) >= 60
    assert len(networks("kept_apart")) >= len(names) // 3


@pytest.mark.share(2)
@pytest.mark.parametrize("name", FEW)
def test_a_fault_is_found(name, tmp_path):
    (fault,) = (f for part in PARTS for f in faults(part) if f.name == name)
    result = found(fault, tmp_path)
    assert result.seen and result.lines and result.cause, result.text


def test_a_network_without_a_fault_passes(tmp_path):
    (clean,) = (n for n in networks("kept_apart") if n.name == "swin")
    report = checked(clean, tmp_path)
    assert report.ok, report.short()


@pytest.mark.thorough
@pytest.mark.parametrize("part", PARTS)
def test_no_alarm_without_a_fault(part, tmp_path):
    alarms = [n.name for n in networks(part) if not checked(n, tmp_path).ok]
    assert not alarms


@pytest.mark.thorough
@pytest.mark.parametrize("part", PARTS)
def test_most_faults_are_found_and_no_wrong_cause_is_named(part, tmp_path):
    results = {fault.name: found(fault, tmp_path) for fault in faults(part)}
    assert rate(results, "seen") >= SEEN[part], missed(results, "seen")
    assert rate(results, "lines") >= LINES[part], missed(results, "lines")
    assert rate(results, "cause") >= CAUSES[part], missed(results, "cause")
    assert not {name: r.wrong for name, r in results.items() if r.wrong}


def rate(results, what):
    return sum(getattr(r, what) for r in results.values()) / len(results)


def missed(results, what):
    return {name: r.text for name, r in results.items() if not getattr(r, what)}
