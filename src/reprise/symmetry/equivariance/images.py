"""How group elements act on images, and the part of an image on which two warped ones may be compared."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from reprise.errors import InvalidInputError


def warp_images(
    images: Tensor, matrix: Tensor, shift: Tensor | None = None, *, padding: str = "zeros", mode: str = "bilinear"
) -> Tensor:
    """Let x -> A x + t act on images: the result at p is the image at A⁻¹ (p - t).

    Coordinates (x, y) are pixels from the middle of the image, x along its columns and y along its rows. Between
    pixels the image is interpolated, so that g·(h·F) and (g h)·F agree up to that only, and exactly for quarter turns
    of square images. O(pixels).

    Parameters
    ----------
    images : (..., H, W), floating.
    matrix : (2, 2) invertible matrix A.
    shift : (2,) the t, in pixels; none where left out.
    padding, mode : as in `torch.nn.functional.grid_sample`.

    Raises
    ------
    InvalidInputError
        If the images have fewer than two axes or the matrix is not an invertible (2, 2).

    Examples
    --------
    A turn by 90 degrees takes the x axis to the y axis, which points down:

    >>> import torch
    >>> image = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    >>> warp_images(image, torch.tensor([[0.0, -1.0], [1.0, 0.0]])).round().int()
    tensor([[0, 0, 0],
            [0, 0, 0],
            [0, 1, 0]], dtype=torch.int32)
    """
    if images.ndim < 2 or not images.is_floating_point():
        raise InvalidInputError(f"Images are floating (..., H, W); got {images.dtype} of shape {tuple(images.shape)}.")
    if matrix.shape != (2, 2) or not bool(torch.linalg.det(matrix.double()).abs() > 1e-12):
        raise InvalidInputError(f"Images are warped by an invertible (2, 2) matrix; got {matrix.tolist()}.")
    height, width = images.shape[-2:]
    half = torch.tensor([width / 2, height / 2], dtype=torch.float64)
    inverse = torch.linalg.inv(matrix.double().cpu())
    back = torch.zeros(2, dtype=torch.float64) if shift is None else -inverse @ shift.double().cpu()
    theta = torch.cat([inverse * half / half[:, None], (back / half)[:, None]], dim=1).to(images)
    flat = images.reshape(1, -1, height, width)
    grid = F.affine_grid(theta[None], [1, 1, height, width], align_corners=False)
    warped = F.grid_sample(flat, grid, mode=mode, padding_mode=padding, align_corners=False)
    return warped.reshape(images.shape)


def central_disc(radius: float = 0.7) -> Callable[[Tensor], Tensor]:
    """Give the function that keeps the pixels of (..., H, W) within `radius` half-sides of the middle, else 0.

    A rotated image has lost its corners and a warped one what lay outside; inside the disc the two sides of
    f(g·x) = g·f(x) can be compared. Meant for `equivariance_error(..., region=central_disc())`.

    Raises
    ------
    InvalidInputError
        If the radius is not positive.

    Examples
    --------
    >>> import torch
    >>> central_disc(0.5)(torch.ones(4, 4)).int()
    tensor([[0, 0, 0, 0],
            [0, 1, 1, 0],
            [0, 1, 1, 0],
            [0, 0, 0, 0]], dtype=torch.int32)
    """
    if not radius > 0:
        raise InvalidInputError(f"The radius of the disc is a positive share of half the side; got {radius}.")

    def keep(images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        rows = torch.arange(height, device=images.device, dtype=torch.float64) - (height - 1) / 2
        columns = torch.arange(width, device=images.device, dtype=torch.float64) - (width - 1) / 2
        inside = rows[:, None] ** 2 + columns[None, :] ** 2 <= (radius * min(height, width) / 2) ** 2
        return images * inside.to(images.dtype)

    return keep
