"""Mails to be sent, written in the transaction of what they are about."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from reprise.site.store.tables import Mail


def enqueue(
    session: Session,
    key: str,
    to: str,
    subject: str,
    text: str,
    html: str = "",
    headers: Mapping[str, str] | None = None,
) -> bool:
    """Put a mail into the outbox, unless one of its key is there already; say whether it was put.

    Parameters
    ----------
    session : of the transaction that has a reason to send.
    key : names the reason, such as ``"digest 12 2026-11-26"``.
    to, subject, text, html : of the mail; line breaks in a subject become blanks.
    headers : more of them.
    """
    if session.scalar(select(Mail.id).where(Mail.key == key)) is not None:
        return False
    session.add(
        Mail(
            key=key,
            recipient=to,
            subject=" ".join(subject.split()),
            text=text,
            html=html,
            headers=dict(headers or {}),
            message_id=f"<{secrets.token_hex(16)}@reprise-site>",
        )
    )
    session.flush()
    return True
