"""Words that pilots read and words that no pilot reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np

PILOT_SEEDS = 1000
_PILOT_SHARE = 3  # one word in three is for pilots

Lexicon = Mapping[str, Sequence[str]]


def places(lexicon: Lexicon, seed: int) -> list[int]:
    """Give the places of the words that a seed may read: pilots' or others', by a hash of the English word."""
    return [place for place, word in enumerate(lexicon["en"]) if _is_pilot(word) == (seed >= PILOT_SEEDS)]


def drawn(places: Sequence[int], count: int, rng: np.random.Generator) -> list[int]:
    """Draw some of the places, all of them if they are too few, in a random order."""
    return [int(place) for place in rng.permutation(places)[:count]]


def _is_pilot(word: str) -> bool:
    return int.from_bytes(sha256(word.casefold().encode()).digest()[:4], "big") % _PILOT_SHARE == 0
