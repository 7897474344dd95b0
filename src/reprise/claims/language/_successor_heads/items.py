"""Words as items: which of them pilots use, and the folds on which heads are found and judged."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.language.successor_heads import OrdinalList, SuccessionPrompt

PILOT_SEEDS = 1000
FOLDS = 5
_PILOT_EVERY = 3  # every third word is used by pilots only


@dataclass(frozen=True)
class Split:
    """The words on which a seed finds a head, and those on which it judges it."""

    found: frozenset[str]
    tested: frozenset[str]


def item(name: str, word: str) -> str:
    """Name a word of a list; with and without a leading space it is the same item."""
    return f"{name.removesuffix(', spaced')}: {word}"


def word_of(each: OrdinalList, token: int) -> str:
    """Give the word of a list that a token stands for."""
    return each.words[each.ids.index(token)]


def answer_item(prompt: SuccessionPrompt, lists: dict[str, OrdinalList]) -> str:
    """Name the word that continues a prompt."""
    return item(prompt.list, word_of(lists[prompt.list], prompt.answer))


def split(items: Sequence[str], seed: int) -> Split:
    """Find on four fifths of the words and judge on the fifth that five seeds on end take in turn.

    Seeds from 1000 on use the pilots' words, others the other words.
    """
    pilot = seed >= PILOT_SEEDS
    pool = sorted(each for each in set(items) if (zlib.crc32(each.encode()) % _PILOT_EVERY == 0) == pilot)
    fold = np.random.default_rng(seed // FOLDS).permutation(len(pool)) % FOLDS == seed % FOLDS
    found, tested = ([pool[place] for place in np.flatnonzero(chosen)] for chosen in (~fold, fold))
    return Split(frozenset(found), frozenset(tested))


def places(items: Sequence[str], chosen: frozenset[str]) -> NDArray[np.intp]:
    """Give the places of the chosen items."""
    return np.flatnonzero([each in chosen for each in items])
