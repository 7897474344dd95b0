"""What a training step keeps in memory, counted exactly: every tensor that autograd saves between the two passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._spen.sizes import CASTS, MOLECULES, Size
from reprise.nn.graph_batch import GraphBatch, graph_batch
from reprise.symmetry.spen import SPEN, GlobalPermutationNet

SPARSE = "memory, mean degree 4"
DENSE = "memory, half of all edges"
STAR = "memory, stars"
RATIO_MOLECULES = "memory relative to the global network, molecules and proteins"
RATIO_CASTS = "memory relative to the global network, film casts"

MEBIBYTE = 2.0**20
GRAPHS_AT_ONCE = 32


def saved_bytes(call: Callable[[], Tensor], model: nn.Module) -> int:
    """Count the bytes that autograd keeps for the backward pass, each storage once and without the parameters."""
    owned = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, tuple[int, Tensor]] = {}

    def note(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in owned:
            kept[storage.data_ptr()] = storage.nbytes(), value  # holding it keeps its address from being used again
        return value

    with torch.autograd.graph.saved_tensors_hooks(note, lambda value: value):
        result = call()
    del result
    return sum(count for count, _ in kept.values())


def measure_memory(trial: Trial, size: Size, sets: dict[str, tuple[GraphBatch, np.ndarray]]) -> Iterator[Measurement]:
    """Count for random graphs of growing size, and for the labelled sets."""
    rng = trial.rng()
    for nodes in size.sparse_nodes:
        yield from _both(random_graph(nodes, 4 / (nodes - 1), rng), SPARSE, nodes, trial, size)
    for nodes in size.dense_nodes:
        yield from _both(random_graph(nodes, 0.5, rng), DENSE, nodes, trial, size)
        yield from _both(star(nodes), STAR, nodes, trial, size)
    for metric, names in ((RATIO_MOLECULES, MOLECULES), (RATIO_CASTS, CASTS)):
        for name in names:
            graphs = sets[name][0]
            chosen = rng.choice(len(graphs), min(size.memory_graphs, len(graphs)), replace=False)
            parts = [graphs[rows] for rows in np.array_split(chosen, max(len(chosen) // GRAPHS_AT_ONCE, 1))]
            local, whole = (
                sum(_count(make, part, trial, size) for part in parts) for make in (SPEN, GlobalPermutationNet)
            )
            yield Measurement("SPEN", metric, local / whole, item=name)


def random_graph(nodes: int, density: float, rng: np.random.Generator) -> GraphBatch:
    """Draw each undirected edge with probability `density`."""
    upper = np.triu(rng.random((nodes, nodes)) < density, 1)
    return graph_batch((np.array((upper | upper.T).nonzero()), nodes))


def star(nodes: int) -> GraphBatch:
    """Join one node to all others."""
    rim = np.arange(1, nodes)
    hub = np.zeros_like(rim)
    return graph_batch((np.array([[*hub, *rim], [*rim, *hub]]), nodes))


def _both(graph: GraphBatch, metric: str, nodes: int, trial: Trial, size: Size) -> Iterator[Measurement]:
    for arm, make in (("SPEN", SPEN), ("global network", GlobalPermutationNet)):
        yield Measurement(arm, metric, _count(make, graph, trial, size) / MEBIBYTE, x=float(nodes))


def _count(make: Callable[..., nn.Module], graphs: GraphBatch, trial: Trial, size: Size) -> int:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(trial.seed)
        model = make(0 if graphs.x is None else graphs.x.shape[1], **size.network).to(trial.device)
        return saved_bytes(lambda: model(graphs.to(trial.device)), model)
