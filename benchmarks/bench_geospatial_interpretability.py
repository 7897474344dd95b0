"""Moran's I of a layer's neurons beside esda, neuron by neuron, and local Moran beside esda's compiled one.

Run with ``pytest benchmarks/bench_geospatial_interpretability.py -s``; prints ratios, asserts no times. Times are
processor time on one thread. esda counts the smaller tail; p-values are compared where both count the same.
"""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from racing import race
from reprise.language.geospatial_interpretability import equirectangular, local_moran, morans_i

esda = pytest.importorskip("esda")
libpysal = pytest.importorskip("libpysal")

PERMUTATIONS = 999
SAMPLED = 8  # columns that esda is timed on; its time is proportional to their number


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def places(n, columns):
    rng = np.random.default_rng(1000)
    coords = rng.uniform((50, -5), (58, 2), size=(n, 2))
    weights = libpysal.weights.KNN(equirectangular(coords), k=8)
    weights.transform = "r"
    maps = rng.normal(size=(n, columns)) + np.linspace(0, 0.5, columns) * coords[:, :1]
    return maps, weights


@pytest.mark.parametrize(("n", "columns"), [(865, 576), (2_000, 576), (865, 4_096)])
def test_all_neurons(n, columns):
    maps, weights = places(n, columns)
    sampled = np.linspace(0, columns - 1, SAMPLED).astype(int)
    works = {
        "ours": lambda: morans_i(maps, weights, PERMUTATIONS),
        "esda": lambda: [esda.Moran(maps[:, column], weights, permutations=PERMUTATIONS) for column in sampled],
    }
    times = race(works, rounds=2, warm_up=1)
    esda_all = times["esda"] * columns / SAMPLED
    result, peers = works["ours"](), works["esda"]()
    same_tail = [(result.p_sim[c], peer.p_sim) for c, peer in zip(sampled, peers, strict=True) if peer.z_norm > 0]
    print(
        f"\nn = {n}, {columns} columns, {PERMUTATIONS} permutations: ours {times['ours'] / 1e3:.2f} s; esda / ours "
        f"{esda_all / times['ours']:.1f} (from {SAMPLED} columns); difference of I "
        f"{max(abs(result.I[c] - peer.I) for c, peer in zip(sampled, peers, strict=True)):.0e}, of p_sim "
        f"{max(abs(ours - theirs) for ours, theirs in same_tail):.3f}"
    )


def test_one_map_of_clusters():
    maps, weights = places(865, 1)
    works = {
        "ours": lambda: local_moran(maps[:, 0], weights, PERMUTATIONS),
        "esda": lambda: esda.Moran_Local(maps[:, 0], weights, permutations=PERMUTATIONS, seed=1),
    }
    times = race(works, rounds=2, warm_up=1)
    ours, theirs = works["ours"](), works["esda"]()
    n = len(maps)
    print(
        f"\nLocal Moran, n = {n}: ours {times['ours']:.0f} ms; esda / ours {times['esda'] / times['ours']:.2f}; "
        f"difference of I {np.abs(ours.I * (n - 1) / n - theirs.Is).max():.0e}, of p_sim "
        f"{np.abs(ours.p_sim - theirs.p_sim).max():.3f}"
    )
