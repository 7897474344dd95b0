"""A paper's own page, its Run card, and how to cite it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from reprise.errors import RepriseError
from reprise.site.accounts.comments import flat, thread
from reprise.site.accounts.library import lists_of
from reprise.site.accounts.moderation import known_authors
from reprise.site.citations import STYLES, cite
from reprise.site.run_card import figure, run_card
from reprise.site.store.feed import find_paper, verdicts_of
from reprise.site.store.tables import Note, Paper
from reprise.site.web.context import Reading, Site, SiteHere, find_reader
from reprise.site.web.limits import client
from reprise.site.web.marks import marks_of
from reprise.site.web.render import page

router = APIRouter()

Name = Annotated[str, Path(max_length=96)]
_PROGRAMS = ("bot", "crawl", "spider", "curl", "wget", "python", "preview", "http")
_FIGURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def paper_named(session: Session, name: str) -> Paper:
    """Give the paper that an address names, or answer 404."""
    paper = find_paper(session, name)
    if paper is None:
        raise HTTPException(404, "There is no such paper here.")
    return paper


def address(paper: Paper) -> str:
    """Give the address of a paper's page."""
    return f"/papers/{paper.name}"


@router.get("/papers/{name:path}/cite", response_class=PlainTextResponse)
def citation(
    session: Reading, name: Name, style: Annotated[Literal["bibtex", "ris", "apa", "csl"], Query()] = "bibtex"
) -> Response:
    """Give a paper's citation as a file."""
    paper = paper_named(session, name)
    kind, suffix = STYLES[style]
    filename = f"{paper.name.replace('/', '-')}.{suffix}"
    return Response(
        cite(paper, style), media_type=kind, headers={"content-disposition": f'inline; filename="{filename}"'}
    )


@router.get("/papers/{slug}/figures/{number}.svg")
def card_figure(slug: str, number: int) -> Response:
    """Draw one of the figures of a Run card."""
    try:
        drawn = figure(run_card(slug).slug, number)
    except (RepriseError, IndexError) as problem:
        raise HTTPException(404) from problem
    headers = {"cache-control": "public, max-age=3600", "content-security-policy": _FIGURE_POLICY}
    return Response(drawn, media_type="image/svg+xml", headers=headers)


@router.get("/papers/{name:path}", response_class=HTMLResponse)
def show(request: Request, site: SiteHere, session: Reading, name: Name) -> Response:
    """Show a paper."""
    paper = paper_named(session, name)
    if f"/papers/{name}" != address(paper):
        return RedirectResponse(address(paper), 301)
    reader = find_reader(request, site)
    count_view(request, site, paper)
    note = session.get(Note, (reader.id, paper.id)) if reader else None
    return page(
        request,
        "paper.html",
        paper=paper,
        note=note.text if note else "",
        lists=lists_of(session, reader.id, paper.id) if reader else [],
        comments=flat(thread(session, paper.id, reader.id if reader else None)),
        known_authors=known_authors(session, paper.id),
        card=run_card(paper.slug) if paper.slug else None,
        verdicts=verdicts_of(session, [paper]),
        marks=marks_of(session, reader, [paper]),
        related=site.searcher.related(session, paper),
        citations={style: cite(paper, style) for style in ("bibtex", "apa", "ris")},
    )


def count_view(request: Request, site: Site, paper: Paper) -> None:
    """Count a view by a person; programs that say what they are do not count."""
    agent = request.headers.get("user-agent", "").lower()
    if agent and not any(word in agent for word in _PROGRAMS):
        site.views.see(paper.id, f"{client(request, site.settings.trusted_proxies)} {agent}")
