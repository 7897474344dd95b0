"""Texts that count through made-up lists: each goes on, word by word, with the successor of the word before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.errors import InvalidInputError

START, SEPARATOR = 1, 3
_FIRST_WORD = 4


@dataclass(frozen=True)
class CountingTexts:
    """Texts, and the lists that they count through.

    Parameters
    ----------
    ids : (texts, 1 + 2 * words): a start token, then words, each followed by a separator.
    lists : (lists, size) the tokens of each list in their order.
    """

    ids: NDArray[np.int64]
    lists: NDArray[np.int64]

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens."""
        return _FIRST_WORD + self.lists.size


def counting_texts(
    texts: int, rng: np.random.Generator, *, lists: int = 8, size: int = 20, words: int = 4
) -> CountingTexts:
    """Draw texts that each count through a list from a place on; the last word of a list is followed by the first.

    A word's token says nothing of its list or place, and between two words stands a separator, so that a model must
    look back at the word before it to know the next.

    Parameters
    ----------
    texts : how many.
    rng : the only source of randomness.
    lists, size : lists, and words of each.
    words : in a text.

    Raises
    ------
    InvalidInputError
        If a number is below 1, or `size` below 3.

    Examples
    --------
    >>> counted = counting_texts(2, np.random.default_rng(0), lists=2, size=3)
    >>> counted.lists
    array([[7, 6, 9],
           [8, 4, 5]])
    >>> counted.ids
    array([[1, 9, 3, 7, 3, 6, 3, 9, 3],
           [1, 6, 3, 9, 3, 7, 3, 6, 3]])
    """
    if min(texts, lists, words) < 1 or size < 3:
        raise InvalidInputError(
            f"{texts} texts of {words} words, {lists} lists of {size} words were asked for; at least 1 of each, and "
            "lists of at least 3 words, are expected."
        )
    tokens = (_FIRST_WORD + rng.permutation(lists * size)).reshape(lists, size)
    chosen, first = rng.integers(lists, size=texts), rng.integers(size, size=texts)
    ids = np.full((texts, 1 + 2 * words), SEPARATOR)
    ids[:, 0] = START
    ids[:, 1::2] = tokens[chosen[:, None], (first[:, None] + np.arange(words)) % size]
    return CountingTexts(ids, tokens)
