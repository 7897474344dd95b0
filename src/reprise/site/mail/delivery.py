"""Handing mails over: each one claimed before it is sent, and marked after the server has taken it.

A sender that is killed before the server took a mail leaves a claim, which is void after `LEASE`; the mail is then
sent. One that is killed in the instant between the server's word and the mark has it sent once more, with the same
Message-ID, by which mail servers and readers know a repeat. No mail is lost, and two senders never send one at once.
"""

from __future__ import annotations

import asyncio
import datetime
from dataclasses import dataclass

import aiosmtplib
from sqlalchemy import or_, select, update

from reprise.site.mail.smtp import MailServer, message_of
from reprise.site.store import Store
from reprise.site.store.tables import Mail
from reprise.site.store.types import now

LEASE = datetime.timedelta(minutes=5)
ATTEMPTS = 8
_FIRST_WAIT = datetime.timedelta(minutes=1)


@dataclass(frozen=True)
class Delivered:
    """How many mails were sent, wait for another attempt, and were given up."""

    sent: int = 0
    waiting: int = 0
    given_up: int = 0


def deliver(
    store: Store,
    server: MailServer,
    sender: str,
    *,
    limit: int | None = None,
    lease: datetime.timedelta = LEASE,
) -> Delivered:
    """Send the mails that are due, at most `limit`, over one connection.

    Parameters
    ----------
    store, server, sender, limit : what, to where, by whom, how many.
    lease : after which another sender's claim is void; longer than a mail may take.
    """
    return asyncio.run(_deliver(store, server, sender, limit, lease))


def claim(store: Store, lease: datetime.timedelta = LEASE) -> Mail | None:
    """Claim the mail that is due the longest, or None."""
    at = now()
    free = or_(Mail.claimed.is_(None), Mail.claimed < at - lease)
    with store.writing() as session:
        number = session.scalar(
            select(Mail.id)
            .where(Mail.sent.is_(None), Mail.due <= at, Mail.attempts < ATTEMPTS, free)
            .order_by(Mail.due, Mail.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if number is None:
            return None
        session.execute(update(Mail).where(Mail.id == number).values(claimed=at, attempts=Mail.attempts + 1))
        return session.get_one(Mail, number, populate_existing=True)


async def _deliver(
    store: Store, server: MailServer, sender: str, limit: int | None, lease: datetime.timedelta
) -> Delivered:
    sent = waiting = given_up = 0
    mail = claim(store, lease)
    if mail is None:
        return Delivered()
    try:
        async with server.connected() as connection:
            while mail is not None:
                outcome = await _send(store, connection, mail, sender)
                sent += outcome == "sent"
                waiting += outcome == "waiting"
                given_up += outcome == "given up"
                mail = None
                if limit is None or sent + waiting + given_up < limit:
                    mail = claim(store, lease)
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as problem:
        if mail is not None:  # the connection failed: this mail, and all that are due, wait
            waiting += 1
            _postpone(store, mail, problem, final=mail.attempts >= ATTEMPTS)
    return Delivered(sent, waiting, given_up)


async def _send(store: Store, connection: aiosmtplib.SMTP, mail: Mail, sender: str) -> str:
    try:
        await connection.send_message(message_of(mail, sender), sender=sender, recipients=[mail.recipient])
    except (OSError, aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPConnectError, aiosmtplib.SMTPTimeoutError):
        raise
    except Exception as problem:  # whatever is wrong with one mail, the others go on
        final = _is_final(problem) or mail.attempts >= ATTEMPTS
        _postpone(store, mail, problem, final=final)
        return "given up" if final else "waiting"
    with store.writing() as session:
        session.execute(update(Mail).where(Mail.id == mail.id).values(sent=now(), claimed=None, problem=""))
    return "sent"


def _is_final(problem: Exception) -> bool:
    """Say whether a server's word, or what is wrong with the mail, will not change (5xx)."""
    if isinstance(problem, aiosmtplib.SMTPRecipientsRefused):
        return all(refused.code >= 500 for refused in problem.recipients)
    code = getattr(problem, "code", None)
    return not isinstance(problem, aiosmtplib.SMTPException) or (code is not None and code >= 500)


def _postpone(store: Store, mail: Mail, problem: Exception, *, final: bool) -> None:
    wait = _FIRST_WAIT * 2 ** (mail.attempts - 1)
    with store.writing() as session:
        session.execute(
            update(Mail)
            .where(Mail.id == mail.id)
            .values(
                claimed=None,
                due=now() + wait,
                problem=" ".join(str(problem).split())[:500] or type(problem).__name__,
                attempts=ATTEMPTS if final else mail.attempts,
            )
        )
