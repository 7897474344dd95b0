"""Proposing papers, and deciding on proposals."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select

from reprise.errors import RepriseError
from reprise.site.accounts.moderation import claims_waiting, decide, decide_claim, submit, waiting
from reprise.site.ingest import lookup
from reprise.site.store.tables import LARGEST_ID, Paper, Submission
from reprise.site.web.context import KnownReader, Moderator, ReaderHere, Reading, SiteHere, Writing
from reprise.site.web.render import page

router = APIRouter()
Number = Annotated[int, Path(ge=1, lt=LARGEST_ID)]


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
    number: Number,
    take: Annotated[bool, Form()],
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Take or reject a proposed paper."""
    decide(session, number, take=take, by=reader.email, reason=reason)
    return RedirectResponse("/moderate", 303)


@router.post("/moderate/authors/{account}/{paper}")
def judge_author(
    session: Writing, reader: Moderator, account: Number, paper: Number, take: Annotated[bool, Form()]
) -> Response:
    """Believe a claim of authorship, or not."""
    decide_claim(session, account, paper, take=take, by=reader.email)
    return RedirectResponse("/moderate", 303)
