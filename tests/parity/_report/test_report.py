"""The report as data and text; `test_model.py` makes reports, this file only formats them."""

import json
import math
from xml.etree import ElementTree

import numpy as np
import pytest
from reports import BAD, FINE, OURS, RIGHT, WRONG, layer, whole

from parity._diagnose.hypothesis import Diagnosis, Place
from parity._judge.verdict import Verdict, judge
from parity._report.layers import rows, tree
from parity._report.merged import merged
from parity._report.report import Report


def test_modules_are_a_tree_in_the_order_of_the_calls():
    names = ["stem", "body.0.conv", "body.0.bn", "body.1.conv", "stem#2", "body.0.conv#2", ""]
    labels = [label for label, _ in tree([layer(name, FINE) for name in names])]
    assert labels == [
        "stem", "body", "  0", "    conv", "    bn", "  1", "    conv", "Conv2d",
    ]  # fmt: skip


def test_the_calls_of_a_shared_layer_are_one_row_and_one_that_differs_shows():
    shared = [layer("relu", FINE), layer("conv", FINE), layer("relu#2", WRONG), layer("relu#3", FINE)]
    first, conv = rows(shared)
    assert (first.name, first.calls, first.ok, conv.calls) == ("relu", 3, False, 1)
    assert first.counted.endswith("(3 calls)") and len(first.verdicts) == 3
    assert rows(shared[:2]) == shared[:2]
    report = Report(tuple(shared), (FINE,), ())
    assert "1 of 2 layers agree, the first that does not is relu#2" in str(report)
    assert [entry["name"] for entry in json.loads(report.to_json())["layers"]] == [
        "relu", "conv", "relu#2", "relu#3",
    ]  # fmt: skip


def test_where_all_layers_agree_the_difference_is_said_to_be_between_them():
    report = Report((layer("conv", FINE), layer("fc", FINE)), (WRONG,), ())
    assert str(report).splitlines()[0] == (
        "NOT the same network: 2 of 2 layers agree, the difference is between the layers"
    )


def test_the_same_words_for_several_layers_are_said_once():
    names = [f"body.{i}" for i in range(6)]
    places = [Place("port.py", line, ((line, "x"),), "x") for line in (1, 2)]
    faults = (
        *(Diagnosis(n, "padding.same", "write 1") for n in names),
        Diagnosis("head", "padding.same", "write 2", *places),
        Diagnosis("tail", "padding.same", "write 2"),
    )
    report = Report(tuple(layer(n, WRONG) for n in names), (WRONG,), (), diagnosis=faults)
    said = f"6 layers (body.0, body.1, body.2, body.3 and 2 more): {WRONG.name}: {WRONG.reason}"
    assert report.findings()[0] == said and report.short().count(WRONG.reason) == 2
    for text in (str(report), report.short()):
        assert (
            text.count("cause: 6 layers (body.0, body.1, body.2, body.3 and 2 more): padding.same: write 1")
            == 1
        )
        assert "cause: 2 layers (head, tail): padding.same: write 2" in text
    assert len(json.loads(report.to_json())["diagnosis"]) == 8


def test_reports_on_several_inputs_are_one():
    right = Report((layer("conv", FINE),), (FINE,), (), ("seen twice",), about={"input": "1x3"})
    wrong = Report((layer("conv", WRONG),), (FINE,), ("lost",), ("seen twice",), about={"input": "2x3"})
    assert merged([right]) is right
    both = merged([right, wrong])
    assert (
        not both.ok
        and both.first_divergence == "conv"
        and both.about["input"] == "inputs[0] 1x3; inputs[1] 2x3"
    )
    assert both.problems == ("at inputs[1]: lost",) and both.notes == ("seen twice",)
    assert [v.name for v in both.network] == [f"{FINE.name} at inputs[0]", f"{FINE.name} at inputs[1]"]
    assert any(line.startswith("conv at inputs[1]: ") for line in both.findings())
    assert [label for label, _ in tree(both.layers)] == ["inputs[0]", "conv", "inputs[1]", "conv"]
    names = [case.get("name") for case in ElementTree.fromstring(both.to_junit()).iter("testcase")]
    assert len(set(names)) == len(names)


def test_a_forward_comparison_never_speaks_of_the_network_as_the_same():
    report = Report((layer("conv", FINE),), (FINE,), (), forward_only=True)
    assert report.ok and str(report).splitlines()[0] == (
        "the same forward pass: 1 of 1 layers and the network end to end differ by rounding only; no gradient was compared"
    )
    assert json.loads(report.to_json())["forward_only"]


def test_the_text_names_the_verdict_the_cause_and_not_every_gradient():
    lines = str(BAD).splitlines()
    assert lines[0] == "NOT the same network: 2 of 4 layers agree, the first that does not is body.0.bn"
    assert lines[1:10] == [
        "cause: body.0.bn (model.py:9, port.py:100): batchnorm.eps: write epsilon=1e-5 & <go>",
        "  torch, model.py:9: rsqrt()",
        "       8 | x = f(x)",
        "    >  9 | x = <norm>(x)",
        "      10 |",
        "  Flax, port.py:100, called at port.py:7: add()",
        "       99 |",
        "    > 100 |     y = g(x)",
        "      101 |",
    ]
    assert sum(line.startswith("- network: ") for line in lines) == 4 and "- and 5 more like these" in lines
    assert "- inputs[0] is constant" in lines and "- body.1.conv: y: lost <b>" in lines
    assert any(line.split()[1:2] == ["bn"] and "DIFFERS" in line for line in lines)
    assert str(RIGHT).startswith("the same network: 2 of 2 layers")


def test_the_short_version_keeps_problems_and_causes():
    with pytest.raises(AssertionError) as raised:
        BAD.assert_ok()
    lines = str(raised.value).splitlines()
    assert lines[0] == "the networks differ:" and lines[1].startswith(
        "  body.0.bn: y: 16 of 120 elements differ"
    )
    assert lines[-4:] == [
        f"  {BAD.problems[0]}",
        "  cause: body.0.bn (model.py:9, port.py:100): batchnorm.eps: write epsilon=1e-5 & <go>",
        "    torch  model.py:9  x = <norm>(x)",
        "    Flax   port.py:100  y = g(x)",
    ]
    assert len(lines) == 10
    RIGHT.assert_ok()


def test_heat_shows_where_the_error_is():
    image, channels = WRONG.heat
    assert (channels.axes, channels.shape, channels.cells) == ((0, 1), (2, 3), ((0.0, 4.0, 0.0),) * 2)
    assert image.axes == (2, 3) and np.array_equal(image.cells, np.maximum.reduce(np.abs(OURS) / 0.5, (0, 1)))
    assert not FINE.heat and not judge("y", OURS, OURS, OURS, None).heat
    # A large result becomes small, and no element that is wrong is lost; a vector is a row.
    value = np.zeros((1000, 7))
    ours = value.copy()
    ours[998, 3], ours[1, 0] = np.nan, 1.0
    (heat,) = judge("y", ours, value, value, np.ones(value.shape) / 4).heat
    assert heat.shape == (1000, 7) and len(heat.cells) <= 48
    assert heat.cells[-1][3] == math.inf and heat.cells[0][0] == 4.0 and np.count_nonzero(heat.cells) == 2
    (row,) = judge("y", ours[:2, 0], value[:2, 0], value[:2, 0], None).heat
    assert (row.axes, row.shape, row.cells) == ((0,), (2,), ((0.0, math.inf),))
    assert judge("y", np.ones(()), np.zeros(()), np.zeros(()), None).heat == ()


def test_json_has_the_causes_and_no_pictures():
    data = json.loads(BAD.to_json())
    (fault,) = data["diagnosis"]
    assert (fault["layer"], fault["cause"], fault["fix"]) == (
        "body.0.bn",
        "batchnorm.eps",
        "write epsilon=1e-5 & <go>",
    )
    assert fault["flax"] == {
        "file": "/home/net/port.py",
        "line": 100,
        "excerpt": [[99, ""], [100, "    y = g(x)"], [101, ""]],
        "does": "add()",
        "callers": ["port.py:7"],
    }
    assert (
        "heat" not in data["layers"][2]["verdicts"][0] and data["layers"][3]["verdicts"][0]["ratio"] is None
    )


def test_junit(tmp_path):
    BAD.save_junit(tmp_path / "bad.xml")
    layers, network = ElementTree.parse(tmp_path / "bad.xml").getroot()
    assert [(s.get("name"), s.get("tests"), s.get("failures")) for s in (layers, network)] == [
        ("layers", "4", "2"), ("network", "10", "10"),
    ]  # fmt: skip
    failures = {case.get("name"): case.find("failure") for case in [*layers, *network]}
    assert failures["stem"] is None and failures["body.1.conv"].get("message") == "y: lost <b>"
    assert failures["compared"].text == "inputs[0] is constant"
    # A layer of which nothing was compared is a failure, too; a right report has none.
    empty = Report((layer("a", Verdict("y", True, 0.0, 0.0)),), whole(1, True), ())
    assert 'message="nothing was compared"' in empty.to_junit() and "<failure" not in RIGHT.to_junit()
