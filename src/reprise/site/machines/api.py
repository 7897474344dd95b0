"""The JSON interface, described by OpenAPI at ``/api/openapi.json``."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from reprise.errors import InvalidInputError
from reprise.site.citations import STYLES, Style, cite
from reprise.site.machines.answers import (
    SUBMITTER,
    PaperAnswer,
    PapersAnswer,
    RunCardAnswer,
    SearchAnswer,
    daily_answer,
    list_papers,
    paper_answer,
    papers_answer,
    read_paper,
    run_card_answer,
    search_answer,
)
from reprise.site.store.feed import Filter, Order, Span, days_of, feed
from reprise.site.store.tables import Paper
from reprise.site.store.types import now
from reprise.site.web.context import Reading, SiteHere
from reprise.site.web.limits import client
from reprise.site.web.render import page as render_page

router = APIRouter(prefix="/api", tags=["papers"])

_TOLD: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request cannot be answered; `detail` says why."},
    404: {"description": "There is no such paper."},
    429: {"description": "Too many requests; `retry-after` says for how many seconds to wait."},
}
Number = Annotated[int, Query(ge=1, le=1000, description="Pages are counted from 1.")]
Size = Annotated[int, Query(ge=1, le=100, description="Papers a page.")]
Name = Annotated[str, Path(max_length=96, description="Slug, arXiv id, or our own number.")]
Category = Annotated[str, Query(max_length=64, description='Such as "cs.LG", or an archive such as "cs".')]
Word = Annotated[str, Query(max_length=32)]


def _read(session: Reading, name: str) -> Paper:
    try:
        return read_paper(session, name)
    except LookupError as problem:
        raise HTTPException(404, str(problem)) from problem


@router.get("/papers", summary="List papers", responses={400: _TOLD[400]})
def papers(
    site: SiteHere,
    session: Reading,
    order: Annotated[Order, Query(description="By votes, by heat, or the newest first.")] = "new",
    date: Annotated[datetime.date | None, Query(description="Only papers of the period that holds this day.")] = None,
    span: Annotated[Span | None, Query(description="Length of the period; the latest one if no date is given.")] = None,
    category: Category = "",
    family: Word = "",
    task: Word = "",
    runs: bool = False,
    page: Number = 1,
    size: Size = 30,
) -> PapersAnswer:
    """List papers by votes, heat or date, of a day, week or month or of all time, narrowed by filters."""
    filters = Filter(category, family, task, runs)
    return papers_answer(
        site, list_papers(session, order=order, day=date, span=span, filters=filters, page=page, size=size)
    )


@router.get("/search", summary="Search papers", responses={400: _TOLD[400], 429: _TOLD[429]})
def search(
    request: Request,
    site: SiteHere,
    session: Reading,
    q: Annotated[str, Query(min_length=1, max_length=500, description="Understands quotes, author:, cat:, after:.")],
    page: Number = 1,
    size: Size = 20,
) -> SearchAnswer:
    """Search by words and by meaning."""
    site.limiter.hit(site.settings.search_rate, "search", client(request, site.settings.trusted_proxies))
    return search_answer(site, session, q, page, size)


@router.get("/papers/{name:path}/run-card", summary="Read a run card", responses={404: _TOLD[404]})
def card(session: Reading, name: Name) -> RunCardAnswer:
    """Tell what was measured of a catalogued paper, beside its own figures, and how to run it."""
    try:
        return run_card_answer(_read(session, name))
    except LookupError as problem:
        raise HTTPException(404, str(problem)) from problem


@router.get(
    "/papers/{name:path}/citation",
    summary="Cite a paper",
    response_class=PlainTextResponse,
    responses={200: {"content": {kind.partition(";")[0]: {} for kind, _ in STYLES.values()}}, 404: _TOLD[404]},
)
def citation(session: Reading, name: Name, style: Style = "bibtex") -> Response:
    """Give a citation as BibTeX, RIS, APA or CSL-JSON."""
    return Response(cite(_read(session, name), style), media_type=STYLES[style][0])


@router.get("/papers/{name:path}", summary="Read a paper", responses={404: _TOLD[404]})
def paper(site: SiteHere, session: Reading, name: Name) -> PaperAnswer:
    """Tell of one paper."""
    return paper_answer(site, _read(session, name))


@router.get("/daily_papers", summary="A day's papers, in the known shape", responses={400: _TOLD[400]})
def daily_papers(
    site: SiteHere,
    session: Reading,
    date: Annotated[datetime.date | None, Query(description="None: the latest papers.")] = None,
    week: Annotated[str, Query(max_length=8, description="Such as 2026-W48.")] = "",
    month: Annotated[str, Query(max_length=7, description="Such as 2026-11.")] = "",
    submitter: Annotated[str, Query(max_length=64, description="The site itself is the only one.")] = "",
    sort: Literal["publishedAt", "trending"] | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    page: Annotated[int, Query(alias="p", ge=0, le=999, description="Counted from 0.")] = 0,
) -> list[dict[str, Any]]:
    """Give papers in the shape of the known Daily Papers interface, so that its clients work with this site."""
    if submitter not in ("", SUBMITTER):
        return []
    days = (date, date) if date else _week(week) if week else _month(month) if month else None
    order: Order = "trending" if sort == "trending" else "new" if sort or not days else "top"
    return daily_answer(site, feed(session, days=days, order=order, page=page + 1, size=limit).papers)


def _week(text: str) -> tuple[datetime.date, datetime.date]:
    try:
        monday = datetime.datetime.strptime(f"{text}-1", "%G-W%V-%u").date()
    except ValueError:
        raise InvalidInputError(f"A week is written such as 2026-W48, not {text!r}.") from None
    return days_of("week", monday)


def _month(text: str) -> tuple[datetime.date, datetime.date]:
    try:
        first = datetime.datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        raise InvalidInputError(f"A month is written such as 2026-11, not {text!r}.") from None
    return days_of("month", first)


@router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """Describe the interface to people."""
    schema = request.app.openapi()
    operations = [
        {"path": path, "method": method.upper(), **operation}
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    return render_page(request, "api.html", operations=operations, today=now().date())
