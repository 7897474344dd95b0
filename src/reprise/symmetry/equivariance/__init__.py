"""Check a network's symmetry: how far it is from f(g·x) = g·f(x) on random elements g of a group.

`equivariance_error` measures and `assert_equivariant` asserts, in float32 and float64, for the groups of `group_named`
on points, images, graphs, sets and sequences. A `Group` draws elements and says how one acts on each *kind* of tensor;
any object with `draw` and `act` serves in its place, and any function ``(element, tensor) -> tensor`` in place of a
kind.
"""

from reprise.symmetry.equivariance.flows import FlowGroup
from reprise.symmetry.equivariance.grids import GridGroup
from reprise.symmetry.equivariance.groups import EuclideanGroup, Group, Kind, LinearGroup, PermutationGroup
from reprise.symmetry.equivariance.images import central_disc, warp_images
from reprise.symmetry.equivariance.measuring import (
    TOLERANCE,
    EquivarianceError,
    assert_equivariant,
    equivariance_error,
)
from reprise.symmetry.equivariance.names import group_named

__all__ = [
    "TOLERANCE",
    "EquivarianceError",
    "EuclideanGroup",
    "FlowGroup",
    "GridGroup",
    "Group",
    "Kind",
    "LinearGroup",
    "PermutationGroup",
    "assert_equivariant",
    "central_disc",
    "equivariance_error",
    "group_named",
    "warp_images",
]
