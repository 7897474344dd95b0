"""How many requests one reader may make."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from fastapi import Request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter


class TooMany(Exception):
    """Raised where a reader makes more requests than allowed; `retry_after` is in seconds."""

    def __init__(self, retry_after: int):
        super().__init__(f"too many requests; {retry_after} s to wait")
        self.retry_after = retry_after


class Limiter:
    """Counts requests in windows that move with time, in memory.

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

    def __init__(self) -> None:
        self._windows = MovingWindowRateLimiter(MemoryStorage())

    def hit(self, rate: str, *who: str) -> None:
        """Count one request.

        Raises
        ------
        TooMany
            If `who` has made as many as `rate` allows.
        """
        import math
        import time

        item = parse(rate)
        if not self._windows.hit(item, *who):
            reset = self._windows.get_window_stats(item, *who).reset_time
            raise TooMany(max(1, math.ceil(reset - time.time())))


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
