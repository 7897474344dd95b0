"""Telling a reply of the model's own from one that it copied."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher


def longest_common_substring(a: str, b: str) -> str:
    """Give the longest text that lies in both.

    Examples
    --------
    >>> longest_common_substring("the rain fell hard", "a hard rain fell")
    ' rain fell'
    """
    match = SequenceMatcher(None, a, b, autojunk=False).find_longest_match()
    return a[match.a : match.a + match.size]


def is_copy(reply: str, examples: Sequence[str], share: float = 0.5) -> bool:
    """Say whether more than a share of the reply's characters lie in one piece in an example.

    Examples
    --------
    >>> is_copy("A hummingbird lands nearby.", ["A hummingbird lands nearby and dances."])
    True
    >>> is_copy("A fox looks at me.", ["A hummingbird lands nearby and dances."])
    False
    """
    longest = max((len(longest_common_substring(reply, example)) for example in examples), default=0)
    return longest > share * len(reply)
