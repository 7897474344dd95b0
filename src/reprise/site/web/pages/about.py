"""What the site is, how it ranks, and what it keeps of its readers."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from reprise.site.store.heat import HALF_LIFE, WEIGHTS
from reprise.site.web.render import page

router = APIRouter()


@router.get("/about", response_class=HTMLResponse)
def show(request: Request) -> HTMLResponse:
    """Explain the site."""
    return page(request, "about.html", weights=WEIGHTS, half_life=HALF_LIFE.days)
