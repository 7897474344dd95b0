"""The full Clebsch-Gordan product, whose paths each have a weight: what the Gaunt product is compared with."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.symmetry.gaunt_tensor_product.coefficients import real_wigner_3j
from reprise.symmetry.gaunt_tensor_product.layout import check_degree, check_output_degree, degree_of, size_of
from reprise.symmetry.gaunt_tensor_product.modules import check_channels
from reprise.symmetry.gaunt_tensor_product.tables import constant

Path = tuple[int, int, int]


class ClebschGordanTensorProduct(nn.Module):
    r"""Tensor product with a weight of its own for each path (l1, l2, l3).

    .. math:: z_{l_3} = \sum_{l_1 l_2} w_{l_1 l_2 l_3}\, \sqrt{\tfrac{2 l_3 + 1}{n_{l_3}}}\;
        W_{l_1 l_2 l_3}(x_{l_1}, y_{l_2})

    with W the real 3j tensor and n the number of paths into a degree: with features of variance 1 and weights 1 the
    result has variance 1. Without `odd_paths` it is equivariant to rotations and inversion, as the Gaunt product is;
    with them (cross products) to rotations only, unless the caller keeps account of parity. Channels do not mix.
    O(L⁶) a pair of dense products, all paths in one: a matrix product with the outer product of the factors.

    Parameters
    ----------
    lmax1, lmax2 : degrees of the factors.
    lmax_out : degree of the result; lmax1 + lmax2 by default.
    channels : weights of their own for each of so many channels; None shares them.
    weights : whether the module has weights; without, `forward` may be given them.
    odd_paths : also those of odd l1 + l2 + l3.

    Raises
    ------
    InvalidInputError
        If degrees or channels are impossible, or inputs do not fit them.

    References
    ----------
    Thomas et al. (2018), Tensor field networks, arXiv:1802.08219; Geiger, Smidt (2022), e3nn, arXiv:2207.09453.
    Compared with Gaunt products in Luo, Chen, Krishnapriyan (2024), arXiv:2401.10216.

    Examples
    --------
    >>> import torch
    >>> product = ClebschGordanTensorProduct(1, 1, 1, odd_paths=True)
    >>> product.paths
    ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 1))
    >>> product(torch.randn(5, 4), torch.randn(5, 4)).shape
    torch.Size([5, 4])
    """

    def __init__(
        self,
        lmax1: int,
        lmax2: int,
        lmax_out: int | None = None,
        channels: int | None = None,
        weights: bool = True,
        odd_paths: bool = False,
    ):
        super().__init__()
        self.lmax1, self.lmax2 = check_degree(lmax1, "lmax1"), check_degree(lmax2, "lmax2")
        self.lmax_out = check_output_degree(lmax_out, lmax1 + lmax2)
        self.channels = check_channels(channels)
        self.odd_paths = odd_paths
        self.paths: tuple[Path, ...] = _paths(self.lmax1, self.lmax2, self.lmax_out, odd_paths)
        shape = (len(self.paths),) if channels is None else (channels, len(self.paths))
        self.weight = nn.Parameter(torch.ones(shape)) if weights else None

    def forward(
        self,
        x: Float[Tensor, "*#batch n1"],
        y: Float[Tensor, "*#batch n2"],
        weight: Float[Tensor, "*#batch paths"] | None = None,
    ) -> Float[Tensor, "*out n3"]:
        """Multiply; `weight`, with a last axis over `paths`, multiplies the module's own."""
        for name, value, lmax in (("x", x, self.lmax1), ("y", y, self.lmax2)):
            if degree_of(value, name) != lmax:
                raise InvalidInputError(
                    f"{name} must have {size_of(lmax)} coefficients, for degree {lmax}; got shape {tuple(value.shape)}."
                )
        if weight is not None and weight.shape[-1] != len(self.paths):
            raise InvalidInputError(f"weight needs {len(self.paths)} numbers, one a path; got {tuple(weight.shape)}.")
        both = self.weight if weight is None else weight if self.weight is None else weight * self.weight
        if both is None:
            return self._contracted(x, y, _summed)
        # a column for each component of each path, which its weight multiplies and then joins with its degree's others
        columns = self._contracted(x, y, _apart) * (both @ self._table(_path_of, like=x))
        return columns @ self._table(_place_of, like=x)

    def _contracted(self, x: Tensor, y: Tensor, table: Callable[..., NDArray[np.float64]]) -> Tensor:
        three_j = self._table(table, like=x)
        if y.ndim == 3 and x.ndim == 3 and y.shape[1] == 1 and len(x) == len(y):  # one y for all channels
            of_y = three_j.unflatten(0, (x.shape[-1], y.shape[-1])).movedim(1, 0).flatten(1)
            return torch.bmm(x, (y[:, 0] @ of_y).unflatten(-1, (x.shape[-1], -1)))
        return (x[..., :, None] * y[..., None, :]).flatten(-2) @ three_j

    def _table(self, table: Callable[..., NDArray[np.float64]], *, like: Tensor) -> Tensor:
        return constant(table, self.lmax1, self.lmax2, self.lmax_out, self.odd_paths, like=like)


@lru_cache(maxsize=128)
def _paths(lmax1: int, lmax2: int, lmax_out: int, odd_paths: bool) -> tuple[Path, ...]:
    return tuple(
        (l1, l2, l3)
        for l1 in range(lmax1 + 1)
        for l2 in range(lmax2 + 1)
        for l3 in range(abs(l1 - l2), min(l1 + l2, lmax_out) + 1)
        if odd_paths or (l1 + l2 + l3) % 2 == 0
    )


def _apart(*size: int) -> NDArray[np.float64]:
    """Give (n1 n2, columns): the scaled 3j tensor of each path in columns of its own."""
    lmax1, lmax2, _, _ = size
    paths = _paths(*size)
    arriving = np.bincount([l3 for _, _, l3 in paths])
    blocks = []
    for l1, l2, l3 in paths:
        block = np.zeros((size_of(lmax1), size_of(lmax2), 2 * l3 + 1))
        three_j = real_wigner_3j(l1, l2, l3).numpy()
        block[l1**2 : (l1 + 1) ** 2, l2**2 : (l2 + 1) ** 2] = three_j * np.sqrt((2 * l3 + 1) / arriving[l3])
        blocks.append(block.reshape(-1, 2 * l3 + 1))
    return np.concatenate(blocks, axis=1)


def _summed(*size: int) -> NDArray[np.float64]:
    """Give (n1 n2, n3): all paths of weight 1 together."""
    return _apart(*size) @ _place_of(*size)


def _path_of(*size: int) -> NDArray[np.float64]:
    """Give (paths, columns): 1 where a column is of a path."""
    paths = _paths(*size)
    return np.repeat(np.eye(len(paths)), [2 * l3 + 1 for _, _, l3 in paths], axis=1)


def _place_of(*size: int) -> NDArray[np.float64]:
    """Give (columns, n3): 1 where a column is added to."""
    return np.concatenate([np.eye(size_of(size[2]))[l3**2 : (l3 + 1) ** 2] for _, _, l3 in _paths(*size)])
