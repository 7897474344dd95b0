"""What both databases count and mark words by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select

TITLE, ABSTRACT, SUMMARY, AUTHORS = 3.0, 1.0, 1.5, 2.0
"""How often a word counts for one that stands there."""

COMMON = 4_000
"""A word that more papers have is looked for only beside rarer ones."""

BEGIN, END = "\x02", "\x03"
"""Enclose the words that were looked for."""

SNIPPET_WORDS = 40

Passing = Callable[[Select[Any]], Select[Any]]
"""Narrows a selection of papers to those that may be found."""
