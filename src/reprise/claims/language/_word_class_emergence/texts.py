"""Texts to train on and to read, and the samples of windows that each comparison needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.language.word_class_emergence import (
    Vocabulary,
    WordWindows,
    balanced_sample,
    matched_sample,
    word_windows,
)

Document = tuple[list[str], list[str]]  # words, classes
PILOT_SEEDS = 1000
CONTEXT = 9  # words, as in the paper
_PILOT_EVERY = 5  # every fifth document is held out by pilots only


@dataclass(frozen=True)
class Reading:
    """Windows of some documents, with the words to come.

    Parameters
    ----------
    windows : their `ids` are places in `words`.
    words : all words of the documents, one after another.
    codes : their numbers in the vocabulary.
    """

    windows: WordWindows
    words: NDArray[np.str_]
    codes: NDArray[np.int64]

    @classmethod
    def of(cls, documents: Sequence[Document], vocabulary: Vocabulary) -> Reading:
        """Cut the windows of documents."""
        words = np.array([word for text, _ in documents for word in text])
        ends = np.cumsum([len(text) for text, _ in documents])
        places = np.split(np.arange(len(words)), ends[:-1])
        return cls(word_windows(places, [tags for _, tags in documents], CONTEXT), words, vocabulary.encode(words))

    def ids(self, chosen: NDArray[np.intp]) -> NDArray[np.int64]:
        """Give the word numbers of some windows."""
        return self.codes[self.windows.ids[chosen]]

    def texts(self, chosen: NDArray[np.intp]) -> list[list[str]]:
        """Give the words of some windows."""
        return self.words[self.windows.ids[chosen]].tolist()

    def next_words(self) -> NDArray[np.str_]:
        """Give the word to come of every window, lower-cased."""
        return np.char.lower(self.words[self.windows.next_id])

    def sample(
        self, per_class: int, classes: Sequence[str], seed: int, max_per_word: int | None = None
    ) -> NDArray[np.intp]:
        """Choose as many windows of each class of the word to come."""
        return balanced_sample(
            self.windows.next_tag,
            per_class,
            classes=classes,
            words=self.next_words(),
            max_per_word=max_per_word,
            random_state=seed,
        )

    def sample_by_last(self, per_class: int, classes: Sequence[str], seed: int) -> NDArray[np.intp]:
        """Choose as many windows of each class of the last word."""
        return balanced_sample(self.windows.last_tag, per_class, classes=classes, random_state=seed)

    def matched_by_last(self, most: int, classes: Sequence[str], seed: int) -> NDArray[np.intp]:
        """Choose windows so that the class of the last word says nothing of that of the next."""
        return matched_sample(
            self.windows.next_tag, self.windows.last_tag, classes=classes, max_per_stratum=most, random_state=seed
        )

    def matched_by_frequency(self, most: int, classes: Sequence[str], seed: int) -> NDArray[np.intp]:
        """Choose windows so that the next word's frequency says nothing of its class: in octaves of its rank."""
        octave = np.log2(self.codes[self.windows.next_id] + 1).astype(int)
        return matched_sample(self.windows.next_tag, octave, classes=classes, max_per_stratum=most, random_state=seed)


@dataclass(frozen=True)
class Corpus:
    """What a trial trains on, and the texts it is read on.

    Parameters
    ----------
    training : word numbers of each document to train on.
    unseen, seen : windows of held-out documents, and of as many of those trained on.
    vocabulary_size : numbers in use.
    """

    training: list[NDArray[np.int64]]
    unseen: Reading
    seen: Reading
    vocabulary_size: int


def split(documents: Sequence[Document], seed: int, held_out: int, vocabulary_size: int) -> Corpus:
    """Hold documents out at random: pilots from every fifth document, other seeds from the rest.

    No seed trains on the documents that pilots read.
    """
    numbers = np.arange(len(documents))
    for_pilots = numbers % _PILOT_EVERY == 0
    pool = numbers[for_pilots if seed >= PILOT_SEEDS else ~for_pilots]
    rng = np.random.default_rng(seed)
    unseen = rng.choice(pool, held_out, replace=False)
    trained = np.setdiff1d(numbers[~for_pilots], unseen)
    training = [documents[number] for number in trained]
    vocabulary = Vocabulary.of_documents((words for words, _ in training), vocabulary_size)
    again = rng.choice(len(training), held_out, replace=False)
    return Corpus(
        training=[vocabulary.encode(words) for words, _ in training],
        unseen=Reading.of([documents[number] for number in unseen], vocabulary),
        seen=Reading.of([training[number] for number in again], vocabulary),
        vocabulary_size=len(vocabulary),
    )
