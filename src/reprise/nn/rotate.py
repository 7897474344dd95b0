"""Rotation of images about their centre, bilinear."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError


def rotate_images(images: Float[Tensor, "N C H W"], degrees: Float[Tensor, " N"]) -> Float[Tensor, "N C H W"]:
    """Rotate each image about the centre of its canvas, by its own angle.

    Positive angles turn counter-clockwise as an image is shown (rows downwards), as `torch.rot90` does. Values between
    pixels are interpolated bilinearly, and what enters from outside is 0. On square canvases multiples of 90 degrees
    are exact up to rounding. O(N C H W), one call of `grid_sample`.

    Parameters
    ----------
    images : N images of C channels.
    degrees : an angle for each.

    Raises
    ------
    InvalidInputError
        If the images are not floating (N, C, H, W), or there are not N angles.

    Examples
    --------
    >>> image = torch.arange(9.0).view(1, 1, 3, 3)
    >>> torch.allclose(rotate_images(image, torch.tensor([90.0])), torch.rot90(image, 1, (2, 3)), atol=1e-5)
    True
    """
    if images.ndim != 4 or not images.is_floating_point():
        raise InvalidInputError(
            f"Images are a floating tensor (N, C, H, W); got {images.dtype} of shape {tuple(images.shape)}."
        )
    if degrees.shape != images.shape[:1]:
        raise InvalidInputError(f"{len(images)} images need as many angles; got shape {tuple(degrees.shape)}.")
    height, width = images.shape[-2:]
    angle = torch.deg2rad(degrees.detach().cpu().double())
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    # `affine_grid` asks where each pixel comes from, in coordinates that run from -1 to 1 along both axes
    origin = torch.stack(
        [torch.stack([cos, -sin * height / width, zero], -1), torch.stack([sin * width / height, cos, zero], -1)], 1
    )
    precise = torch.promote_types(images.dtype, torch.float32)  # shorter types would misplace pixels
    grid = nn.functional.affine_grid(origin.to(images.device, precise), list(images.shape), align_corners=False)
    grid = grid.to(images.dtype)
    return nn.functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
