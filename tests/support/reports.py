"""A right and a wrong report, for the tests of what is made of them."""

import numpy as np

from parity._diagnose.hypothesis import Diagnosis, Place
from parity._judge.verdict import Verdict, failed, judge
from parity._pairing.match import Entry
from parity._report.report import LayerReport, Report

FINE = Verdict("y", True, 0.5, 0.25, 10)
# A border of 1 that is off, in the second of three channels.
VALUE = np.zeros((2, 3, 5, 4))
OURS = VALUE.copy()
OURS[:, 1, 0] = OURS[:, 1, :, -1] = 2.0
WRONG = judge("y", OURS.astype(np.float32), VALUE.astype(np.float32), VALUE, np.full(VALUE.shape, 0.5))


def layer(name, *verdicts):
    return LayerReport(name, "Conv2d", (2, 3, 5, 4), (2, 3, 5, 4), verdicts)


def whole(count, ok):
    return tuple(
        Verdict(f"grad.{i}", ok, 0.5 if ok else 9.0, 0.25, 7, reason="" if ok else "far")
        for i in range(count)
    )


RIGHT = Report(
    (layer("a", FINE), layer("b.0", FINE)), whole(2, True), (), ledger=(Entry("a.w", "a.k", "transposed"),)
)
BAD = Report(
    (layer("stem", FINE), layer("body.0.conv", FINE), layer("body.0.bn", WRONG), layer("body.1.conv", failed("y", "lost <b>"))),
    whole(9, False),
    ("inputs[0] is constant",),
    ("a note",),
    (Entry("a.w", None, "no partner"),),
    (
        Diagnosis(
            "body.0.bn", "batchnorm.eps", "write epsilon=1e-5 & <go>",
            Place("/home/net/model.py", 9, ((8, "x = f(x)"), (9, "x = <norm>(x)"), (10, "")), "rsqrt()"),
            Place("/home/net/port.py", 100, ((99, ""), (100, "    y = g(x)"), (101, "")), "add()", ("port.py:7",)),
        ),
    ),
)  # fmt: skip
