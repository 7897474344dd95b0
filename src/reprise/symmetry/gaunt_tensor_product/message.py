"""Message passing on features of all degrees, by Gaunt products or Clebsch-Gordan products in their place."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.graph import segment_mean
from reprise.symmetry.gaunt_tensor_product.clebsch_gordan import ClebschGordanTensorProduct
from reprise.symmetry.gaunt_tensor_product.convolution import GauntConvolution
from reprise.symmetry.gaunt_tensor_product.layout import check_degree, check_name, degrees
from reprise.symmetry.gaunt_tensor_product.modules import GauntTensorProduct
from reprise.symmetry.gaunt_tensor_product.rotations import EdgeFrames, spherical_harmonics
from reprise.symmetry.gaunt_tensor_product.tables import constant

Product = Literal["gaunt", "clebsch-gordan"]
PRODUCTS = get_args(Product)


class DegreeLinear(nn.Module):
    """Mix channels linearly, with a matrix for each degree: the equivariant linear map.

    Weights start normal with variance 1 / `inputs`. O(inputs · outputs · (L + 1)²) a row.

    Parameters
    ----------
    inputs, outputs : channels.
    lmax : highest degree.

    Raises
    ------
    InvalidInputError
        If a number of channels is below 1 or `lmax` is not an integer from 0 to 64.

    References
    ----------
    The channel mixing around the products of Luo, Chen, Krishnapriyan (2024), arXiv:2401.10216.

    Examples
    --------
    >>> import torch
    >>> DegreeLinear(4, 8, lmax=2)(torch.randn(5, 4, 9)).shape
    torch.Size([5, 8, 9])
    """

    def __init__(self, inputs: int, outputs: int, lmax: int):
        super().__init__()
        if min(inputs, outputs) < 1:
            raise InvalidInputError(f"inputs and outputs must be at least 1; got {inputs} and {outputs}.")
        self.lmax = check_degree(lmax)
        self.weight = nn.Parameter(torch.randn(lmax + 1, inputs, outputs) / inputs**0.5)

    def forward(self, x: Float[Tensor, "N c n"]) -> Float[Tensor, "N k n"]:
        """Mix."""
        matrices = self.weight.index_select(0, constant(degrees, self.lmax, like=x))
        return torch.bmm(x.permute(2, 0, 1), matrices).permute(1, 2, 0)


class GauntMessageLayer(nn.Module):
    r"""One step of message passing on features of all degrees, with two tensor products.

    .. math::
        a_i &= \operatorname{mean}_{j \in N(i)}\; (W h_j) \otimes R(s_{ij})\, Y(r_{ij}) \\
        b_i &= W_1 [h_i, a_i] \otimes W_2 [h_i, a_i] \\
        h_i &\leftarrow h_i + \text{gate}(W_3 [h_i, a_i, b_i])

    where R is a network of the edge's invariants s and of the scalars at both ends, W mix channels of a degree, and the
    gate multiplies each degree above 0 by the sigmoid of a linear map of the scalars, which themselves pass through
    SiLU. The first product is a `GauntConvolution`, the second a `GauntTensorProduct`; with `product`
    ``"clebsch-gordan"`` both are full ones with a weight for each path.

    Parameters
    ----------
    channels, lmax : C and L of the features (N, C, (L + 1)²).
    invariants : numbers s an edge.
    product : which.
    odd_paths : also antisymmetric paths, for Clebsch-Gordan products only; reflections are then no symmetry any more.

    Raises
    ------
    InvalidInputError
        If a size is impossible, or odd paths are asked of Gaunt products.
    UnknownNameError
        If there is no such product.

    References
    ----------
    Luo, Chen, Krishnapriyan (2024), arXiv:2401.10216, in the manner of Brandstetter et al. (2022), SEGNN,
    arXiv:2110.02905, and Batatia et al. (2022), MACE, arXiv:2206.07697.

    Examples
    --------
    >>> import torch
    >>> layer = GauntMessageLayer(channels=8, lmax=2, invariants=1)
    >>> edges = torch.tensor([[0, 1, 2], [1, 2, 0]])
    >>> r = torch.randn(3, 3)
    >>> layer(torch.randn(3, 8, 9), layer.geometry(r), r.norm(dim=-1, keepdim=True), edges).shape
    torch.Size([3, 8, 9])
    """

    def __init__(
        self, channels: int, lmax: int, invariants: int, product: Product = "gaunt", *, odd_paths: bool = False
    ):
        super().__init__()
        check_degree(lmax)
        if channels < 1 or invariants < 0:
            raise InvalidInputError(
                f"channels must be at least 1 and invariants at least 0; got {channels} and {invariants}."
            )
        check_name("tensor product", product, PRODUCTS)
        if product == "gaunt" and odd_paths:
            raise InvalidInputError(
                "Gaunt products have no antisymmetric paths (l1 + l2 + l3 odd, as in a cross product); "
                'use product="clebsch-gordan" for them.'
            )
        self.lmax = lmax
        self.channels = channels
        self.sender = DegreeLinear(channels, channels, lmax)
        self.convolution: GauntConvolution | ClebschGordanTensorProduct
        self.interaction: GauntTensorProduct | ClebschGordanTensorProduct
        if product == "gaunt":
            self.convolution = GauntConvolution(lmax, lmax, lmax, channels, normalization="component")
            self.interaction = GauntTensorProduct(lmax, lmax, lmax, channels, normalization="component")
            for weight in (self.convolution.weight_out, self.interaction.weight_out):
                assert weight is not None
                nn.init.constant_(weight, 1 / (lmax + 1))  # features of variance 1 keep it, or nearly
            radial = lmax + 1
        else:
            self.convolution = ClebschGordanTensorProduct(
                lmax, lmax, lmax, channels, weights=False, odd_paths=odd_paths
            )
            self.interaction = ClebschGordanTensorProduct(lmax, lmax, lmax, channels, odd_paths=odd_paths)
            radial = len(self.convolution.paths)
        self.radial = nn.Sequential(
            nn.Linear(invariants + 2 * channels, 2 * channels), nn.SiLU(), nn.Linear(2 * channels, channels * radial)
        )
        self.first = DegreeLinear(2 * channels, channels, lmax)
        self.second = DegreeLinear(2 * channels, channels, lmax)
        self.update = DegreeLinear(3 * channels, channels, lmax)
        self.gate = nn.Linear(channels, channels * lmax)

    def geometry(self, vectors: Float[Tensor, "E 3"]) -> EdgeFrames | Tensor:
        """Give what the layer needs to know of edge vectors: their frames, or their harmonics (E, 1, (L + 1)²)."""
        if isinstance(self.convolution, GauntConvolution):
            return self.convolution.frames(vectors)
        return spherical_harmonics(vectors, self.lmax, "component").unsqueeze(1)

    def forward(
        self,
        h: Float[Tensor, "N C n"],
        geometry: EdgeFrames | Tensor,
        invariants: Float[Tensor, "E s"],
        edge_index: Int[Tensor, "2 E"],
    ) -> Float[Tensor, "N C n"]:
        """Pass one message along every edge and update every node; `geometry` may be shared by layers."""
        source, target = edge_index
        scalars = h[..., 0]
        seen = torch.cat([scalars.index_select(0, source), scalars.index_select(0, target), invariants], dim=-1)
        radial = self.radial(seen).unflatten(-1, (self.channels, -1))
        messages = self.convolution(self.sender(h).index_select(0, source), geometry, radial)
        both = torch.cat([h, segment_mean(messages, target, len(h))], dim=1)
        interaction = self.interaction(self.first(both), self.second(both))
        return h + self._gated(self.update(torch.cat([both, interaction], dim=1)))

    def _gated(self, x: Tensor) -> Tensor:
        scalars = x[..., 0]
        if self.lmax == 0:
            return nn.functional.silu(scalars)[..., None]
        gates = torch.sigmoid(self.gate(scalars)).unflatten(-1, (self.channels, self.lmax))
        above = constant(_degree_above_0, self.lmax, like=x)
        return torch.cat([nn.functional.silu(scalars)[..., None], x[..., 1:] * gates.index_select(-1, above)], dim=-1)


def _degree_above_0(lmax: int) -> object:
    return degrees(lmax)[1:] - 1
