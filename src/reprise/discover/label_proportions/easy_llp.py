"""EasyLLP: a loss of single rows whose expectation, over bags drawn at random, is the loss with the true labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from reprise.discover.label_proportions.learner import BagLearner, Encoder


class EasyLLPClassifier(BagLearner):
    """Learn to classify single rows by a debiased loss of each row.

    A row of a bag of k rows with share a of positives counts ``w = k (a - p) + p`` as positive and ``1 - w`` as
    negative, p the share of positives among all rows: were the rows of a bag drawn independently, the expectation would
    be the loss with the true labels. Its variance grows with k.

    Parameters
    ----------
    encoder, hidden, embedding, epochs, batch_size, lr, weight_decay, standardize, device, random_state, progress : see
        `LabelProportionClassifier`.

    Attributes
    ----------
    weights_ : (n,) w of each row.
    classes_, network_, bags_, n_features_in_, history_ : see `BagLearner`.

    Raises
    ------
    InvalidInputError
        If bags are not as `Bags.of` expects, lengths differ, or a setting is out of range.
    ValueError
        If `X` is empty or not finite.

    References
    ----------
    R. Busa-Fekete et al., "Easy learning from label proportions", NeurIPS 2023, arXiv:2302.03115.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 2))
    >>> groups, y = np.arange(400) // 4, X[:, 0] > 0
    >>> shares = {bag: y[groups == bag].mean() for bag in range(100)}
    >>> model = EasyLLPClassifier(encoder="linear", lr=0.03, random_state=0).fit(X, groups, shares)
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
    ) -> EasyLLPClassifier:
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
        overall = self.bags_.counts.sum() / self.bags_.sizes.sum()
        weights = self.bags_.sizes * (self.bags_.shares - overall) + overall
        self.weights_ = weights[self.bags_.index]
        self.network_ = self._train_on_rows(rows, self.weights_, self.seed_)
        return self
