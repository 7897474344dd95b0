"""Proposing papers, and deciding on proposals."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select

from reprise.errors import InvalidInputError, RepriseError
from reprise.site.accounts.barring import bar, let_in
from reprise.site.accounts.login import address_of
from reprise.site.accounts.moderation import claims_waiting, decide, decide_claim, hidden, set_shown, submit, waiting
from reprise.site.settings import Settings
from reprise.site.store.papers import PaperRecord
from reprise.site.store.tables import LARGEST_ID, Account, Comment, Paper, Submission
from reprise.site.web.context import KnownReader, Moderator, ReaderHere, Reading, SiteHere, Writing
from reprise.site.web.render import page

router = APIRouter()
_LOOKUPS = BoundedSemaphore(4)
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
    lookup = site.parts.get("lookup") or _lookup
    try:
        record = _in_turn(lookup, site.settings, paper.strip())
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
    return page(
        request, "moderate.html", proposals=waiting(session), claims=claims_waiting(session), hidden=hidden(session)
    )


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


@router.post("/moderate/shown/{number}")
def show_or_hide(session: Writing, reader: Moderator, number: Number, on: Annotated[bool, Form()]) -> Response:
    """Show a paper, or hide it."""
    set_shown(session, number, on)
    return RedirectResponse("/moderate", 303)


@router.post("/moderate/writers/{number}", response_class=HTMLResponse)
def bar_writer(
    request: Request, session: Writing, reader: Moderator, number: Number, sure: Annotated[bool, Form()] = False
) -> Response:
    """Bar whoever wrote a comment, once that is confirmed."""
    comment = session.get(Comment, number)
    writer = session.get(Account, comment.account_id) if comment is not None and comment.account_id else None
    if comment is None or writer is None or writer.id == reader.id:
        raise InvalidInputError("There is no such comment by somebody else.")
    if not sure:
        return page(request, "moderate_bar.html", comment=comment, writer=writer)
    bar(session, writer.id)
    return RedirectResponse("/moderate", 303)


@router.post("/moderate/let-in", response_class=HTMLResponse)
def let_back_in(session: Writing, reader: Moderator, email: Annotated[str, Form(max_length=320)]) -> Response:
    """Let a barred address log in again."""
    if not let_in(session, address_of(email)):
        raise InvalidInputError("This address is not barred.")
    return RedirectResponse("/moderate", 303)


def _in_turn(lookup: Callable[[Settings, str], PaperRecord], settings: Settings, text: str) -> PaperRecord:
    """Look a paper up, unless as many others wait for theirs as the site's threads can spare."""
    if not _LOOKUPS.acquire(blocking=False):
        raise RepriseError("Other papers are being looked up; try again in half a minute.")
    try:
        return lookup(settings, text)
    finally:
        _LOOKUPS.release()


def _lookup(settings: Settings, text: str) -> PaperRecord:
    from reprise.site import ingest

    record: PaperRecord = ingest.lookup(settings, text)
    return record
