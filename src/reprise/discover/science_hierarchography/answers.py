"""What a language model wrote, read as data: one JSON object, and lines of plain text."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any

from reprise.models.chat import Chat, ChatError

TRIES = 3
_REMINDER = (
    "That was not the JSON object that was asked for. Answer with the object alone, from {{ to }} (try {number})."
)
_DEEPEST = 200  # levels of nesting; a hostile answer could exhaust the stack otherwise


def ask_for_object(
    chat: Chat, prompt: str, *, max_tokens: int, usable: Callable[[dict[str, Any]], bool], tries: int = TRIES
) -> dict[str, Any]:
    """Ask until the answer holds a JSON object that can be used.

    Parameters
    ----------
    chat : answers.
    prompt : what is asked; each further try is told that the last one was wrong.
    max_tokens : of the answer.
    usable : whether an object has what is needed.
    tries : calls at most.

    Raises
    ------
    ChatError
        If no answer was usable, or the chat gave none.
    """
    messages = [{"role": "user", "content": prompt}]
    for number in range(2, tries + 2):
        found = read_object(chat.complete(messages, max_tokens=max_tokens))
        if found is not None and usable(found):
            return found
        messages = [messages[0], {"role": "user", "content": _REMINDER.format(number=number)}]
    raise ChatError(f"{chat.name} gave no usable JSON object in {tries} tries.")


def read_object(answer: str) -> dict[str, Any] | None:
    """Read what stands from the first { to the last } as JSON, or give None.

    Examples
    --------
    >>> read_object('Sure! {"Cluster Name": "Trees"} Is that right?')
    {'Cluster Name': 'Trees'}
    >>> read_object("{'no': json}") is None
    True
    """
    start, end = answer.find("{"), answer.rfind("}")
    if start < 0 or end < start or answer.count("{") > 10_000 or answer.count("[") > 10_000:
        return None
    try:
        found = json.loads(answer[start : end + 1], parse_constant=lambda text: None)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and _depth_is_sound(found) else None


def plain_line(text: Any, longest: int) -> str:
    """Give a text as one line: no control or direction marks, single spaces, cut at a length.

    Examples
    --------
    >>> plain_line("two\\nlines\\u202e", 20), plain_line(5, 20), plain_line("too long", 5)
    ('two lines', '', 'too …')
    """
    if not isinstance(text, str):
        return ""
    kept = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    line = " ".join(kept.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _depth_is_sound(found: Any) -> bool:
    level, depth = [found], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            return False
        inner = [
            list(part.values()) if isinstance(part, dict) else part for part in level if isinstance(part, dict | list)
        ]
        level = [entry for part in inner for entry in part]
    return True
