"""The spectral map beside scikit-learn's and networkx's, and all context lengths from one pass beside a pass for each.

Run with ``pytest benchmarks/bench_in_context_representations.py -s``; prints ratios, asserts no times. Times are
processor time on one thread.
"""

import networkx as nx
import numpy as np
import pytest
import torch
from sklearn.manifold import spectral_embedding as sklearn_embedding
from threadpoolctl import threadpool_limits

from racing import race
from reprise.language.in_context_representations import (
    GraphTracing,
    component_alignment,
    graph_adjacency,
    spectral_embedding,
    trace_representations,
)
from reprise.language.in_context_representations.tracer import graph_tracer


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


def layout(adjacency):
    places = nx.spectral_layout(nx.from_numpy_array(adjacency))
    return np.stack([places[node] for node in range(len(adjacency))])


@pytest.mark.parametrize("side", [4, 10, 20])
def test_spectral_map(side):
    adjacency = graph_adjacency("grid", side)
    weights = adjacency.astype(float)
    works = {
        "ours": lambda: spectral_embedding(adjacency, 2).vectors,
        "scikit-learn": lambda: sklearn_embedding(weights, n_components=2, norm_laplacian=False, random_state=0),
        "networkx": lambda: layout(adjacency),
    }
    times = race(works, rounds=5)
    agreements = {name: component_alignment(work(), adjacency) for name, work in works.items()}
    print(
        f"\n{side * side} nodes: ours {times['ours']:.2f} ms; scikit-learn / ours "
        f"{times['scikit-learn'] / times['ours']:.1f}, networkx / ours {times['networkx'] / times['ours']:.1f}; "
        f"agreement {', '.join(f'{name} {value:.6f}' for name, value in agreements.items())}"
    )


def test_lengths_from_one_pass():
    tracer = graph_tracer(words=16)
    trace = GraphTracing("grid").sample(500, token_ids=range(16), prefix=[16])
    lengths = [100, 200, 300, 400, 500]
    works = {
        "one pass": lambda: trace_representations(tracer, trace, lengths, [1, 2], window=100),
        "a pass each": lambda: [trace_representations(tracer, trace, [n], [1, 2], window=100) for n in lengths],
    }
    times = race(works, rounds=5)
    together, alone = works["one pass"](), works["a pass each"]()
    gap = max(np.nanmax(abs(together.means[at] - one.means[0])) for at, one in enumerate(alone))
    print(
        f"\nfive lengths: {times['one pass']:.0f} ms; a pass each / one pass "
        f"{times['a pass each'] / times['one pass']:.1f}; largest difference {gap:.0e}"
    )
