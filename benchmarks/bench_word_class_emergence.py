"""The discrimination value beside scikit-learn's silhouette and a plain computation class by class.

Run with ``pytest benchmarks/bench_word_class_emergence.py -s``; prints ratios, asserts no times. Times are processor
time on one thread.
"""

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from racing import race
from reprise.metrics import gdv, gdv_profile

CLASSES, PERMUTATIONS = 8, 20


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def class_by_class(X, y):
    s = (X - X.mean(axis=0)) / (2 * X.std(axis=0))
    members = [s[y == label] for label in range(CLASSES)]
    within = np.mean([cdist(part, part).sum() / (len(part) * (len(part) - 1)) for part in members])
    return (within - np.mean([cdist(a, b).mean() for a, b in combinations(members, 2)])) / np.sqrt(X.shape[1])


@pytest.mark.parametrize(("points", "dimensions"), [(1600, 128), (1600, 4000), (8000, 128)])
def test_one_layer(points, dimensions):
    rng = np.random.default_rng(1000)
    y = np.arange(points) % CLASSES
    X = rng.normal(size=(points, dimensions)) + 0.3 * rng.normal(size=(CLASSES, dimensions))[y]
    works = {
        "ours": lambda: gdv(X, y),
        "silhouette": lambda: silhouette_score(X, y),
        "class by class": lambda: class_by_class(X, y),
    }
    times = race(works, rounds=2, warm_up=1)
    print(
        f"\nn = {points}, D = {dimensions}: ours {times['ours']:.0f} ms; "
        f"silhouette / ours {times['silhouette'] / times['ours']:.1f}, "
        f"class by class / ours {times['class by class'] / times['ours']:.1f}; "
        f"difference of values {abs(works['ours']() - works['class by class']()):.0e}"
    )


def test_permutations():
    rng = np.random.default_rng(1000)
    y = np.arange(1600) % CLASSES
    X = rng.normal(size=(1600, 128))
    shuffled = [rng.permutation(y) for _ in range(PERMUTATIONS)]
    works = {
        "ours": lambda: gdv_profile({"layer": X}, y, n_permutations=PERMUTATIONS),
        "one by one": lambda: [gdv(X, labels) for labels in [y, *shuffled]],
    }
    times = race(works, rounds=2, warm_up=1)
    print(f"\n{PERMUTATIONS} permutations: ours {times['ours']:.0f} ms; one by one / ours "
          f"{times['one by one'] / times['ours']:.1f}")  # fmt: skip
