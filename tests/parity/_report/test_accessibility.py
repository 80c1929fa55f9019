"""What a keyboard and a screen reader need of the HTML page, and the contrast of its colours."""

import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from reports import BAD, FINE, RIGHT

from parity._judge.verdict import Verdict
from parity._report.html import to_html
from parity._torch.unseen import KINDS, Unseen

TRAINED = replace(
    RIGHT,
    training=(Verdict("step1.loss", True, 0.5, 0.2, 1), FINE),
    hidden=(Unseen(next(iter(KINDS)), "a"),),
    probes={"another size": True},
    about={"input": "float32 2x3"},
    notes=("a note",),
)
PAGES = {"right": RIGHT, "bad": BAD, "trained": TRAINED, "bad with all": replace(BAD, about=TRAINED.about)}


class Page(HTMLParser):
    """The faults of a page."""

    def __init__(self, text):
        super().__init__()
        self.faults, self.levels, self.inside = [], [], []
        self.captions = self.tables = 0
        self.feed(text)
        if self.levels[:1] != [1] or self.levels.count(1) != 1:
            self.faults.append("the first heading, and no other, must be an h1")
        if any(after - before > 1 for before, after in itertools.pairwise(self.levels)):
            self.faults.append(f"a level of headings is left out: {self.levels}")
        if self.captions != self.tables:
            self.faults.append(f"{self.tables} tables have {self.captions} captions")

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in ("label", "caption", "button", "summary"):
            self.inside.append(tag)
        if heading := re.fullmatch(r"h(\d)", tag):
            self.levels.append(int(heading[1]))
        self.tables += tag == "table"
        missing = {
            "html": given.get("lang"),
            "th": given.get("scope"),
            "img": given.get("alt"),
            "input": "label" in self.inside or given.get("aria-label"),
        }
        if not missing.get(tag, True):
            self.faults.append(f"<{tag}> at line {self.getpos()[0]} lacks its words")
        if given.get("role") == "region" and not given.get("aria-label"):
            self.faults.append(f"the region at line {self.getpos()[0]} has no name")
        if given.get("class") == "wide" and given.get("tabindex") != "0":
            self.faults.append("a keyboard cannot scroll a wide region")

    def handle_data(self, data):
        self.captions += self.inside[-1:] == ["caption"] and bool(data.strip())

    def handle_endtag(self, tag):
        if self.inside[-1:] == [tag]:
            self.inside.pop()


@pytest.mark.parametrize("name", PAGES)
def test_names_headings_and_captions(name):
    assert Page(to_html(PAGES[name])).faults == []


def test_a_page_with_faults_is_caught():
    page = (
        '<html><h1>a</h1><h3>b</h3><table><caption></caption><tr><th>c</table><img src="d"><input type="search">'
        '<div class="wide" role="region" aria-label=""></div></html>'
    )
    assert len(Page(page).faults) == 8


def luminance(colour):
    digits = colour if len(colour) == 6 else "".join(2 * d for d in colour)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a, b):
    """WCAG 2.2's contrast ratio."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard():
    assert round(contrast("fff", "000000"), 2) == 21 and round(contrast("777777", "fff"), 2) == 4.48


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(theme):
    """4.5 for text, and 3 for what shows the focus: WCAG 2.2, success criteria 1.4.3 and 1.4.11."""
    roots = re.findall(r":root \{([^}]*)\}", to_html(RIGHT))
    assert len(roots) == 2
    colours = dict(re.findall(r"--(\w+): #([0-9a-f]+);", roots[theme]))
    on = {"page": ("text", "quiet", "bad"), "goodly": ("text",), "badly": ("text",), "marked": ("text",)}
    for page, texts in on.items():
        for text in texts:
            assert contrast(colours[page], colours[text]) >= 4.5, (page, text)
    assert contrast(colours["page"], colours["cause"]) >= 3
