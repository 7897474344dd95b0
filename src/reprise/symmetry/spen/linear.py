"""All linear maps between vectors and matrices over m nodes that no renumbering of the nodes changes."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError

Reduce = Literal["mean", "sum"]


class EquivariantLinear(nn.Module):
    r"""Every linear map between node features and pair features that commutes with renumbering the m nodes.

    From ρ₁ ⊕ ρ₂ (vectors over nodes, matrices over ordered pairs) to ρ₁ ⊕ ρ₂ there are 2 + 5 + 5 + 15 = 27 basis
    maps, each with a weight for every two channels, and 1 + 2 biases. With X a pair channel and x a node channel,
    and the vectors v ∈ {diag X, row means, column means, x} and scalars s ∈ {mean diag X, mean X, mean x} of them,

    - pairs: X and Xᵀ; every v along rows, along columns and on the diagonal; every s everywhere and on the diagonal;
    - nodes: every v; every s everywhere.

    Means in place of sums let one set of weights serve every m. The vectors and scalars are formed once, so that a
    call is three matrix products: O(m² c₂ c₂') with no tensor of 15 copies.

    Parameters
    ----------
    in1, in2 : channels of node and pair features.
    out1, out2 : those of the output.
    reduce : ``"mean"``, or ``"sum"`` (which grows with m).

    Raises
    ------
    InvalidInputError
        If a width is below 1, `reduce` is unknown, or (in `forward`) the inputs do not fit.

    References
    ----------
    Maron, Ben-Hamu, Shamir, Lipman (2019), Invariant and equivariant graph networks, arXiv:1812.09902, appendix A;
    Mitton, Murray-Smith (2021), arXiv:2111.11840, figure 2.

    Examples
    --------
    >>> import torch
    >>> layer = EquivariantLinear(3, 2, 5, 4)
    >>> x1, x2 = layer(torch.randn(10, 6, 3), torch.randn(10, 6, 6, 2))
    >>> x1.shape, x2.shape
    (torch.Size([10, 6, 5]), torch.Size([10, 6, 6, 4]))
    """

    def __init__(self, in1: int, in2: int, out1: int, out2: int, reduce: Reduce = "mean"):
        super().__init__()
        _check_widths(reduce, in1=in1, in2=in2, out1=out1, out2=out2)
        self.in1, self.in2, self.out1, self.out2, self.reduce = in1, in2, out1, out2, reduce
        self.from_matrices = nn.Linear(in2, 2 * out2, bias=False)
        self.from_vectors = nn.Linear(3 * in2 + in1, 3 * out2 + out1, bias=False)
        self.from_scalars = nn.Linear(2 * in2 + in1, 2 * out2 + out1)

    def forward(
        self,
        x1: Float[Tensor, "B m in1"],
        x2: Float[Tensor, "B m m in2"],
        mask: Bool[Tensor, "B m"] | None = None,
    ) -> tuple[Float[Tensor, "B m out1"], Float[Tensor, "B m m out2"]]:
        """Map both; with `mask`, places outside it must hold zeros, and come out as zeros."""
        _check_inputs(x1, x2, self.in1, self.in2)
        out1, out2 = self.out1, self.out2
        vectors, scalars = _contractions(x1, x2, mask, self.reduce)
        straight, turned = self.from_matrices(x2).split(out2, dim=-1)
        along_rows, along_columns, on_diagonal, y1 = self.from_vectors(vectors).split([out2, out2, out2, out1], dim=-1)
        everywhere, diagonal_everywhere, constant = self.from_scalars(scalars).split([out2, out2, out1], dim=-1)
        y1 = y1 + constant[:, None]
        y2 = straight + turned.transpose(1, 2) + along_rows[:, :, None] + (along_columns + everywhere[:, None])[:, None]
        y2.diagonal(dim1=1, dim2=2).add_((on_diagonal + diagonal_everywhere[:, None]).mT)
        if mask is not None:
            y1 = y1 * mask[..., None]
            y2 = y2 * (mask[:, :, None] & mask[:, None, :])[..., None]
        return y1, y2


class InvariantLinear(nn.Module):
    """Every linear map of node and pair features to numbers that no renumbering of the nodes changes.

    From ρ₁ ⊕ ρ₂ to ρ₀ there are 1 + 2: the means of x, of the diagonal of X and of all X. O(m² c₂).

    Parameters
    ----------
    in1, in2, reduce : as in `EquivariantLinear`.
    out0 : how many numbers.

    References
    ----------
    Maron, Ben-Hamu, Shamir, Lipman (2019), arXiv:1812.09902; Mitton, Murray-Smith (2021), arXiv:2111.11840, figure 2.

    Examples
    --------
    >>> import torch
    >>> InvariantLinear(3, 2, 7)(torch.randn(10, 6, 3), torch.randn(10, 6, 6, 2)).shape
    torch.Size([10, 7])
    """

    def __init__(self, in1: int, in2: int, out0: int, reduce: Reduce = "mean"):
        super().__init__()
        _check_widths(reduce, in1=in1, in2=in2, out0=out0)
        self.in1, self.in2, self.reduce = in1, in2, reduce
        self.from_scalars = nn.Linear(2 * in2 + in1, out0)

    def forward(
        self,
        x1: Float[Tensor, "B m in1"],
        x2: Float[Tensor, "B m m in2"],
        mask: Bool[Tensor, "B m"] | None = None,
    ) -> Float[Tensor, "B out0"]:
        """Reduce each subgraph; with `mask`, places outside it must hold zeros."""
        _check_inputs(x1, x2, self.in1, self.in2)
        return self.from_scalars(_contractions(x1, x2, mask, self.reduce)[1])


def _contractions(x1: Tensor, x2: Tensor, mask: Tensor | None, reduce: Reduce) -> tuple[Tensor, Tensor]:
    """Give the vectors (B, m, 3 in2 + in1) and the scalars (B, 2 in2 + in1) of both."""
    diagonal = x2.diagonal(dim1=1, dim2=2).mT
    rows, columns = x2.sum(2), x2.sum(1)
    scalars = [diagonal.sum(1), rows.sum(1), x1.sum(1)]
    if reduce == "mean":
        if mask is None:
            share: float | Tensor = 1 / x2.shape[1]
            rows, columns = rows * share, columns * share
        else:
            share = 1 / mask.sum(1, keepdim=True).to(x2.dtype)
            rows, columns = rows * share[..., None], columns * share[..., None]
        scalars = [scalars[0] * share, scalars[1] * share**2, scalars[2] * share]
    return torch.cat([diagonal, rows, columns, x1], dim=-1), torch.cat(scalars, dim=-1)


def _check_widths(reduce: str, **widths: int) -> None:
    for name, width in widths.items():
        if width < 1:
            raise InvalidInputError(f"{name} counts channels and must be at least 1; got {width}.")
    if reduce not in {"mean", "sum"}:
        raise InvalidInputError(f"reduce must be 'mean' or 'sum'; got {reduce!r}.")


def _check_inputs(x1: Tensor, x2: Tensor, in1: int, in2: int) -> None:
    expected1, expected2 = (x2.shape[0], x2.shape[1], in1), (x2.shape[0], x2.shape[1], x2.shape[1], in2)
    if x2.ndim != 4 or tuple(x2.shape) != expected2 or tuple(x1.shape) != expected1:
        raise InvalidInputError(
            f"Expected node features (B, m, {in1}) and pair features (B, m, m, {in2}); "
            f"got {tuple(x1.shape)} and {tuple(x2.shape)}."
        )
