"""JUnit XML, which CI systems show as test results."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from parity._report.text import printable


class TestCase(NamedTuple):
    """What was compared under one name.

    Attributes:
        name: in its test suite.
        ok: whether it agrees.
        reasons: why it does not.
    """

    name: str
    ok: bool
    reasons: Sequence[str]


def document(suites: Mapping[str, Sequence[TestCase]]) -> str:
    """Returns an XML document, to be written as UTF-8, of the test suites by name."""
    root = ElementTree.Element("testsuites", name="parity")
    for name, cases in suites.items():
        failures = sum(not case.ok for case in cases)
        suite = ElementTree.SubElement(
            root, "testsuite", name=name, tests=str(len(cases)), failures=str(failures)
        )
        for case in cases:
            element = ElementTree.SubElement(suite, "testcase", {"classname": name, "name": case.name})
            if not case.ok:
                reasons = case.reasons or ["nothing was compared"]
                ElementTree.SubElement(element, "failure", message=reasons[0]).text = "\n".join(reasons)
    for element in root.iter():
        element.text = None if element.text is None else printable(element.text)
        for key, value in element.items():
            element.set(key, printable(value))
    ElementTree.indent(root)
    return "<?xml version='1.0' encoding='utf-8'?>\n" + ElementTree.tostring(root, encoding="unicode")
