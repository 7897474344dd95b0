"""Finding the number of classes beside scikit-learn's ways to find it, and semi-supervised beside plain k-means.

Run with ``pytest benchmarks/bench_gmm_category_discovery.py -s``; prints ratios, asserts no times.
"""

import warnings

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from threadpoolctl import threadpool_limits

from racing import race
from reprise.discover.gmm_category_discovery import SemiSupervisedGMM
from reprise.nn.semi_supervised_kmeans import semi_supervised_kmeans

CLASSES, KNOWN, LARGEST = 10, 5, 20


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def classes(size, dimension):
    rng = np.random.default_rng(1000)
    truth = np.arange(size) % CLASSES
    X = rng.standard_normal((size, dimension)) + 4 * rng.standard_normal((CLASSES, dimension))[truth]
    return X, np.where((truth < KNOWN) & (rng.random(size) < 0.5), truth, -1)


@pytest.mark.parametrize(("size", "dimension"), [(2_000, 16), (20_000, 32)])
def test_number_of_classes(size, dimension):
    X, y = classes(size, dimension)
    found = {}

    def ours():
        found["ours"] = SemiSupervisedGMM(LARGEST, exchange=True, random_state=0).fit(X, y).n_classes_

    def dirichlet():
        model = BayesianGaussianMixture(n_components=LARGEST, max_iter=200, random_state=0)
        found["Dirichlet process"] = len(np.unique(model.fit_predict(X)))

    def bic():
        models = [GaussianMixture(k, random_state=0).fit(X) for k in range(2, LARGEST + 1)]
        found["BIC"] = min(models, key=lambda model: model.bic(X)).n_components

    report(f"n = {size}, D = {dimension}", {"ours": ours, "Dirichlet process": dirichlet, "BIC": bic}, found)


@pytest.mark.parametrize(("size", "dimension"), [(2_000, 16), (20_000, 32)])
def test_kmeans(size, dimension):
    X, y = classes(size, dimension)
    works = {
        "ours": lambda: semi_supervised_kmeans(X, y, CLASSES, random_state=0),
        "KMeans": lambda: KMeans(CLASSES, n_init=10, random_state=0).fit(X),
    }
    report(f"k-means, n = {size}, D = {dimension}", works, {})


def report(title, works, found):
    times = race(works, rounds=2, warm_up=0)
    ratios = ", ".join(f"{peer} / ours {times[peer] / times['ours']:.2f}" for peer in works if peer != "ours")
    print(f"\n{title}: ours {times['ours']:.0f} ms; {ratios}; found {found}")
