"""The doubly stochastic projection beside POT, the conditional rate beside autograd, and 60,000 real images as a table.

Run with ``pytest benchmarks/bench_manifold_linearizing_clustering.py -s``; prints ratios, asserts no times.
"""

import resource
import time

import ot
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from racing import race
from reprise.data.fashion_mnist import fashion_mnist
from reprise.discover.manifold_linearizing_clustering import ManifoldLinearizingClustering, conditional_coding_rate
from reprise.metrics import hungarian_accuracy
from reprise.nn.sinkhorn import doubly_stochastic

ETA = 0.175
COMPONENTS = 50


def unit(n, d, seed):
    return torch.nn.functional.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.mark.parametrize("n", [128, 512])
@pytest.mark.parametrize("eta", [ETA, 0.05])
def test_projection(n, eta):
    C = unit(n, 32, 0).double()
    K, weights = C @ C.T, torch.full((n,), 1 / n, dtype=torch.float64)
    with threadpool_limits(1):
        best = race(
            {
                "ours": lambda: doubly_stochastic(K, eta, 1000, 1e-6),
                "POT": lambda: ot.bregman.sinkhorn_log(weights, weights, -K, eta, stopThr=1e-6 / n, numItermax=1000),
            },
            rounds=2,
            warm_up=1,
        )
    print(f"\nn = {n}, eta {eta}: ours {best['ours']:.1f} ms, POT / ours {best['POT'] / best['ours']:.1f}")


@pytest.mark.parametrize(("n", "d"), [(256, 32), (512, 64)])
def test_conditional_rate_with_gradient(n, d):
    Z, C = unit(n, d, 0).requires_grad_(), unit(n, d, 1)
    Gamma = doubly_stochastic(C @ C.T, ETA).requires_grad_()
    identity = torch.eye(d)

    def plain():
        matrices = identity + d / 0.2 * torch.einsum("ni,nj,nk->jik", Z, Gamma, Z)
        (torch.logdet(matrices).mean() / 2).backward()

    works = {"ours": lambda: conditional_coding_rate(Z, Gamma).backward(), "logdet of an einsum": plain}
    with threadpool_limits(1):
        best = race(works, rounds=5, warm_up=1)
    print(
        f"\nn = {n}, d = {d}: ours {best['ours']:.0f} ms, plain / ours {best['logdet of an einsum'] / best['ours']:.1f}"
    )


def test_sixty_thousand_images():
    data = fashion_mnist()
    components = PCA(COMPONENTS, random_state=0).fit(data.train_images.reshape(60_000, -1) / 255.0)
    X = components.transform(data.train_images.reshape(60_000, -1) / 255.0)
    peers = {
        "ours": ManifoldLinearizingClustering(10, random_state=0),
        "k-means, 10 starts": KMeans(10, n_init=10, random_state=0),
    }
    for name, model in peers.items():
        wall, processor = time.perf_counter(), time.process_time()
        labels = model.fit_predict(X)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        test = model.predict(components.transform(data.test_images.reshape(10_000, -1) / 255.0))
        print(
            f"\n60,000 x {COMPONENTS}: {name} {wall:.0f} s, processor {processor:.0f} s; accuracy "
            f"{hungarian_accuracy(data.train_labels, labels):.3f}, of 10,000 new images "
            f"{hungarian_accuracy(data.test_labels, test):.3f}; peak memory so far "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"
        )
