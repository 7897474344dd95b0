"""Which addresses may be asked: those of the public internet, or a private one that the setting itself names."""

from __future__ import annotations

import ipaddress
import math
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from reprise.site.ingest.errors import SourceError

_PRIVATE_ENDINGS = ("localhost", ".localhost", ".internal", ".local", ".lan", ".home.arpa")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def names_a_private_host(host: str) -> bool:
    """Say whether a host can only be meant privately: an address, or a name that the public internet does not have.

    Examples
    --------
    >>> [names_a_private_host(host) for host in ("127.0.0.1", "mirror", "papers.internal", "export.arxiv.org")]
    [True, True, True, False]
    """
    try:
        ipaddress.ip_address(host)
        return True
    except ValueError:
        return "." not in host or host.lower().endswith(_PRIVATE_ENDINGS)


def is_public(address: str) -> bool:
    """Say whether an address belongs to the public internet, also where it is wrapped into an IPv6 one.

    Examples
    --------
    >>> [is_public(address) for address in ("151.101.3.42", "10.0.0.7", "169.254.169.254", "::ffff:127.0.0.1")]
    [True, False, False, False]
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast


class BoundTransport(httpx.BaseTransport):
    """Connect to one host only, and only to addresses that may be asked.

    The name is resolved once for each request, and what was checked is what is connected to, so that a name server
    cannot give one address to the check and another to the connection. Where the environment names a proxy
    (``HTTPS_PROXY``), httpx asks that one instead, and what it may reach is for it to say.

    Parameters
    ----------
    host : of the configured address.
    deadline : seconds after which the beginning of an answer must have come, however its bytes drip.
    """

    def __init__(self, host: str, deadline: float = math.inf):
        self._host, self._deadline = host, deadline
        self._inner = httpx.HTTPTransport()
        self._socket: socket.socket | None = None  # of the last connection: requests come one after the other

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the first address that takes a connection."""
        if request.url.host != self._host:
            raise httpx.UnsupportedProtocol(f"{request.url.host} is not {self._host}", request=request)
        problem: httpx.TransportError | None = None
        for address in self._resolve(request):
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions | {"sni_hostname": self._host, "trace": self._watch},
            )
            try:
                with self._in_time():
                    return self._inner.handle_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as failure:
                problem = failure
        raise problem or httpx.ConnectError(f"{self._host} has no address", request=request)

    def _watch(self, event: str, told: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self._socket = told["return_value"].get_extra_info("socket")

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Hang up on a server that lets its headers drip, each byte before the time for one is over."""
        timer = threading.Timer(min(self._deadline, threading.TIMEOUT_MAX), self._hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _hang_up(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # it was closed just now
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close all connections."""
        self._inner.close()

    def _resolve(self, request: httpx.Request) -> list[str]:
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            found = socket.getaddrinfo(self._host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as problem:
            raise httpx.ConnectError(f"{self._host} is not known here ({problem})", request=request) from problem
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if names_a_private_host(self._host):
            return addresses
        for address in addresses:
            if not is_public(address):
                raise SourceError(f"{self._host} leads to {address}, which is no address of the public internet.")
        return addresses
