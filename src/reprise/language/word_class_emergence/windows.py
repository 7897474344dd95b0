"""From documents to windows of words, each with the word to come and its class; samples that keep classes comparable.

References
----------
K. Surendra, A. Schilling, P. Stoewer, A. Maier and P. Krauss (2023), arXiv:2302.07588.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from numpy.typing import ArrayLike, NDArray

from reprise.errors import InvalidInputError


class WordWindows(NamedTuple):
    """Windows of consecutive words, and what comes after each.

    Fields: ``ids`` (windows, context) word numbers; ``next_id`` the word that follows; ``next_tag`` its class;
    ``last_tag`` the class of the window's last word; ``document`` the number of the document it is from. Where no
    classes were given, both are arrays of empty strings.

    Examples
    --------
    >>> word_windows([[3, 1, 4]], [["DET", "NOUN", "VERB"]], context=2).last_tag.tolist()
    ['NOUN']
    """

    ids: NDArray[np.int64]
    next_id: NDArray[np.int64]
    next_tag: NDArray[np.str_]
    last_tag: NDArray[np.str_]
    document: NDArray[np.int64]

    def take(self, chosen: ArrayLike) -> WordWindows:
        """Give the windows at some positions, or where a mask is true."""
        return WordWindows(*(field[np.asarray(chosen)] for field in self))


@dataclass(frozen=True)
class Vocabulary:
    """Word numbers by frequency: 0 is the most frequent word, the last number is all words that have none.

    Parameters
    ----------
    words : lower-cased, most frequent first.

    Examples
    --------
    >>> vocabulary = Vocabulary.of_documents([["The", "cat", "saw", "the", "dog", "see", "the", "cat"]], size=3)
    >>> vocabulary.words, len(vocabulary)
    (('the', 'cat'), 3)
    >>> vocabulary.encode(["A", "cat"]).tolist()
    [2, 1]
    """

    words: tuple[str, ...]

    @classmethod
    def of_documents(cls, documents: Iterable[Iterable[str]], size: int | None = None) -> Vocabulary:
        """Keep the ``size - 1`` most frequent words of some texts (None: all); ties in alphabetical order.

        Raises
        ------
        InvalidInputError
            If there is no word, or `size` is less than two.
        """
        if size is not None and size < 2:
            raise InvalidInputError(f"A vocabulary of {size} words was asked for; at least 2 are expected.")
        counts = Counter(word.lower() for word in chain.from_iterable(documents))
        if not counts:
            raise InvalidInputError("The documents hold no word; at least one is expected.")
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(tuple(ranked if size is None else ranked[: size - 1]))

    def __len__(self) -> int:
        return len(self.words) + 1

    def encode(self, words: Iterable[str]) -> Int[np.ndarray, " words"]:
        """Turn words into numbers."""
        numbers = self.__dict__.get("_numbers")
        if numbers is None:
            numbers = {word: number for number, word in enumerate(self.words)}
            self.__dict__["_numbers"] = numbers
        other = len(self.words)
        return np.array([numbers.get(word.lower(), other) for word in words], dtype=np.int64)


def word_windows(
    documents: Sequence[ArrayLike], tags: Sequence[Sequence[str]] | None = None, context: int = 9
) -> WordWindows:
    """Cut every window of `context` words that has a next word; none crosses from one document into another.

    Parameters
    ----------
    documents : word numbers of each; documents that are too short give no window.
    tags : the class of each word, in the same shape.
    context : words in a window.

    Returns
    -------
    WordWindows
        ``len(document) - context`` windows of each document, in order.

    Raises
    ------
    InvalidInputError
        If lengths differ, word numbers are not whole numbers from 0 on, or no document has ``context + 1`` words.

    Examples
    --------
    >>> windows = word_windows([[5, 6, 7, 8], [9, 9]], [["A", "B", "A", "C"], ["B", "B"]], context=2)
    >>> windows.ids.tolist(), windows.next_id.tolist(), windows.next_tag.tolist()
    ([[5, 6], [6, 7]], [7, 8], ['A', 'C'])
    """
    if context < 1:
        raise InvalidInputError(f"context is {context}; at least one word is expected.")
    words = [_numbers(document, number) for number, document in enumerate(documents)]
    classes = [[""] * len(part) for part in words] if tags is None else tags
    if len(words) != len(classes):
        raise InvalidInputError(f"{len(words)} documents and classes of {len(classes)} were given; expected as many.")
    for number, (part, named) in enumerate(zip(words, classes, strict=True)):
        if len(part) != len(named):
            raise InvalidInputError(f"Document {number} has {len(part)} words but {len(named)} classes.")
    long = [number for number, part in enumerate(words) if len(part) > context]
    if not long:
        raise InvalidInputError(
            f"No document has the {context + 1} words that a window of {context} and the next word need."
        )
    kept = [np.asarray(classes[number], dtype=np.str_) for number in long]
    return WordWindows(
        ids=np.concatenate([np.lib.stride_tricks.sliding_window_view(words[i], context)[:-1] for i in long]),
        next_id=np.concatenate([words[i][context:] for i in long]),
        next_tag=np.concatenate([part[context:] for part in kept]),
        last_tag=np.concatenate([part[context - 1 : -1] for part in kept]),
        document=np.repeat(np.array(long), [len(words[i]) - context for i in long]),
    )


def balanced_sample(
    labels: ArrayLike,
    per_class: int,
    *,
    classes: Sequence[str] | None = None,
    words: ArrayLike | None = None,
    max_per_word: int | None = None,
    random_state: int = 0,
) -> Int[np.ndarray, " chosen"]:
    """Choose as many windows of each class at random, few of them with the same next word.

    Without the limit a class such as DET is mostly "the", and what separates is a word rather than a class.

    Parameters
    ----------
    labels : (n,) class of each window.
    per_class : windows of each class.
    classes : that count; None takes all.
    words : (n,) the next word of each window, as anything that can be compared; needed with `max_per_word`.
    max_per_word : at most so many windows with the same next word in a class.
    random_state : of the choice.

    Returns
    -------
    (classes * per_class,) int array
        Positions, class by class.

    Raises
    ------
    InvalidInputError
        If a class has too few windows.

    Examples
    --------
    >>> labels, words = ["DET"] * 4 + ["NOUN"] * 3, ["the", "the", "the", "a", "sun", "moon", "sun"]
    >>> chosen = balanced_sample(labels, 2, words=words, max_per_word=1)
    >>> sorted(np.array(words)[chosen].tolist())
    ['a', 'moon', 'sun', 'the']
    """
    named, shuffled = np.asarray(labels), np.random.default_rng(random_state).permutation(len(np.asarray(labels)))
    if max_per_word is not None:
        if words is None:
            raise InvalidInputError("max_per_word limits windows by their next word; give `words`.")
        shuffled = shuffled[_rank_within(named[shuffled], np.asarray(words)[shuffled]) < max_per_word]
    parts = []
    for name in np.unique(named) if classes is None else classes:
        members = shuffled[named[shuffled] == name]
        if len(members) < per_class:
            limit = "" if max_per_word is None else f" with at most {max_per_word} for each next word"
            raise InvalidInputError(f"Class {name!s} has {len(members)} windows{limit}; {per_class} were asked for.")
        parts.append(members[:per_class])
    return np.concatenate(parts)


def matched_sample(
    labels: ArrayLike,
    strata: ArrayLike,
    *,
    classes: Sequence[str] | None = None,
    max_per_stratum: int | None = None,
    random_state: int = 0,
) -> Int[np.ndarray, " chosen"]:
    """Choose windows so that every class has the same number in each stratum, as many as the rarest class has there.

    With the class of the last word as stratum, the classes of the words to come cannot be told by that of the last
    word; with a bin of the next word's frequency, not by how common it is.

    Parameters
    ----------
    labels : (n,) class of each window.
    strata : (n,) what to match.
    classes : that count; None takes all.
    max_per_stratum : windows of each class in a stratum, at most.
    random_state : of the choice.

    Returns
    -------
    (chosen,) int array
        Positions.

    Raises
    ------
    InvalidInputError
        If no stratum has windows of every class, or lengths differ.

    Examples
    --------
    >>> labels, last = list("NNNVVVVN"), list("ddddaaaa")
    >>> chosen = matched_sample(labels, last)
    >>> sorted((labels[i], last[i]) for i in chosen)
    [('N', 'a'), ('N', 'd'), ('V', 'a'), ('V', 'd')]
    """
    named, layers = np.asarray(labels), np.asarray(strata)
    if named.ndim != 1 or named.shape != layers.shape:
        raise InvalidInputError(f"Labels of shape {named.shape} and strata of shape {layers.shape} were given.")
    rng, counted = np.random.default_rng(random_state), np.unique(named) if classes is None else np.asarray(classes)
    parts = []
    for stratum in np.unique(layers):
        members = [rng.permutation(np.flatnonzero((layers == stratum) & (named == name))) for name in counted]
        size = min(map(len, members))
        parts += [part[: size if max_per_stratum is None else min(size, max_per_stratum)] for part in members]
    chosen = np.concatenate(parts) if parts else np.array([], dtype=np.intp)
    if not len(chosen):
        raise InvalidInputError("No stratum has windows of every class; fewer classes or wider strata are needed.")
    return chosen


def _numbers(document: ArrayLike, number: int) -> Int[np.ndarray, " words"]:
    words = np.asarray(document)
    if words.size == 0:
        return np.zeros(0, dtype=np.int64)
    if words.ndim != 1 or not np.issubdtype(words.dtype, np.integer) or words.min() < 0:
        raise InvalidInputError(
            f"Document {number} is of type {words.dtype} and shape {words.shape}; "
            "a sequence of word numbers from 0 on is expected."
        )
    return words.astype(np.int64)


def _rank_within(*keys: NDArray) -> Int[np.ndarray, " entries"]:
    """Number the entries that share all keys from 0 on, in the order given."""
    group = np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        values = np.unique(key, return_inverse=True)[1]
        group = group * (values.max(initial=0) + 1) + values
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    ranks = np.empty(len(group), dtype=np.int64)
    ranks[order] = np.arange(len(group)) - np.repeat(starts, np.diff(starts, append=len(group)))
    return ranks
