"""What of an attribution map is clustered: where evidence lies, and how much there is."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch.nn import functional

from reprise.errors import InvalidInputError

Normalisation = Literal["l1", "l2", "none"]


def explanation_features(
    maps: ArrayLike,
    *,
    grid: int = 7,
    split_sign: bool = True,
    normalize: Normalisation = "l1",
    add_mass: bool = True,
) -> Float[np.ndarray, "n p"]:
    """Turn attribution maps φ into rows that can be clustered.

    Each map is averaged over blocks of a grid, what speaks for (φ > 0) apart from what speaks against; the row is
    normalised, which leaves the *shape* of the explanation; and the total evidence of either sign is appended, so that
    strength counts too::

        row = [ blocks(max(φ, 0)), blocks(max(-φ, 0)) ] / norm,    log(1 + Σ max(φ, 0)),  log(1 + Σ max(-φ, 0))

    Parameters
    ----------
    maps : (n, H, W), or (n, channels, H, W), which are summed over channels first.
    grid : blocks along each side; 7 suits 28 pixels, 14 suits 224.
    split_sign : keep evidence for and against apart; else blocks of φ itself.
    normalize : ``"l1"``, ``"l2"`` or ``"none"``; a map of zeros stays zeros.
    add_mass : append the two logarithms.

    Returns
    -------
    (n, p) array, p = 2 grid² + 2 by default

    Raises
    ------
    InvalidInputError
        If the maps have another shape or are not finite, or the grid is finer than they are.

    References
    ----------
    S. Ravi, S. Khoshrou, M. Pechenizkiy, "ViDi", 2020, arXiv 2011.14871.

    Examples
    --------
    >>> explanation_features([[[3.0, 0.0], [0.0, -1.0]]], grid=2).round(2)
    array([[0.75, 0.  , 0.  , 0.  , 0.  , 0.  , 0.  , 0.25, 1.39, 0.69]])
    """
    evidence = net_evidence(maps)
    if not 1 <= grid <= min(evidence.shape[1:]):
        raise InvalidInputError(f"A grid of {grid} by {grid} blocks does not fit maps of shape {evidence.shape[1:]}.")
    parts = [np.maximum(evidence, 0), np.maximum(-evidence, 0)]
    shape = np.hstack([_blocks(part, grid) for part in (parts if split_sign else [evidence])])
    if normalize != "none":
        norm = np.linalg.norm(shape, 1 if normalize == "l1" else 2, axis=1, keepdims=True)
        shape = np.divide(shape, norm, out=np.zeros_like(shape), where=norm > 0)
    mass = [np.log1p(part.sum(axis=(1, 2)))[:, None] for part in parts] if add_mass else []
    return np.hstack([shape, *mass])


def net_evidence(maps: ArrayLike) -> Float[np.ndarray, "n H W"]:
    """Check maps, and sum them over channels."""
    values = np.asarray(maps)
    if values.dtype.kind not in "fiub" or values.ndim not in {3, 4} or not values.size:
        raise InvalidInputError(
            f"Maps are numbers of shape (n, H, W) or (n, channels, H, W), not empty; got {values.dtype} of shape "
            f"{values.shape}."
        )
    values = values.astype(float)
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))[0])
        raise InvalidInputError(f"Maps hold NaN or infinite values, the first in map {bad}.")
    return values.sum(axis=1) if values.ndim == 4 else values


def _blocks(maps: Float[np.ndarray, "n H W"], grid: int) -> Float[np.ndarray, "n blocks"]:
    return functional.adaptive_avg_pool2d(torch.from_numpy(maps)[:, None], grid).flatten(1).numpy()
