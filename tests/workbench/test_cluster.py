"""The task ``cluster`` in this process: what clusterings are worth, and what a table must be."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score, silhouette_samples, silhouette_score

from reprise.errors import InvalidInputError, UnknownNameError
from reprise.workbench import tasks
from reprise.workbench.budget import Budget
from reprise.workbench.contract import Entry, Job
from reprise.workbench.tasks.cluster import TASK, baselines, scores


def pose(data, labels=None, **settings):
    return TASK.pose(data, labels, seed=0, budget=Budget("1h"), **settings)


def rng():
    return np.random.default_rng(0)


def test_clusters_are_numbered_by_size_and_noise_stays():
    labels = rng().integers(-1, 5, size=200)
    renamed = np.array([40, 2, 77, -1, 3, 9])[labels]  # -1 picks the 9
    renamed[labels == -1] = -1
    numbered = scores.by_size(labels)
    assert adjusted_rand_score(labels, numbered) == 1
    counts = np.bincount(numbered[numbered >= 0])
    assert (np.diff(counts) <= 0).all()
    np.testing.assert_array_equal(numbered == -1, labels == -1)


def test_silhouette_counts_noise_as_zero(blobs):
    X, y = blobs
    labels = y.copy()
    labels[::4] = -1
    each = np.zeros(len(X))
    each[labels >= 0] = silhouette_samples(X[labels >= 0], labels[labels >= 0])
    assert scores.shape_scores(X, labels, rng())["silhouette"] == pytest.approx(each.mean())
    assert scores.shape_scores(X, y, rng())["silhouette"] == pytest.approx(silhouette_score(X, y))


@pytest.mark.parametrize("labels", [np.zeros(90, int), np.full(90, -1), np.arange(90)])
def test_scores_of_clusterings_without_structure_are_left_out(blobs, labels):
    assert scores.shape_scores(blobs[0], labels, rng()) == {}


def test_silhouette_of_many_rows_is_taken_on_a_sample(monkeypatch):
    X, y = make_blobs(3000, 2, centers=3, cluster_std=2.0, random_state=0)
    whole = scores.shape_scores(X, y, rng())["silhouette"]
    monkeypatch.setattr(scores, "SILHOUETTE_ROWS", 800)
    sampled = scores.shape_scores(X, y, rng())["silhouette"]
    assert sampled != whole
    assert sampled == pytest.approx(whole, abs=0.05)


def test_stability_of_the_same_partition_is_one_and_of_chance_is_zero():
    subsets = [scores.subset(300, 0, part) for part in range(4)]
    truth = rng().integers(3, size=300)
    assert scores.stability(subsets, [truth[rows] for rows in subsets]) == [1.0] * 6
    chance = [np.random.default_rng(i).integers(3, size=len(rows)) for i, rows in enumerate(subsets)]
    assert np.abs(scores.stability(subsets, chance)).max() < 0.1


def test_stability_agrees_with_looking_rows_up_one_by_one():
    subsets = [scores.subset(50, 0, part) for part in range(2)]
    answers = [rng().integers(3, size=len(rows)) for rows in subsets]
    known = [dict(zip(rows.tolist(), answer, strict=True)) for rows, answer in zip(subsets, answers, strict=True)]
    shared = sorted(known[0].keys() & known[1].keys())
    expected = adjusted_rand_score(*([found[row] for row in shared] for found in known))
    assert scores.stability(subsets, answers) == [pytest.approx(expected)]


def test_finding_one_cluster_twice_is_not_stable():
    subsets = [scores.subset(50, 0, part) for part in range(2)]
    assert scores.stability(subsets, [np.zeros(40, int)] * 2) == [0.0]


def test_subsets_depend_on_seed_and_part_alone():
    first = scores.subset(100, 3, 1)
    np.testing.assert_array_equal(first, scores.subset(100, 3, 1))
    assert len(np.unique(first)) == 80
    assert (first != scores.subset(100, 3, 2)).any()


@pytest.mark.parametrize("k", [2, 4, 7])
def test_the_number_of_clusters_is_found_where_it_is_plain(k):
    centers = 30 * np.eye(8)[:k]
    X, _ = make_blobs(40 * k, 8, centers=centers, random_state=0)
    assert pose(X, scale="none").n_clusters == k


def test_the_curve_ends_when_time_is_up(blobs):
    assert list(scores.silhouette_curve(blobs[0], 0, lambda: False)) == [2]
    assert list(scores.silhouette_curve(blobs[0][:4], 0)) == [2, 3]


def test_rows_beyond_the_limit_take_the_nearest_ones_cluster(blobs):
    X, y = blobs
    entry = Entry("KMeans", "sklearn.cluster:KMeans", {"n_init": 2}, max_rows=30)
    outcome = TASK.solve(pose(X, y), Job(entry, 0))
    assert outcome.measured["ARI"] == 1
    assert "fitted on 30 of 90 rows" in outcome.notes[0]
    assert outcome.seeded


def test_from_many_rows_on_dear_methods_take_a_sample():
    limits = {entry.name: entry.max_rows for entry in baselines.baselines((100_000, 10), 5)}
    assert limits.keys() >= {"MiniBatchKMeans", "BisectingKMeans", "KMeans", "GaussianMixture"}
    assert {name for name, limit in limits.items() if limit} == {
        "SpectralClustering",
        "AgglomerativeClustering",
        "HDBSCAN",
    }
    assert "MiniBatchKMeans" not in {entry.name for entry in baselines.baselines((1000, 10), 5)}


def test_full_covariances_need_rows_enough():
    def kind(n, d):
        return next(e for e in baselines.baselines((n, d), 5) if e.name == "GaussianMixture").settings[
            "covariance_type"
        ]

    assert (kind(1000, 10), kind(1000, 500)) == ("full", "diag")


@pytest.mark.parametrize("entry", baselines.baselines((90, 3), 3), ids=lambda entry: entry.name)
def test_permuted_rows_give_permuted_labels(blobs, entry):
    X, y = blobs
    order = np.random.default_rng(1).permutation(len(X))
    straight, permuted = (TASK.solve(pose(X[rows], y[rows]), Job(entry, 0)).answer for rows in (np.arange(90), order))
    assert adjusted_rand_score(straight[order], permuted) == 1
    assert adjusted_rand_score(straight, y) == 1


def test_the_result_depends_on_the_seed_alone():
    X, _ = make_blobs(150, 2, centers=5, cluster_std=4.0, random_state=0)
    problem = pose(X, n_clusters=5)
    for entry in TASK.entries(problem):
        first, again = (TASK.solve(problem, Job(entry, 4)) for _ in range(2))
        np.testing.assert_array_equal(first.answer, again.answer)
        assert first.measured | {"seconds": 0} == again.measured | {"seconds": 0}
    entry = Entry("KMeans", "sklearn.cluster:KMeans", {"n_init": 1})
    assert len({tuple(TASK.solve(problem, Job(entry, seed)).answer) for seed in range(6)}) > 1


def test_scaling_is_done_once_for_all_methods(blobs):
    X = blobs[0] * [1, 1000, 1] + 5
    np.testing.assert_allclose(pose(X, scale="standard").X.std(axis=0), 1)
    np.testing.assert_allclose(np.linalg.norm(pose(X, scale="unit").X, axis=1), 1)
    np.testing.assert_array_equal(pose(X, scale="none").X, X)


def test_columns_of_several_units_are_standardised_and_it_is_said(blobs):
    several, one = pose(blobs[0] * [1, 1000, 1]), pose(blobs[0] * [1, 3, 1])
    assert (several.scale, one.scale) == ("standard", "none")
    assert "--scale none does otherwise" in several.facts["scale"]
    assert "used as they are" in one.facts["scale"]


def test_where_the_number_of_clusters_came_from_is_said(blobs):
    X, y = blobs
    assert "as many as there are labels" in pose(X, y).facts["clusters"]
    assert "as asked for" in pose(X, y, n_clusters=5).facts["clusters"]
    assert "highest silhouette" in pose(X).facts["clusters"]
    assert pose(X).curve[3] == max(pose(X).curve.values())


def test_a_constant_column_is_pointed_out(iris):
    notes = pose(iris.assign(const=1.0), "species").notes
    assert any("tell clusters nothing: const" in note for note in notes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scale": "robust"}, "expected auto, standard, unit, none"),
        ({"n_clusters": 1}, "whole number from 2 on"),
        ({"n_clusters": 2.0}, "whole number from 2 on"),
        ({"n_clusters": True}, "whole number from 2 on"),
        ({"n_clusters": 90}, "the data allow 89 at most"),
        ({"labels": [0] * 90}, "All labels .* are '0'"),
        ({"labels": range(90)}, "different in every one of 90 rows"),
    ],
)
def test_impossible_settings_are_refused(blobs, settings, message):
    with pytest.raises(InvalidInputError, match=message):
        pose(blobs[0], **settings)


@pytest.mark.parametrize("rows", [[[1.0], [2.0]], [[1.0, 2.0]] * 5])
def test_too_few_different_rows_are_refused(rows):
    with pytest.raises(InvalidInputError, match="at least three rows, two of them different"):
        pose(np.array(rows))


def test_more_clusters_than_different_rows_are_refused():
    with pytest.raises(InvalidInputError, match="the data allow 2 at most"):
        pose(np.repeat([[0.0], [1.0]], 300, axis=0), n_clusters=3)


@pytest.mark.parametrize("scale", ["standard", "none"])
def test_numbers_whose_squares_overflow_are_refused(scale):
    with pytest.raises(InvalidInputError, match=r"go up to 1e\+300"):
        pose(np.array([[1e300, 0.0], [-1e300, 1.0], [3e299, 2.0]]), scale=scale)


def test_labels_rank_by_ari_and_the_optimism_is_said(inline_board):
    X, y = make_moons(200, noise=0.05, random_state=0)
    board = inline_board(X, y)
    agreement = [row.mean("ARI") for row in board.rows]
    assert agreement == sorted(agreement, reverse=True)
    assert board.best.name in {"SpectralClustering", "HDBSCAN"}
    assert "optimistic" in board.rule


def test_without_labels_the_rank_is_silhouette_times_stability(inline_board, blobs, toys):
    board = inline_board(blobs[0], None, [*baselines.baselines((90, 3), 3), *toys("OneCluster", "Halves")])
    ranked = board.rows[: board.ranked]
    for row in ranked:
        assert row.mean("score") == pytest.approx(row.mean("silhouette") * row.mean("stability"))
    assert [row.mean("score") for row in ranked] == sorted((row.mean("score") for row in ranked), reverse=True)
    assert ranked[-1].name == "Halves"
    assert board.rows[-1].name == "OneCluster"
    assert "score" not in board.rows[-1].measured


def test_where_stability_is_lacking_all_are_ranked_without_it(inline_board, blobs):
    board = inline_board(blobs[0])
    board.rows[2].runs = board.rows[2].runs[:1]
    name = board.rows[2].name
    board.settle()
    assert f"silhouette alone, as there was no stability to measure for {name}" in board.rule
    silhouettes = [row.mean("silhouette") for row in board.rows]
    assert silhouettes == sorted(silhouettes, reverse=True)


def test_tasks_are_found_by_name():
    assert {"cluster", "graph-classify", "hierarchy"} <= set(tasks.names())
    with pytest.raises(UnknownNameError, match="Did you mean cluster"):
        tasks.load("clutser")
