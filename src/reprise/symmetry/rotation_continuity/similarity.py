"""Gram-Schmidt beyond rotations: raw vectors of n² numbers to O(n), and to similarities of R^n."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.symmetry.rotation_continuity.checks import require_dimension, require_orthogonal, require_vectors
from reprise.symmetry.rotation_continuity.gram_schmidt import (
    EPS,
    orthonormal,
    rotation_from_gram_schmidt,
    rotation_to_gram_schmidt,
)


def orthogonal_from_gram_schmidt(
    vector: Float[Tensor, "*batch d"], n: int, eps: float = EPS
) -> Float[Tensor, "*batch n n"]:
    """Make n² numbers an element of O(n), rotation or reflection: n vectors, made orthonormal one after the other.

    As `rotation_from_gram_schmidt`, with the last column free too. No continuous path leads from rotations to
    reflections: between them lie the vectors that depend on each other, where columns of zeros are given.

    Parameters
    ----------
    vector : a_1, ..., a_n, one after the other: d = n² numbers.
    n : dimension of the space, at least 2.
    eps : shortest length that is divided by.

    Raises
    ------
    InvalidInputError
        If n is below 2, the last dimension is not n², or the type not floating.

    Examples
    --------
    >>> import torch
    >>> orthogonal_from_gram_schmidt(torch.tensor([2.0, 0.0, 1.0, -3.0]), n=2).int().tolist()
    [[1, 0], [0, -1]]
    """
    require_dimension(n, "orthogonal_from_gram_schmidt")
    require_vectors(vector, n * n, f"orthogonal_from_gram_schmidt for n={n}")
    return orthonormal(vector.unflatten(-1, (n, n)), eps).mT


def orthogonal_to_gram_schmidt(
    matrix: Float[Tensor, "*batch n n"], *, check: bool = False
) -> Float[Tensor, "*batch d"]:
    """Give the n² numbers that `orthogonal_from_gram_schmidt` turns into `matrix`: its columns, one after the other.

    Parameters
    ----------
    matrix : orthogonal matrices.
    check : raise if a matrix is not orthogonal.

    Raises
    ------
    InvalidInputError
        If the shape is not (..., n, n) with n of at least 2, or (with `check`) a matrix is not orthogonal.

    Examples
    --------
    >>> import torch
    >>> orthogonal_to_gram_schmidt(torch.tensor([[0.0, 1.0], [1.0, 0.0]])).tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    require_orthogonal(matrix, "orthogonal_to_gram_schmidt", check=check)
    return matrix.mT.flatten(-2)


class Similarity(NamedTuple):
    """The map x ↦ scale · rotation x + translation of R^n.

    `scale` (...), `rotation` (..., n, n), `translation` (..., n), with the same batch.

    Examples
    --------
    >>> import torch
    >>> turn = Similarity(torch.tensor(2.0), torch.tensor([[0.0, -1.0], [1.0, 0.0]]), torch.tensor([5.0, 5.0]))
    >>> turn.apply(torch.tensor([[1.0, 0.0]])).tolist()
    [[5.0, 7.0]]
    """

    scale: Float[Tensor, "*batch"]
    rotation: Float[Tensor, "*batch n n"]
    translation: Float[Tensor, "*batch n"]

    def apply(self, points: Float[Tensor, "*batch m n"]) -> Float[Tensor, "*batch m n"]:
        """Move `points`."""
        turned = points @ self.rotation.mT
        return self.scale[..., None, None] * turned + self.translation.unsqueeze(-2)


def similarity_from_gram_schmidt(vector: Float[Tensor, "*batch d"], n: int, eps: float = EPS) -> Similarity:
    """Make n² numbers a similarity of R^n: rotation, scale and translation.

    The first n² - n numbers give the rotation as in `rotation_from_gram_schmidt`, the length of a_1, which the
    rotation does not use, is the scale, and the last n numbers are the translation.

    Parameters
    ----------
    vector : d = n² numbers.
    n : dimension of the space, at least 2.
    eps : shortest length that is divided by, and smallest scale.

    Raises
    ------
    InvalidInputError
        If n is below 2, the last dimension is not n², or the type not floating.

    Examples
    --------
    >>> import torch
    >>> move = similarity_from_gram_schmidt(torch.tensor([0.0, 2.0, 5.0, 6.0]), n=2)
    >>> move.scale.item(), move.rotation.int().tolist(), move.translation.tolist()
    (2.0, [[0, -1], [1, 0]], [5.0, 6.0])
    """
    require_dimension(n, "similarity_from_gram_schmidt")
    require_vectors(vector, n * n, f"similarity_from_gram_schmidt for n={n}")
    scale = torch.linalg.vector_norm(vector[..., :n], dim=-1).clamp_min(eps)
    return Similarity(scale, rotation_from_gram_schmidt(vector[..., :-n], n, eps), vector[..., -n:])


def similarity_to_gram_schmidt(similarity: Similarity, *, check: bool = False) -> Float[Tensor, "*batch d"]:
    """Give the n² numbers that `similarity_from_gram_schmidt` turns into `similarity`. Continuous.

    Parameters
    ----------
    similarity : scale, rotation and translation.
    check : raise if a rotation is none, or a scale is not positive.

    Raises
    ------
    InvalidInputError
        If the rotation's shape is not (..., n, n), or (with `check`) the similarity is none.

    Examples
    --------
    >>> import torch
    >>> half = Similarity(torch.tensor(0.5), torch.eye(2), torch.zeros(2))
    >>> similarity_to_gram_schmidt(half).tolist()
    [0.5, 0.0, 0.0, 0.0]
    """
    scale, rotation, translation = similarity
    if check and not bool((scale > 0).all()):
        raise InvalidInputError("similarity_to_gram_schmidt takes positive scales; one is 0, negative or NaN.")
    columns = rotation_to_gram_schmidt(rotation, check=check) * scale.unsqueeze(-1)
    return torch.cat((columns, translation), dim=-1)
