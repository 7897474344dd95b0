"""A small model that is taught where places are, so that names alone make a map: what a null would otherwise hide."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from reprise.language import LanguageModel
from reprise.language.geospatial_interpretability import knn_weights, morans_i, place_activations, place_prompts
from reprise.models.tiny import tiny_language_model
from reprise.training import train

TAUGHT, UNTAUGHT = "taught the regions", "before it is taught"
_SIDE = 3  # regions along each side of the map
_PLACES, _DEGREES = 200, 20.0
_LR, _BATCH_SIZE = 3e-3, 32


def taught_names(seed: int, epochs: int) -> Iterator[tuple[str, float]]:
    """Teach a Llama of two layers the regions of places whose names mean nothing, and read the names alone.

    Yields
    ------
    Arm, and the mean Moran's I of the second layer's neurons over the names.
    """
    rng = np.random.default_rng(seed)
    coords = rng.uniform(0, _DEGREES, size=(_PLACES, 2))
    row, column = np.floor(coords / _DEGREES * _SIDE).astype(int).T
    names = [f"place{number}" for number in rng.permutation(_PLACES)]
    texts = place_prompts(names, [f"region{number}" for number in _SIDE * row + column])
    lm = LanguageModel(*tiny_language_model(" ".join(texts), seed=seed))
    weights = knn_weights(coords)

    def mean_i() -> float:
        return float(morans_i(place_activations(lm, names, [1])[1], weights, permutations=0).I.mean())

    yield UNTAUGHT, mean_i()
    ids = torch.tensor([lm.encode(text) for text in texts])
    train(lm.model, _next_token, ids, epochs=epochs, batch_size=_BATCH_SIZE, lr=_LR, seed=seed, device="cpu")
    yield TAUGHT, mean_i()


def _next_token(model: nn.Module, ids: Tensor) -> Tensor:
    return model(input_ids=ids, labels=ids).loss
