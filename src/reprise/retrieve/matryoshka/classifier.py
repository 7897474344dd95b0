"""A scikit-learn classifier and transformer whose embeddings can be cut short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.encoders import MLP
from reprise.retrieve.matryoshka.cascade import calibrate_cascade, check_thresholds
from reprise.retrieve.matryoshka.heads import MatryoshkaHead, check_dims
from reprise.retrieve.matryoshka.losses import MatryoshkaLoss
from reprise.training import train

Encoder = Callable[[int, int], nn.Module]

# The rate rises to its peak in epoch 2 of 40, then falls to 0: the paper's recipe.
_WARMUP_SHARE = 2 / 40
# Samples that pass the network together when predicting.
_BLOCK = 4096


class MatryoshkaNetwork(nn.Module):
    """An encoder and its Matryoshka head: from samples to the logits of every nested size.

    Examples
    --------
    >>> network = MatryoshkaNetwork(MLP(20, 8), MatryoshkaHead((2, 8), num_classes=3))
    >>> [tuple(logits.shape) for logits in network(torch.zeros(5, 20))]
    [(5, 3), (5, 3)]
    """

    def __init__(self, encoder: nn.Module, head: MatryoshkaHead):
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, x: Float[Tensor, "n features"]) -> tuple[Float[Tensor, "n classes"], ...]:
        """Encode, and classify from each prefix."""
        return self.head(self.encoder(x))


class MatryoshkaClassifier(ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BaseEstimator):
    r"""Classifier whose embedding is useful at every length: train once, choose the size when using it.

    An encoder maps a sample to z in R^d; the losses of the classifiers on its prefixes z[:m], m in `dims`, are summed
    (see `MatryoshkaHead` and `MatryoshkaLoss`). With a single size it is the ordinary network of that width. It is
    trained with AdamW; the rate rises linearly for a twentieth of the steps and then falls linearly to 0.

    Use `transform` (or `truncate`, which also normalises) for an index or a cache of any width, `predict` with `dim`
    to classify at a fixed cost, and `calibrate` then `adaptive_predict` to spend on each sample what it needs.
    Cost per epoch: the encoder's, and n C (sum of dims) multiply-adds for C classes, n C d if `efficient`.

    Parameters
    ----------
    dims : the nesting list M, strictly increasing; its last entry is the embedding's width d. Doubling from a few
        coordinates on is the paper's choice; sizes between those trained work nearly as well as their neighbours.
    hidden : widths of the hidden layers of the default encoder, a multi-layer perceptron.
    efficient : tie the classifiers (MRL-E): half the head's memory, and any prefix can be classified.
    weights : of the losses, one for each size; all 1 if None.
    label_smoothing : of the cross-entropy, from 0 to 1; 0.1 in the paper's ImageNet recipe.
    epochs, lr, batch_size, weight_decay : of the training.
    encoder : a function of (features, d) that makes the encoder, in place of the perceptron; it reads rows of X, so
        one for images starts with `torch.nn.Unflatten`.
    device : where to train, ``"auto"``, ``"cpu"``, ``"cuda"``, ...; what is fitted rests on the CPU.
    random_state : seed, or generator, of the initial weights and of the order of the batches.

    Attributes
    ----------
    classes_ : (C,) labels.
    dims_ : the checked nesting list.
    network_ : the trained `MatryoshkaNetwork`.
    history_ : one record an epoch.
    thresholds_ : (len(dims) - 1,) of the cascade, after `calibrate`.
    n_features_in_, feature_names_in_ : as in scikit-learn.

    Raises
    ------
    InvalidInputError
        If `dims` is not strictly increasing and positive, the weights are not as many as the sizes, a prefix is asked
        that there is not, or labels are calibrated that were not seen in `fit`.
    NotFittedError
        If used before `fit`; `adaptive_predict` without thresholds also before `calibrate`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> X, y = X[:600] / 16, y[:600]
    >>> model = MatryoshkaClassifier(dims=(4, 16), epochs=20, random_state=0).fit(X[:400], y[:400])
    >>> model.transform(X, dim=4).shape
    (600, 4)
    >>> bool(model.score(X[400:], y[400:]) > 0.8)
    True
    >>> labels, dims = model.calibrate(X[400:500], y[400:500]).adaptive_predict(X[500:], return_dim=True)
    >>> bool(dims.mean() < 16)
    True

    References
    ----------
    Kusupati et al. (2022), "Matryoshka representation learning", arXiv 2205.13147; https://github.com/RAIVNLab/MRL.
    """

    def __init__(
        self,
        dims: Sequence[int] = (2, 4, 8, 16, 32, 64),
        hidden: Sequence[int] = (256,),
        efficient: bool = False,
        weights: Sequence[float] | None = None,
        label_smoothing: float = 0.1,
        epochs: int = 50,
        lr: float = 0.01,
        batch_size: int = 64,
        weight_decay: float = 0.01,
        encoder: Encoder | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ):
        self.dims = dims
        self.hidden = hidden
        self.efficient = efficient
        self.weights = weights
        self.label_smoothing = label_smoothing
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.encoder = encoder
        self.device = device
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> MatryoshkaClassifier:
        """Train encoder and classifiers.

        Parameters
        ----------
        X : (n, features); bring features to a common scale of about 1 first.
        y : (n,) labels of any type.
        """
        dims = check_dims(self.dims)
        if self.weights is not None and len(self.weights) != len(dims):
            raise InvalidInputError(f"{len(self.weights)} weights were given for {len(dims)} nested sizes.")
        if not 0 <= self.label_smoothing < 1:
            raise InvalidInputError(f"label_smoothing={self.label_smoothing} was given; 0 <= it < 1 is expected.")
        samples, labels = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self.dims_ = dims
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        # Torch's layers start from its global generator, which is the caller's.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            make = self.encoder or self._perceptron
            encoder = make(samples.shape[1], dims[-1])
            network = MatryoshkaNetwork(encoder, MatryoshkaHead(dims, len(self.classes_), self.efficient))
        loss = MatryoshkaLoss(nn.CrossEntropyLoss(label_smoothing=self.label_smoothing), self.weights)

        def objective(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
            x, target = batch
            return loss(model(x), target)

        steps = self.epochs * -(-len(samples) // self.batch_size)
        self.history_ = train(
            network,
            objective,
            (torch.from_numpy(samples), torch.from_numpy(codes)),
            epochs=self.epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            weight_decay=self.weight_decay,
            schedule="linear",
            warmup=int(_WARMUP_SHARE * steps),
            seed=seed,
            device=self.device,
        )
        self.network_ = network.eval()
        return self

    def transform(self, X: ArrayLike, dim: int | None = None) -> NDArray[np.float32]:
        """Embed: give the first `dim` coordinates (all if None), of any size up to d; not normalised."""
        check_is_fitted(self, "network_")
        width = self.dims_[-1]
        if dim is not None and not 1 <= dim <= width:
            raise InvalidInputError(f"dim={dim} was asked of embeddings of width {width}.")
        return self._embed(X)[:, :dim].numpy()

    def predict_proba(self, X: ArrayLike, dim: int | None = None) -> NDArray[np.float32]:
        """Give the class probabilities (n, C) from the first `dim` coordinates; all if None.

        `dim` is one of `dims`, or any size up to d if `efficient`.
        """
        check_is_fitted(self, "network_")
        z = self._embed(X)
        return _probabilities(self._head.logits(z, self.dims_[-1] if dim is None else dim)).numpy()

    def predict(self, X: ArrayLike, dim: int | None = None) -> NDArray[Any]:
        """Give the most probable label from the first `dim` coordinates, as for `predict_proba`."""
        most_probable = self.predict_proba(X, dim).argmax(axis=1)
        return self.classes_[most_probable]

    def calibrate(self, X_val: ArrayLike, y_val: ArrayLike) -> MatryoshkaClassifier:
        """Learn the thresholds of the cascade from samples that were not trained on.

        Raises
        ------
        InvalidInputError
            If a label was not seen in `fit`, or the lengths differ.
        """
        check_is_fitted(self, "network_")
        probabilities = [_probabilities(logits).numpy() for logits in self._head(self._embed(X_val))]
        labels = np.asarray(y_val)
        if labels.shape != (len(probabilities[0]),):
            raise InvalidInputError(
                f"{len(probabilities[0])} samples and labels of shape {labels.shape} were given; one label a sample "
                "is expected."
            )
        if unseen := sorted(set(labels.tolist()) - set(self.classes_.tolist()), key=str):
            raise InvalidInputError(f"The label {unseen[0]!r} was not seen in fit, so it cannot be calibrated on.")
        correct = [self.classes_[p.argmax(axis=1)] == labels for p in probabilities]
        self.thresholds_ = calibrate_cascade([p.max(axis=1) for p in probabilities], correct)
        return self

    @overload
    def adaptive_predict(
        self, X: ArrayLike, thresholds: ArrayLike | None = None, return_dim: Literal[False] = False
    ) -> NDArray[Any]: ...

    @overload
    def adaptive_predict(
        self, X: ArrayLike, thresholds: ArrayLike | None = None, *, return_dim: Literal[True]
    ) -> tuple[NDArray[Any], NDArray[np.int64]]: ...

    def adaptive_predict(
        self, X: ArrayLike, thresholds: ArrayLike | None = None, return_dim: bool = False
    ) -> NDArray[Any] | tuple[NDArray[Any], NDArray[np.int64]]:
        """Classify each sample from the smallest prefix that is confident enough.

        Parameters
        ----------
        X : (n, features).
        thresholds : (len(dims) - 1,) confidences that must be exceeded to stop; those of `calibrate` if None.
        return_dim : give the size at which each sample stopped, too; its mean is the cascade's expected size.

        Returns
        -------
        (n,) labels, and with `return_dim` (n,) sizes.
        """
        check_is_fitted(self, "network_")
        if thresholds is None:
            check_is_fitted(self, "thresholds_", msg="Call calibrate first, or give thresholds.")
            thresholds = self.thresholds_
        limits = (*check_thresholds(thresholds, len(self.dims_)), -np.inf)
        z = self._embed(X)
        labels, sizes = np.empty(len(z), dtype=np.int64), np.empty(len(z), dtype=np.int64)
        open_ = np.arange(len(z))
        for m, limit in zip(self.dims_, limits, strict=True):
            confidence, label = _probabilities(self._head.logits(z[open_], m)).max(dim=1)
            stops = confidence.numpy() > limit
            stopped = open_[stops]
            labels[stopped], sizes[stopped] = label.numpy()[stops], m
            open_ = open_[~stops]
        return (self.classes_[labels], sizes) if return_dim else self.classes_[labels]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @property
    def _head(self) -> MatryoshkaHead:
        return self.network_.head

    @property
    def _n_features_out(self) -> int:
        return self.dims_[-1]

    def _perceptron(self, features: int, width: int) -> nn.Module:
        return MLP(features, width, self.hidden)

    @torch.no_grad()
    def _embed(self, X: ArrayLike) -> Tensor:
        """Check samples and encode them."""
        samples = validate_data(self, X, dtype=np.float32, reset=False)
        return torch.cat([self.network_.encoder(block) for block in torch.from_numpy(samples).split(_BLOCK)])


@torch.no_grad()
def _probabilities(logits: Tensor) -> Tensor:
    return logits.softmax(dim=1)
