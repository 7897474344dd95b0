"""From cluster vectors to labels: spectral clustering of the membership on landmarks, which every point follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
from jaxtyping import Float, Int
from sklearn.cluster import KMeans

from reprise.nn.sinkhorn import sinkhorn_potentials

_ROWS = 1024  # points whose affinities to all landmarks are held together
_STEPS = 200  # of the projection, which needs more at small eta


@dataclass(frozen=True)
class Assignment:
    """Landmarks with their clusters, by which every point is given one.

    A point belongs to the cluster whose landmarks take most of its row of the membership, which over the landmarks is
    in proportion to exp((c · c_j + f_j) / η).

    Parameters
    ----------
    vectors : (m, d) unit cluster vectors of the landmarks.
    potentials : (m,) f, of their doubly stochastic membership.
    labels : (m,) their clusters, 0 to `n_clusters` - 1.
    n_clusters : K.
    eta : η.
    """

    vectors: Float[np.ndarray, "m d"]
    potentials: Float[np.ndarray, " m"]
    labels: Int[np.ndarray, " m"]
    n_clusters: int
    eta: float

    @classmethod
    def of(cls, vectors: Float[np.ndarray, "m d"], n_clusters: int, eta: float, seed: int) -> Assignment:
        """Cluster the landmarks spectrally by their membership; O(m³)."""
        kernel = torch.from_numpy(vectors @ vectors.T)
        potentials = sinkhorn_potentials(kernel, eta, max_iter=_STEPS).numpy()
        membership = np.exp((kernel.numpy() + potentials[:, None] + potentials) / eta)
        return cls(vectors, potentials, spectral_labels(membership, n_clusters, seed), n_clusters, eta)

    def shares(self, vectors: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n K"]:
        """Give how much of each point's row lies on each cluster's landmarks; O(n m d)."""
        indicators = np.eye(self.n_clusters, dtype=vectors.dtype)[self.labels]
        found = np.empty((len(vectors), self.n_clusters), dtype=vectors.dtype)
        for start in range(0, len(vectors), _ROWS):
            logits = (vectors[start : start + _ROWS] @ self.vectors.T + self.potentials) / self.eta
            logits -= logits.max(axis=1, keepdims=True)
            weights = np.exp(logits, out=logits) @ indicators
            found[start : start + _ROWS] = weights / weights.sum(axis=1, keepdims=True)
        return found


def spectral_labels(membership: Float[np.ndarray, "m m"], n_clusters: int, seed: int) -> Int[np.ndarray, " m"]:
    """Cluster by the leading eigenvectors of a doubly stochastic matrix, whose graph Laplacian is I - Γ.

    K-means takes each point's coordinates at length one, after Ng, Jordan and Weiss (2001).
    """
    m = len(membership)
    _, leading = scipy.linalg.eigh(membership, subset_by_index=[m - n_clusters, m - 1])
    lengths = np.linalg.norm(leading, axis=1, keepdims=True)
    directions = leading / np.maximum(lengths, np.finfo(leading.dtype).tiny)
    return KMeans(n_clusters, n_init=10, random_state=seed).fit_predict(directions)
