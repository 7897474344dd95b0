"""Grids of orientations on the circle and the sphere."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reprise.errors import InvalidInputError

GridMethod = Literal["repulsion", "fibonacci", "icosahedron", "dodecahedron"]

_GOLDEN = (1 + math.sqrt(5)) / 2
_POLYHEDRON_VERTICES = {"icosahedron": 12, "dodecahedron": 20}
_REPULSION_STEPS = 200


def orientation_grid(
    num: int, dim: int = 3, method: GridMethod = "repulsion", *, seed: int = 0
) -> Float[Tensor, "O dim"]:
    """Give `num` unit vectors that cover the circle or the sphere evenly, in float64.

    On the circle: equal angles from (1, 0), whatever the method. On the sphere:

    - ``"repulsion"``: points drawn at random repel each other until they rest, at a minimum of Σ |o_a - o_b|⁻² over
      pairs. O(num²) a step.
    - ``"fibonacci"``: the golden spiral, any number of points in O(num).
    - ``"icosahedron"``, ``"dodecahedron"``: the 12 or 20 vertices. They are mapped onto themselves by 60 rotations, so
      that a network on this grid is exactly equivariant to those.

    Parameters
    ----------
    num : number of orientations O.
    dim : 2 or 3.
    method : as above.
    seed : of the start of ``"repulsion"``.

    Raises
    ------
    InvalidInputError
        If `dim` or `method` is unknown, `num` below 1, or not the number of vertices of the polyhedron.

    Examples
    --------
    >>> orientation_grid(4, dim=2).round(decimals=3).abs().tolist()
    [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    >>> orientation_grid(12, method="icosahedron").shape
    torch.Size([12, 3])
    """
    if dim not in {2, 3}:
        raise InvalidInputError(f"Orientations lie on the circle (dim=2) or the sphere (dim=3); got dim={dim}.")
    if method not in get_args(GridMethod):
        raise InvalidInputError(f"The grids are {', '.join(get_args(GridMethod))}; got {method!r}.")
    if num < 1:
        raise InvalidInputError(f"The number of orientations must be at least 1; got {num}.")
    vertices = _POLYHEDRON_VERTICES.get(method)
    if vertices is not None and (dim != 3 or num != vertices):
        raise InvalidInputError(
            f"The {method} has {vertices} vertices in three dimensions; got {num} orientations with dim={dim}."
        )
    if dim == 2:
        angles = 2 * math.pi / num * torch.arange(num, dtype=torch.float64)
        return torch.stack([angles.cos(), angles.sin()], dim=-1)
    if method == "repulsion":
        return _repelled(num, seed)
    if method == "fibonacci":
        return _spiral(num)
    return _polyhedron(method)


def mirrored_order(grid: Float[Tensor, "O dim"], *, tolerance: float = 1e-6) -> Int[Tensor, " O"] | None:
    """Give an order in which the second half of a grid is the opposite of the first; None if there is no such order.

    Examples
    --------
    >>> mirrored_order(orientation_grid(4, dim=2)).tolist()
    [0, 1, 2, 3]
    >>> mirrored_order(orientation_grid(3, dim=2)) is None
    True
    """
    apart, opposite = (grid[:, None] + grid).norm(dim=-1).min(dim=-1)
    if float(apart.max()) > tolerance:
        return None
    first = (torch.arange(len(grid)) < opposite).nonzero()[:, 0]
    return torch.cat([first, opposite[first]])


def _repelled(num: int, seed: int) -> Tensor:
    """Minimise the Riesz 2-energy by L-BFGS from a random start; `points` are normalised inside the energy."""
    start = torch.randn(num, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    points = torch.nn.functional.normalize(start, dim=-1).requires_grad_()
    one, other = torch.triu_indices(num, num, offset=1)
    optimizer = torch.optim.LBFGS(
        [points], max_iter=_REPULSION_STEPS, tolerance_grad=1e-10, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def energy() -> Tensor:
        optimizer.zero_grad()
        unit = torch.nn.functional.normalize(points, dim=-1)
        value = (unit[one] - unit[other]).square().sum(-1).reciprocal().sum() / num
        value.backward()
        return value

    if num > 1:
        with torch.enable_grad():
            optimizer.step(energy)
    return torch.nn.functional.normalize(points.detach(), dim=-1)


def _spiral(num: int) -> Tensor:
    step = torch.arange(num, dtype=torch.float64)
    height = 1 - (2 * step + 1) / num
    radius = (1 - height.square()).sqrt()
    angle = 2 * math.pi / _GOLDEN**2 * step
    return torch.stack([radius * angle.cos(), radius * angle.sin(), height], dim=-1)


def _polyhedron(method: str) -> Tensor:
    signs = torch.tensor([-1.0, 1.0], dtype=torch.float64)
    two = torch.cartesian_prod(signs, signs)
    zero = torch.zeros(4, dtype=torch.float64)
    if method == "icosahedron":
        rectangle = torch.stack([zero, two[:, 0], _GOLDEN * two[:, 1]], dim=-1)
        vertices = torch.cat([rectangle.roll(turn, dims=-1) for turn in range(3)])
    else:
        rectangle = torch.stack([zero, two[:, 0] / _GOLDEN, _GOLDEN * two[:, 1]], dim=-1)
        cube = torch.cartesian_prod(signs, signs, signs)
        vertices = torch.cat([cube, *(rectangle.roll(turn, dims=-1) for turn in range(3))])
    return torch.nn.functional.normalize(vertices, dim=-1)
