"""Whatever a layer is called and an exception says: reports are valid XML and HTML, and move no cursor."""

import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from reports import BAD, RIGHT, layer
from rich.console import Console

from parity._diagnose.hypothesis import Diagnosis
from parity._judge.verdict import failed
from parity._report.text import printable
from parity.suite import report as suite_report
from parity.suite.case import Case
from parity.suite.runner import Result

EVIL = [
    "\x1b[31mred\x1b]0;title\x07",
    "\x9b2J\x00\x08\x0b\x0c\r",
    "half \ud800 of a pair \udfff",
    "\u202eright to left",
    "[red]markup[/red] [link=file:///etc/passwd]x[/link] [/]",
    "a]]><!-- &amp; <b> \"'",
    "back\\[bold]",
    "$\\frac$ $x^{$",
    "\ufffe\uffff",
]


@pytest.mark.share(2)
@pytest.mark.parametrize("evil", EVIL)
def test_reports_are_valid_whatever_the_texts_are(evil, tmp_path):
    report = replace(
        BAD,
        layers=(*BAD.layers, layer(evil, failed(evil, evil))),
        problems=(evil,),
        notes=(evil,),
        diagnosis=(Diagnosis(evil, evil, evil),),
    )
    report.save_junit(tmp_path / "a.xml")
    root = ElementTree.parse(tmp_path / "a.xml").getroot()
    shown = printable(evil)
    names = {case.get("name") for case in root.iter("testcase")}
    assert shown.replace("\n", " ") in names
    report.save_html(tmp_path / "a.html")
    (tmp_path / "a.html").read_text(encoding="utf-8")
    assert evil in [problem for problem in json.loads(report.to_json())["problems"]]
    console = Console(file=io.StringIO(), width=400, color_system=None)
    console.print(report)
    for text in (console.file.getvalue(), str(report), report.short()):
        assert shown in text
        assert printable(text) == text
        text.encode()
    with pytest.raises(AssertionError, match="the networks differ") as error:
        report.assert_ok()
    assert printable(str(error.value)) == str(error.value)


@pytest.mark.parametrize("evil", EVIL)
def test_the_suites_reports_too(evil):
    case = Case(evil, "g", "nnx", "to_flax", "float32", (1,), ())
    results = [Result(case, (failed(evil, evil),), 0.1)]
    console = Console(file=io.StringIO(), width=400, color_system=None)
    suite_report.print_results(results, {"device": evil}, 1.0, console)
    assert printable(console.file.getvalue()) == console.file.getvalue()
    assert printable(evil) in console.file.getvalue()


def test_text_that_is_fine_stays():
    assert printable("tab\t line\n ünïcode 日本 😀") == "tab\t line\n ünïcode 日本 😀"
    assert RIGHT.to_junit().startswith("<?xml version='1.0' encoding='utf-8'?>\n<testsuites")
    assert np.all([printable(e) != e for e in EVIL[:4]])
