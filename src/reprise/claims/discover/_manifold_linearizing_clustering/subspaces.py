"""Sparse subspace clustering by the elastic net, the rival that the paper compares with most closely.

Every point is written as a sparse combination of the others; who takes part in whose combination makes a graph.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import SpectralClustering
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet

_FIRST_GUESS = 60  # points nearest in angle with which a point's combination is begun
_ROUNDS = 4  # of adding those that the optimality conditions still ask for


def elastic_net_clustering(X: NDArray, n_clusters: int, gamma: float, tau: float, seed: int) -> NDArray:
    """Cluster the rows of X, brought to unit length.

    Each point minimises gamma_j / 2 |x_j - X' c|^2 + tau |c|_1 + (1 - tau) / 2 |c|^2 over combinations of the others,
    where gamma_j is `gamma` times the least that gives any, through growing sets of candidates that hold all the
    solution needs (You, Li, Robinson and Vidal 2016, arXiv 1605.02633).
    """
    points = X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12)
    n = len(points)
    coefficients = np.zeros((n, n))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for j, point in enumerate(points):
            chosen, found = _combination(points, j, point, gamma, tau)
            coefficients[chosen, j] = found
    coefficients = np.abs(coefficients) / np.maximum(np.abs(coefficients).max(axis=0), 1e-12)
    graph = SpectralClustering(n_clusters, affinity="precomputed", random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a graph in several pieces
        return graph.fit_predict(coefficients + coefficients.T)


def _combination(points: NDArray, j: int, point: NDArray, gamma: float, tau: float) -> tuple[NDArray, NDArray]:
    likeness = np.abs(points @ point)
    likeness[j] = 0
    weight = gamma * tau / max(likeness.max(), 1e-12)
    candidates = np.argsort(-likeness)[: min(_FIRST_GUESS, len(points) - 1)]
    net = ElasticNet(alpha=1 / (weight * len(point)), l1_ratio=tau, fit_intercept=False, tol=1e-3, max_iter=500)
    for _ in range(_ROUNDS):
        net.fit(points[candidates].T, point)
        pull = weight * np.abs(points @ (point - points[candidates].T @ net.coef_))
        pull[candidates], pull[j] = 0, 0
        missing = np.flatnonzero(pull > tau * (1 + 1e-3))
        if not len(missing):
            break
        used = np.flatnonzero(net.coef_)
        candidates = np.concatenate([candidates[used], missing])
    else:
        net.fit(points[candidates].T, point)
    return candidates, net.coef_
