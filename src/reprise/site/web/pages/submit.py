"""Proposing papers, and deciding on proposals."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select

from reprise.errors import RepriseError
from reprise.site.accounts.moderation import claims_waiting, decide, decide_claim, submit, waiting
from reprise.site.settings import Settings
from reprise.site.store.feed import find_paper
from reprise.site.store.papers import PaperRecord
from reprise.site.store.tables import Paper, Submission
from reprise.site.web.context import KnownReader, Moderator, ReaderHere, Reading, Site, SiteHere, Writing
from reprise.site.web.render import page

router = APIRouter()


@router.get("/submit", response_class=HTMLResponse)
def ask(request: Request, session: Reading, reader: ReaderHere) -> HTMLResponse:
    """Ask for a paper, and show what became of the reader's proposals."""
    mine = []
    if reader is not None:
        mine = list(
            session.execute(
                select(Submission, Paper)
                .join(Paper, Paper.id == Submission.paper_id)
                .where(Submission.account_id == reader.id)
                .order_by(Submission.at.desc())
                .limit(30)
            ).all()
        )
    return page(request, "submit.html", view="submit", mine=mine, problem="", text="")


@router.post("/submit", response_class=HTMLResponse)
def propose(
    request: Request, site: SiteHere, reader: KnownReader, paper: Annotated[str, Form(max_length=300)] = ""
) -> Response:
    """Look a paper up on arXiv and put it into the queue."""
    site.limiter.hit(site.settings.comment_rate, "submit", str(reader.id))
    lookup = site.parts.get("lookup") or _lookup
    if (shown := _shown(site, paper)) is not None:
        return RedirectResponse(f"/papers/{shown}", 303)
    try:
        record = lookup(site.settings, paper.strip())
        with site.store.writing() as session:
            made = submit(session, reader.id, record)
    except RepriseError as problem:
        return page(request, "submit.html", status=422, view="submit", mine=[], problem=str(problem), text=paper)
    if made is None:
        return RedirectResponse(f"/papers/{record.arxiv}", 303)
    return RedirectResponse("/submit", 303)


@router.get("/moderate", response_class=HTMLResponse)
def queue(request: Request, session: Reading, reader: Moderator) -> HTMLResponse:
    """Show what waits for a moderator."""
    return page(request, "moderate.html", proposals=waiting(session), claims=claims_waiting(session))


@router.post("/moderate/papers/{number}")
def judge(
    session: Writing,
    reader: Moderator,
    number: int,
    take: Annotated[bool, Form()],
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Take or reject a proposed paper."""
    decide(session, number, take=take, by=reader.email, reason=reason)
    return RedirectResponse("/moderate", 303)


@router.post("/moderate/authors/{account}/{paper}")
def judge_author(
    session: Writing, reader: Moderator, account: int, paper: int, take: Annotated[bool, Form()]
) -> Response:
    """Believe a claim of authorship, or not."""
    decide_claim(session, account, paper, take=take, by=reader.email)
    return RedirectResponse("/moderate", 303)


def _shown(site: Site, text: str) -> str | None:
    """Give the name of a paper that is here already, for which nobody needs to be asked."""
    from reprise.site.ingest.fields import arxiv_id

    found = arxiv_id(text)
    with site.store.reading() as session:
        known = find_paper(session, found[0]) if found else None
    return known.name if known else None


def _lookup(settings: Settings, text: str) -> PaperRecord:
    from reprise.site import ingest

    record: PaperRecord = ingest.lookup(settings, text)
    return record
