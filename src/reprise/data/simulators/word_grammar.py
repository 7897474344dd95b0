"""Texts of a made-up language: word classes follow each other by a grammar, and each class has words of its own."""

from __future__ import annotations

import numpy as np

from reprise.errors import InvalidInputError

_CONCENTRATION = 0.3  # of the Dirichlet distribution of what follows: small, so that few classes are likely


def grammar_texts(
    documents: int, length: int, rng: np.random.Generator, *, classes: int = 5, words: int = 40
) -> list[tuple[list[str], list[str]]]:
    """Draw a grammar, and texts of it.

    The class of a word depends on the classes of the two words before it (a Markov chain of second order, its
    probabilities drawn from a Dirichlet distribution), and the word on its class alone, the r-th word with a
    probability proportional to 1/r. Classes are called "A", "B", ...; word 3 of class A is "a3".

    Parameters
    ----------
    documents, length : how many texts, of how many words.
    rng : the only source of randomness.
    classes, words : classes (2 to 26), and words of each.

    Returns
    -------
    list[tuple[list[str], list[str]]]
        Words and classes of each text.

    Raises
    ------
    InvalidInputError
        If a number is below 1, or `classes` not from 2 to 26.

    Examples
    --------
    >>> (words, classes), = grammar_texts(1, 4, np.random.default_rng(0))
    >>> len(words), [word[0].upper() for word in words] == classes
    (4, True)
    """
    if min(documents, length, words) < 1 or not 2 <= classes <= 26:
        raise InvalidInputError(
            f"{documents} documents of {length} words, {classes} classes of {words} words were asked for; "
            "at least 1 of each, and 2 to 26 classes, are expected."
        )
    following = rng.dirichlet(np.full(classes, _CONCENTRATION), size=(classes, classes)).cumsum(axis=-1)
    before, last = rng.integers(classes, size=(2, documents))
    chain = np.empty((documents, length), dtype=np.intp)
    for place in range(length):
        chance = rng.random((documents, 1)) * following[before, last, -1:]
        before, last = last, (chance > following[before, last]).sum(axis=1)
        chain[:, place] = last
    frequency = 1 / np.arange(1, words + 1)
    ranks = rng.choice(words, size=chain.shape, p=frequency / frequency.sum())
    names = [chr(ord("A") + number) for number in range(classes)]
    return [
        ([f"{names[c].lower()}{r}" for c, r in zip(row, rank, strict=True)], [names[c] for c in row])
        for row, rank in zip(chain.tolist(), ranks.tolist(), strict=True)
    ]
