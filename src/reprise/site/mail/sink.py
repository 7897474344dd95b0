"""A mail server for development that sends nothing: it keeps the last mails, to be read in the browser."""

from __future__ import annotations

import datetime
import threading
from collections import deque
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from reprise.errors import MissingPackageError
from reprise.site.store.types import now

_MOST = 200


@dataclass(frozen=True)
class Caught:
    """A mail that the sink took."""

    message_id: str
    sender: str
    to: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    at: datetime.datetime


class MailSink:
    """Takes mails on a port of this machine.

    Parameters
    ----------
    port : 0 takes a free one.
    """

    def __init__(self, port: int = 0):
        try:
            from aiosmtpd.controller import Controller
        except ImportError as problem:
            raise MissingPackageError("aiosmtpd", "pip install aiosmtpd", "Reading mails in the browser") from problem
        self._mails: deque[Caught] = deque(maxlen=_MOST)
        self._lock = threading.Lock()
        self._controller = Controller(self, hostname="127.0.0.1", port=port or free_port())

    def start(self) -> None:
        """Begin to take mails."""
        self._controller.start()

    def stop(self) -> None:
        """End."""
        self._controller.stop()

    @property
    def url(self) -> str:
        """Its address, as `MailServer.of_url` reads it."""
        return f"smtp://127.0.0.1:{self._controller.port}"

    @property
    def mails(self) -> list[Caught]:
        """The mails taken, the latest first."""
        with self._lock:
            return list(reversed(self._mails))

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Take a mail."""
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        with self._lock:
            self._mails.append(
                Caught(
                    message_id=str(message["Message-ID"] or ""),
                    sender=envelope.mail_from,
                    to=", ".join(envelope.rcpt_tos),
                    subject=str(message["Subject"] or ""),
                    text=_part(message, "plain"),
                    html=_part(message, "html"),
                    headers={name: str(value) for name, value in message.items()},
                    at=now(),
                )
            )
        return "250 Taken"


def free_port() -> int:
    """Give a port of this machine that nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
