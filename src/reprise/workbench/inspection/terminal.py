"""An inspection in the terminal: its cost before it starts, and what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from reprise.workbench.budget import readable
from reprise.workbench.inspection.contract import Record
from reprise.workbench.inspection.page import badge
from reprise.workbench.inspection.report import Inspection

if TYPE_CHECKING:
    from reprise.workbench.inspection.run import InspectEvent

_STYLES = {"good": "bold green", "partly": "bold cyan", "bad": "bold red", "open": "bold yellow"}


def plan_table(event: InspectEvent) -> Group:
    """Give what will be measured and how long that takes, about."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("section", no_wrap=True)
    table.add_column("about", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for planned in event.plan:
        about = readable(max(1.0, planned.seconds)) if planned.measured else "–"
        said = "kept from an earlier run" if planned.record else planned.reason
        if planned.measured and planned.effort < 1:
            said = f"on {planned.effort:.0%} of the usual items"
        table.add_row(planned.section.name, about, Text(said, style="dim"))
    total = sum(planned.seconds for planned in event.plan)
    assert event.speed is not None
    assert event.budget is not None
    cost = (
        f"About {readable(max(1.0, total))} of the budget of {readable(event.budget.seconds)}; the model reads "
        f"{event.speed.read:,.0f} tokens a second here."
    )
    return Group(table, Text(cost))


def ended_line(record: Record) -> Text:
    """Give that a section has ended, for the time in which others still run."""
    word, style = badge(record)
    took = f" in {readable(record.seconds)}" if record.seconds and not record.kept else ""
    return Text.assemble((record.section, "bold"), ": ", (word, _STYLES[style]), (took, "dim"))


def found_line(record: Record) -> Text:
    """Give what a section found, in a line."""
    word, style = badge(record)
    said = record.result.headline if record.result else record.reason
    return Text.assemble((record.section, "bold"), ": ", (word, _STYLES[style]), f". {said}")


def findings(inspection: Inspection) -> Group:
    """Give what was found, a paragraph a section."""
    lines = [Text.assemble(("What is in ", "bold"), (inspection.name, "bold"), "\n")]
    lines += [found_line(record) for record in inspection.records]
    if inspection.interrupted:
        lines.append(Text("Stopped by Ctrl-C; the same command with --resume goes on.", style="yellow"))
    used = f"{readable(inspection.spent) if inspection.spent else 'No time'} of the budget of"
    lines.append(Text(f"{used} {readable(inspection.budget)} were used.", style="dim"))
    return Group(*lines)
