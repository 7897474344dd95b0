"""DLLP: a network trained so that its mean over each bag is the bag's share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from reprise.discover.label_proportions.learner import BagLearner, Encoder
from reprise.discover.label_proportions.networks import BagLoss


class DLLPClassifier(BagLearner):
    """Learn to classify single rows by a loss of whole bags alone.

    The loss of a bag is the cross-entropy of its share of positives with the mean probability of its rows. With
    ``encoder="linear"`` it is logistic regression through bags.

    Parameters
    ----------
    encoder, hidden, embedding, epochs, batch_size, lr, weight_decay, standardize, device, random_state, progress : see
        `LabelProportionClassifier`; batches are of whole bags, as many as hold about `batch_size` rows.

    Attributes
    ----------
    classes_, network_, bags_, n_features_in_, history_ : see `BagLearner`.

    Raises
    ------
    InvalidInputError
        If bags are not as `Bags.of` expects, lengths differ, or a setting is out of range.
    ValueError
        If `X` is empty or not finite.

    References
    ----------
    E. M. Ardehaly, A. Culotta, "Co-training for demographic classification using deep learning from label
    proportions", ICDM Workshops 2017, arXiv:1709.04108.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 2))
    >>> groups, y = np.arange(400) // 8, X[:, 0] > 0
    >>> shares = {bag: y[groups == bag].mean() for bag in range(50)}
    >>> model = DLLPClassifier(encoder="linear", lr=0.1, random_state=0).fit(X, groups, shares)
    >>> bool((model.predict(X) == y).mean() > 0.9)
    True
    """

    def __init__(
        self,
        encoder: Encoder = "auto",
        hidden: tuple[int, ...] = (128,),
        embedding: int = 64,
        epochs: int = 20,
        batch_size: int = 128,
        lr: float = 1e-3,
        weight_decay: float = 1e-4,
        standardize: bool = True,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        progress: bool = False,
    ):
        self.encoder = encoder
        self.hidden = hidden
        self.embedding = embedding
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.standardize = standardize
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def fit(
        self,
        X: ArrayLike,
        groups: ArrayLike,
        proportions: Any = None,
        *,
        counts: Any = None,
    ) -> DLLPClassifier:
        """Learn from bags.

        Parameters
        ----------
        X : (n, d) rows, or images (n, height, width) or (n, channels, height, width).
        groups : (n,) bag of each row.
        proportions : bag -> share of its rows that are positive.
        counts : bag -> number of positives, in place of `proportions`.

        Returns
        -------
        self
        """
        rows = self._begin(X, groups, proportions, counts)
        network = self._new_network(rows, self.seed_)
        self.network_ = self._train_on_bags(network, BagLoss(torch.from_numpy(rows), self.bags_), self.seed_)
        return self
