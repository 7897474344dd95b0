"""What a request may bring: so many bytes, in so many seconds; no form of the site needs more."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 512 * 1024
"""A note of 20,000 letters, each of which takes twelve bytes in a form, with room to spare."""
MOST_SECONDS = 30.0


class BodyLimit:
    """Ends a request whose body is too large (413) or comes too slowly (408), before it is held whole.

    Parameters
    ----------
    app : that reads bodies.
    most_bytes, most_seconds : of one body, from the first time it is read.
    """

    def __init__(self, app: ASGIApp, most_bytes: int = MOST_BYTES, most_seconds: float = MOST_SECONDS):
        self.app, self.most_bytes, self.most_seconds = app, most_bytes, most_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        left, until, whole = self.most_bytes, 0.0, False
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and (len(announced) > 18 or int(announced) > left):
            left = -1

        async def limited() -> Message:
            nonlocal left, until, whole
            if whole:  # what is waited for now is that the reader goes away
                return await receive()
            if left < 0:
                raise HTTPException(413)
            until = until or asyncio.get_running_loop().time() + self.most_seconds
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408) from None
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413)
            whole = not message.get("more_body", False)
            return message

        await self.app(scope, limited, send)
