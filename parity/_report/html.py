"""`Report.save_html`: one file with the figures inside."""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jinja2
import matplotlib
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from parity._judge.verdict import Heat
from parity._report import axes, excerpt, hidden
from parity._report.layers import LayerReport, rows
from parity._report.text import printable

_DRAWN = 12
"""How many of the layers that differ get heat maps."""
_LABELS = 60
"""How many layers can be named below the plot."""
_LEAST, _MOST = 1e-4, 1e12
"""The plot's ends: exact results stand on the lower one, infinite errors and missing results on the upper one."""
_ALIKE = 10
"""A picture in which every element is wrong is drawn if the worst is more than this many times the best."""
_RED, _GREEN, _GREY = "#c62828", "#2e7d32", "#78909c"


class _Panel(NamedTuple):
    """One heat map: the result's name, the errors, and the names of the dimensions shown."""

    name: str
    heat: Heat
    axes: tuple[str, ...]


class _Differs(NamedTuple):
    """What the page shows of a layer that differs."""

    layer: LayerReport
    picture: str | None
    everywhere: list[str]


def to_html(report: Any) -> str:
    """The whole report (a `Report`, which calls this) as HTML that refers to no other file."""
    # A page is not a place to run what a layer's name or an exception says.
    page = jinja2.Environment(
        loader=jinja2.PackageLoader("parity._report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page.filters |= {"ratio": _ratio, "shape": lambda shape: "x".join(map(str, shape)) or "scalar"}
    page.filters["sides"] = excerpt.sides
    layers = sorted(enumerate(rows(report.layers), 1), key=lambda pair: _badness(pair[1]), reverse=True)
    differing = [layer for _, layer in layers if not layer.ok]
    return page.get_template("report.html").render(
        report=report,
        headline=report.short().partition("\n")[0],
        rows=layers,
        plot=_svg(_ratios(report)),
        differing=[_shown(layer) for layer in differing[:_DRAWN]],
        more=max(0, len(differing) - _DRAWN),
        agrees=all(v.ok for v in report.network),
        hidden=list(hidden.lines(report.hidden)),
        trained=all(v.ok for v in report.training),
    )


def _badness(layer: LayerReport) -> tuple[bool, float]:
    """Orders layers: those that differ after all others, and a larger error after a smaller one."""
    return (not layer.ok, _worst([v.ratio for v in layer.verdicts]) if not layer.unjudged else 0.0)


def _shown(layer: LayerReport) -> _Differs:
    panels, everywhere = _panels(layer)
    return _Differs(layer, _svg(_heat_maps(panels)) if panels else None, everywhere)


def _ratio(value: float) -> str:
    return "-" if math.isnan(value) else "exact" if value == 0 else f"{value:.2g}"


def _svg(figure: Figure) -> str:
    written = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "parity"}):
        figure.savefig(written, format="svg", metadata={"Date": None}, transparent=True)
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


def _panels(layer: LayerReport) -> tuple[list[_Panel], list[str]]:
    """The heat maps worth drawing, the image plane of each result first, and the results that are wrong everywhere."""
    panels, everywhere = [], []
    for verdict in layer.verdicts:
        ndim = max((max(heat.axes) for heat in verdict.heat), default=-1) + 1
        named = axes.names(layer.kind, verdict.name, ndim)
        telling = [heat for heat in verdict.heat if _says_where(heat)]
        panels += [_Panel(verdict.name, heat, tuple(named[i] for i in heat.axes)) for heat in telling]
        if verdict.heat and not telling:
            everywhere.append(verdict.name)
    return panels, everywhere


def _says_where(heat: Heat) -> bool:
    """Whether some of a picture's cells are right, or clearly less wrong than others."""
    cells = [min(cell, _MOST) for row in heat.cells for cell in row]
    return min(cells) <= 1 or max(cells) > _ALIKE * min(cells)


def _heat_maps(panels: Sequence[_Panel]) -> Figure:
    """Where in a layer's results the error is: one panel for each pair of dimensions, grey within its bound."""
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(2.8 * columns + 0.8, 2.5 * rows), layout="constrained")
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    finite = [c for panel in panels for row in panel.heat.cells for c in row if math.isfinite(c)]
    colours = matplotlib.colormaps["YlOrRd"].with_extremes(under="#eceff1", over="black")
    norm = LogNorm(1, max([10.0, *finite]))
    for plot in grid.flat[len(panels) :]:
        plot.set_visible(False)
    for plot, (name, heat, named) in zip(grid.flat, panels, strict=False):
        height, width = heat.shape if len(heat.shape) == 2 else (1, *heat.shape)
        # 0 has no logarithm: anything below 1 is grey.
        cells = np.maximum(np.array(heat.cells), 1e-3)
        drawn = plot.imshow(
            cells,
            cmap=colours,
            norm=norm,
            aspect="auto",
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            interpolation="nearest",
        )
        plot.set_title(printable(name), fontsize=9, parse_math=False)
        plot.set_xlabel(named[-1], fontsize=8)
        plot.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        if len(named) == 2:
            plot.set_ylabel(named[0], fontsize=8)
            plot.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        else:
            plot.set_yticks([])
        plot.tick_params(labelsize=7)
    bar = figure.colorbar(drawn, ax=grid, extend="both", fraction=0.05)
    bar.set_label("error / bound", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure
