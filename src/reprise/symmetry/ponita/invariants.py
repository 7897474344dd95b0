"""What of a pair of positions and orientations rigid motions leave unchanged: the attributes that share weights."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.nn.linalg import safe_norm


def position_orientation_invariants(
    pos: Float[Tensor, "N d"],
    ori_grid: Float[Tensor, "O d"],
    edge_index: Int[Tensor, "2 E"],
    *,
    signed: bool = False,
) -> tuple[Float[Tensor, "E O 2"], Float[Tensor, "O O k"]]:
    r"""Invariants of edges and of orientations, in the separable form: spatial ones and those within a fibre.

    For an edge from j to i with r = p_j - p_i, and a receiving orientation o_a, the spatial pair is

    - in space: the components of r along and across it, $r \cdot o_a$ and $|r - (r \cdot o_a)\, o_a|$;
    - in the plane: $r \cdot o_a$ and the signed $r_y o_{a,x} - r_x o_{a,y}$, which a reflection turns round.

    Either tells (p_i, o_a, p_j) from all that no rigid motion (in space: nor reflection) maps to it. Within a fibre,
    entry (a, b) is the cosine o_a · o_b, with `signed` (plane only) followed by the sine of the angle from o_a to o_b.
    All are O(E O + O²).

    Notes
    -----
    In space the three numbers together do not identify a pair ((p_i, o_a), (p_j, o_b)): for r = e_x and o_a = e_z the
    senders' orientations e_x and e_y give the same. Four are needed (Bellaard, Smets, Duits, 2025, arXiv:2504.03299):
    `oriented_pair_invariants` has them. Networks on these attributes are blind to mirror images in space. In the
    plane, `signed` makes them complete for SE(2); the authors' cosine does not tell an angle from its negative.

    Raises
    ------
    InvalidInputError
        If shapes do not match, the dimension is not 2 or 3, or `signed` is asked for in space.

    Examples
    --------
    >>> import torch
    >>> pos = torch.tensor([[0.0, 0.0, 0.0], [3.0, 0.0, 4.0]])
    >>> attr, fibre = position_orientation_invariants(pos, torch.eye(3), torch.tensor([[1], [0]]))
    >>> attr[0].tolist()
    [[3.0, 4.0], [0.0, 5.0], [4.0, 3.0]]
    >>> fibre.shape
    torch.Size([3, 3, 1])
    """
    if pos.ndim != 2 or ori_grid.ndim != 2 or pos.shape[-1] != ori_grid.shape[-1] or pos.shape[-1] not in {2, 3}:
        raise InvalidInputError(
            "Positions must be (N, d) and orientations (O, d) with d = 2 or 3; got "
            f"{tuple(pos.shape)} and {tuple(ori_grid.shape)}."
        )
    source, target = edge_index
    return spatial_invariants(pos[source] - pos[target], ori_grid), fibre_invariants(ori_grid, signed=signed)


def spatial_invariants(offset: Float[Tensor, "E d"], ori_grid: Float[Tensor, "O d"]) -> Float[Tensor, "E O 2"]:
    """Components of each offset r = p_j - p_i along and across each orientation, across signed in the plane."""
    along = offset @ ori_grid.mT
    if ori_grid.shape[-1] == 2:
        left = torch.stack([-ori_grid[:, 1], ori_grid[:, 0]], dim=-1)
        return torch.stack([along, offset @ left.mT], dim=-1)
    across = safe_norm(offset[:, None] - along[..., None] * ori_grid)
    return torch.stack([along, across], dim=-1)


def fibre_invariants(ori_grid: Float[Tensor, "O d"], *, signed: bool = False) -> Float[Tensor, "O O k"]:
    """Cosines between receiving (rows) and sending orientations, with `signed` the sines from one to the other."""
    cosine = ori_grid @ ori_grid.mT
    if not signed:
        return cosine[..., None]
    if ori_grid.shape[-1] != 2:
        raise InvalidInputError("An angle between orientations has a sign only in the plane (dim=2).")
    x, y = ori_grid.unbind(-1)
    return torch.stack([cosine, x[:, None] * y - y[:, None] * x], dim=-1)


def oriented_pair_invariants(
    pos: Float[Tensor, "M d"],
    ori: Float[Tensor, "M d"],
    edge_index: Int[Tensor, "2 E"],
    *,
    complete: bool = False,
) -> Float[Tensor, "E k"]:
    """Invariants of pairs of points that each have their own position and orientation.

    The paper's three: the components of r along and across the receiver's orientation o_i, and the cosine o_i · o_j.
    With `complete`, what they lack: in space r · o_j and the handedness r · (o_i x o_j), which identify a pair up to
    SE(3) (the first alone up to E(3)); in the plane the sine of the angle from o_i to o_j, up to SE(2).

    Parameters
    ----------
    pos, ori : position and unit orientation of each point.
    edge_index : pairs (sender, receiver).
    complete : 5 (space) or 4 (plane) numbers instead of 3.

    References
    ----------
    Bellaard, Smets, Duits (2025), Universal Collection of Euclidean Invariants between Pairs of Position-Orientations,
    arXiv:2504.03299.

    Examples
    --------
    >>> import torch
    >>> pos, ori = torch.randn(2, 4, 3)
    >>> oriented_pair_invariants(pos, torch.nn.functional.normalize(ori), torch.tensor([[0, 1], [2, 3]])).shape
    torch.Size([2, 3])
    """
    source, target = edge_index
    offset, sender, receiver = pos[source] - pos[target], ori[source], ori[target]
    along = (offset * receiver).sum(-1)
    cosine = (sender * receiver).sum(-1)
    if pos.shape[-1] == 2:
        across = offset[:, 1] * receiver[:, 0] - offset[:, 0] * receiver[:, 1]
        sine = receiver[:, 0] * sender[:, 1] - receiver[:, 1] * sender[:, 0]
        return torch.stack([along, across, cosine, *([sine] if complete else [])], dim=-1)
    across = safe_norm(offset - along[:, None] * receiver)
    if not complete:
        return torch.stack([along, across, cosine], dim=-1)
    along_sender = (offset * sender).sum(-1)
    handedness = (offset * torch.linalg.cross(receiver, sender)).sum(-1)
    return torch.stack([along, across, cosine, along_sender, handedness], dim=-1)
