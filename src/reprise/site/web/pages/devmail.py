"""The mails that the development server keeps instead of sending them."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from reprise.site.web.context import SiteHere
from reprise.site.web.render import page

router = APIRouter()
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@router.get("/dev/mail", response_class=HTMLResponse)
def show(request: Request, site: SiteHere) -> HTMLResponse:
    """Show the mails, the latest first."""
    if site.mail_sink is None:
        raise HTTPException(404)
    return page(request, "dev_mail.html", mails=site.mail_sink.mails)


@router.get("/dev/mail/{number}.html")
def as_html(site: SiteHere, number: int) -> Response:
    """Show the HTML part of a mail as its reader would see it."""
    mails = site.mail_sink.mails if site.mail_sink is not None else []
    if not 0 <= number < len(mails) or not mails[number].html:
        raise HTTPException(404)
    return HTMLResponse(mails[number].html, headers={"content-security-policy": _MAIL_POLICY})
