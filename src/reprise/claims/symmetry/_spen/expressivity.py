"""Which graphs that 1-WL confuses random networks tell apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._spen.sizes import Size
from reprise.nn.graph import edges_from_dense, weisfeiler_leman_classes
from reprise.nn.graph_batch import GraphBatch, graph_batch
from reprise.nn.graph_classifiers import GraphIsomorphismNetwork
from reprise.symmetry.spen import SPEN, GlobalPermutationNet

UNSEPARATED = "pairs not told apart"
DISTANCE = "distance between relabelled copies"
WEISFEILER_LEMAN = "1-WL"
EVERY = "every network"

SAME = 1e-6  # relative distance of embeddings; pilots found none between 1e-9 and 1e-6

EMBEDDERS: dict[str, Callable[[], nn.Module]] = {
    "SPEN": partial(SPEN, 0),
    "SPEN without exchange": partial(SPEN, 0, mixing="none"),
    "SPEN, 2 hops": partial(SPEN, 0, hops=2),
    "SPEN, 2 hops, centre marked": partial(SPEN, 0, hops=2, mixing="concat", mark_centre=True),
    "global network": partial(GlobalPermutationNet, 0),
    "GIN": partial(GraphIsomorphismNetwork, 0, 32),
}


def confused_graphs(adjacency: Tensor) -> tuple[Tensor, Tensor]:
    """Choose the graphs (m, n, n) that share their 1-WL class with another, and list the pairs (p, 2) that do."""
    edge_index, batch = edges_from_dense(adjacency)
    classes = weisfeiler_leman_classes(edge_index, batch)
    chosen = (torch.bincount(classes)[classes] > 1).nonzero().flatten()
    of = classes[chosen]
    pairs = (of[:, None] == of[None, :]).triu(1).nonzero()
    return adjacency[chosen], pairs


def measure_expressivity(trial: Trial, size: Size, adjacency: Tensor, pairs: Tensor) -> Iterator[Measurement]:
    """Count the pairs that each kind of network gives one embedding, in every one of several random models."""
    rng = trial.rng()
    nodes = adjacency.shape[-1]
    order = torch.from_numpy(rng.permuted(torch.arange(nodes).expand(len(adjacency), -1).numpy(), axis=1))
    rows = adjacency.gather(1, order[:, :, None].expand(-1, -1, nodes))
    graphs, copies = (_batch(each) for each in (adjacency, rows.gather(2, order[:, None, :].expand(-1, nodes, -1))))
    seeds = rng.integers(2**62, size=size.models).tolist()
    yield Measurement(WEISFEILER_LEMAN, UNSEPARATED, float(len(pairs)))
    distances = []
    for arm, make in EMBEDDERS.items():
        alike = torch.ones(len(pairs), dtype=torch.bool)
        furthest = 0.0
        for seed in seeds:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                model = make().double().eval().to(trial.device)
            one, other = (_embed(model, each.to(trial.device, torch.float64)).cpu() for each in (graphs, copies))
            scale = one.norm(dim=1).mean()
            alike &= (one[pairs[:, 0]] - one[pairs[:, 1]]).norm(dim=1) <= SAME * scale
            furthest = max(furthest, float((one - other).norm(dim=1).max() / scale))
        yield Measurement(arm, UNSEPARATED, float(alike.sum()))
        yield Measurement(arm, DISTANCE, furthest)
        distances.append(furthest)
    yield Measurement(EVERY, DISTANCE, max(distances))


@torch.no_grad()
def _embed(model: nn.Module, graphs: GraphBatch) -> Tensor:
    return model.embed(graphs) if isinstance(model, SPEN) else model(graphs)


def _batch(adjacency: Tensor) -> GraphBatch:
    return graph_batch([(graph.nonzero().mT, len(graph)) for graph in adjacency])
