"""SPEN beside its peers: finding subgraphs, one equivariant layer, and a training step.

Peers: torch-geometric's ``k_hop_subgraph`` node by node (as the authors find subgraphs); a layer that forms the 15 maps
between matrices one by one and contracts them with their weights (as the authors' and the invariant graph networks'
code); torch-geometric's GIN, and the same network on whole graphs. One that is not installed is left out. Run with
``pytest benchmarks/bench_spen.py -s``; prints ratios of processor time (the quickest of several rounds, taken in turn),
asserts no times.
"""

import networkx as nx
import pytest
import torch
from torch import nn

from racing import race
from reprise.nn.graph_batch import graph_batch
from reprise.nn.graph_classifiers import GraphIsomorphismNetwork
from reprise.symmetry.spen import SPEN, EquivariantLinear, GlobalPermutationNet, ego_networks, make_blocks


def report(title, best, peer):
    print(f"\n{title}")
    for name, milliseconds in best.items():
        ratio = f"   {milliseconds / best[peer]:6.2f} x {peer}" if peer in best else ""
        print(f"  {name:44s} {milliseconds:8.2f} ms{ratio}")


@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("nodes", [100, 1000])
def test_finding_subgraphs(nodes, hops):
    graph = graph_batch(nx.gnp_random_graph(nodes, 4 / nodes, seed=0))

    def ours():
        make_blocks(ego_networks(graph.edge_index, nodes, hops), nodes)

    works = {"ego-networks as blocks (ours)": ours}
    try:
        from torch_geometric.utils import k_hop_subgraph
    except ImportError:
        pass
    else:

        def theirs():
            for node in range(nodes):
                k_hop_subgraph(node, hops, graph.edge_index, relabel_nodes=True, num_nodes=nodes)

        works["k_hop_subgraph of every node"] = theirs
    report(f"subgraphs of {nodes} nodes, {hops} hops", race(works), "k_hop_subgraph of every node")


class StackedLinear(nn.Module):
    """The 15 maps between matrices, formed one by one as (B, c, 15, m, m) and contracted with their weights."""

    def __init__(self, before, after):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(before, after, 15) / (15 * before) ** 0.5)

    def forward(self, x):
        m = x.shape[-1]
        diagonal = x.diagonal(dim1=-2, dim2=-1)
        rows, columns = x.mean(3), x.mean(2)
        trace, total = diagonal.mean(2, keepdim=True), x.mean((2, 3))[..., None]
        vectors = (diagonal, rows, columns, trace.expand(-1, -1, m), total.expand(-1, -1, m))
        maps = [x, x.mT, *(torch.diag_embed(v) for v in vectors)]
        maps += [v[..., None].expand(-1, -1, -1, m) for v in (diagonal, rows, columns, vectors[3], vectors[4])]
        maps += [v[:, :, None].expand(-1, -1, m, -1) for v in (diagonal, rows, columns)]
        return torch.einsum("dsb,ndbij->nsij", self.weight, torch.stack(maps, dim=2))


@pytest.mark.parametrize(("subgraphs", "m"), [(600, 4), (100, 20)])
def test_equivariant_layer(subgraphs, m):
    x1, x2 = torch.randn(subgraphs, m, 8), torch.randn(subgraphs, m, m, 8)
    ours, theirs = EquivariantLinear(8, 8, 8, 8), StackedLinear(8, 8)
    turned = x2.permute(0, 3, 1, 2).contiguous()
    works = {
        "all 27 maps (ours), there and back": lambda: sum(y.sum() for y in ours(x1, x2)).backward(),
        "15 maps stacked, there and back": lambda: theirs(turned).sum().backward(),
    }
    report(f"{subgraphs} subgraphs of {m} nodes, 8 channels", race(works), "15 maps stacked, there and back")


@pytest.mark.parametrize("nodes", [18, 80])
def test_training_step(nodes):
    graphs = graph_batch([nx.gnp_random_graph(nodes, 2.2 / nodes, seed=seed) for seed in range(32)])
    models = {
        "SPEN, weights for all sizes": SPEN(0),
        "SPEN, weights for each size": SPEN(0, sizes=(2, 3, 4, 5)),
        "SPEN, padded": SPEN(0, batching="pad"),
        "global network": GlobalPermutationNet(0),
        "GIN (ours)": GraphIsomorphismNetwork(0, 2),
    }
    works = {name: lambda model=model: model(graphs).square().sum().backward() for name, model in models.items()}
    try:
        from torch_geometric.nn import GIN, global_add_pool
    except ImportError:
        pass
    else:
        peer, x = GIN(1, 32, 4, out_channels=2, norm="batch_norm"), torch.ones(graphs.num_nodes, 1)
        works["GIN (torch-geometric)"] = lambda: (
            global_add_pool(peer(x, graphs.edge_index), graphs.batch).square().sum().backward()
        )
    report(f"32 graphs of {nodes} nodes, there and back", race(works), "global network")
