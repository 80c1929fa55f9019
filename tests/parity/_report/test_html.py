import base64
import html
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from reports import BAD, FINE, RIGHT

from parity._judge.verdict import Verdict, judge
from parity._report.axes import names
from parity._report.report import LayerReport, Report


class Page(HTMLParser):
    """What a page shows, what it refers to, and whether its tags are closed."""

    CLOSED = (
        "div",
        "header",
        "main",
        "section",
        "details",
        "summary",
        "table",
        "tbody",
        "body",
        "ul",
        "h2",
        "script",
    )

    def __init__(self, text):
        super().__init__()
        self.words, self.links, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("src", "href", "srcset")]
        if tag in self.CLOSED:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.CLOSED:
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
    order += ["lost <b>", "16 of 120 elements differ", "grad.8", "no partner", "a note"]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    # One plot of all layers, and one heat map: of the layer that can be drawn.
    assert len(images) == 2
    for image in images:
        ElementTree.fromstring(image)
    assert "body.0.bn" in images[0] and "end to end" in images[0]
    assert images[1].index("height") < images[1].index("channel") and "dimension" not in images[1]


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
    assert text.count("layer0") >= 1 and len(images) == 1  # NaN everywhere
    if count == 100:
        assert re.search(r"38 more layers differ", text)


def test_the_worst_layer_is_first_and_can_be_found(tmp_path):
    ratios = {"early": 3.0, "fine": 0.5, "late": 7e5, "exact": 0.0}
    layers = [
        LayerReport(name, "Conv2d", (), (), (Verdict("y", r <= 1, r, 0.1, 3),)) for name, r in ratios.items()
    ]
    Report(tuple(layers), (FINE,), ()).save_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    table = page.partition('class="layers"')[2].partition("</table>")[0]
    assert re.findall(r'<tr class="(\w+)" data-name="(\w+) Conv2d"><td class="n">(\d)', table) == [
        ("bad", "late", "3"),
        ("bad", "early", "1"),
        ("ok", "fine", "2"),
        ("ok", "exact", "4"),
    ]
    assert page.index('<details data-name="late') < page.index('<details data-name="early')


def test_every_table_says_its_headings_and_every_picture_has_words(tmp_path):
    BAD.save_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert all('scope="' in tag for tag in re.findall(r"<th\b[^>]*>", page))
    assert all('alt="' in tag for tag in re.findall(r"<img\b[^>]*>", page))
    assert all("aria-label" in tag for tag in re.findall(r'<div class="wide"[^>]*>', page))


def test_a_result_that_is_wrong_everywhere_has_no_picture(tmp_path):
    value = np.zeros((2, 3, 5, 4))
    wrong = judge("y", value + 1, value, value, np.full(value.shape, 0.5))
    layer = LayerReport("a", "Conv2d", (), (), (wrong,))
    text, images = saved(Report((layer,), (FINE,), ()), tmp_path)
    assert len(images) == 1 and "spread over all of these results, so there is no picture: y." in text


@pytest.mark.parametrize(
    ("kind", "result", "ndim", "expected"),
    [
        ("Conv2d", "y", 4, "batch channel height width"),
        ("Conv2d", "grad.input", 3, "channel height width"),
        ("Conv1d", "y", 3, "batch channel width"),
        ("MaxPool3d", "indices", 5, "batch channel depth height width"),
        ("Conv2d", "grad.weight", 4, "output channel,input channel,kernel height,kernel width"),
        ("ConvTranspose1d", "grad.weight", 3, "input channel,output channel,kernel width"),
        ("BatchNorm2d", "buffer.running_mean", 1, "channel"),
        ("BatchNorm1d", "y", 2, "batch channel"),
        ("Linear", "y", 2, "batch feature"),
        ("Linear", "grad.weight", 2, "output feature,input feature"),
        ("Mine", "y", 4, "batch channel height width"),
        ("Mine", "y", 2, "dimension 0,dimension 1"),
        ("LayerNorm", "y", 3, "dimension 0,dimension 1,dimension 2"),
        ("Conv2d", "grad.extra", 2, "dimension 0,dimension 1"),
    ],
)
def test_dimensions_have_torch_s_names(kind, result, ndim, expected):
    assert names(kind, result, ndim) == tuple(expected.split("," if "," in expected else " "))
