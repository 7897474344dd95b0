import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, ndcg_score

from reprise.errors import InvalidInputError
from reprise.metrics import (
    average_precision_at_k,
    ndcg_at_k,
    neighbour_recall,
    precision_at_k,
    recall_at_k,
    reciprocal_rank,
    relevance_by_judgement,
    relevance_by_label,
)

relevances = st.tuples(st.integers(1, 6), st.integers(1, 8)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 3))
)


@settings(max_examples=60, deadline=None)
@given(relevances, st.data())
def test_measures_agree_with_loops(relevance, data):
    k = data.draw(st.integers(1, relevance.shape[1]))
    relevant = (relevance > 0).sum(1) + data.draw(st.integers(0, 3))
    for row, total, recall, precision, average, by_k, rank in zip(
        relevance,
        relevant,
        recall_at_k(relevance, k, relevant),
        precision_at_k(relevance, k),
        average_precision_at_k(relevance, k, relevant),
        average_precision_at_k(relevance, k),
        reciprocal_rank(relevance),
        strict=True,
    ):
        hits = [bool(r) for r in row]
        precisions = [sum(hits[: i + 1]) / (i + 1) for i in range(k) if hits[i]]
        assert recall == pytest.approx(sum(hits[:k]) / total if total else 1.0)
        assert precision == pytest.approx(sum(hits[:k]) / k)
        assert average == pytest.approx(sum(precisions) / min(total, k) if total else 1.0)
        assert by_k == pytest.approx(sum(precisions) / k)
        assert rank == pytest.approx(next((1 / (i + 1) for i, hit in enumerate(hits) if hit), 0.0))


@settings(max_examples=40, deadline=None)
@given(relevances.filter(lambda r: r.shape[1] > 1), st.data())
def test_ndcg_agrees_with_scikit_learn(relevance, data):
    k = data.draw(st.integers(1, relevance.shape[1]))
    order = np.tile(-np.arange(relevance.shape[1]), (len(relevance), 1))
    ours, theirs = ndcg_at_k(relevance, k), [ndcg_score([r], [o], k=k) for r, o in zip(relevance, order, strict=True)]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    gained = ndcg_at_k(relevance, k, exponential=True)
    np.testing.assert_allclose(gained, ndcg_at_k(2**relevance - 1, k), atol=1e-12)


def test_average_precision_of_a_whole_ranking_is_scikit_learns():
    rng = np.random.default_rng(0)
    relevance = (rng.random((20, 30)) < 0.3).astype(int)
    relevance[:, 0] |= ~relevance.any(1)
    theirs = [average_precision_score(row, -np.arange(30)) for row in relevance]
    np.testing.assert_allclose(average_precision_at_k(relevance, 30, relevance.sum(1)), theirs)


def test_ndcg_counts_what_was_not_retrieved():
    assert ndcg_at_k([[1.0, 0.0]], 2, judged=[[1.0]]) == pytest.approx(1.0)
    assert ndcg_at_k([[1.0, 0.0]], 2, judged=[[3.0, 1.0]])[0] < 0.3


def test_relevance_by_label_and_by_judgement_agree():
    rng = np.random.default_rng(0)
    labels, wanted = rng.integers(0, 4, 30), rng.integers(0, 4, 5)
    retrieved = rng.permuted(np.tile(np.arange(30), (5, 1)), axis=1)[:, :10]
    judgements = [set(np.flatnonzero(labels == label).tolist()) for label in wanted]
    np.testing.assert_array_equal(
        relevance_by_label(retrieved, labels, wanted), relevance_by_judgement(retrieved, judgements)
    )


def test_neighbour_recall_ignores_the_order():
    exact = np.arange(12).reshape(3, 4)
    assert neighbour_recall(exact[:, ::-1], exact).tolist() == [1.0] * 3
    assert neighbour_recall(exact[:, :1], exact).tolist() == [0.25] * 3
    assert neighbour_recall(exact, exact[:, :1]).tolist() == [1.0] * 3


@pytest.mark.parametrize(
    "call",
    [
        lambda: recall_at_k([[1, 1]], 2, [1]),
        lambda: average_precision_at_k([[1, 1]], 2, [1]),
        lambda: precision_at_k([[1, 0]], 3),
        lambda: precision_at_k([[1, 0]], 0),
        lambda: precision_at_k([[np.nan, 0]], 1),
        lambda: precision_at_k([[-1, 0]], 1),
        lambda: reciprocal_rank(np.empty((0, 3))),
        lambda: reciprocal_rank([1, 0]),
        lambda: ndcg_at_k([[1, 0]], 1, judged=[[1], [1]]),
        lambda: ndcg_at_k([[2, 0]], 2, judged=[[1, 1]]),
        lambda: ndcg_at_k([[1, 1]], 2, judged=[[1]]),
        lambda: relevance_by_label(np.zeros((2, 1), int), [0], [0]),
        lambda: relevance_by_label(np.array([[0, -1]]), [0, 0], [0]),
        lambda: relevance_by_label(np.array([[0, 2]]), [0, 0], [0]),
        lambda: relevance_by_judgement(np.zeros((2, 1), int), [{0}]),
        lambda: neighbour_recall(np.zeros((2, 1)), np.zeros((3, 1))),
    ],
)
def test_impossible_input_is_refused(call):
    with pytest.raises(InvalidInputError):
        call()
