"""Atom feeds (RFC 4287) of each view."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import urlsplit
from xml.etree import ElementTree

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from reprise.site.accounts.library import papers_on
from reprise.site.store.feed import Filter, feed, find_paper
from reprise.site.store.tables import LARGEST_ID, Paper, ReadingList
from reprise.site.templating import path
from reprise.site.web.context import Reading, Site, SiteHere
from reprise.site.web.limits import client
from reprise.site.web.pages.feed import TOP_SPANS, TopSpan, last_days, narrowed

router = APIRouter()

_ATOM = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SIZE = 50
_TYPE = "application/atom+xml; charset=utf-8"


@router.get("/search.atom", response_class=Response)
def search_feed(
    request: Request, site: SiteHere, session: Reading, q: Annotated[str, Query(min_length=1, max_length=500)]
) -> Response:
    """Give the feed of a search."""
    site.limiter.hit(site.settings.search_rate, "search", client(request, site.settings.trusted_proxies))
    papers = [hit.paper for hit in site.searcher.search(session, q, page=1, size=_SIZE).hits]
    title = f"{site.settings.title}: {q}"
    return Response(atom(site, title, str(request.url), papers, path("/search", q=q)), media_type=_TYPE)


@router.get("/{view}.atom", response_class=Response)
def view_feed(
    request: Request,
    site: SiteHere,
    session: Reading,
    view: Literal["feed", "trending", "top"],
    filters: Annotated[Filter, Depends(narrowed)],
    span: TopSpan = "week",
) -> Response:
    """Give the feed of a view: ``feed`` (the newest), ``trending``, or ``top`` of a span."""
    days = last_days(span) if view == "top" else None
    order: Literal["new", "trending", "top"] = "new" if view == "feed" else view
    found = feed(session, days=days, order=order, narrowed=filters, size=_SIZE)
    words = [
        word for word in (filters.category, filters.family, filters.task, "that run" if filters.runs else "") if word
    ]
    what = f"top papers of {TOP_SPANS[span]}" if view == "top" else f"{'new' if view == 'feed' else view} papers"
    title = f"{site.settings.title}: {what}{', ' + ', '.join(words) if words else ''}"
    shown = path({"feed": "/new"}.get(view, f"/{view}"), span=span if view == "top" else "", **filters.asked)
    return Response(atom(site, title, str(request.url), found.papers, shown), media_type=_TYPE)


@router.get("/lists/{number}/feed.atom", response_class=Response)
def list_feed(request: Request, site: SiteHere, session: Reading, number: int) -> Response:
    """Give the feed of a public list, the latest put first."""
    found = session.get(ReadingList, number) if 0 < number < LARGEST_ID else None
    if found is None or not found.public:
        raise HTTPException(404, "There is no such public list here.")
    listed, _ = papers_on(session, number, size=_SIZE)
    title = f"{site.settings.title}: {found.name}"
    return Response(atom(site, title, str(request.url), listed.papers, f"/lists/{number}"), media_type=_TYPE)


@router.get("/papers/{name:path}/feed.atom", response_class=Response)
def paper_feed(request: Request, site: SiteHere, session: Reading, name: str) -> Response:
    """Give the feed of one paper: it changes with its versions."""
    paper = find_paper(session, name)
    if paper is None:
        raise HTTPException(404, "There is no such paper here.")
    return Response(atom(site, paper.title, str(request.url), [paper], f"/papers/{paper.name}"), media_type=_TYPE)


def atom(site: Site, title: str, address: str, papers: Sequence[Paper], shown: str) -> bytes:
    """Write a feed; `shown` is the page with the same papers."""
    base = site.settings.base_url
    query = address.partition("?")[2]
    own = f"{base}{urlsplit(address).path}{'?' + query if query else ''}"
    ElementTree.register_namespace("", _ATOM)
    root = ElementTree.Element(f"{{{_ATOM}}}feed")
    _text(root, "title", title)
    _text(root, "id", own)
    _text(root, "updated", _moment(max((_last(paper) for paper in papers), default=_day(datetime.date(2020, 1, 1)))))
    _link(root, own, "self", "application/atom+xml")
    _link(root, base + shown, "alternate", "text/html")
    for paper in papers:
        entry = ElementTree.SubElement(root, f"{{{_ATOM}}}entry")
        page = f"{base}/papers/{paper.name}"
        _text(entry, "title", " ".join(paper.title.split()))
        _text(entry, "id", f"{base}/papers/{paper.id}")
        _text(entry, "published", _moment(_day(paper.day)))
        _text(entry, "updated", _moment(_last(paper)))
        _link(entry, page, "alternate", "text/html")
        if paper.arxiv:
            _link(entry, f"https://arxiv.org/abs/{paper.arxiv}", "related", "text/html")
        for name in paper.authors or ["unknown"]:
            _text(ElementTree.SubElement(entry, f"{{{_ATOM}}}author"), "name", name)
        for label in paper.labels:
            ElementTree.SubElement(entry, f"{{{_ATOM}}}category", term=_clean(label.value))
        _text(entry, "summary", paper.abstract or paper.summary)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _last(paper: Paper) -> datetime.datetime:
    return max(paper.updated, _day(paper.day))


def _day(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def _moment(at: datetime.datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}").text = _clean(text)


def _link(parent: ElementTree.Element, address: str, relation: str, kind: str) -> None:
    ElementTree.SubElement(parent, f"{{{_ATOM}}}link", href=_clean(address), rel=relation, type=kind)
