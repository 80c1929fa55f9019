import base64
import html
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from reports import BAD, FINE, RIGHT

from parity._judge.verdict import Verdict, judge
from parity._report.report import LayerReport, Report


class Page(HTMLParser):
    """What a page shows, what it refers to, and whether its tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.words, self.links, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("src", "href", "srcset")]
        if tag in ("div", "header", "details", "table", "body", "ul", "h2", "h3", "script"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in ("div", "header", "details", "table", "body", "ul", "h2", "h3"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def pictures(page):
    return [base64.b64decode(link.partition("base64,")[2]).decode() for link in page.links]


def saved(report, tmp_path):
    report.save_html(tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    assert not page.open and all(link.startswith("data:image/svg+xml;base64,") for link in page.links)
    return " ".join(" ".join(page.words).split()), pictures(page)


def test_verdict_and_cause_come_first_and_everything_is_there(tmp_path):
    text, images = saved(BAD, tmp_path)
    order = [
        "NOT the same network: 2 of 4 layers agree",
        "write epsilon=1e-5 & <go>",
        "model.py:9 : rsqrt()",
        "9 x = <norm>(x)",
        "port.py:100 , called at port.py:7 : add()",
        "inputs[0] is constant",
    ]
    order += ["16 of 120 elements differ", "lost <b>", "grad.8", "no partner", "a note"]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    # One plot of all layers, and one heat map: of the layer that can be drawn.
    assert len(images) == 2
    for image in images:
        ElementTree.fromstring(image)
    assert "body.0.bn" in images[0] and "end to end" in images[0] and "dimension 3" in images[1]


def test_a_right_network_has_no_heat_maps(tmp_path):
    text, images = saved(RIGHT, tmp_path)
    assert "NOT" not in text and "DIFFERS" not in text and len(images) == 1


def test_a_notebook_shows_the_page_in_a_frame_that_runs_nothing(tmp_path):
    BAD.save_html(tmp_path / "report.html")
    frame = BAD._repr_html_()
    (attributes,) = re.findall(r"<iframe (.*)></iframe>", frame, re.DOTALL)
    assert attributes.startswith("sandbox srcdoc=") and frame.count('"') == 4  # the page is within the quotes
    shown = Page(html.unescape(attributes.partition('srcdoc="')[2].partition('"')[0]))
    assert shown.words == Page((tmp_path / "report.html").read_text()).words


@pytest.mark.parametrize("count", [1, 100])
def test_any_number_of_layers_and_any_ratio(count, tmp_path):
    wrong = judge("y", np.full(3, np.nan), np.zeros(3), np.zeros(3), None)
    kinds = [FINE, Verdict("y", True, 0.0, 0.0, 3), Verdict("y", True, np.nan, np.nan), wrong]
    layers = [LayerReport(f"layer{i}", "Conv2d", (), (), (kinds[-1 - i % 4],)) for i in range(count)]
    text, images = saved(Report(tuple(layers), (FINE,), ()), tmp_path)
    assert text.count("layer0") >= 1 and len(images) == 1 + min(count, 6 if count == 100 else 1)
    if count == 100:
        assert re.search(r"38 more layers differ", text)
