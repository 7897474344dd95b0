"""Linear probes from activations, or from the letters of names, to places on the Earth."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import r2_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from reprise.errors import InvalidInputError
from reprise.language.geospatial_interpretability.sphere import (
    check_coordinates,
    coordinates,
    great_circle_km,
    unit_vectors,
)

Target = Literal["latlon", "sphere"]
ALPHAS = tuple(np.logspace(-2, 6, 17).tolist())
_SMALLEST_LENGTH = 1e-12


class GeoScores(NamedTuple):
    """How well places were found: explained shares of latitude and longitude, and the median error in kilometres.

    Attributes
    ----------
    r2_latitude, r2_longitude : shares of the variance explained, at most 1; below 0 where the mean would do better.
    median_km : median distance along great circles.

    Examples
    --------
    >>> geo_scores([[0, 0], [10, 20]], [[1, 0], [11, 20]])  # one degree too far north
    GeoScores(r2_latitude=0.96, r2_longitude=1.0, median_km=111.195)
    """

    r2_latitude: float
    r2_longitude: float
    median_km: float


class GeoProbe(RegressorMixin, BaseEstimator):
    """Ridge regression from a vector a place to its latitude and longitude.

    Parameters
    ----------
    alpha : strength of the penalty on standardised columns, or ``"cv"``: for each target the one of `alphas` with the
        smallest leave-one-out error on the data fitted.
    target : ``"latlon"`` regresses the two angles; ``"sphere"`` the point of the unit sphere, then normalised, which
        knows no date line and suits the whole world. Latitudes and longitudes come out of both.
    alphas : candidates of ``"cv"``.
    standardize : scale columns to mean 0 and variance 1 first; sparse input is never centred, and must turn this off.

    Attributes
    ----------
    coef_ : (targets, features) on the scale of the input.
    intercept_ : (targets,)
    alpha_ : (targets,) penalties used.
    n_features_in_ : int

    Raises
    ------
    InvalidInputError
        In `fit`, if a setting is impossible, or if `y` is no (n, 2) array of latitudes and longitudes in degrees.
    ValueError
        As scikit-learn's checks of `X` raise it.

    Notes
    -----
    O(n d min(n, d)) time for all penalties, by leave-one-out's closed form.

    References
    ----------
    W. Gurnee and M. Tegmark (2024), Language models represent space and time, arXiv:2310.02207, on which S. De Sabbata,
    S. Mizzaro and K. Roitero (2025), arXiv:2505.03368, build.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> coords = rng.uniform(-60, 60, size=(100, 2))
    >>> activations = unit_vectors(coords) @ rng.normal(size=(3, 20))
    >>> probe = GeoProbe(target="sphere").fit(activations[:80], coords[:80])
    >>> probe.geo_scores(activations[80:], coords[80:]).median_km < 10
    True
    """

    def __init__(
        self,
        alpha: float | str = "cv",
        target: str = "latlon",
        *,
        alphas: Sequence[float] = ALPHAS,
        standardize: bool = True,
    ):
        self.alpha = alpha
        self.target = target
        self.alphas = alphas
        self.standardize = standardize

    def fit(self, X: Any, y: ArrayLike) -> GeoProbe:
        """Fit on vectors X (n, d), dense or sparse, and their places' latitudes and longitudes y (n, 2)."""
        self._check_settings()
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, dtype=(np.float64, np.float32), ensure_min_samples=2
        )
        coords = check_coordinates(y)
        targets = coords if self.target == "latlon" else unit_vectors(coords)
        if self.standardize and sparse.issparse(X):
            raise InvalidInputError("Sparse input cannot be centred; set standardize=False or give a dense array.")
        scaler = StandardScaler().fit(X) if self.standardize else None
        tuned = self.alpha == "cv"
        ridge = RidgeCV(alphas=np.asarray(self.alphas), alpha_per_target=True) if tuned else Ridge(alpha=self.alpha)
        ridge.fit(X if scaler is None else scaler.transform(X), targets)
        self.coef_ = ridge.coef_ if scaler is None else ridge.coef_ / scaler.scale_
        self.intercept_ = ridge.intercept_ if scaler is None else ridge.intercept_ - self.coef_ @ scaler.mean_
        self.alpha_ = np.broadcast_to(ridge.alpha_ if tuned else self.alpha, targets.shape[1]).copy()
        return self

    def predict(self, X: Any) -> Float[np.ndarray, "places 2"]:
        """Give latitudes and longitudes in degrees; with ``target="latlon"`` they may lie beyond the poles."""
        regressed = self._regress(X)
        return regressed if self.target == "latlon" else coordinates(_normalised(regressed))

    def predict_vectors(self, X: Any) -> Float[np.ndarray, "places 3"]:
        """Give points of the unit sphere."""
        regressed = self._regress(X)
        return unit_vectors(regressed) if self.target == "latlon" else _normalised(regressed)

    def geo_scores(self, X: Any, y: ArrayLike) -> GeoScores:
        """Compare predictions with the places' latitudes and longitudes y (n, 2); `score` gives the mean R2."""
        return geo_scores(y, self.predict(X))

    def _regress(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False, dtype=(np.float64, np.float32))
        return np.asarray(X @ self.coef_.T) + self.intercept_

    def _check_settings(self) -> None:
        if self.target not in get_args(Target):
            raise InvalidInputError(f"`target` is one of {', '.join(get_args(Target))}; {self.target!r} was given.")
        if self.alpha != "cv" and not (isinstance(self.alpha, Real) and self.alpha >= 0):
            raise InvalidInputError(f"`alpha` is 'cv' or a number of 0 or more; {self.alpha!r} was given.")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True
        tags.input_tags.sparse = not self.standardize
        return tags


def name_probe(**settings: Any) -> Pipeline:
    """Build the baseline that reads letters only: tf-idf of 1- to 4-grams within words, then `GeoProbe`.

    Endings such as -ville, -grad or -pur tell much about where a place is. What a probe of activations finds beyond
    this baseline, tuned in the same way, is more than the shape of names.

    Parameters
    ----------
    **settings : of the `GeoProbe`.

    Examples
    --------
    >>> names = ["Novgorod", "Belgorod", "Nashville", "Knoxville"]
    >>> coords = [[58.5, 31.3], [50.6, 36.6], [36.2, -86.8], [36.0, -83.9]]
    >>> found = name_probe(alpha=0.1).fit(names, coords).predict(["Zvenigorod", "Asheville"])
    >>> print(found[:, 1].round(-1))
    [ 20. -80.]
    """
    return make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True),
        GeoProbe(**settings, standardize=False),
    )


def geo_scores(coords: ArrayLike, predicted: ArrayLike) -> GeoScores:
    """Score predicted latitudes and longitudes (n, 2), such as those of `sklearn.model_selection.cross_val_predict`.

    Examples
    --------
    >>> geo_scores([[0, 0], [10, 20]], [[0, 0], [10, 20]])
    GeoScores(r2_latitude=1.0, r2_longitude=1.0, median_km=0.0)
    """
    true = check_coordinates(coords)
    latitude, longitude = r2_score(true, predicted, multioutput="raw_values").tolist()
    return GeoScores(latitude, longitude, float(np.median(great_circle_km(true, predicted))))


def _normalised(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, _SMALLEST_LENGTH)
