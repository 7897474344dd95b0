"""The face of the workbench: one call from the user's data to a leaderboard."""

from __future__ import annotations

import contextlib
import inspect
import os
import shlex
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from reprise.errors import InvalidInputError
from reprise.workbench import tasks
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Entry, Task
from reprise.workbench.leaderboard import Leaderboard, Row
from reprise.workbench.race import Event, Race

DEFAULT_BUDGET = "10m"


def bench(
    task: str,
    data: Any,
    labels: Any = None,
    *,
    budget: str | float = DEFAULT_BUDGET,
    seed: int = 0,
    out: str | Path | None = None,
    progress: bool | Callable[[Event], None] = True,
    extra: Sequence[Entry] = (),
    **settings: Any,
) -> Leaderboard:
    """Compare every method for a task on your own data, beside the standard baselines.

    Each method runs in a child process, one at a time, for at most its share of the budget; one that takes longer is
    ended and listed as out of time. Ctrl-C ends the bench early and keeps what has finished.

    Parameters
    ----------
    task : such as ``"cluster"`` or ``"graph-classify"``; `reprise.workbench.tasks.names` lists them.
    data : array, data frame, or path (npy, npz, csv, tsv, parquet, safetensors, jsonl); see `read_table`.
        For ``"graph-classify"`` graphs, a folder or a file, see `read_graphs`; for ``"proportions"`` see `read_bags`.
    labels : array, path, or the name of a column of `data`; used for scores only, never shown to a method that is to do
        without.
    budget : time for the methods to run, such as ``"90s"``, ``"10m"``, ``"1h"``, or seconds. Starting their process
        (about two seconds) and writing the report come on top.
    seed : all randomness comes from it. How often methods are repeated depends on the time they take.
    out : folder for the report and the best answer; nothing is written where it is None.
    progress : True draws a bar on standard error; a function is called with each `Event`; False is silent.
    extra : methods of your own to compare, each with the place of its class.
    **settings : the task's own, such as `n_clusters` and `scale` of ``"cluster"``, `truth` of ``"discover"``,
        `folds` of ``"graph-classify"``, `groups` and `proportions` of ``"proportions"``.

    Returns
    -------
    Leaderboard
        `best`, `labels`, `frame()`, `to_json()`, `write(folder)`; prints as a table in a notebook.

    Raises
    ------
    UnknownNameError
        If there is no such task, or no such label column; the nearest names are quoted.
    InvalidInputError
        If the data, the labels, a setting or the budget cannot be used: says what was given and what is expected.
    KeyboardInterrupt
        If Ctrl-C comes before any method has finished.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(return_X_y=True)
    >>> board = bench("cluster", X, labels=y, budget="20s", out="wine")  # doctest: +SKIP
    >>> board.labels.shape  # doctest: +SKIP
    (178,)
    """
    chosen = tasks.load(task)
    _check_settings(chosen, settings)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InvalidInputError(f"seed must be a whole number from 0 on, got {seed!r}.")
    folder = _writable(out) if out is not None else None
    clock = Budget(budget)
    with _listener(progress) as tell:
        problem = chosen.pose(data, labels, seed=seed, budget=clock, **settings)
        for note in problem.notes:
            tell(Event("note", note, 0, 0, clock))
        board = Leaderboard(
            task=chosen,
            problem=problem,
            metrics=tuple(chosen.metrics(problem)),
            rows=[Row(entry) for entry in _entries(chosen, problem, extra)],
            budget=clock.seconds,
            command=_command(task, data, labels, budget, seed, settings),
            environment=_environment(),
        )
        Race(board, clock, tell).run()
        board.spent = clock.spent
        board.settle()
    if folder is not None:
        board.write(folder)
    return board


def _check_settings(task: Task, settings: dict[str, Any]) -> None:
    known = [
        name
        for name, parameter in inspect.signature(task.pose).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in ("seed", "budget")
    ]
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise InvalidInputError(f"The task {task.name} has no setting {unknown[0]!r}; it has {', '.join(known)}.")


def _writable(out: str | Path) -> Path:
    """Make the folder of the results before time is spent on them."""
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InvalidInputError(f"The folder {folder} cannot be made ({problem.strerror or problem}).") from problem
    return folder


def _entries(task: Task, problem: Any, extra: Sequence[Entry]) -> list[Entry]:
    entries = [*task.entries(problem), *extra]
    names = [entry.name for entry in entries]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInputError(f"Two methods are called {twice!r}; give yours another name.")
    return entries


def _command(task: str, data: Any, labels: Any, budget: str | float, seed: int, settings: dict[str, Any]) -> str:
    """Give the command line of a bench, where files are all that it needs."""
    if not isinstance(data, str | Path) or not isinstance(labels, str | Path | None):
        return ""
    if not all(isinstance(value, str | Path | int | float | None) for value in settings.values()):
        return ""
    words = ["reprise", "bench", task, str(data)]
    options = {"labels": labels, **settings, "budget": budget if isinstance(budget, str) else f"{budget:g}s"}
    for name, value in (options | {"seed": seed}).items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)


def _environment() -> dict[str, str | int | float]:
    from reprise.runner import environment

    threads = os.environ.get("OMP_NUM_THREADS", "")
    return environment.describe(
        jobs=1, threads=int(threads) if threads.isdigit() else os.cpu_count() or 1, device="cpu"
    )


@contextlib.contextmanager
def _listener(progress: bool | Callable[[Event], None]) -> Generator[Callable[[Event], None]]:
    """Give whoever is told of events, for the time of a bench."""
    if callable(progress):
        yield progress
        return
    if not progress:
        yield lambda event: None
        return
    from reprise.workbench.progress import Bar

    bar = Bar()
    bar.start()
    try:
        yield bar.show
    finally:
        bar.stop()
