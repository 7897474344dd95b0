"""Comments: writing, previewing, changing, removing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from reprise.site.accounts.comments import LONGEST, add_comment, edit_comment, remove_comment
from reprise.site.accounts.markdown import to_html
from reprise.site.store.tables import LARGEST_ID, Comment, Paper
from reprise.site.web.context import KnownReader, SiteHere, Writing
from reprise.site.web.pages.marks import counted, shown_paper
from reprise.site.web.render import page

router = APIRouter()
Text = Annotated[str, Form(max_length=LONGEST + 1000)]


@router.post("/papers/{number}/comments", response_class=HTMLResponse)
def write(
    request: Request,
    site: SiteHere,
    session: Writing,
    reader: KnownReader,
    number: int,
    text: Text = "",
    parent: Annotated[int | None, Form(ge=1, lt=LARGEST_ID)] = None,
    preview: Annotated[bool, Form()] = False,
) -> Response:
    """Keep a comment, or show how it would look."""
    paper = shown_paper(session, number)
    if preview:
        return page(request, "comment_preview.html", paper=paper, text=text, parent=parent, html=to_html(text))
    site.limiter.hit(site.settings.comment_rate, "comment", str(reader.id))
    comment = add_comment(session, reader.id, paper.id, text, parent)
    return RedirectResponse(f"{_address(paper)}#comment-{comment.id}", 303)


@router.post("/comments/{number}/edit", dependencies=[Depends(counted)])
def edit(session: Writing, reader: KnownReader, number: int, text: Text = "") -> Response:
    """Change a comment of one's own."""
    comment = _comment(session, number)
    if comment is None or comment.account_id != reader.id:
        raise HTTPException(404, "There is no such comment of yours.")
    edit_comment(session, comment, text)
    return _back_to(session, comment)


@router.post("/comments/{number}/remove", dependencies=[Depends(counted)])
def remove(session: Writing, reader: KnownReader, number: int) -> Response:
    """Remove a comment of one's own; moderators remove any."""
    comment = _comment(session, number)
    if comment is None or (comment.account_id != reader.id and not reader.admin):
        raise HTTPException(404, "There is no such comment of yours.")
    remove_comment(session, comment)
    return _back_to(session, comment)


def _comment(session: Session, number: int) -> Comment | None:
    return session.get(Comment, number) if 0 < number < LARGEST_ID else None


def _back_to(session: Session, comment: Comment) -> Response:
    return RedirectResponse(f"{_address(session.get_one(Paper, comment.paper_id))}#comment-{comment.id}", 303)


def _address(paper: Paper) -> str:
    return f"/papers/{paper.name}"
