"""What classifiers of rows that learn from bags share: rows and bags checked, networks made, trained and asked."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from reprise.discover.label_proportions.bags import Bags
from reprise.discover.label_proportions.networks import BagBatches, RowNetwork, instance_loss
from reprise.errors import InvalidInputError
from reprise.nn.encoders import MLP, ConvEncoder
from reprise.training import train

Encoder = Literal["auto", "linear"] | Callable[[], nn.Module]

ASKED_AT_ONCE = 8192


class BagLearner(ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BaseEstimator):
    """Base of the classifiers of this package: `fit` takes rows, their bags and the bags' shares of positives.

    Attributes
    ----------
    classes_ : 0 and 1.
    network_ : the trained `RowNetwork`.
    bags_ : the `Bags` it learnt from.
    n_features_in_ : columns (channels of images).
    history_ : records of the last training, one an epoch.
    """

    encoder: Encoder
    hidden: tuple[int, ...]
    embedding: int
    epochs: int
    batch_size: int
    lr: float
    weight_decay: float
    standardize: bool
    device: str
    random_state: Any
    progress: bool

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "encoder": [StrOptions({"auto", "linear"}), callable],
        "hidden": [tuple, list],
        "embedding": [Interval(Integral, 1, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "standardize": ["boolean"],
        "device": [str],
        "random_state": ["random_state"],
        "progress": ["boolean"],
    }

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.network_.head.in_features

    def decision_function(self, X: ArrayLike) -> Float[np.ndarray, " n"]:
        """Give the log-odds of each row to be positive.

        Parameters
        ----------
        X : (n, d) rows, or images, as in `fit`.
        """
        check_is_fitted(self)
        return self._ask(self.network_, self._rows(X)).astype(np.float64)

    def predict_proba(self, X: ArrayLike) -> Float[np.ndarray, "n 2"]:
        """Give the probabilities of each row to be negative and positive."""
        positive = 1 / (1 + np.exp(-self.decision_function(X)))
        return np.column_stack([1 - positive, positive])

    def predict(self, X: ArrayLike) -> Int[np.ndarray, " n"]:
        """Give the more probable class of each row."""
        check_is_fitted(self)
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]

    def transform(self, X: ArrayLike) -> Float[np.ndarray, "n width"]:
        """Give the embedding of each row."""
        check_is_fitted(self)
        return self._ask(self.network_.embed, self._rows(X))

    def _begin(self, X: Any, groups: ArrayLike, proportions: Any, counts: Any) -> Float[np.ndarray, " n *shape"]:
        """Check all input, learn the scale, and give the scaled rows."""
        self._validate_params()
        rows = validate_data(self, X, dtype=np.float32, allow_nd=True)
        _check_shape(rows)
        self.bags_ = Bags.of(groups, proportions, counts)
        if len(rows) != len(self.bags_.index):
            raise InvalidInputError(
                f"X has {len(rows)} rows and groups has {len(self.bags_.index)}; expected the bag of each row."
            )
        axes = 0 if rows.ndim == 2 and self.standardize else None
        self.center_ = rows.mean(axis=axes, dtype=np.float64).astype(np.float32)
        scale = rows.std(axis=axes, dtype=np.float64).astype(np.float32)
        self.scale_ = np.where(scale > 0, scale, np.float32(1))
        self.shape_ = rows.shape[1:]
        self.classes_ = np.array([0, 1])
        self.seed_ = int(check_random_state(self.random_state).randint(2**31 - 1))
        return self._scaled(rows)

    def _rows(self, X: Any) -> Float[np.ndarray, " n *shape"]:
        rows = validate_data(self, X, dtype=np.float32, allow_nd=True, reset=False)
        if rows.shape[1:] != self.shape_:
            raise InvalidInputError(f"Rows have shape {rows.shape[1:]}; expected {self.shape_}, as those of fit.")
        return self._scaled(rows)

    def _scaled(self, rows: Float[np.ndarray, " n *shape"]) -> Float[np.ndarray, " n *scaled"]:
        scaled = (rows - self.center_) / self.scale_
        return scaled[:, None] if scaled.ndim == 3 else scaled

    def _new_network(self, rows: Float[np.ndarray, " n *shape"], seed: int) -> RowNetwork:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if self.encoder == "linear":
                return RowNetwork(None, int(np.prod(rows.shape[1:])))
            if callable(self.encoder):
                encoder = self.encoder()
                with torch.no_grad():
                    width = encoder.eval()(torch.from_numpy(rows[:2])).shape[-1]
                return RowNetwork(encoder.train(), width)
            if rows.ndim == 2:
                made: nn.Module = MLP(rows.shape[1], self.embedding, hidden=tuple(self.hidden))
            else:
                made = ConvEncoder(rows.shape[1], self.embedding)
            return RowNetwork(made, self.embedding)

    def _train_on_rows(
        self, rows: Float[np.ndarray, " n *shape"], targets: Float[np.ndarray, " n"], seed: int
    ) -> RowNetwork:
        network = self._new_network(rows, seed)
        data = torch.from_numpy(rows), torch.from_numpy(targets.astype(np.float32))
        self.history_ = train(network, instance_loss, data, batch_size=self.batch_size, **self._plan(seed))
        return network.eval()

    def _train_on_bags(self, network: RowNetwork, loss: BagBatches, seed: int) -> RowNetwork:
        bags_at_once = max(1, round(self.batch_size * len(self.bags_) / len(self.bags_.index)))
        numbers = torch.arange(len(self.bags_))
        self.history_ = train(network, loss, numbers, batch_size=bags_at_once, **self._plan(seed))
        return network.eval()

    def _plan(self, seed: int) -> dict[str, Any]:
        return {
            "epochs": self.epochs,
            "lr": self.lr,
            "weight_decay": self.weight_decay,
            "schedule": "cosine",
            "seed": seed,
            "device": self.device,
            "progress": self.progress,
        }

    def _ask(self, function: Callable[[Tensor], Tensor], rows: Float[np.ndarray, " n *shape"]) -> np.ndarray:
        device = next(self.network_.parameters()).device
        with torch.no_grad():
            parts = [function(part.to(device)).cpu() for part in torch.from_numpy(rows).split(ASKED_AT_ONCE)]
        return torch.cat(parts).numpy()


def _check_shape(rows: np.ndarray) -> None:
    if rows.ndim not in (2, 3, 4):
        raise InvalidInputError(
            f"X has shape {rows.shape}; expected (n, d), or images (n, height, width) or (n, channels, height, width)."
        )
