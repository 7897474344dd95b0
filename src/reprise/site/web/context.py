"""What every page has at hand: the site's parts, a transaction, and who is reading."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select
from sqlalchemy.orm import Session

from reprise.site.accounts.votes import ViewCounter
from reprise.site.digests import digest
from reprise.site.mail.sink import MailSink
from reprise.site.search import Searcher
from reprise.site.settings import Settings
from reprise.site.store import Store
from reprise.site.store.tables import Account, LoginSession
from reprise.site.store.types import now
from reprise.site.tokens import Signer
from reprise.site.web.limits import Limiter

SESSION_COOKIE = "session"


def _nothing() -> None:
    pass


@dataclass
class Site:
    """The running site's parts.

    Parameters
    ----------
    settings, store : as given.
    signer : makes and reads signed tokens.
    limiter : counts requests.
    searcher : finds papers, and those related to one.
    views : counts views.
    mail_sink : keeps mails, where none are sent.
    wake_mail : has waiting mails sent now; does nothing where another server sends them.
    categories : the commonest, with their counts, and when they were counted.
    """

    settings: Settings
    store: Store
    signer: Signer
    limiter: Limiter
    searcher: Searcher
    views: ViewCounter
    mail_sink: MailSink | None = None
    wake_mail: Callable[[], object] = _nothing
    categories: tuple[float, list[tuple[str, int]]] = (-math.inf, [])

    def cookie(self, name: str) -> str:
        """Give the name of a cookie: over HTTPS one that the browser ties to this host."""
        return f"__Host-{name}" if self.settings.secure else name


@dataclass(frozen=True)
class Reader:
    """Who is reading: an account, or nobody in particular."""

    id: int
    email: str
    name: str
    admin: bool


async def get_site(request: Request) -> Site:
    """Give the running site's parts."""
    site: Site = request.app.state.site
    return site


SiteHere = Annotated[Site, Depends(get_site)]


async def _reading(site: SiteHere) -> AsyncIterator[Session]:
    with site.store.reading() as session:  # which asks the database nothing: only a page does, in its own thread
        yield session
        if site.store.dialect == "postgresql":
            await run_in_threadpool(session.close)  # over a socket; SQLite's end of a transaction takes microseconds


def _writing(site: SiteHere) -> Iterator[Session]:
    with site.store.writing() as session:
        yield session


Reading = Annotated[Session, Depends(_reading, scope="function")]
Writing = Annotated[Session, Depends(_writing, scope="function")]


def find_reader(request: Request, site: SiteHere) -> Reader | None:
    """Give the reader who is logged in, or None; looked up once a request."""
    if not hasattr(request.state, "reader"):
        request.state.reader = _look_up(request, site)
    found: Reader | None = request.state.reader
    return found


def _look_up(request: Request, site: Site) -> Reader | None:
    secret = request.cookies.get(site.cookie(SESSION_COOKIE))
    if not secret:
        return None
    with site.store.reading() as session:
        account = session.scalar(
            select(Account)
            .join(LoginSession, LoginSession.account_id == Account.id)
            .where(LoginSession.digest == digest(secret), LoginSession.expires > now())
        )
    if account is None:
        return None
    return Reader(account.id, account.email, account.name, account.email in site.settings.admins)


ReaderHere = Annotated[Reader | None, Depends(find_reader)]


class LoginNeeded(Exception):
    """Raised by pages that only a logged-in reader can use; answered by the way to log in."""


def known_reader(reader: ReaderHere) -> Reader:
    """Give the reader, or raise `LoginNeeded`."""
    if reader is None:
        raise LoginNeeded
    return reader


KnownReader = Annotated[Reader, Depends(known_reader)]


def moderator(reader: KnownReader) -> Reader:
    """Give the reader if they moderate; others see no such page."""
    if not reader.admin:
        from fastapi import HTTPException

        raise HTTPException(404)
    return reader


Moderator = Annotated[Reader, Depends(moderator)]
