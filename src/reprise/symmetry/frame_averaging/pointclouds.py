"""The two backbones of the paper's point cloud experiments: PointNet and DGCNN for one prediction a point."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError


def nearest_neighbours(x: Float[Tensor, "B n c"], k: int) -> Int[Tensor, "B n k"]:
    """Give the k nearest points of each point, itself first, by increasing distance. O(B n² c), memory O(B n²).

    Raises
    ------
    InvalidInputError
        If `k` is not between 1 and the number of points.
    """
    if not 1 <= k <= x.shape[1]:
        raise InvalidInputError(f"k counts neighbours, the point itself included: 1 to {x.shape[1]} here; got {k}.")
    return torch.cdist(x, x).topk(k, dim=-1, largest=False).indices


def gather_points(x: Float[Tensor, "B n c"], index: Int[Tensor, "B n k"]) -> Float[Tensor, "B n k c"]:
    """Give the rows of `x` that `index` names, cloud by cloud."""
    flat = index.flatten(1)[..., None].expand(-1, -1, x.shape[-1])
    return x.gather(1, flat).unflatten(1, index.shape[1:])


class PointwiseLayer(nn.Module):
    """Linear map of each point, batch normalisation over all points, and an activation (None for none)."""

    def __init__(self, in_features: int, out_features: int, activation: nn.Module | None, *, batch_norm: bool = True):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)
        self.norm = nn.BatchNorm1d(out_features) if batch_norm else nn.Identity()
        self.activation = nn.Identity() if activation is None else activation

    def forward(self, x: Float[Tensor, "*points c"]) -> Float[Tensor, "*points k"]:
        """Transform every point."""
        return self.finish(self.linear(x))

    def finish(self, y: Float[Tensor, "*points k"]) -> Float[Tensor, "*points k"]:
        """Normalise and activate what a linear map gave."""
        return self.activation(self.norm(y.flatten(0, -2)).view_as(y))


class PointNet(nn.Module):
    """PointNet with one output a point: shared layers, their maximum over points, and a shared head on both.

    The variant of the paper's experiments, without the input and feature transforms of Qi et al. (2017), which frames
    replace. O(B n) times the squared widths.

    Parameters
    ----------
    in_features, out_features : numbers a point.
    widths, head : of the shared layers and of the head; the paper's by default.
    batch_norm : normalise after each layer.

    References
    ----------
    Qi, Su, Mo, Guibas (2017), PointNet, arXiv:1612.00593.

    Examples
    --------
    >>> import torch
    >>> PointNet(widths=(8, 16), head=(8,))(torch.randn(2, 30, 3)).shape
    torch.Size([2, 30, 3])
    """

    def __init__(
        self,
        in_features: int = 3,
        out_features: int = 3,
        *,
        widths: Sequence[int] = (64, 128, 128, 512, 2048),
        head: Sequence[int] = (256, 256, 128),
        batch_norm: bool = True,
    ):
        super().__init__()
        steps = [in_features, *widths]
        last = len(widths) - 1
        self.layers = nn.ModuleList(
            PointwiseLayer(a, b, None if k == last else nn.ReLU(), batch_norm=batch_norm)
            for k, (a, b) in enumerate(pairwise(steps))
        )
        steps = [sum(widths) + widths[-1], *head]
        self.head = nn.Sequential(
            *(PointwiseLayer(a, b, nn.ReLU(), batch_norm=batch_norm) for a, b in pairwise(steps)),
            nn.Linear(head[-1], out_features),
        )

    def forward(
        self, x: Float[Tensor, "B n in_features"], *, mask: Bool[Tensor, "B n"] | None = None
    ) -> Float[Tensor, "B n out_features"]:
        """Predict for every point; points outside `mask` do not enter the maximum."""
        levels = []
        for layer in self.layers:
            x = layer(x)
            levels.append(x)
        pooled = x if mask is None else x.masked_fill(~mask[..., None], -torch.inf)
        overall = pooled.amax(1, keepdim=True).expand(-1, x.shape[1], -1)
        return self.head(torch.cat([overall, *levels], dim=-1))


class EdgeConvolution(nn.Module):
    """Features of a point from its nearest neighbours in feature space: the mean over j of layers([x_j - x_i, x_i]).

    The first linear map is taken apart, ``W [x_j - x_i, x_i] = A x_j + (B - A) x_i``, and so applied once a point, not
    once a neighbour.

    Parameters
    ----------
    widths : input width, then that of each layer.
    k : neighbours, the point itself included.
    pool : ``"mean"`` or ``"max"`` over the neighbours.
    """

    def __init__(self, widths: Sequence[int], k: int, *, pool: Literal["mean", "max"] = "mean"):
        super().__init__()
        self.k = k
        self.pool = pool
        steps = [2 * widths[0], *widths[1:]]
        self.layers = nn.ModuleList(PointwiseLayer(a, b, nn.LeakyReLU(0.2)) for a, b in pairwise(steps))

    def forward(self, x: Float[Tensor, "B n c"]) -> Float[Tensor, "B n k"]:
        """Convolve once, with the neighbours that the features give."""
        index = nearest_neighbours(x.detach(), self.k)
        first, *rest = self.layers
        assert isinstance(first, PointwiseLayer)
        of_neighbour, of_self = first.linear.weight.chunk(2, dim=1)
        constant = x @ (of_self - of_neighbour).mT + first.linear.bias
        y = first.finish(gather_points(x @ of_neighbour.mT, index) + constant[:, :, None])
        for layer in rest:
            y = layer(y)
        return y.mean(2) if self.pool == "mean" else y.amax(2)


class DGCNN(nn.Module):
    """Dynamic graph network with one output a point: edge convolutions on neighbours found anew in each layer.

    The variant of the paper's experiments: three convolutions of 64 channels, averages in place of maxima, outputs
    between -1 and 1; before them a learned linear transform of the input. O(B n² + B n k) times the widths.

    Parameters
    ----------
    k : neighbours, the point itself included.
    width : channels of the convolutions; the other layers are in the paper's proportion to it.
    out_features : numbers a point.
    dropout : in the head.

    References
    ----------
    Wang, Sun, Liu, Sarma, Bronstein, Solomon (2019), Dynamic graph CNN for learning on point clouds, arXiv:1801.07829.

    Examples
    --------
    >>> import torch
    >>> DGCNN(k=5, width=8)(torch.randn(2, 30, 3)).shape
    torch.Size([2, 30, 3])
    """

    def __init__(self, k: int = 40, *, width: int = 64, out_features: int = 3, dropout: float = 0.5):
        super().__init__()
        slope = nn.LeakyReLU(0.2)
        self.transform_points = EdgeConvolution((3, width, 2 * width), k, pool="max")
        self.transform_cloud = PointwiseLayer(2 * width, 16 * width, slope)
        self.transform = nn.Sequential(
            PointwiseLayer(16 * width, 8 * width, slope),
            PointwiseLayer(8 * width, 4 * width, slope),
            nn.Linear(4 * width, 9),
        )
        last = self.transform[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        with torch.no_grad():
            last.bias.copy_(torch.eye(3).flatten())
        self.convolutions = nn.ModuleList(
            [
                EdgeConvolution((3, width, width), k),
                EdgeConvolution((width, width, width), k),
                EdgeConvolution((width, width), k),
            ]
        )
        self.overall = PointwiseLayer(3 + 3 * width, 16 * width, slope)
        self.head = nn.Sequential(
            PointwiseLayer(19 * width, 4 * width, slope),
            nn.Dropout(dropout),
            PointwiseLayer(4 * width, 4 * width, slope),
            PointwiseLayer(4 * width, 2 * width, slope),
            nn.Dropout(dropout),
            nn.Linear(2 * width, out_features),
        )

    def forward(self, x: Float[Tensor, "B n 3"]) -> Float[Tensor, "B n out_features"]:
        """Predict for every point."""
        seen = self.transform_cloud(self.transform_points(x)).amax(1)
        y = x @ self.transform(seen).unflatten(-1, (3, 3))
        levels = []
        for convolution in self.convolutions:
            y = convolution(y)
            levels.append(y)
        overall = self.overall(torch.cat([x, *levels], dim=-1)).mean(1, keepdim=True)
        return torch.tanh(self.head(torch.cat([overall.expand(-1, x.shape[1], -1), *levels], dim=-1)))
