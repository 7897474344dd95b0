"""Which addresses lead where: back to this site and never to another, or to this very machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from fastapi import Request

LONGEST_BACK = 500
"""Letters of an address that a log-in leads back to."""


def local_target(request: Request, address: str) -> str:
    """Give the path and query of an address of this site; anything else becomes the front page."""
    if "\\" in address or any(ord(letter) < 32 for letter in address):
        return "/"
    try:
        parts = urlsplit(address)
    except ValueError:  # such as http://[
        return "/"
    if parts.netloc and parts.netloc != request.headers.get("host"):
        return "/"
    if parts.scheme not in ("", "http", "https") or not parts.path.startswith("/") or parts.path.startswith("//"):
        return "/"
    return parts.path + (f"?{parts.query}" if parts.query else "")


def is_this_machine(host: str) -> bool:
    """Say whether a name or address can only mean the machine itself.

    Examples
    --------
    >>> [is_this_machine(host) for host in ("localhost", "127.0.0.1", "::1", "papers.example.org", "10.0.0.7")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
