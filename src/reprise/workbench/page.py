"""A leaderboard as an HTML page that stands alone: figures inside, no server, no script, no other file."""

from __future__ import annotations

from reprise.report import render
from reprise.workbench.budget import readable
from reprise.workbench.contract import Metric
from reprise.workbench.figures import svg
from reprise.workbench.leaderboard import Leaderboard, Row


def page(board: Leaderboard) -> str:
    """Give the page: the best method, the leaderboard, figures, how it was measured, and how to go on."""
    ranked, others = board.rows[: board.ranked], board.rows[board.ranked :]
    return render(
        "bench.html",
        templates_of="reprise.workbench",
        board=board,
        ranked=ranked,
        others=others,
        pictures=[(picture, svg(picture.figure)) for picture in board.task.pictures(board)],
        snippet=board.task.snippet(board),
        files=sorted(board.task.files(board)) if board.best else [],
        cell=cell,
        leaders=leaders(board),
        readable=readable,
        several_runs=any(len(row.runs) > 1 for row in board.rows),
    )


def cell(row: Row, metric: Metric) -> tuple[str, str]:
    """Write a metric of a method: its mean, and its range where the runs differ."""
    mean, span = row.mean(metric.name), row.span(metric.name)
    if mean is None or span is None:
        return "–", ""
    shown = [f"{value:,.{metric.digits}f}" for value in (mean, *span)]
    return shown[0], "" if shown[1] == shown[2] or not metric.ranged else f"{shown[1]}–{shown[2]}"


def leaders(board: Leaderboard) -> dict[str, set[str]]:
    """Give, for each metric, the methods with the best mean."""
    found = {}
    for metric in board.metrics:
        means = {row.name: mean for row in board.rows if (mean := row.mean(metric.name)) is not None}
        if metric.better and len(means) > 1:
            best = (max if metric.better == "higher" else min)(means.values())
            found[metric.name] = {name for name, mean in means.items() if mean == best}
    return found
