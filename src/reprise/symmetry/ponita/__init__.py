"""PONITA: networks of point clouds, equivariant to rigid motions, made of plain convolutions on invariants.

A point cloud with scalars and vectors goes in (a molecule, particles, a shape), scalars and vectors of its points or of
the whole come out. Two pairs of positions and orientations that a rigid motion maps onto each other share their
weight, because the weights are functions of what such motions leave unchanged; there are no spherical harmonics and
no tensor products.

- `PONITA` puts the same grid of orientations (`orientation_grid`) at every point: fast, and equivariant up to the
  resolution of the grid (exactly so for the grid's own rotations);
- `EdgePONITA` takes the edges' directions for orientations: exact, for sparse graphs;
- `PNITA` knows positions only: exact, scalars only, the baseline.

They are built from `FiberBundleConv` and `PointConv`, convolutions with kernels of `position_orientation_invariants`,
of `oriented_pair_invariants` and of distances, cut off smoothly by `PolynomialCutoff`; each sits in a residual
`ConvNeXtBlock`.

References
----------
Bekkers, Vadgama, Hesselink, van der Linden, Romero (2024), Fast, Expressive SE(n) Equivariant Networks through
Weight-Sharing in Position-Orientation Space, ICLR, arXiv:2310.02970; github.com/ebekkers/ponita.
"""

from reprise.symmetry.ponita.bundle import PONITA
from reprise.symmetry.ponita.convolution import (
    ConvNeXtBlock,
    FiberBundleConv,
    PointConv,
    PolynomialCutoff,
    PolynomialFeatures,
)
from reprise.symmetry.ponita.invariants import oriented_pair_invariants, position_orientation_invariants
from reprise.symmetry.ponita.orientations import orientation_grid
from reprise.symmetry.ponita.points import PNITA, EdgePONITA

__all__ = [
    "PNITA",
    "PONITA",
    "ConvNeXtBlock",
    "EdgePONITA",
    "FiberBundleConv",
    "PointConv",
    "PolynomialCutoff",
    "PolynomialFeatures",
    "orientation_grid",
    "oriented_pair_invariants",
    "position_orientation_invariants",
]
