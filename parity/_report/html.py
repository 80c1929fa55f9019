"""`Report.save_html`: one file with the figures inside."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import jinja2
import matplotlib
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from parity._judge.verdict import Heat, Verdict
from parity._report import excerpt
from parity._report.layers import LayerReport, rows, tree
from parity._report.text import printable

_DRAWN = 12
"""How many of the layers that differ get heat maps."""
_LABELS = 60
"""How many layers can be named below the plot."""
_LEAST, _MOST = 1e-4, 1e12
"""The plot's ends: exact results stand on the lower one, infinite errors and missing results on the upper one."""
_RED, _GREEN, _GREY = "#c62828", "#2e7d32", "#78909c"


def to_html(report: Any) -> str:
    """The whole report (a `Report`, which calls this) as HTML that refers to no other file."""
    # A page is not a place to run what a layer's name or an exception says.
    page = jinja2.Environment(
        loader=jinja2.PackageLoader("parity._report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page.filters |= {"ratio": _ratio, "shape": lambda shape: "x".join(map(str, shape)) or "scalar"}
    page.filters["sides"] = excerpt.sides
    layers = rows(report.layers)
    differing = [layer for layer in layers if not layer.ok]
    figures = [_svg(_heat_maps(layer)) if _heats(layer) else None for layer in differing[:_DRAWN]]
    return page.get_template("report.html").render(
        report=report,
        headline=report.short().partition("\n")[0],
        rows=list(tree(layers)),
        count=len(layers),
        plot=_svg(_ratios(report)),
        differing=list(zip(differing, figures, strict=False)),
        more=max(0, len(differing) - _DRAWN),
        agrees=all(v.ok for v in report.network),
        trained=all(v.ok for v in report.training),
    )


def _ratio(value: float) -> str:
    return "-" if math.isnan(value) else "exact" if value == 0 else f"{value:.2g}"


def _svg(figure: Figure) -> str:
    written = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "parity"}):
        figure.savefig(written, format="svg", metadata={"Date": None})
    # As an image, so that the ids of several figures do not meet.
    return "data:image/svg+xml;base64," + base64.b64encode(written.getvalue()).decode()


def _ratios(report: Any) -> Figure:
    """Every layer's error in units of its bound, ours and torch's; the whole network's on the right."""
    layers = rows(report.layers)
    names = [printable(layer.shown) for layer in layers] + ["end to end"]
    groups = [layer.verdicts for layer in layers] + [report.network]
    fine = [layer.ok for layer in layers] + [all(v.ok for v in report.network)]
    ours = [_worst([v.ratio for v in group]) for group in groups]
    theirs = [_worst([v.torch_ratio for v in group]) for group in groups]
    count = len(names)
    # A bar's lower end on a log scale means nothing: points.
    figure = Figure(figsize=(max(7, min(14, 2.5 + 0.3 * count)), 4), layout="constrained")
    axes = figure.add_subplot()
    shown = [r for r in [*ours, *theirs] if _LEAST < r < _MOST]
    low, high = min([1e-2, *shown]) / 2, max([10, *shown]) * 3
    x = np.arange(count)
    axes.axhspan(1, high * 10, color=_RED, alpha=0.06)
    axes.axhline(1, color=_RED, linewidth=1)
    axes.scatter(x, np.clip(theirs, low, high), 42, facecolors="none", edgecolors=_GREY, label="torch")
    for ok, color, label in (
        (True, _GREEN, "Flax, within its bound"),
        (False, _RED, "Flax, outside its bound"),
    ):
        chosen = [i for i in range(count) if fine[i] is ok]
        if chosen:
            axes.scatter(
                chosen, np.clip([ours[i] for i in chosen], low, high), 20, color=color, label=label, zorder=3
            )
    axes.set_yscale("log")
    axes.set_ylim(low / 1.5, high * 1.5)
    axes.set_xlim(-0.7, count - 0.3)
    axes.axvline(count - 1.5, color=_GREY, linewidth=0.8, linestyle=":")
    step = -(-count // _LABELS)
    named = [i for i in range(count) if i % step == 0 or not fine[i] or i == count - 1]
    if len(named) > 2 * _LABELS:
        named = [i for i in range(count) if i % step == 0 or i == count - 1]
    axes.set_xticks(named, [names[i] for i in named], rotation=90, fontsize=8, parse_math=False)
    for tick, i in zip(axes.get_xticklabels(), named, strict=True):
        tick.set_color("black" if fine[i] else _RED)
    axes.set_ylabel("error / rounding bound")
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper right", ncols=3, frameon=False, fontsize=8)
    return figure


def _worst(ratios: Sequence[float]) -> float:
    """What cannot be compared is drawn at the top."""
    found = [_MOST if math.isnan(r) else min(r, _MOST) for r in ratios]
    return max(max(found, default=_MOST), _LEAST)


def _heats(layer: LayerReport) -> list[tuple[Verdict, Heat]]:
    return [(verdict, heat) for verdict in layer.verdicts for heat in verdict.heat]


def _heat_maps(layer: LayerReport) -> Figure:
    """Where in a layer's results the error is: one panel for each pair of dimensions, grey within its bound."""
    panels = _heats(layer)
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(2.8 * columns + 0.8, 2.5 * rows), layout="constrained")
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    finite = [c for _, heat in panels for row in heat.cells for c in row if math.isfinite(c)]
    colours = matplotlib.colormaps["YlOrRd"].with_extremes(under="#eceff1", over="black")
    norm = LogNorm(1, max([10.0, *finite]))
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (verdict, heat) in zip(grid.flat, panels, strict=False):
        height, width = heat.shape if len(heat.shape) == 2 else (1, *heat.shape)
        # 0 has no logarithm: anything below 1 is grey.
        cells = np.maximum(np.array(heat.cells), 1e-3)
        drawn = axes.imshow(
            cells,
            cmap=colours,
            norm=norm,
            aspect="auto",
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            interpolation="nearest",
        )
        axes.set_title(printable(verdict.name), fontsize=9, parse_math=False)
        axes.set_xlabel(f"dimension {heat.axes[-1]}", fontsize=8)
        axes.set_ylabel(f"dimension {heat.axes[0]}" if len(heat.axes) == 2 else "", fontsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.tick_params(labelsize=7)
    bar = figure.colorbar(drawn, ax=grid, extend="both", fraction=0.05)
    bar.set_label("error / bound", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure
