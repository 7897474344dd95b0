"""Figures of a report, drawn from the data that its sections keep, in colours that suit a light and a dark page."""

from __future__ import annotations

import re
import warnings
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.report.figures import OTHERS, OURS, plain
from reprise.report.figures import svg as report_svg
from reprise.workbench.figures import plain_text
from reprise.workbench.inspection.contract import Bars, Estimate, Figure, Heat, Lines, Pair, Points, Series
from reprise.workbench.inspection.wording import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

# Colours that stand for the page's own, and are replaced by them in the SVG.
_INK, _GRID, _GREY = "#010203", "#040506", "#070809"
_OF_THE_PAGE = {_INK: "var(--ink)", _GRID: "var(--line)", _GREY: "var(--grey)", OURS.lower(): "var(--accent)"}
_PALETTE = (OURS, "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", *OTHERS[6:])
_DASHES = ("-", "-", "-", "-", "--", "--", "--", "--", "--")
_COLOUR_MAP = "viridis"
_WIDTH = 7.2
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "reprise",
    "font.size": 10,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.labelcolor": _INK,
    "grid.color": _GRID,
}


def svg(figure: Figure) -> str:
    """Draw a figure as an SVG element with a name for readers who do not see it; all its text is text."""
    import matplotlib as mpl

    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's browser has the fonts
        text = report_svg(_drawn(figure))
    for stand_in, colour in _OF_THE_PAGE.items():
        text = text.replace(stand_in, colour)
    label = escape(f"{figure.title}. {figure.caption}", quote=True)
    return re.sub(r"<svg ", f'<svg role="img" aria-label="{label}" ', text, count=1)


def _drawn(figure: Figure) -> Drawing:
    match figure:
        case Lines():
            return _lines(figure)
        case Heat():
            return _heat(figure)
        case Bars():
            return _bars(figure)
        case Points():
            return _points(figure)
        case Pair():
            return _pair(figure)


def _one(width: float, height: float) -> tuple[Drawing, Axes]:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(width, height), layout="constrained")
    axes = canvas.subplots()
    plain(axes)
    return canvas, axes


def _lines(figure: Lines) -> Drawing:
    canvas, axes = _one(_WIDTH, 3.9)
    ours = [series for series in figure.series if not series.control]
    for series in figure.series:
        place = ours.index(series) if series in ours else -1
        _curve(axes, series, _GREY if place < 0 else _PALETTE[place % len(_PALETTE)], place)
    if figure.level is not None:
        axes.axhline(figure.level, color=_INK, linewidth=0.9, linestyle="--")
    if figure.whole_x:
        axes.locator_params(axis="x", integer=True)
    axes.set_xlabel(figure.x)
    axes.set_ylabel(figure.y)
    axes.grid(linewidth=0.6)
    axes.set_axisbelow(True)
    if len(figure.series) > 1:
        axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
    return canvas


def _curve(axes: Axes, series: Series, colour: str, place: int) -> None:
    dashes = "-" if place < 0 else _DASHES[place % len(_DASHES)]
    axes.plot(
        series.x,
        series.y,
        color=colour,
        linestyle=dashes,
        linewidth=2.2 if place == 0 else 1.7,
        marker="o",
        markersize=3.5 if len(series.x) <= 16 else 0,
        label=plain_text(series.name, 40),
    )
    if series.low and series.high:
        axes.fill_between(series.x, series.low, series.high, color=colour, alpha=0.15, linewidth=0)


def _heat(figure: Heat) -> Drawing:
    from matplotlib.patches import Rectangle

    values = np.array(figure.values)
    rows, columns = values.shape
    canvas, axes = _one(min(_WIDTH + 1.5, 2.6 + 0.26 * max(columns, 12)), 1.5 + 0.24 * min(max(rows, 5), 40))
    mesh = axes.pcolormesh(values, cmap=_COLOUR_MAP, rasterized=rows * columns > 2000)
    for row, column in figure.marked:
        axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor="#ff5a36", linewidth=2))
    axes.invert_yaxis()
    for axis, count in ((axes.xaxis, columns), (axes.yaxis, rows)):
        step = max(1, -(-count // 16))
        axis.set_ticks(np.arange(0, count, step) + 0.5, [str(place) for place in range(0, count, step)])
    axes.set_xlabel(figure.x)
    axes.set_ylabel(figure.y)
    for spine in axes.spines.values():
        spine.set_visible(False)
    canvas.colorbar(mesh, ax=axes, pad=0.015, label=figure.colour).outline.set_visible(False)
    return canvas


def _bars(figure: Bars) -> Drawing:
    canvas, axes = _one(_WIDTH, 0.9 + 0.36 * len(figure.names))
    for place, (name, value) in enumerate(zip(figure.names, figure.values, strict=True)):
        axes.barh(place, value.value, height=0.62, color=_GREY if name in figure.controls else OURS)
        if value.low is not None and value.high is not None:
            axes.plot([value.low, value.high], [place, place], color=_INK, linewidth=1.5, solid_capstyle="round")
        _label(axes, place, value)
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks(range(len(figure.names)), [plain_text(name, 40) for name in figure.names])
    axes.set_ylim(len(figure.names) - 0.5, -0.5)
    axes.set_xlabel(figure.x)
    axes.margins(x=0.14)
    axes.grid(axis="x", linewidth=0.6)
    axes.set_axisbelow(True)
    return canvas


def _label(axes: Axes, place: int, value: Estimate) -> None:
    edge = max(value.value, value.high or 0.0, 0.0)
    axes.annotate(number(value.value), (edge, place), xytext=(4, 0), textcoords="offset points", va="center", size=9)


def _points(figure: Points) -> Drawing:
    canvas, axes = _one(_WIDTH, 4.6)
    _scattered(axes, figure)
    return canvas


def _pair(figure: Pair) -> Drawing:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(1.2 + 3.9 * len(figure.panels), 4.2), layout="constrained")
    for axes, panel in zip(canvas.subplots(1, len(figure.panels), squeeze=False)[0], figure.panels, strict=True):
        plain(axes)
        axes.set_title(plain_text(panel.title, 50), fontsize=10, loc="left")
        _scattered(axes, panel)
    return canvas


def _scattered(axes: Axes, figure: Points) -> None:
    at = np.array(figure.at, dtype=float).reshape(-1, 2)
    for start, end in figure.edges:
        axes.plot(*at[[start, end]].T, color=_GREY, linewidth=1.1, zorder=1)
    if figure.diagonal and len(at):
        low, high = max(at.min(0)), min(at.max(0))
        axes.plot([low, high], [low, high], color=_INK, linewidth=0.8)
    style: dict[str, Any] = {"s": 26 if len(at) < 400 else 9, "alpha": 0.85, "linewidths": 0, "zorder": 2}
    kinds = figure.colour.split(", ") if figure.colour else []
    if figure.colours and len(kinds) > 1:
        for place, kind in enumerate(kinds):
            mine = at[np.array(figure.colours) == place]
            axes.scatter(mine[:, 0], mine[:, 1], color=_PALETTE[place], label=plain_text(kind), **style)
        axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    elif figure.colours:
        drawn = axes.scatter(at[:, 0], at[:, 1], c=figure.colours, cmap=_COLOUR_MAP, **style)
        axes.figure.colorbar(drawn, ax=axes, pad=0.015, label=figure.colour).outline.set_visible(False)
    else:
        axes.scatter(at[:, 0], at[:, 1], color=OURS, **style)
    for name, (x, y) in zip(figure.names, at, strict=False):
        if name:
            axes.annotate(
                plain_text(name, 30), (x, y), xytext=(4, 3), textcoords="offset points", size=8, clip_on=False, zorder=3
            )
    axes.margins(0.08)
    axes.set_xlabel(figure.x)
    axes.set_ylabel(figure.y)
    axes.grid(linewidth=0.6)
    axes.set_axisbelow(True)
