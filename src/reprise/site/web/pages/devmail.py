"""The mails that the development server keeps instead of sending them."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from reprise.site.mail.sink import Caught
from reprise.site.web.context import Site, SiteHere
from reprise.site.web.render import page
from reprise.site.web.targets import is_this_machine

router = APIRouter()
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@router.get("/dev/mail", response_class=HTMLResponse)
def show(request: Request, site: SiteHere) -> HTMLResponse:
    """Show the mails, the latest first."""
    return page(request, "dev_mail.html", mails=_mails(request, site))


@router.get("/dev/mail/{number}.html")
def as_html(request: Request, site: SiteHere, number: int) -> Response:
    """Show the HTML part of a mail as its reader would see it."""
    mails = _mails(request, site)
    if not 0 <= number < len(mails) or not mails[number].html:
        raise HTTPException(404)
    return HTMLResponse(mails[number].html, headers={"content-security-policy": _MAIL_POLICY})


def _mails(request: Request, site: Site) -> list[Caught]:
    """Give the mails to whoever sits at this machine: with them one can log in as anybody.

    The address in the request is looked at too, for another site may give its own name to this machine (DNS rebinding).
    """
    if site.mail_sink is None:
        raise HTTPException(404)
    if not (request.client and is_this_machine(request.client.host) and is_this_machine(_asked_host(request))):
        raise HTTPException(403, "These mails are shown only on the machine that runs this server.")
    return site.mail_sink.mails


def _asked_host(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""
