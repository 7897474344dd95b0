"""Images as functions on the plane: linear maps and shifts that act on them."""

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
        If a shape does not fit, a value of the maps is not finite, or a map is not invertible.

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
    count, _, height, width = images.shape
    matrix = matrix.to(images)
    shift = torch.zeros(2, dtype=images.dtype, device=images.device) if shift is None else shift.to(images)
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
    inverse = torch.linalg.inv(matrix)
    back = -(inverse @ shift[..., None])
    # affine_grid measures in half widths and half heights, which differ where an image is not square.
    half = torch.tensor([width / 2, height / 2], dtype=images.dtype, device=images.device)
    theta = torch.cat([inverse * half / half[:, None], back / half[:, None]], dim=-1).expand(count, 2, 3)
    grid = torch.nn.functional.affine_grid(theta, list(images.shape), align_corners=False)
    return torch.nn.functional.grid_sample(images, grid, align_corners=False)
