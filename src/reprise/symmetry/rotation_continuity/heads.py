"""Heads: the last layer of any network that is to say a rotation, and the loss that goes with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.linalg import geodesic_distance
from reprise.symmetry.rotation_continuity.checks import require_dimension
from reprise.symmetry.rotation_continuity.euler import (
    matrix_from_euler_sin_cos,
    rotation_from_euler,
    rotation_to_euler,
    rotation_to_euler_sin_cos,
)
from reprise.symmetry.rotation_continuity.gram_schmidt import (
    rotation_from_6d,
    rotation_from_gram_schmidt,
    rotation_to_6d,
    rotation_to_gram_schmidt,
)
from reprise.symmetry.rotation_continuity.projection import (
    rotation_from_matrix9,
    rotation_from_svd,
    rotation_to_matrix9,
)
from reprise.symmetry.rotation_continuity.quaternions import (
    rotation_from_axis_angle,
    rotation_from_hopf,
    rotation_from_quaternion,
    rotation_from_rotation_vector,
    rotation_to_axis_angle,
    rotation_to_hopf,
    rotation_to_quaternion,
    rotation_to_rotation_vector,
)
from reprise.symmetry.rotation_continuity.stereographic import (
    rotation_from_5d,
    rotation_from_stereographic,
    rotation_to_5d,
    rotation_to_stereographic,
)

REDUCTIONS = ("mean", "sum", "none")


@dataclass(frozen=True)
class Representation:
    """A pair of maps between raw vectors and rotations of R^n.

    Parameters
    ----------
    name : how heads call it.
    numbers : n to the length of the raw vector.
    to_matrix : raw vectors (..., numbers(n)) and n to rotations (..., n, n).
    from_matrix : rotations to raw vectors, such that `to_matrix` leads back.
    continuous : whether `from_matrix` has no jumps.
    least, most : the n it is defined for.

    Examples
    --------
    >>> six = RotationHead.representations["6d"]
    >>> six.numbers(3), six.continuous
    (6, True)
    """

    name: str
    numbers: Callable[[int], int]
    to_matrix: Callable[[Tensor, int], Tensor]
    from_matrix: Callable[[Tensor], Tensor]
    continuous: bool
    least: int = 3
    most: float = 3


def _of_space(
    name: str, numbers: int, to_matrix: Callable[[Tensor], Tensor], from_matrix: Callable[[Tensor], Tensor],
    *, continuous: bool = False,
) -> Representation:  # fmt: skip
    return Representation(name, lambda n: numbers, lambda vector, n: to_matrix(vector), from_matrix, continuous)


_TABLE = (
    _of_space("6d", 6, rotation_from_6d, rotation_to_6d, continuous=True),
    _of_space("5d", 5, rotation_from_5d, rotation_to_5d, continuous=True),
    Representation(
        "gram_schmidt", lambda n: n * n - n, rotation_from_gram_schmidt, rotation_to_gram_schmidt, True, 2, torch.inf
    ),
    Representation(
        "stereographic",
        lambda n: n * n - 2 * n + 2,
        rotation_from_stereographic,
        rotation_to_stereographic,
        True,
        3,
        torch.inf,
    ),
    Representation("svd", lambda n: n * n, rotation_from_svd, rotation_to_matrix9, True, 2, torch.inf),
    _of_space("matrix", 9, rotation_from_matrix9, rotation_to_matrix9, continuous=True),
    _of_space("quaternion", 4, rotation_from_quaternion, rotation_to_quaternion),
    _of_space("axis_angle", 4, rotation_from_axis_angle, rotation_to_axis_angle),
    _of_space("rotation_vector", 3, rotation_from_rotation_vector, rotation_to_rotation_vector),
    _of_space("euler", 3, rotation_from_euler, rotation_to_euler),
    _of_space("euler_sin_cos", 6, matrix_from_euler_sin_cos, rotation_to_euler_sin_cos),
    _of_space("hopf", 3, rotation_from_hopf, rotation_to_hopf),
)


class RotationHead(nn.Module):
    """Turn features into rotations: a linear layer and the map from raw vectors to matrices.

    Put it after any network whose features have a fixed size. Under mixed precision the matrices are made in float32,
    since in 16 bits they would be orthogonal to two digits only. For a network that gives vectors of R^n which turn
    with its input, use `rotation_from_6d` (or `rotation_from_gram_schmidt`) on n - 1 of them without a linear layer:
    the rotation then turns too.

    Parameters
    ----------
    in_features : size of the features; None takes it from the first batch.
    representation : a name in `representations`: ``"6d"``, ``"5d"``, ``"gram_schmidt"``, ``"stereographic"`` and
        ``"svd"`` are continuous, ``"matrix"`` gives the raw matrix while training and its Gram-Schmidt columns in
        evaluation mode, and ``"quaternion"``, ``"axis_angle"``, ``"rotation_vector"``, ``"euler"``,
        ``"euler_sin_cos"`` and ``"hopf"`` are there to compare with.
    n : dimension of the space; other than 3 for gram_schmidt, stereographic and svd.
    count : how many rotations to give for each feature vector, on an axis of their own; None gives one without it.
    bias : of the linear layer.

    Attributes
    ----------
    representations : names to `Representation`.

    Raises
    ------
    InvalidInputError
        If the representation is unknown, not defined for n, or `count` or `in_features` below 1.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> network = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), RotationHead(32, "6d"))
    >>> network(torch.randn(5, 10)).shape
    torch.Size([5, 3, 3])
    """

    representations: ClassVar[Mapping[str, Representation]] = {entry.name: entry for entry in _TABLE}

    def __init__(
        self,
        in_features: int | None,
        representation: str = "6d",
        *,
        n: int = 3,
        count: int | None = None,
        bias: bool = True,
    ):
        super().__init__()
        if representation not in self.representations:
            raise InvalidInputError(
                f"There is no representation {representation!r}; the names are {', '.join(self.representations)}."
            )
        chosen = self.representations[representation]
        require_dimension(n, f"The representation {representation!r}", chosen.least)
        if n > chosen.most:
            raise InvalidInputError(
                f"The representation {representation!r} is of rotations of space, n=3; got n={n}. "
                "gram_schmidt, stereographic and svd are defined for every n."
            )
        if count is not None and count < 1:
            raise InvalidInputError(f"count is at least 1, or None; got {count}.")
        if in_features is not None and in_features < 1:
            raise InvalidInputError(f"in_features is at least 1, or None; got {in_features}.")
        self.representation, self.n, self.count = representation, n, count
        numbers = chosen.numbers(n) * (count or 1)
        self.linear = nn.LazyLinear(numbers, bias) if in_features is None else nn.Linear(in_features, numbers, bias)

    def forward(self, features: Float[Tensor, "*batch in_features"]) -> Float[Tensor, "*rotations n n"]:
        """Give rotations (..., n, n), or (..., count, n, n)."""
        raw = self.linear(features)
        if raw.dtype in (torch.float16, torch.bfloat16):
            raw = raw.float()
        if self.count is not None:
            raw = raw.unflatten(-1, (self.count, -1))
        if self.representation == "matrix" and self.training:
            return raw.unflatten(-1, (3, 3))
        with torch.autocast(raw.device.type, enabled=False):
            return self.representations[self.representation].to_matrix(raw, self.n)

    def extra_repr(self) -> str:
        """Say what the head is."""
        return f"representation={self.representation!r}, n={self.n}, count={self.count}"


class GeodesicLoss(nn.Module):
    """Angle in radians between predicted and true rotations, with a gradient that is finite everywhere.

    The gradient of the arc cosine, as in the authors' code, is infinite where prediction and truth agree or are
    opposite; see `geodesic_distance` for what is used here. Like any distance its gradient does not shrink near the
    target; the mean squared difference of the matrices (`torch.nn.MSELoss`), which the paper trains with, does.

    Parameters
    ----------
    reduction : ``"mean"``, ``"sum"`` or ``"none"``.

    Raises
    ------
    InvalidInputError
        If the reduction is unknown, or shapes are not (..., n, n).

    Examples
    --------
    >>> import torch
    >>> half_turn = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    >>> GeodesicLoss()(torch.stack((torch.eye(3), half_turn)), torch.eye(3))
    tensor(1.5708)
    """

    def __init__(self, reduction: Literal["mean", "sum", "none"] = "mean"):
        super().__init__()
        if reduction not in REDUCTIONS:
            raise InvalidInputError(f"reduction is one of {', '.join(REDUCTIONS)}; got {reduction!r}.")
        self.reduction = reduction

    def forward(self, predicted: Float[Tensor, "*#batch n n"], true: Float[Tensor, "*#batch n n"]) -> Tensor:
        """Give the mean, the sum, or each angle."""
        angle = geodesic_distance(predicted, true)
        if self.reduction == "mean":
            return angle.mean()
        return angle.sum() if self.reduction == "sum" else angle
