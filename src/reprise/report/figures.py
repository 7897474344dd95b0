"""One figure code for every paper: distributions, paired differences, curves and heat maps, from measurements alone."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reprise.claim import Interval, mean_interval
from reprise.claim.crossed import group_means, shared
from reprise.claim.units import differences, labels
from reprise.errors import InvalidInputError
from reprise.report.summary import MetricSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart by readers of all kinds of colour vision; ours takes the first.
OURS = "#0072B2"
OTHERS = ("#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#999999", "#B8A800", "#555555")
_INK = "#333333"
_ROW_INCHES, _PANEL_INCHES = 0.42, 5.2
_MAX_ITEMS = 60
_LOG_SPAN = 8.0  # x values that span more than this factor are drawn on a logarithmic axis


class Difference(NamedTuple):
    """Ours against a baseline as a claim compares them: a value each unit, positive in favour, and their mean."""

    ours: str
    baseline: str
    x: float | None
    unit: str
    values: np.ndarray
    mean: Interval
    margins: set[float]


def metric_figure(summary: MetricSummary) -> Figure:
    """Draw all that was measured of one metric.

    Curves over x where x was varied, otherwise every seed's value with mean and interval for each arm; beside them the
    paired differences that the claims speak of, a dot a unit, with zero and the claims' margins; below, a heat map of
    arms by items where several arms were measured on the same items.
    """
    from matplotlib.figure import Figure

    claimed = _claimed_differences(summary)
    heat = _has_heat(summary)
    columns = 2 if claimed else 1
    rows = max(len(summary.arms), len(claimed), 3)
    height = max(3.6, _ROW_INCHES * rows + 1.2) if summary.xs else _ROW_INCHES * rows + 1.2
    heat_height = _ROW_INCHES * 0.8 * len(summary.arms) + 1.6 if heat else 0.0
    figure = Figure(figsize=(_PANEL_INCHES * columns + 1.2, height + heat_height), layout="constrained")
    grid = figure.add_gridspec(1 + heat, columns, height_ratios=[height, heat_height][: 1 + heat])
    colours = _colours(summary)
    main = figure.add_subplot(grid[0, 0])
    if len(summary.xs) > 1:
        _curves(main, summary, colours)
    else:
        _distributions(main, summary, colours)
    if claimed:
        _differences(figure.add_subplot(grid[0, 1]), summary, claimed, colours)
    if heat:
        _heat_map(figure.add_subplot(grid[1, :]), summary)
    return figure


def svg(figure: Figure) -> str:
    """Give a figure as an SVG element to put in a page."""
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none"}):  # text stays text: it can be searched and read aloud
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _colours(summary: MetricSummary) -> dict[str, str]:
    ours = [arm for arm in summary.arms if arm in summary.ours]
    others = [arm for arm in summary.arms if arm not in summary.ours]
    colours = {arm: OTHERS[i % len(OTHERS)] for i, arm in enumerate(ours[1:] + others)}
    return dict.fromkeys(ours[:1], OURS) | colours


def _label(summary: MetricSummary) -> str:
    unit = f" ({summary.unit})" if summary.unit else ""
    better = f", {summary.better} is better" if summary.better else ""
    return f"{summary.metric}{unit}{better}"


def _distributions(axes: Axes, summary: MetricSummary, colours: dict[str, str]) -> None:
    x = summary.xs[0] if summary.xs else None
    for row, arm in enumerate(summary.arms):
        values = summary.values.get((arm, x), summary.values.get((arm, None)))
        if values is None:
            continue
        _dots(axes, row, values, colours[arm])
    _rows(axes, summary.arms)
    axes.set_xlabel(_label(summary))


def _differences(axes: Axes, summary: MetricSummary, rows: list[Difference], colours: dict[str, str]) -> None:
    names = []
    for place, row in enumerate(rows):
        _dots(axes, place, row.values, colours[row.baseline], row.mean)
        for margin in row.margins - {0.0}:
            axes.plot([margin, margin], [place - 0.4, place + 0.4], color=_INK, linestyle="--", linewidth=1)
        at = "" if row.x is None else f", x = {row.x:g}"
        names.append(f"{row.ours} against {row.baseline}{at}, by {row.unit}")
    axes.axvline(0, color=_INK, linewidth=0.8)
    _rows(axes, names)
    dashed = " (dashed: margin)" if any(row.margins - {0.0} for row in rows) else ""
    axes.set_xlabel(f"paired difference in {summary.metric}, right: in favour{dashed}")


def _dots(axes: Axes, row: int, values: np.ndarray, colour: str, interval: Interval | None = None) -> None:
    """Draw each unit faintly, and the mean with its 95 % interval above."""
    if not len(values):
        return
    spread = 0.18 * np.linspace(-1, 1, len(values)) if len(values) > 1 else np.zeros(1)
    axes.scatter(values, row + spread, s=14, color=colour, alpha=0.4, linewidths=0)
    interval = interval or mean_interval(values)
    if np.isfinite([interval.low, interval.high]).all():
        axes.plot([interval.low, interval.high], [row, row], color=colour, linewidth=2.4, solid_capstyle="round")
    axes.scatter([interval.estimate], [row], s=46, color=colour, edgecolors="white", linewidths=1.2, zorder=3)


def _rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    plain(axes)


def _curves(axes: Axes, summary: MetricSummary, colours: dict[str, str]) -> None:
    for arm in summary.arms:
        points = [(x, summary.interval(arm, x)) for x in summary.xs]
        measured = [(x, interval) for x, interval in points if interval is not None]
        if not measured:
            level = summary.interval(arm)
            if level is not None:
                axes.axhline(level.estimate, color=colours[arm], linestyle=":", label=arm)
            continue
        xs = [x for x, _ in measured]
        axes.plot(xs, [i.estimate for _, i in measured], marker="o", markersize=4, color=colours[arm], label=arm)
        if all(np.isfinite([i.low, i.high]).all() for _, i in measured):
            axes.fill_between(
                xs,
                [i.low for _, i in measured],
                [i.high for _, i in measured],
                color=colours[arm],
                alpha=0.15,
                linewidth=0,
            )
    if summary.xs[0] > 0 and summary.xs[-1] / summary.xs[0] > _LOG_SPAN:
        from matplotlib.ticker import NullLocator

        axes.set_xscale("log", base=2)
        axes.set_xticks(summary.xs, [f"{x:g}" for x in summary.xs])
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylabel(_label(summary))
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.legend(frameon=False, fontsize="small")
    plain(axes)


def _heat_map(axes: Axes, summary: MetricSummary) -> None:
    names = sorted({item for by_item in summary.items.values() for item in by_item})
    table = np.array([[summary.items.get(arm, {}).get(item, np.nan) for item in names] for arm in summary.arms])
    picture = axes.imshow(table, aspect="auto", cmap="cividis", interpolation="nearest")
    axes.set_yticks(range(len(summary.arms)), summary.arms)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
    colour_bar = axes.figure.colorbar(picture, ax=axes, pad=0.01)
    colour_bar.set_label(summary.metric)


def plain(axes: Axes) -> None:
    """Leave out the frame above and at the right."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _has_heat(summary: MetricSummary) -> bool:
    counts = [len(by_item) for by_item in summary.items.values()]
    return len(counts) > 1 and 2 <= max(counts) <= _MAX_ITEMS


def _claimed_differences(summary: MetricSummary) -> list[Difference]:
    """Give each comparison that a claim makes, as it makes it, once; margins of several claims stand together."""
    found: dict[tuple[str, str, float | None, str], Difference] = {}
    for claim in summary.claims:
        if claim.kind not in {"superior", "not_inferior", "equivalent"}:
            continue
        for baseline in claim.against:
            for x in claim.at or (None,):
                with contextlib.suppress(InvalidInputError):  # not measured in this run, so not judged either
                    difference, reference = differences(claim, summary.samples, baseline, x)
                    values, (groups, items) = np.array(list(difference.values())), labels(claim, difference)
                    mean = mean_interval(values, groups, items)
                    if items is not None and shared(items):
                        values = group_means(values, items)
                    margin = claim.margin * (float(np.abs(reference).mean()) if claim.relative else 1.0)
                    key = claim.ours, baseline, x, claim.unit
                    row = found.setdefault(key, Difference(*key, values, mean, set()))
                    row.margins.update(
                        {"superior": {margin}, "not_inferior": {-margin}, "equivalent": {-margin, margin}}[claim.kind]
                    )
    return list(found.values())
