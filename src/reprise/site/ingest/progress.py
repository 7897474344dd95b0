"""What a run of `reprise ingest` shows: a bar while it reads, and what it did at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from reprise.errors import InvalidInputError, RepriseError, counted
from reprise.site.ingest.run import Tally, ingest
from reprise.site.settings import Settings
from reprise.site.store import Store


class IngestProgress:
    """Run sources one after the other and tell of it; where one fails the others still run.

    `interrupted` says whether it was stopped, `failed` whether a source failed.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._done: dict[str, Tally] = {}
        self._problems: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @property
    def failed(self) -> bool:
        """Whether a source failed."""
        return bool(self._problems)

    def run(self, settings: Settings, store: Store, sources: Sequence[str], *, file: str | None, **chosen: Any) -> None:
        """Read the sources, up to an interruption.

        Raises
        ------
        InvalidInputError
            If an argument does not fit.
        """
        for source in sources:
            try:
                self._read(settings, store, source, {"file": file, **chosen})
            except InvalidInputError:
                raise
            except RepriseError as problem:
                self._problems[source] = str(problem)
            except KeyboardInterrupt:
                self.interrupted = True
                return

    def _read(self, settings: Settings, store: Store, source: str, given: dict[str, Any]) -> None:
        tasks: dict[str, Any] = {}
        parts: dict[str, Tally] = {}
        self._done[source] = Tally()
        if given["file"] is None:
            tasks[""] = self._bar.add_task(f"asking {source}", total=None)

        def watch(part: str, tally: Tally) -> None:
            if part not in tasks:
                if "" in tasks:
                    self._bar.remove_task(tasks.pop(""))
                tasks[part] = self._bar.add_task(str(given["file"] or part), total=None)
            self._bar.update(tasks[part], completed=tally.papers, total=tally.expected)
            parts[part] = tally
            self._done[source] = sum(parts.values(), Tally())

        try:
            self._done[source] = ingest(settings, store, source, watch=watch, **given)
        finally:
            for task in tasks.values():
                self._bar.remove_task(task)

    def facts(self) -> dict[str, Any]:
        """Give what was done, for machines."""
        return {
            "sources": {
                source: tally.facts() | {"error": self._problems.get(source)} for source, tally in self._done.items()
            },
            "interrupted": self.interrupted,
        }

    def summarise(self) -> None:
        """Print what was done, and how to go on."""
        for source, tally in self._done.items():
            more = f", {tally.withdrawn:,} withdrawn" if tally.withdrawn else ""
            left_out = f", {tally.refused:,} left out" if tally.refused else ""
            Console().print(
                f"{source}: {tally.new:,} new, {tally.changed:,} changed, {tally.same:,} known{more}{left_out}.",
                highlight=False,
            )
            for problem in tally.problems:
                self._console.print(f"  left out: {escape(problem)}", soft_wrap=True, highlight=False)
        for source, problem in self._problems.items():
            self._console.print(f"[bold red]{source}:[/bold red] {escape(problem)}", soft_wrap=True, highlight=False)
        if self.interrupted:
            kept = sum(tally.papers for tally in self._done.values())
            self._console.print(f"Stopped. {counted(kept, 'paper')} kept; the same command goes on from there.")
