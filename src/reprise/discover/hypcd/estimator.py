"""Hyperbolic category discovery as an estimator."""

from __future__ import annotations

import copy
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.preprocessing import normalize
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from reprise.discover.hypcd.fitting import Settings, distort_features, fit
from reprise.discover.hypcd.losses import STUDENT_TEMPERATURE
from reprise.discover.hypcd.networks import Adapter, DiscoveryNetwork, Geometry
from reprise.errors import InvalidInputError
from reprise.metrics import hungarian_matching
from reprise.nn.class_number import estimate_class_number
from reprise.nn.partial_labels import PartialLabels, partial_labels
from reprise.training.stage import modes_kept

BLOCK = 1024
"""Rows that are encoded at once in predictions."""

STARTS = 10


def _is_parametric(estimator: HyperbolicCategoryDiscovery) -> bool:
    return estimator.mode == "parametric"


class HyperbolicCategoryDiscovery(TransformerMixin, BaseEstimator):
    r"""Recognise known classes and find unnamed ones among partly labelled samples, in the Poincaré ball.

    An encoder's features are clipped and mapped into the ball, and trained there with `hybrid_contrastive_loss`, which
    goes from angles to hyperbolic distances as training proceeds. ``mode="parametric"`` (HypSimGCD) also trains a
    `HypLinear` classifier of known and new classes, by the labels there are and by `self_distillation_loss`, and
    predicts with it. ``mode="nonparametric"`` (HypGCD) trains the contrast alone, behind a projection MLP, and predicts
    with k-means on the encoder's normalised features, clusters matched to known classes by the labelled rows.
    ``geometry="spherical"`` gives the baselines SimGCD and GCD, all else equal.

    Parameters
    ----------
    n_classes : known and new classes together; None estimates it by
        `reprise.nn.class_number.estimate_class_number` on the features of unit length that there are before training.
    mode : ``"parametric"`` or ``"nonparametric"``.
    head_dim : dimension of the embedding; in parametric mode also the width of the encoder's features.
    hidden : hidden width of the encoder and of the projection MLP.
    c : minus the curvature.
    clip_r : norm to which features are clipped before they enter the ball; None clips nothing. The authors use 1.2 to
        2.3, and 1.2 most.
    geometry : ``"hyperbolic"`` or ``"spherical"``.
    projection : whether a projection MLP stands before the embedding; None does as the papers do (not in hyperbolic
        parametric mode, else yes).
    riemannian : scale gradients by the ball's metric, as of `ToPoincare`; off in the authors' scripts.
    lam_max : share of the distance in the contrast at the end of training; angles alone at 0.
    angle_scale : factor of the contrast's temperatures where it is by angle. The authors take 0.3 to 0.4 in hyperbolic
        parametric mode, to fine-tune a ViT; on features as they are 1 did better.
    sup_weight, memax_weight : weights of supervision and of the mean entropy.
    max_classes : largest number to try where `n_classes` is None.
    epochs, batch_size, lr, weight_decay : of SGD with momentum 0.9 and a cosine schedule.
    classifier_lr : of Adam for the hyperbolic classifier.
    backbone : a module from samples (n, ...) to (n, width) features that takes the place of the encoder; a copy is
        trained, as far as its parameters require gradients, and replaces `head_dim` by its width in parametric mode.
    augment : a function that makes a random view of a batch of samples, a tensor (features come centred, with a mean
        variance of 1); None drops a fifth of the features and adds noise, and is for features only.
    device : such as ``"cpu"`` or ``"cuda"``, where it trains and predicts.
    random_state : seeds weights, batches, views and k-means.
    progress : show a bar.

    Attributes
    ----------
    labels_ : (n,) class of each row of `fit`: its label where it has one, else the prediction.
    classes_ : (n_classes_,) known classes in order, then numbers that follow the largest of them for new ones.
    n_classes_ : given or estimated.
    class_accuracies_ : for each number of classes tried, the accuracy on labelled rows; empty where it was given.
    network_ : the trained module.
    history_ : one record an epoch.
    mean_, scale_ : by which features (not samples of a `backbone`) are centred and divided; one scale for all.
    kmeans_ : the fitted k-means, in nonparametric mode.
    n_features_in_ : of features.

    Raises
    ------
    InvalidInputError
        If no row is labelled, there are more classes than rows or fewer than known classes, `augment` is missing for
        samples that are not features, or a setting is out of range; `ValueError` from scikit-learn if X is not finite.
    DivergedError
        If the loss is not finite.

    Warns
    -----
    UserWarning
        If every row is labelled.

    Notes
    -----
    Features are usually longer than `clip_r`, so that nearly all points end on that radius, where hyperbolic distance
    depends on the angle alone. A step is O(B² d) beside the encoder, with B rows of a batch in d dimensions; labelled
    and unlabelled rows are drawn equally often. The authors train the last block of a DINO ViT-B/16: give it as
    `backbone`. For features the encoder is a hidden layer that starts at no change, and a projection to `head_dim`.

    References
    ----------
    Y. Liu, Z. He, K. Han, "Hyperbolic Category Discovery", CVPR 2025, arXiv 2504.06120;
    code https://github.com/Visual-AI/HypCD.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from reprise.metrics import category_accuracy
    >>> X, y = make_blobs(300, centers=9 * np.eye(5), random_state=0)
    >>> known = np.where((y < 3) & (np.arange(300) % 2 == 0), y, -1)
    >>> model = HyperbolicCategoryDiscovery(5, head_dim=8, hidden=32, epochs=12, batch_size=32, random_state=0)
    >>> model = model.fit(X, known)
    >>> model.classes_.tolist(), model.predict(X[:4]).shape
    ([0, 1, 2, 3, 4], (4,))
    >>> category_accuracy(y, model.labels_, known=[0, 1, 2]).all > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_classes": [None, Interval(Integral, 1, None, closed="left")],
        "mode": [StrOptions({"parametric", "nonparametric"})],
        "head_dim": [Interval(Integral, 1, None, closed="left")],
        "hidden": [Interval(Integral, 1, None, closed="left")],
        "c": [Interval(Real, 0, None, closed="neither")],
        "clip_r": [None, Interval(Real, 0, None, closed="neither")],
        "geometry": [StrOptions({"hyperbolic", "spherical"})],
        "projection": [None, "boolean"],
        "riemannian": ["boolean"],
        "lam_max": [Interval(Real, 0, 1, closed="both")],
        "angle_scale": [Interval(Real, 0, None, closed="neither")],
        "sup_weight": [Interval(Real, 0, 1, closed="both")],
        "memax_weight": [Interval(Real, 0, None, closed="left")],
        "max_classes": [None, Interval(Integral, 1, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "classifier_lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "backbone": [None, nn.Module],
        "augment": [None, callable],
        "device": [str],
        "random_state": ["random_state"],
        "progress": ["boolean"],
    }

    def __init__(
        self,
        n_classes: int | None = None,
        *,
        mode: Literal["parametric", "nonparametric"] = "parametric",
        head_dim: int = 256,
        hidden: int = 512,
        c: float = 0.1,
        clip_r: float | None = 1.2,
        geometry: Geometry = "hyperbolic",
        projection: bool | None = None,
        riemannian: bool = False,
        lam_max: float = 1.0,
        angle_scale: float = 1.0,
        sup_weight: float = 0.35,
        memax_weight: float = 1.0,
        max_classes: int | None = None,
        epochs: int = 200,
        batch_size: int = 128,
        lr: float = 0.1,
        classifier_lr: float = 0.01,
        weight_decay: float = 5e-5,
        backbone: nn.Module | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
        device: str = "cpu",
        random_state: int | np.random.RandomState | None = None,
        progress: bool = False,
    ):
        self.n_classes = n_classes
        self.mode = mode
        self.head_dim = head_dim
        self.hidden = hidden
        self.c = c
        self.clip_r = clip_r
        self.geometry = geometry
        self.projection = projection
        self.riemannian = riemannian
        self.lam_max = lam_max
        self.angle_scale = angle_scale
        self.sup_weight = sup_weight
        self.memax_weight = memax_weight
        self.max_classes = max_classes
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.classifier_lr = classifier_lr
        self.weight_decay = weight_decay
        self.backbone = backbone
        self.augment = augment
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def fit(self, X: ArrayLike, y: ArrayLike) -> HyperbolicCategoryDiscovery:
        """Learn from samples of which some are labelled.

        Parameters
        ----------
        X : (n, d) features; with a `backbone`, samples (n, ...) that it takes.
        y : (n,) labels, whole numbers, -1 where unlabelled.

        Returns
        -------
        self
        """
        self._validate_params()
        samples = self._validated(X, reset=True)
        if y is None:
            raise InvalidInputError(
                f"{type(self).__name__} requires y to be passed, but the target y is None; -1 stands for no label."
            )
        given = partial_labels(_whole(y), len(samples), need_labelled=True)
        if self.backbone is not None and self.augment is None:
            raise InvalidInputError("`augment` is None; with a `backbone`, a function that makes a view is expected.")
        if self.backbone is None:
            self.mean_ = samples.mean(axis=0)
            self.scale_ = float(np.sqrt(samples.var(axis=0).mean())) or 1.0
        tensor = self._tensor(samples, torch.float32)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder, width = self._make_encoder(tensor)
            self.n_classes_, self.class_accuracies_ = self._count(samples, given, encoder, seed)
            self.network_ = self._make_network(encoder, width)
        self.classes_ = given.names(self.n_classes_)
        self.history_ = fit(self.network_, tensor, torch.from_numpy(given.codes), self._settings(seed))
        self.network_.eval()
        if self.backbone is None:
            self.network_.double()  # so that a row's prediction does not depend on the other rows
        if self.mode == "nonparametric":
            self._cluster(samples, given, seed)
        self.labels_ = self._predict(samples)
        self.labels_[given.labelled] = given.classes[given.codes[given.labelled]]
        return self

    def predict(self, X: ArrayLike) -> Int[np.ndarray, " n"]:
        """Give each sample its class, known or new."""
        check_is_fitted(self)
        return self._predict(self._validated(X))

    @available_if(_is_parametric)
    def predict_proba(self, X: ArrayLike) -> Float[np.ndarray, "n classes"]:
        """Give the probability of each class of `classes_` (parametric mode)."""
        check_is_fitted(self)
        return softmax(self._run(self._logits, self._validated(X)) / STUDENT_TEMPERATURE, axis=1)

    def transform(self, X: ArrayLike) -> Float[np.ndarray, "n d"]:
        """Give the embedding of each sample: a point in the ball, or on the sphere."""
        check_is_fitted(self)
        return self._run(lambda batch: self.network_.embed(self.network_.encoder(batch)), self._validated(X))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _validated(self, X: ArrayLike, reset: bool = False) -> Float[np.ndarray, "n ..."]:
        kinds = [np.float64, np.float32] if self.backbone is None else [np.float32]
        return validate_data(self, X, dtype=kinds, reset=reset, allow_nd=self.backbone is not None)

    def _tensor(self, samples: Float[np.ndarray, "n ..."], dtype: torch.dtype) -> Float[Tensor, "n ..."]:
        given = samples if self.backbone is not None else (samples - self.mean_) / self.scale_
        return torch.as_tensor(given, dtype=dtype)

    def _make_encoder(self, tensor: Float[Tensor, "n ..."]) -> tuple[nn.Module, int]:
        """Give a fresh encoder and the width of its features."""
        if self.backbone is None:
            features = tensor.shape[1]
            width = self.head_dim if self.mode == "parametric" else features
            return Adapter(features, self.hidden, width), width
        encoder = copy.deepcopy(self.backbone)
        with torch.no_grad():
            shape = tuple(encoder(tensor[:1]).shape)
        if len(shape) != 2:
            raise InvalidInputError(f"The backbone gives shape {shape} for one sample; (1, width) is expected.")
        return encoder, shape[1]

    def _count(
        self, samples: Float[np.ndarray, "n ..."], given: PartialLabels, encoder: nn.Module, seed: int
    ) -> tuple[int, dict[int, float]]:
        """Give the number of classes, and what it was judged by."""
        known, n = len(given.classes), len(samples)
        if self.n_classes is not None:
            if not known <= self.n_classes <= n:
                raise InvalidInputError(
                    f"n_classes={self.n_classes} was given for {known} known classes and n_samples={n}; a number "
                    "between the two is expected."
                )
            return int(self.n_classes), {}
        if given.labelled.all():
            return known, {}
        features = (
            samples
            if self.backbone is None
            else _in_blocks(encoder, encoder, self._tensor(samples, torch.float32), self.device)
        )
        found = estimate_class_number(normalize(features), given.codes, max_classes=self.max_classes, random_state=seed)
        return found.n_classes, found.accuracies

    def _make_network(self, encoder: nn.Module, width: int) -> DiscoveryNetwork:
        curved, parametric = self.geometry == "hyperbolic", self.mode == "parametric"
        projected = not (curved and parametric) if self.projection is None else self.projection
        return DiscoveryNetwork(
            encoder,
            width,
            self.geometry,
            self.n_classes_ if parametric else None,
            (self.hidden, self.head_dim) if projected else None,
            self.c,
            self.clip_r,
            self.riemannian,
        )

    def _settings(self, seed: int) -> Settings:
        return Settings(
            c=self.c,
            lam_max=self.lam_max if self.geometry == "hyperbolic" else 0.0,
            angle_scale=self.angle_scale,
            sup_weight=self.sup_weight,
            memax_weight=self.memax_weight,
            augment=distort_features if self.augment is None else self.augment,
            epochs=self.epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            classifier_lr=self.classifier_lr,
            weight_decay=self.weight_decay,
            seed=seed,
            device=self.device,
            progress=self.progress,
        )

    def _cluster(self, samples: Float[np.ndarray, "n ..."], given: PartialLabels, seed: int) -> None:
        """Cluster the features; match clusters to the known classes, and number the others after them."""
        features = normalize(self._run(self.network_.encoder, samples))
        self.kmeans_ = KMeans(self.n_classes_, n_init=STARTS, random_state=seed).fit(features)
        codes, clusters = given.codes[given.labelled], self.kmeans_.labels_[given.labelled]
        seen = np.unique(clusters)
        class_of = np.full(self.n_classes_, -1)
        for code, position in hungarian_matching(codes, clusters):
            class_of[seen[position]] = code
        free = np.setdiff1d(np.arange(self.n_classes_), class_of)
        class_of[class_of < 0] = free
        self._class_of_cluster = class_of

    def _predict(self, samples: Float[np.ndarray, "n ..."]) -> Int[np.ndarray, " n"]:
        if self.mode == "parametric":
            return self.classes_[self._run(self._logits, samples).argmax(axis=1)]
        features = normalize(self._run(self.network_.encoder, samples))
        return self.classes_[self._class_of_cluster[self.kmeans_.predict(features)]]

    def _logits(self, batch: Float[Tensor, "n ..."]) -> Float[Tensor, "n classes"]:
        assert self.network_.classifier is not None
        return self.network_.classifier(self.network_.encoder(batch))

    def _run(
        self, function: Callable[[Tensor], Tensor], samples: Float[np.ndarray, "n ..."]
    ) -> Float[np.ndarray, "n d"]:
        """Give what a function of the trained network makes of samples."""
        dtype = torch.float64 if self.backbone is None else torch.float32
        return _in_blocks(self.network_, function, self._tensor(samples, dtype), self.device)


def _whole(y: ArrayLike) -> np.ndarray:
    """Read whole numbers that came as objects."""
    labels = np.asarray(y)
    if labels.dtype == object and all(isinstance(label, Integral) for label in labels.flat):
        return labels.astype(np.int64)
    return labels


def _in_blocks(
    module: nn.Module, function: Callable[[Tensor], Tensor], tensor: Float[Tensor, "n ..."], device: str
) -> Float[np.ndarray, "n d"]:
    """Give what a function of the module makes of samples, block by block on a device, in evaluation mode."""
    with modes_kept(module), torch.inference_mode():
        module.eval().to(device)
        parts = [function(block.to(device)).cpu() for block in tensor.split(BLOCK)]
        module.cpu()
    return torch.cat(parts).numpy()
