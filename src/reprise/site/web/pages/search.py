"""Search: results, and why each is among them."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from reprise.catalogue import FAMILIES
from reprise.site.search import parse
from reprise.site.search.query import MAX_LENGTH
from reprise.site.store.feed import MAX_PAGE, verdicts_of
from reprise.site.templating import path
from reprise.site.web.context import Reading, SiteHere, find_reader
from reprise.site.web.limits import client
from reprise.site.web.marks import marks_of
from reprise.site.web.pages.feed import common_categories
from reprise.site.web.render import page

router = APIRouter()

Short = Annotated[str, Query(max_length=100)]


@router.get("/search", response_class=HTMLResponse)
def search(
    request: Request,
    site: SiteHere,
    session: Reading,
    q: str = "",
    number: Annotated[int, Query(alias="page", ge=1, le=MAX_PAGE)] = 1,
    author: Short = "",
    cat: Short = "",
    family: Short = "",
    after: Short = "",
    before: Short = "",
    runs: Annotated[bool, Query()] = False,
) -> Response:
    """Show what is found; filters that come from the form are written into the query, which then has one address."""
    asked = {"author": author, "cat": cat, "family": family, "after": after, "before": before}
    if runs or any(value.strip() for value in asked.values()):
        return RedirectResponse(path("/search", q=with_filters(q, asked, runs)), 303)
    query = parse(q)
    if query:
        site.limiter.hit(site.settings.search_rate, "search", client(request, site.settings.trusted_proxies))
    found = site.searcher.search(session, query, number)
    if found.names and found.hits:
        return RedirectResponse(f"/papers/{found.papers[0].name}", 303)
    return page(
        request,
        "search.html",
        query=" ".join(q.split())[:MAX_LENGTH],
        asked=query,
        cut=MAX_LENGTH if len(q) > MAX_LENGTH else 0,
        found=found,
        removable={written: path("/search", q=str(left)) for written, left in query.filters.items()},
        families=FAMILIES,
        today=datetime.datetime.now(datetime.UTC).date(),
        categories=common_categories(site, session),
        verdicts=verdicts_of(session, found.papers),
        marks=marks_of(session, find_reader(request, site), found.papers),
    )


def with_filters(text: str, asked: dict[str, str], runs: bool = False) -> str:
    """Write filters into a query; those of which there is one replace the one before.

    Examples
    --------
    >>> with_filters("rings after:2024", {"author": "Ada Lovelace", "after": "2025-03-01"}, runs=True)
    'rings author:"Ada Lovelace" runs:yes after:2025-03-01'
    """
    known = parse(text)
    added: dict[str, Any] = {"runs": True} if runs else {}
    malformed: list[str] = []
    for name, value in asked.items():
        value = value.replace('"', " ").strip()
        if not value:
            continue
        one = parse(f'{name}:"{value}"')
        if one.problems:
            malformed.append(f'{name}:"{value}"')  # it is told on the page, as if it had been typed
        elif name in ("author", "cat"):
            field = {"author": "authors", "cat": "categories"}[name]
            added[field] = tuple(dict.fromkeys((*getattr(known, field), *getattr(one, field))))
        else:
            added[name] = getattr(one, name)
    return " ".join([str(replace(known, **added)), *malformed])
