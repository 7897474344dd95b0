"""How group elements act on images, and the part of an image on which two warped ones may be compared."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.nn.images import warp_images


def warp(images: Tensor, matrix: Tensor, shift: Tensor | None = None) -> Tensor:
    """Let x -> A x + t act on images (..., H, W) by `reprise.nn.images.warp_images`, on all alike.

    Coordinates are pixels from the middle, along columns and down rows; between pixels the image is interpolated, so
    that g·(h·F) and (g h)·F agree up to that only, and exactly for quarter turns of square images.

    Raises
    ------
    InvalidInputError
        If the images are not floating (..., H, W), or as in `reprise.nn.images.warp_images`.

    Examples
    --------
    A turn by 90 degrees takes the x axis to the y axis, which points down:

    >>> import torch
    >>> image = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    >>> warp(image, torch.tensor([[0.0, -1.0], [1.0, 0.0]])).round().int()
    tensor([[0, 0, 0],
            [0, 0, 0],
            [0, 1, 0]], dtype=torch.int32)
    """
    if images.ndim < 2 or not images.is_floating_point():
        raise InvalidInputError(f"Images are floating (..., H, W); got {images.dtype} of shape {tuple(images.shape)}.")
    return warp_images(images.reshape(1, -1, *images.shape[-2:]), matrix, shift).reshape(images.shape)


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
