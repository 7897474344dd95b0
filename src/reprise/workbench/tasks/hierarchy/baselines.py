"""Trees that need no paper: flat k-means, Ward's, and one at random."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import KMeans, MiniBatchKMeans

from reprise.discover.science_hierarchography import KeyPhraseNamer, Node, name_tree, tree_from_labels
from reprise.errors import InvalidInputError
from reprise.workbench.contract import Entry

_HERE = "reprise.workbench.tasks.hierarchy.baselines"
PAPER = "reprise.discover.science_hierarchography"
SLUG = "science-hierarchography"
WARD_TEXTS = 10_000  # above, all pairs of texts take too much memory
_BATCHED = 4e9


class KeyPhraseTree(ABC):
    """What the baselines share: levels of clusters become a tree that key phrases name, as they do the papers' own."""

    def __init__(self, cluster_sizes: Sequence[int], random_state: int = 0):
        self.cluster_sizes, self.random_state = cluster_sizes, random_state

    def fit(self, papers: Sequence[Any], *, embeddings: np.ndarray) -> KeyPhraseTree:
        """Build the tree."""
        self.tree_: Node = tree_from_labels(self.levels(np.asarray(embeddings)))
        name_tree(self.tree_, KeyPhraseNamer(papers, embeddings))
        return self

    @abstractmethod
    def levels(self, X: np.ndarray) -> np.ndarray:
        """Give clusters a level, top to bottom."""


class FlatKMeans(KeyPhraseTree):
    """One level of topics by k-means, as many as the leaves."""

    def levels(self, X: np.ndarray) -> np.ndarray:
        """Give the one level."""
        k = self.cluster_sizes[0]
        method = MiniBatchKMeans if float(len(X)) * k * X.shape[1] > _BATCHED else KMeans
        return method(k, n_init=1, random_state=self.random_state).fit_predict(X)[:, None]


class WardTree(KeyPhraseTree):
    """Ward's tree of all texts, cut at every level's number of topics."""

    def levels(self, X: np.ndarray) -> np.ndarray:
        """Give the cuts."""
        if len(X) > WARD_TEXTS:
            raise InvalidInputError(f"Ward's tree holds all pairs of texts, and {len(X):,} are too many.")
        merges = linkage(X, "ward")
        return np.column_stack([fcluster(merges, size, "maxclust") for size in self.cluster_sizes[::-1]])


class RandomTree(KeyPhraseTree):
    """Texts in random places, as a measure of what quoting them in names is worth."""

    def levels(self, X: np.ndarray) -> np.ndarray:
        """Give random levels of nearly equal topics."""
        order = np.random.default_rng(self.random_state).permutation(len(X))
        leaf = np.arange(len(X)) * self.cluster_sizes[0] // len(X)
        levels = [leaf]
        for below, size in zip(self.cluster_sizes, self.cluster_sizes[1:], strict=False):
            levels.insert(0, levels[0] * size // below)
        return np.column_stack(levels)[np.argsort(order)]


def entries(n: int) -> list[Entry]:
    """Give the baselines and the paper's three directions, the cheapest first."""
    standard = [
        Entry("Random tree", f"{_HERE}:RandomTree", kind="baseline", note="where a method should be far above"),
        Entry("Flat KMeans", f"{_HERE}:FlatKMeans", kind="baseline", note="one level, so each step is a wide choice"),
    ]
    if n <= WARD_TEXTS:
        standard.append(Entry("Ward tree", f"{_HERE}:WardTree", kind="baseline"))
    ours = [
        Entry(f"ScienceHierarchy, {direction.replace('_', '-')}", f"{PAPER}:ScienceHierarchy",
              {"direction": direction}, kind="paper", paper=SLUG)
        for direction in ("top_down", "bottom_up", "bidirectional")
    ]  # fmt: skip
    return [*standard, *ours]
