"""Subscribing to mails, seeing what one gets, and ending it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from reprise.catalogue import FAMILIES, TASKS
from reprise.errors import InvalidInputError
from reprise.site.accounts.login import address_of
from reprise.site.digests import digest
from reprise.site.mail.subscriptions import (
    MANAGE,
    Frequency,
    Scope,
    Wish,
    ask_confirmation,
    confirm,
    describe,
    end,
    manage_link,
    read_wish,
    subscriptions_of,
    topic_query,
    unsubscribe_link,
)
from reprise.site.store.feed import Filter
from reprise.site.web.context import Reading, SiteHere, find_reader
from reprise.site.web.limits import TooMany, client
from reprise.site.web.render import page

router = APIRouter()
machine_router = APIRouter()
"""Addresses that mail programs press by themselves (RFC 8058), and which therefore need no form of ours."""


@router.get("/subscribe", response_class=HTMLResponse)
def ask(
    request: Request, site: SiteHere, q: str = "", category: str = "", family: str = "", task: str = ""
) -> HTMLResponse:
    """Ask what to send, and where."""
    reader = find_reader(request, site)
    link = manage_link(site.settings, site.signer, reader.email) if reader else ""
    return page(
        request,
        "subscribe.html",
        view="subscribe",
        families=FAMILIES,
        tasks=TASKS,
        problem="",
        manage=link.removeprefix(site.settings.base_url),
        chosen={"q": q[:500], "category": category[:64], "family": family[:32], "task": task[:32]},
    )


@router.post("/subscribe", response_class=HTMLResponse)
def send(
    request: Request,
    site: SiteHere,
    email: Annotated[str, Form(max_length=320)],
    frequency: Annotated[Frequency, Form()] = "daily",
    scope: Annotated[Scope, Form()] = "all",
    q: Annotated[str, Form(max_length=600)] = "",
    category: Annotated[str, Form(max_length=64)] = "",
    family: Annotated[str, Form(max_length=32)] = "",
    task: Annotated[str, Form(max_length=32)] = "",
    runs: Annotated[bool, Form()] = False,
) -> HTMLResponse:
    """Send a mail that asks for confirmation; the answer is the same whether or not the address is subscribed."""
    site.limiter.hit(site.settings.login_rate, "subscribe from", client(request, site.settings.trusted_proxies))
    query = q if scope == "search" else topic_query(Filter(category.strip(), family, task, runs))
    try:
        wish = Wish(address_of(email), frequency, scope, query)
        site.limiter.hit(site.settings.login_rate, "subscribe to", digest(wish.email))
        with site.store.writing() as session:
            ask_confirmation(session, site.settings, site.signer, wish)
    except TooMany:
        pass  # enough mails to this address; whoever asks need not know
    except InvalidInputError as problem:
        return page(
            request,
            "subscribe.html",
            status=422,
            view="subscribe",
            families=FAMILIES,
            tasks=TASKS,
            problem=str(problem),
            manage="",
            chosen={"q": q, "category": category, "family": family, "task": task},
        )
    site.wake_mail()
    return page(request, "subscribe_sent.html", email=email.strip())


@router.get("/subscribe/confirm/{token}", response_class=HTMLResponse)
def look(request: Request, site: SiteHere, token: str) -> HTMLResponse:
    """Show the button that confirms."""
    wish = read_wish(site.signer, token)
    if wish is None:
        return page(request, "login_expired.html", status=410)
    return page(request, "subscribe_confirm.html", what=describe(wish), email=wish.email, token=token)


@router.post("/subscribe/confirm/{token}")
def accept(request: Request, site: SiteHere, token: str) -> Response:
    """Subscribe."""
    wish = read_wish(site.signer, token)
    if wish is None:
        return page(request, "login_expired.html", status=410)
    with site.store.writing() as session:
        confirm(session, wish)
    return RedirectResponse(
        manage_link(site.settings, site.signer, wish.email).removeprefix(site.settings.base_url), 303
    )


@router.get("/subscriptions/{token}", response_class=HTMLResponse)
def manage(request: Request, site: SiteHere, session: Reading, token: str) -> HTMLResponse:
    """Show the subscriptions of an address, each with a button that ends it."""
    email = site.signer.read(MANAGE, token, max_age=None)
    if not isinstance(email, str):
        return page(request, "login_expired.html", status=410)
    entries = [
        (describe(found), unsubscribe_link(site.settings, site.signer, found).removeprefix(site.settings.base_url))
        for found in subscriptions_of(session, email)
    ]
    return page(request, "subscriptions.html", email=email, entries=entries)


@router.get("/unsubscribe/{token}", response_class=HTMLResponse)
def leave(request: Request, site: SiteHere, token: str) -> HTMLResponse:
    """Show the button that ends a subscription."""
    if site.signer.read("unsubscribe", token, max_age=None) is None:
        return page(request, "login_expired.html", status=410)
    return page(request, "unsubscribe.html", token=token, done=False)


@machine_router.post("/unsubscribe/{token}", include_in_schema=False)
def stop(request: Request, site: SiteHere, token: str) -> Response:
    """End a subscription, by a button of ours or of a mail program; again is as once."""
    with site.store.writing() as session:
        email = end(session, site.signer, token)
    if email is None:
        return PlainTextResponse("This link is not whole.", 404)
    return page(request, "unsubscribe.html", token=token, done=True)
