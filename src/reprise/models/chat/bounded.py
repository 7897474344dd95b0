"""Bounds on calls and tokens, second tries, and answers kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from reprise.errors import InvalidInputError
from reprise.models.chat.contract import Chat, ChatBudgetError, ChatError, Messages, Usage, estimated_tokens

_LONGEST_WAIT = 60.0


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
    reprise.models.chat.contract.ChatBudgetError: All 1 calls to echo that were allowed are spent.
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


def _estimated(messages: Messages) -> int:
    return sum(estimated_tokens(message["content"]) for message in messages)


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
