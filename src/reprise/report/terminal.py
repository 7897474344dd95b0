"""A run as tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from reprise import catalogue, claims
from reprise.claim import SCALES, Claim
from reprise.ledger import ClaimRecord, Result, Run
from reprise.report.summary import (
    NOT_AFTER_HOLM,
    MetricSummary,
    estimate_unit,
    holds_after_holm,
    number,
    span,
    summarise,
    unjudged,
)

STYLES = {"holds": "bold green", "does not hold": "bold red", "undecided": "yellow"}
_MAX_COLUMNS = 8
_WHOSE = {"paper": "the paper's claim", "here": "what this scale can show"}


def arm_tables(run: Run, promised: Sequence[Claim]) -> list[Table]:
    """Give a table for each metric that a claim speaks of: arms with mean and 95 % interval, ours marked."""
    return [_arm_table(summary, len(run.trials)) for summary in summarise(run, promised) if summary.claims]


def claim_table(run: Run, promised: Sequence[Claim]) -> Table:
    """Give the verdicts of a run: what each claim says, how it came out, and by how much."""
    table = Table(title="Verdicts", title_justify="left", show_lines=True)
    table.add_column("claim", overflow="fold", ratio=3)
    table.add_column("verdict", no_wrap=True)
    table.add_column("estimate, 95 % interval", overflow="fold", ratio=2)
    by_id = {claim.id: claim for claim in promised}
    for record in run.claims:
        claim = by_id.get(record.id)
        says = _says(claim) if claim else Text(record.id)
        table.add_row(says, verdict_text(record), f"{estimate_text(record, claim)}, {record.units} {record.unit}s")
    for claim in unjudged(run, promised):
        scales = "" if claim.scales == SCALES else f"judged at scale {' and '.join(claim.scales)}"
        table.add_row(_says(claim), Text("not judged", style="dim"), scales)
    return table


def _says(claim: Claim) -> Text:
    says = Text(claim.says)
    says.append(f"\n{_WHOSE[claim.of]} ({claim.id})", style="dim")
    if claim.note:
        says.append(f"\n{claim.note}", style="dim")
    return says


def ledger_table(results: Sequence[Result]) -> Table:
    """Give all verdicts of the ledger beside the papers' own figures."""
    table = Table(title="Ledger", title_justify="left", show_lines=True)
    table.add_column("paper, scale", overflow="fold", ratio=2)
    table.add_column("claim, and the paper's own figures", overflow="fold", ratio=4)
    table.add_column("verdict", no_wrap=True)
    table.add_column("estimate, 95 % interval", overflow="fold", ratio=2)
    for result in results:
        paper = catalogue.paper(result.paper)
        by_id = {claim.id: claim for claim in claims.load(result.paper).CLAIMS}
        figures = "".join(f"\n  {f.metric}: {f.value} ({f.data}; {f.verified})" for f in paper.figures)
        for scale in (name for name in SCALES if name in result.runs):
            shown = False
            earlier = claims.same_code(result.paper, result.runs[scale].fingerprint) is False
            place = f"{result.paper}\n{scale}" + ("\nmeasured with earlier code" if earlier else "")
            for record in result.runs[scale].claims:
                claim = by_id.get(record.id)
                says = Text(claim.says if claim else record.id)
                if claim:
                    says.append(f"\n{_WHOSE[claim.of]}", style="dim")
                    if claim.of == "paper" and not shown:
                        says.append(f"\nthe paper's figures:{figures}", style="dim")
                        shown = True
                table.add_row(place, says, verdict_text(record), estimate_text(record, claim))
    return table


def verdict_text(record: ClaimRecord) -> Text:
    """Write a verdict in its colour, with Holm's correction beside it where that changes it."""
    text = Text(record.verdict, style=STYLES.get(record.verdict, ""))
    if record.verdict == "holds" and not holds_after_holm(record):
        text.append(f"\n{NOT_AFTER_HOLM} (p = {record.p_holm:.2g})", style="dim")
    return text


def estimate_text(record: ClaimRecord, claim: Claim | None) -> str:
    """Write the deciding comparison of a verdict."""
    decided = min(record.comparisons, key=lambda c: abs((c.estimate or 0.0) - (record.estimate or 0.0)), default=None)
    against = f" against {decided.baseline}" if decided and decided.baseline else ""
    by = f", {record.method}" if claim and claim.kind == "all_of" else ""
    unit = estimate_unit(claim) if claim else ""
    return f"{number(record.estimate)}{unit} {span(*record.interval)}{against}{by}"


def _arm_table(summary: MetricSummary, trials: int) -> Table:
    better = f", {summary.better} is better" if summary.better else ""
    unit = f" ({summary.unit})" if summary.unit else ""
    title = f"{summary.metric}{unit}{better}: mean of {trials} seeds, 95 % interval"
    table = Table(title=title, title_justify="left")
    table.add_column("arm")
    xs: list[float | None] = [None]
    if summary.xs:
        step = max(1, -(-len(summary.xs) // _MAX_COLUMNS))
        xs = [*summary.xs[::step]]
    for x in xs:
        table.add_column("" if x is None else f"x = {x:g}", justify="right")
    for arm in summary.arms:
        cells = []
        for x in xs:
            interval = summary.interval(arm, x) or summary.interval(arm)
            cells.append("-" if interval is None else f"{number(interval.estimate)}\n[dim]{_half(interval)}[/dim]")
        table.add_row(Text(arm, style="bold cyan" if arm in summary.ours else ""), *cells)
    return table


def _half(interval: object) -> str:
    low, high = getattr(interval, "low"), getattr(interval, "high")  # noqa: B009
    return span(low if abs(low) != float("inf") else None, high if abs(high) != float("inf") else None)
