"""The hierarchy as an estimator: vectors, levels of clusters, names, and a way to look things up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from reprise.discover.science_hierarchography import pages
from reprise.discover.science_hierarchography.allocation import check_sizes
from reprise.discover.science_hierarchography.building import DIRECTIONS, Direction, bidirectional, bottom_up, top_down
from reprise.discover.science_hierarchography.embedding import Embed, encoder_of
from reprise.discover.science_hierarchography.facets import FACETS, chat_facets, facet_names, facet_vectors
from reprise.discover.science_hierarchography.lookup import Agent, ChatAgent, EmbeddingAgent, beam_walk
from reprise.discover.science_hierarchography.naming import ChatNamer
from reprise.discover.science_hierarchography.naming_tree import name_tree
from reprise.discover.science_hierarchography.papers import Paper, as_papers
from reprise.discover.science_hierarchography.phrases import KeyPhraseNamer
from reprise.discover.science_hierarchography.splitting import CLUSTERERS, Clusterer
from reprise.discover.science_hierarchography.sunburst import sunburst_svg
from reprise.discover.science_hierarchography.tree import (
    Describe,
    Node,
    labels_from_tree,
    tree_from_labels,
)
from reprise.errors import InvalidInputError
from reprise.models.chat import BoundedChat, Chat, LocalChat, Usage, configured_chat

CTFIDF, SMOLLM2, AUTO = "ctfidf", "smollm2", "auto"
_SMALL_CONTEXT = 600  # tokens that SmolLM2 reads of a topic, at about 200 a second


class ScienceHierarchy(ClusterMixin, BaseEstimator):
    """Arrange papers in a tree of named topics, from broad to narrow (SCYCHIC).

    Vectors of the papers (of all they say, or of one facet: problem, solution or results) are clustered level by level,
    and every cluster is named: by one call to a language model, or by its key phrases. ``top_down`` divides all papers
    and then each cluster again; ``bottom_up`` clusters papers, then the vectors of the clusters' names and summaries;
    ``bidirectional`` makes one cut from the top and builds each part from the bottom.

    Parameters
    ----------
    cluster_sizes : clusters a level, bottom to top, such as ``[276, 40, 6]``; ``"auto"`` for about 7 papers a leaf and
        7 children a topic.
    direction : ``"top_down"``, ``"bottom_up"`` or ``"bidirectional"``.
    facet : ``"all"``, ``"problem"``, ``"solution"``, ``"results"``, or one
        facet, such as ``"problem.challenges/difficulties"``.
    embedder : ``"all-MiniLM-L6-v2"``, ``"tfidf"`` (reduced by SVD; needs no model), or a function from texts
        to vectors.
    clusterer : ``"kmeans"``, ``"ward"`` or ``"spectral"``.
    namer : ``"ctfidf"`` (key phrases), ``"smollm2"``, ``"auto"`` (the endpoint that the environment names, else key
        phrases), or a `Chat`.
    standardize : bring each number of the vectors to mean 0 and deviation 1 within a cluster before it is divided, as
        the authors do. Leave it out for ``"tfidf"`` or other vectors whose numbers fall off: it lifts the last of them,
        which are noise, to the height of the first.
    read_facets : let the namer's language model read the eleven facets of every paper first, one call each.
    max_calls, max_tokens : of the language model, in all; what is left is named by key phrases.
    cache : folder of the language model's answers, with which an interrupted fit goes on; None keeps none.
    random_state : seeds the clusterings.
    progress : show a bar.

    Attributes
    ----------
    tree_ : `Node`, the root; ``tree_.to_dict()`` is nested plain data.
    labels_ : (n, levels) id of each paper's node, from top to bottom.
    papers_ : the papers as read, with their facets where these are known.
    vectors_ : (n, d) what was clustered.
    usage_ : calls, tokens and seconds of the language model; ``planned`` is the number of calls that were foreseen.
    seconds_ : of embedding, clustering and naming, and ``texts_per_second`` of the embedding.

    Raises
    ------
    InvalidInputError
        If there is no paper, a setting is unknown, or a level has more clusters than papers.
    MissingPackageError
        If the embedder's or the namer's package is not installed.

    Notes
    -----
    k-means costs O(n k d) a round within each cluster, so O(n b d) a level for b children a topic: 100,000 papers of
    384 numbers take minutes. A tree without a language model makes no calls; with one ``sum(cluster_sizes)``.
    Papers that have no facets and no model to read them are divided by the cue words of their sentences.

    References
    ----------
    M. Gao, J. Shah, W. Wang, D. Khashabi, "Science Hierarchography: Hierarchical Organization of Science Literature",
    2025, arXiv 2504.13834. Official code: github.com/JHU-CLSP/science-hierarchography.

    Examples
    --------
    >>> papers = [{"title": f"Wing {i}", "abstract": "Flutter of a wing in a wind tunnel."} for i in range(4)]
    >>> papers += [{"title": f"Shelf {i}", "abstract": "Cards of a library catalogue."} for i in range(4)]
    >>> model = ScienceHierarchy(cluster_sizes=[2], embedder="tfidf").fit(papers)
    >>> [len(topic.papers) for topic in model.tree_.children]
    [4, 4]
    >>> model.find("library catalogue")[-1].name == model.tree_.children[1].name
    True
    """

    def __init__(
        self,
        cluster_sizes: Sequence[int] | str = "auto",
        direction: Direction = "top_down",
        facet: str = "all",
        embedder: str | Embed = "all-MiniLM-L6-v2",
        clusterer: Clusterer = "kmeans",
        namer: str | Chat = CTFIDF,
        *,
        standardize: bool = True,
        read_facets: bool = False,
        max_calls: int | None = None,
        max_tokens: int | None = None,
        cache: str | Path | None = None,
        random_state: int | np.random.RandomState | None = 0,
        progress: bool = False,
    ):
        self.cluster_sizes = cluster_sizes
        self.direction = direction
        self.facet = facet
        self.embedder = embedder
        self.clusterer = clusterer
        self.namer = namer
        self.standardize = standardize
        self.read_facets = read_facets
        self.max_calls = max_calls
        self.max_tokens = max_tokens
        self.cache = cache
        self.random_state = random_state
        self.progress = progress

    def fit(self, papers: Sequence, y: object = None, *, embeddings: ArrayLike | None = None) -> ScienceHierarchy:
        """Build the tree.

        Parameters
        ----------
        papers : n papers: mappings with title and abstract (and problem, solution, results), pairs, texts, or `Paper`.
        y : ignored.
        embeddings : (n, d) vectors to cluster in place of the embedder's; `embedder` then serves `find` and, from the
            bottom up, the clusters' descriptions.

        Returns
        -------
        self
        """
        read = as_papers(papers)
        sizes = self._check(len(read))
        chat = self._chat()
        if self.read_facets:
            if chat is None:
                raise InvalidInputError("read_facets needs a language model; expected a namer other than key phrases.")
            read, _ = chat_facets(read, chat)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.papers_, self.seconds_ = read, {"embedding": 0.0, "clustering": 0.0, "naming": 0.0}
        self._encoder: Embed | None = None
        self._encoder_seed = seed
        with self._timed("embedding"):
            self.vectors_ = self._vectors(read, embeddings)
        rate = len(read) / max(self.seconds_["embedding"], 1e-9) if embeddings is None else 0.0
        self.usage_ = {"planned": 0 if chat is None else sum(sizes) + (len(read) if self.read_facets else 0)}
        self.tree_ = self._build(sizes, seed, chat)
        self.labels_ = labels_from_tree(self.tree_, len(read))
        self.seconds_["texts_per_second"] = rate
        self.usage_ |= asdict(chat.usage if chat is not None else Usage())
        return self

    def fit_predict(self, X: Sequence, y: object = None, **kwargs: Any) -> np.ndarray:
        """Build the tree, and give the (n,) ids of the papers' leaves.

        Parameters
        ----------
        X : see `fit`.
        y : ignored.
        **kwargs : see `fit`.
        """
        return self.fit(X, y, **kwargs).labels_[:, -1]

    def find(self, query: str, agent: Literal["embedding", "llm"] | Agent = "embedding", beam: int = 1) -> list[Node]:
        """Give the path of topics where a paper or question belongs, from the top to a leaf.

        Parameters
        ----------
        query : a text.
        agent : ``"embedding"`` compares it with names and summaries; ``"llm"`` asks the namer's language model.
        beam : paths that are followed at once.
        """
        check_is_fitted(self)
        if not isinstance(query, str) or not query.strip():
            raise InvalidInputError(f"A query is a text with a word in it; got {query!r}.")
        if beam < 1:
            raise InvalidInputError(f"beam is at least 1; got {beam}.")
        return beam_walk(self.tree_, query, self._agent(agent), beam)

    def to_json(self) -> str:
        """Give the tree and the titles of its papers as JSON."""
        check_is_fitted(self)
        return pages.tree_json(self.tree_, self.papers_)

    def to_markdown(self) -> str:
        """Give the tree as a nested list."""
        check_is_fitted(self)
        return pages.tree_markdown(self.tree_, self.papers_)

    def to_html(self, title: str = "A hierarchy of papers", links: Sequence[str] | None = None) -> str:
        """Give the tree as one page to browse, with its sunburst; see `tree_html`."""
        check_is_fitted(self)
        return pages.tree_html(self.tree_, self.papers_, title=title, links=links)

    def to_svg(self) -> str:
        """Give the tree's sunburst as an SVG element."""
        check_is_fitted(self)
        return sunburst_svg(self.tree_)

    def _check(self, n: int) -> list[int]:
        """Check the settings; give the sizes from top to bottom."""
        for name, value, known in (
            ("direction", self.direction, DIRECTIONS),
            ("clusterer", self.clusterer, CLUSTERERS),
        ):
            if value not in known:
                raise InvalidInputError(f"There is no {name} {value!r}; expected {', '.join(known)}.")
        facet_names(self.facet)
        return check_sizes(self.cluster_sizes, n)[::-1]

    def _chat(self) -> BoundedChat | None:
        chat: Chat | None
        if isinstance(self.namer, str):
            if self.namer not in (CTFIDF, SMOLLM2, AUTO):
                raise InvalidInputError(f"namer is 'ctfidf', 'smollm2', 'auto' or a Chat; got {self.namer!r}.")
            chat = LocalChat() if self.namer == SMOLLM2 else configured_chat() if self.namer == AUTO else None
        else:
            chat = self.namer
            if not isinstance(chat, Chat):
                raise InvalidInputError(f"namer is a name or has `name` and `complete`; got {type(chat).__name__}.")
        if chat is None or isinstance(chat, BoundedChat):
            return chat
        return BoundedChat(chat, max_calls=self.max_calls, max_tokens=self.max_tokens, cache=self.cache)

    def _vectors(self, papers: list[Paper], embeddings: ArrayLike | None) -> Float[np.ndarray, "n d"]:
        if embeddings is None:
            vectors = facet_vectors(papers, self.facet, self._embed)
        else:
            vectors = np.asarray(embeddings)
            if vectors.ndim != 2 or len(vectors) != len(papers) or vectors.dtype.kind not in "fiu" or not vectors.size:
                raise InvalidInputError(
                    f"embeddings are numbers ({len(papers)}, d), one row a paper; got {vectors.dtype} {vectors.shape}."
                )
            vectors = vectors if vectors.dtype == np.float32 else vectors.astype(float)
        if not np.isfinite(vectors).all():
            row = int(np.argwhere(~np.isfinite(vectors))[0, 0])
            raise InvalidInputError(f"The vector of paper {row} (counted from 0) holds NaN or infinity.")
        return vectors

    def _embed(self, texts: list[str]) -> ArrayLike:
        if self._encoder is None:
            self._encoder = encoder_of(
                self.embedder, [paper.text for paper in self.papers_], self._encoder_seed % 2**31
            )
        return self._encoder(texts)

    def _build(self, sizes: list[int], seed: int, chat: BoundedChat | None) -> Node:
        describe: Describe = (
            KeyPhraseNamer(self.papers_, self.vectors_)
            if chat is None
            else ChatNamer(chat, self.papers_, self.vectors_, context=_SMALL_CONTEXT if self.namer == SMOLLM2 else 3000)
        )
        named: dict[tuple[int, ...], Node] = {}
        cluster_of: dict[int, Node] = {}

        def summarise(clusters: list[list[int]]) -> Float[np.ndarray, "clusters d"]:
            nodes = [
                Node(i, 1, rows, list(dict.fromkeys(cluster_of[row] for row in rows if row in cluster_of)))
                for i, rows in enumerate(clusters)
            ]
            with self._timed("naming"):
                describe(nodes)
            named.update({tuple(node.papers): node for node in nodes})
            cluster_of.update({row: node for node in nodes for row in node.papers})
            return np.asarray(self._embed([f"{node.name}. {node.summary}" for node in nodes]), dtype=float)

        began = time.perf_counter()
        shared: dict[str, Any] = {"clusterer": self.clusterer, "seed": seed, "standardize": self.standardize}
        if self.direction == "top_down":
            with tqdm(total=len(sizes) * len(self.papers_), desc="clustering", disable=not self.progress) as bar:
                labels = top_down(self.vectors_, sizes, tick=bar.update, **shared)
        else:
            build = bottom_up if self.direction == "bottom_up" else bidirectional
            labels = build(self.vectors_, sizes, summarise, **shared)
        self.seconds_["clustering"] = time.perf_counter() - began - self.seconds_["naming"]
        tree = tree_from_labels(labels)
        with self._timed("naming"):
            name_tree(tree, describe, known=named, by_children=bool(named), progress=self.progress)
        return tree

    def _agent(self, agent: str | Agent) -> Agent:
        if agent == "embedding":
            return EmbeddingAgent(self._embed)
        if agent == "llm":
            chat = self._chat()
            if chat is None:
                raise InvalidInputError("agent='llm' needs a language model as namer; this hierarchy has none.")
            return ChatAgent(chat)
        if isinstance(agent, str) or not hasattr(agent, "scores"):
            raise InvalidInputError(f"agent is 'embedding', 'llm' or has `scores`; got {agent!r}.")
        return agent

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds_[what] += time.perf_counter() - began


def fit_facets(papers: Sequence, facets: Sequence[str] = tuple(FACETS), **settings: Any) -> dict[str, ScienceHierarchy]:
    """Build one tree for each facet of the same papers.

    Parameters
    ----------
    papers : see `ScienceHierarchy.fit`.
    facets : ``"problem"``, ``"solution"``, ``"results"`` or single ones.
    **settings : of `ScienceHierarchy`.

    Returns
    -------
    The fitted hierarchies by facet.

    References
    ----------
    M. Gao, J. Shah, W. Wang, D. Khashabi, "Science Hierarchography", 2025, arXiv 2504.13834.

    Examples
    --------
    >>> papers = [("A", "However, wings flutter. We propose tunnels."), ("B", "However, cards tear. We propose disks.")]
    >>> sorted(fit_facets(papers, cluster_sizes=[2], embedder="tfidf"))
    ['problem', 'results', 'solution']
    """
    return {facet: ScienceHierarchy(facet=facet, **settings).fit(papers) for facet in facets}
