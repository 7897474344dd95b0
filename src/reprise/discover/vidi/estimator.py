"""ViDi as an estimator: a classifier's decisions, clustered by their explanations."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn

from reprise.discover.vidi.checks import check_range, finite, grey, integers
from reprise.discover.vidi.description import contrasts, mean_maps
from reprise.discover.vidi.explaining import Attribution, ExplainedImages
from reprise.discover.vidi.features import Normalisation, net_evidence
from reprise.discover.vidi.grouping import Group, group
from reprise.discover.vidi.reading import ClusterReports
from reprise.errors import InvalidInputError
from reprise.nn.explain import METHODS

EXEMPLARS = 5
"""Images nearest to the centre that stand for a cluster."""


class ExplanationClustering(ClusterReports, ExplainedImages, ClusterMixin, BaseEstimator):
    """Group images by why a classifier decided on them, and describe each group by what speaks for and against.

    Clusters of pixels tell how images look. Here an image is represented by its attribution map, which shares the
    score of its predicted class among its pixels (`reprise.nn.explain.deep_shap`), so images meet that were judged
    alike for the same reasons, and with evidence as strong. A reader then judges a group at once from two pictures::

        F_k = mean over members of max(φ, 0)        what speaks for the class
        U_k = mean over members of max(-φ, 0)       what speaks against it

    Images of different predicted classes are clustered apart, as their maps explain different scores. Clusters are
    numbered by severity, the most severe first.

    Parameters
    ----------
    n_clusters : clusters of each predicted class (of all images, where not `per_class`), or ``"auto"``: as many as
        give the best silhouette within `k_range`.
    attribution : ``"deeplift"``, ``"expected-gradients"`` or ``"integrated-gradients"`` of `deep_shap`, or a function
        of model, images and background that gives maps for the predicted class, in the shape of the images.
    explained : ``"predicted"`` clusters the map of the predicted class, ``"all"`` the maps of all classes side by side;
        pictures show the predicted class's either way.
    grid, split_sign, normalize, add_mass : as of `explanation_features`. Where evidence lies and how much there is are
        scaled to count equally.
    algorithm : ``"kmeans"``, or ``"ward"``, which is quadratic in the images of a class.
    per_class : cluster each predicted class on its own.
    k_range : fewest and most clusters of a class that ``"auto"`` tries; the silhouette of sparse maps favours few.
    severity_class : the class whose probability is the severity of an image; -1 is the last, as in normal, pneumonia.
    max_background, batch_size : as of `deep_shap`.
    random_state : seeds k-means, the draw of the background, and random paths.
    progress : show a bar while explaining.

    Attributes
    ----------
    labels_ : (n,) clusters, 0 the most severe.
    cluster_classes_ : (K,) the predicted class of each cluster; -1 where clusters span classes.
    severity_ : (K,) mean severity of each cluster.
    favorable_maps_, unfavorable_maps_ : (K, H, W) F_k and U_k; their difference is the mean map of the cluster.
    contrast_maps_ : (K, H, W) F_k less the mean of the others.
    mean_images_ : (K, H, W), or None where no images were given.
    exemplars_ : for each cluster the rows of up to five images nearest to its centre, nearest first.
    silhouette_ : for each predicted class (-1 where clusters span classes) the score by number of clusters tried.
    features_ : (n, p) what was clustered, before scaling.
    predictions_ : (n,) classes of the highest score.
    sample_severity_ : (n,) severities.
    maps_ : (n, H, W) maps of the predicted class, summed over channels.
    completeness_error_ : (n,) by how much a map's sum misses its score, where `deep_shap` made it.
    background_ : rows of the background that were used.

    Raises
    ------
    InvalidInputError
        If images, maps or scores are not finite or of fitting shapes, a class has fewer different explanations than
        clusters, the background is empty, or the network holds a layer that DeepLIFT has no rule for (named).

    Notes
    -----
    Explaining n images towards m background samples takes n m backward passes of the network. Clustering is k-means
    with 10 starts for each number tried; silhouettes of more than 2,000 images are taken of a sample.

    A map shows what the network used, not where disease is: clusters of a wrong classifier are neatly wrong. Total
    evidence adds up to the score explained, so judge homogeneity by a severity from elsewhere.

    References
    ----------
    S. Ravi, S. Khoshrou, M. Pechenizkiy, "ViDi: Descriptive visual data clustering as radiologist assistant in COVID-19
    streamline diagnostic", 2020, arXiv 2011.14871. The abstract fixes DeepSHAP and the two kinds of maps; features,
    clustering and the choice of their number are ours. No official code is known.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sklearn.datasets import load_digits
    >>> from reprise.training import train
    >>> X, y = load_digits(n_class=2, return_X_y=True)
    >>> X = (X.reshape(-1, 1, 8, 8) / 16).astype(np.float32)
    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> def loss(model, batch):
    ...     return torch.nn.functional.cross_entropy(model(batch[0]), batch[1])
    >>> _ = train(model, loss, (torch.tensor(X[:200]), torch.tensor(y[:200])), epochs=10, lr=0.01)
    >>> vidi = ExplanationClustering(2, grid=4, random_state=0)
    >>> _ = vidi.fit(X[200:], y[200:], model=model.eval(), background=X[:20])
    >>> vidi.favorable_maps_.shape
    (4, 8, 8)
    >>> vidi.describe(["zero", "one"])[0].predicted
    'one'
    >>> page = vidi.to_html(title="Zeros and ones")
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "attribution": [StrOptions(set(METHODS)), callable],
        "explained": [StrOptions({"predicted", "all"})],
        "grid": [Interval(Integral, 1, None, closed="left")],
        "split_sign": ["boolean"],
        "normalize": [StrOptions({"l1", "l2", "none"})],
        "add_mass": ["boolean"],
        "algorithm": [StrOptions({"kmeans", "ward"})],
        "per_class": ["boolean"],
        "k_range": [tuple, list],
        "severity_class": [Integral],
        "max_background": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "progress": ["boolean"],
    }

    def __init__(
        self,
        n_clusters: int | Literal["auto"] = "auto",
        *,
        attribution: Attribution = "deeplift",
        explained: Literal["predicted", "all"] = "predicted",
        grid: int = 7,
        split_sign: bool = True,
        normalize: Normalisation = "l1",
        add_mass: bool = True,
        algorithm: Literal["kmeans", "ward"] = "kmeans",
        per_class: bool = True,
        k_range: tuple[int, int] = (2, 10),
        severity_class: int = -1,
        max_background: int = 100,
        batch_size: int = 64,
        random_state: int | np.random.RandomState | None = None,
        progress: bool = False,
    ):
        self.n_clusters = n_clusters
        self.attribution = attribution
        self.explained = explained
        self.grid = grid
        self.split_sign = split_sign
        self.normalize = normalize
        self.add_mass = add_mass
        self.algorithm = algorithm
        self.per_class = per_class
        self.k_range = k_range
        self.severity_class = severity_class
        self.max_background = max_background
        self.batch_size = batch_size
        self.random_state = random_state
        self.progress = progress

    def fit(
        self,
        X: ArrayLike | torch.Tensor,
        y: ArrayLike | None = None,
        *,
        model: nn.Module | None = None,
        background: ArrayLike | torch.Tensor | None = None,
        severity: ArrayLike | None = None,
    ) -> ExplanationClustering:
        """Explain the classifier's decisions on images, and cluster the explanations.

        Parameters
        ----------
        X : (n, channels, H, W) or (n, H, W) images, as the model takes them.
        y : (n,) true classes, from 0, where known: clusters then say how many of their images are classified correctly.
        model : gives scores (n, C), logits, of a batch of images.
        background : (m, ...) images that the explained ones are compared with, such as training images.
        severity : (n,) known grades; by default the model's probability of `severity_class`.

        Returns
        -------
        self
        """
        self._validate_params()
        check_range(self.k_range)
        if model is None or background is None:
            raise InvalidInputError(
                "fit needs the classifier as model= and images to compare with as background=; maps from elsewhere go "
                "to fit_maps."
            )
        state = check_random_state(self.random_state)
        self._explain_seed = int(state.randint(np.iinfo(np.int32).max))
        self.model_: nn.Module | None = model
        self._background: ArrayLike | torch.Tensor | None = background
        found = self._explain(X)
        self.background_: np.ndarray | None = found.background
        self.completeness_error_: np.ndarray | None = found.completeness_error
        probabilities = softmax(found.scores.astype(float), axis=1)
        classes = probabilities.shape[1]
        if not -classes <= self.severity_class < classes:
            raise InvalidInputError(f"severity_class={self.severity_class} is none of the {classes} classes.")
        return self._cluster(
            found.features,
            net_evidence(found.maps),
            found.scores.argmax(axis=1),
            probabilities[:, self.severity_class] if severity is None else severity,
            y,
            X,
            state,
        )

    def fit_maps(
        self,
        maps: ArrayLike,
        predictions: ArrayLike,
        *,
        severity: ArrayLike | None = None,
        y: ArrayLike | None = None,
        images: ArrayLike | None = None,
    ) -> ExplanationClustering:
        """Cluster attribution maps that were made elsewhere.

        Parameters
        ----------
        maps : (n, H, W) or (n, channels, H, W), each of its image's predicted class.
        predictions : (n,) predicted classes, from 0.
        severity : (n,) by which clusters are ordered, such as probabilities; by default the sum of each map.
        y : (n,) true classes, where known.
        images : (n, H, W) or (n, channels, H, W), for the pictures.

        Returns
        -------
        self
        """
        self._validate_params()
        check_range(self.k_range)
        if self.explained == "all":
            raise InvalidInputError("fit_maps takes the predicted class's maps; explained='all' needs fit.")
        evidence = net_evidence(maps)
        self.model_ = self._background = self.completeness_error_ = self.background_ = None
        state = check_random_state(self.random_state)
        return self._cluster(
            self._features(evidence),
            evidence,
            predictions,
            evidence.sum(axis=(1, 2)) if severity is None else severity,
            y,
            images,
            state,
        )

    def predict(self, X: ArrayLike | torch.Tensor) -> Int[np.ndarray, " n"]:
        """Explain new images, and give each to the nearest centre among the clusters of its predicted class.

        Parameters
        ----------
        X : (n, ...) images.

        Returns
        -------
        (n,) int array
            -1 where the predicted class had no image in `fit`.
        """
        check_is_fitted(self)
        found = self._explain(X)
        return self._assign(found.features, found.scores.argmax(axis=1))

    def predict_maps(self, maps: ArrayLike, predictions: ArrayLike) -> Int[np.ndarray, " n"]:
        """Give maps to the nearest centre among the clusters of their predicted class.

        Parameters
        ----------
        maps : (n, H, W) or (n, channels, H, W).
        predictions : (n,) predicted classes.

        Returns
        -------
        (n,) int array
            -1 where the predicted class had no map in `fit_maps`.
        """
        check_is_fitted(self)
        features = self._features(maps)
        if features.shape[1] != self.features_.shape[1]:
            raise InvalidInputError(f"Maps of these give {features.shape[1]} features; {self.features_.shape[1]} were "
                                    "clustered.")  # fmt: skip
        return self._assign(features, integers(predictions, len(features), "predictions"))

    def transform(self, X: ArrayLike | torch.Tensor) -> Float[np.ndarray, "n p"]:
        """Explain images, and give the features of their explanations.

        Parameters
        ----------
        X : (n, ...) images.

        Returns
        -------
        (n, p) array
        """
        check_is_fitted(self)
        return self._explain(X).features

    def _cluster(
        self,
        features: Float[np.ndarray, "n p"],
        evidence: Float[np.ndarray, "n H W"],
        predictions: ArrayLike,
        severity: ArrayLike,
        y: ArrayLike | None,
        images: ArrayLike | torch.Tensor | None,
        state: np.random.RandomState,
    ) -> ExplanationClustering:
        n = len(features)
        self.features_, self.maps_ = features, evidence
        self.predictions_ = integers(predictions, n, "predictions")
        self.sample_severity_ = finite(severity, n, "severity")
        self._correct = None if y is None else self.predictions_ == integers(y, n, "y")
        pictures = None if images is None else grey(images, evidence.shape)
        seed = int(state.randint(np.iinfo(np.int32).max))
        self._groups = self._group_classes(seed)
        self._number_clusters()
        K = len(self.severity_)
        self.favorable_maps_, self.unfavorable_maps_ = mean_maps(evidence, self.labels_, K)
        self.contrast_maps_ = contrasts(self.favorable_maps_)
        self.exemplars_ = self._nearest()
        self.mean_images_ = None
        self._exemplar_images = None
        if pictures is not None:
            self.mean_images_ = np.stack([pictures[self.labels_ == k].mean(axis=0) for k in range(K)])
            self._exemplar_images = [pictures[rows] for rows in self.exemplars_]
        return self

    def _group_classes(self, seed: int) -> dict[int, Group]:
        classes = np.unique(self.predictions_) if self.per_class else [-1]
        return {int(c): self._group_of(int(c), self.features_[self._rows_of(int(c))], seed) for c in classes}

    def _rows_of(self, label: int) -> Int[np.ndarray, " rows"]:
        return np.arange(len(self.features_)) if label < 0 else np.flatnonzero(self.predictions_ == label)

    def _group_of(self, label: int, rows: Float[np.ndarray, "rows p"], seed: int) -> Group:
        what = "explanations" if label < 0 else f"explanations of predicted class {label}"
        return group(
            rows,
            n_clusters=self.n_clusters,
            k_range=(self.k_range[0], self.k_range[1]),
            algorithm=self.algorithm,
            has_mass=self.add_mass and self.explained == "predicted",
            seed=seed,
            what=f"{len(rows)} {what}",
        )

    def _number_clusters(self) -> None:
        """Number the clusters of all classes by mean severity, the most severe first."""
        labels = np.empty(len(self.features_), dtype=np.int64)
        owners: list[int] = []
        first: dict[int, int] = {}
        for label, found in self._groups.items():
            first[label] = len(owners)
            labels[self._rows_of(label)] = found.labels + len(owners)
            owners += [label] * len(found.centers)
        means = np.bincount(labels, self.sample_severity_) / np.bincount(labels)
        order = np.argsort(-means, kind="stable")
        number = np.empty(len(owners), dtype=np.int64)
        number[order] = np.arange(len(owners))
        self.labels_, self.severity_ = number[labels], means[order]
        self.cluster_classes_ = np.array(owners)[order]
        self._numbers = {
            label: number[start : start + len(self._groups[label].centers)] for label, start in first.items()
        }
        self.silhouette_ = {label: found.silhouettes for label, found in self._groups.items()}

    def _nearest(self) -> list[Int[np.ndarray, " exemplars"]]:
        nearest: dict[int, np.ndarray] = {}
        for label, found in self._groups.items():
            rows = self._rows_of(label)
            for number, inside in zip(
                self._numbers[label], found.nearest(self.features_[rows], EXEMPLARS), strict=True
            ):
                nearest[int(number)] = rows[inside]
        return [nearest[k] for k in range(len(nearest))]

    def _assign(self, features: Float[np.ndarray, "n p"], predictions: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        labels = np.full(len(features), -1, dtype=np.int64)
        for label, found in self._groups.items():
            rows = np.arange(len(features)) if label < 0 else np.flatnonzero(predictions == label)
            if len(rows):
                labels[rows] = self._numbers[label][found.assign(features[rows])]
        return labels
