"""The Run card of a catalogued paper: what was claimed, what was measured here, and how to do either."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from reprise import catalogue, claims, ledger
from reprise.claim import SCALES, Claim
from reprise.errors import RepriseError
from reprise.ledger import Run
from reprise.report import MetricSummary, estimate_text, metric_figure, number, span, summarise, svg

Outcome = Literal["holds", "does not hold", "undecided"]


@dataclass(frozen=True)
class ClaimRow:
    """One claim: whose it is, how it came out, and by how much."""

    id: str
    says: str
    of_paper: bool
    verdict: str
    estimate: str
    note: str = ""
    corrected: str = ""


@dataclass(frozen=True)
class RunCard:
    """What the site shows of a catalogued paper.

    Parameters
    ----------
    slug, family, status, summary : of the catalogue.
    figures : the paper's own headline figures.
    scale, seeds, measured : of the newest run; empty where nothing was measured.
    claims : verdicts, the paper's own claims first.
    metrics : names of the figures that `figure` draws, in order.
    install, command, snippet : what to type.
    earlier_code : the code has changed since.
    problem : why something is missing.
    """

    slug: str
    family: str
    status: str
    summary: str
    figures: Sequence[catalogue.Figure]
    install: str
    command: str
    snippet: str = ""
    scale: str = ""
    seeds: int = 0
    measured: str = ""
    machine: str = ""
    claims: Sequence[ClaimRow] = ()
    metrics: Sequence[str] = ()
    earlier_code: bool = False
    problem: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many claims came out in each way."""
        return {
            verdict: sum(row.verdict == verdict for row in self.claims)
            for verdict in ("holds", "undecided", "does not hold")
        }

    @property
    def docs(self) -> str:
        """Address of the paper's manual; empty where nothing of it can be used yet."""
        return "" if self.status == "planned" else f"/papers/{self.slug}/manual"


@functools.lru_cache(maxsize=256)
def run_card(slug: str) -> RunCard:
    """Give the card of a catalogued paper.

    What cannot be told, because a family's own packages are not installed or a file is damaged, is left out; the
    card says why.

    Raises
    ------
    UnknownNameError
        If the catalogue has no such paper.

    Examples
    --------
    >>> card = run_card("matryoshka")
    >>> card.command, card.claims[0].of_paper
    ('reprise run matryoshka', True)
    """
    paper = catalogue.paper(slug)
    problems: list[str] = []
    snippet = ""
    if paper.status != "planned":
        try:
            snippet = catalogue.snippet(paper)
        except (ImportError, RepriseError, AttributeError) as problem:
            problems.append(_sentence(problem))
    measured = _Measured()
    try:
        measured = _measured(slug)
    except RepriseError as problem:
        problems.append(_sentence(problem))
    return RunCard(
        slug=slug,
        family=paper.family,
        status=paper.status,
        summary=paper.summary,
        figures=paper.figures,
        install=f'pip install "{catalogue.distribution(paper.family)}"',
        command=f"reprise run {slug}",
        snippet=snippet,
        scale=measured.scale,
        seeds=len(measured.run.trials) if measured.run else 0,
        measured=str(measured.run.environment.get("date", ""))[:10] if measured.run else "",
        machine=str(measured.run.environment.get("processor", "")) if measured.run else "",
        claims=measured.rows,
        metrics=tuple(summary.metric for summary in measured.summaries),
        earlier_code=measured.earlier_code,
        problem=" ".join(dict.fromkeys([*problems, *measured.problems])),
    )


@functools.lru_cache(maxsize=256)
def figure(slug: str, number_: int) -> str:
    """Draw the figure of one of a card's metrics, as SVG.

    Raises
    ------
    IndexError
        If the card has fewer.
    """
    if number_ < 0:
        raise IndexError(number_)
    return svg(metric_figure(_measured(slug).summaries[number_]))


@dataclass(frozen=True)
class _Measured:
    scale: str = ""
    run: Run | None = None
    rows: tuple[ClaimRow, ...] = ()
    summaries: tuple[MetricSummary, ...] = ()
    earlier_code: bool = False
    problems: tuple[str, ...] = field(default=())


@functools.lru_cache(maxsize=256)
def _measured(slug: str) -> _Measured:
    result = ledger.committed(slug)
    scale = next((name for name in reversed(SCALES) if result and name in result.runs), None)
    if result is None or scale is None:
        return _Measured()
    run = result.runs[scale]
    problems: list[str] = []
    promised: Sequence[Claim] = ()
    earlier = False
    try:
        promised = claims.load(slug).CLAIMS
        earlier = claims.same_code(slug, run.fingerprint) is False
    except (ImportError, RepriseError) as problem:
        problems.append(_sentence(problem))
    by_id = {claim.id: claim for claim in promised}
    rows = [_row(record, by_id.get(record.id)) for record in run.claims]
    return _Measured(
        scale=scale,
        run=run,
        rows=tuple(sorted(rows, key=lambda row: not row.of_paper)),
        summaries=tuple(summary for summary in summarise(run, promised) if summary.claims),
        earlier_code=earlier,
        problems=tuple(problems),
    )


def _row(record: ledger.ClaimRecord, claim: Claim | None) -> ClaimRow:
    if claim is None:
        estimate = f"{number(record.estimate)} {span(*record.interval)}"
        return ClaimRow(record.id, record.id.replace("-", " "), False, record.verdict, estimate)
    corrected = ""
    if record.verdict == "holds" and record.p_holm is not None and record.p_holm >= 0.05:
        corrected = f"not after Holm's correction (p = {record.p_holm:.2g})"
    return ClaimRow(
        id=record.id,
        says=claim.says,
        of_paper=claim.of == "paper",
        verdict=record.verdict,
        estimate=estimate_text(record, claim),
        note=claim.note,
        corrected=corrected,
    )


def _sentence(problem: Exception) -> str:
    text = str(problem).strip()
    return text if text.endswith(".") else f"{text}."
