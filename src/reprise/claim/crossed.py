"""Items that several groups share: groups and items are both samples, and a mean varies with each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Components:
    """Means over items of the items' means, and what groups and items each add to their covariance.

    `means` is (k,), `covariances` (2, k, k) and `freedom` (2,): first of the groups, then of the items.
    """

    means: np.ndarray
    covariances: np.ndarray
    freedom: np.ndarray

    def error(self, direction: np.ndarray) -> tuple[float, float]:
        """Give the standard error of `direction @ means`, and Satterthwaite's degrees of freedom."""
        variances = np.einsum("i,cij,j->c", direction, self.covariances, direction).clip(min=0)
        total = float(variances.sum())
        if total == 0:
            return 0.0, float(self.freedom.min())
        return math.sqrt(total), total**2 / float((variances**2 / self.freedom).sum())


def shared(items: np.ndarray | None) -> bool:
    """Say whether any item occurs in more than one group."""
    return items is not None and len(np.unique(items)) < len(items)


def components(values: np.ndarray, groups: np.ndarray, items: np.ndarray) -> Components:
    r"""Estimate the two variance components of the means of crossed data.

    .. math:: v_g = \mathrm{cov}(\text{group means}) \textstyle\sum_g w_g^2, \qquad
              v_i = \mathrm{cov}(\text{item means}) / I,

    where :math:`w_g` is a group's share in the mean over items: :math:`1/G` in a complete table. Each also holds a part
    of the variance of single values, which is so counted twice: an interval from them errs on the wide side.

    Parameters
    ----------
    values : (k, n) k quantities, measured together.
    groups, items : (n,) labels; each pair of a group and an item occurs at most once, and there are two items or more.
    """
    in_group, in_item = (np.unique(labels, return_inverse=True)[1] for labels in (groups, items))
    of_groups, of_items = group_means(values, groups), group_means(values, items)
    n_groups, n_items = of_groups.shape[1], of_items.shape[1]
    shares = np.bincount(in_group, weights=1 / np.bincount(in_item)[in_item]) / n_items
    return Components(
        means=of_items.mean(axis=1),
        covariances=np.stack(
            [np.atleast_2d(np.cov(of_groups)) * (shares**2).sum(), np.atleast_2d(np.cov(of_items)) / n_items]
        ),
        freedom=np.array([n_groups - 1, n_items - 1]),
    )


def group_means(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Give the mean of each group, in the order of their labels, along the last axis of (n,) or (k, n) values."""
    _, codes = np.unique(groups, return_inverse=True)
    counts = np.bincount(codes)
    if values.ndim == 1:
        return np.bincount(codes, weights=values) / counts
    return np.stack([np.bincount(codes, weights=row) / counts for row in values])
