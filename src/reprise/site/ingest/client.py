"""One client for all that is fetched: paced, patient with failures, and bound to the one host it was made for."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Self, TypeVar

import httpx

from reprise.errors import InvalidInputError
from reprise.site.ingest.addresses import BoundTransport
from reprise.site.ingest.errors import DamagedAnswerError, SourceError

MAX_BYTES = 16 * 2**20
"""Of one answer: what is made of it takes many times as much memory where it means harm."""
MAX_REDIRECTS = 3
MAX_BACKOFF = 120.0
ATTEMPTS = 5
TIMEOUT = 200.0
"""Seconds without a byte: arXiv's OAI-PMH works for up to 180 on a list that nobody has asked for."""
DEADLINE = 300.0
"""Seconds that one answer may take from its first byte to its last."""

_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_PLAIN_CODINGS = {"", "identity", "gzip", "x-gzip", "deflate"}  # which unpack to no more than a thousandfold

T = TypeVar("T")


class _Again(Exception):
    """A failure that may pass; `wait` is how long the source asks to wait."""

    def __init__(self, problem: str, wait: float | None = None):
        super().__init__(problem)
        self.wait = wait


class _Pace:
    """Requests of this process to one host, at least a pause apart."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}

    def turn(self, host: str, pause: float) -> float:
        """Take the next turn; give the seconds until it comes."""
        with self._lock:
            moment = time.monotonic()
            at = max(moment, self._next.get(host, 0.0))
            self._next[host] = at + pause
        return at - moment


_PACE = _Pace()


class Client:
    """Ask one address.

    Parameters
    ----------
    url : the configured address; no other host is ever asked, and its port stays.
    pause : seconds between two requests to its host, and before a first new try; further tries wait twice as long each.
    attempts : tries of one request.
    patience : the longest wait, in seconds, that a source may ask for.
    timeout : seconds without a byte after which an answer counts as lost.
    deadline : seconds after which one counts as lost though bytes come.
    max_bytes : of one answer, unpacked.
    sleep : waits.

    Raises
    ------
    InvalidInputError
        If the address is no http or https address.
    """

    def __init__(
        self,
        url: str,
        *,
        pause: float,
        attempts: int = ATTEMPTS,
        patience: float = 900.0,
        timeout: float = TIMEOUT,
        deadline: float = DEADLINE,
        max_bytes: int = MAX_BYTES,
        sleep: Callable[[float], None] = time.sleep,
    ):
        try:
            self._url = httpx.URL(url)
        except httpx.InvalidURL as problem:
            raise InvalidInputError(f"{url!r} is no address to ingest from: {problem}") from problem
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise InvalidInputError(f"{url!r} is no address to ingest from, such as https://export.arxiv.org/api/query")
        self.host = self._url.host
        self._pause, self._attempts, self._patience, self._sleep = pause, attempts, patience, sleep
        self._deadline, self._max_bytes = deadline, max_bytes
        self._http = httpx.Client(
            transport=BoundTransport(self.host, deadline),
            timeout=httpx.Timeout(timeout, connect=min(timeout, 15.0)),
            headers={"User-Agent": _agent(), "Accept-Encoding": "gzip"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, parameters: Mapping[str, str] | Callable[[int], Mapping[str, str]], read: Callable[[bytes], T]) -> T:
        """Ask with `parameters` in the query, and read the answer.

        Failures that may pass (no connection, a cut or damaged answer, 429 and 5xx) are tried again, after twice as
        long each time, or as long as the source asks for (``Retry-After``) where that is longer.

        Parameters
        ----------
        parameters : of the query, or a function that gives those of each try, counted from 0.
        read : makes something of an answer, or raises `DamagedAnswerError`.

        Raises
        ------
        SourceError
            If no try succeeds, the source refuses, or it wants to send us elsewhere.
        """
        wait = 0.0
        for attempt in range(self._attempts):
            self._sleep(max(wait, _PACE.turn(self.host, self._pause)))
            try:
                asked = parameters(attempt) if callable(parameters) else parameters
                return read(self._fetch(self._url.copy_merge_params(dict(asked))))
            except (_Again, DamagedAnswerError) as problem:
                last = str(problem)
                wait = min(self._pause * 2**attempt, MAX_BACKOFF)
                if isinstance(problem, _Again) and problem.wait is not None:  # arXiv's 503 says 0, and stays busy
                    wait = max(wait, problem.wait)
                if wait > self._patience:
                    minutes = max(1, round(wait / 60))
                    raise SourceError(f"{self.host} asks to be left alone for {minutes} min: try again then.") from None
        raise SourceError(f"{self.host} could not be read in {self._attempts} tries: {last}.")

    def _fetch(self, url: httpx.URL) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            try:
                with self._http.stream("GET", url, follow_redirects=False) as response:
                    if not response.has_redirect_location:
                        return self._body(response)
                    url = self._onward(response)
            except httpx.InvalidURL as problem:
                raise SourceError(f"{self.host} redirects to an address that cannot be read.") from problem
            except (httpx.TransportError, httpx.DecodingError) as problem:
                raise _Again(str(problem) or type(problem).__name__) from problem
            self._sleep(_PACE.turn(self.host, self._pause))
        raise SourceError(f"{self.host} redirects in circles.")

    def _onward(self, response: httpx.Response) -> httpx.URL:
        target = response.url.join(response.headers["location"])
        same = target.host == self.host and target.port == response.url.port
        upgraded = target.host == self.host and (response.url.scheme, target.scheme) == ("http", "https")
        if not (same and target.scheme == response.url.scheme) and not upgraded:
            raise SourceError(
                f"{self.host} redirects to {target.scheme}://{target.netloc.decode('ascii', 'replace')}, "
                "which is not the configured address: set that one if you trust it."
            )
        return target

    def _body(self, response: httpx.Response) -> bytes:
        if response.status_code in _AGAIN:
            raise _Again(f"it answered {response.status_code}", _retry_after(response))
        if response.status_code != 200:
            raise SourceError(
                f"{self.host} refused: it answered {response.status_code} to {_shown(response.url)}.",
                response.status_code,
            )
        if response.headers.get("content-encoding", "").strip().lower() not in _PLAIN_CODINGS:
            raise SourceError(f"{self.host} packs its answer in a way that was not asked for.")
        body = bytearray()
        end = time.monotonic() + self._deadline
        for piece in response.iter_bytes():
            body += piece
            if len(body) > self._max_bytes:
                raise SourceError(f"{self.host} answered with more than {self._max_bytes // 2**20 or 1} MiB.")
            if time.monotonic() > end:
                raise _Again(f"it took more than {self._deadline:.0f} s to answer")
        return bytes(body)


def _shown(url: httpx.URL) -> str:
    """Write an address without the name and password that may be in it."""
    return str(url.copy_with(username=None, password=None))


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _agent() -> str:
    try:
        return f"reprise-papers/{version('reprise-papers')}"
    except PackageNotFoundError:
        return "reprise-papers"
