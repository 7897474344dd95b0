"""Papers in the order of a reader's taste."""

from __future__ import annotations

import datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import select

from reprise.site.mail.personal import rank
from reprise.site.store.feed import PAGE_SIZE, Filter, Page, papers_of
from reprise.site.store.tables import SHOWN, Paper, Vote
from reprise.site.store.types import now
from reprise.site.web.context import KnownReader, Reading, SiteHere
from reprise.site.web.pages.feed import PageNumber, listing
from reprise.site.web.render import page

router = APIRouter()
_CONSIDERED = 2000
_DAYS = 30


@router.get("/for-you", response_class=HTMLResponse)
def show(
    request: Request, site: SiteHere, session: Reading, reader: KnownReader, number: PageNumber = 1
) -> HTMLResponse:
    """Show the papers of the last thirty days (or, where there are few, the latest) by the reader's taste."""
    site.limiter.hit(site.settings.search_rate, "for you", str(reader.id))
    voted = select(Vote.paper_id).where(Vote.account_id == reader.id)
    base = (
        select(Paper.id, Paper.heat)
        .where(Paper.state == SHOWN, Paper.id.not_in(voted))
        .order_by(Paper.day.desc(), Paper.votes.desc(), Paper.heat.desc(), Paper.id.desc())
    )
    recent = base.where(Paper.day >= now().date() - datetime.timedelta(days=_DAYS))
    candidates = session.execute(recent.limit(_CONSIDERED)).all()
    if len(candidates) < PAGE_SIZE:
        candidates = session.execute(base.limit(_CONSIDERED)).all()
    ranked = rank(session, reader.id, candidates)
    start = (number - 1) * PAGE_SIZE
    chosen = [candidate.id for candidate in ranked.papers[start : start + PAGE_SIZE]]
    found = Page(papers_of(session, chosen), number, len(ranked.papers) > start + PAGE_SIZE)
    return page(request, "list.html", heading="For you", about=ranked.why, **listing(request, session, found, Filter()))
