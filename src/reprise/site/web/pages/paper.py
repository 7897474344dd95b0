"""A paper's own page, its Run card, and how to cite it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from reprise.errors import RepriseError
from reprise.site.citations import STYLES, cite
from reprise.site.run_card import figure, run_card
from reprise.site.store.feed import find_paper
from reprise.site.store.tables import Paper
from reprise.site.web.context import Reading, SiteHere, find_reader
from reprise.site.web.marks import marks_of
from reprise.site.web.pages.feed import verdicts_of
from reprise.site.web.render import page

router = APIRouter()

Name = Annotated[str, Path(max_length=96)]
_FIGURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def paper_named(session: Session, name: str) -> Paper:
    """Give the paper that an address names, or answer 404."""
    paper = find_paper(session, name)
    if paper is None:
        raise HTTPException(404, "There is no such paper here.")
    return paper


def address(paper: Paper) -> str:
    """Give the address of a paper's page."""
    return f"/papers/{paper.slug or paper.arxiv or paper.id}"


@router.get("/papers/{name:path}/cite", response_class=PlainTextResponse)
def citation(
    session: Reading, name: Name, style: Annotated[Literal["bibtex", "ris", "apa", "csl"], Query()] = "bibtex"
) -> Response:
    """Give a paper's citation as a file."""
    paper = paper_named(session, name)
    kind, suffix = STYLES[style]
    filename = f"{(paper.slug or paper.arxiv or str(paper.id)).replace('/', '-')}.{suffix}"
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
    return page(
        request,
        "paper.html",
        paper=paper,
        card=run_card(paper.slug) if paper.slug else None,
        verdicts=verdicts_of(session, [paper]),
        marks=marks_of(session, find_reader(request, request.app.state.site), [paper]),
        related=site.parts["search"].related(session, paper),
        citations={style: cite(paper, style) for style in ("bibtex", "apa", "ris")},
    )
