"""The learned Gaunt product of two features."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.symmetry.gaunt_tensor_product.layout import (
    Method,
    Normalization,
    check_degree,
    check_name,
    check_normalization,
    check_output_degree,
    degree_of,
    harmonic_scale,
    per_coefficient,
    size_of,
)
from reprise.symmetry.gaunt_tensor_product.product import METHODS, check_pair, multiply
from reprise.symmetry.gaunt_tensor_product.tables import scaled_constant


class GauntTensorProduct(nn.Module):
    r"""Gaunt product with a learned weight for each degree of both factors and of the result.

    .. math:: z_{l_3} = w^3_{l_3} \sum_{l_1 l_2} (w^1_{l_1} x_{l_1}) \otimes (w^2_{l_2} y_{l_2})

    in place of a weight for each of the O(L³) paths: the price of the speed, together with the absence of paths of odd
    l1 + l2 + l3. Costs are those of `gaunt_tensor_product`.

    Parameters
    ----------
    lmax1, lmax2 : degrees of the factors.
    lmax_out : degree of the result; lmax1 + lmax2 by default.
    channels : weights of their own for each of so many channels, the axis before the last; None shares them.
    weights : whether there are weights; without, this is `gaunt_tensor_product`.
    method, normalization : as in `gaunt_tensor_product`.
    needs : paths (l1, l2, l3) that the caller relies on; refused now where no Gaunt product has them.

    Raises
    ------
    InvalidInputError
        If degrees or channels are impossible, inputs do not fit them, or a needed path is odd or outside the degrees.
    UnknownNameError
        If there is no such method or normalization.

    References
    ----------
    Luo, Chen, Krishnapriyan (2024), arXiv:2401.10216, section 3.

    Examples
    --------
    >>> import torch
    >>> product = GauntTensorProduct(lmax1=2, lmax2=3, lmax_out=2, channels=8)
    >>> product(torch.randn(5, 8, 9), torch.randn(5, 8, 16)).shape
    torch.Size([5, 8, 9])
    """

    def __init__(
        self,
        lmax1: int,
        lmax2: int,
        lmax_out: int | None = None,
        channels: int | None = None,
        weights: bool = True,
        method: Method = "auto",
        normalization: Normalization = "integral",
        needs: Iterable[tuple[int, int, int]] = (),
    ):
        super().__init__()
        self.lmax1, self.lmax2 = check_degree(lmax1, "lmax1"), check_degree(lmax2, "lmax2")
        self.lmax_out = check_output_degree(lmax_out, lmax1 + lmax2)
        self.channels = check_channels(channels)
        check_name("method of Gaunt products", method, METHODS)
        check_normalization(normalization)
        self.method = method
        self.normalization = normalization
        for path in needs:
            self._check_path(tuple(path))
        shape = () if channels is None else (channels,)
        self.weight1, self.weight2, self.weight_out = (
            nn.Parameter(torch.ones(*shape, lmax + 1)) if weights else None for lmax in (lmax1, lmax2, self.lmax_out)
        )

    def forward(self, x: Float[Tensor, "*#batch n1"], y: Float[Tensor, "*#batch n2"]) -> Float[Tensor, "*out n3"]:
        """Multiply coefficients (..., channels, (lmax1 + 1)²) and (..., channels, (lmax2 + 1)²)."""
        check_pair(x, y, self.lmax_out, self.method)
        for name, value, lmax in (("x", x, self.lmax1), ("y", y, self.lmax2)):
            if degree_of(value, name) != lmax:
                raise InvalidInputError(
                    f"{name} must have {size_of(lmax)} coefficients, for degree {lmax}; got shape {tuple(value.shape)}."
                )
            if self.channels is not None and (value.ndim < 2 or value.shape[-2] != self.channels):
                raise InvalidInputError(
                    f"{name} must have {self.channels} channels, on the axis before the last; "
                    f"got shape {tuple(value.shape)}."
                )
        first, second = self._scaled(x, self.weight1, self.lmax1), self._scaled(y, self.weight2, self.lmax2)
        product = multiply(first, second, self.lmax_out, self.method)
        return self._scaled(product, self.weight_out, self.lmax_out, inverse=True)

    def extra_repr(self) -> str:
        """Say the degrees and how they are multiplied."""
        return f"{self.lmax1}, {self.lmax2}, {self.lmax_out}, channels={self.channels}, method={self.method!r}"

    def _scaled(self, x: Tensor, weight: Tensor | None, lmax: int, *, inverse: bool = False) -> Tensor:
        scale = weight
        if self.normalization != "integral":
            to_integral = harmonic_scale(lmax, self.normalization)
            constants = scaled_constant(tuple((1 / to_integral if inverse else to_integral).tolist()), x)
            scale = constants if weight is None else weight * constants
        return x if scale is None else x * per_coefficient(scale, lmax)

    def _check_path(self, path: tuple[int, ...]) -> None:
        if len(path) != 3 or any(type(degree) is not int or degree < 0 for degree in path):
            raise InvalidInputError(f"A path is three degrees (l1, l2, l3); got {path!r}.")
        l1, l2, l3 = path
        if l1 > self.lmax1 or l2 > self.lmax2 or l3 > self.lmax_out or not abs(l1 - l2) <= l3 <= l1 + l2:
            raise InvalidInputError(
                f"There is no path {path} in a product of degrees up to {self.lmax1} and {self.lmax2} into "
                f"{self.lmax_out}: degrees must lie within those, and make a triangle."
            )
        if sum(path) % 2:
            raise InvalidInputError(
                f"The path {path} is antisymmetric (l1 + l2 + l3 is odd, as in a cross product); products of functions "
                "have none such. Use Clebsch-Gordan products for it: ClebschGordanTensorProduct(odd_paths=True)."
            )


def check_channels(channels: int | None) -> int | None:
    """Give the number of channels back if it is one, or None."""
    if channels is not None and (isinstance(channels, bool) or not isinstance(channels, int) or channels < 1):
        raise InvalidInputError(f"channels must be an integer of at least 1, or None; got {channels!r}.")
    return channels
