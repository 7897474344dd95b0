"""The trees that are compared: ours, those of other clusterings, and ones that are wrong on purpose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from reprise.claims.discover._science_hierarchography.corpora import Corpus
from reprise.discover.science_hierarchography import (
    EmbeddingAgent,
    KeyPhraseNamer,
    Lookup,
    Node,
    ScienceHierarchy,
    agent_lookup_eval,
    name_tree,
    query_of,
    tree_from_labels,
)

Direction = Literal["top_down", "bottom_up", "bidirectional"]


@dataclass
class Bench:
    """One seed's papers, and the agent that looks them up in every tree."""

    corpus: Corpus
    sizes: list[int]
    seed: int
    encoder: Any
    lookups: int
    standardize: bool = True

    def __post_init__(self) -> None:
        self.agent = EmbeddingAgent(self.encoder)
        papers = self.corpus.papers
        chosen = np.random.default_rng(self.seed).permutation(len(papers))[: self.lookups].tolist()
        self.looked_up = {i: query_of(papers[i].title, papers[i].abstract) for i in chosen}

    def fit(self, direction: Direction, *, standardize: bool | None = None) -> ScienceHierarchy:
        model = ScienceHierarchy(
            self.sizes,
            direction=direction,
            embedder=self.encoder,
            random_state=self.seed,
            standardize=self.standardize if standardize is None else standardize,
        )
        return model.fit(self.corpus.papers, embeddings=self.corpus.vectors)

    def named(self, labels: NDArray[np.integer], *, reading_all: bool = True) -> Node:
        """Make a tree of clusters a level (top to bottom), named by key phrases as ours is.

        Without `reading_all` the papers that are looked up are not read, except where a topic has no other.
        """
        tree = tree_from_labels(labels)
        namer = KeyPhraseNamer(self.corpus.papers, self.corpus.vectors)
        name_tree(tree, namer, unread=() if reading_all else self.looked_up)
        return tree

    def ward(self) -> NDArray[np.integer]:
        """Give Ward's tree of all papers, cut where it has as many clusters as ours at each level."""
        merges = linkage(self.scaled, "ward")
        return np.column_stack([fcluster(merges, size, "maxclust") for size in self.sizes[::-1]])

    def kmeans(self, k: int) -> NDArray[np.integer]:
        return KMeans(k, n_init=1, random_state=self.seed).fit_predict(self.scaled)

    @property
    def scaled(self) -> NDArray[np.floating]:
        vectors = self.corpus.vectors
        return StandardScaler().fit_transform(vectors) if self.standardize else vectors

    def look_up(self, tree: Node, *, summaries: bool = True) -> Lookup:
        agent = self.agent
        if not summaries:
            agent = EmbeddingAgent(self.encoder, summaries=False)
        return agent_lookup_eval(tree, self.corpus.papers, agent, n=self.lookups, queries=self.looked_up)


def shuffled(labels: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.integer]:
    """Put papers into the places of others: a random tree of the same shape."""
    return labels[rng.permutation(len(labels))]


def scrambled(tree: Node, rng: np.random.Generator) -> Node:
    """Give each topic the name and summary of a sibling, none keeping its own."""
    made = _copied(tree)
    for siblings in made.families():
        order = rng.permutation(len(siblings))
        told = [(node.name, node.summary) for node in siblings]
        for i, j in zip(order, np.roll(order, 1), strict=True):
            siblings[i].name, siblings[i].summary = told[j]
    return made


def _copied(node: Node) -> Node:
    return replace(node, children=[_copied(child) for child in node.children])
