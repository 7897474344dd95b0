"""The Poincaré ball: its maps, its distance, and what takes the place of addition and of matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError

MARGIN = 1e-3
"""`PoincareBall.project` keeps points this share of the radius away from the boundary, as the authors' code does."""

LARGEST_TANH = {torch.float32: 1 - 1e-5, torch.float64: 1 - 1e-14}
"""Where artanh is cut: beyond, the precision cannot tell a point from the boundary."""

CLOSEST = 1e-15
"""Distances below this count as it, where a square root would have no gradient."""

MEAN_STEPS, MEAN_TOLERANCE = 1000, 1e-12
"""Of the Fréchet mean: steps at most, and the length of a step (of a curvature of -1) at which it stops."""


@dataclass(frozen=True)
class PoincareBall:
    r"""The ball of radius 1 / √c in which straight lines bend away from the boundary: hyperbolic space.

    Its distance grows without bound towards the boundary, so that a tree fits in it with little distortion:

    .. math:: d_c(x, y) = \frac{2}{\sqrt c} \operatorname{artanh}(\sqrt c\, \lVert (-x) \oplus_c y \rVert)
              = \frac{2}{\sqrt c} \operatorname{arsinh} \frac{\sqrt c\, \lVert x - y \rVert}
                {\sqrt{(1 - c \lVert x \rVert^2)(1 - c \lVert y \rVert^2)}}

    The second form is the one computed: it needs no cut near the boundary, is as exact for near points as for far ones,
    has finite gradients everywhere, and tends to 2 ‖x - y‖ for c to 0. Vectors lie in the last dimension.

    Parameters
    ----------
    c : minus the curvature.

    Raises
    ------
    InvalidInputError
        If c is not positive and finite, or (of distances) a point is not inside the ball.

    Notes
    -----
    Everything is O(d) a vector; `dist_matrix` is O(n m d) time and O(n m) memory. Half precision is widened to float32.

    References
    ----------
    O. Ganea, G. Bécigneul, T. Hofmann, "Hyperbolic neural networks", 2018, arXiv 1805.09112.

    Examples
    --------
    >>> ball = PoincareBall(c=1.0)
    >>> ball.dist(torch.zeros(2), torch.tensor([0.5, 0.0]))   # log 3
    tensor(1.0986)
    >>> ball.expmap0(torch.tensor([100.0, 0.0])), ball.project(torch.tensor([2.0, 0.0]))
    (tensor([1., 0.]), tensor([0.9990, 0.0000]))
    """

    c: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.c < math.inf:
            raise InvalidInputError(f"c is {self.c}; a positive number is expected (the curvature is -c).")

    @property
    def radius(self) -> float:
        """Give 1 / √c, the norm of the boundary."""
        return 1 / math.sqrt(self.c)

    def expmap0(self, u: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """Walk from the origin along `u`: ``tanh(√c ‖u‖) u / (√c ‖u‖)``."""
        u = _wide(u)
        length = math.sqrt(self.c) * _norm(u)
        return u * (length.tanh() / length)

    def logmap0(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """Give the vector whose walk from the origin ends at `x`: ``artanh(√c ‖x‖) x / (√c ‖x‖)``."""
        x = _wide(x)
        length = math.sqrt(self.c) * _norm(x)
        return x * (_artanh(length) / length)

    def project(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """Pull what lies within a thousandth of the radius of the boundary, or beyond it, back to there."""
        x = _wide(x)
        return x * ((1 - MARGIN) * self.radius / _norm(x)).clamp(max=1)

    def mobius_add(self, x: Float[Tensor, "*#batch d"], y: Float[Tensor, "*#batch d"]) -> Float[Tensor, "*batch d"]:
        """Translate `y` by `x`, the ball's addition; neither commutative nor associative, but (-x) + (x + y) = y."""
        x, y, c = _wide(x), _wide(y), self.c
        xx, yy, xy = (torch.linalg.vecdot(a, b).unsqueeze(-1) for a, b in ((x, x), (y, y), (x, y)))
        return ((1 + 2 * c * xy + c * yy) * x + (1 - c * xx) * y) / (1 + 2 * c * xy + c**2 * xx * yy)

    def mobius_matvec(self, M: Float[Tensor, "e d"], x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch e"]:
        """Apply a matrix where the ball is flat, at the origin: ``expmap0(M logmap0(x))``, projected."""
        return self.project(self.expmap0(self.logmap0(x) @ M.mT))

    def dist(self, x: Float[Tensor, "*#batch d"], y: Float[Tensor, "*#batch d"]) -> Float[Tensor, "*batch"]:
        """Give the geodesic distance of each vector of `x` to that of `y`."""
        x, y = _wide(x), _wide(y)
        return self._distance(torch.linalg.vector_norm(x - y, dim=-1), self._room(x) * self._room(y))

    def dist_matrix(self, x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """Give the geodesic distance of each row of `x` to each row of `y`."""
        x, y = _wide(x), _wide(y)
        return self._distance(_euclidean(x, y), self._room(x).unsqueeze(-1) * self._room(y))

    def frechet_mean(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " d"]:
        """Give the point whose mean squared distance to the rows of `x` is least.

        Riemannian gradient descent with steps short enough to descend, in float64; not differentiable. O(n d) a step.
        """
        if x.ndim != 2 or not len(x):
            raise InvalidInputError(f"The Fréchet mean is of n rows, at least one; shape {tuple(x.shape)} was given.")
        points = x.detach().double()
        mean = self.expmap0(self.logmap0(points).mean(0))
        for _ in range(MEAN_STEPS):
            seen = self.logmap0(self.mobius_add(-mean, points))
            length = math.sqrt(self.c) * 2 * _norm(seen)
            # The squared distance curves by at most length coth(length), so this step never overshoots.
            step = seen.mean(0) / (length / length.tanh()).mean()
            mean = self.mobius_add(mean, self.expmap0(step))
            if math.sqrt(self.c) * float(step.norm()) < MEAN_TOLERANCE:
                break
        return mean.to(x.dtype)

    def _distance(self, euclidean: Tensor, room: Tensor) -> Tensor:
        return 2 * self.radius * torch.asinh(euclidean / (self.radius * room))

    def _room(self, x: Tensor) -> Tensor:
        """Give ``√(1 - c ‖x‖²)``."""
        room = 1 - self.c * torch.linalg.vecdot(x, x)
        if not bool((room > 0).all()):
            largest = float(torch.linalg.vector_norm(x, dim=-1).max())
            raise InvalidInputError(
                f"A point of norm {largest:.6g} was given; all must lie inside the ball of radius {self.radius:.6g} "
                "(`project` pulls them in)."
            )
        return room.sqrt()


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in {torch.float16, torch.bfloat16} else x


def _norm(x: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp_min(CLOSEST)


def _artanh(x: Tensor) -> Tensor:
    return x.clamp(max=LARGEST_TANH.get(x.dtype, LARGEST_TANH[torch.float32])).atanh()


def _euclidean(x: Tensor, y: Tensor) -> Tensor:
    """Give all Euclidean distances to the last digits, in float32 by one product of matrices in float64."""
    if x.dtype != torch.float32 or x.device.type == "mps":
        return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    a, b = x.double(), y.double()
    squared = torch.linalg.vecdot(a, a).unsqueeze(-1) + torch.linalg.vecdot(b, b) - 2 * (a @ b.mT)
    return squared.clamp_min(CLOSEST**2).sqrt().float()
