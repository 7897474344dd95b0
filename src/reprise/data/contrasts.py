"""Sentences of our own in two opposite manners, and continuations that tell the manners apart, for steering models."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Choice(NamedTuple):
    """The beginning of a text, and two ways to go on: in the first manner, and in the second."""

    prompt: str
    first: str
    second: str


class Contrast(NamedTuple):
    """Two manners of writing, such as glad and unhappy.

    Parameters
    ----------
    name : of the contrast.
    manners : what the first and the second manner are called.
    first, second : sentences in each manner.
    pilot, choices : beginnings with their two continuations, on which to choose settings and on which to measure.
    opening : the beginning of a text that shows what steering does.
    """

    name: str
    manners: tuple[str, str]
    first: tuple[str, ...]
    second: tuple[str, ...]
    pilot: tuple[Choice, ...]
    choices: tuple[Choice, ...]
    opening: str


@cache
def load_contrasts() -> tuple[Contrast, ...]:
    """Load the contrasts, which the package holds; no sentence shares its subject with a choice.

    Examples
    --------
    >>> [contrast.name for contrast in load_contrasts()]
    ['sentiment', 'formality', 'language']
    >>> load_contrasts()[0].choices[0]
    Choice(prompt='The food at the new place was', first=' delicious', second=' disgusting')
    """
    content = tomllib.loads(files("reprise.data").joinpath("contrasts.toml").read_text(encoding="utf-8"))
    return tuple(
        Contrast(
            name,
            (row["manners"][0], row["manners"][1]),
            tuple(row["first"]),
            tuple(row["second"]),
            tuple(Choice(*choice) for choice in row["pilot"]),
            tuple(Choice(*choice) for choice in row["choices"]),
            row["opening"],
        )
        for name, row in content.items()
    )
