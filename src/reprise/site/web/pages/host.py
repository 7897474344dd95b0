"""What monitors, crawlers and browsers ask of any host."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from reprise.site.store.tables import Paper
from reprise.site.web.assets import versioned
from reprise.site.web.context import SiteHere

router = APIRouter()
_PRIVATE = ("/account", "/comments/", "/for-you", "/lists/", "/login", "/moderate", "/subscri", "/unsubscribe", "/dev/")
_COSTLY = ("/search", "/api/search", "/api/daily_papers", "/mcp")


@router.get("/healthz")
def health(site: SiteHere) -> JSONResponse:
    """Say whether the site can answer: 200 if its database does, else 503."""
    try:
        with site.store.reading() as session:
            session.execute(select(Paper.id).limit(1))
    except SQLAlchemyError:
        return JSONResponse({"status": "the database does not answer"}, 503, {"cache-control": "no-store"})
    return JSONResponse({"status": "ok"}, headers={"cache-control": "no-store"})


@router.get("/robots.txt", response_class=PlainTextResponse)
def robots() -> str:
    """Ask crawlers for papers and feeds alone: not for what is one reader's, nor for searches."""
    return "\n".join(["User-agent: *", *(f"Disallow: {start}" for start in (*_PRIVATE, *_COSTLY))]) + "\n"


@router.get("/favicon.ico")
def icon() -> RedirectResponse:
    """Lead to the icon, for programs that look here without reading a page."""
    return RedirectResponse(versioned("icon.svg"), 302)
