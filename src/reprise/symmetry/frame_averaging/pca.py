"""PCA frames: the few rigid motions that bring a point cloud into its own principal axes."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from reprise.errors import InvalidInputError
from reprise.nn.graph import segment_mean, segment_sum
from reprise.nn.linalg import relative_eigengap, symmetric_eigen
from reprise.symmetry.equivariance import EuclideanGroup, group_named

Degenerate = Literal["warn", "raise", "perturb", "ignore"]
Kind = Literal["position", "vector", "scalar", "invariant"]
KINDS: tuple[str, ...] = ("position", "vector", "scalar", "invariant")
GAP_TOLERANCE = 1e-6
PERTURBATION = 1e3  # times the tolerance: the size of a perturbation relative to the largest eigenvalue


class FrameDegeneracyWarning(UserWarning):
    """Two principal axes have (nearly) the same variance: the frame is then a continuum, of which one was taken.

    Rounding decides which, so that the average over it is not invariant there, and jumps near by.
    """


@dataclass(frozen=True)
class Frames:
    """The frames of B point clouds: for each, F motions (R, t) with the columns of R its signed principal axes.

    Tensors come in two layouts. *Dense*: (B, n, d) point clouds go to (B, F, n, d). *Packed*, where `batch` is set:
    (N, d) points of all clouds go to (F, N, d), and `batch` (N,) names the cloud of each point.

    Attributes
    ----------
    axes : principal axes as columns, by increasing variance.
    signs : the sign of each axis in each frame.
    t : centre, zero for the groups without translations.
    gap : smallest distance of two eigenvalues of the scatter matrix over the largest, before any perturbation.
    batch : cloud of each point, in the packed layout.

    Examples
    --------
    >>> import torch
    >>> x = torch.randn(2, 10, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> frames = pca_frames(x, "E3")
    >>> canonical = frames.apply(x, "position")
    >>> canonical.shape
    torch.Size([2, 8, 10, 3])
    >>> torch.allclose(frames.average(canonical, "position"), x)
    True
    """

    axes: Float[Tensor, "B d d"]
    signs: Float[Tensor, "B F d"]
    t: Float[Tensor, "B 1 d"]
    gap: Float[Tensor, " B"]
    batch: Int[Tensor, " N"] | None = None

    @property
    def R(self) -> Float[Tensor, "B F d d"]:
        """The orthogonal matrices, one for each frame."""
        return self.axes[:, None] * self.signs[:, :, None, :]

    def __len__(self) -> int:
        """Number F of frames of each cloud: 2^d with reflections, 2^(d-1) without."""
        return self.signs.shape[1]

    def apply(self, x: Tensor, kind: Kind = "position") -> Tensor:
        """Express `x` in every frame: (x - t) R for positions, x R for vectors, copies of scalars.

        Parameters
        ----------
        x : (B, ..., d), or packed (N, ..., d); scalars may have any last axis.
        kind : ``"position"``, ``"vector"`` or ``"scalar"`` (``"invariant"`` is another word for it).

        Returns
        -------
        Tensor
            (B, F, ..., d), or packed (F, N, ..., d).
        """
        _check_kind(kind)
        if kind in {"scalar", "invariant"}:
            framed = x[:, None].expand(len(x), len(self), *x.shape[1:])
        else:
            centred = x - self._fit(self.t[:, 0], x) if kind == "position" else x
            turned = self._turn(centred, self.axes)[:, None]
            framed = turned * self._fit(self.signs, turned)
        return framed if self.batch is None else framed.movedim(1, 0)

    def invert(self, y: Tensor, kind: Kind) -> Tensor:
        """Take `y`, expressed in every frame, back: y Rᵀ + t for positions, y Rᵀ for vectors, scalars as they are.

        `y` is laid out as `apply` returns it; a packed `y` may also hold one row a cloud, (F, B, ..., d).
        """
        _check_kind(kind)
        if kind in {"scalar", "invariant"}:
            return y
        rows = y if self.batch is None else y.movedim(0, 1)
        back = self._turn(rows * self._fit(self.signs, rows), self.axes.mT)
        if kind == "position":
            back = back + self._fit(self.t, rows)
        return back if self.batch is None else back.movedim(1, 0)

    def average(self, y: Tensor, kind: Kind) -> Tensor:
        """Mean over the frames of `invert(y, kind)`, with a single rotation per cloud."""
        _check_kind(kind)
        rows = y if self.batch is None else y.movedim(0, 1)
        if kind in {"scalar", "invariant"}:
            return rows.mean(1)
        back = self._turn((rows * self._fit(self.signs, rows)).mean(1), self.axes.mT)
        return back + self._fit(self.t[:, 0], back) if kind == "position" else back

    def sample(self, generator: torch.Generator) -> Frames:
        """Give one frame of each cloud, chosen uniformly."""
        clouds, count, dim = self.signs.shape
        choice = torch.randint(count, (clouds, 1, 1), generator=generator, device=generator.device)
        signs = self.signs.gather(1, choice.to(self.signs.device).expand(clouds, 1, dim))
        return replace(self, signs=signs)

    def _rows(self, per_cloud: Tensor, size: int) -> Tensor:
        """Give what belongs to each of `size` rows: clouds, or in the packed layout points."""
        return per_cloud if self.batch is None or size == len(self.axes) else per_cloud[self.batch]

    def _fit(self, per_cloud: Tensor, like: Tensor) -> Tensor:
        """Bring (B, ..., d) to broadcast against the rows of `like`, aligned at the first axes and the last."""
        rows = self._rows(per_cloud, len(like))
        return rows.reshape(*rows.shape[:-1], *[1] * (like.ndim - rows.ndim), rows.shape[-1])

    def _turn(self, rows: Tensor, matrices: Float[Tensor, "B d d"]) -> Tensor:
        """Multiply row vectors by the matrix of their cloud."""
        flat = rows.reshape(len(rows), -1, rows.shape[-1])
        return (flat @ self._rows(matrices, len(rows))).reshape(rows.shape)


def pca_frames(
    x: Float[Tensor, "B n d"] | Float[Tensor, "N d"],
    group: str = "E3",
    *,
    mask: Bool[Tensor, "B n"] | None = None,
    batch: Int[Tensor, " N"] | None = None,
    tol: float = GAP_TOLERANCE,
    degenerate: Degenerate = "warn",
    generator: torch.Generator | None = None,
) -> Frames:
    r"""Frames of point clouds for O(d), SO(d), E(d) or SE(d) by principal component analysis.

    With t the mean of the rows of X (0 without translations) and v_1, ..., v_d the eigenvectors of the scatter matrix
    by increasing eigenvalue,

    .. math:: C = (X - 1 t^T)^T (X - 1 t^T), \qquad F(X) = \{([s_1 v_1, ..., s_d v_d], t) : s \in \{-1, 1\}^d\},

    of which SO(d) and SE(d) keep the half with determinant 1. F(g X) = g F(X) for every motion g as long as the
    eigenvalues are distinct. O(n d²) and an eigen-decomposition of O(d³) a cloud, done in float64.

    Parameters
    ----------
    x : B clouds of n points; or the N points of all clouds with `batch`.
    group : ``"E3"``, ``"SE3"``, ``"O3"``, ``"SO3"``, ``"E2"``, ... in any dimension.
    mask : which points count, in the dense layout.
    batch : cloud of each point, in the packed layout.
    tol : eigengap relative to the largest eigenvalue below which a frame counts as degenerate.
    degenerate : what then happens: ``"warn"``, ``"raise"``, ``"ignore"``, or ``"perturb"``, which adds a small random
        symmetric matrix to C and so picks a frame of the continuum by chance and keeps gradients finite.
    generator : source of the perturbation.

    Raises
    ------
    InvalidInputError
        If the group is unknown, x has another dimension, is not finite, a cloud has too few points for a unique frame
        (below d, or d - 1 without translations), or a frame is degenerate and `degenerate` is ``"raise"``.

    Warns
    -----
    FrameDegeneracyWarning
        If a frame is degenerate and `degenerate` is ``"warn"``.

    References
    ----------
    Puny, Atzmon, Ben-Hamu, Misra, Grover, Smith, Lipman (2022), Frame Averaging for Invariant and Equivariant Network
    Design, arXiv:2110.03336, section 3.1; github.com/omri1348/Frame-Averaging.

    Examples
    --------
    >>> import torch
    >>> frames = pca_frames(torch.randn(2, 10, 3, generator=torch.Generator().manual_seed(0)), "SE3")
    >>> frames.R.shape, bool((torch.linalg.det(frames.R) > 0).all())
    (torch.Size([2, 4, 3, 3]), True)
    """
    motions = euclidean_group(group)
    _check_points(x, motions, group, mask, batch)
    points = x.double()
    weight = None if mask is None else mask[..., None].to(points.dtype)
    if batch is not None:
        clouds = int(batch.max()) + 1
        t = segment_mean(points, batch, clouds) if motions.translations else points.new_zeros(clouds, motions.dim)
        centred = points - t[batch]
        scatter = segment_sum(centred[:, :, None] * centred[:, None, :], batch, clouds)
    else:
        t = points.new_zeros(len(points), motions.dim)
        if motions.translations:
            t = points.mean(1) if weight is None else (points * weight).sum(1) / weight.sum(1)
        centred = points - t[:, None]
        scatter = centred.mT @ (centred if weight is None else centred * weight)
    if not bool(torch.isfinite(scatter).all()):
        raise InvalidInputError("The points contain NaN or infinite values.")
    frames = frames_of_scatter(scatter, t, motions, batch=batch, tol=tol, degenerate=degenerate, generator=generator)
    return replace(frames, axes=frames.axes.to(x.dtype), signs=frames.signs.to(x.dtype), t=frames.t.to(x.dtype))


def euclidean_group(name: str) -> EuclideanGroup:
    """Give the group O(d), SO(d), E(d) or SE(d) of that name.

    Raises
    ------
    InvalidInputError
        If the name is none of these.
    """
    group = group_named(name)
    if not isinstance(group, EuclideanGroup):
        raise InvalidInputError(f"PCA frames are for O, SO, E and SE in some dimension; got {name!r}.")
    return group


def frames_of_scatter(
    scatter: Float[Tensor, "B d d"],
    t: Float[Tensor, "B d"],
    group: EuclideanGroup,
    *,
    batch: Int[Tensor, " N"] | None = None,
    tol: float = GAP_TOLERANCE,
    degenerate: Degenerate = "warn",
    generator: torch.Generator | None = None,
) -> Frames:
    """Frames from scatter matrices and centres; parameters as in `pca_frames`."""
    values, axes = symmetric_eigen(scatter)
    gap = relative_eigengap(values)
    if degenerate != "ignore" and bool((gap < tol).any()):
        if degenerate == "perturb":
            noise = torch.randn(scatter.shape, generator=_needed(generator), dtype=torch.float64).to(scatter)
            size = PERTURBATION * tol * values.abs().amax(-1)
            values, axes = symmetric_eigen(
                torch.where((gap < tol)[:, None, None], scatter + size[:, None, None] * (noise + noise.mT), scatter)
            )
        else:
            worst = int(gap.argmin())
            text = (
                f"{int((gap < tol).sum())} of {len(gap)} point clouds have two principal axes of nearly equal variance "
                f"(cloud {worst}: relative gap {float(gap[worst]):.1e}, below {tol:.0e}), so that their frame is not "
                "unique."
            )
            if degenerate == "raise":
                raise InvalidInputError(text)
            warnings.warn(text, FrameDegeneracyWarning, stacklevel=3)
    if not group.reflections:
        handed = torch.linalg.det(axes.detach())[:, None].sign()
        axes = torch.cat([axes[..., :-1], axes[..., -1:] * handed[..., None]], dim=-1)
    signs = axes.new_tensor(_sign_table(group.dim, group.reflections)).expand(len(axes), -1, -1)
    return Frames(axes, signs, t[:, None], gap, batch)


@cache
def _sign_table(dim: int, reflections: bool) -> Sequence[tuple[int, ...]]:
    rows = itertools.product((1, -1), repeat=dim)
    return [row for row in rows if reflections or sum(sign < 0 for sign in row) % 2 == 0]


def _needed(generator: torch.Generator | None) -> torch.Generator:
    if generator is None:
        raise InvalidInputError("degenerate='perturb' draws at random and needs a `generator`.")
    return generator


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InvalidInputError(f"Unknown kind {kind!r}; the kinds are {', '.join(KINDS)}.")


def _check_points(x: Tensor, motions: EuclideanGroup, group: str, mask: Tensor | None, batch: Tensor | None) -> None:
    layout = "(B, n, d)" if batch is None else "(N, d) beside `batch`"
    if x.ndim != (3 if batch is None else 2) or x.shape[-1] != motions.dim:
        raise InvalidInputError(
            f"Points for {group} must be {layout} with d = {motions.dim}; got shape {tuple(x.shape)}."
        )
    if x.numel() == 0:
        raise InvalidInputError(f"There are no points: x has shape {tuple(x.shape)}.")
    if batch is not None:
        fewest = int(torch.bincount(batch).min())
    else:
        fewest = x.shape[1] if mask is None else int(mask.sum(1).min())
    needed = motions.dim if motions.translations else motions.dim - 1
    if fewest < needed:
        raise InvalidInputError(
            f"A cloud has {fewest} points, too few for a unique frame: {group} needs at least {needed}."
        )
