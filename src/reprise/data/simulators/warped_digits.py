"""Digits as affNIST shows them: in the middle of a larger frame, upright or under random affine maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from reprise.errors import InvalidInputError
from reprise.nn.images import warp_images

_BLOCK = 4096  # images that are warped together


@dataclass(frozen=True, kw_only=True)
class AffineRange:
    """The ranges that affine maps are drawn from, each uniformly; the defaults are affNIST's, in a frame of 40 pixels.

    Parameters
    ----------
    rotation : largest angle to either side, degrees.
    shear : largest shear to either side.
    scale : smallest and largest factor, drawn for each axis alone.
    shift : largest shift to either side along each axis, pixels.
    """

    rotation: float = 20.0
    shear: float = 0.2
    scale: tuple[float, float] = (0.8, 1.2)
    shift: float = 8.0

    def __post_init__(self) -> None:
        values = (self.rotation, self.shear, self.shift, *self.scale)
        if not all(np.isfinite(values)) or min(values) < 0 or not 0 < self.scale[0] <= self.scale[1]:
            raise InvalidInputError(
                f"Rotation, shear and shift are at least 0, and scale is 0 < smallest <= largest; got {self}."
            )


def random_affine_maps(
    count: int, rng: np.random.Generator, ranges: AffineRange | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw linear maps (count, 2, 2) and shifts (count, 2) in pixels: rotation times shear times scales.

    Parameters
    ----------
    count : how many.
    rng : the only source of randomness.
    ranges : to draw from; affNIST's by default.

    Raises
    ------
    InvalidInputError
        If `count` is below 0.

    Examples
    --------
    >>> maps, shifts = random_affine_maps(1000, np.random.default_rng(0))
    >>> maps.shape, shifts.shape, bool((np.linalg.det(maps) > 0.6).all())
    ((1000, 2, 2), (1000, 2), True)
    """
    ranges = ranges or AffineRange()
    if count < 0:
        raise InvalidInputError(f"count must be at least 0; got {count}.")
    angle = np.deg2rad(rng.uniform(-ranges.rotation, ranges.rotation, count))
    shear = rng.uniform(-ranges.shear, ranges.shear, count)
    scales = rng.uniform(*ranges.scale, (count, 2))
    rotation = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=1).reshape(-1, 2, 2)
    shearing = np.tile(np.eye(2), (count, 1, 1))
    shearing[:, 0, 1] = shear
    shifts = rng.uniform(-ranges.shift, ranges.shift, (count, 2))
    return rotation @ shearing * scales[:, None, :], shifts


def warp_digits(images: ArrayLike, rng: np.random.Generator, ranges: AffineRange | None = None) -> NDArray[np.float32]:
    """Warp each image (n, H, W) by an affine map of its own about the centre; bilinear, 0 beyond the border.

    Parameters
    ----------
    images : digits in their frames (`frame_digits`), 0 the background.
    rng : the only source of randomness.
    ranges : of the maps; affNIST's by default.

    Raises
    ------
    InvalidInputError
        If the images have another shape.

    Examples
    --------
    >>> digits = frame_digits(np.ones((5, 28, 28)), 40)
    >>> warped = warp_digits(digits, np.random.default_rng(0))
    >>> warped.shape, warped.dtype
    ((5, 40, 40), dtype('float32'))
    """
    stack = _stack_of_images(images)
    maps, shifts = random_affine_maps(len(stack), rng, ranges)
    warped = np.empty_like(stack)
    for first in range(0, len(stack), _BLOCK):
        block = slice(first, first + _BLOCK)
        moved = warp_images(
            torch.from_numpy(stack[block])[:, None], torch.from_numpy(maps[block]), torch.from_numpy(shifts[block])
        )
        warped[block] = moved[:, 0].numpy()
    return warped


def frame_digits(images: ArrayLike, frame: int = 40, size: int | None = None) -> NDArray[np.float32]:
    """Put images (n, H, W) in the middle of square frames of zeros, after resizing them where asked for.

    Parameters
    ----------
    images : digits, 0 the background.
    frame : pixels on a side of the frame.
    size : pixels on a side that each image is first resized to (bilinear); None keeps it as it is.

    Raises
    ------
    InvalidInputError
        If the images have another shape, or do not fit into the frame.

    Examples
    --------
    >>> frame_digits(np.ones((2, 8, 8)), 24, size=14).sum(axis=(1, 2))
    array([196., 196.], dtype=float32)
    """
    stack = _stack_of_images(images)
    if size is not None:
        tensor = torch.from_numpy(stack)[:, None]
        stack = torch.nn.functional.interpolate(tensor, (size, size), mode="bilinear", align_corners=False)[
            :, 0
        ].numpy()
    height, width = stack.shape[1:]
    if max(height, width) > frame:
        raise InvalidInputError(f"Images of {height} x {width} pixels do not fit into a frame of {frame}.")
    framed = np.zeros((len(stack), frame, frame), dtype=np.float32)
    top, left = (frame - height) // 2, (frame - width) // 2
    framed[:, top : top + height, left : left + width] = stack
    return framed


def _stack_of_images(images: ArrayLike) -> NDArray[np.float32]:
    stack = np.ascontiguousarray(images, dtype=np.float32)
    if stack.ndim != 3 or 0 in stack.shape[1:]:
        raise InvalidInputError(f"Images (n, height, width) are expected; got an array of shape {stack.shape}.")
    if not np.isfinite(stack).all():
        raise InvalidInputError("Images must be finite; got NaN or infinity.")
    return stack
