"""Logging in by a link, and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from reprise.errors import InvalidInputError
from reprise.site.accounts.login import address_of, log_out, pending, send_link, use_link
from reprise.site.digests import digest
from reprise.site.web.context import SESSION_COOKIE, Reading, SiteHere
from reprise.site.web.limits import TooMany, client
from reprise.site.web.render import page, set_cookie
from reprise.site.web.targets import LONGEST_BACK, local_target

router = APIRouter()
Back = Annotated[str, Query(alias="next", max_length=LONGEST_BACK)]
BackField = Annotated[str, Form(alias="next", max_length=LONGEST_BACK)]
_DAY = 24 * 3600


@router.get("/login", response_class=HTMLResponse)
def ask(request: Request, back: Back = "/") -> HTMLResponse:
    """Ask for an address."""
    return page(request, "login.html", back=local_target(request, back), problem="")


@router.post("/login", response_class=HTMLResponse)
def send(
    request: Request,
    site: SiteHere,
    email: Annotated[str, Form(max_length=320)],
    back: BackField = "/",
) -> HTMLResponse:
    """Send the link; the answer is the same whoever has the address."""
    back = local_target(request, back)
    site.limiter.hit(site.settings.login_rate, "login from", client(request, site.settings.trusted_proxies))
    try:
        address = address_of(email)
    except InvalidInputError as problem:
        return page(request, "login.html", status=422, back=back, problem=str(problem))
    try:
        site.limiter.hit(site.settings.login_rate, "login to", digest(address))
    except TooMany:
        pass  # enough mails to this address; whoever asks need not know
    else:
        with site.store.writing() as session:
            send_link(session, site.settings, address, back)
        site.wake_mail()
    return page(request, "login_sent.html", email=address)


@router.get("/login/{secret}", response_class=HTMLResponse)
def confirm(request: Request, session: Reading, secret: str, back: Back = "/") -> HTMLResponse:
    """Show the button; opening the link alone, as mail scanners do, uses nothing up."""
    if not pending(session, secret):
        return page(request, "login_expired.html", status=410)
    return page(request, "login_confirm.html", secret=secret, back=local_target(request, back))


@router.post("/login/{secret}")
def enter(request: Request, site: SiteHere, secret: str, back: BackField = "/") -> Response:
    """Use the link and log in."""
    with site.store.writing() as session:
        cookie = use_link(session, site.settings, secret)
    if cookie is None:
        return page(request, "login_expired.html", status=410)
    response = RedirectResponse(local_target(request, back), 303)
    set_cookie(response, site, SESSION_COOKIE, cookie, site.settings.session_days * _DAY)
    return response


@router.post("/logout")
def leave(request: Request, site: SiteHere, everywhere: Annotated[bool, Form()] = False) -> RedirectResponse:
    """Log out here, or everywhere."""
    if secret := request.cookies.get(site.cookie(SESSION_COOKIE)):
        with site.store.writing() as session:
            log_out(session, secret, everywhere=everywhere)
    response = RedirectResponse("/", 303)
    response.delete_cookie(site.cookie(SESSION_COOKIE), path="/", secure=site.settings.secure, httponly=True)
    return response
