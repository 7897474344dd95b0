"""The catalogue's papers in the site: their own dates, our summaries, and the verdicts of the ledger."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from sqlalchemy import select

from reprise import catalogue, ledger
from reprise.errors import RepriseError
from reprise.site.store import Store
from reprise.site.store.heat import reheat
from reprise.site.store.papers import CATALOGUE, Kept, PaperRecord, keep
from reprise.site.store.tables import Paper, VerdictEvent


def seed(store: Store) -> Kept:
    """Bring the catalogue and the ledger's verdicts into the site; done at every start, changing only what is new."""
    with store.writing() as session:
        kept = keep(session, (_record(paper) for paper in catalogue.papers()))
        by_slug = dict(session.execute(select(Paper.slug, Paper.id).where(Paper.slug.is_not(None))).all())
        known = {(event.paper_id, event.claim, event.scale): event for event in session.scalars(select(VerdictEvent))}
        warmed: set[int] = set()
        for paper in catalogue.papers(status="measured"):
            number = by_slug[paper.slug]
            for claim, scale, verdict, at in _verdicts(paper.slug):
                event = known.get((number, claim, scale))
                if event is None:
                    session.add(VerdictEvent(paper_id=number, claim=claim, scale=scale, verdict=verdict, at=at))
                elif (event.verdict, event.at) != (verdict, at):
                    event.verdict, event.at = verdict, at
                else:
                    continue
                warmed.add(number)
        session.flush()
        reheat(session, warmed)
    return kept


def _record(paper: catalogue.Paper) -> PaperRecord:
    return PaperRecord(
        title=paper.title,
        authors=paper.authors,
        day=paper.date,
        source=CATALOGUE,
        arxiv=paper.arxiv,
        slug=paper.slug,
        summary=paper.summary,
        tasks=paper.tasks,
        family=paper.family,
        runs=paper.status == "measured",
        venue=paper.venue,
        code=paper.code,
        updated=datetime.datetime.combine(paper.date, datetime.time(), datetime.UTC),
    )


def _verdicts(slug: str) -> Iterator[tuple[str, str, str, datetime.datetime]]:
    try:
        result = ledger.committed(slug)
    except RepriseError:  # a damaged result has no verdict to tell; the Run card says what is wrong
        return
    if result is None:
        return
    for scale, run in result.runs.items():
        at = datetime.datetime.fromisoformat(str(run.environment["date"]))
        for claim in run.claims:
            yield claim.id, scale, claim.verdict, at
