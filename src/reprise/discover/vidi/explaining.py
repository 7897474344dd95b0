"""From images to maps, and to the features of maps that are clustered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import nn

from reprise.discover.vidi.features import Normalisation, explanation_features
from reprise.errors import InvalidInputError
from reprise.nn.explain import deep_shap
from reprise.nn.explain.attributions import Method

if TYPE_CHECKING:
    pass


Attribution = Method | Callable[[nn.Module, Any, Any], ArrayLike]


class Explanations(NamedTuple):
    """Maps of the predicted class, the network's scores, what is clustered, and how it was made."""

    maps: np.ndarray
    scores: np.ndarray
    features: np.ndarray
    background: np.ndarray | None
    completeness_error: np.ndarray | None


class ExplainedImages:
    """Explains images as the settings of `ExplanationClustering` say."""

    attribution: Attribution
    explained: str
    grid: int
    split_sign: bool
    normalize: Normalisation
    add_mass: bool
    max_background: int
    batch_size: int
    progress: bool
    model_: nn.Module | None
    _background: ArrayLike | torch.Tensor | None
    _explain_seed: int

    def _features(self, maps: ArrayLike) -> Float[np.ndarray, "n p"]:
        return explanation_features(
            maps, grid=self.grid, split_sign=self.split_sign, normalize=self.normalize, add_mass=self.add_mass
        )

    def _explain(self, X: ArrayLike | torch.Tensor) -> Explanations:
        if self.model_ is None or self._background is None:
            raise InvalidInputError("These clusters were made by fit_maps, which knows no model; use predict_maps.")
        ndim = X.ndim if isinstance(X, torch.Tensor) else np.ndim(X)
        if ndim not in {3, 4}:
            raise InvalidInputError(f"Images (n, channels, H, W) or (n, H, W) are expected; got {ndim} dimensions.")
        if callable(self.attribution):
            return self._explain_by_callable(X)
        found = deep_shap(
            self.model_,
            X,
            self._background,
            target="all" if self.explained == "all" else "pred",
            max_background=self.max_background,
            batch_size=self.batch_size,
            method=self.attribution,
            random_state=self._explain_seed,
            progress=self.progress,
        )
        if self.explained == "predicted":
            features = self._features(found.maps)
            return Explanations(found.maps, found.scores, features, found.background, found.completeness_error)
        every, predicted = np.arange(len(found.maps)), found.scores.argmax(axis=1)
        features = np.hstack([self._features(found.maps[:, c]) for c in range(found.scores.shape[1])])
        return Explanations(
            found.maps[every, predicted],
            found.scores,
            features,
            found.background,
            found.completeness_error[every, predicted],
        )

    def _explain_by_callable(self, X: ArrayLike | torch.Tensor) -> Explanations:
        from reprise.nn.explain.network import Explained, held_still

        assert callable(self.attribution)
        assert self.model_ is not None
        if self.explained == "all":
            raise InvalidInputError("An attribution of your own gives the predicted class's maps; explained='all' asks "
                                    "for one of deep_shap's.")  # fmt: skip
        network = Explained(self.model_, self.batch_size)
        images = network.tensor(X, "Images")
        with held_still(self.model_):
            scores = network.scores(images).numpy()
            maps = np.asarray(self.attribution(self.model_, X, self._background))
        if len(maps) != len(images):
            raise InvalidInputError(f"The attribution gave {len(maps)} maps of {len(images)} images.")
        return Explanations(maps, scores, self._features(maps), None, None)
