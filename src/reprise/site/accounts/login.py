"""Logging in by a link that is sent by mail: no passwords, and no word on who has an account."""

from __future__ import annotations

import datetime
import re
import secrets

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from reprise.errors import InvalidInputError
from reprise.site.digests import digest
from reprise.site.mail.outbox import enqueue
from reprise.site.settings import Settings
from reprise.site.store import add_once
from reprise.site.store.tables import Account, LoginSession, LoginToken
from reprise.site.store.types import now

_LONGEST, _LONGEST_LOCAL = 254, 64  # characters of an address, and of what stands before its @ (RFC 5321)
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(  # what browsers take for one (HTML, "valid e-mail address"), with dots only between letters
    rf"(?P<local>[a-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*)@{_LABEL}(?:\.{_LABEL})*"
)
_ENCODED = "=?"  # with which a word in another alphabet begins in a mail's header (RFC 2047)


def address_of(text: str) -> str:
    """Give an e-mail address in lower case, which stands in a mail's header as it is.

    Raises
    ------
    InvalidInputError
        If it is none.

    Examples
    --------
    >>> address_of(" Ada@Example.org ")
    'ada@example.org'
    """
    stripped = text.strip()
    address = stripped.lower()
    found = _ADDRESS.fullmatch(address) if stripped.isascii() and len(stripped) <= _LONGEST else None
    if found is None or len(found["local"]) > _LONGEST_LOCAL or _ENCODED in address:
        raise InvalidInputError(f"{stripped[:80]!r} is no e-mail address such as ada@example.org.")
    return address


def send_link(session: Session, settings: Settings, email: str, back: str = "/") -> None:
    """Write a mail with a link to log in; whoever has the address can log in with it, known before or not."""
    secret = secrets.token_urlsafe(32)
    at = now()
    session.execute(delete(LoginToken).where(LoginToken.expires < at))
    session.add(LoginToken(digest=digest(secret), email=email, expires=at + _minutes(settings)))
    link = f"{settings.base_url}/login/{secret}"
    if back != "/":
        from urllib.parse import quote

        link += f"?next={quote(back, safe='')}"
    text = (
        f"Open this link and press the button to log in to {settings.title}:\n\n{link}\n\n"
        f"It serves once, for {settings.login_minutes} minutes. If you did not ask for it, do nothing.\n"
    )
    enqueue(session, f"login {digest(secret)[:32]}", email, f"Log in to {settings.title}", text)


def pending(session: Session, secret: str) -> bool:
    """Say whether a link can still be used."""
    token = session.get(LoginToken, digest(secret))
    return token is not None and token.used is None and token.expires > now()


def use_link(session: Session, settings: Settings, secret: str) -> str | None:
    """Use a link: give the secret of a new session, or None if the link is unknown, used or too old."""
    at = now()
    email = session.scalar(
        update(LoginToken)
        .where(LoginToken.digest == digest(secret), LoginToken.used.is_(None), LoginToken.expires > at)
        .values(used=at)
        .returning(LoginToken.email)
    )
    if email is None:
        return None
    account = _account(session, email)
    cookie = secrets.token_urlsafe(32)
    session.execute(delete(LoginSession).where(LoginSession.expires < at))
    session.add(
        LoginSession(
            digest=digest(cookie),
            account_id=account.id,
            created=at,
            expires=at + datetime.timedelta(days=settings.session_days),
        )
    )
    return cookie


def log_out(session: Session, secret: str, *, everywhere: bool = False) -> None:
    """End the session of a cookie, or all of its account's."""
    found = session.get(LoginSession, digest(secret))
    if found is None:
        return
    if everywhere:
        session.execute(delete(LoginSession).where(LoginSession.account_id == found.account_id))
    else:
        session.delete(found)


def _account(session: Session, email: str) -> Account:
    account = session.scalar(select(Account).where(Account.email == email))
    if account is None:
        add_once(session, Account(email=email))
        account = session.scalars(select(Account).where(Account.email == email)).one()
    return account


def _minutes(settings: Settings) -> datetime.timedelta:
    return datetime.timedelta(minutes=settings.login_minutes)
