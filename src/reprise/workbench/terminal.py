"""A leaderboard as a table in the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from reprise.workbench.budget import readable
from reprise.workbench.leaderboard import Leaderboard, Row
from reprise.workbench.page import cell, leaders

_KIND_STYLES = {"paper": "bold cyan", "baseline": "", "yours": "bold magenta"}
_ROOMY = 110
_NAME = 24  # letters of a name in a line, where there is little room


def leaderboard(board: Leaderboard, width: int = 80) -> Group:
    """Give the table of the ranked methods, those that were not ranked with the reason, and what is best.

    In less than `_ROOMY` columns of text ranges and details are left out.
    """
    roomy = width >= _ROOMY
    title = Text(f"{board.problem.title}: {len(board.rows)} methods")
    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1 if roomy else 0)
    )
    table.add_column("", justify="right")
    table.add_column("method", no_wrap=True)
    metrics = [metric for metric in board.metrics if roomy or not metric.detail]
    for metric in metrics:
        table.add_column(metric.name, justify="right", no_wrap=True)
    best = leaders(board)
    for place, row in enumerate(board.rows[: board.ranked], start=1):
        cells = []
        for metric in metrics:
            mean, span = cell(row, metric)
            text = Text(mean, style="bold" if row.name in best.get(metric.name, ()) else "")
            cells.append(text.append(f"\n{span}", style="not bold dim") if span and roomy else text)
        name = row.name if roomy else in_lines(row.name)
        table.add_row(str(place), Text(name, style=_KIND_STYLES[row.entry.kind]), *cells)
    return Group(table, *_below(board))


def in_lines(name: str, limit: int = _NAME) -> str:
    r"""Break a long name at its words or capitals.

    Examples
    --------
    >>> in_lines("ManifoldLinearizingClustering"), in_lines("KMeans")
    ('ManifoldLinearizing\nClustering', 'KMeans')
    """
    if len(name) <= limit:
        return name
    lines = [""]
    for word in re.findall(r"\s*(?:[A-Z]+[^A-Z\s]*|[^A-Z\s]+)|\s+", name):
        if lines[-1] and len(lines[-1] + word) > limit:
            lines.append(word.lstrip())
        else:
            lines[-1] += word
    return "\n".join(lines)


def _below(board: Leaderboard) -> Iterator[Text]:
    if any(row.entry.kind == "paper" for row in board.rows):
        yield Text("Methods in colour come from the papers.", style="dim")
    for row in board.rows[board.ranked :]:
        status = "not ranked" if row.status == "done" else row.status
        yield Text.assemble((f"{row.name}: {status}", "yellow"), _reasons(row))
    for row in board.rows[: board.ranked]:
        if row.notes:
            yield Text.assemble((row.name, "dim bold"), (_reasons(row), "dim"))
    if board.interrupted:
        yield Text("Stopped by Ctrl-C: only what had finished is ranked.", style="yellow")
    if board.best:
        shown = ", ".join(
            f"{metric.name} {cell(board.best, metric)[0]}"
            for metric in board.metrics[:2]
            if metric.name in board.best.measured
        )
        yield Text.assemble("\nBest: ", (board.best.name, "bold green"), f" ({shown}). ", board.rule)
    yield Text(f"{readable(board.spent)} of the budget of {readable(board.budget)} were used.", style="dim")


def _reasons(row: Row) -> str:
    return f": {'; '.join(row.notes)}" if row.notes else ""
