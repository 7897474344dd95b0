"""Probabilities brought to what is known of their bags."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from reprise.discover.label_proportions.bag_factor import shift_to_counts
from reprise.discover.label_proportions.bags import Bags
from reprise.errors import InvalidInputError

SUREST = 1e-12


def calibrate_to_bags(
    probabilities: ArrayLike, groups: ArrayLike, proportions: Any = None, *, counts: Any = None
) -> Float[np.ndarray, " n"]:
    """Shift the log-odds of the rows of each bag by one number, so that their probabilities sum to its count.

    For rows of bags whose share is known also when predicting: it changes no order within a bag. O(n).

    Parameters
    ----------
    probabilities : (n,) of each row to be positive.
    groups : (n,) bag of each row.
    proportions : bag -> share of positives.
    counts : bag -> number of positives, in place of `proportions`.

    Raises
    ------
    InvalidInputError
        If lengths differ, a probability is outside [0, 1], or bags are not as `Bags.of` expects.

    Examples
    --------
    >>> calibrate_to_bags([0.5, 0.2, 0.2], ["a", "a", "a"], counts={"a": 2}).round(2)
    array([0.85, 0.58, 0.58])
    """
    bags = Bags.of(groups, proportions, counts)
    p = np.asarray(probabilities, dtype=float)
    if p.shape != bags.index.shape or not ((p >= 0) & (p <= 1)).all():
        raise InvalidInputError(
            f"Probabilities of shape {p.shape} were given; expected {len(bags.index)}, one a row, from 0 to 1."
        )
    logits = logit(np.clip(p, SUREST, 1 - SUREST))
    return expit(logits + shift_to_counts(logits, bags)[bags.index])
