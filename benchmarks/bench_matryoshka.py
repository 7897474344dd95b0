"""Adaptive and funnel retrieval beside FAISS's exact search, and the loss beside sentence-transformers' wrapper.

Run with ``pytest benchmarks/bench_matryoshka.py -s``; prints ratios, asserts no times. The embeddings are random with
a spectrum that falls as in a trained Matryoshka embedding: neighbours by few coordinates are nearly those by all. FAISS
and ours use one thread. Searches are timed with all indexes built; the last two rows build theirs anew each time.
"""

import time

import faiss
import numpy as np
import pytest
import torch
from sentence_transformers.sentence_transformer import losses
from torch import nn

from reprise.metrics import neighbour_recall
from reprise.nn.contrastive import InfoNCE
from reprise.nn.neighbours import FlatIndex
from reprise.retrieve.matryoshka import (
    MatryoshkaEmbeddingLoss,
    MatryoshkaIndex,
    adaptive_retrieval,
    funnel_retrieval,
    truncate,
)

torch.set_num_threads(1)
faiss.omp_set_num_threads(1)
# Below this product of queries and width FAISS forgoes BLAS, which made it twenty times slower at 256 x 256.
faiss.cvar.distance_compute_blas_threshold = 1

QUERIES, K, ROUNDS = 256, 10, 3
SHORTLIST_DIM, SHORTLIST = 32, 200


def make_embeddings(size, width):
    rng = np.random.default_rng(0)
    scale = (1 / np.arange(1, width + 1)).astype(np.float32)
    database = rng.standard_normal((size, width), dtype=np.float32) * scale
    queries = database[rng.choice(size, QUERIES, replace=False)]
    queries = queries + 0.3 * rng.standard_normal(queries.shape, dtype=np.float32) * scale
    return truncate(database, width), truncate(queries, width)


def best_of(work, rounds=ROUNDS):
    """Give the result of `work` and its quickest time, in processor time: others may use the machine."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return result, min(times)


@pytest.mark.parametrize(("size", "width"), [(100_000, 768), (500_000, 256), (1_000_000, 256)])
def test_searches(size, width):
    database, queries = make_embeddings(size, width)
    exact_index = faiss.IndexFlatIP(width)
    exact_index.add(database)
    (_, exact), reference = best_of(lambda: exact_index.search(queries, K))
    prefix_index = faiss.IndexFlatIP(SHORTLIST_DIM)
    prefix_index.add(truncate(database, SHORTLIST_DIM))

    def faiss_adaptive():
        shortlist = prefix_index.search(truncate(queries, SHORTLIST_DIM), SHORTLIST)[1]
        scores = np.einsum("nkd,nd->nk", database[shortlist], queries)
        return np.take_along_axis(shortlist, np.argsort(-scores, axis=1), 1)

    dims = [SHORTLIST_DIM * 2**i for i in range(10) if SHORTLIST_DIM * 2**i < width] + [width]
    lengths = [max(K, SHORTLIST // 2**i) for i in range(len(dims))]
    exact_ours, index = FlatIndex(database, "ip"), MatryoshkaIndex(database, SHORTLIST_DIM)
    rows = {
        "FAISS, exact": (exact, reference),
        "ours, exact": best_of(lambda: exact_ours.search(queries, K).indices),
        f"FAISS on {SHORTLIST_DIM}, reranked": best_of(faiss_adaptive),
        f"ours, adaptive from {SHORTLIST_DIM}": best_of(lambda: index.search(queries, (width,), (SHORTLIST,)).indices),
        f"ours, funnel from {SHORTLIST_DIM}": best_of(lambda: index.search(queries, dims, lengths).indices),
        "adaptive_retrieval": best_of(
            lambda: adaptive_retrieval(database, queries, SHORTLIST_DIM, width, k=SHORTLIST).indices
        ),
        "funnel_retrieval": best_of(lambda: funnel_retrieval(database, queries, SHORTLIST_DIM, dims, lengths).indices),
    }
    print(f"\n{size:,} x {width}, {QUERIES} queries{'':14}recall@1  recall@10     ms a query   times as fast as FAISS")
    for name, (found, seconds) in rows.items():
        recalls = [neighbour_recall(found[:, :k], exact[:, :k]).mean() for k in (1, K)]
        print(
            f"  {name:32}{recalls[0]:13.3f}{recalls[1]:11.3f}{1e3 * seconds / QUERIES:15.2f}{reference / seconds:14.1f}"
        )


class Precomputed(nn.Module):
    """Stands for a SentenceTransformer: its features are already embeddings."""

    def __init__(self, width):
        super().__init__()
        self.width = width

    def forward(self, features):
        return dict(features)

    def get_embedding_dimension(self):
        return self.width


@pytest.mark.parametrize("batch", [64, 256, 1024])
def test_loss(batch):
    dims, width = (64, 128, 256, 512, 768), 768
    towers = [torch.randn(batch, width, generator=torch.Generator().manual_seed(i)).requires_grad_() for i in (0, 1)]
    model = Precomputed(width)
    peer = losses.MatryoshkaLoss(model, losses.MultipleNegativesRankingLoss(model, scale=20.0), list(dims))
    ours = MatryoshkaEmbeddingLoss(InfoNCE(temperature=1 / 20), dims)

    def step(loss):
        for tower in towers:
            tower.grad = None
        value = loss()
        value.backward()
        return value.item()

    def with_peer():
        return step(lambda: peer([{"sentence_embedding": tower} for tower in towers], torch.zeros(batch)))

    rounds = max(5, 4096 // batch)
    (theirs, their_time), (mine, my_time) = (
        best_of(with_peer, rounds),
        best_of(lambda: step(lambda: ours(*towers)), rounds),
    )
    assert mine == pytest.approx(theirs, rel=1e-5)
    print(
        f"\nloss and gradient, batch {batch}, width {width}, 5 sizes: {mine:.6f} against {theirs:.6f}; "
        f"{1e3 * my_time:.1f} ms against {1e3 * their_time:.1f} ms, {their_time / my_time:.2f} times as fast"
    )
