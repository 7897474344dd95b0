"""Pages from templates, each of which knows who reads it."""

from __future__ import annotations

import functools
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from reprise.site.templating import environment
from reprise.site.web.assets import versioned
from reprise.site.web.context import Site, find_reader
from reprise.site.web.guard import VISITOR_COOKIE, form_token

_YEAR = 365 * 24 * 3600
THEME_COOKIE = "theme"


def page(request: Request, template: str, /, *, status: int = 200, **content: Any) -> HTMLResponse:
    """Render a page for whoever reads it."""
    site: Site = request.app.state.site
    html = (
        environment()
        .get_template(template)
        .render(
            request=request,
            site=site,
            settings=site.settings,
            reader=find_reader(request, site),
            form_token=functools.partial(form_token, request),
            theme=theme(request),
            static=versioned,
            partial="hx-request" in request.headers,
            **content,
        )
    )
    response = HTMLResponse(html, status, headers={"vary": "cookie, hx-request", "cache-control": "no-cache, private"})
    if getattr(request.state, "new_visitor", False):
        set_cookie(response, site, VISITOR_COOKIE, request.state.visitor, _YEAR)
    return response


def set_cookie(response: Any, site: Site, name: str, value: str, max_age: int) -> None:
    """Set a cookie that scripts cannot read and other sites cannot send."""
    response.set_cookie(
        site.cookie(name), value, max_age=max_age, path="/", secure=site.settings.secure, httponly=True, samesite="lax"
    )


def theme(request: Request) -> str:
    """Give the reader's choice of ``"light"`` or ``"dark"``, or ``"auto"``."""
    chosen = request.cookies.get(request.app.state.site.cookie(THEME_COOKIE))
    return chosen if chosen in ("light", "dark") else "auto"
