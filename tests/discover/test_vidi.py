import pickle
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score
from torch import nn
from torch.nn import functional

from reprise.discover.vidi import (
    ExplanationClustering,
    explanation_features,
    positive_predictive_value,
    severity_homogeneity,
)
from reprise.discover.vidi.grouping import group
from reprise.errors import InvalidInputError
from reprise.nn.explain import deep_shap
from reprise.training import train

CORNERS = [(slice(0, 5), slice(0, 5)), (slice(0, 5), slice(11, 16)), (slice(11, 16), slice(0, 5)),
           (slice(11, 16), slice(11, 16))]  # fmt: skip


def cross_entropy(model, batch):
    return functional.cross_entropy(model(batch[0]), batch[1])


def corner_patches(n, rng):
    """Draw noisy images of which half show a bright patch in one of four corners, and which corner (-1 without)."""
    images = 0.1 * rng.random((n, 1, 16, 16))
    corner = rng.permutation(np.arange(n) % 8) - 4
    for image, c in zip(images, corner, strict=True):
        if c >= 0:
            image[0][CORNERS[c]] += 0.8
    return images.astype(np.float32), np.maximum(corner, -1)


@pytest.fixture(scope="module")
def patches():
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 16), nn.ReLU(), nn.Linear(16, 2),
    )  # fmt: skip
    learnt, corner = corner_patches(240, rng)
    data = torch.from_numpy(learnt), torch.from_numpy((corner >= 0).astype(np.int64))
    train(model, cross_entropy, data, epochs=10, batch_size=32, lr=3e-3)
    images, corner = corner_patches(80, rng)
    return model.eval(), images, corner, learnt[:20]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(n_class=3, return_X_y=True)
    X = (X.reshape(-1, 1, 8, 8) / 16).astype(np.float32)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    train(model, cross_entropy, (torch.from_numpy(X[:300]), torch.from_numpy(y[:300])), epochs=8, lr=0.01)
    return model.eval(), X[300:], y[300:], X[:15]


@pytest.fixture(scope="module")
def fitted(digits):
    model, X, y, background = digits
    return ExplanationClustering(2, grid=4, random_state=0).fit(X, y, model=model, background=background)


@pytest.mark.parametrize("algorithm", ["kmeans", "ward"])
def test_patches_in_four_corners_are_found_and_pointed_at(patches, algorithm):
    model, images, corner, background = patches
    vidi = ExplanationClustering("auto", grid=8, algorithm=algorithm, add_mass=False, random_state=0)
    vidi.fit(images, (corner >= 0).astype(int), model=model, background=background)
    shown = vidi.predictions_ == 1
    assert (shown == (corner >= 0)).all()
    assert adjusted_rand_score(corner[shown], vidi.labels_[shown]) == 1
    scores = vidi.silhouette_[1]
    assert max(scores, key=scores.get) == 4
    for k in np.unique(vidi.labels_[shown]):
        place = CORNERS[corner[vidi.labels_ == k][0]]
        assert vidi.favorable_maps_[k][place].sum() > 0.8 * vidi.favorable_maps_[k].sum()
        # More than elsewhere is what the others lack.
        assert vidi.contrast_maps_[k][place].min() > 0
    fresh, fresh_corner = corner_patches(40, np.random.default_rng(7))
    labels = vidi.predict(fresh)
    assert adjusted_rand_score(fresh_corner[fresh_corner >= 0], labels[fresh_corner >= 0]) == 1


def test_pictures_are_the_two_sides_of_the_mean_map(fitted):
    assert fitted.favorable_maps_.min() >= 0
    assert fitted.unfavorable_maps_.min() >= 0
    for k in range(len(fitted.severity_)):
        mean = fitted.maps_[fitted.labels_ == k].mean(axis=0)
        np.testing.assert_allclose(fitted.favorable_maps_[k] - fitted.unfavorable_maps_[k], mean, atol=1e-12)


def test_clusters_keep_to_predicted_classes_and_come_by_severity(fitted, digits):
    model, X, _, _ = digits
    assert (fitted.cluster_classes_[fitted.labels_] == fitted.predictions_).all()
    assert (np.diff(fitted.severity_) <= 0).all()
    with torch.no_grad():
        probability = torch.softmax(model(torch.from_numpy(X)), 1)[:, -1].numpy()
    for k, severity in enumerate(fitted.severity_):
        assert severity == pytest.approx(probability[fitted.labels_ == k].mean(), abs=1e-5)
    assert fitted.completeness_error_.max() < 1e-4
    together = clone(fitted).set_params(per_class=False, n_clusters=4)
    together.fit(X, model=model, background=X[:5])
    assert together.cluster_classes_.tolist() == [-1] * 4
    assert together.describe()[0].predicted is None


def test_maps_are_those_of_the_predicted_class(fitted, digits):
    model, X, _, background = digits
    maps = deep_shap(model, X, background).maps[:, 0]
    np.testing.assert_allclose(fitted.maps_, maps, atol=1e-6)
    np.testing.assert_allclose(fitted.features_, fitted.transform(X), atol=1e-6)


def test_batches_and_order_of_images_change_no_cluster(fitted, digits):
    model, X, _, background = digits
    order = np.random.default_rng(0).permutation(len(X))
    again = clone(fitted).set_params(batch_size=7).fit(X[order], model=model, background=background)
    np.testing.assert_array_equal(again.labels_, fitted.labels_[order])


@pytest.mark.parametrize("algorithm", ["kmeans", "ward"])
def test_images_that_were_clustered_are_predicted_where_they_are(algorithm, digits):
    model, X, _, background = digits
    vidi = ExplanationClustering(3, grid=4, algorithm=algorithm, random_state=0)
    vidi.fit(X, model=model, background=background)
    agreement = np.mean(vidi.predict(X) == vidi.labels_)
    assert agreement == 1 if algorithm == "kmeans" else agreement > 0.8


def test_exemplars_are_members_nearest_first(fitted):
    for k, rows in enumerate(fitted.exemplars_):
        assert 0 < len(rows) <= 5
        assert (fitted.labels_[rows] == k).all()
    assert fitted.mean_images_.shape == fitted.favorable_maps_.shape


def test_maps_from_elsewhere_cluster_like_those_made_here(fitted, digits):
    _, X, y, _ = digits
    elsewhere = ExplanationClustering(2, grid=4, random_state=0).fit_maps(
        fitted.maps_, fitted.predictions_, severity=fitted.sample_severity_, y=y, images=X
    )
    assert adjusted_rand_score(fitted.labels_, elsewhere.labels_) == 1
    np.testing.assert_allclose(elsewhere.severity_, fitted.severity_)
    np.testing.assert_array_equal(elsewhere.predict_maps(fitted.maps_[:, None], fitted.predictions_), elsewhere.labels_)
    assert elsewhere.predict_maps(fitted.maps_[:1], [9]).tolist() == [-1]
    with pytest.raises(InvalidInputError, match="use predict_maps"):
        elsewhere.predict(X)


@pytest.mark.parametrize("attribution", ["expected-gradients", "integrated-gradients", "own", "all"])
def test_other_explanations(attribution, digits):
    model, X, _, background = digits
    X = X[:60]
    settings = {"explained": "all"} if attribution == "all" else {"attribution": attribution}
    if attribution == "own":
        settings = {"attribution": lambda model, X, background: X - background.mean(0)}
    vidi = ExplanationClustering(2, grid=2, random_state=0, **settings).fit(X, model=model, background=background)
    assert vidi.features_.shape == (60, 30 if attribution == "all" else 10)
    assert vidi.favorable_maps_.shape[1:] == (8, 8)
    assert (vidi.predict(X) >= 0).all()


def test_blocks_of_features_count_equally_and_constant_ones_are_harmless():
    rng = np.random.default_rng(0)
    features = np.hstack([rng.random((50, 6)) * [1e-3, 1, 0, 2, 3, 1], 100 * rng.random((50, 2))])
    found = group(
        features, n_clusters=3, k_range=(2, 4), algorithm="kmeans", has_mass=True, seed=0, what="50 explanations"
    )
    scaled = features * found.scales
    assert scaled[:, :6].var(axis=0).sum() == pytest.approx(1)
    assert scaled[:, 6:].var(axis=0).sum() == pytest.approx(1)
    assert found.silhouettes.keys() == {3}
    np.testing.assert_array_equal(found.assign(features), found.labels)
    np.testing.assert_allclose(found.centers[1], scaled[found.labels == 1].mean(axis=0))


def test_features_are_shares_of_evidence_and_its_amount():
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(5, 3, 8, 8))
    rows = explanation_features(maps, grid=4)
    assert rows.shape == (5, 34)
    np.testing.assert_allclose(rows[:, :32].sum(axis=1), 1)
    net = maps.sum(axis=1)
    np.testing.assert_allclose(rows[:, 32], np.log1p(np.maximum(net, 0).sum((1, 2))))
    # The shape does not depend on the strength, and a map turned over exchanges the two sides.
    np.testing.assert_allclose(explanation_features(7 * maps, grid=4)[:, :32], rows[:, :32])
    turned = explanation_features(-maps, grid=4)
    np.testing.assert_allclose(np.hstack([turned[:, 16:32], turned[:, :16], turned[:, [33, 32]]]), rows)
    assert explanation_features(maps, grid=4, split_sign=False, add_mass=False).shape == (5, 16)
    np.testing.assert_allclose(
        np.linalg.norm(explanation_features(maps, grid=4, normalize="l2", add_mass=False), axis=1), 1
    )
    blocks = explanation_features(maps, grid=4, normalize="none", split_sign=False, add_mass=False)
    np.testing.assert_allclose(blocks, net.reshape(5, 4, 2, 4, 2).mean((2, 4)).reshape(5, 16))
    assert (explanation_features(np.zeros((2, 8, 8))) == 0).all()


def test_homogeneity_is_the_share_of_variance_between_clusters():
    rng = np.random.default_rng(0)
    labels, severity = rng.integers(4, size=200), rng.normal(size=200)
    between = sum((labels == k).sum() * (severity[labels == k].mean() - severity.mean()) ** 2 for k in range(4))
    assert severity_homogeneity(labels, severity) == pytest.approx(between / ((severity - severity.mean()) ** 2).sum())
    # Telling classes apart earns nothing within them.
    classes = np.repeat([0, 1], 100)
    assert severity_homogeneity(classes, severity + 5 * classes) > 0.8
    assert severity_homogeneity(classes, severity + 5 * classes, within=classes) == pytest.approx(0)
    assert severity_homogeneity([0, 0, 1], [2.0, 2.0, 2.0]) == 1
    assert np.isnan(positive_predictive_value([0, 1], [0, 0]))
    assert positive_predictive_value(["a", "b"], ["b", "b"], "b") == 0.5


def test_duplicates_are_one_explanation():
    maps = np.repeat(np.random.default_rng(0).normal(size=(2, 8, 8)), 10, axis=0)
    with pytest.raises(InvalidInputError, match="3 clusters were asked of 20 explanations of predicted class 0, of wh"):
        ExplanationClustering(3).fit_maps(maps, np.zeros(20, int))
    assert np.bincount(ExplanationClustering("auto").fit_maps(maps, np.zeros(20, int)).labels_).tolist() == [20]
    assert np.bincount(ExplanationClustering(2).fit_maps(maps, np.zeros(20, int)).labels_).tolist() == [10, 10]


@pytest.mark.parametrize("maps", [np.zeros((6, 8, 8)), np.ones((1, 8, 8))])
def test_what_cannot_be_told_apart_is_one_cluster(maps):
    vidi = ExplanationClustering(random_state=0).fit_maps(maps, np.zeros(len(maps), int), images=maps)
    assert (vidi.labels_ == 0).all()
    assert vidi.describe()[0].size == len(maps)
    assert "<h2>Group 0" in vidi.to_html()


def test_small_class_gets_what_clusters_it_can():
    rng = np.random.default_rng(0)
    vidi = ExplanationClustering(random_state=0).fit_maps(rng.normal(size=(30, 8, 8)), [0] * 29 + [1])
    assert (vidi.cluster_classes_ == 1).sum() == 1


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.images, self.text, self.open = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in {"img", "meta"}:
            self.open.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_page_stands_alone_and_escapes_what_it_is_given(fitted):
    names = ["<script>alert('0')</script>", 'one" onload="x', "two & more"]
    reader = Reader()
    page = fitted.to_html(title="A <b>title</b> & more", class_names=names)
    reader.feed(page)
    text = "".join(reader.text)
    assert not reader.open
    assert "script" not in reader.tags
    assert "A <b>title</b> & more" in text
    assert all(name in text for name in names)
    assert all(image["src"].startswith("data:image/png;base64,") and image["alt"] for image in reader.images)
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert reader.tags.count("section") == len(fitted.severity_)
    assert len(reader.images) == sum(4 + len(rows) for rows in fitted.exemplars_)
    for entry in fitted.describe(names):
        assert f"{entry.size} images read as {entry.predicted}" in text


def test_descriptions_say_what_is_so(fitted, digits):
    _, _, y, _ = digits
    for k, entry in enumerate(fitted.describe()):
        members = fitted.labels_ == k
        assert entry.size == members.sum()
        assert entry.share_correct == np.mean(fitted.predictions_[members] == y[members])
        assert entry.exemplars == tuple(fitted.exemplars_[k])
        favorable = fitted.favorable_maps_[k]
        halves = {"upper": favorable[:4], "lower": favorable[4:]}
        assert 0.25 <= entry.region_share <= 1
        assert entry.region.split()[0] in halves
        assert f"{entry.size} images read as class {fitted.cluster_classes_[k]}" in entry.summary
    assert replace(entry, size=3).size == 3


def test_plot_shows_four_pictures(fitted):
    titles = [axis.get_title() for axis in fitted.plot(0).axes]
    assert titles == ["mean image", "speaks for", "speaks against", "more or less than elsewhere"]
    with pytest.raises(InvalidInputError, match="no cluster 99"):
        fitted.plot(99)


def test_survives_cloning_and_pickling(fitted, digits):
    _, X, _, _ = digits
    assert clone(fitted).get_params() == fitted.get_params()
    restored = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(restored.predict(X), fitted.labels_)
    assert restored.to_html() == fitted.to_html()


def test_training_mode_is_said_and_restored(digits):
    model, X, _, background = digits
    model.train()
    with pytest.warns(UserWarning, match="training mode"):
        ExplanationClustering(2, grid=4, random_state=0).fit(X[:40], model=model, background=background)
    assert model.training
    model.eval()


@pytest.mark.parametrize(
    ("settings", "arguments", "message"),
    [
        ({}, {"model": None}, "classifier as model="),
        ({}, {"background": None}, "background="),
        ({}, {"background": np.empty((0, 1, 8, 8), np.float32)}, "not be empty"),
        ({}, {"X": np.full((4, 1, 8, 8), np.nan)}, "NaN"),
        ({}, {"X": np.zeros((4, 64))}, r"\(n, channels, H, W\)"),
        ({}, {"X": np.zeros((0, 1, 8, 8))}, "not be empty"),
        ({}, {"X": np.zeros((4, 1, 9, 9))}, "differ in shape"),
        ({}, {"y": [0]}, "y are expected to be 60 classes"),
        ({}, {"severity": [np.nan] * 60}, "severity is expected"),
        ({}, {"model": nn.Flatten(0).eval()}, r"scores \(n, C\)"),
        ({}, {"model": nn.Sequential(nn.Flatten(), nn.LayerNorm(64)).eval()}, "'layer_norm' in layer"),
        ({"grid": 9}, {}, "does not fit maps"),
        ({"grid": 0}, {}, "grid"),
        ({"n_clusters": 50}, {}, "50 clusters were asked of"),
        ({"n_clusters": 0}, {}, "n_clusters"),
        ({"k_range": (1, 4)}, {}, "k_range"),
        ({"k_range": (4, 3)}, {}, "k_range"),
        ({"algorithm": "dbscan"}, {}, "algorithm"),
        ({"attribution": "lime"}, {}, "attribution"),
        ({"attribution": lambda *_: np.ones((2, 8, 8))}, {}, "2 maps of 60 images"),
        ({"attribution": lambda _, X, __: X, "explained": "all"}, {}, "explained='all'"),
        ({"severity_class": 3}, {}, "none of the 3 classes"),
    ],
)
def test_bad_input_is_named(settings, arguments, message, digits):
    model, X, _, background = digits
    arguments = {"X": X[:60], "model": model, "background": background} | arguments
    with pytest.raises(ValueError, match=message):
        ExplanationClustering(**({"grid": 4} | settings)).fit(arguments.pop("X"), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"maps": np.full((4, 8, 8), np.inf)}, "infinite values, the first in map 0"),
        ({"maps": np.zeros((4, 8))}, r"\(n, H, W\)"),
        ({"maps": np.zeros((4, 8, 8), complex)}, "Maps are numbers"),
        ({"predictions": [0, 1]}, "4 classes"),
        ({"predictions": [0.5] * 4}, "integers"),
        ({"predictions": [-1] * 4}, "integers from 0"),
        ({"images": np.zeros((4, 9, 9))}, "do not fit maps"),
        ({"severity": [1.0]}, "4 finite numbers"),
    ],
)
def test_bad_maps_are_named(arguments, message):
    maps = np.random.default_rng(0).normal(size=(4, 8, 8))
    arguments = {"maps": maps, "predictions": [0] * 4} | arguments
    with pytest.raises(InvalidInputError, match=message):
        ExplanationClustering().fit_maps(**arguments)


def test_unfitted_and_misnamed_are_refused(fitted):
    with pytest.raises(NotFittedError):
        ExplanationClustering().predict(np.zeros((1, 1, 8, 8)))
    with pytest.raises(NotFittedError):
        ExplanationClustering().to_html()
    with pytest.raises(InvalidInputError, match="1 class names were given"):
        fitted.describe(["zero"])
    with pytest.raises(InvalidInputError, match="explained='all' needs fit"):
        ExplanationClustering(explained="all").fit_maps(np.zeros((4, 8, 8)), [0] * 4)
    for labels, severity in (([], []), ([0, 1], [1.0]), ([0, 1], [np.nan, 1.0])):
        with pytest.raises(InvalidInputError):
            severity_homogeneity(labels, severity)
    with pytest.raises(InvalidInputError, match="of one length"):
        positive_predictive_value([1], [1, 0])
