"""DeepSHAP beside captum's, and clusters of explanations beside spectral ones (as SpRAy makes them).

Run with ``pytest benchmarks/bench_vidi.py -s``; prints ratios, asserts no times. Times are processor time.
"""

import warnings

import numpy as np
import pytest
import torch
from captum.attr import DeepLiftShap
from sklearn.cluster import SpectralClustering
from torch import nn

from racing import race
from reprise.discover.vidi import ExplanationClustering, explanation_features
from reprise.nn.explain import deep_shap

CHUNK = 2  # inputs that captum pairs with the whole background at once: quicker than 16


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 49, 64), nn.ReLU(), nn.Linear(64, 2),
    ).eval()  # fmt: skip


@pytest.mark.parametrize("background", [5, 20])
def test_deep_shap(background):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    model = network()
    x, b = torch.rand(32, 1, 28, 28), torch.rand(background, 1, 28, 28)
    peer = DeepLiftShap(model)
    times = race(
        {
            "ours": lambda: deep_shap(model, x, b, target=0),
            "captum": lambda: [peer.attribute(part, b, target=0) for part in x.split(CHUNK)],
        },
        rounds=3,
        warm_up=1,
    )
    ours = deep_shap(model, x, b, target=0)
    owed = (ours.scores - ours.expected)[:, 0]
    theirs = peer.attribute(x, b, target=0).detach().flatten(1).sum(1).numpy()
    print(
        f"\n32 images, {background} background samples: ours {times['ours']:.0f} ms, captum {times['captum']:.0f} ms, "
        f"captum / ours {times['captum'] / times['ours']:.1f}; largest miss of a score's difference: ours "
        f"{ours.completeness_error.max():.1e}, captum {np.abs(theirs - owed).max():.1e} of {np.abs(owed).max():.1e}"
    )


@pytest.mark.parametrize("size", [500, 4_000])
def test_clusters(size):
    maps = np.random.default_rng(0).normal(size=(size, 28, 28))
    predictions = np.zeros(size, dtype=int)
    features = explanation_features(maps)
    times = race(
        {
            "ours": lambda: ExplanationClustering(4, random_state=0).fit_maps(maps, predictions),
            "spectral": lambda: SpectralClustering(4, affinity="nearest_neighbors", random_state=0).fit(features),
        },
        rounds=2,
        warm_up=1,
    )
    print(
        f"\n{size:,} maps into 4 clusters: ours with pictures {times['ours']:.0f} ms, spectral clustering alone "
        f"{times['spectral']:.0f} ms, spectral / ours {times['spectral'] / times['ours']:.1f}"
    )
