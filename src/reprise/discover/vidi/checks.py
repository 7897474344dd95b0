"""Predictions, grades and images that fit each other."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from reprise.errors import InvalidInputError


def integers(values: ArrayLike, n: int, what: str) -> Int[np.ndarray, " n"]:
    """Give n whole numbers from 0."""
    array = np.asarray(values)
    if array.shape != (n,) or array.dtype.kind not in "iub" or (array.size and array.min() < 0):
        raise InvalidInputError(f"{what} are expected to be {n} classes, integers from 0; got {array.dtype} of shape "
                                f"{array.shape}.")  # fmt: skip
    return array.astype(np.int64)


def finite(values: ArrayLike, n: int, what: str) -> Float[np.ndarray, " n"]:
    """Give n finite numbers."""
    array = np.asarray(values, dtype=float)
    if array.shape != (n,) or not np.isfinite(array).all():
        raise InvalidInputError(f"{what} is expected to be {n} finite numbers; got shape {array.shape}.")
    return array


def grey(images: ArrayLike | torch.Tensor, shape: tuple[int, ...]) -> Float[np.ndarray, "n H W"]:
    """Give the mean over channels of images that fit maps."""
    array = np.asarray(images.detach().cpu() if isinstance(images, torch.Tensor) else images, dtype=float)
    mean = array.mean(axis=1) if array.ndim == 4 else array
    if mean.shape != shape:
        raise InvalidInputError(f"Images {array.shape} do not fit maps (n, H, W) of shape {shape}.")
    return mean


def check_range(k_range: Iterable[int]) -> None:
    """Refuse what is not the smallest and the largest number of clusters to try."""
    values = list(k_range)
    if len(values) != 2 or not all(isinstance(k, Integral) for k in values) or not 2 <= values[0] <= values[1]:
        raise InvalidInputError(f"k_range is two integers from 2 up, the smaller first; got {k_range}.")
