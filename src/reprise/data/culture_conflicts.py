"""Sentences that cultures complete differently, in several languages."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, get_args

from reprise.errors import InvalidInputError

Collection = Literal["ledger", "pilot"]


class ConflictText(NamedTuple):
    """A sentence in each language, without its last word, and the words that end it in each culture."""

    name: str
    prompts: dict[str, str]
    answers: dict[str, list[str]]


@cache
def load_culture_conflicts(collection: Collection) -> tuple[ConflictText, ...]:
    """Load sentences of our own about daily life in the United States (``"en"``), France and Germany.

    Parameters
    ----------
    collection : ``"ledger"`` (12, on which claims are measured) or ``"pilot"`` (4).

    Examples
    --------
    >>> text = load_culture_conflicts("pilot")[0]
    >>> text.prompts["fr"], text.answers["en"], text.answers["fr"]
    ('Tout le monde sait que chez nous on paie en', ['dollars', 'Dollar'], ['euros', 'Euro'])
    """
    if collection not in get_args(Collection):
        raise InvalidInputError(f"The collections are {', '.join(get_args(Collection))}; {collection!r} was given.")
    content = files("reprise.data").joinpath("culture_conflicts.toml").read_text(encoding="utf-8")
    return tuple(ConflictText(**row) for row in tomllib.loads(content)[collection])
