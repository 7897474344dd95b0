"""Skeletons: from rotations of joints to their positions, and the loss of inverse kinematics on them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError

ROOT = -1
"""Parent of the root."""
HIP_WEIGHT = 10.0
"""Weight of the joints next to the root in the authors' loss."""


class ForwardKinematics(nn.Module):
    """Positions of the joints of a skeleton whose bones are fixed and whose joints turn.

    Joint j has the rotation R_j relative to its parent p, and sits at a fixed offset in the parent's frame:
    G_j = G_p R_j and x_j = x_p + G_p offset_j, with the root at its offset. All joints of one depth are done at once.

    Parameters
    ----------
    parents : index of each joint's parent, before the joint itself; -1 for the root, which is joint 0.
    offsets : (joints, 3).

    Raises
    ------
    InvalidInputError
        If parents do not come before their children, there is not exactly one root, the offsets do not fit, or
        rotations are not (..., joints, 3, 3).

    Examples
    --------
    A bone of length 1 along x, whose root turns by a quarter about z:

    >>> import torch
    >>> arm = ForwardKinematics([-1, 0], torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))
    >>> turn = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    >>> arm(torch.stack((turn, torch.eye(3)))).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """

    offsets: Tensor

    def __init__(self, parents: Sequence[int], offsets: Float[Tensor, "joints 3"]):
        super().__init__()
        self.parents = tuple(int(parent) for parent in parents)
        if not self.parents or self.parents[0] != ROOT or any(
            not 0 <= parent < joint for joint, parent in enumerate(self.parents) if joint
        ):  # fmt: skip
            raise InvalidInputError(
                f"Parents start with -1, the root's, and go on with indices of joints before; got {self.parents}."
            )
        if offsets.shape != (len(self.parents), 3):
            raise InvalidInputError(
                f"{len(self.parents)} joints have offsets ({len(self.parents)}, 3); got shape {tuple(offsets.shape)}."
            )
        self.register_buffer("offsets", offsets.detach().clone())
        self._levels = _levels(self.parents)

    def forward(self, rotations: Float[Tensor, "*batch joints 3 3"]) -> Float[Tensor, "*batch joints 3"]:
        """Give the position of each joint."""
        if rotations.shape[-3:] != (len(self.parents), 3, 3):
            raise InvalidInputError(
                f"The skeleton takes rotations (..., {len(self.parents)}, 3, 3); got shape {tuple(rotations.shape)}."
            )
        turned = rotations[..., :1, :, :]
        positions = self.offsets[:1].expand(*rotations.shape[:-3], 1, 3)
        all_turned, all_positions, order = [turned], [positions], [0]
        for joints, parents_in_level in self._levels:
            parent_turned = turned[..., parents_in_level, :, :]
            moved = (parent_turned @ self.offsets[joints].unsqueeze(-1)).squeeze(-1)
            positions = positions[..., parents_in_level, :] + moved
            turned = parent_turned @ rotations[..., joints, :, :]
            all_turned.append(turned)
            all_positions.append(positions)
            order += joints
        places = torch.tensor(order, device=rotations.device).argsort()
        return torch.cat(all_positions, dim=-2)[..., places, :]


class JointPositionLoss(nn.Module):
    """Mean squared error of joint positions, plus that of the root's children alone, weighted.

    The children of the root show the direction in which the whole body points: the paper weights them by 10.

    Parameters
    ----------
    parents : as in `ForwardKinematics`.
    hip_weight : weight of the second term.

    Examples
    --------
    >>> import torch
    >>> loss = JointPositionLoss([-1, 0, 1])
    >>> loss(torch.zeros(1, 3, 3), torch.ones(1, 3, 3)).item()
    11.0
    """

    def __init__(self, parents: Sequence[int], hip_weight: float = HIP_WEIGHT):
        super().__init__()
        self.hips = [joint for joint, parent in enumerate(parents) if parent == 0]
        self.hip_weight = hip_weight

    def forward(self, predicted: Float[Tensor, "*batch joints 3"], true: Float[Tensor, "*batch joints 3"]) -> Tensor:
        """Give the weighted error."""
        squared = (predicted - true).square()
        return squared.mean() + self.hip_weight * squared[..., self.hips, :].mean()


def _levels(parents: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Group joints by depth; give each group's joints, and the places of their parents in the group before."""
    levels = []
    above = [0]
    while joints := [joint for joint, parent in enumerate(parents) if joint and parent in above]:
        levels.append((joints, [above.index(parents[joint]) for joint in joints]))
        above = joints
    return levels
