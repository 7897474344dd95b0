"""The three networks of the paper, each of which ends in a rotation head of any representation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.symmetry.rotation_continuity.heads import RotationHead
from reprise.symmetry.rotation_continuity.kinematics import ForwardKinematics


class RotationAutoencoder(nn.Module):
    """Copy a rotation through a representation: the paper's sanity test of what a head can express.

    Three hidden layers with leaky ReLU (slope 0.01) on the flattened matrix, then the head. Whatever error remains
    after long training is the representation's.

    Parameters
    ----------
    representation : as in `RotationHead`.
    n : dimension of the space.
    width : of the hidden layers.

    Examples
    --------
    >>> import torch
    >>> RotationAutoencoder("5d")(torch.eye(3).expand(4, 3, 3)).shape
    torch.Size([4, 3, 3])
    """

    def __init__(self, representation: str = "6d", *, n: int = 3, width: int = 128):
        super().__init__()
        self.body = _perceptron(n * n, width, width, width)
        self.head = RotationHead(width, representation, n=n)

    def forward(self, matrix: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch n n"]:
        """Give a rotation near `matrix`."""
        rotation: Tensor = self.head(self.body(matrix.flatten(-2)))
        return rotation


class PointCloudPose(nn.Module):
    """Estimate the rotation that leads from one point cloud to another, without knowing which points belong together.

    A shared network on single points, the maximum over the points of each cloud, and a hidden layer on both clouds'
    features: a simplified PointNet. The estimate does not depend on the order of the points.
    O(points) a pair of clouds.

    Parameters
    ----------
    representation : as in `RotationHead`.
    widths : of the network on points.
    hidden : of the layer on both clouds.

    Raises
    ------
    InvalidInputError
        If a cloud is not (..., points, 3), or empty.

    Examples
    --------
    >>> import torch
    >>> pose = PointCloudPose(widths=(8, 16), hidden=8)
    >>> pose(torch.randn(2, 50, 3), torch.randn(2, 40, 3)).shape
    torch.Size([2, 3, 3])
    """

    def __init__(self, representation: str = "6d", *, widths: Sequence[int] = (64, 128, 1024), hidden: int = 512):
        super().__init__()
        self.points = nn.Sequential(*list(_perceptron(3, *widths))[:-1])
        self.both = _perceptron(2 * widths[-1], hidden)
        self.head = RotationHead(hidden, representation)

    def forward(
        self, first: Float[Tensor, "*#batch points 3"], second: Float[Tensor, "*#batch others 3"]
    ) -> Float[Tensor, "*batch 3 3"]:
        """Give R such that `second` shows R times the points of `first`; batches broadcast, after the points' network.

        One cloud (clouds, 1, points, 3) seen in several poses (clouds, poses, points, 3) is thus encoded once.
        """
        for cloud in (first, second):
            if cloud.ndim < 2 or cloud.shape[-1] != 3 or cloud.shape[-2] == 0:
                raise InvalidInputError(f"Point clouds are (..., points, 3) with points; got {tuple(cloud.shape)}.")
        features = torch.broadcast_tensors(*(self.points(cloud).amax(dim=-2) for cloud in (first, second)))
        rotation: Tensor = self.head(self.both(torch.cat(features, dim=-1)))
        return rotation


class InverseKinematics(nn.Module):
    """Find the rotations of a skeleton's joints that put them at given positions.

    Three hidden layers with leaky ReLU on all positions, a head that gives a rotation for each joint, and
    `ForwardKinematics` back to positions, on which the loss (`JointPositionLoss`) acts: rotations are never shown.

    Parameters
    ----------
    parents, offsets : of the skeleton, as in `ForwardKinematics`.
    representation : as in `RotationHead`.
    width : of the hidden layers.

    Raises
    ------
    InvalidInputError
        If the skeleton is not as described there, or positions are not (..., joints, 3).

    Examples
    --------
    >>> import torch
    >>> solver = InverseKinematics([-1, 0, 1], torch.eye(3), width=16)
    >>> positions, rotations = solver(torch.randn(5, 3, 3))
    >>> positions.shape, rotations.shape
    (torch.Size([5, 3, 3]), torch.Size([5, 3, 3, 3]))
    """

    def __init__(
        self,
        parents: Sequence[int],
        offsets: Float[Tensor, "joints 3"],
        representation: str = "6d",
        *,
        width: int = 1024,
    ):
        super().__init__()
        self.kinematics = ForwardKinematics(parents, offsets)
        joints = len(self.kinematics.parents)
        self.body = _perceptron(3 * joints, width, width, width)
        self.head = RotationHead(width, representation, count=joints)

    def forward(
        self, positions: Float[Tensor, "*batch joints 3"]
    ) -> tuple[Float[Tensor, "*batch joints 3"], Float[Tensor, "*batch joints 3 3"]]:
        """Give the positions reached, and the rotations that reach them."""
        joints = len(self.kinematics.parents)
        if positions.shape[-2:] != (joints, 3):
            raise InvalidInputError(f"Positions are (..., {joints}, 3); got shape {tuple(positions.shape)}.")
        rotations = self.head(self.body(positions.flatten(-2)))
        return self.kinematics(rotations), rotations


def _perceptron(*widths: int) -> nn.Sequential:
    return nn.Sequential(
        *[layer for before, after in pairwise(widths) for layer in (nn.Linear(before, after), nn.LeakyReLU())]
    )
