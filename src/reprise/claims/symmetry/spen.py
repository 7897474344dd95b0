"""Claims of SPEN (Mitton and Murray-Smith, 2021): memory, telling graphs apart, and accuracy."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx
import numpy as np
import torch

from reprise.claim import Claim, Measurement, Prepared, Setting, Trial
from reprise.claims.symmetry._spen.accuracy import LABELLED, best, last, measure_accuracy
from reprise.claims.symmetry._spen.expressivity import (
    DISTANCE,
    EVERY,
    UNSEPARATED,
    WEISFEILER_LEMAN,
    confused_graphs,
    measure_expressivity,
)
from reprise.claims.symmetry._spen.memory import (
    DENSE,
    RATIO_CASTS,
    RATIO_MOLECULES,
    SPARSE,
    STAR,
    measure_memory,
)
from reprise.claims.symmetry._spen.sizes import CASTS, MOLECULES, SIZES
from reprise.data.graph8c import GRAPH8C, atlas_graphs, graph8c
from reprise.data.tu_graphs import SOURCE, tu_graphs
from reprise.nn.graph_batch import graph_batch

CLIQUES = (
    "Casts of films are cliques joined at a few actors: most ego-networks hold much of the graph, which is stored "
    "about as often as it has nodes."
)


def _less_memory(name: str) -> str:
    return f"less-memory-on-{name.lower()}"


# Thresholds: 1.3, 1.9, a tenth at 400 nodes, 5 pairs and 85 % were set before anything ran; the margins of `mutag` and
# `ptc` are the standard deviations over folds that the paper's table gives GIN. One pilot with seed 1000 gave the dense
# graphs' slope of 2.7 and ratio of 6 (from 2.3 and 2 promised), and left 0 pairs with 1 hop; the 2 points without a
# choice on test folds are about a third of those deviations, not of a pilot.
CLAIMS = (
    Claim(
        id="memory-grows-slower", of="paper", kind="all_of", parts=("spen-near-linear", "global-quadratic"),
        says="on sparse graphs the memory of a training step grows with n for SPEN, and with n² for the same layers "
        "on whole graphs",
    ),
    Claim(
        id="spen-near-linear", of="here", kind="slope", metric=SPARSE, metric_unit="MiB", ours="SPEN", high=1.3,
        log_log=True, says="on random graphs of mean degree 4, SPEN's memory grows at most as n to the power 1.3",
    ),
    Claim(
        id="global-quadratic", of="here", kind="slope", metric=SPARSE, metric_unit="MiB", ours="global network",
        low=1.9, log_log=True,
        says="on random graphs of mean degree 4, the global network's memory grows at least as n to the power 1.9",
    ),
    Claim(
        id="tenth-of-memory", of="here", kind="superior", metric=SPARSE, metric_unit="MiB", better="lower",
        ours="SPEN", against=("global network",), margin=0.9, relative=True, at=(400.0,),
        says="on random graphs of 400 nodes and mean degree 4 SPEN needs less than a tenth of the global network's "
        "memory",
    ),
    Claim(
        id="less-memory-on-molecules", of="paper", kind="all_of", parts=tuple(map(_less_memory, MOLECULES)),
        says="on each of four sets of molecules and proteins SPEN needs less memory than the global network",
    ),
    Claim(
        id="less-memory-on-casts", of="paper", kind="all_of", parts=tuple(map(_less_memory, CASTS)),
        says="on each of two sets of film casts SPEN needs less memory than the global network",
        note=CLIQUES,
    ),
    *(
        Claim(
            id=_less_memory(name), of="here", kind="interval", metric=metric, items=(name,), ours="SPEN", high=1.0,
            says=f"on {name} SPEN needs less memory than the global network", note=CLIQUES if name in CASTS else "",
        )
        for metric, names in ((RATIO_MOLECULES, MOLECULES), (RATIO_CASTS, CASTS))
        for name in names
    ),
    Claim(
        id="dense-costs", of="here", kind="superior", metric=DENSE, metric_unit="MiB", better="lower",
        ours="global network", against=("SPEN",), margin=0.5, relative=True,
        says="on random graphs with half of all edges the global network needs less than half of SPEN's memory",
    ),
    Claim(
        id="dense-cubic", of="here", kind="slope", metric=DENSE, metric_unit="MiB", ours="SPEN", low=2.3, log_log=True,
        says="on random graphs with half of all edges SPEN's memory grows at least as n to the power 2.3, beyond n²",
    ),
    Claim(
        id="hubs-save-nothing", of="here", kind="superior", metric=STAR, metric_unit="MiB", better="lower",
        ours="global network", against=("SPEN",),
        says="on a star, whose hub's ego-network is the whole graph, SPEN needs no less memory than the global network",
    ),
    Claim(
        id="beyond-message-passing", of="paper", kind="superior", metric=UNSEPARATED, better="lower", ours="SPEN",
        against=("GIN", WEISFEILER_LEMAN),
        says="random SPENs tell apart graphs that GINs, and all message passing, cannot",
    ),
    Claim(
        id="beyond-whole-graphs", of="paper", kind="superior", metric=UNSEPARATED, better="lower", ours="SPEN",
        against=("global network",),
        says="random SPENs, working on subgraphs, tell apart graphs that the same layers on whole graphs cannot",
    ),
    Claim(
        id="all-told-apart", of="here", kind="identity", metric=UNSEPARATED, ours="SPEN",
        says="SPEN of 1 hop tells apart all pairs of connected 8-node graphs that 1-WL confuses",
    ),
    Claim(
        id="few-left-without-exchange", of="here", kind="interval", metric=UNSEPARATED, ours="SPEN without exchange",
        high=5,
        says="a SPEN whose subgraphs exchange nothing confuses at most 5 of the pairs that 1-WL does: those whose "
        "ego-networks are alike",
    ),
    Claim(
        id="global-is-wl", of="here", kind="identity", metric=UNSEPARATED, ours="global network",
        against=(WEISFEILER_LEMAN, "GIN"),
        says="the global network and GIN confuse every pair that 1-WL does",
    ),
    Claim(
        id="wider-is-weaker", of="here", kind="superior", metric=UNSEPARATED, better="lower", ours="SPEN",
        against=("SPEN, 2 hops",),
        says="with 2 hops SPEN tells fewer of the pairs that 1-WL confuses apart than with 1",
        note="Ego-networks of 2 hops are often the whole graph, and nothing says which node is their centre.",
    ),
    Claim(
        id="marks-restore", of="here", kind="identity", metric=UNSEPARATED, ours="SPEN, 2 hops, centre marked",
        says="with the centre marked and subgraphs that keep what they hold, SPEN of 2 hops tells apart all pairs that "
        "1-WL confuses",
    ),
    Claim(
        id="invariant", of="here", kind="identity", metric=DISTANCE, ours=EVERY, tolerance=1e-9,
        says="SPEN, like every network compared, gives a graph and its relabelled copy one embedding",
    ),
    Claim(
        id="as-good-as-gin", of="paper", kind="all_of", parts=("mutag", "ptc"),
        says="in ten-fold cross-validation SPEN is as accurate as GIN, within one standard deviation over folds",
    ),
    Claim(
        id="mutag", of="here", kind="not_inferior", metric=best("MUTAG"), metric_unit="%", ours="SPEN",
        against=("GIN",), margin=5.6,
        says="on MUTAG SPEN is as accurate as GIN, within the 5.6 points that GIN is published with",
    ),
    Claim(
        id="ptc", of="here", kind="not_inferior", metric=best("PTC"), metric_unit="%", ours="SPEN",
        against=("GIN",), margin=7.0,
        says="on PTC SPEN is as accurate as GIN, within the 7.0 points that GIN is published with",
    ),
    Claim(
        id="mutag-level", of="here", kind="interval", metric=best("MUTAG"), metric_unit="%", ours="SPEN", low=85.0,
        says="SPEN's ten-fold accuracy on MUTAG is at least 85 %",
    ),
    Claim(
        id="mutag-unchosen", of="here", kind="not_inferior", metric=last("MUTAG"), metric_unit="%", ours="SPEN",
        against=("GIN", "WL kernel"), margin=2.0,
        says="with nothing chosen on test folds SPEN is within 2 points of GIN and of the 1-WL subtree kernel on MUTAG",
    ),
    Claim(
        id="ptc-unchosen", of="here", kind="not_inferior", metric=last("PTC"), metric_unit="%", ours="SPEN",
        against=("GIN", "WL kernel"), margin=2.0,
        says="with nothing chosen on test folds SPEN is within 2 points of GIN and of the 1-WL subtree kernel on PTC",
    ),
)  # fmt: skip


def prepare(setting: Setting) -> Prepared:
    """Load the graphs; at quick scale, networkx's atlas and random graphs stand in for them."""
    size = SIZES[setting.scale]
    quick = setting.scale == "quick"
    names = (*MOLECULES, *CASTS)
    sets = {name: stand_in(name) if quick else _loaded(name) for name in names}
    adjacency, pairs = confused_graphs(torch.from_numpy(atlas_graphs(7) if quick else graph8c()).double())
    return Prepared(
        content={"sets": sets, "adjacency": adjacency, "pairs": pairs},
        facts={
            "labelled graphs": "small graphs of networkx's atlas and random ones" if quick else ", ".join(names),
            "their licence": "BSD" if quick else SOURCE.licence,
            "small graphs": "networkx's atlas: connected graphs of 7 nodes" if quick else GRAPH8C.title,
            "licence of the small graphs": "BSD" if quick else GRAPH8C.licence,
            "graphs that 1-WL confuses": len(adjacency),
            "pairs of them": len(pairs),
            "random models": size.models,
            "folds": size.folds,
            "epochs": size.epochs,
            "SPEN": f"{size.network['layers']} layers of channels {size.network['channels']}, 1 hop, learning rate "
            f"{size.lr:g}, batches of {size.batch_size}",
            "GIN": f"4 layers of {size.gin_hidden}, learning rate {size.gin_lr:g}, batches of {size.gin_batch_size}",
            "intervals of accuracy": "over seeds (folds and weights drawn anew); the graphs are always the same",
            "memory": "all tensors that autograd saves between forward and backward pass",
        },
    )


def measure(trial: Trial, prepared: Prepared) -> Iterator[Measurement]:
    """Count memory, embed the small graphs, and cross-validate."""
    size, content = SIZES[trial.scale], prepared.content
    yield from measure_memory(trial, size, content["sets"])
    yield from measure_expressivity(trial, size, content["adjacency"], content["pairs"])
    yield from measure_accuracy(trial, size, content["sets"])


def stand_in(name: str) -> LABELLED:
    """Give random dense graphs for casts, else a chain beside a graph of the atlas, with or without triangles."""
    if name in CASTS:
        graphs = [nx.gnp_random_graph(12, 0.6, seed=seed) for seed in range(20)]
        return graph_batch(graphs), np.arange(len(graphs)) % 2
    small = [nx.from_numpy_array(graph) for graph in atlas_graphs(6)[::3]]
    whole = [nx.disjoint_union(nx.path_graph(12), graph) for graph in small]
    return graph_batch(whole), np.array([int(any(nx.triangles(graph).values())) for graph in small])


def _loaded(name: str) -> LABELLED:
    labelled = tu_graphs(name)
    return graph_batch(labelled.graphs), np.unique(labelled.y, return_inverse=True)[1]
