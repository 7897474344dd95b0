import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

from reprise.errors import InvalidInputError
from reprise.nn import neighbours
from reprise.nn.neighbours import FlatIndex, top_k


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 9),
    size=st.integers(1, 300),
    d=st.integers(1, 6),
    metric=st.sampled_from(["l2", "cosine", "ip"]),
    block=st.sampled_from([40, 64, 100]),
    data=st.data(),
)
def test_agrees_with_a_full_sort_whatever_the_blocks(seed, n, size, d, metric, block, data):
    k = data.draw(st.integers(1, size))
    rng = np.random.default_rng(seed)
    queries, database = rng.standard_normal((n, d)), rng.standard_normal((size, d))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_DATABASE_BLOCK", block)
        patch.setattr(neighbours, "_QUERY_BLOCK", 4)
        found = top_k(queries, database, k, metric=metric)
    every = {
        "l2": lambda: np.linalg.norm(queries[:, None] - database[None], axis=2),
        "cosine": lambda: cosine_similarity(queries, database),
        "ip": lambda: queries @ database.T,
    }[metric]()
    best = np.sort(every if metric == "l2" else -every, axis=1)[:, :k]
    np.testing.assert_allclose(found.scores, best if metric == "l2" else -best, atol=1e-12)
    np.testing.assert_allclose(np.take_along_axis(every, found.indices, 1), found.scores, atol=1e-12)
    assert all(len(set(row)) == k for row in found.indices)


def test_agrees_with_scikit_learn_over_several_real_blocks():
    rng = np.random.default_rng(0)
    queries = rng.standard_normal((150, 5), dtype=np.float32)
    database = rng.standard_normal((10_001, 5), dtype=np.float32)
    found = top_k(queries, database, 7)
    distances, indices = NearestNeighbors(n_neighbors=7, algorithm="brute").fit(database).kneighbors(queries)
    assert found.scores.dtype == np.float32
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.scores, distances, rtol=1e-3)


def test_ascending_and_constant_databases_find_k_different_rows():
    """Every later row beats all before it, and none beats any: the two extremes of the running selection."""
    ascending = np.arange(9_000.0)[:, None]
    assert top_k([[1.0]], ascending, 3, metric="ip").indices.tolist() == [[8999, 8998, 8997]]
    constant = top_k([[1.0]], np.ones((9_000, 1)), 300, metric="ip")
    assert len(set(constant.indices[0])) == 300


def test_distance_to_itself_is_exactly_zero():
    x = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32) + 100
    found = top_k(x, x, 1)
    assert found.indices.ravel().tolist() == list(range(50))
    assert not found.scores.any()


def test_an_index_is_searched_again_and_again():
    rng = np.random.default_rng(0)
    database = rng.standard_normal((500, 6)).astype(np.float32)
    index = FlatIndex(database[:, :4], "cosine")
    assert len(index) == 500
    for queries in (database[:9, :4], rng.standard_normal((5, 4))):
        np.testing.assert_array_equal(
            index.search(queries, 3).indices, top_k(queries, database[:, :4], 3, metric="cosine").indices
        )


@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
def test_inputs_are_left_as_they_were(metric):
    rng = np.random.default_rng(0)
    queries, database = rng.standard_normal((5, 4)), rng.standard_normal((50, 4))
    before = queries.copy(), database.copy()
    top_k(queries, database, 3, metric=metric)
    np.testing.assert_array_equal(queries, before[0])
    np.testing.assert_array_equal(database, before[1])


def test_precision_follows_the_input():
    x = np.eye(3)
    assert top_k(x, x, 1).scores.dtype == np.float64
    assert top_k(x.astype(np.float32), x.astype(np.float32), 1).scores.dtype == np.float32
    assert top_k(x.astype(int).tolist(), x.astype(int), 1).indices.ravel().tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("queries", "database", "k", "metric", "problem"),
    [
        (np.eye(3), np.eye(3), 0, "l2", "k = 0"),
        (np.eye(3), np.eye(3), 4, "l2", "k = 4 neighbours of 3 rows"),
        (np.eye(3), np.eye(4), 1, "l2", "3 columns and the database has 4"),
        (np.eye(3), np.eye(3), 1, "manhattan", "no metric 'manhattan'"),
    ],
)
def test_impossible_settings_are_refused(queries, database, k, metric, problem):
    with pytest.raises(InvalidInputError, match=problem):
        top_k(queries, database, k, metric=metric)


@pytest.mark.parametrize(
    ("queries", "database", "problem"),
    [
        (np.full((1, 3), np.nan), np.eye(3), "queries contains NaN"),
        (np.eye(3), np.full((4, 3), np.inf), "database contains infinity"),
        (np.eye(3), np.full((4, 3), 1e30, dtype=np.float32), "overflow"),
        (np.eye(3), np.empty((0, 3)), "0 sample"),
        (np.ones(3), np.eye(3), "Expected 2D array"),
    ],
)
def test_arrays_that_are_no_embeddings_are_refused(queries, database, problem):
    with pytest.raises(ValueError, match=problem):
        top_k(queries, database, 1)
