"""Light, dark, or as the reader's system has it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse

from reprise.site.web.context import SiteHere
from reprise.site.web.render import THEME_COOKIE, set_cookie
from reprise.site.web.targets import local_target

router = APIRouter()
_YEAR = 365 * 24 * 3600


@router.post("/theme")
def choose(
    request: Request, site: SiteHere, theme: Annotated[Literal["light", "dark", "auto"], Form()]
) -> RedirectResponse:
    """Keep the choice in a cookie, and go back."""
    response = RedirectResponse(local_target(request, request.headers.get("referer", "")), 303)
    set_cookie(response, site, THEME_COOKIE, theme, _YEAR)
    return response
