"""Images as functions on the plane: linear maps, shifts and rotations that act on them."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError


def warp_images(
    images: Float[Tensor, "B C H W"],
    matrix: Float[Tensor, "2 2"] | Float[Tensor, "B 2 2"],
    shift: Float[Tensor, 2] | Float[Tensor, "B 2"] | None = None,
) -> Float[Tensor, "B C H W"]:
    """Let linear maps g, and shifts t, act on images: (g f)(x) = f(g⁻¹ (x - t)).

    Coordinates x are in pixels from the image's centre, to the right and down. Values between pixels are bilinear,
    those beyond the border 0. An image warped by g and then by h is one warped by h g, up to interpolation.
    O(pixels); differentiable in images, matrices and shifts.

    Parameters
    ----------
    images : of any number of channels.
    matrix : invertible maps, one for all images or one for each.
    shift : in pixels, likewise; None for none.

    Raises
    ------
    InvalidInputError
        If a shape does not fit, the images are not floating, a value of the maps is not finite, or a map is not
        invertible.

    Examples
    --------
    A quarter turn takes the pixel to the right of the centre to the one below it, as y points down:

    >>> import torch
    >>> image = torch.zeros(1, 1, 3, 3)
    >>> image[0, 0, 1, 2] = 1
    >>> warp_images(image, torch.tensor([[0.0, -1.0], [1.0, 0.0]]))[0, 0].round().int()
    tensor([[0, 0, 0],
            [0, 0, 0],
            [0, 1, 0]], dtype=torch.int32)
    """
    if images.ndim != 4 or min(images.shape[-2:]) < 1:
        raise InvalidInputError(f"Images (B, C, H, W) are expected; got shape {tuple(images.shape)}.")
    if not images.is_floating_point():
        raise InvalidInputError(f"Images are a floating tensor; got {images.dtype}.")
    count, _, height, width = images.shape
    precise = torch.promote_types(images.dtype, torch.float32)  # shorter types would misplace pixels
    matrix = matrix.to(images.device, precise)
    shift = matrix.new_zeros(2) if shift is None else shift.to(images.device, precise)
    if matrix.shape[-2:] != (2, 2) or matrix.shape[:-2] not in {(), (count,)}:
        raise InvalidInputError(
            f"Maps of the plane have shape (2, 2), or ({count}, 2, 2) for {count} images; got {tuple(matrix.shape)}."
        )
    if shift.shape not in {(2,), (count, 2)}:
        raise InvalidInputError(
            f"Shifts have shape (2,), or ({count}, 2) for {count} images; got {tuple(shift.shape)}."
        )
    if not bool(matrix.isfinite().all() & shift.isfinite().all()):
        raise InvalidInputError("Maps and shifts of images must be finite; got NaN or infinity.")
    if bool((torch.linalg.det(matrix.detach().double()) == 0).any()):
        raise InvalidInputError("Maps that act on images must be invertible; one has determinant 0.")
    inverse = torch.linalg.inv(matrix).expand(count, 2, 2)
    back = -(inverse @ shift.expand(count, 2)[..., None])
    # affine_grid measures in half widths and half heights, which differ where an image is not square.
    half = matrix.new_tensor([width / 2, height / 2])
    theta = torch.cat([inverse * half / half[:, None], back / half[:, None]], dim=-1)
    grid = torch.nn.functional.affine_grid(theta, list(images.shape), align_corners=False)
    warped = torch.nn.functional.grid_sample(images.to(precise), grid, align_corners=False)
    return warped.to(images.dtype)


def rotate_images(images: Float[Tensor, "B C H W"], degrees: Float[Tensor, " B"]) -> Float[Tensor, "B C H W"]:
    """Rotate each image about its centre, by its own angle.

    Positive angles turn counter-clockwise as an image is shown (rows downwards), as `torch.rot90` does; otherwise as
    `warp_images`. On square images multiples of 90 degrees are exact up to rounding.

    Parameters
    ----------
    images : of any number of channels.
    degrees : an angle for each.

    Raises
    ------
    InvalidInputError
        If the images are not floating (B, C, H, W), or there are not B finite angles.

    Examples
    --------
    >>> import torch
    >>> image = torch.arange(9.0).view(1, 1, 3, 3)
    >>> torch.allclose(rotate_images(image, torch.tensor([90.0])), torch.rot90(image, 1, (2, 3)), atol=1e-5)
    True
    """
    if images.ndim != 4 or not images.is_floating_point():
        raise InvalidInputError(
            f"Images are a floating tensor (B, C, H, W); got {images.dtype} of shape {tuple(images.shape)}."
        )
    if degrees.shape != images.shape[:1]:
        raise InvalidInputError(f"{len(images)} images need as many angles; got shape {tuple(degrees.shape)}.")
    angle = torch.deg2rad(degrees.detach().cpu().double())
    cos, sin = angle.cos(), angle.sin()
    return warp_images(images, torch.stack([torch.stack([cos, sin], -1), torch.stack([-sin, cos], -1)], -2))
