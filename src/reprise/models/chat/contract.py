"""What answers messages, what goes wrong, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from reprise.errors import RepriseError

Messages = Sequence[Mapping[str, str]]

_LETTERS_A_TOKEN = 4.0


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


def estimated_tokens(text: str) -> int:
    """Estimate how many tokens a text takes: one in four letters.

    Examples
    --------
    >>> estimated_tokens("twelve chars")
    3
    """
    return math.ceil(len(text) / _LETTERS_A_TOKEN)
