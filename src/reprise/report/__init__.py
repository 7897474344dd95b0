"""A run for people: tables in the terminal, figures, and a page that opens without a server."""

from reprise.report.figures import metric_figure, svg
from reprise.report.page import paper_page, render, write_paper_page
from reprise.report.summary import MetricSummary, number, span, summarise
from reprise.report.terminal import arm_tables, claim_table, estimate_text, ledger_table

__all__ = [
    "MetricSummary",
    "arm_tables",
    "claim_table",
    "estimate_text",
    "ledger_table",
    "metric_figure",
    "number",
    "paper_page",
    "render",
    "span",
    "summarise",
    "svg",
    "write_paper_page",
]
