"""Sparse features of activations on places: the paper's autoencoder, and what its dictionary holds."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError
from reprise.language.geospatial_interpretability.moran import MIN_NONZERO, MoranResult, morans_i
from reprise.nn.sparse_autoencoders import SparseAutoencoder, TopKSAE, fit_sae

# The authors' settings (code/111_sae_...py of the official repository) for activations of 4,096 numbers.
EXPANSION = 8  # 32,768 features
KEPT = 1 / 16  # 2,048 of them, the largest, may be positive for a place
L1, LR, WEIGHT_DECAY, BATCH_SIZE, EPOCHS = 0.01, 1e-3, 0.01, 32, 300
_BLOCK = 4096  # places encoded at once


def place_sae(
    activations: ArrayLike,
    *,
    expansion: int = EXPANSION,
    kept: float = KEPT,
    l1: float = L1,
    epochs: int = EPOCHS,
    batch_size: int = BATCH_SIZE,
    revive: float = 0.0,
    seed: int = 0,
    device: str = "auto",
    **settings: Any,
) -> TopKSAE:
    r"""Fit a top-k sparse autoencoder as the paper does.

    The encoder's `kept` largest outputs, rectified, are the features; encoder and decoder are untied and there is no
    bias before the encoder. The loss is the mean of :math:`\lVert \hat x - x \rVert^2 / \lVert x \rVert^2` plus `l1`
    times that of :math:`\lVert f \rVert_1 / \lVert x \rVert_2`; AdamW at 0.001, divided by five where the loss has not
    fallen for ten epochs. First weights are those of `reprise.nn.sparse_autoencoders`: the encoder starts as the
    decoder's transpose, where the authors' start apart.

    Parameters
    ----------
    activations : (n, d) of all places, those of several areas together.
    expansion : features per dimension d.
    kept : share of the features that one place may use.
    l1, epochs, batch_size : as above; the paper's values.
    revive : weight of a loss that brings idle features back (Gao et al., 2024; 1/32 there). The paper has none, and
        most of its features die.
    seed : of first weights and the order of places.
    device, settings : as in `reprise.nn.sparse_autoencoders.fit_sae`, which takes schedule= and progress= too.

    Raises
    ------
    InvalidInputError
        If a setting is impossible, or the activations are no finite matrix or have a row of zeros.

    Notes
    -----
    O(epochs * n * expansion * d^2) time.

    Examples
    --------
    >>> places = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    >>> sae = place_sae(places, epochs=5)
    >>> sae.n_features, sae.k
    (64, 4)
    """
    rows = torch.as_tensor(np.asarray(activations, dtype=np.float32))
    if rows.ndim != 2 or not rows.numel():
        raise InvalidInputError(f"Activations have shape (places, width); {tuple(rows.shape)} was given.")
    if expansion < 1 or not 0 < kept <= 1:
        raise InvalidInputError(
            f"`expansion` is 1 or more and `kept` a share above 0; {expansion} and {kept} were given."
        )
    width = rows.shape[1]
    n_features = expansion * width
    sae = TopKSAE(width, n_features, max(1, round(kept * n_features)), l1=l1, seed=seed)
    fixed: dict[str, Any] = {"schedule": "plateau", "weight_decay": WEIGHT_DECAY} | settings
    fit_sae(sae, rows, epochs=epochs, batch_size=batch_size, lr=LR, revive=revive, seed=seed, device=device, **fixed)
    return sae


@torch.no_grad()
def sparse_features(sae: SparseAutoencoder, activations: ArrayLike) -> Float[np.ndarray, "places features"]:
    """Give each place's features, (n, d) to (n, m) float32.

    An autoencoder that was never fitted gives a random dictionary, the control for what a learned one finds: its
    features are as sparse, and read the same activations in directions of no meaning.

    Examples
    --------
    >>> sparse_features(TopKSAE(4, 16, k=3), np.ones((5, 4))).shape
    (5, 16)
    """
    weight = sae.encoder.weight
    rows = torch.as_tensor(np.asarray(activations)).to(weight.device, weight.dtype)
    return torch.cat([sae.encode(block).float().cpu() for block in rows.split(_BLOCK)]).numpy()


@dataclass(frozen=True)
class FeatureMaps:
    """A dictionary's features over the places of one area.

    Parameters
    ----------
    features : (n, m) of each place.
    moran : of each feature; nan for those that are dead or rare.
    dead : share of the features that no place uses.
    used : mean number of features a place uses.
    unexplained : mean of the squared error over the squared length of the activations.

    Examples
    --------
    >>> from reprise.language.geospatial_interpretability import knn_weights
    >>> coords = np.random.default_rng(0).uniform(40, 60, size=(100, 2))
    >>> maps = feature_maps(TopKSAE(2, 8, k=3), coords - 50, knn_weights(coords), permutations=9)
    >>> maps.used <= 3, maps.moran.I.shape
    (True, (8,))
    """

    features: Float[np.ndarray, "places features"]
    moran: MoranResult
    dead: float
    used: float
    unexplained: float


def feature_maps(
    sae: SparseAutoencoder, activations: ArrayLike, W: Any, permutations: int = 999, *, random_state: int = 0
) -> FeatureMaps:
    """Measure the spatial autocorrelation of each sparse feature on the places of one area.

    Parameters
    ----------
    sae : fitted on these places, or on more.
    activations : (n, d) of the places.
    W : their spatial weights, as for `morans_i`.
    permutations, random_state : as for `morans_i`.

    Examples
    --------
    >>> from reprise.language.geospatial_interpretability import knn_weights
    >>> rng = np.random.default_rng(0)
    >>> coords = rng.uniform(40, 60, size=(100, 2))
    >>> maps = feature_maps(TopKSAE(2, 8, k=4), coords - 50, knn_weights(coords), permutations=99)
    >>> maps.features.shape, bool(maps.moran.I.max() > 0.5)
    ((100, 8), True)
    """
    features = sparse_features(sae, activations)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* column", category=UserWarning)  # they are counted
        moran = morans_i(features, W, permutations, min_nonzero=MIN_NONZERO, random_state=random_state)
    on = features != 0
    rows = torch.as_tensor(np.asarray(activations, dtype=np.float32)).to(sae.encoder.weight.device)
    return FeatureMaps(
        features, moran, float((~on.any(axis=0)).mean()), float(on.sum(axis=1).mean()), sae.unexplained(rows)
    )
