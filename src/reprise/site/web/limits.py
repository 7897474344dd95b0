"""How many requests one reader may make."""

from __future__ import annotations

import bisect
import functools
import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Collection

from fastapi import Request
from limits import parse


class TooMany(Exception):
    """Raised where a reader makes more requests than allowed; `retry_after` is in seconds."""

    def __init__(self, retry_after: int):
        super().__init__(f"too many requests; {retry_after} s to wait")
        self.retry_after = retry_after


class Limiter:
    """Counts requests in windows that move with time, in memory.

    Whoever has made no request for the longest is forgotten first: once their window is over, or where more than `most`
    would have to be remembered.

    Parameters
    ----------
    most : who are remembered.

    Examples
    --------
    >>> limiter = Limiter()
    >>> limiter.hit("2/minute", "vote", "a reader")
    >>> limiter.hit("2/minute", "vote", "a reader")
    >>> limiter.hit("2/minute", "vote", "another")
    >>> try:
    ...     limiter.hit("2/minute", "vote", "a reader")
    ... except TooMany as problem:
    ...     0 < problem.retry_after <= 60
    True
    """

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._hits: OrderedDict[tuple[str, ...], list[float]] = OrderedDict()  # the latest request last, in both

    def __len__(self) -> int:
        return len(self._hits)

    def hit(self, rate: str, *who: str) -> None:
        """Count one request.

        Raises
        ------
        TooMany
            If `who` has made as many as `rate` allows.
        """
        amount, seconds = _read(rate)
        at = time.monotonic()
        with self._lock:
            self._forget(at)
            hits = self._hits.setdefault((rate, *who), [])
            self._hits.move_to_end((rate, *who))
            del hits[: bisect.bisect(hits, at - seconds)]
            if len(hits) >= amount:
                raise TooMany(max(1, math.ceil(hits[0] + seconds - at)))
            hits.append(at)

    def _forget(self, at: float) -> None:
        for _ in range(2):  # more than one request can add
            if not self._hits:
                return
            (rate, *_), hits = next(iter(self._hits.items()))
            if len(self._hits) < self._most and hits[-1] > at - _read(rate)[1]:
                return
            self._hits.popitem(last=False)


@functools.cache
def _read(rate: str) -> tuple[int, int]:
    item = parse(rate)
    return item.amount, item.get_expiry()


def client(request: Request, trusted: Collection[str] = ()) -> str:
    """Give the address a request comes from: what trusted proxies say, else the connection's own.

    An IPv6 address counts as its /64 network, which one reader has whole.
    """
    address = request.client.host if request.client else "unknown"
    if address in trusted:
        for hop in reversed(request.headers.get("x-forwarded-for", "").split(",")):
            if (hop := hop.strip()) and hop not in trusted:
                address = hop
                break
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown" if address != "testclient" else address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
