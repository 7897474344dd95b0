"""MLC as a clustering estimator of tables, and of images with a backbone."""

from __future__ import annotations

import copy
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from reprise.discover.manifold_linearizing_clustering.assignment import Assignment
from reprise.discover.manifold_linearizing_clustering.losses import ManifoldLinearizingLoss, TotalCodingRateLoss
from reprise.discover.manifold_linearizing_clustering.network import TwoHeadedNetwork
from reprise.discover.manifold_linearizing_clustering.stages import Views, linearize, pretrain
from reprise.discover.manifold_linearizing_clustering.views import Augment, AugmentedViews, NeighbourViews
from reprise.errors import InvalidInputError
from reprise.nn.sinkhorn import doubly_stochastic

STEPS = 200
"""Steps that a stage takes where its epochs are not given."""

ENERGY = 0.95
"""Share of the squared singular values that a numerical rank covers, as in the paper (section 4)."""

_BLOCK = 2048  # samples that pass the network together


class ManifoldLinearizingClustering(TransformerMixin, ClusterMixin, BaseEstimator):
    r"""Cluster points that lie on bent manifolds, learning a map that makes each a linear subspace of its own.

    Two stages on one network of two heads: the feature head learns by self-supervision to keep views of a sample
    together and samples apart (`TotalCodingRateLoss`); then the cluster head starts as its copy, and both maximise
    the rate reduction with a doubly stochastic membership (`ManifoldLinearizingLoss`),

    .. math:: \max \; R(Z) - R_c(Z, \Gamma), \qquad \Gamma = P_\eta(C C^\top).

    The number of clusters enters only when labels are made, by spectral clustering of Γ; above `landmarks` points, of
    that many drawn at random, and every other point, known or new, follows its share of them.

    What it can find is what the views say. For images give a `backbone` and an `augment` of random crops or warps: that
    is the paper's setting. For a table without known invariances a view is a step towards a near neighbour, and the
    result is that of a learnt neighbourhood graph.

    Cost a step of b samples: two passes of the network, O(b² d + b³ / 3 + anchors b d²); of the labels
    O(landmarks³ + n landmarks d). The defaults are for the processor; the paper's are ``feature_dim=128,
    hidden_dim=4096, batch_size=1024, anchors=None, pretrain_epochs=1000, epochs=100`` on a GPU.

    Parameters
    ----------
    n_clusters : K, clusters to make.
    feature_dim : d, dimension of the features. More than the clusters' subspaces need make points of one cluster
        strangers to each other.
    hidden_dim : width of the layer that both heads share.
    eta : η, entropy of the membership; smaller with many clusters (0.12 to 0.15).
    eps2 : ε² of the rates.
    invariance : λ, weight of the views' agreement in the first stage.
    pretrain_epochs, epochs : of the two stages; None for as many as make 200 steps.
    batch_size : samples a step.
    anchors : memberships a step by which R_c is estimated; None for all.
    lr, weight_decay : of AdamW in the first stage, along a cosine.
    fine_lr : learning rate of the second stage.
    neighbours : nearest points that views of a table go towards, where there is no `augment`.
    backbone : a module that gives (n, width) from samples of any shape (n, ...), trained with the rest (a copy, from
        its own weights); None for a table, whose rows enter the shared layer.
    augment : a function of a batch (tensor) that gives a random view of each sample of it.
    landmarks : points at most that are clustered spectrally.
    device : where to train, ``"auto"``, ``"cpu"``, ``"cuda"``, ...; what is fitted rests on the CPU.
    random_state : seed, or generator, of weights, batches, views, landmarks and k-means.
    progress : show bars.

    Attributes
    ----------
    labels_ : (n,) clusters.
    network_ : the trained `TwoHeadedNetwork`.
    pretrain_history_, history_ : one record an epoch; the second has both rates.
    subspace_dims_ : (K,) numerical rank of each cluster's features (0 for a cluster that got no point).
    assignment_ : the landmarks, their potentials and clusters.
    centre_, scale_ : what a table is brought to a common scale by.
    n_features_in_, feature_names_in_ : as in scikit-learn.

    Raises
    ------
    InvalidInputError
        If there are fewer samples, or different ones, than clusters; a setting or a backbone is not as described; or
        samples are no table while there is no backbone. NaN and infinity are a ValueError.
    DivergedError
        If a loss is not finite any more; names the epoch.
    NotFittedError
        If used before `fit`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = ManifoldLinearizingClustering(3, epochs=20, random_state=0).fit(X)
    >>> model.transform(X).shape, model.predict(X[:2]) == model.labels_[:2]
    ((150, 32), array([ True,  True]))

    Notes
    -----
    Memberships are entropic projections; the quadratic one, which gives exact zeros, is not here.

    References
    ----------
    Ding, Tong, Chan, Dai, Ma and Haeffele (2023), "Unsupervised manifold linearizing and clustering", arXiv 2301.01805;
    https://github.com/tianjiaoding/mlc.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "feature_dim": [Interval(Integral, 1, None, closed="left")],
        "hidden_dim": [Interval(Integral, 1, None, closed="left")],
        "eta": [Interval(Real, 0, None, closed="neither")],
        "eps2": [Interval(Real, 0, None, closed="neither")],
        "invariance": [Interval(Real, 0, None, closed="left")],
        "pretrain_epochs": [None, Interval(Integral, 1, None, closed="left")],
        "epochs": [None, Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "anchors": [None, Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "fine_lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "neighbours": [Interval(Integral, 1, None, closed="left")],
        "backbone": [None, nn.Module],
        "augment": [None, callable],
        "landmarks": [Interval(Integral, 2, None, closed="left")],
        "device": [str],
        "random_state": ["random_state"],
        "progress": ["boolean"],
    }

    def __init__(
        self,
        n_clusters: int = 2,
        *,
        feature_dim: int = 32,
        hidden_dim: int = 256,
        eta: float = 0.175,
        eps2: float = 0.2,
        invariance: float = 30.0,
        pretrain_epochs: int | None = None,
        epochs: int | None = None,
        batch_size: int = 512,
        anchors: int | None = 128,
        lr: float = 3e-3,
        fine_lr: float = 1e-3,
        weight_decay: float = 1e-4,
        neighbours: int = 10,
        backbone: nn.Module | None = None,
        augment: Augment | None = None,
        landmarks: int = 2000,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        progress: bool = False,
    ):
        self.n_clusters = n_clusters
        self.feature_dim = feature_dim
        self.hidden_dim = hidden_dim
        self.eta = eta
        self.eps2 = eps2
        self.invariance = invariance
        self.pretrain_epochs = pretrain_epochs
        self.epochs = epochs
        self.batch_size = batch_size
        self.anchors = anchors
        self.lr = lr
        self.fine_lr = fine_lr
        self.weight_decay = weight_decay
        self.neighbours = neighbours
        self.backbone = backbone
        self.augment = augment
        self.landmarks = landmarks
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def fit(self, X: ArrayLike, y: object = None) -> ManifoldLinearizingClustering:
        """Learn features and membership, and cluster.

        Parameters
        ----------
        X : (n, d) table, brought to a common scale by its overall spread; or (n, ...) samples as the `backbone` reads
            them, taken as they are.
        y : ignored.

        Returns
        -------
        self
        """
        self._validate_params()
        samples = self._samples(X, first=True)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        # Torch's layers start from its global generator, which is the caller's.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = self._make_network(samples)
        views = self._views(samples)
        self.pretrain_history_ = pretrain(
            network,
            views,
            len(samples),
            TotalCodingRateLoss(self.eps2, self.invariance),
            **self._training(self.pretrain_epochs, self.lr, len(samples), seed, "spreading features"),
        )
        self.history_ = linearize(
            network,
            views,
            len(samples),
            ManifoldLinearizingLoss(self.eps2, self.eta, self.anchors),
            **self._training(self.epochs, self.fine_lr, len(samples), seed + 1, "linearizing"),
        )
        update_bn(samples.split(_BLOCK), network)
        self.network_ = network.eval()
        self._assign(samples, seed)
        return self

    def predict(self, X: ArrayLike) -> Int[np.ndarray, " n"]:
        """Give each sample the cluster that takes most of its membership; O(n landmarks d)."""
        check_is_fitted(self)
        return self.assignment_.shares(self._heads(self._samples(X))[1]).argmax(axis=1)

    def predict_proba(self, X: ArrayLike) -> Float[np.ndarray, "n K"]:
        """Give how much of each sample's membership lies on each cluster; rows sum to one."""
        check_is_fitted(self)
        return self.assignment_.shares(self._heads(self._samples(X))[1])

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Give the unit features Z (n, feature_dim), which lie near a union of linear subspaces."""
        check_is_fitted(self)
        return self._heads(self._samples(X))[0]

    def membership(self, X: ArrayLike) -> NDArray[np.float32]:
        """Give the doubly stochastic membership Γ (n, n) of these samples; O(n² d)."""
        check_is_fitted(self)
        vectors = self._heads(self._samples(X))[1]
        return doubly_stochastic(vectors @ vectors.T, self.eta, max_iter=200)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.input_tags.three_d_array = self.backbone is not None
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.feature_dim

    def _samples(self, X: ArrayLike, *, first: bool = False) -> Tensor:
        """Check samples, and bring a table to a common scale."""
        table = self.backbone is None
        checked = validate_data(
            self,
            X,
            dtype=np.float32,
            ensure_2d=table,
            allow_nd=not table,
            reset=first,
            ensure_min_samples=2 if first else 1,
        )
        if first:
            self._check_enough(checked)
            self.shape_ = checked.shape[1:]
            self.centre_ = checked.mean(axis=0, dtype=np.float64) if table else 0.0
            self.scale_ = float(np.sqrt(np.mean((checked - self.centre_) ** 2))) or 1.0 if table else 1.0
        if checked.shape[1:] != self.shape_:
            raise InvalidInputError(f"Samples of shape {self.shape_} were seen in fit; got {checked.shape[1:]}.")
        return torch.from_numpy(((checked - self.centre_) / self.scale_).astype(np.float32, copy=False))

    def _check_enough(self, samples: NDArray[np.float32]) -> None:
        n = len(samples)
        if n < self.n_clusters:
            raise InvalidInputError(
                f"n_samples={n} were given for {self.n_clusters} clusters; expected at least one each."
            )
        different = len(np.unique(samples.reshape(n, -1), axis=0))
        if different < self.n_clusters:
            raise InvalidInputError(
                f"Only {different} of {n} samples are different; {self.n_clusters} clusters were asked."
            )

    def _make_network(self, samples: Tensor) -> TwoHeadedNetwork:
        if self.backbone is None:
            return TwoHeadedNetwork(nn.Identity(), samples.shape[1], self.hidden_dim, self.feature_dim)
        backbone = copy.deepcopy(self.backbone)
        with torch.no_grad():
            shape = tuple(backbone.eval()(samples[:2]).shape)
        if len(shape) != 2:
            raise InvalidInputError(f"The backbone gave {shape} for two samples; (2, width) is expected.")
        return TwoHeadedNetwork(backbone.train(), shape[1], self.hidden_dim, self.feature_dim)

    def _views(self, samples: Tensor) -> Views:
        if self.augment is not None:
            return AugmentedViews(samples, self.augment)
        if self.backbone is None:
            return NeighbourViews(samples, self.neighbours)
        raise InvalidInputError(
            "Samples with a backbone need an `augment`, a function that gives random views of a batch."
        )

    def _training(self, epochs: int | None, lr: float, samples: int, seed: int, label: str) -> dict[str, Any]:
        steps_an_epoch = max(1, samples // self.batch_size)
        return {
            "epochs": epochs or -(-STEPS // steps_an_epoch),
            "batch_size": self.batch_size,
            "lr": lr,
            "weight_decay": self.weight_decay,
            "schedule": "cosine",
            "seed": seed,
            "device": self.device,
            "progress": label if self.progress else False,
        }

    def _assign(self, samples: Tensor, seed: int) -> None:
        features, vectors = self._heads(samples)
        chosen = np.arange(len(vectors))
        if len(vectors) > self.landmarks:
            chosen = np.random.default_rng(seed).choice(len(vectors), self.landmarks, replace=False)
        self.assignment_ = Assignment.of(vectors[chosen], self.n_clusters, self.eta, seed)
        self.labels_ = self.assignment_.shares(vectors).argmax(axis=1)
        self.subspace_dims_ = np.array([numerical_rank(features[self.labels_ == k]) for k in range(self.n_clusters)])

    @torch.no_grad()
    def _heads(self, samples: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        parts = [self.network_(block) for block in samples.split(_BLOCK)]
        features, vectors = (torch.cat(found).numpy() for found in zip(*parts, strict=True))
        return features, vectors


def numerical_rank(features: Float[np.ndarray, "n d"], energy: float = ENERGY) -> int:
    """Give how many singular values hold more than a share of the squares of all: the dimension of a subspace nearby.

    Parameters
    ----------
    features : (n, d), by rows; 0 if there are none.
    energy : the share.

    Examples
    --------
    >>> numerical_rank(np.diag([3.0, 2.0, 0.1]))
    2
    """
    if not len(features):
        return 0
    squares = np.linalg.svd(features, compute_uv=False) ** 2
    return int(np.searchsorted(squares.cumsum(), energy * squares.sum(), side="right")) + 1
