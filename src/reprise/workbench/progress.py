"""A bar on standard error: the method that runs, how many are done, and the time that is left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn
from rich.progress import Task as RichTask
from rich.text import Text

from reprise.workbench.budget import Budget, readable
from reprise.workbench.race import Event

_NAME_WIDTH = 34


class Bar:
    """Shows the events of a bench."""

    def __init__(self, console: Console | None = None):
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeLeft(),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._bar = self._progress.add_task("reading the data".ljust(_NAME_WIDTH), total=None, budget=None)

    def start(self) -> None:
        """Show the bar."""
        self._progress.start()

    def stop(self) -> None:
        """Take the bar away."""
        self._progress.stop()

    def show(self, event: Event) -> None:
        """Show what happens; notes stay on the screen."""
        if event.stage == "note":
            self._progress.console.print(event.text, markup=False, highlight=False, soft_wrap=True)
            return
        description = event.text[:_NAME_WIDTH].ljust(_NAME_WIDTH)
        self._progress.update(
            self._bar, description=description, completed=event.done, total=event.total, budget=event.budget
        )


class TimeLeft(ProgressColumn):
    """What is left of the budget, at every moment."""

    def render(self, task: RichTask) -> Text:
        """Write it; nothing where no budget runs."""
        budget: Budget | None = task.fields.get("budget")
        return Text("" if budget is None else f"{readable(budget.left)} of the budget left", style="progress.remaining")
