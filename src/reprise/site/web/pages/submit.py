"""Proposing papers."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select

from reprise.errors import RepriseError
from reprise.site.accounts.moderation import submit
from reprise.site.ingest import lookup
from reprise.site.ingest.fields import arxiv_id
from reprise.site.settings import Settings
from reprise.site.store.feed import find_paper
from reprise.site.store.papers import PaperRecord
from reprise.site.store.tables import Paper, Submission
from reprise.site.web.context import KnownReader, ReaderHere, Reading, Site, SiteHere
from reprise.site.web.render import page

router = APIRouter()
_LOOKUPS = BoundedSemaphore(4)


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
    if (shown := _shown(site, paper)) is not None:
        return RedirectResponse(f"/papers/{shown}", 303)
    try:
        record = _in_turn(site.settings, paper.strip())
        with site.store.writing() as session:
            made = submit(session, reader.id, record)
    except RepriseError as problem:
        return page(request, "submit.html", status=422, view="submit", mine=[], problem=str(problem), text=paper)
    if made is None:
        return RedirectResponse(f"/papers/{record.arxiv}", 303)
    return RedirectResponse("/submit", 303)


def _shown(site: Site, text: str) -> str | None:
    """Give the name of a paper that is here already, for which nobody needs to be asked."""
    found = arxiv_id(text)
    with site.store.reading() as session:
        known = find_paper(session, found[0]) if found else None
    return known.name if known else None


def _in_turn(settings: Settings, text: str) -> PaperRecord:
    """Look a paper up, unless as many others wait for theirs as the site's threads can spare."""
    if not _LOOKUPS.acquire(blocking=False):
        raise RepriseError("Other papers are being looked up; try again in half a minute.")
    try:
        return lookup(settings, text)
    finally:
        _LOOKUPS.release()
