"""The Weisfeiler-Leman subtree kernel: how often each colour of each round occurs in a graph, and an SVM on that."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils import check_random_state
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.metrics import stratified_folds
from reprise.nn.graph import weisfeiler_leman
from reprise.nn.graph_batch import GraphBatch, graph_batch, joined
from reprise.nn.graph_classifiers import class_labels

_MAX_ITERATIONS, _TOLERANCE = 5000, 1e-3


class WeisfeilerLemanFeatures(TransformerMixin, BaseEstimator):
    """Count the colours of 1-WL refinement in each graph; their inner product is the subtree kernel.

    A node's first colour is its row of `x`, of which columns with fractions are left out, as colours are names and not
    amounts; all colours of the rounds 0 to `rounds` are counted. Colours are exact, without hashing. To know the
    colours of `fit` again, `transform` refines those graphs and the new ones together, in O(rounds (E + N) log N)
    over both.

    Parameters
    ----------
    rounds : of refinement, from 0 (the histogram of the nodes' labels) on.

    Attributes
    ----------
    columns_ : (rounds + 1,) how many columns each round has, in order.

    References
    ----------
    Shervashidze, Schweitzer, van Leeuwen, Mehlhorn, Borgwardt (2011), Weisfeiler-Lehman graph kernels, Journal of
    Machine Learning Research 12.

    Examples
    --------
    >>> import networkx as nx
    >>> features = WeisfeilerLemanFeatures(rounds=1).fit([nx.path_graph(3), nx.cycle_graph(3)])
    >>> features.transform([nx.path_graph(4)]).toarray().tolist()  # nodes; of degree 1 and of degree 2
    [[4.0, 2.0, 2.0]]
    """

    def __init__(self, rounds: int = 3):
        self.rounds = rounds

    def fit(self, graphs: Any, y: Any = None) -> Self:
        """Learn which colours there are.

        Raises
        ------
        InvalidInputError
            If the graphs or `rounds` cannot be used.
        """
        if isinstance(self.rounds, bool) or not isinstance(self.rounds, int | np.integer) or self.rounds < 0:
            raise InvalidInputError(f"rounds must be a whole number from 0 on, got {self.rounds!r}.")
        self.graphs_ = graph_batch(graphs)
        x = self.graphs_.x
        self.discrete_ = None if x is None else (x == x.round()).all(0)
        self.colours_ = self._colours(self.graphs_)
        self.columns_ = np.array([int(colours.max()) + 1 for colours in self.colours_])
        return self

    def transform(self, graphs: Any) -> sp.csr_array:
        """Count the colours of `fit` in each graph: (B, sum of `columns_`); colours that were not there do not count.

        Raises
        ------
        NotFittedError
            If called before `fit`.
        InvalidInputError
            If the graphs cannot be used, or have other features than those of `fit`.
        """
        if not hasattr(self, "colours_"):
            raise NotFittedError("These features are not fitted yet; call fit first.")
        new = graph_batch(graphs)
        known = self.graphs_.num_nodes
        _check_width(self.graphs_, new)
        blocks = []
        for before, now in zip(self.colours_, self._colours(joined([self.graphs_, new])), strict=True):
            column = torch.full((int(now.max()) + 1,), -1)
            column[now[:known]] = before  # the same partition of the known nodes, under other names
            blocks.append(_counts(column[now[known:]], new, int(before.max()) + 1))
        return sp.csr_array(sp.hstack(blocks))

    def fit_transform(self, graphs: Any, y: Any = None, **unused: Any) -> sp.csr_array:
        """Do both on the same graphs, with one refinement; raises as `fit` does."""
        self.fit(graphs)
        counts = zip(self.colours_, self.columns_.tolist(), strict=True)
        return sp.csr_array(sp.hstack([_counts(colours, self.graphs_, columns) for colours, columns in counts]))

    def _colours(self, graphs: GraphBatch) -> list[Tensor]:
        """Give the (N,) colours of each round."""
        colours = torch.zeros(graphs.num_nodes, dtype=torch.long, device=graphs.device)
        if graphs.x is not None and self.discrete_ is not None and bool(self.discrete_.any()):
            colours = torch.unique(graphs.x[:, self.discrete_], dim=0, return_inverse=True)[1]
        found = [colours]
        for _ in range(self.rounds):
            colours = weisfeiler_leman(graphs.edge_index, graphs.num_nodes, colours, rounds=1)
            found.append(colours)
        return [colours.cpu() for colours in found]


class SubtreeKernelClassifier(ClassifierMixin, BaseEstimator):
    """Classify graphs by a linear SVM on `WeisfeilerLemanFeatures` of unit length, rounds and C chosen by inner folds.

    Parameters
    ----------
    rounds : numbers of rounds that are tried.
    C : weights of the errors that are tried.
    folds : inner stratified folds, fewer where a class has fewer graphs; of equal accuracies the first pair wins. Where
        a class has a single graph nothing is compared: the first of `rounds` and the value of `C` nearest 1 are taken.
    random_state : of the folds and the SVM.

    Attributes
    ----------
    classes_ : (k,) labels there are.
    rounds_, C_ : what was chosen.

    References
    ----------
    Shervashidze et al. (2011), Weisfeiler-Lehman graph kernels, Journal of Machine Learning Research 12.

    Examples
    --------
    >>> import networkx as nx
    >>> graphs = [nx.cycle_graph(n) for n in range(4, 20)] + [nx.star_graph(n) for n in range(4, 20)]
    >>> classifier = SubtreeKernelClassifier(random_state=0).fit(graphs, ["ring"] * 16 + ["star"] * 16)
    >>> classifier.predict([nx.cycle_graph(30), nx.star_graph(30)]).tolist()
    ['ring', 'star']
    """

    def __init__(
        self,
        rounds: Sequence[int] = (1, 2, 3, 4, 5),
        C: Sequence[float] = (0.01, 0.1, 1.0, 10.0, 100.0),
        folds: int = 3,
        random_state: Any = None,
    ):
        self.rounds = rounds
        self.C = C
        self.folds = folds
        self.random_state = random_state

    def fit(self, graphs: Any, y: ArrayLike) -> Self:
        """Choose the rounds and C, and fit the SVM.

        Raises
        ------
        InvalidInputError
            If the graphs or a setting cannot be used, or the labels do not fit.
        """
        if not len(self.rounds) or not len(self.C) or min(self.C) <= 0:
            raise InvalidInputError("rounds and C must have at least one value each, those of C above zero.")
        batch = graph_batch(graphs)
        self.classes_, target = class_labels(y, len(batch))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.features_ = WeisfeilerLemanFeatures(max(self.rounds))
        counts = self.features_.fit_transform(batch)
        tables = {rounds: self._table(counts, rounds) for rounds in self.rounds}
        self.rounds_, self.C_ = self._chosen(tables, target, seed)
        self.svm_ = _svm(self.C_, seed, tables[self.rounds_], target)
        return self

    def predict(self, graphs: Any) -> NDArray[Any]:
        """Give the class of each graph.

        Raises
        ------
        NotFittedError
            If called before `fit`.
        InvalidInputError
            If the graphs cannot be used, or have other features than those of `fit`.
        """
        if not hasattr(self, "svm_"):
            raise NotFittedError("This SubtreeKernelClassifier is not fitted yet; call fit first.")
        counts = self.features_.transform(graphs)
        return self.classes_[self.svm_.predict(self._table(counts, self.rounds_))]

    def _table(self, counts: sp.csr_array, rounds: int) -> sp.csr_array:
        """Give the rows of the first rounds, each brought to length 1."""
        from sklearn.preprocessing import normalize

        return normalize(counts[:, : int(self.features_.columns_[: rounds + 1].sum())])

    def _chosen(self, tables: dict[int, sp.csr_array], target: NDArray[np.int64], seed: int) -> tuple[int, float]:
        pairs = [(rounds, C) for rounds in self.rounds for C in self.C]
        folds = min(self.folds, int(np.bincount(target).min()))
        if len(pairs) == 1 or folds < 2:
            return self.rounds[0], min(self.C, key=lambda C: abs(float(np.log(C))))
        split = list(stratified_folds(target, folds, seed=seed))
        hits = np.zeros(len(pairs), dtype=int)
        for train, test in split:
            for i, (rounds, C) in enumerate(pairs):
                svm = _svm(C, seed, tables[rounds][train], target[train])
                hits[i] += np.sum(svm.predict(tables[rounds][test]) == target[test])
        return pairs[int(np.argmax(hits))]


def _svm(C: float, seed: int, table: sp.csr_array, target: NDArray[np.int64]) -> Any:
    from sklearn.svm import LinearSVC

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a large C is cut short, and the folds judge what it gave
        return LinearSVC(C=C, random_state=seed, max_iter=_MAX_ITERATIONS, tol=_TOLERANCE).fit(table, target)


def _counts(colours: Tensor, graphs: GraphBatch, columns: int) -> sp.csr_array:
    """Count the colours (N,) of each graph; -1 does not count."""
    known = (colours >= 0).numpy()
    rows, places = (of.cpu().numpy()[known].astype(np.int32) for of in (graphs.batch, colours))  # as liblinear has it
    return sp.csr_array((np.ones(len(rows)), (rows, places)), shape=(len(graphs), columns))


def _check_width(known: GraphBatch, new: GraphBatch) -> None:
    widths = [0 if graphs.x is None else graphs.x.shape[1] for graphs in (known, new)]
    if widths[0] != widths[1]:
        raise InvalidInputError(f"The graphs have node features of width {widths[1]}; those of fit have {widths[0]}.")
