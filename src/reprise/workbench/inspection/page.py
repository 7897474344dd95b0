"""A report on a language model as an HTML page that stands alone: figures inside, no script, no other file."""

from __future__ import annotations

from reprise import catalogue
from reprise.report import render
from reprise.workbench.budget import readable
from reprise.workbench.inspection.contract import Answer, Record, Status
from reprise.workbench.inspection.figures import svg
from reprise.workbench.inspection.report import Inspection
from reprise.workbench.inspection.wording import written

ANSWERS: dict[Answer, str] = {"yes": "yes", "partly": "partly", "no": "no", "unclear": "not settled"}
STATUSES: dict[Status, str] = {
    "measured": "measured",
    "not applicable": "does not apply",
    "out of time": "out of time",
    "failed": "failed",
    "not run": "not run",
}


def page(inspection: Inspection) -> str:
    """Give the page: an overview of all findings, then each section with its evidence and controls."""
    by_name = {section.name: section for section in inspection.sections}
    parts = [(by_name[record.section], record) for record in inspection.records]
    return render(
        "inspection.html",
        templates_of="reprise.workbench",
        inspection=inspection,
        parts=parts,
        drawings={record.section: _drawings(record) for _, record in parts},
        papers={section.name: [catalogue.paper(slug) for slug in section.papers] for section, _ in parts},
        snippets={record.section: _snippet(record, inspection) for _, record in parts},
        badge=badge,
        written=written,
        readable=readable,
    )


def badge(record: Record) -> tuple[str, str]:
    """Give the word that answers a section's question, and its style."""
    if record.result is None:
        return STATUSES[record.status], "open"
    style = {"yes": "good", "partly": "partly", "no": "bad", "unclear": "open"}[record.result.answer]
    return ANSWERS[record.result.answer], style


def _snippet(record: Record, inspection: Inspection) -> str:
    """Give a section's code with the model's name in it, where it was loaded by name."""
    snippet = record.result.snippet if record.result else ""
    return snippet.replace("(MODEL)", f"({inspection.name!r})") if inspection.command else snippet


def _drawings(record: Record) -> list[tuple[str, str, str]]:
    figures = record.result.figures if record.result else ()
    return [(figure.title, svg(figure), figure.caption) for figure in figures]
