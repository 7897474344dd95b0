"""Readers who are shown the door: what they said goes with them, and their address cannot log in again."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from reprise.site.accounts.export import delete_account
from reprise.site.digests import digest
from reprise.site.store import add_once
from reprise.site.store.tables import Account, Barred


def bar(session: Session, account: int) -> None:
    """Delete an account with all that is its own, and keep its address from coming back.

    Of the address only a digest is kept.
    """
    email = session.get_one(Account, account).email
    add_once(session, Barred(digest=digest(email)))
    delete_account(session, account)


def is_barred(session: Session, email: str) -> bool:
    """Say whether an address is kept from logging in."""
    return session.get(Barred, digest(email)) is not None


def let_in(session: Session, email: str) -> bool:
    """Let an address log in again; say whether it was barred."""
    found = session.scalar(select(Barred.digest).where(Barred.digest == digest(email)))
    session.execute(delete(Barred).where(Barred.digest == digest(email)))
    return found is not None
