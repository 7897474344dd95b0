"""Training on next-word prediction, without any word class.

References
----------
K. Surendra, A. Schilling, P. Stoewer, A. Maier and P. Krauss (2023), arXiv:2302.07588.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.language.word_class_emergence.network import NextWordModel
from reprise.language.word_class_emergence.windows import WordWindows, word_windows
from reprise.training import History, train

_BATCH = 1024  # of validation


def train_next_word(
    documents: Sequence[ArrayLike],
    model: NextWordModel,
    epochs: int = 3,
    batch_size: int = 256,
    lr: float = 2e-3,
    val: float = 0.1,
    random_state: int = 0,
    *,
    max_windows: int | None = None,
    device: str = "auto",
    progress: bool = False,
) -> History:
    """Train `model` in place to predict the next word of every window, by cross-entropy.

    It ends with the weights of the epoch that was best on held-out documents.

    Parameters
    ----------
    documents : word numbers of each, below the model's vocabulary size.
    model : is trained.
    epochs, batch_size, lr : of Adam.
    val : share of the documents, chosen at random, that is held out to choose the epoch; 0 keeps the last.
    random_state : of the held-out documents and the order of windows.
    max_windows : train on so many windows, chosen at random; None takes all.
    device : as in `reprise.training.train`.
    progress : show a bar.

    Returns
    -------
    History
        One record an epoch, with ``loss`` and, where documents are held out, ``val_loss`` (nats a word).

    Raises
    ------
    InvalidInputError
        If no document is long enough, a word is outside the vocabulary, or `val` leaves no document on one side.

    Examples
    --------
    >>> model = NextWordModel(vocab_size=3, embedding_dim=4, hidden=(8,), dense=8, context=2)
    >>> history = train_next_word([[0, 1, 2] * 40] * 4, model, epochs=20, lr=0.02, batch_size=32, val=0.25)
    >>> bool(history["val_loss"][-1] < 0.1)
    True
    """
    if not 0 <= val < 1:
        raise InvalidInputError(f"val is {val}; a share from 0 to below 1 is expected.")
    rng = np.random.default_rng(random_state)
    order = rng.permutation(len(documents))
    held_out = 0 if val == 0 else max(1, round(val * len(documents)))
    if held_out >= len(documents):
        raise InvalidInputError(
            f"{len(documents)} documents cannot be split with {val:.0%} held out; more, or val=0, are expected."
        )
    windows = _windows(documents, order[held_out:], model)
    if max_windows is not None and max_windows < len(windows.ids):
        windows = windows.take(np.sort(rng.choice(len(windows.ids), max_windows, replace=False)))
    return train(
        model,
        _cross_entropy,
        (torch.from_numpy(windows.ids.copy()), torch.from_numpy(windows.next_id)),
        epochs=epochs,
        batch_size=batch_size,
        optimizer=partial(torch.optim.Adam, lr=lr),
        seed=random_state,
        device=device,
        validate=_validation(_windows(documents, order[:held_out], model)) if held_out else None,
        keep="min:val_loss" if held_out else "last",
        progress="next word" if progress else False,
    )


def _windows(documents: Sequence[ArrayLike], chosen: NDArray[np.intp], model: NextWordModel) -> WordWindows:
    windows = word_windows([documents[number] for number in chosen], context=model.context)
    largest = max(int(windows.ids.max()), int(windows.next_id.max()))
    if largest >= model.vocab_size:
        raise InvalidInputError(f"Word number {largest} is outside the model's vocabulary of {model.vocab_size}.")
    return windows


def _cross_entropy(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    ids, following = batch
    return nn.functional.cross_entropy(model(ids), following)


def _validation(windows: WordWindows) -> Callable[[Any], dict[str, float]]:
    ids, following = torch.from_numpy(windows.ids.copy()), torch.from_numpy(windows.next_id)

    def validate(model: Any) -> dict[str, float]:
        device = next(model.parameters()).device
        total = 0.0
        for words, targets in zip(ids.split(_BATCH), following.split(_BATCH), strict=True):
            logits = model(words.to(device))
            total += float(nn.functional.cross_entropy(logits, targets.to(device), reduction="sum"))
        return {"val_loss": total / len(following)}

    return validate
