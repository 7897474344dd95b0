"""E(n)-equivariant graph network with velocities: the baseline of networks for moving particles."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reprise.nn.graph import complete_systems, segment_mean, segment_sum

_LARGEST_SHIFT = 100.0  # clips each coordinate of a shift, as the original does; never reached in practice
_SMALL_GAIN = 1e-3  # of the initial weights that scale shifts


class EGNNLayer(nn.Module):
    r"""One equivariant step on features h, positions x and initial velocities v.

    .. math::
        m_{ij} &= \phi_e(h_i, h_j, |x_i - x_j|^2, e_{ij}) \\
        x_i &\leftarrow x_i + \tfrac{1}{|N(i)|} \sum_j (x_i - x_j)\, \phi_x(m_{ij}) + \phi_v(h_i)\, v_i \\
        h_i &\leftarrow h_i + \phi_h(h_i, \textstyle\sum_j m_{ij})

    O(N c² + E c²); the first map of φ_e is applied once a node, as in `reprise.nn.graph.MessageLayer`.

    Parameters
    ----------
    hidden : width c.
    edge_dim : invariant features an edge.
    """

    def __init__(self, hidden: int, edge_dim: int = 0):
        super().__init__()
        self.message_in = nn.Linear(2 * hidden + 1 + edge_dim, hidden)
        self.message_out = nn.Linear(hidden, hidden)
        self.update = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        scale = nn.Linear(hidden, 1, bias=False)
        nn.init.xavier_uniform_(scale.weight, gain=_SMALL_GAIN)
        self.shift = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), scale)
        self.speed = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 1))

    def forward(
        self,
        h: Float[Tensor, "N c"],
        x: Float[Tensor, "N d"],
        velocity: Float[Tensor, "N d"],
        edge_index: Int[Tensor, "2 E"],
        edge_attr: Float[Tensor, "E e"] | None = None,
    ) -> tuple[Float[Tensor, "N c"], Float[Tensor, "N d"]]:
        """Give the next features and positions."""
        source, target = edge_index
        hidden = h.shape[-1]
        between = x[target] - x[source]
        invariants = [between.square().sum(-1, keepdim=True), *([] if edge_attr is None else [edge_attr])]
        to_target, from_source, from_edge = self.message_in.weight.split(
            [hidden, hidden, self.message_in.in_features - 2 * hidden], dim=1
        )
        messages = (h @ to_target.mT + self.message_in.bias).index_select(0, target)
        messages += (h @ from_source.mT).index_select(0, source)
        messages += torch.cat(invariants, dim=-1) @ from_edge.mT
        messages = nn.functional.silu(self.message_out(nn.functional.silu(messages)))
        shifts = (between * self.shift(messages)).clamp(-_LARGEST_SHIFT, _LARGEST_SHIFT)
        x = x + segment_mean(shifts, target, len(x)) + self.speed(h) * velocity
        return h + self.update(torch.cat([h, segment_sum(messages, target, len(h))], dim=-1)), x


class EGNN(nn.Module):
    """Predict where particles go from positions, velocities and edge features, equivariant to E(n).

    A particle's initial feature is its speed; `layers` steps of `EGNNLayer`; the last positions are the answer.

    Parameters
    ----------
    edge_dim : invariant features an edge; the original's are the product of charges and the squared distance.
    hidden, layers : 64 and 4 in the original's n-body experiment.

    References
    ----------
    Satorras, Hoogeboom, Welling (2021), E(n) Equivariant Graph Neural Networks, arXiv:2102.09844;
    github.com/vgsatorras/egnn, n_body_system/model.py (EGNN_vel).

    Examples
    --------
    >>> import torch
    >>> position, velocity = torch.randn(2, 4, 5, 3)
    >>> EGNN(edge_dim=1)(position, velocity, edge_attr=torch.randn(4, 20, 1)).shape
    torch.Size([4, 5, 3])
    """

    def __init__(self, edge_dim: int = 2, hidden: int = 64, layers: int = 4):
        super().__init__()
        self.embed = nn.Linear(1, hidden)
        self.layers = nn.ModuleList(EGNNLayer(hidden, edge_dim) for _ in range(layers))

    def forward(
        self,
        position: Float[Tensor, "*points d"],
        velocity: Float[Tensor, "*points d"],
        *,
        edge_attr: Float[Tensor, "*edges e"] | None = None,
        edge_index: Int[Tensor, "2 E"] | None = None,
    ) -> Float[Tensor, "*points d"]:
        """Predict positions: dense (B, n, d), every particle acting on every other, or (N, d) with `edge_index`."""
        shape = position.shape
        if edge_index is None:
            edge_index, _ = complete_systems(shape[0], shape[1], device=position.device)
        x, velocity = position.reshape(-1, shape[-1]), velocity.reshape(-1, shape[-1])
        edges = None if edge_attr is None else edge_attr.reshape(-1, edge_attr.shape[-1])
        h = self.embed(velocity.norm(dim=-1, keepdim=True))
        for layer in self.layers:
            h, x = layer(h, x, velocity, edge_index, edges)
        return x.reshape(shape)
