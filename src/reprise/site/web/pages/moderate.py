"""What moderators decide: proposals, claims of authorship, papers to hide, readers to bar."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from reprise.errors import InvalidInputError
from reprise.site.accounts.barring import bar, let_in
from reprise.site.accounts.login import address_of
from reprise.site.accounts.moderation import claims_waiting, decide, decide_claim, hidden, set_shown, waiting
from reprise.site.store.tables import LARGEST_ID, Account, Comment
from reprise.site.web.context import Moderator, Reading, Writing
from reprise.site.web.render import page

router = APIRouter()
Number = Annotated[int, Path(ge=1, lt=LARGEST_ID)]


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
