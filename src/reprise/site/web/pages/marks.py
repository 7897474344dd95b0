"""What a reader makes of a paper: vote, read, note, list, authorship."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from reprise.site.accounts.library import create_list, set_listed, set_note, set_read
from reprise.site.accounts.moderation import claim_authorship
from reprise.site.accounts.votes import set_vote
from reprise.site.store.tables import LARGEST_ID, SHOWN, Paper, ReadingList
from reprise.site.templating import environment
from reprise.site.web.context import KnownReader, Reader, SiteHere, Writing
from reprise.site.web.guard import form_token
from reprise.site.web.targets import local_target

router = APIRouter()

On = Annotated[bool, Form()]


def shown_paper(session: Session, number: int) -> Paper:
    """Give a paper that is shown, or answer 404."""
    paper = session.get(Paper, number) if 0 < number < LARGEST_ID else None
    if paper is None or paper.state != SHOWN:
        raise HTTPException(404, "There is no such paper here.")
    return paper


def back(request: Request) -> RedirectResponse:
    """Send the reader back to the page they came from."""
    return RedirectResponse(local_target(request, request.headers.get("referer", "")), 303)


@router.post("/papers/{number}/vote", response_class=HTMLResponse)
def vote(
    request: Request, site: SiteHere, session: Writing, reader: KnownReader, number: int, on: On = True
) -> Response:
    """Vote, or take the vote back."""
    site.limiter.hit(site.settings.vote_rate, "vote", str(reader.id))
    shown_paper(session, number)
    paper = set_vote(session, reader.id, number, on)
    if "hx-request" not in request.headers:
        return back(request)
    macros = environment().get_template("_papers.html").module
    html = macros.vote(paper, on, lambda: form_token(request))  # type: ignore[attr-defined]
    return HTMLResponse(str(html))


@router.post("/papers/{number}/read")
def read(request: Request, session: Writing, reader: KnownReader, number: int, on: On = True) -> Response:
    """Mark as read, or as not."""
    set_read(session, reader.id, shown_paper(session, number).id, on)
    return back(request)


@router.post("/papers/{number}/note")
def note(
    request: Request,
    session: Writing,
    reader: KnownReader,
    number: int,
    text: Annotated[str, Form(max_length=25_000)] = "",
) -> Response:
    """Keep a private note; an empty one is removed."""
    set_note(session, reader.id, shown_paper(session, number).id, text)
    return back(request)


@router.post("/papers/{number}/list")
def put_on_list(
    request: Request,
    session: Writing,
    reader: KnownReader,
    number: int,
    list_id: Annotated[int, Form(alias="list", ge=0, lt=LARGEST_ID)] = 0,
    name: Annotated[str, Form(max_length=200)] = "",
    on: On = True,
) -> Response:
    """Put the paper on a list (0 makes one of that name), or take it off."""
    paper = shown_paper(session, number)
    found = create_list(session, reader.id, name) if list_id == 0 else own_list(session, reader, list_id)
    session.flush()
    set_listed(session, found, paper.id, on)
    return back(request)


@router.post("/papers/{number}/authorship")
def wrote(request: Request, session: Writing, reader: KnownReader, number: int) -> Response:
    """Say that one wrote the paper; a moderator decides."""
    claim_authorship(session, reader.id, shown_paper(session, number).id)
    return back(request)


def own_list(session: Session, reader: Reader, number: int) -> ReadingList:
    """Give a list of the reader's own, or answer 404."""
    found = session.get(ReadingList, number) if 0 < number < LARGEST_ID else None
    if found is None or found.account_id != reader.id:
        raise HTTPException(404, "There is no such list of yours.")
    return found
