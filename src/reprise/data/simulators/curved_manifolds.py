"""Points on bent curves or surfaces with known membership: closed, each in a subspace of its own, then warped together.

A manifold of dimension q starts as the torus (cos t_1, sin t_1, ..., cos t_q, sin t_q) and its overtones
(cos 2 t_1, sin 2 t_1, ...), which an own random matrix lays into a latent sphere; a random network of two layers, one
for all manifolds, bends the sphere into the ambient space. So no manifold is linear, and they come close to each other:
the more so, the fewer dimensions there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reprise.errors import InvalidInputError

__all__ = ["CurvedManifolds", "curved_manifolds"]


@dataclass(frozen=True)
class CurvedManifolds:
    """Bent manifolds, of which points can be drawn.

    Parameters
    ----------
    frames : (K, 4 q, m) how harmonics of the q angles lie in the latent space, for each of K manifolds.
    hidden : (m, h) first layer of the network that bends them.
    out : (h, D) second layer.

    Examples
    --------
    >>> manifolds = curved_manifolds(3, rng=np.random.default_rng(0))
    >>> X, labels, angles = manifolds.draw(100, np.random.default_rng(1))
    >>> X.shape, np.bincount(labels).tolist(), angles.shape
    ((300, 50), [100, 100, 100], (300, 1))
    """

    frames: Float[np.ndarray, "K harmonics m"]
    hidden: Float[np.ndarray, "m h"]
    out: Float[np.ndarray, "h D"]

    @property
    def dimension(self) -> int:
        """Dimension q of each manifold."""
        return self.frames.shape[1] // 4

    def at(self, labels: Int[np.ndarray, " n"], angles: Float[np.ndarray, "n q"]) -> Float[np.ndarray, "n D"]:
        """Give the points of these manifolds at these angles (radians), without noise."""
        harmonics = np.concatenate([np.cos(angles), np.sin(angles), np.cos(2 * angles), np.sin(2 * angles)], axis=1)
        latent = np.einsum("nh,nhm->nm", harmonics, self.frames[labels])
        latent /= np.linalg.norm(latent, axis=1, keepdims=True)
        return np.tanh(latent @ self.hidden) @ self.out

    def draw(
        self, points: int, rng: np.random.Generator, noise: float = 0.01
    ) -> tuple[Float[np.ndarray, "n D"], Int[np.ndarray, " n"], Float[np.ndarray, "n q"]]:
        """Draw points uniformly in their angles, manifold by manifold.

        Parameters
        ----------
        points : of each manifold.
        rng : source of randomness.
        noise : standard deviation of Gaussian noise in every coordinate, in units of the points' overall spread.

        Returns
        -------
        X : (n, D) points.
        labels : (n,) their manifolds.
        angles : (n, q) where on them.

        Raises
        ------
        InvalidInputError
            If `points` is below 1 or `noise` negative.
        """
        if points < 1 or not noise >= 0:
            raise InvalidInputError(
                f"At least one point and a noise of at least 0 are expected; got {points}, {noise}."
            )
        labels = np.repeat(np.arange(len(self.frames)), points)
        angles = rng.uniform(0, 2 * np.pi, (len(labels), self.dimension))
        X = self.at(labels, angles)
        return X + noise * X.std() * rng.standard_normal(X.shape), labels, angles


def curved_manifolds(
    n_manifolds: int,
    rng: np.random.Generator,
    *,
    dimension: int = 1,
    latent: int = 6,
    ambient: int = 50,
    bend: float = 2.0,
) -> CurvedManifolds:
    """Make manifolds at random.

    Parameters
    ----------
    n_manifolds : K.
    rng : source of randomness.
    dimension : q; 1 for curves, 2 for surfaces.
    latent : m, dimension of the space that they lie in before they are bent; in a small one they come close.
    ambient : D, dimension of the points.
    bend : spread of the first layer's weights: how far tanh leaves its linear part.

    Raises
    ------
    InvalidInputError
        If a number is below 1, or `bend` is not positive.

    Examples
    --------
    >>> curved_manifolds(4, np.random.default_rng(0), dimension=2).frames.shape
    (4, 8, 6)
    """
    if min(n_manifolds, dimension, latent, ambient) < 1 or not bend > 0:
        raise InvalidInputError(
            f"Numbers of at least 1 and a positive bend are expected; got {n_manifolds} manifolds, dimension "
            f"{dimension}, latent {latent}, ambient {ambient}, bend {bend}."
        )
    frames = rng.standard_normal((n_manifolds, 4 * dimension, latent))
    frames[:, 2 * dimension :] /= 2  # overtones bend, the first harmonics lead
    hidden = bend * rng.standard_normal((latent, 2 * ambient))
    return CurvedManifolds(frames, hidden, rng.standard_normal((2 * ambient, ambient)) / np.sqrt(2 * ambient))
