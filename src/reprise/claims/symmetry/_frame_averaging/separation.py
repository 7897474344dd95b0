"""The graph separation experiment: which pairs of small graphs random networks embed alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._frame_averaging.sizes import Size
from reprise.nn.graph import edges_from_dense, segment_mean, weisfeiler_leman
from reprise.symmetry.frame_averaging import GIN, CanonicalGraphs, GraphMLP, canonical_graphs

UNSEPARATED = "unseparated pairs"
INDISTINGUISHABLE = "pairs within rounding"
FALSE = "relabelled copies told apart"
DISTANCE = "distance between relabelled copies"
WEISFEILER_LEMAN = "1-WL, 4 rounds"

SEPARATION = 1e-3  # two embeddings this close (L1) in all models are not separated; the authors' threshold
ROUNDING = 1e-6  # far above the error of float64, far below any real difference seen in pilot runs
GIN_ROUNDS = 4  # of 1-WL: the degree is one, three layers are three


def confused_by_refinement(adjacency: Tensor) -> int:
    """Count the pairs of graphs that as many rounds of 1-WL as GIN can follow do not tell apart."""
    edge_index, batch = edges_from_dense(adjacency)
    colours = weisfeiler_leman(edge_index, len(batch), rounds=GIN_ROUNDS).view(len(adjacency), -1).sort(1).values
    alike = colours.unique(dim=0, return_counts=True)[1]
    return int((alike * (alike - 1) // 2).sum())


def exact_forms(adjacency: Tensor) -> CanonicalGraphs:
    """Whole frames, up to the n! elements of a vertex-transitive graph."""
    return canonical_graphs(adjacency, max_frames=int(np.prod(np.arange(1, adjacency.shape[-1] + 1))))


def measure_graphs(
    trial: Trial, size: Size, adjacency: Tensor, forms: CanonicalGraphs, confused: int
) -> Iterator[Measurement]:
    """Embed all graphs, and relabelled copies of some, by random models with and without frames."""
    rng = trial.rng()
    chosen = torch.from_numpy(rng.choice(len(adjacency), size.copies, replace=False))
    nodes = adjacency.shape[-1]
    relabel = torch.from_numpy(rng.permuted(np.tile(np.arange(nodes), (size.copies, 1)), axis=1))
    rows = adjacency[chosen].gather(1, relabel[:, :, None].expand(-1, -1, nodes))
    copies = rows.gather(2, relabel[:, None, :].expand(-1, nodes, -1))
    generator = torch.Generator().manual_seed(trial.seed)
    exact, exact_copies = forms, exact_forms(copies)
    sampled, sampled_copies = (canonical_graphs(value, sample=1, generator=generator) for value in (adjacency, copies))
    plain, plain_copies = (CanonicalGraphs(value, None, torch.arange(len(value))) for value in (adjacency, copies))
    gin, mlp = partial(GIN, max_nodes=nodes), partial(GraphMLP, nodes)
    arms: list[tuple[str, Callable[[], nn.Module], CanonicalGraphs, CanonicalGraphs]] = [
        ("GIN", partial(GIN, identity=False), plain, plain_copies),
        ("FA-GIN+ID", gin, exact, exact_copies),
        ("FA-MLP", mlp, exact, exact_copies),
        ("FA-GIN+ID, 1 sampled frame", gin, sampled, sampled_copies),
        ("FA-MLP, 1 sampled frame", mlp, sampled, sampled_copies),
    ]
    yield Measurement(WEISFEILER_LEMAN, INDISTINGUISHABLE, float(confused))
    seeds = rng.integers(2**62, size=size.models).tolist()
    for arm, make, graphs, relabelled in arms:
        for metric, tolerance in ((UNSEPARATED, SEPARATION), (INDISTINGUISHABLE, ROUNDING)):
            yield Measurement(arm, metric, float(len(_close_pairs(make, seeds, graphs, tolerance, trial.device))))
        distance = _copy_distances(make, seeds[: size.copy_models], graphs, relabelled, chosen, trial.device)
        yield Measurement(arm, FALSE, float((distance > SEPARATION).double().mean()))
        yield Measurement(arm, DISTANCE, float(distance.max()))


def _close_pairs(
    make: Callable[[], nn.Module], seeds: list[int], graphs: CanonicalGraphs, tolerance: float, device: str
) -> NDArray[np.int64]:
    """Pairs of graphs whose embeddings lie within `tolerance` (L1) in the model of every seed.

    A tree of the first model's embeddings gives the candidates; each further model embeds only graphs that still
    belong to some pair.
    """
    pairs: NDArray[np.int64] | None = None
    for seed in seeds:
        of = None if pairs is None else torch.from_numpy(np.unique(pairs))
        embedded = _embed(make, seed, graphs, device, of).numpy()
        if pairs is None:
            pairs = cKDTree(embedded).query_pairs(tolerance, p=1, output_type="ndarray")
        pairs = pairs[np.abs(embedded[pairs[:, 0]] - embedded[pairs[:, 1]]).sum(1) <= tolerance]
        if not len(pairs):
            break
    return np.empty((0, 2), dtype=np.int64) if pairs is None else pairs


def _copy_distances(
    make: Callable[[], nn.Module],
    seeds: list[int],
    graphs: CanonicalGraphs,
    copies: CanonicalGraphs,
    chosen: Tensor,
    device: str,
) -> Tensor:
    """Largest L1 distance, over models, between the embeddings of a graph and of its copy."""
    largest = torch.zeros(len(chosen), dtype=torch.float64)
    for seed in seeds:
        originals = _embed(make, seed, graphs, device, chosen)[chosen]
        largest = largest.maximum((originals - _embed(make, seed, copies, device)).abs().sum(1))
    return largest


@torch.no_grad()
def _embed(
    make: Callable[[], nn.Module], seed: int, graphs: CanonicalGraphs, device: str, of: Tensor | None = None
) -> Tensor:
    """Embed all graphs, or only those of the given numbers (zeros for the others), by a random model in float64."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = make().double().to(device)
    count = int(graphs.graph[-1]) + 1
    adjacency, graph = graphs.adjacency, graphs.graph
    if of is not None:
        wanted = torch.zeros(count, dtype=torch.bool)
        wanted[of] = True
        adjacency, graph = adjacency[wanted[graph]], graph[wanted[graph]]
    return segment_mean(model(adjacency.to(device)).cpu(), graph, count)
