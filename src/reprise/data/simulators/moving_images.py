"""Sequences of images that move: several on one canvas, each at its own constant velocity.

Objects are drawn from given images, and pass through each other: their brightness is added and cut off at 1, as in
the moving and rotating digits of Keller (2025), after the Moving MNIST of Srivastava et al. (2015), whose digits bounce
off the walls instead of coming in again on the other side.

References
----------
Keller (2025), Flow Equivariant Recurrent Neural Networks, arXiv:2507.14793, github.com/akandykeller/FERNN;
Srivastava, Mansimov, Salakhutdinov (2015), Unsupervised Learning of Video Representations using LSTMs,
arXiv:1502.04681.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.utils.data import Dataset

from reprise.errors import InvalidInputError
from reprise.nn.images import rotate_images


class _Scenes(Dataset[tuple[Tensor, Tensor]], ABC):
    """What moving and turning scenes share: which images each sequence shows, and batches of them."""

    images: Tensor
    canvas: tuple[int, ...]

    def __init__(
        self,
        images: ArrayLike | Tensor,
        seq_len: int,
        count: int,
        num_objects: int,
        canvas: int | Sequence[int] | None,
        seed: int,
        length: int | None,
        dims: int,
    ):
        given = torch.as_tensor(np.asarray(images)) if not isinstance(images, Tensor) else images
        if given.ndim not in {dims + 1, dims + 2} or 0 in given.shape:
            shapes = "(M, H, W) or (M, C, H, W)" if dims == 2 else "(M, W) or (M, C, W)"
            raise InvalidInputError(f"Images have shape {shapes}, nothing empty; got {tuple(given.shape)}.")
        if not given.is_floating_point() or not bool(given.isfinite().all()):
            raise InvalidInputError(
                f"Images are finite floating numbers from 0 to 1; got {given.dtype}"
                + ("." if not given.is_floating_point() else " with values that are not finite.")
            )
        low, high = float(given.min()), float(given.max())
        if low < 0 or high > 1:
            raise InvalidInputError(
                f"Images have values from 0 to 1, as brightness is cut off there; got {low:g} to {high:g}."
            )
        length = len(given) if length is None else length
        for name, value in (("seq_len", seq_len), ("num_objects", num_objects), ("length", length)):
            if not isinstance(value, int) or value < 1:
                raise InvalidInputError(f"{name} is {value!r}; a whole number of at least 1 is expected.")
        size = tuple(given.shape[-dims:])
        if canvas is None:
            self.canvas = size
        else:
            self.canvas = tuple(canvas) if isinstance(canvas, Sequence) else (canvas,) * dims
        if len(self.canvas) != dims or any(c < s for c, s in zip(self.canvas, size, strict=False)):
            raise InvalidInputError(f"A canvas of {self.canvas} does not hold images of {size}.")
        self.seq_len, self.length = seq_len, length
        self.channels = given.shape[1] if given.ndim == dims + 2 else 1
        self.images = self._on_canvas(given.reshape(len(given), self.channels, *size), size)
        self.rng = np.random.default_rng(seed)
        self.shown = torch.from_numpy(self.rng.integers(len(given), size=(length, num_objects)))
        self.choice = torch.from_numpy(self.rng.integers(count, size=(length, num_objects)))

    def _on_canvas(self, images: Tensor, size: tuple[int, ...]) -> Tensor:
        """Put images in the middle of empty canvases."""
        padding: list[int] = []
        for whole, part in zip(reversed(self.canvas), reversed(size), strict=True):
            padding += [(whole - part) // 2, whole - part - (whole - part) // 2]
        return torch.nn.functional.pad(images, padding)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Give one sequence (T, C, *canvas), and the numbers of the images in it."""
        if not -self.length <= index < self.length:
            raise IndexError(f"There are {self.length} sequences; got index {index}.")
        return self.batch([index % self.length])[0], self.shown[index]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
        """Give several at once: what `DataLoader` calls for a batch."""
        return list(zip(self.batch(indices), self.shown[torch.as_tensor(indices)], strict=True))

    def batch(self, indices: Sequence[int] | Tensor | None = None) -> Tensor:
        """Make the sequences of these numbers (all, by default) in one go: (N, T, C, *canvas)."""
        numbers = torch.arange(self.length) if indices is None else torch.as_tensor(indices)
        objects = self._moved(numbers)  # (N, T, objects, C, *canvas)
        return objects.sum(2).clamp(0, 1)

    @abstractmethod
    def _moved(self, numbers: Tensor) -> Tensor:
        """Give the objects of these sequences, each in its place: (N, T, objects, C, *canvas)."""


class MovingImages(_Scenes):
    """Sequences of images that move over a torus at constant whole velocities, as a torch data set.

    Each sequence shows `num_objects` images, drawn with repetition; each object has a velocity of the list and starts
    anywhere. What leaves the canvas on one side comes in on the other. Everything that is drawn is drawn when the data
    set is made, from the seed; the frames of a batch are one gather, O(batch · T · objects · C · canvas).

    Parameters
    ----------
    images : (M, H, W) or (M, C, H, W) from 0 to 1; signals (M, W) or (M, C, W), where velocities have one number.
    seq_len : frames T of a sequence.
    velocities : (vx, vy) in pixels a frame, or (vx,); each is equally likely.
    num_objects : in a sequence.
    canvas : its size, at least that of the images (which is the default): a number, or (H, W).
    seed : of all draws.
    length : number of sequences; by default as many as there are images.

    Raises
    ------
    InvalidInputError
        If images, velocities or numbers are not as described, or the canvas is smaller than the images.

    Examples
    --------
    >>> dot = torch.zeros(1, 4)
    >>> dot[0, 0] = 1
    >>> frames, shown = MovingImages(dot, 3, [(1,)], num_objects=1)[0]
    >>> frames.argmax(-1).flatten().diff() % 4
    tensor([1, 1])
    """

    def __init__(
        self,
        images: ArrayLike | Tensor,
        seq_len: int,
        velocities: Sequence[Sequence[int]],
        num_objects: int = 2,
        canvas: int | Sequence[int] | None = None,
        seed: int = 0,
        length: int | None = None,
    ):
        listed = [tuple(velocity) for velocity in velocities]
        if not listed or len({len(v) for v in listed}) != 1 or len(listed[0]) not in {1, 2}:
            raise InvalidInputError(f"Velocities are (vx, vy) or (vx,), at least one; got {listed}.")
        if any(not isinstance(number, Integral) or isinstance(number, bool) for v in listed for number in v):
            raise InvalidInputError(f"Velocities are whole numbers of pixels a frame; got {listed}.")
        super().__init__(images, seq_len, len(listed), num_objects, canvas, seed, length, dims=len(listed[0]))
        self.velocity = torch.tensor(listed)[self.choice]
        # columns (the last axis) come first, as in the velocities
        self.start = torch.from_numpy(self.rng.integers(tuple(reversed(self.canvas)), size=self.velocity.shape))

    def _moved(self, numbers: Tensor) -> Tensor:
        time = torch.arange(self.seq_len)[:, None, None]
        moved = self.start[numbers, None] + time * self.velocity[numbers, None]  # (N, T, objects, dims)
        column = (torch.arange(self.canvas[-1]) - moved[..., 0, None]) % self.canvas[-1]  # (N, T, objects, W)
        shown = self.shown[numbers][:, None, :]
        if len(self.canvas) == 1:
            channel = torch.arange(self.channels)[:, None]
            return self.images[shown[..., None, None], channel, column[..., None, :]]
        row = (torch.arange(self.canvas[0]) - moved[..., 1, None]) % self.canvas[0]
        channel = torch.arange(self.channels)[:, None, None]
        return self.images[shown[..., None, None, None], channel, row[..., None, :, None], column[..., None, None, :]]


class RotatingImages(_Scenes):
    """Sequences of images that turn about the centre of the canvas at constant velocities, as a torch data set.

    Each object starts at any angle, and turns by one of the velocities a frame, counter-clockwise as it is shown.
    Every frame is interpolated (bilinearly) from the image itself, so that turning does not blur it further and
    further; what turns out of the canvas is lost: a canvas of √2 times the size of the images keeps all of them.

    Parameters
    ----------
    images : (M, H, W) or (M, C, H, W) from 0 to 1.
    seq_len : frames T of a sequence.
    degrees : velocities in degrees a frame; each is equally likely.
    num_objects, canvas, seed, length : as in `MovingImages`.

    Raises
    ------
    InvalidInputError
        If images, velocities or numbers are not as described, or the canvas is smaller than the images.

    Examples
    --------
    >>> scenes = RotatingImages(torch.rand(3, 8, 8), 5, [-10, 0, 10], canvas=12)
    >>> scenes[0][0].shape
    torch.Size([5, 1, 12, 12])
    """

    def __init__(
        self,
        images: ArrayLike | Tensor,
        seq_len: int,
        degrees: Sequence[float],
        num_objects: int = 2,
        canvas: int | Sequence[int] | None = None,
        seed: int = 0,
        length: int | None = None,
    ):
        angles = torch.tensor(list(degrees), dtype=torch.float64)
        if angles.ndim != 1 or len(angles) == 0 or not bool(angles.isfinite().all()):
            raise InvalidInputError(f"Velocities are finite numbers of degrees, at least one; got {degrees!r}.")
        super().__init__(images, seq_len, len(angles), num_objects, canvas, seed, length, dims=2)
        self.velocity = angles[self.choice]
        self.start = torch.from_numpy(self.rng.uniform(0, 360, size=self.velocity.shape))

    def _moved(self, numbers: Tensor) -> Tensor:
        time = torch.arange(self.seq_len)[:, None]
        angles = self.start[numbers, None] + time * self.velocity[numbers, None]  # (N, T, objects)
        images = self.images[self.shown[numbers]][:, None].expand(-1, self.seq_len, -1, -1, -1, -1)
        return rotate_images(images.flatten(0, 2), angles.flatten()).unflatten(0, angles.shape)
