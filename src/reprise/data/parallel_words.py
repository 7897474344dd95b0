"""Common nouns in English, French and German: a small lexicon of Reprise's own, always at hand."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def load_parallel_words() -> dict[str, list[str]]:
    """Load the words, which the package holds; each is written differently in the three languages.

    Returns
    -------
    dict[str, list[str]]
        ``"en"``, ``"fr"`` and ``"de"`` to words; place `i` is the same concept in each.

    Examples
    --------
    >>> words = load_parallel_words()
    >>> {language: column[0] for language, column in words.items()}
    {'en': 'house', 'fr': 'maison', 'de': 'Haus'}
    """
    text = files("reprise.data").joinpath("parallel_words.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return {language: [row[language] for row in rows] for language in ("en", "fr", "de")}
