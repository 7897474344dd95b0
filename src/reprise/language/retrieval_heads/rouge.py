"""How much of a reference answer a response contains."""

from __future__ import annotations

import re
from collections import Counter

_WORD = re.compile(r"[^\W_]+")


def rouge1_recall(reference: str, response: str) -> float:
    """Give the share of the reference's words that the response has (ROUGE-1 recall; Lin, 2004).

    Words are runs of letters and digits, in lower case and without stemming; each counts as often as it occurs:
    ``sum_w min(n_reference(w), n_response(w)) / sum_w n_reference(w)``. A reference without words gives 0.

    Examples
    --------
    >>> rouge1_recall("the cat sat on the mat", "The cat, on a mat.")
    0.67
    """
    expected, found = word_counts(reference), word_counts(response)
    total = expected.total()
    return (expected & found).total() / total if total else 0.0


def word_counts(text: str) -> Counter[str]:
    """Count the words of a text."""
    return Counter(_WORD.findall(text.lower()))
