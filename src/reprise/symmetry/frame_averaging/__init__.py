"""Frame averaging: any backbone made exactly invariant or equivariant, over a few group elements that the input picks.

- `FrameAveraging` wraps a network of points (PCA frames of O(d), SO(d), E(d), SE(d): `pca_frames`, `Frames`);
- `GraphFrameAveraging` wraps a network of adjacency matrices (sorting frames: `sort_frames`, `canonical_graphs`),
  such as `GIN` with identifiers or `GraphMLP`;
- `FAGNN` predicts particles' motion, with new frames between its layers;
- `NormalEstimator` around `PointNet` or `DGCNN`, and `LocalFramePointNet` with a frame per neighbourhood, estimate
  surface normals up to sign (`UnorientedNormalLoss`).

References
----------
Puny, Atzmon, Ben-Hamu, Misra, Grover, Smith, Lipman (2022), Frame Averaging for Invariant and Equivariant Network
Design, ICLR, arXiv:2110.03336; github.com/omri1348/Frame-Averaging.
"""

from reprise.symmetry.frame_averaging.averaging import FrameAveraging
from reprise.symmetry.frame_averaging.backbones import GIN, GraphMLP
from reprise.symmetry.frame_averaging.canonical import CanonicalGraphs, canonical_graphs
from reprise.symmetry.frame_averaging.fagnn import FAGNN
from reprise.symmetry.frame_averaging.graphs import GraphFrameAveraging
from reprise.symmetry.frame_averaging.normals import (
    LocalFramePointNet,
    NormalEstimator,
    UnorientedNormalLoss,
    local_frames,
)
from reprise.symmetry.frame_averaging.pca import FrameDegeneracyWarning, Frames, pca_frames
from reprise.symmetry.frame_averaging.pointclouds import DGCNN, PointNet
from reprise.symmetry.frame_averaging.sort import sort_frames

__all__ = [
    "DGCNN",
    "FAGNN",
    "GIN",
    "CanonicalGraphs",
    "FrameAveraging",
    "FrameDegeneracyWarning",
    "Frames",
    "GraphFrameAveraging",
    "GraphMLP",
    "LocalFramePointNet",
    "NormalEstimator",
    "PointNet",
    "UnorientedNormalLoss",
    "canonical_graphs",
    "local_frames",
    "pca_frames",
    "sort_frames",
]
