"""What protects readers: headers that tie the browser down, and a proof that a form is one of ours."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reprise.site.web.context import SiteHere

FORM_FIELD, HEADER = "csrf_token", "x-csrf-token"
VISITOR_COOKIE = "visitor"
_SAFE = {"GET", "HEAD", "OPTIONS"}
_TOKEN_AGE = 24 * 3600.0

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def security_headers(*, secure: bool) -> dict[str, str]:
    """Give the headers of every answer; over HTTPS they also keep the browser to it."""
    headers = _HEADERS | {"content-security-policy": CONTENT_POLICY}
    return headers | ({"strict-transport-security": "max-age=31536000; includeSubDomains"} if secure else {})


class SecurityHeaders:
    """Adds to each answer the headers that it does not bring itself."""

    def __init__(self, app: ASGIApp, secure: bool):
        self.app, self.headers = app, security_headers(secure=secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, answer)


def visitor(request: Request) -> str:
    """Give the secret that ties a browser to its forms: its session or visitor cookie, or one to be set now."""
    site = request.app.state.site
    if not hasattr(request.state, "visitor"):
        known = request.cookies.get(site.cookie(VISITOR_COOKIE))
        request.state.visitor = known or secrets.token_urlsafe(24)
        request.state.new_visitor = known is None
    found: str = request.state.visitor
    return found


def form_token(request: Request) -> str:
    """Give the token that the forms of a page bring back; signed once a page."""
    if not hasattr(request.state, "form_token"):
        request.state.form_token = request.app.state.site.signer.sign("form", visitor(request))
    token: str = request.state.form_token
    return token


async def forgery_guard(request: Request, site: SiteHere) -> None:
    """Refuse a change that does not come from a page of ours (403).

    Browsers say where a request comes from; and the form, or htmx's header, brings a token that only a page made for
    this browser holds. Requests that change nothing pass.
    """
    if request.method in _SAFE:
        return
    origin = request.headers.get("origin")
    if origin is not None and not _is_ours(origin, request, site.settings.base_url):
        raise HTTPException(403, "This request comes from another site.")
    token = request.headers.get(HEADER)
    if token is None:
        try:
            sent = (await request.form()).get(FORM_FIELD)
        except HTTPException:  # too large, or too slow
            raise
        except Exception as problem:  # not a form
            raise HTTPException(400, "This is no form that can be read.") from problem
        token = sent if isinstance(sent, str) else None
    known = request.cookies.get(site.cookie(VISITOR_COOKIE))
    if token is None or known is None or site.signer.read("form", token, max_age=_TOKEN_AGE) != known:
        raise HTTPException(403, "This form is too old, or not of this site. Go back, load the page again, and retry.")


def _is_ours(origin: str, request: Request, base_url: str) -> bool:
    scheme, _, host = origin.partition("://")
    return scheme in ("http", "https") and host in (request.headers.get("host"), urlsplit(base_url).netloc)
