"""Names without a language model: key phrases by class-based TF-IDF, and the sentences nearest to them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float
from numpy.typing import ArrayLike
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
from sklearn.preprocessing import normalize

from reprise.discover.science_hierarchography.answers import plain_line
from reprise.discover.science_hierarchography.facets import sentences
from reprise.discover.science_hierarchography.papers import Paper
from reprise.discover.science_hierarchography.tree import Node, rename_apart
from reprise.errors import InvalidInputError

KEY_PHRASES = "key phrases"
RELEVANCE = 0.6  # against novelty, in maximal marginal relevance
_CANDIDATES = 30
_LONGEST_PHRASE = 3
_SUMMARY_SENTENCES, _SUMMARY_PAPERS = 3, 5
_LONGEST_NAME, _LONGEST_SUMMARY = 120, 600
_WORD = re.compile(r"[^\W_](?:[\w'-]*[^\W_])?")
# What papers say of themselves tells no topic.
_STOP_WORDS = ENGLISH_STOP_WORDS | {
    *("paper", "papers", "study", "studies", "work", "works", "result", "results", "show", "shows", "shown"),
    *("propose", "proposed", "present", "presents", "based", "using", "use", "used", "approach", "approaches"),
    *("method", "methods", "new", "novel", "also", "one", "two", "et", "al", "can", "may", "via"),
}


def class_tfidf(counts: ArrayLike | sp.spmatrix | sp.sparray) -> sp.csr_array:
    """Weigh terms by how much they tell a class from the others: class-based TF-IDF.

    With tf the count of term t in class c, f its count in all, and A the mean number of terms of a class::

        W[c, t] = tf[c, t] * log(1 + A / f[t])

    Parameters
    ----------
    counts : (classes, terms) counts, sparse or not.

    Returns
    -------
    (classes, terms) sparse

    Raises
    ------
    InvalidInputError
        If there are negative or infinite counts, or there is no class.

    Notes
    -----
    BERTopic's `ClassTfidfTransformer` divides a class's counts by their sum, which leaves the order of its terms as it
    is, and rounds A down.

    References
    ----------
    M. Grootendorst, "BERTopic", 2022, arXiv 2203.05794.

    Examples
    --------
    >>> weights = class_tfidf([[3, 7], [0, 10]])
    >>> round(float(weights[0, 0]), 3)
    4.399
    """
    table = sp.csr_array(counts, dtype=float)
    if not table.shape[0] or not np.isfinite(table.data).all() or (table.data < 0).any():
        raise InvalidInputError(f"Counts are numbers from 0 on in (classes, terms); got shape {table.shape}.")
    total = np.asarray(table.sum(axis=0)).ravel()
    mean = table.sum() / table.shape[0]
    weights = np.log1p(np.divide(mean, total, out=np.zeros_like(total), where=total > 0))
    return sp.csr_array(table.multiply(weights[None, :]))


class KeyPhraseNamer:
    """Names topics by the phrases that tell them from their siblings, and sums them up in their own sentences.

    The papers of each sibling are a class of `class_tfidf` over phrases of up to three words without stop words; of the
    best thirty, three are chosen by maximal marginal relevance (0.6, novelty being words not yet said). The summary is
    the three sentences of its most central papers whose phrases lie nearest (cosine) to the class's weights.

    Parameters
    ----------
    papers : all of the tree's papers.
    vectors : (n, d) of them; those nearest to a topic's mean speak for it. None takes them in order.
    phrases : how many make a name.
    most_papers : of a topic are read at most.

    References
    ----------
    J. Carbonell, J. Goldstein, "The use of MMR, diversity-based reranking", SIGIR 1998.

    Examples
    --------
    >>> papers = [Paper("", "Wing flutter in a wind tunnel."), Paper("", "Library catalogue cards.")]
    >>> nodes = [Node(1, 1, [0]), Node(2, 1, [1])]
    >>> KeyPhraseNamer(papers, phrases=1)(nodes)
    >>> [node.name for node in nodes]
    ['wind tunnel', 'library catalogue cards']
    """

    def __init__(
        self,
        papers: Sequence[Paper],
        vectors: Float[np.ndarray, "n d"] | None = None,
        *,
        phrases: int = 3,
        most_papers: int = 50,
    ):
        self.papers, self.vectors, self.phrases, self.most_papers = papers, vectors, phrases, most_papers

    def __call__(self, siblings: list[Node]) -> None:
        """Name a group of siblings in place."""
        chosen = [representatives(node.papers, self.vectors, self.most_papers) for node in siblings]
        counter = CountVectorizer(analyzer=phrases_of)
        try:
            counts = counter.fit_transform(" . ".join(self.papers[i].text for i in rows) for rows in chosen)
        except ValueError:  # not a single word
            counts = None
        if counts is None:
            for node in siblings:
                node.name, node.summary, node.named_by = f"Topic {node.id}", "", KEY_PHRASES
            return
        weights = class_tfidf(counts)
        terms = counter.get_feature_names_out()
        names = [_joined(self._phrases(weights, row, terms)) or f"Topic {node.id}" for row, node in enumerate(siblings)]
        for row, (node, name) in enumerate(zip(siblings, rename_apart(names), strict=True)):
            node.name, node.named_by = plain_line(name, _LONGEST_NAME), KEY_PHRASES
            node.summary = self._summary(weights[[row]], chosen[row], counter)

    def _phrases(self, weights: sp.csr_array, row: int, terms: np.ndarray) -> list[str]:
        start, end = weights.indptr[row], weights.indptr[row + 1]
        values, columns = weights.data[start:end], weights.indices[start:end]
        # Equal weights stand in the order of length, then the alphabet: the same whatever the order of papers.
        found = [(-round(float(v), 9), -len(terms[c].split()), terms[c]) for v, c in _largest(values, columns)]
        ordered = sorted(found)[:_CANDIDATES]
        return marginal_relevance([entry[2] for entry in ordered], [-entry[0] for entry in ordered], self.phrases)

    def _summary(self, weights: sp.csr_array, rows: list[int], counter: CountVectorizer) -> str:
        told = [sentence for i in rows[:_SUMMARY_PAPERS] for sentence in sentences(self.papers[i].abstract)]
        if not told:
            return plain_line("; ".join(self.papers[i].title for i in rows[:_SUMMARY_SENTENCES]), _LONGEST_SUMMARY)
        likeness = (normalize(counter.transform(told)) @ normalize(weights).T).toarray().ravel()
        best = np.sort(np.argsort(-likeness, kind="stable")[:_SUMMARY_SENTENCES])
        return plain_line(" ".join(told[i] for i in best), _LONGEST_SUMMARY)


def marginal_relevance(phrases: Sequence[str], weights: Sequence[float], count: int) -> list[str]:
    """Choose phrases that weigh much and do not repeat each other's words.

    Each next one maximises ``0.6 w / max w - 0.4 max over chosen of the share of common words`` (Jaccard).

    Parameters
    ----------
    phrases, weights : the candidates, the best first.
    count : how many to choose.

    Returns
    -------
    The chosen phrases.

    Examples
    --------
    >>> marginal_relevance(["neural network", "neural", "graph"], [3.0, 2.9, 2.0], 2)
    ['neural network', 'graph']
    """
    words = [set(phrase.split()) for phrase in phrases]
    largest = max(weights, default=1.0) or 1.0
    chosen: list[int] = []
    left = list(range(len(phrases)))
    while left and len(chosen) < count:
        best = max(
            left,
            key=lambda i: (
                RELEVANCE * weights[i] / largest
                - (1 - RELEVANCE)
                * max((len(words[i] & words[j]) / len(words[i] | words[j]) for j in chosen), default=0.0)
            ),
        )
        chosen.append(best)
        # A phrase that only repeats words of a chosen one says nothing more.
        left = [i for i in left if i != best and not words[i] <= words[best]]
    return [phrases[i] for i in chosen]


def representatives(rows: Sequence[int], vectors: Float[np.ndarray, "n d"] | None, most: int) -> list[int]:
    """Give papers that speak for a topic: the nearest to its mean, and where they are many every so-manyth of them."""
    if vectors is None:
        ordered = list(rows)
    else:
        members = vectors[list(rows)]
        far = ((members - members.mean(axis=0)) ** 2).sum(axis=1)
        ordered = [rows[i] for i in np.argsort(far, kind="stable")]
    return ordered if len(ordered) <= most else [ordered[i] for i in np.linspace(0, len(ordered) - 1, most).astype(int)]


def phrases_of(text: str) -> list[str]:
    """Give all runs of one to three words between stop words and punctuation.

    Examples
    --------
    >>> phrases_of("Wings of a fast aircraft.")
    ['wings', 'fast', 'fast aircraft', 'aircraft']
    """
    found = []
    for clause in re.split(r"[.,;:!?()\[\]{}\"\n]+", text.lower()):
        run: list[str] = []
        for word in [*_WORD.findall(clause), ""]:
            if word and word not in _STOP_WORDS and len(word) > 1 and not word.isdigit():
                run.append(word)
                continue
            for i in range(len(run)):
                found += [" ".join(run[i:j]) for j in range(i + 1, min(i + _LONGEST_PHRASE, len(run)) + 1)]
            run = []
    return found


def _largest(values: np.ndarray, columns: np.ndarray) -> list[tuple[float, int]]:
    if not len(values):
        return []
    # Ties with the last one stay in, so that what is kept does not depend on the order of columns.
    last = np.partition(values, -_CANDIDATES)[-_CANDIDATES] if len(values) > _CANDIDATES else 0.0
    kept = values >= last - 1e-9
    return list(zip(values[kept].tolist(), columns[kept].tolist(), strict=True))


def _joined(phrases: Sequence[str]) -> str:
    return " & ".join([part for part in (", ".join(phrases[:-1]), *phrases[-1:]) if part])
