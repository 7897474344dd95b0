"""A reader's own page: name, lists, searches, notes; taking everything away, or deleting it."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import func, select

from reprise.errors import InvalidInputError
from reprise.site.accounts.export import delete_account, export_account, export_bibtex
from reprise.site.accounts.library import change_list, create_list, lists_of, papers_on, save_search
from reprise.site.store.feed import Filter, page_of
from reprise.site.store.papers import plain
from reprise.site.store.tables import LARGEST_ID, SHOWN, Account, Note, Paper, ReadingList, SavedSearch, Vote
from reprise.site.web.context import KnownReader, ReaderHere, Reading, SiteHere, Writing
from reprise.site.web.pages.feed import PageNumber, listing
from reprise.site.web.pages.marks import counted, own_list
from reprise.site.web.render import end_session, page

router = APIRouter()
_LONGEST_NAME = 80


@router.get("/account", response_class=HTMLResponse)
def show(request: Request, session: Reading, reader: KnownReader) -> HTMLResponse:
    """Show the reader's own page."""
    notes = session.execute(
        select(Note, Paper)
        .join(Paper, Paper.id == Note.paper_id)
        .where(Note.account_id == reader.id)
        .order_by(Note.at.desc())
        .limit(50)
    ).all()
    return page(
        request,
        "account.html",
        lists=lists_of(session, reader.id),
        searches=session.scalars(
            select(SavedSearch).where(SavedSearch.account_id == reader.id).order_by(SavedSearch.name)
        ).all(),
        notes=notes,
        votes=session.scalar(select(func.count()).select_from(Vote).where(Vote.account_id == reader.id)),
    )


@router.post("/account/name", dependencies=[Depends(counted)])
def rename(session: Writing, reader: KnownReader, name: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Change the name that others see beside comments."""
    name = " ".join(plain(name).split())
    if len(name) > _LONGEST_NAME:
        raise InvalidInputError(f"A name has at most {_LONGEST_NAME} characters; this one has {len(name)}.")
    session.get_one(Account, reader.id).name = name
    return RedirectResponse("/account", 303)


@router.get("/account/votes", response_class=HTMLResponse)
def votes(request: Request, session: Reading, reader: KnownReader, number: PageNumber = 1) -> HTMLResponse:
    """Show the papers that the reader voted for."""
    statement = (
        select(Paper)
        .join(Vote, Vote.paper_id == Paper.id)
        .where(Vote.account_id == reader.id, Paper.state == SHOWN)
        .order_by(Vote.at.desc(), Paper.id.desc())
    )
    found = page_of(session, statement, number)
    return page(request, "list.html", heading="Your votes", about="", **listing(request, session, found, Filter()))


@router.get("/account/export.json", dependencies=[Depends(counted)])
def take(session: Reading, reader: KnownReader) -> Response:
    """Give everything that is kept of the reader."""
    content = json.dumps(export_account(session, reader.id), ensure_ascii=False, indent=1)
    headers = {"content-disposition": 'attachment; filename="reprise-papers.json"', "cache-control": "no-store"}
    return Response(content, media_type="application/json", headers=headers)


@router.get("/account/export.bib", dependencies=[Depends(counted)])
def take_bibtex(session: Reading, reader: KnownReader) -> Response:
    """Give the reader's papers as BibTeX."""
    headers = {"content-disposition": 'attachment; filename="reprise-papers.bib"', "cache-control": "no-store"}
    return Response(
        export_bibtex(session, reader.id), media_type="application/x-bibtex; charset=utf-8", headers=headers
    )


@router.post("/account/delete", response_class=HTMLResponse)
def delete(
    request: Request,
    site: SiteHere,
    session: Writing,
    reader: KnownReader,
    confirm: Annotated[str, Form(max_length=320)] = "",
) -> Response:
    """Delete the account, once its address is typed again."""
    if confirm.strip().lower() != reader.email:
        return page(request, "account_delete.html", status=200 if not confirm else 422, wrong=bool(confirm))
    delete_account(session, reader.id)
    response = RedirectResponse("/", 303)
    end_session(response, site)
    return response


@router.post("/lists", dependencies=[Depends(counted)])
def new_list(
    session: Writing, reader: KnownReader, name: Annotated[str, Form(max_length=200)] = "", public: bool = Form(False)
) -> Response:
    """Make a list."""
    made = create_list(session, reader.id, name, public=public)
    session.flush()
    return RedirectResponse(f"/lists/{made.id}", 303)


@router.get("/lists/{number}", response_class=HTMLResponse)
def show_list(
    request: Request,
    session: Reading,
    reader: ReaderHere,
    number: int,
    page_number: Annotated[int, Query(alias="page", ge=1, le=1000)] = 1,
) -> HTMLResponse:
    """Show a list: to everyone if it is public, else to its owner."""
    found = session.get(ReadingList, number) if 0 < number < LARGEST_ID else None
    own = found is not None and reader is not None and found.account_id == reader.id
    if found is None or not (own or found.public):
        raise HTTPException(404, "There is no such list here.")
    listed, count = papers_on(session, number, page_number)
    owner = session.get_one(Account, found.account_id).name or "a reader"
    return page(
        request,
        "list.html",
        heading=found.name,
        about=f"{count} papers, kept by {owner}",
        list=found if own else None,
        feed=f"/lists/{number}/feed.atom" if found.public else "",
        **listing(request, session, listed, Filter()),
    )


@router.post("/lists/{number}", dependencies=[Depends(counted)])
def edit_list(
    session: Writing,
    reader: KnownReader,
    number: int,
    name: Annotated[str, Form(max_length=200)] = "",
    public: Annotated[bool, Form()] = False,
    delete: Annotated[bool, Form()] = False,
) -> Response:
    """Rename a list, open or close it, or delete it."""
    found = own_list(session, reader, number)
    if delete:
        session.delete(found)
        return RedirectResponse("/account", 303)
    change_list(session, found, name, public=public)
    return RedirectResponse(f"/lists/{number}", 303)


@router.post("/searches", dependencies=[Depends(counted)])
def keep_search(
    session: Writing,
    reader: KnownReader,
    name: Annotated[str, Form(max_length=200)] = "",
    query: Annotated[str, Form(max_length=600)] = "",
) -> Response:
    """Keep a search."""
    save_search(session, reader.id, name or query[:_LONGEST_NAME], query)
    return RedirectResponse("/account", 303)


@router.post("/searches/{number}/delete", dependencies=[Depends(counted)])
def drop_search(session: Writing, reader: KnownReader, number: int) -> Response:
    """Drop a saved search."""
    found = session.get(SavedSearch, number) if 0 < number < LARGEST_ID else None
    if found is None or found.account_id != reader.id:
        raise HTTPException(404, "There is no such search of yours.")
    session.delete(found)
    return RedirectResponse("/account", 303)
