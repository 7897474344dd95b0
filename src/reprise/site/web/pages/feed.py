"""The front page: today, any day, week or month; what is trending, top, or new."""

from __future__ import annotations

import datetime
import time
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from reprise.catalogue import FAMILIES, TASKS
from reprise.site.store.feed import (
    LAST_DAY,
    Filter,
    Page,
    Span,
    days_of,
    feed,
    label_counts,
    latest_day,
    next_day,
    verdicts_of,
)
from reprise.site.store.types import now
from reprise.site.web.context import ReaderHere, Reading, Site, find_reader
from reprise.site.web.marks import marks_of
from reprise.site.web.render import page

router = APIRouter()

_RECOUNT = 600.0

TOP_SPANS = {"day": "today", "week": "the last seven days", "month": "the last thirty days", "all": "all time"}
TopSpan = Annotated[Literal["day", "week", "month", "all"], Query()]


async def narrowed(
    category: Annotated[str, Query(max_length=64)] = "",
    family: Annotated[str, Query(max_length=32)] = "",
    task: Annotated[str, Query(max_length=32)] = "",
    runs: Annotated[bool, Query()] = False,
) -> Filter:
    """Give the filters that an address names."""
    return Filter(category.strip(), family.strip(), task.strip(), runs)


def narrowed_for(
    filters: Annotated[Filter, Depends(narrowed)], reader: ReaderHere, unread: Annotated[bool, Query()] = False
) -> Filter:
    """Give the filters that an address names, also what this reader has read."""
    return replace(filters, unread_by=reader.id) if unread and reader is not None else filters


Narrowed = Annotated[Filter, Depends(narrowed_for)]
PageNumber = Annotated[int, Query(alias="page", ge=1, le=1000)]


@router.get("/", response_class=HTMLResponse)
def front(
    request: Request,
    session: Reading,
    filters: Narrowed,
    date: Annotated[datetime.date | None, Query()] = None,
    span: Annotated[Span, Query()] = "day",
    number: PageNumber = 1,
) -> HTMLResponse:
    """Show the papers of a day, a week or a month, most voted first; an empty today shows the latest day with some."""
    today = now().date()
    asked = min(date or today, LAST_DAY)
    day = asked
    if date is None:
        day = latest_day(session, today, filters) or today
    days = days_of(span, day)
    return page(
        request,
        "feed.html",
        view="date",
        span=span,
        day=day,
        days=days,
        today=today,
        asked=date is not None,
        before=latest_day(session, days[0] - datetime.timedelta(days=1), filters) if days[0].year > 1 else None,
        after=next_day(session, days[1], filters),
        **listing(request, session, feed(session, days=days, narrowed=filters, page=number), filters),
    )


@router.get("/trending", response_class=HTMLResponse)
def trending(request: Request, session: Reading, filters: Narrowed, number: PageNumber = 1) -> HTMLResponse:
    """Show what is trending."""
    found = feed(session, order="trending", narrowed=filters, page=number)
    return page(request, "feed.html", view="trending", **listing(request, session, found, filters))


@router.get("/new", response_class=HTMLResponse)
def new(request: Request, session: Reading, filters: Narrowed, number: PageNumber = 1) -> HTMLResponse:
    """Show the latest papers."""
    found = feed(session, order="new", narrowed=filters, page=number)
    return page(request, "feed.html", view="new", **listing(request, session, found, filters))


@router.get("/top", response_class=HTMLResponse)
def top(
    request: Request,
    session: Reading,
    filters: Narrowed,
    span: TopSpan = "week",
    number: PageNumber = 1,
) -> HTMLResponse:
    """Show the papers with most votes of the last day, week or month, or of all time."""
    found = feed(session, days=last_days(span), narrowed=filters, page=number)
    shown = listing(request, session, found, filters)
    return page(request, "feed.html", view="top", span=span, spans=TOP_SPANS, **shown)


def last_days(span: TopSpan) -> tuple[datetime.date, datetime.date] | None:
    """Give the first and last day of the day, seven days or thirty days that end today; None for all time."""
    today = now().date()
    back = {"day": 0, "week": 6, "month": 29, "all": None}[span]
    return None if back is None else (today - datetime.timedelta(days=back), today)


def listing(request: Request, session: Session, found: Page, filters: Filter) -> dict[str, Any]:
    """Give what every page with a list of papers shows beside it."""
    return {
        "found": found,
        "filters": filters,
        "verdicts": verdicts_of(session, found.papers),
        "marks": marks_of(session, find_reader(request, request.app.state.site), found.papers),
        "families": FAMILIES,
        "tasks": TASKS,
        "categories": common_categories(request.app.state.site, session),
    }


def common_categories(site: Site, session: Session) -> list[tuple[str, int]]:
    """Give the commonest categories with their counts, counted anew every ten minutes."""
    at, counted = site.categories
    if time.monotonic() - at > _RECOUNT:
        counted = label_counts(session, "category", 40)
        site.categories = time.monotonic(), counted
    return counted
