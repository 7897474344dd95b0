"""Surface normals from point clouds, equivariant to rigid motions: frames of the cloud, or of each neighbourhood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from reprise.symmetry.frame_averaging.averaging import FrameAveraging
from reprise.symmetry.frame_averaging.pca import Degenerate, Frames, pca_frames
from reprise.symmetry.frame_averaging.pointclouds import PointNet, PointwiseLayer, gather_points, nearest_neighbours


class UnorientedNormalLoss(nn.Module):
    r"""Mean of :math:`1 - \cos^2` of the angle between predicted and true normals, which no sign changes; in [0, 1].

    Random directions in space score 2/3. Vectors need not be of unit length.

    Examples
    --------
    >>> import torch
    >>> x, y = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[-2.0, 0.0, 0.0]])
    >>> UnorientedNormalLoss()(x, y).item()
    0.0
    """

    def forward(self, predicted: Float[Tensor, "*points d"], target: Float[Tensor, "*points d"]) -> Float[Tensor, ""]:
        """Compare two fields of vectors."""
        return (1 - nn.functional.cosine_similarity(predicted, target, dim=-1).square()).mean()


class NormalEstimator(nn.Module):
    """Unit normals, up to sign, from any network that gives a vector a point: FA-PointNet and FA-DGCNN.

    The network predicts in each of the cloud's frames; the predictions go back, are averaged, and normalised.

    Parameters
    ----------
    backbone : (B, n, d) to (B, n, d), such as `PointNet` or `DGCNN`.
    group : ``"E3"`` or ``"SE3"``.
    degenerate : as in `pca_frames`.

    Examples
    --------
    >>> import torch
    >>> model = NormalEstimator(PointNet(widths=(8, 16), head=(8,)))
    >>> model(torch.randn(2, 30, 3)).norm(dim=-1).mean().item()
    1.0
    """

    def __init__(self, backbone: Callable[..., Any], group: str = "E3", *, degenerate: Degenerate = "warn"):
        super().__init__()
        self.averaged = FrameAveraging(backbone, group, output_kind="vector", degenerate=degenerate)

    def forward(self, x: Float[Tensor, "B n d"]) -> Float[Tensor, "B n d"]:
        """Estimate a normal at every point."""
        return nn.functional.normalize(self.averaged(x), dim=-1)


def local_frames(
    x: Float[Tensor, "B n d"], k: int, group: str = "E3", *, degenerate: Degenerate = "warn"
) -> tuple[Frames, Float[Tensor, "B*n k d"]]:
    """Frames of each point's neighbourhood: PCA of its k nearest points, itself included.

    Parameters
    ----------
    x : B clouds.
    k : points of a neighbourhood, at least d.
    group, degenerate : as in `pca_frames`.

    Returns
    -------
    frames : of B·n neighbourhoods.
    patches : their points, nearest first.

    Examples
    --------
    >>> import torch
    >>> frames, patches = local_frames(torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(0)), k=8)
    >>> frames.apply(patches).shape
    torch.Size([60, 8, 8, 3])
    """
    patches = gather_points(x, nearest_neighbours(x.detach(), k)).flatten(0, 1)
    return pca_frames(patches, group, degenerate=degenerate), patches


class LocalFramePointNet(nn.Module):
    """FA-Local-PointNet: describe each neighbourhood in its own frames, then the cloud in frames of the descriptions.

    A network on each neighbourhood, its points by increasing distance, gives `vectors` vectors, which go back through
    the neighbourhood's frames and are averaged. The principal axes of all these vectors of a cloud are the frames in
    which a `PointNet` reads them and predicts; its predictions go back, are averaged and normalised. O(2^d B n k)
    beside a B n² search for neighbours.

    Parameters
    ----------
    k : points of a neighbourhood (the paper: 20).
    vectors : equivariant features a point (42).
    widths, head : of the `PointNet` (128, 256, 256, 512, 2048 and 256, 256, 128).
    group : ``"E3"`` or ``"SE3"``.
    degenerate : as in `pca_frames`, for the neighbourhoods.

    References
    ----------
    Puny et al. (2022), arXiv:2110.03336, section 5.1; github.com/omri1348/Frame-Averaging,
    normal_estimation/Pointnet/model/frames_normal.py.

    Examples
    --------
    >>> import torch
    >>> model = LocalFramePointNet(k=8, vectors=4, widths=(16, 32), head=(16,))
    >>> model(torch.randn(2, 30, 3)).shape
    torch.Size([2, 30, 3])
    """

    def __init__(
        self,
        k: int = 20,
        *,
        vectors: int = 42,
        widths: Sequence[int] = (128, 256, 256, 512, 2048),
        head: Sequence[int] = (256, 256, 128),
        group: str = "E3",
        degenerate: Degenerate = "warn",
    ):
        super().__init__()
        self.k = k
        self.group = group
        self.degenerate: Degenerate = degenerate
        half = max(vectors // 2, 1)
        self.describe = nn.Sequential(
            PointwiseLayer(3 * k, 3 * half, nn.ReLU()),
            PointwiseLayer(3 * half, 3 * vectors, nn.ReLU()),
            PointwiseLayer(3 * vectors, 3 * vectors, None),
        )
        self.predict = PointNet(3 * vectors, 3, widths=widths, head=head)

    def forward(self, x: Float[Tensor, "B n 3"]) -> Float[Tensor, "B n 3"]:
        """Estimate a normal at every point."""
        local, patches = local_frames(x, self.k, self.group, degenerate=self.degenerate)
        local = replace(local, axes=local.axes.detach())
        described = self.describe(local.apply(patches).flatten(2)).unflatten(-1, (-1, 3))
        vectors = local.average(described, "vector").unflatten(0, x.shape[:2])
        overall = pca_frames(vectors.detach().flatten(1, 2), self.group, degenerate="ignore")
        overall = replace(overall, t=vectors.mean((1, 2))[:, None])
        framed = overall.apply(vectors).flatten(0, 1).flatten(2)
        predicted = self.predict(framed).unflatten(0, (len(x), -1))
        return nn.functional.normalize(overall.average(predicted, "vector"), dim=-1)
