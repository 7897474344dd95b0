"""Frame averaging around any backbone, for the motions of Euclidean space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.graph import disjoint_copies
from reprise.symmetry.frame_averaging.pca import (
    GAP_TOLERANCE,
    KINDS,
    Degenerate,
    Frames,
    Kind,
    euclidean_group,
    pca_frames,
)


class FrameAveraging(nn.Module):
    r"""Make any network of points exactly invariant or equivariant to O(d), SO(d), E(d) or SE(d).

    For each input X with PCA frame F(X) (`pca_frames`), and ρ₂ the action on outputs,

    .. math:: \langle \phi \rangle_F (X) = \frac{1}{|F(X)|} \sum_{g \in F(X)} \rho_2(g)\, \phi(g^{-1} X).

    What the backbone φ can approximate, its average can too, among the functions with that symmetry; a symmetry that
    φ has already (to the order of points, say) is kept. The backbone is called once, on all frames of all inputs: 2^d
    times the inputs with reflections, 2^(d-1) without (8 and 4 in space), beside O(n d² + d³) a cloud for the frames.

    Two layouts. *Dense*: inputs (B, n, d), to the backbone (B·F, n, d). *Packed*, when `batch` or `edge_index` is
    given: points (N, d) of all clouds, to the backbone (F·N, d) with keywords `edge_index` and `batch` for F·B
    unconnected graphs.

    Parameters
    ----------
    backbone : any module or function of the canonical inputs; gives one tensor or several, whose first axis is that
        of its inputs (or of graphs, in the packed layout).
    group : ``"E3"``, ``"SE3"``, ``"O3"``, ``"SO2"``, ...; the translation is that of the points' mean.
    input_kinds : how the group acts on each input: ``"position"``, ``"vector"`` (no translation: velocities) or
        ``"scalar"`` (charges). The first position, or without translations the first vector, defines the frame;
        the others follow it.
    output_kind : likewise for the output, or each of several: ``"position"``, ``"vector"``, ``"scalar"`` or, meaning
        the same, ``"invariant"``.
    frames : ``"full"`` averages over the whole frame. ``"random"`` takes one random element a cloud while training
        (stochastic frame averaging: one forward pass, symmetric on average) and the whole frame in evaluation.
    detach : treat the axes as constants in the gradient, as the authors do, since theirs is unbounded where two
        variances meet. The centre, a plain mean, stays differentiable.
    tol, degenerate : as in `pca_frames`; ``"perturb"`` draws from `seed` afresh at each call.
    seed : of random frames and perturbations.

    Raises
    ------
    InvalidInputError
        At construction for an unknown group, kind or setting; in `forward` for inputs that `pca_frames` refuses or
        that do not match `input_kinds`.

    Warns
    -----
    FrameDegeneracyWarning
        In `forward`, if a cloud has two principal axes of equal variance.

    References
    ----------
    Puny, Atzmon, Ben-Hamu, Misra, Grover, Smith, Lipman (2022), Frame Averaging for Invariant and Equivariant Network
    Design, arXiv:2110.03336; github.com/omri1348/Frame-Averaging. Random frames: Duval et al. (2023), FAENet,
    arXiv:2305.05577.

    Examples
    --------
    A multilayer perceptron on flattened points becomes a function of shape alone:

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> backbone = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(15, 8), torch.nn.Tanh())
    >>> model = FrameAveraging(backbone, group="E3", output_kind="invariant").double()
    >>> x = torch.randn(2, 5, 3, dtype=torch.float64)
    >>> turned = x.flip(-1) + 7  # swapping two coordinates reflects
    >>> torch.allclose(model(turned), model(x), atol=1e-12)
    True
    """

    def __init__(
        self,
        backbone: Callable[..., Any],
        group: str = "E3",
        *,
        input_kinds: Kind | Sequence[Kind] = "position",
        output_kind: Kind | Sequence[Kind] = "invariant",
        frames: Literal["full", "random"] = "full",
        detach: bool = True,
        tol: float = GAP_TOLERANCE,
        degenerate: Degenerate = "warn",
        seed: int = 0,
    ):
        super().__init__()
        motions = euclidean_group(group)
        kinds: tuple[Kind, ...] = (input_kinds,) if isinstance(input_kinds, str) else tuple(input_kinds)
        outputs: tuple[Kind, ...] = (output_kind,) if isinstance(output_kind, str) else tuple(output_kind)
        if unknown := [kind for kind in (*kinds, *outputs) if kind not in KINDS]:
            raise InvalidInputError(f"Unknown kind {unknown[0]!r}; the kinds are {', '.join(KINDS)}.")
        defining = {"position"} if motions.translations else {"position", "vector"}
        framing = [k for k, kind in enumerate(kinds) if kind in defining]
        if not framing:
            raise InvalidInputError(f"No input defines a frame of {group}: one of input_kinds must be 'position'.")
        if frames not in {"full", "random"}:
            raise InvalidInputError(f"frames must be 'full' or 'random'; got {frames!r}.")
        if degenerate not in {"warn", "raise", "perturb", "ignore"}:
            raise InvalidInputError(f"degenerate must be warn, raise, perturb or ignore; got {degenerate!r}.")
        self.backbone = backbone
        self.group = group
        self.input_kinds = kinds
        self.output_kind = output_kind if isinstance(output_kind, str) else outputs
        self.frames = frames
        self.detach = detach
        self.tol = tol
        self.degenerate: Degenerate = degenerate
        self.generator = torch.Generator().manual_seed(seed)
        self._framing = framing[0]

    def forward(
        self,
        *inputs: Tensor,
        mask: Bool[Tensor, "B n"] | None = None,
        edge_index: Int[Tensor, "2 E"] | None = None,
        batch: Int[Tensor, " N"] | None = None,
        **keywords: Any,
    ) -> Tensor | tuple[Tensor, ...]:
        """Average the backbone over the frames of the inputs.

        Parameters
        ----------
        inputs : one tensor for each of `input_kinds`: dense (B, n, ..., d), or (B, ..., d) beside the points; packed
            (N, ..., d).
        mask : which points are real, dense only. Others count in no frame and are zero in the canonical inputs; the
            backbone gets the keyword `mask` (B·F, n). Their rows of an output mean nothing.
        edge_index, batch : a packed graph, and the cloud of each point (one cloud by default).
        keywords : passed to the backbone as they are.
        """
        if len(inputs) != len(self.input_kinds):
            raise InvalidInputError(f"There are {len(self.input_kinds)} input kinds but {len(inputs)} inputs.")
        points = inputs[self._framing]
        if edge_index is not None and batch is None:
            batch = torch.zeros(len(points), dtype=torch.long, device=points.device)
        if batch is not None and mask is not None:
            raise InvalidInputError("A mask is for dense inputs; packed ones (edge_index, batch) hold no padding.")
        frames = self._frames(points, mask, batch)
        canonical = [frames.apply(value, kind) for value, kind in zip(inputs, self.input_kinds, strict=True)]
        if mask is not None:
            keywords["mask"] = frames.apply(mask, "scalar").flatten(0, 1)
            padded = frames.apply(~mask, "scalar")[..., None]
            canonical = [
                value.masked_fill(padded.reshape(*padded.shape, *[1] * (value.ndim - 4)), 0)
                if raw.ndim > 2 and raw.shape[:2] == mask.shape
                else value
                for raw, value in zip(inputs, canonical, strict=True)
            ]
        if batch is not None:
            clouds = len(frames.axes)
            step = clouds * torch.arange(len(frames), device=batch.device)
            keywords["batch"] = (batch + step[:, None]).flatten()
            if edge_index is not None:
                keywords["edge_index"] = disjoint_copies(edge_index, len(points), len(frames))
        result = self.backbone(*(value.flatten(0, 1) for value in canonical), **keywords)
        outputs = (result,) if isinstance(result, Tensor) else tuple(result)
        kinds = (self.output_kind,) if isinstance(self.output_kind, str) else self.output_kind
        if len(outputs) != len(kinds):
            raise InvalidInputError(
                f"There are {len(kinds)} output kinds but the backbone gave {len(outputs)} outputs."
            )
        averaged = tuple(
            frames.average(_split_frames(value, frames, packed=batch is not None), kind)
            for value, kind in zip(outputs, kinds, strict=True)
        )
        return averaged[0] if isinstance(result, Tensor) else averaged

    def _frames(self, points: Tensor, mask: Tensor | None, batch: Tensor | None) -> Frames:
        frames = pca_frames(
            points,
            self.group,
            mask=mask,
            batch=batch,
            tol=self.tol,
            degenerate=self.degenerate,
            generator=self.generator,
        )
        if self.detach:
            frames = replace(frames, axes=frames.axes.detach())
        return frames.sample(self.generator) if self.frames == "random" and self.training else frames


def _split_frames(value: Tensor, frames: Frames, *, packed: bool) -> Tensor:
    """Undo the stacking of frames in the first axis: (B, F, ...) dense, (F, N, ...) or (F, B, ...) packed."""
    copies, clouds = len(frames), len(frames.axes)
    sizes = {copies * clouds} if frames.batch is None else {copies * clouds, copies * len(frames.batch)}
    if value.ndim == 0 or len(value) not in sizes:
        raise InvalidInputError(
            f"The backbone got {copies} frames of {clouds} inputs stacked in the first axis and must keep that axis "
            f"({' or '.join(map(str, sorted(sizes)))} long); its output has shape {tuple(value.shape)}."
        )
    return value.unflatten(0, (copies, -1) if packed else (-1, copies))
