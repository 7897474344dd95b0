"""A model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import http.client
import json
import os
import threading
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from reprise.errors import InvalidInputError
from reprise.models.chat.contract import Answer, ChatError, Messages

URL_VARIABLE, MODEL_VARIABLE, KEY_VARIABLE = "REPRISE_CHAT_URL", "REPRISE_CHAT_MODEL", "REPRISE_CHAT_KEY"
_LARGEST_ANSWER = 4 * 2**20  # bytes; an endpoint that sends more is not read further
_PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}


class OpenAIChat:
    """A model behind any endpoint that speaks OpenAI's chat completions (vLLM, llama.cpp, Ollama, a hosted one).

    Answers are asked for at temperature 0. Redirects are refused, as they would take the key elsewhere, and no more
    than 4 MiB of an answer are read.

    Parameters
    ----------
    base_url : such as ``"http://localhost:8000/v1"``.
    model : as the endpoint calls it.
    api_key : sent as a bearer token; None takes `REPRISE_CHAT_KEY` or `OPENAI_API_KEY`, or sends none.
    timeout : seconds for one request in all.

    Raises
    ------
    InvalidInputError
        If the address is no http(s) one, or the timeout is not above 0.
    """

    def __init__(self, base_url: str, model: str, *, api_key: str | None = None, timeout: float = 60.0):
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InvalidInputError(f"An endpoint's address begins with http:// or https://; got {base_url!r}.")
        if not timeout > 0:
            raise InvalidInputError(f"timeout is above 0 seconds; got {timeout}.")
        self.base_url, self.model, self.timeout = base_url.rstrip("/"), model, timeout
        self.name = f"{model} at {parts.hostname}"
        self._key = api_key if api_key is not None else os.environ.get(KEY_VARIABLE) or os.environ.get("OPENAI_API_KEY")

    def complete(self, messages: Messages, *, max_tokens: int = 300) -> str:
        """Make one request.

        Raises
        ------
        ChatError
            If the endpoint cannot be reached, is late, refuses, or answers with something else than a completion.
        """
        body = {"model": self.model, "messages": [dict(message) for message in messages]}
        content = self._post(json.dumps(body | {"max_tokens": max_tokens, "temperature": 0}).encode())
        try:
            reply = json.loads(content)
            text = reply["choices"][0]["message"]["content"]
            if not isinstance(text, str):
                raise TypeError("its content is no text")
        except (ValueError, LookupError, TypeError, RecursionError) as problem:
            raise ChatError(
                f"{self.base_url} answered with something else than a chat completion: {_shown(content)}.", passing=True
            ) from problem
        answer, used = Answer(text), reply.get("usage")
        if isinstance(used, dict):
            answer.prompt_tokens = _count(used.get("prompt_tokens"))
            answer.answer_tokens = _count(used.get("completion_tokens"))
        return answer

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        request = urllib.request.Request(f"{self.base_url}/chat/completions", body, headers)
        received: list[bytes | Exception] = []
        # A socket's own timeout begins anew with every byte, so that one who drips could hold us for ever.
        asking = threading.Thread(target=_receive, args=(request, self.timeout, received), daemon=True)
        asking.start()
        asking.join(self.timeout)
        if not received:
            raise ChatError(f"{self.base_url} gave no answer within {self.timeout:g} s.", passing=True)
        if isinstance(received[0], bytes):
            return received[0]
        raise self._error(received[0]) from received[0]

    def _error(self, problem: Exception) -> ChatError:
        if isinstance(problem, urllib.error.HTTPError):
            said = _shown(problem.read(400)) if problem.fp else ""
            passing = problem.code in _PASSING
            return ChatError(
                f"{self.base_url} refused with status {problem.code}: {said or problem.reason}.", passing=passing
            )
        if isinstance(problem, TimeoutError) or isinstance(getattr(problem, "reason", None), TimeoutError):
            return ChatError(f"{self.base_url} gave no answer within {self.timeout:g} s.", passing=True)
        return ChatError(f"{self.base_url} cannot be reached ({getattr(problem, 'reason', problem)}).", passing=True)


def configured_chat(timeout: float = 60.0) -> OpenAIChat | None:
    """Give the endpoint that `REPRISE_CHAT_URL` and `REPRISE_CHAT_MODEL` name, or None where they do not.

    Raises
    ------
    InvalidInputError
        If only one of the two is set, or the address is none.
    """
    url, model = os.environ.get(URL_VARIABLE), os.environ.get(MODEL_VARIABLE)
    if not url and not model:
        return None
    if not url or not model:
        lacking = URL_VARIABLE if not url else MODEL_VARIABLE
        raise InvalidInputError(f"An endpoint needs {URL_VARIABLE} and {MODEL_VARIABLE}; {lacking} is not set.")
    return OpenAIChat(url, model, timeout=timeout)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *request: Any, **rest: Any) -> None:
        return None


def _receive(request: urllib.request.Request, timeout: float, received: list[bytes | Exception]) -> None:
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout) as stream:
            received.append(stream.read(_LARGEST_ANSWER))
    except (OSError, http.client.HTTPException, ValueError) as problem:
        received.append(problem)


def _shown(content: bytes) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in content[:400].decode("utf-8", "replace"))
    text = " ".join(text.split())
    return repr(text if len(text) <= 160 else text[:160] + "…")


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None
