"""Two views of a sample, for tables that bring no augmentation: a step towards one of its neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from reprise.errors import InvalidInputError

Augment = Callable[[Tensor], Tensor]


class AugmentedViews:
    """Random views of rows of `samples` by a function of a batch, such as random crops of images.

    Parameters
    ----------
    samples : (n, ...) all samples.
    augment : a function of a batch that gives another version of each of its samples, and draws from torch's global
        generator only.

    Examples
    --------
    >>> views = AugmentedViews(torch.zeros(4, 2), lambda x: x + 1)
    >>> views(torch.tensor([0, 3])).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """

    def __init__(self, samples: Tensor, augment: Augment):
        self.samples, self.augment = samples, augment

    def __call__(self, rows: Int[Tensor, " b"]) -> Tensor:
        """Give one new view of each row."""
        self.samples = self.samples.to(rows.device)
        return self.augment(self.samples[rows])


class NeighbourViews:
    """Random views of rows of a table: a random part of the way to a random one of the nearest neighbours.

    Where no invariance is known, what varies along the manifold is what lies close by. O(n² d) time in blocks
    to find them.

    Parameters
    ----------
    samples : (n, d) table.
    neighbours : how many of the nearest are drawn from; n - 1 if there are not as many.
    reach : the largest part of the way that a view goes.

    Raises
    ------
    InvalidInputError
        If `samples` is not a matrix, `neighbours` is below 1 or `reach` negative.

    Examples
    --------
    >>> views = NeighbourViews(torch.tensor([[0.0], [1.0], [9.0]]), neighbours=1)
    >>> bool((views(torch.tensor([0, 0, 0, 0])) <= 1).all())
    True
    """

    def __init__(self, samples: Float[Tensor, "n d"], neighbours: int = 10, reach: float = 1.0):
        if samples.ndim != 2 or neighbours < 1 or not reach >= 0:
            raise InvalidInputError(
                f"A table, neighbours of at least 1 and a reach of at least 0 are expected; got shape "
                f"{tuple(samples.shape)}, {neighbours} and {reach}."
            )
        self.samples, self.reach = samples, reach
        count = min(neighbours, len(samples) - 1)
        search = NearestNeighbors(n_neighbors=max(count, 1)).fit(samples.numpy())
        found = search.kneighbors(return_distance=False) if count else np.zeros((len(samples), 1), dtype=np.int64)
        self.neighbours = torch.from_numpy(found)

    def __call__(self, rows: Int[Tensor, " b"]) -> Float[Tensor, "b d"]:
        """Give one new view of each row."""
        self.samples, self.neighbours = self.samples.to(rows.device), self.neighbours.to(rows.device)
        drawn = torch.randint(self.neighbours.shape[1], (len(rows),), device=rows.device)
        here, there = self.samples[rows], self.samples[self.neighbours[rows, drawn]]
        return here + self.reach * torch.rand(len(rows), 1, device=rows.device, dtype=here.dtype) * (there - here)
