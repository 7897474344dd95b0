"""HEAD: what GET answers, without the body; link checkers, monitors and proxies ask so."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STREAMED = "/mcp"  # its GET opens a stream


class AnswerHead:
    """Answers HEAD wherever GET is answered."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, a HEAD as a GET whose body is kept back."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"] == _STREAMED:
            await self.app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET"}, receive, without_body)
