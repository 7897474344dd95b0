"""Belief propagation beside pgmax on the same factor graph, and alone: its time in the number of rows, to a million.

Run with ``pytest benchmarks/bench_label_proportions.py -s``; prints ratios, asserts no times. The peer takes part where
pgmax 0.6.1 is installed (which needs JAX before 0.5, and numba). Times of `race` are processor time, those of growth
wall-clock time; `OMP_NUM_THREADS=2` lets neighbours be searched on two cores.
"""

import os
import resource
import time

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_moons

from racing import race
from reprise.data.simulators.bags import bag_counts, make_bags
from reprise.discover.label_proportions import (
    DLLPClassifier,
    LabelProportionClassifier,
    bag_belief_propagation,
    similarity_graph,
)

SWEEPS = 100
LAM_S, LAM_B = 0.1, 0.02
"""So weak that messages have one fixed point, to which both ways go."""
SIZES = (20_000, 50_000, 100_000, 200_000)
MILLION = 1_000_000


def problem(n, bag_size, seed=1000):
    """Two moons in ten dimensions, in random bags."""
    rng = np.random.default_rng(seed)
    moons, y = make_moons(n, noise=0.15, random_state=seed)
    X = moons @ rng.normal(size=(2, 10)) + 0.05 * rng.normal(size=(n, 10))
    groups = make_bags(n, bag_size, rng)
    return X.astype(np.float32), y, groups, bag_counts(groups, y)


def with_pgmax(groups, counts, weights):
    """Give a function that runs pgmax on the pairwise expansion, as the authors do, for the same number of sweeps."""
    pytest.importorskip("pgmax")
    from pgmax import fgraph, fgroup, infer, vgroup

    n = len(groups)
    variables = vgroup.NDVarArray(num_states=2, shape=(n,))
    graph = fgraph.FactorGraph(variable_groups=[variables])
    degree = LAM_S * np.asarray(weights.sum(axis=1)).ravel()
    count = np.array([counts[g] for g in groups])
    unary = LAM_B * (2 * count - 1) - degree
    pairs = {}
    for i, j in zip(*weights.nonzero(), strict=True):
        if i < j:
            pairs[(i, j)] = 2 * LAM_S * weights[i, j]
    for bag in counts:
        rows = np.flatnonzero(groups == bag)
        for a, i in enumerate(rows):
            for j in rows[a + 1 :]:
                pairs[(i, j)] = pairs.get((i, j), 0.0) - 2 * LAM_B
    matrix = np.zeros((len(pairs), 2, 2))
    matrix[:, 1, 1] = list(pairs.values())
    graph.add_factors(
        [
            fgroup.EnumFactorGroup(
                variables_for_factors=[[variables[i]] for i in range(n)],
                factor_configs=np.arange(2)[:, None],
                log_potentials=np.stack([np.zeros(n), unary], axis=1),
            ),
            fgroup.PairwiseFactorGroup(
                variables_for_factors=[[variables[i], variables[j]] for i, j in pairs], log_potential_matrix=matrix
            ),
        ]
    )
    bp = infer.build_inferer(graph.bp_state, backend="bp")

    def run():
        arrays = bp.run(bp.init(), num_iters=SWEEPS, damping=0.5, temperature=1.0)
        return np.asarray(next(iter(infer.get_marginals(bp.get_beliefs(arrays)).values())))[:, 1]

    return run


@pytest.mark.parametrize(("n", "bag_size"), [(512, 8), (2048, 32)])
def test_beside_pgmax(n, bag_size):
    X, _, groups, counts = problem(n, bag_size)
    weights = similarity_graph(X).tocoo()
    between = groups[weights.row] != groups[weights.col]  # the peer joins factors of the same pair, which changes them
    weights = sparse.csr_matrix((weights.data[between], (weights.row[between], weights.col[between])), weights.shape)
    settings = {"counts": counts, "graph": weights, "lam_s": LAM_S, "lam_b": LAM_B, "max_iter": SWEEPS, "tol": 0}
    works = {
        "pgmax": with_pgmax(groups, counts, weights),
        "ours, pairs": lambda: bag_belief_propagation(groups, bag_factor="pairwise", **settings).marginals,
        "ours, bag factors": lambda: bag_belief_propagation(groups, **settings).marginals,
    }
    apart = np.abs(works["pgmax"]() - works["ours, pairs"]()).max()
    best = race(works, rounds=2, warm_up=1)
    print(f"\nn = {n}, bags of {bag_size}, {SWEEPS} sweeps: {', '.join(f'{k} {v:.0f} ms' for k, v in best.items())}")
    print(f"pgmax / ours {best['pgmax'] / best['ours, pairs']:.1f} on the same factors, ", end="")
    print(f"{best['pgmax'] / best['ours, bag factors']:.1f} with bag factors; marginals differ by at most {apart:.1e}")


def measured(n, bag_size=512):
    X, y, groups, counts = problem(n, bag_size)
    began = time.perf_counter()
    weights = similarity_graph(X)
    middle = time.perf_counter()
    result = bag_belief_propagation(groups, counts=counts, graph=weights, max_iter=SWEEPS, tol=0)
    ended = time.perf_counter()
    right = ((result.marginals > 0.5) == y).mean()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"n = {n:,}, bags of {bag_size}: neighbours {middle - began:.1f} s, {SWEEPS} sweeps {ended - middle:.1f} s "
        f"({1e3 * (ended - middle) / SWEEPS:.0f} ms each), right labels {right:.3f}, peak memory {memory:.1f} GiB"
    )
    return ended - middle


def test_growth_is_linear():
    print()
    times = [measured(n) for n in SIZES]
    slope = np.polyfit(np.log(SIZES), np.log(times), 1)[0]
    print(f"time of belief propagation grows as n to the power {slope:.2f}")


@pytest.mark.skipif("REPRISE_MILLION" not in os.environ, reason="set REPRISE_MILLION=1 for a million rows")
def test_a_million_rows():
    print()
    measured(MILLION)


def test_belief_propagation_beside_training():
    X, _, groups, counts = problem(20_000, 512)
    weights = similarity_graph(X)
    works = {
        "belief propagation": lambda: bag_belief_propagation(groups, counts=counts, graph=weights, max_iter=SWEEPS),
        "training DLLP, 20 epochs": lambda: DLLPClassifier(random_state=0, device="cpu").fit(X, groups, counts=counts),
        "the whole, one round": lambda: LabelProportionClassifier(1, random_state=0, device="cpu").fit(
            X, groups, counts=counts
        ),
    }
    best = race(works, rounds=1, warm_up=0)
    print(f"\n20,000 rows: {', '.join(f'{name} {1e-3 * ms:.1f} s' for name, ms in best.items())}")
