"""The meaning of texts: unit vectors of a sentence encoder, where one is installed."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reprise.errors import InvalidInputError
from reprise.site.store.tables import Paper
from reprise.site.store.types import WIDTH

_AT_ONCE = 8  # texts that are encoded without letting a reader's query in between
_KEPT_QUERIES = 512


class Encoder(Protocol):
    """From n texts to (n, 384) unit vectors."""

    def __call__(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Encode texts."""
        ...


class SharedEncoder:
    """An encoder that several threads use: one at a time, in small bites, with the latest queries kept.

    Parameters
    ----------
    encoder : not safe by itself for several threads.
    """

    def __init__(self, encoder: Encoder):
        self._encoder = encoder
        self._lock = threading.Lock()
        self._queries: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts.

        Raises
        ------
        InvalidInputError
            If the encoder gives no finite vectors of 384 numbers.
        """
        vectors = np.empty((len(texts), WIDTH), np.float32)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))  # texts of one length need no padding
        for start in range(0, len(texts), _AT_ONCE):
            rows = order[start : start + _AT_ONCE]
            with self._lock:
                vectors[rows] = _unit(self._encoder([texts[row] for row in rows]))
        return vectors

    def query(self, text: str) -> NDArray[np.float32]:
        """Encode what a reader looks for."""
        with self._lock:
            if text in self._queries:
                self._queries.move_to_end(text)
                return self._queries[text]
            vector = self._queries[text] = _unit(self._encoder([text]))[0]
            if len(self._queries) > _KEPT_QUERIES:
                self._queries.popitem(last=False)
            return vector


def is_installed() -> bool:
    """Say whether an encoder can be loaded, without loading anything."""
    if importlib.util.find_spec("torch") is None:
        return False
    from reprise.models import text

    return text.is_installed()


def load_encoder() -> SharedEncoder | None:
    """Load MiniLM; None if it is not installed."""
    if not is_installed():
        return None
    from transformers.utils.logging import disable_progress_bar

    from reprise.models import text

    disable_progress_bar()  # a server's log is no place for one
    return SharedEncoder(text.load_text_encoder(batch_size=_AT_ONCE))


def text_of(paper: Paper) -> str:
    """Give the text whose meaning stands for a paper: title, and abstract or our summary."""
    return f"{paper.title}\n{paper.abstract or paper.summary}"


def digest_of(text: str) -> str:
    """Give the digest by which a text that has changed is told.

    Examples
    --------
    >>> digest_of("a text")
    '...'
    >>> len(digest_of("another"))
    32
    """
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    found = np.asarray(vectors, np.float32)
    if found.ndim != 2 or found.shape[1] != WIDTH or not np.isfinite(found).all():
        raise InvalidInputError(f"An encoder gives finite vectors of {WIDTH} numbers; the shape is {found.shape}.")
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
