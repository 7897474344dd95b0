"""A bar for each paper that is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from reprise.runner.papers import Event

_NAME_WIDTH = 34


class RunProgress:
    """A bar for each paper: trials done, time spent, time to go."""

    def __init__(self, console: Console):
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
        )
        self.bars: dict[str, Any] = {}

    def __enter__(self) -> RunProgress:
        self.progress.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.progress.stop()

    def show(self, event: Event) -> None:
        """Take note of an event."""
        if event.paper not in self.bars:
            self.bars[event.paper] = self.progress.add_task(event.paper, total=event.total)
        doing = {"prepare": "preparing", "start": "running", "trial": "running", "judge": "judged"}[event.stage]
        self.progress.update(
            self.bars[event.paper], completed=event.done, description=f"{event.paper}: {doing}".ljust(_NAME_WIDTH)
        )
