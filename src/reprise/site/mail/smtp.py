"""Mails as messages, and the server that takes them."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

import aiosmtplib

from reprise.errors import InvalidInputError
from reprise.site.store.tables import Mail

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_TIMEOUT = 30.0


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over.

    Parameters
    ----------
    host, port : of the server.
    tls : from the start; `starttls` requires it after the greeting, None takes it where offered.
    user, password : empty for none.
    """

    host: str
    port: int
    tls: bool = False
    starttls: bool | None = None
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of_url(cls, url: str) -> MailServer:
        """Read an address such as ``smtps://user:password@mail.example.org``.

        Raises
        ------
        InvalidInputError
            If it is none.

        Examples
        --------
        >>> MailServer.of_url("smtp://127.0.0.1:1025").port
        1025
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in _PORTS or not parts.hostname or port == -1:
            raise InvalidInputError(
                "The mail server's address is not understood; "
                "smtp://, smtp+starttls:// or smtps:// and a host is expected."
            )
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            tls=parts.scheme == "smtps",
            starttls=True if parts.scheme == "smtp+starttls" else False if parts.scheme == "smtps" else None,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    @contextlib.asynccontextmanager
    async def connected(self, timeout: float = _TIMEOUT) -> AsyncIterator[aiosmtplib.SMTP]:
        """Open a connection for several mails."""
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.tls,
            start_tls=self.starttls,
            username=self.user or None,
            password=self.password or None,
            timeout=timeout,
        )
        async with client:
            yield client


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """Write a mail as a message: plain text, and HTML beside it where there is some.

    Raises
    ------
    ValueError
        If an address or header holds a line break, or is otherwise none.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Message-ID"] = mail.message_id
    message["Date"] = format_datetime(mail.created.astimezone(datetime.UTC))
    for name, value in mail.headers.items():
        message[name] = str(value)
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    return message
