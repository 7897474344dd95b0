"""Language models that answer messages: any OpenAI-compatible endpoint, or SmolLM2 on this machine.

`BoundedChat` puts bounds on calls and tokens around either, tries again after passing errors, and keeps answers on disk
so that a run that was cut off asks nothing twice. What a model answers is text and nothing else: it is never run.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import math
import os
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from reprise.errors import InvalidInputError, RepriseError

Messages = Sequence[Mapping[str, str]]

URL_VARIABLE, MODEL_VARIABLE, KEY_VARIABLE = "REPRISE_CHAT_URL", "REPRISE_CHAT_MODEL", "REPRISE_CHAT_KEY"
_LARGEST_ANSWER = 4 * 2**20  # bytes; an endpoint that sends more is not read further
_PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_LETTERS_A_TOKEN = 4.0
_LONGEST_WAIT = 60.0


class ChatError(RepriseError):
    """A language model gave no answer: says why; `passing` where trying again may help."""

    def __init__(self, message: str, *, passing: bool = False):
        super().__init__(message)
        self.passing = passing


class ChatBudgetError(ChatError):
    """The calls or tokens that were allowed are spent."""


class Answer(str):
    """An answer, with the tokens it took where the model tells (else None)."""

    prompt_tokens: int | None = None
    answer_tokens: int | None = None


@runtime_checkable
class Chat(Protocol):
    """Whatever answers messages, each a mapping with `role` (system, user, assistant) and `content`."""

    name: str

    def complete(self, messages: Messages, *, max_tokens: int = 300) -> str:
        """Give an answer of at most so many tokens; raise `ChatError` where there is none."""


@dataclass
class Usage:
    """What was asked so far.

    Attributes
    ----------
    calls : requests made, those that failed among them.
    cached : answers that were on disk already.
    failed : requests that gave no answer.
    prompt_tokens, answer_tokens : as the endpoint counts them, or a quarter of the letters where it does not.
    seconds : time spent waiting.
    """

    calls: int = 0
    cached: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0


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


class LocalChat:
    """A causal language model on this machine, answering greedily.

    Parameters
    ----------
    model_name : see `reprise.models.language.load_language_model`; loaded with the first message.
    device : where it runs.
    """

    def __init__(self, model_name: str = "smollm2-135m-instruct", *, device: str = "cpu"):
        self.name, self.device = model_name, device
        self._loaded: tuple[Any, Any] | None = None

    def complete(self, messages: Messages, *, max_tokens: int = 300) -> str:
        """Generate an answer.

        Raises
        ------
        ChatError
            If the messages and the answer do not fit into the model's window.
        MissingPackageError
            If the model is not installed.
        """
        import torch

        from reprise.models.language import load_language_model

        if self._loaded is None:
            self._loaded = load_language_model(self.name, device=self.device)
        model: Any
        tokenizer: Any
        model, tokenizer = self._loaded
        text = tokenizer.apply_chat_template(
            [dict(message) for message in messages], tokenize=False, add_generation_prompt=True
        )
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids.to(self.device)
        window = model.config.max_position_embeddings
        if ids.shape[1] + max_tokens > window:
            raise ChatError(f"{ids.shape[1]} tokens and an answer of {max_tokens} exceed the window of {window}.")
        with torch.inference_mode():
            written = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=max_tokens,
                do_sample=False,
                pad_token_id=tokenizer.eos_token_id,
            )
        answer = Answer(tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True).strip())
        answer.prompt_tokens, answer.answer_tokens = ids.shape[1], written.shape[1] - ids.shape[1]
        return answer

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_loaded": None}


class BoundedChat:
    """A chat with bounds on what it may cost, second tries, and answers kept on disk.

    Parameters
    ----------
    chat : what answers.
    max_calls, max_tokens : in all; tokens count prompts and answers, and a call is not begun unless its longest answer
        would fit. None sets no bound.
    cache : folder of answers, one file each, written whole or not at all; what is there is not asked again.
    retries : further tries after a passing error, each a call; a mistake of ours (such as a wrong key) has none.
    delay : seconds before the first of them; each wait is twice the last.
    patience : messages in a row that may fail before every further one fails at once.
    sleep : waits; for tests.

    Attributes
    ----------
    usage : `Usage` so far.

    Raises
    ------
    InvalidInputError
        If a bound is negative.

    Examples
    --------
    >>> class Echo:
    ...     name = "echo"
    ...     def complete(self, messages, *, max_tokens=300):
    ...         return messages[-1]["content"]
    >>> chat = BoundedChat(Echo(), max_calls=1)
    >>> chat.complete([{"role": "user", "content": "Hello"}])
    'Hello'
    >>> chat.complete([{"role": "user", "content": "Again"}])
    Traceback (most recent call last):
    ...
    reprise.models.chat.ChatBudgetError: All 1 calls to echo that were allowed are spent.
    """

    def __init__(
        self,
        chat: Chat,
        *,
        max_calls: int | None = None,
        max_tokens: int | None = None,
        cache: str | Path | None = None,
        retries: int = 3,
        delay: float = 2.0,
        patience: int = 3,
        sleep: Callable[[float], None] = time.sleep,
    ):
        for name, bound in (("max_calls", max_calls), ("max_tokens", max_tokens), ("retries", retries)):
            if bound is not None and bound < 0:
                raise InvalidInputError(f"{name} is at least 0; got {bound}.")
        self.chat, self.name = chat, chat.name
        self.max_calls, self.max_tokens = max_calls, max_tokens
        self.cache = Path(cache) if cache is not None else None
        self.retries, self.delay, self.patience, self.sleep = retries, delay, patience, sleep
        self.usage = Usage()
        self._failed_in_a_row, self._last_error = 0, ""

    def complete(self, messages: Messages, *, max_tokens: int = 300) -> str:
        """Give the answer on disk, or ask.

        Raises
        ------
        ChatBudgetError
            If the bounds allow no further call.
        ChatError
            If no try gave an answer.
        """
        path = self._path(messages, max_tokens)
        kept = _read(path) if path is not None else None
        if kept is not None:
            self.usage.cached += 1
            return kept
        if self._failed_in_a_row >= self.patience:
            raise ChatError(
                f"{self.name} is not asked any more, as it failed {self.patience} times: {self._last_error}"
            )
        answer = self._ask(messages, max_tokens)
        self._failed_in_a_row = 0
        if path is not None:
            _write(path, {"model": self.name, "answer": str(answer)})
        return answer

    def _ask(self, messages: Messages, max_tokens: int) -> str:
        wait = self.delay
        for attempt in range(self.retries + 1):
            self._check_bounds(messages, max_tokens)
            self.usage.calls += 1
            began = time.perf_counter()
            try:
                answer = self.chat.complete(messages, max_tokens=max_tokens)
            except ChatError as problem:
                self.usage.failed += 1
                self.usage.prompt_tokens += _estimated(messages)
                if attempt == self.retries or not problem.passing:
                    self._failed_in_a_row, self._last_error = self._failed_in_a_row + 1, str(problem)
                    raise
            else:
                self._count(messages, answer)
                return answer
            finally:
                self.usage.seconds += time.perf_counter() - began
            self.sleep(min(wait, _LONGEST_WAIT))
            wait *= 2
        raise AssertionError("the last attempt returns or raises")

    def _check_bounds(self, messages: Messages, max_tokens: int) -> None:
        if self.max_calls is not None and self.usage.calls >= self.max_calls:
            raise ChatBudgetError(f"All {self.max_calls:,} calls to {self.name} that were allowed are spent.")
        spent = self.usage.prompt_tokens + self.usage.answer_tokens
        if self.max_tokens is not None and spent + _estimated(messages) + max_tokens > self.max_tokens:
            raise ChatBudgetError(
                f"{spent:,} of the {self.max_tokens:,} tokens allowed for {self.name} are spent; "
                "the next call does not fit."
            )

    def _count(self, messages: Messages, answer: str) -> None:
        prompt, written = getattr(answer, "prompt_tokens", None), getattr(answer, "answer_tokens", None)
        self.usage.prompt_tokens += _estimated(messages) if prompt is None else prompt
        self.usage.answer_tokens += estimated_tokens(answer) if written is None else written

    def _path(self, messages: Messages, max_tokens: int) -> Path | None:
        if self.cache is None:
            return None
        asked = json.dumps([self.name, [dict(message) for message in messages], max_tokens], sort_keys=True)
        return self.cache / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.json"


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


def estimated_tokens(text: str) -> int:
    """Estimate how many tokens a text takes: one in four letters.

    Examples
    --------
    >>> estimated_tokens("twelve chars")
    3
    """
    return math.ceil(len(text) / _LETTERS_A_TOKEN)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *request: Any, **rest: Any) -> None:
        return None


def _receive(request: urllib.request.Request, timeout: float, received: list[bytes | Exception]) -> None:
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout) as stream:
            received.append(stream.read(_LARGEST_ANSWER))
    except (OSError, http.client.HTTPException, ValueError) as problem:
        received.append(problem)


def _estimated(messages: Messages) -> int:
    return sum(estimated_tokens(message["content"]) for message in messages)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _shown(content: bytes) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in content[:400].decode("utf-8", "replace"))
    text = " ".join(text.split())
    return repr(text if len(text) <= 160 else text[:160] + "…")


def _read(path: Path) -> str | None:
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))["answer"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return answer if isinstance(answer, str) else None


def _write(path: Path, content: Mapping[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8") as stream:
        json.dump(content, stream)
    os.replace(stream.name, path)
