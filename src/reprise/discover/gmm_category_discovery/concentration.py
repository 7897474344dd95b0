"""How loosely points lie about their prototype: the temperature of each in the contrastive loss."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from reprise.errors import InvalidInputError

__all__ = ["concentrations"]

SMOOTHING = 10
"""Added to a cluster's size, so that small clusters are not taken for tight ones."""

CLIP = (10, 90)
"""Percentiles that bound the concentrations."""


def concentrations(
    X: Float[np.ndarray, "n D"],
    prototypes: Float[np.ndarray, "K D"],
    assigned: Int[np.ndarray, " n"],
    temperature: float = 0.1,
) -> Float[np.ndarray, " K"]:
    r"""Give the concentration of the points about each prototype, of mean `temperature`; O(n D).

    .. math:: \phi_k = \frac{\operatorname{mean}_{i \in k} \lVert x_i - \mu_k \rVert}{\log(N_k + 10)}

    Clusters of fewer than two points take the largest; all are clipped to the 10th and 90th percentile, then scaled.

    Parameters
    ----------
    X : (n, D) points.
    prototypes : (K, D) centres.
    assigned : (n,) prototype of each point, 0 to K - 1.
    temperature : mean of the result, above 0.

    Raises
    ------
    InvalidInputError
        If `temperature` is not above 0.

    References
    ----------
    J. Li, P. Zhou, C. Xiong, S. C. H. Hoi, "Prototypical contrastive learning of unsupervised representations",
    ICLR 2021, arXiv 2005.04966.

    Examples
    --------
    >>> X = np.array([[0.0], [2.0], [10.0], [10.0]])
    >>> concentrations(X, np.array([[1.0], [10.0]]), np.array([0, 0, 1, 1]), temperature=1.0).round(2).tolist()
    [1.8, 0.2]
    """
    if not temperature > 0:
        raise InvalidInputError(f"temperature={temperature} was given; expected a number above 0.")
    K = len(prototypes)
    counts = np.bincount(assigned, minlength=K)
    totals = np.bincount(assigned, weights=np.linalg.norm(X - prototypes[assigned], axis=1), minlength=K)
    phi = totals / np.maximum(counts, 1) / np.log(counts + SMOOTHING)
    phi[counts < 2] = phi.max()
    phi = np.clip(phi, *np.percentile(phi, CLIP))
    if not phi.mean() > 0:
        return np.full(K, temperature)
    # Points that all lie on their prototype would divide by zero.
    phi = np.maximum(phi, 1e-3 * phi.mean())
    return temperature * phi / phi.mean()
