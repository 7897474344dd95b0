"""Clusters in words, in pictures and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from sklearn.utils.validation import check_is_fitted

from reprise.discover.vidi.description import ClusterDescription, describe
from reprise.errors import InvalidInputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ClusterReports:
    """What a reader is shown of fitted clusters; `ExplanationClustering` says what its attributes are."""

    labels_: np.ndarray
    cluster_classes_: np.ndarray
    severity_: np.ndarray
    favorable_maps_: np.ndarray
    unfavorable_maps_: np.ndarray
    contrast_maps_: np.ndarray
    mean_images_: np.ndarray | None
    exemplars_: list[np.ndarray]
    _correct: np.ndarray | None
    _exemplar_images: list[np.ndarray] | None

    def describe(self, class_names: Sequence[str] | None = None) -> list[ClusterDescription]:
        """Put each cluster into words, the most severe first.

        Parameters
        ----------
        class_names : of the classes, from 0; by default "class 0" and so on.

        Returns
        -------
        One description a cluster.
        """
        check_is_fitted(self)
        named = [None if c < 0 else self._class_name(int(c), class_names) for c in self.cluster_classes_]
        return [
            describe(
                k,
                named[k],
                np.flatnonzero(self.labels_ == k),
                float(self.severity_[k]),
                self._correct,
                self.favorable_maps_[k],
                self.exemplars_[k],
            )
            for k in range(len(self.severity_))
        ]

    def plot(self, cluster: int) -> Figure:
        """Draw a cluster's pictures side by side: the mean image, what speaks for and against, and what is special.

        Parameters
        ----------
        cluster : its number.

        Returns
        -------
        A matplotlib figure.
        """
        from reprise.discover.vidi.pictures import figure_of

        check_is_fitted(self)
        if not 0 <= cluster < len(self.severity_):
            raise InvalidInputError(f"There is no cluster {cluster}; they are 0 to {len(self.severity_) - 1}.")
        return figure_of(self._pictures(cluster))

    def to_html(self, *, title: str = "Images grouped by explanation", class_names: Sequence[str] | None = None) -> str:
        """Write the clusters as one HTML page with its pictures inside, for a reader of images.

        Parameters
        ----------
        title : of the page.
        class_names : of the classes, from 0.

        Returns
        -------
        The page; all text in it is escaped.
        """
        from reprise.discover.vidi.page import page

        check_is_fitted(self)
        descriptions = self.describe(class_names)
        return page(title, descriptions, [self._pictures(d.cluster) for d in descriptions], self._exemplar_images)

    def _pictures(self, cluster: int) -> dict[str, Float[np.ndarray, "H W 3"]]:
        from reprise.discover.vidi.pictures import cluster_pictures

        return cluster_pictures(
            self.favorable_maps_[cluster],
            self.unfavorable_maps_[cluster],
            self.contrast_maps_[cluster],
            None if self.mean_images_ is None else self.mean_images_[cluster],
        )

    @staticmethod
    def _class_name(label: int, names: Sequence[str] | None) -> str:
        if names is None:
            return f"class {label}"
        if label >= len(names):
            raise InvalidInputError(f"{len(names)} class names were given; there is a class {label}.")
        return str(names[label])
