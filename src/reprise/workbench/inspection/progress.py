"""A bar on standard error: what an inspection will cost, the section that runs, and what each found."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

from reprise.workbench.inspection.run import InspectEvent
from reprise.workbench.inspection.terminal import ended_line, plan_table
from reprise.workbench.progress import TimeLeft

_NAME_WIDTH = 30


class InspectBar:
    """Shows the events of an inspection."""

    def __init__(self, console: Console | None = None):
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeLeft(),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._bar = self._progress.add_task("loading the model".ljust(_NAME_WIDTH), total=None, budget=None)

    def start(self) -> None:
        """Show the bar."""
        self._progress.start()

    def stop(self) -> None:
        """Take the bar away."""
        self._progress.stop()

    def show(self, event: InspectEvent) -> None:
        """Show what happens; notes, the plan and findings stay on the screen."""
        console = self._progress.console
        if event.stage == "note":
            console.print(event.text, markup=False, highlight=False, soft_wrap=True)
        elif event.stage == "plan":
            console.print(plan_table(event))
        elif event.stage == "result":
            assert event.record is not None
            console.print(ended_line(event.record))
        else:
            name = event.text[:_NAME_WIDTH].ljust(_NAME_WIDTH)
            self._progress.update(self._bar, description=name, completed=event.share, total=1.0, budget=event.budget)
