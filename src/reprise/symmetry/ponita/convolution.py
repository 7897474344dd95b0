"""Convolutions whose kernels are functions of invariants, and the block they sit in."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.nn.graph import segment_sum


class PolynomialFeatures(nn.Module):
    """All ordered products of up to `degree` of the input's numbers: x, x ⊗ x, x ⊗ x ⊗ x, ... in one vector.

    Examples
    --------
    >>> import torch
    >>> PolynomialFeatures(3)(torch.tensor([2.0, 3.0])).tolist()
    [2.0, 3.0, 4.0, 6.0, 6.0, 9.0, 8.0, 12.0, 12.0, 18.0, 12.0, 18.0, 18.0, 27.0]
    """

    def __init__(self, degree: int):
        super().__init__()
        if degree < 1:
            raise InvalidInputError(f"The degree of a polynomial must be at least 1; got {degree}.")
        self.degree = degree

    def forward(self, x: Float[Tensor, "*rows k"]) -> Float[Tensor, "*rows features"]:
        """Give Σ_{d ≤ degree} k^d features."""
        powers = [x]
        for _ in range(1, self.degree):
            powers.append((powers[-1][..., :, None] * x[..., None, :]).flatten(-2))
        return torch.cat(powers, dim=-1)


class KernelBasis(nn.Sequential):
    """A network of the invariants whose outputs every layer combines linearly into its own kernels.

    Polynomial features, then Linear, GELU, Linear, GELU.

    Parameters
    ----------
    invariants : how many numbers go in.
    hidden, basis : widths of the two linear maps.
    degree : of the polynomial features.
    """

    def __init__(self, invariants: int, hidden: int, basis: int, degree: int):
        features = sum(invariants**power for power in range(1, degree + 1))
        super().__init__(
            PolynomialFeatures(degree), nn.Linear(features, hidden), nn.GELU(), nn.Linear(hidden, basis), nn.GELU()
        )


class PolynomialCutoff(nn.Module):
    r"""Weight of an edge of length d, which falls from 1 to 0 at the radius R with two vanishing derivatives.

    .. math:: u(d) = 1 - \tfrac{(p+1)(p+2)}{2} (d/R)^p + p(p+2) (d/R)^{p+1} - \tfrac{p(p+1)}{2} (d/R)^{p+2}

    and 0 beyond R; 1 everywhere where R is None.

    References
    ----------
    Klicpera, Groß, Günnemann (2020), Directional Message Passing for Molecular Graphs, arXiv:2003.03123, equation 8.

    Examples
    --------
    >>> import torch
    >>> PolynomialCutoff(2.0)(torch.tensor([0.0, 1.0, 2.0, 3.0])).tolist()
    [1.0, 0.85546875, 0.0, 0.0]
    """

    def __init__(self, radius: float | None, power: int = 6):
        super().__init__()
        if radius is not None and not radius > 0:
            raise InvalidInputError(f"The radius must be positive, or None for none; got {radius}.")
        self.radius = radius
        self.power = power

    def forward(self, distance: Float[Tensor, "*edges"]) -> Float[Tensor, "*edges"]:
        """Weigh distances."""
        if self.radius is None:
            return torch.ones_like(distance)
        p, x = self.power, distance / self.radius
        inner = 1 - x**p * ((p + 1) * (p + 2) / 2 - x * (p * (p + 2) - x * (p * (p + 1) / 2)))
        return inner.where(x < 1, 0.0)


class _Calibrated(nn.Module):
    """A convolution that rescales its kernels once, on the first batch it is trained on."""

    calibrated: Bool[Tensor, ""]

    def __init__(self, channels: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("calibrated", torch.tensor(False))

    @torch.no_grad()
    def _rescale(self, stages: list[Tensor], kernels: list[nn.Linear]) -> None:
        """Make every stage's output vary as much as its input: ``kernel *= std(input) / std(output)``.

        Nothing is done, and the next batch is waited for, where one of them does not vary.
        """
        spread = torch.stack([stage.std() for stage in stages])
        if bool((spread > 0).all() & spread.isfinite().all()):
            for kernel, ratio in zip(kernels, spread[:-1] / spread[1:], strict=True):
                kernel.weight.mul_(ratio)
            self.calibrated.fill_(True)


class FiberBundleConv(_Calibrated):
    r"""Separable depth-wise convolution of features on positions and orientations, x of shape (N, O, C).

    .. math::
        y_{iac} &= \sum_{j \in N(i)} K_{c}(r_{ij}, o_a)\, x_{jac} \\
        z_{iac} &= \tfrac{1}{O} \sum_b \tilde K_{c}(o_a, o_b)\, y_{ibc} + \text{bias}_c

    with K and K̃ linear in the two bases. O(E O C (k + 1) + N O² C) for k basis functions.

    At the first forward pass in training mode both kernels are rescaled so that neither step changes the spread of the
    features (`calibrated` remembers it, in the state dict too); without it deep stacks start badly scaled.

    Parameters
    ----------
    channels : C.
    basis : k, functions in each basis.

    Examples
    --------
    >>> import torch
    >>> conv = FiberBundleConv(channels=8, basis=4)
    >>> x, edges = torch.randn(5, 6, 8), torch.tensor([[0, 1, 2], [1, 2, 3]])
    >>> conv(x, edges, torch.randn(3, 6, 4), torch.randn(6, 6, 4)).shape
    torch.Size([5, 6, 8])
    """

    def __init__(self, channels: int, basis: int):
        super().__init__(channels)
        self.kernel = nn.Linear(basis, channels, bias=False)
        self.fibre_kernel = nn.Linear(basis, channels, bias=False)

    def forward(
        self,
        x: Float[Tensor, "N O C"],
        edge_index: Int[Tensor, "2 E"],
        basis: Float[Tensor, "E O k"],
        fibre_basis: Float[Tensor, "O O k"],
        loop_basis: Float[Tensor, " k"] | None = None,
        *,
        mirrored: bool = False,
    ) -> Float[Tensor, "N O C"]:
        """Convolve.

        Parameters
        ----------
        x : features.
        edge_index : senders and receivers.
        basis, fibre_basis : values of the basis functions on the invariants of edges, and of pairs of orientations
            (rows receive).
        loop_basis : values on the edge from a node to itself, the same for all nodes; None leaves loops out.
        mirrored : each edge stands for its reverse too, and the second half of the grid is the opposite of the first.
            Turning both r and o_a round changes no invariant, so that the reverse has the same kernels with each
            orientation's replaced by the opposite one's: half as many to compute.
        """
        if self.training and not bool(self.calibrated):
            with torch.no_grad():
                y = self._spatial(x, edge_index, basis, loop_basis, mirrored)
                z = self._within_fibres(y, fibre_basis) - self.bias
                self._rescale([x, y, z], [self.kernel, self.fibre_kernel])
        return self._within_fibres(self._spatial(x, edge_index, basis, loop_basis, mirrored), fibre_basis)

    def _spatial(
        self, x: Tensor, edge_index: Tensor, basis: Tensor, loop_basis: Tensor | None, mirrored: bool
    ) -> Tensor:
        source, target = edge_index
        kernel = self.kernel(basis)
        if mirrored:
            halves = x.reshape(2 * len(x), -1)  # rows 2i and 2i + 1: the two halves of the grid at node i
            from_source = torch.cat([_halves(source), _halves(target).flip(1)]).flatten()
            to_target = torch.cat([_halves(target), _halves(source).flip(1)]).flatten()
            messages = kernel * halves.index_select(0, from_source).view(2, *kernel.shape)
            y = segment_sum(messages.view(-1, halves.shape[1]), to_target, len(halves)).view_as(x)
        else:
            y = segment_sum(kernel * x.index_select(0, source), target, len(x))
        return y if loop_basis is None else torch.addcmul(y, x, self.kernel(loop_basis))

    def _within_fibres(self, y: Tensor, fibre_basis: Tensor) -> Tensor:
        kernel = self.fibre_kernel(fibre_basis) / len(fibre_basis)
        mixed = torch.bmm(y.permute(2, 0, 1).contiguous(), kernel.permute(2, 1, 0).contiguous())
        return mixed.permute(1, 2, 0) + self.bias


def _halves(nodes: Int[Tensor, " E"]) -> Int[Tensor, "E 2"]:
    return torch.stack([2 * nodes, 2 * nodes + 1], dim=-1)


class PointConv(_Calibrated):
    """Depth-wise convolution of features on points: y_ic = Σ_j K_c(invariants of i and j) x_jc + bias_c.

    O(E C (k + 1)). Calibrated as `FiberBundleConv` is.

    Parameters
    ----------
    channels : C.
    basis : k, functions in the basis.

    Examples
    --------
    >>> import torch
    >>> PointConv(8, 4)(torch.randn(5, 8), torch.tensor([[0, 1, 2], [1, 2, 3]]), torch.randn(3, 4)).shape
    torch.Size([5, 8])
    """

    def __init__(self, channels: int, basis: int):
        super().__init__(channels)
        self.kernel = nn.Linear(basis, channels, bias=False)

    def forward(
        self,
        x: Float[Tensor, "M C"],
        edge_index: Int[Tensor, "2 E"],
        basis: Float[Tensor, "E k"],
        loop_basis: Float[Tensor, " k"] | None = None,
    ) -> Float[Tensor, "M C"]:
        """Convolve; `loop_basis` are the basis functions' values on the edge from a point to itself."""
        if self.training and not bool(self.calibrated):
            with torch.no_grad():
                self._rescale([x, self._spatial(x, edge_index, basis, loop_basis)], [self.kernel])
        return self._spatial(x, edge_index, basis, loop_basis) + self.bias

    def _spatial(self, x: Tensor, edge_index: Tensor, basis: Tensor, loop_basis: Tensor | None) -> Tensor:
        source, target = edge_index
        y = segment_sum(self.kernel(basis) * x.index_select(0, source), target, len(x))
        return y if loop_basis is None else torch.addcmul(y, x, self.kernel(loop_basis))


class ConvNeXtBlock(nn.Module):
    """A residual block: convolution, LayerNorm, Linear to `widening` C, GELU, Linear to C, scaled and added to x.

    Parameters
    ----------
    conv : the convolution; takes x and whatever else `forward` is given.
    channels : C.
    widening : factor of the hidden width.
    layer_scale : initial value of the learned scale of each channel; None leaves it out.

    References
    ----------
    Liu, Mao, Wu, Feichtenhofer, Darrell, Xie (2022), A ConvNet for the 2020s, arXiv:2201.03545.

    Examples
    --------
    >>> import torch
    >>> block = ConvNeXtBlock(PointConv(8, basis=4), channels=8)
    >>> block(torch.randn(5, 8), torch.tensor([[0, 1], [1, 2]]), torch.randn(2, 4)).shape
    torch.Size([5, 8])
    """

    def __init__(self, conv: nn.Module, channels: int, widening: int = 4, layer_scale: float | None = 1e-6):
        super().__init__()
        self.conv = conv
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, widening * channels)
        self.narrow = nn.Linear(widening * channels, channels)
        self.layer_scale = None if layer_scale is None else nn.Parameter(torch.full((channels,), float(layer_scale)))

    def forward(
        self, x: Float[Tensor, "*points C"], *conv_inputs: Tensor | None, **conv_settings: bool
    ) -> Float[Tensor, "*points C"]:
        """Update features."""
        weight: Tensor = self.narrow.weight
        bias: Tensor = self.narrow.bias
        if self.layer_scale is not None:  # scaling the map costs less than scaling what comes out of it
            weight, bias = self.layer_scale[:, None] * weight, self.layer_scale * bias
        y = nn.functional.gelu(self.widen(self.norm(self.conv(x, *conv_inputs, **conv_settings))))
        return x + nn.functional.linear(y, weight, bias)
