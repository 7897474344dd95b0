"""Top-down, bottom-up, and from both ends: levels of clusters, each within those above it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from reprise.discover.science_hierarchography.allocation import allocate_subclusters
from reprise.discover.science_hierarchography.splitting import Clusterer, numbered, split
from reprise.discover.science_hierarchography.tree import groups

Direction = Literal["top_down", "bottom_up", "bidirectional"]
DIRECTIONS: tuple[Direction, ...] = ("top_down", "bottom_up", "bidirectional")

Labels = Int[np.ndarray, "n levels"]
Summarise = Callable[[list[list[int]]], Float[np.ndarray, "clusters d"]]
"""Describes clusters (each the positions of its papers) by vectors of their names and summaries."""


def top_down(
    X: Float[np.ndarray, "n d"],
    sizes: Sequence[int],
    *,
    clusterer: Clusterer = "kmeans",
    seed: int = 0,
    standardize: bool = True,
    tick: Callable[[int], object] = lambda papers: None,
) -> Labels:
    """Divide all papers, and then every cluster again, into as many parts as its share of the next level.

    Parameters
    ----------
    X : vectors of n papers; the same at each level, scaled anew within each cluster.
    sizes : clusters a level, top to bottom.
    clusterer, seed, standardize : see `split`.
    tick : told of papers whose cluster at a level is known.

    Returns
    -------
    Clusters of each level, top to bottom.
    """
    levels = [split(X, min(sizes[0], len(X)), clusterer, seed, standardize)]
    tick(len(X))
    for total in sizes[1:]:
        members = groups(levels[-1], int(levels[-1].max()) + 1)
        below, count = np.empty(len(X), dtype=np.int64), 0
        for rows, parts in zip(members, allocate_subclusters([*map(len, members)], total), strict=True):
            found = split(X[rows], parts, clusterer, seed, standardize)
            below[rows] = count + found
            count += int(found.max()) + 1
            tick(len(rows))
        levels.append(below)
    return np.column_stack(levels)


def bottom_up(
    X: Float[np.ndarray, "n d"],
    sizes: Sequence[int],
    summarise: Summarise,
    *,
    clusterer: Clusterer = "kmeans",
    seed: int = 0,
    standardize: bool = True,
) -> Labels:
    """Cluster the papers, describe each cluster in words, and cluster the vectors of these descriptions, and so on.

    Parameters
    ----------
    X : vectors of n papers.
    sizes : clusters a level, top to bottom.
    summarise : from clusters to vectors of their descriptions.
    clusterer, seed, standardize : see `split`.

    Returns
    -------
    Clusters of each level, top to bottom.
    """
    levels = [split(X, min(sizes[-1], len(X)), clusterer, seed, standardize)]
    for total in sizes[-2::-1]:
        below = levels[0]
        vectors = summarise([rows.tolist() for rows in groups(below, int(below.max()) + 1)])
        levels.insert(0, split(vectors, min(total, len(vectors)), clusterer, seed, standardize)[below])
    return np.column_stack(levels)


def bidirectional(
    X: Float[np.ndarray, "n d"],
    sizes: Sequence[int],
    summarise: Summarise,
    *,
    clusterer: Clusterer = "kmeans",
    seed: int = 0,
    standardize: bool = True,
) -> Labels:
    """Divide the papers once from the top, and build each part from the bottom.

    Parameters
    ----------
    X : vectors of n papers.
    sizes : clusters a level, top to bottom; those below the top are shared out among the parts by their papers.
    summarise : from clusters to vectors of their descriptions.
    clusterer, seed, standardize : see `split`.

    Returns
    -------
    Clusters of each level, top to bottom.
    """
    top = split(X, min(sizes[0], len(X)), clusterer, seed, standardize)
    if len(sizes) == 1:
        return top[:, None]
    members = groups(top, int(top.max()) + 1)
    shares = np.array([allocate_subclusters([*map(len, members)], total) for total in sizes[1:]])
    shares = np.maximum.accumulate(shares, axis=0)  # rounding may give a part fewer clusters than the level above
    below = np.zeros((len(X), len(sizes) - 1), dtype=np.int64)
    offsets = np.zeros(len(sizes) - 1, dtype=np.int64)
    for rows, share in zip(members, shares.T, strict=True):

        def within(clusters: list[list[int]], rows: np.ndarray = rows) -> np.ndarray:
            return summarise([rows[cluster].tolist() for cluster in clusters])

        found = bottom_up(X[rows], share.tolist(), within, clusterer=clusterer, seed=seed, standardize=standardize)
        below[rows] = found + offsets
        offsets += found.max(axis=0) + 1
    return np.column_stack([top, *map(numbered, below.T)])
