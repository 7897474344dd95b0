"""Figures of the workbench: scores with their range, rows in two dimensions, clusters against labels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reprise.report.figures import OTHERS, OURS, plain
from reprise.report.figures import svg as report_svg
from reprise.workbench.contract import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reprise.workbench.leaderboard import Leaderboard

_GREY, _INK, _GRID = "#8b98a5", "#333333", "#dddddd"
_NOISE_COLOUR = "#c4c9ce"
_KIND_COLOURS = {"paper": OURS, "baseline": _GREY, "yours": "#D55E00"}
_PALETTE = (OURS, *(colour for colour in OTHERS if colour != "#999999"))
_STRONG_THEN_PALE = (*range(0, 20, 2), *range(1, 20, 2))  # matplotlib's tab20 pairs a strong and a pale of each hue
_ROW_INCHES, _PANEL_INCHES = 0.38, 3.6
_MAX_POINTS = 4000  # rows drawn; more only hide each other
_PROJECTION_ROWS = 10_000
_MAX_MATRIX = 25  # classes and clusters in a confusion matrix
_MAX_NAME = 24
_RASTER_DPI = 160
_MAX_LEGEND = 12


class Panel(NamedTuple):
    """One colouring of the rows: (n,) groups as numbers (-1 is none), their names, and the hue of each group."""

    title: str
    groups: np.ndarray
    names: Sequence[str]
    hues: Sequence[int] = ()


def svg(figure: Figure) -> str:
    """Give a figure as an SVG element whose text is text, so that names in any script can be read."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's browser has the fonts
        return report_svg(figure)


def scores(board: Leaderboard, metrics: Sequence[str]) -> Picture:
    """Draw the ranked methods' metrics as bars, with the range over runs."""
    from matplotlib.figure import Figure

    rows = [row for row in board.rows if row.status == "done"]
    figure = Figure(
        figsize=(1.9 + _PANEL_INCHES * len(metrics), 1.0 + _ROW_INCHES * max(len(rows), 2)), layout="constrained"
    )
    panels = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for axes, metric in zip(panels, metrics, strict=True):
        for place, row in enumerate(rows):
            mean, span = row.mean(metric), row.span(metric)
            if mean is None or span is None:
                continue
            axes.barh(place, mean, height=0.62, color=_KIND_COLOURS[row.entry.kind])
            if span[1] > span[0]:
                axes.plot(span, [place, place], color=_INK, linewidth=1.6, solid_capstyle="round")
            edge = max(span[1], mean, 0.0)
            axes.annotate(f"{mean:.2f}", (edge, place), xytext=(4, 0), textcoords="offset points", va="center", size=9)
        axes.axvline(0, color=_INK, linewidth=0.8)
        axes.set_xlabel(metric)
        axes.margins(x=0.16)
        axes.locator_params(axis="x", nbins=5)
        axes.grid(axis="x", color=_GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        plain(axes)
    panels[0].set_yticks(range(len(rows)), [plain_text(row.name) for row in rows])
    panels[0].set_ylim(max(len(rows), 1) - 0.5, -0.5)
    kinds = {row.entry.kind for row in rows}
    blue = " Blue: the papers' methods." if "paper" in kinds else ""
    return Picture("Scores", figure, f"Bars are means over {board.task.over}, the dark lines their range.{blue}")


def plane(X: np.ndarray, panels: Sequence[Panel], columns: Sequence[str], seed: int) -> Picture:
    """Draw the rows in the plane of their first two principal components, once for each colouring.

    Parameters
    ----------
    X : (n, d) rows.
    panels : the colourings.
    columns : names of the d columns.
    seed : of the rows that are drawn where they are many.
    """
    from matplotlib.figure import Figure

    points, names, share = _projected(X, columns, seed)
    drawn = np.arange(len(X))
    if len(X) > _MAX_POINTS:
        drawn = np.random.default_rng(seed).choice(len(X), size=_MAX_POINTS, replace=False)
    figure = Figure(figsize=(5.4 * len(panels) + 0.6, 4.7), layout="constrained", dpi=_RASTER_DPI)
    colours = _colours(max(len(panel.names) for panel in panels))
    for axes, panel in zip(
        figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0], panels, strict=True
    ):
        hues = panel.hues or range(len(panel.names))
        for group in (-1, *range(len(panel.names))):
            chosen = drawn[panel.groups[drawn] == group]
            if not len(chosen):
                continue
            label = "noise" if group == -1 else plain_text(panel.names[group])
            axes.scatter(
                points[chosen, 0],
                points[chosen, 1],
                s=16 if len(drawn) < 1000 else 7,
                color=_NOISE_COLOUR if group == -1 else colours[hues[group]],
                alpha=0.8,
                linewidths=0,
                label=label,
                rasterized=True,
                zorder=1 if group == -1 else 2,
            )
        axes.set_title(plain_text(panel.title, limit=60), fontsize=10, loc="left")
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        if len(panel.names) <= _MAX_LEGEND:
            place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.0}
            axes.legend(frameon=False, fontsize=8, markerscale=1.6, handletextpad=0.2, **place)
        plain(axes)
    caption = f"The rows in the plane that shows most of their spread ({share:.0%} of the variance)."
    if X.shape[1] == 1:
        caption = "The rows along their only column; up and down means nothing."
    if len(drawn) < len(X):
        caption += f" {len(drawn):,} of {len(X):,} rows are drawn."
    return Picture("The data", figure, caption)


def confusion(truth: np.ndarray, classes: Sequence[str], labels: np.ndarray, names: Sequence[str]) -> Picture:
    """Draw how many rows of each class fell into each cluster, clusters in the order of the classes they match best."""
    counts = np.zeros((len(classes), len(names) + 1), dtype=int)
    np.add.at(counts, (truth, labels), 1)  # noise, -1, falls into the last column
    noise, counts = counts[:, -1], counts[:, :-1]
    order = np.argsort(matched_classes(truth, labels, len(classes), len(names)))
    heads = [plain_text(names[column]) for column in order]
    table = counts[:, order]
    if noise.any():
        table, heads = np.column_stack([table, noise]), [*heads, "noise"]
    caption = "Rows of each label (down) in each cluster (across), clusters beside the label they match best."
    if max(table.shape) > _MAX_MATRIX:
        caption += (
            f" The first {min(table.shape[0], _MAX_MATRIX)} of {table.shape[0]} labels and "
            f"{min(table.shape[1], _MAX_MATRIX)} of {table.shape[1]} clusters."
        )
    return Picture("Clusters against labels", _matrix(table, classes, heads, "cluster"), caption)


def predictions(truth: np.ndarray, predicted: np.ndarray, classes: Sequence[str], method: str) -> Picture:
    """Draw how many samples of each class were predicted to be of each.

    Parameters
    ----------
    truth, predicted : (n,) positions in `classes`.
    classes : their names.
    method : who predicted.
    """
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (truth, predicted), 1)
    caption = f"Samples of each label (down) by the label that {method} predicted (across), none seen in training."
    if len(classes) > _MAX_MATRIX:
        caption += f" The first {_MAX_MATRIX} of {len(classes)} labels."
    heads = [plain_text(name) for name in classes]
    return Picture("Predictions against labels", _matrix(counts, classes, heads, "predicted"), caption)


def bags(shares: np.ndarray, means: np.ndarray, sizes: np.ndarray, method: str) -> Picture:
    """Draw the mean probability of each held-out bag against its share of positives.

    Parameters
    ----------
    shares, means, sizes : (B,) share of positives, mean probability and rows of each bag.
    method : whose probabilities they are.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 4.4), layout="constrained")
    axes = figure.subplots()
    low, high = min(shares.min(), means.min()), max(shares.max(), means.max())
    axes.plot([low, high], [low, high], color=_INK, linewidth=0.8)
    axes.scatter(shares, means, s=8 + 40 * sizes / sizes.max(), color=OURS, alpha=0.6, linewidths=0, rasterized=True)
    axes.set_xlabel("share of positives")
    axes.set_ylabel("mean probability")
    axes.margins(0.06)
    axes.grid(color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    plain(axes)
    return Picture(
        "Held-out bags",
        figure,
        f"Mean probability that {method} gives rows of a bag it has not seen, against the bag's share of positives: "
        "on the line they agree. Larger points are larger bags.",
    )


def _matrix(table: np.ndarray, classes: Sequence[str], heads: Sequence[str], across: str) -> Figure:
    """Draw a table of counts, coloured by their share of the row; the first rows and columns where they are many."""
    from matplotlib.figure import Figure

    shown = table[:_MAX_MATRIX, :_MAX_MATRIX]
    rows, columns = shown.shape
    figure = Figure(figsize=(2.4 + 0.46 * max(columns, 4), 1.3 + 0.36 * max(rows, 3)), layout="constrained")
    axes = figure.subplots()
    shares = shown / np.maximum(table.sum(axis=1, keepdims=True)[:_MAX_MATRIX], 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for row in range(rows):
        for column in range(columns):
            if shown[row, column]:
                colour = "white" if shares[row, column] > 0.55 else _INK
                text = f"{shown[row, column]}" if shown[row, column] < 10_000 else f"{shown[row, column] / 1000:.0f}k"
                axes.text(column, row, text, ha="center", va="center", size=8, color=colour)
    axes.set_xticks(range(columns), heads[:columns], rotation=0 if columns < 16 else 90, fontsize=8)
    axes.set_yticks(range(rows), [plain_text(name) for name in classes[:rows]], fontsize=8)
    axes.set_xlabel(across)
    return figure


def matched_classes(truth: np.ndarray, labels: np.ndarray, n_classes: int, n_clusters: int) -> list[int]:
    """Give each cluster the class that it matches best, one to one; clusters beyond the classes get numbers beyond."""
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((n_classes, n_clusters + 1), dtype=int)
    np.add.at(counts, (truth, labels), 1)  # noise, -1, falls into the last column
    class_of = {c: k for k, c in zip(*map(np.ndarray.tolist, linear_sum_assignment(counts[:, :-1], True)), strict=True)}
    beyond = iter(range(n_classes, n_classes + n_clusters))
    return [class_of[cluster] if cluster in class_of else next(beyond) for cluster in range(n_clusters)]


def curve(values: dict[int, float], chosen: int) -> Picture:
    """Draw the score by which the number of clusters was chosen."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 3.0), layout="constrained")
    axes = figure.subplots()
    axes.plot(list(values), list(values.values()), marker="o", color=_GREY)
    axes.plot([chosen], [values[chosen]], marker="o", markersize=10, color=OURS)
    axes.annotate(
        f"{chosen} clusters", (chosen, values[chosen]), xytext=(8, 6), textcoords="offset points", color=OURS, size=9
    )
    axes.set_xticks(list(values))
    axes.set_xlabel("number of clusters")
    axes.set_ylabel("silhouette of K-means")
    axes.margins(y=0.2)
    axes.grid(color=_GRID, linewidth=0.6)
    plain(axes)
    return Picture(
        "How many clusters",
        figure,
        "The number was not given, so the one with the highest silhouette was taken; a flat curve means that the data "
        "do not settle it. That there is only one cluster cannot be seen here.",
    )


def plain_text(text: str, limit: int = _MAX_NAME) -> str:
    """Shorten a name of the user's, and keep matplotlib from reading it as a formula."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return short.replace("$", r"\$")


def _projected(X: np.ndarray, columns: Sequence[str], seed: int) -> tuple[np.ndarray, tuple[str, str], float]:
    """Give the rows in two dimensions, the axes' names, and the share of the variance that they show."""
    from sklearn.decomposition import PCA

    if X.shape[1] == 1:
        jitter = np.random.default_rng(seed).uniform(-1, 1, size=len(X))
        return np.column_stack([X[:, 0], jitter]), (plain_text(columns[0]), ""), 1.0
    fitted_on = X
    if len(X) > _PROJECTION_ROWS:
        fitted_on = X[np.random.default_rng(seed).choice(len(X), size=_PROJECTION_ROWS, replace=False)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows that are all the same have no variance to share out
        pca = PCA(n_components=2, random_state=seed).fit(fitted_on)
    first, second = np.nan_to_num(pca.explained_variance_ratio_)
    names = (f"first component, {first:.0%} of the variance", f"second component, {second:.0%}")
    return pca.transform(X), names, float(first + second)


def _colours(n: int) -> list[str]:
    """Give n colours: those that everyone can tell apart first, then as many hues as it takes."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    if n <= len(_PALETTE):
        return list(_PALETTE[:n])
    if n <= len(_STRONG_THEN_PALE):
        return [to_hex(colormaps["tab20"](i)) for i in _STRONG_THEN_PALE[:n]]
    return [to_hex(colormaps["turbo"](0.04 + 0.92 * i / (n - 1))) for i in range(n)]
