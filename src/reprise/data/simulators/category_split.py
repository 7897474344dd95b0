"""Hides labels as generalised category discovery does: some classes wholly, of the others a part."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reprise.errors import InvalidInputError


def category_split(
    labels: ArrayLike, known: ArrayLike, rng: np.random.Generator, *, share: float = 0.5
) -> NDArray[np.int64]:
    """Hide every label of the classes that are not known, and of each known class all but a share.

    Parameters
    ----------
    labels : (n,) whole numbers from 0.
    known : the known classes.
    rng : the only source of randomness.
    share : of each known class's points that keeps its label, between 0 and 1; at least one point does.

    Returns
    -------
    (n,) int64
        Labels, -1 where hidden.

    Raises
    ------
    InvalidInputError
        If there are no labels, a known class has no point, or the share is not above 0 and at most 1.

    References
    ----------
    Vaze, Han, Vedaldi and Zisserman (2022), Generalized Category Discovery, arXiv:2201.02609.

    Examples
    --------
    >>> category_split([0, 0, 0, 0, 1, 1], known=[0], rng=np.random.default_rng(0)).tolist()
    [-1, -1, 0, 0, -1, -1]
    """
    given, kept = np.asarray(labels), np.unique(np.asarray(known))
    if given.ndim != 1 or not len(given) or given.dtype.kind not in "iu":
        raise InvalidInputError(
            f"Labels are a non-empty one-dimensional array of whole numbers; got shape {given.shape}, {given.dtype}."
        )
    if absent := sorted(set(kept.tolist()) - set(given.tolist())):
        raise InvalidInputError(f"These known classes have no point: {', '.join(map(str, absent))}.")
    if not 0 < share <= 1:
        raise InvalidInputError(f"share is above 0 and at most 1; got {share}.")
    hidden = np.full(len(given), -1, dtype=np.int64)
    for category in kept:
        members = np.flatnonzero(given == category)
        chosen = rng.choice(members, max(1, round(share * len(members))), replace=False)
        hidden[chosen] = category
    return hidden
