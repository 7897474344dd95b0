"""SPEN: permutation-equivariant networks on the ego-networks of a graph's nodes.

Message passing cannot tell apart graphs that 1-WL confuses. Networks of order 2, whose features live on pairs of
nodes, are general but need n² memory. `SPEN` applies their layers to the neighbourhood of every node instead: memory
falls to the sum of the squared neighbourhood sizes, and since graphs that look alike as a whole mostly differ in
their neighbourhoods, it tells more of them apart.

- `SPENClassifier` is the scikit-learn estimator: lists of graphs in, classes out;
- `SPEN` is the network, `GlobalPermutationNet` the same on whole graphs, to compare with;
- `EquivariantLinear` and `InvariantLinear` are all linear maps that commute with renumbering m nodes;
- `ego_networks` (and `ego_subgraphs`, as a list) find the neighbourhoods, `make_blocks` arranges them as dense blocks.

References
----------
J. Mitton, R. Murray-Smith (2021), Subgraph Permutation Equivariant Networks, arXiv:2111.11840;
github.com/JoshuaMitton/LPEGN.
"""

from reprise.symmetry.spen.blocks import Block, Blocks, frequent_sizes, make_blocks
from reprise.symmetry.spen.classifier import SPENClassifier
from reprise.symmetry.spen.linear import EquivariantLinear, InvariantLinear
from reprise.symmetry.spen.network import SPEN, GlobalPermutationNet
from reprise.symmetry.spen.subgraphs import Subgraphs, ego_networks, ego_subgraphs, whole_graphs

__all__ = [
    "SPEN",
    "Block",
    "Blocks",
    "EquivariantLinear",
    "GlobalPermutationNet",
    "InvariantLinear",
    "SPENClassifier",
    "Subgraphs",
    "ego_networks",
    "ego_subgraphs",
    "frequent_sizes",
    "make_blocks",
    "whole_graphs",
]
