import torch
from torch import nn

from reprise.nn.egnn import EGNN, EGNNLayer
from reprise.nn.graph import complete_edges
from reprise.symmetry.equivariance import assert_equivariant


def step_one_by_one(layer, h, x, velocity, edges, attributes):
    """Slow twin: walks over particles and their neighbours, as the equations are written."""
    new_x, new_h = x.clone(), h.clone()
    for i in range(len(x)):
        shifts, received = [], torch.zeros_like(h[i])
        for (source, target), attribute in zip(edges.T.tolist(), attributes, strict=True):
            if target == i:
                between = x[i] - x[source]
                seen = torch.cat([h[i], h[source], between.square().sum()[None], attribute])
                message = nn.functional.silu(layer.message_out(nn.functional.silu(layer.message_in(seen))))
                shifts.append(between * layer.shift(message))
                received += message
        new_x[i] += torch.stack(shifts).mean(0) + layer.speed(h[i]) * velocity[i]
        new_h[i] += layer.update(torch.cat([h[i], received]))
    return new_h, new_x


def test_layer_agrees_with_its_slow_twin():
    torch.manual_seed(0)
    layer = EGNNLayer(6, edge_dim=2).double()
    h, x, velocity = torch.randn(5, 6).double(), torch.randn(5, 3).double(), torch.randn(5, 3).double()
    edges, attributes = complete_edges(5), torch.randn(20, 2).double()
    with torch.no_grad():
        found = layer(h, x, velocity, edges, attributes)
        for ours, expected in zip(found, step_one_by_one(layer, h, x, velocity, edges, attributes), strict=True):
            assert torch.allclose(ours, expected, atol=1e-12)


def test_network_is_equivariant_and_one_system_does_not_see_another():
    torch.manual_seed(0)
    model = EGNN(edge_dim=1, hidden=16, layers=3)
    position, velocity, edges = torch.randn(3, 5, 3), torch.randn(3, 5, 3), torch.randn(3, 20, 1)
    for group in ("E3", "SE3"):
        assert_equivariant(
            lambda x, v, e: model.to(x.dtype)(x, v, edge_attr=e),
            (position, velocity, edges),
            group,
            input_kinds=("position", "vector", "scalar"),
            output_kind="position",
        )
    model = model.float()
    alone = model(position[1:2], velocity[1:2], edge_attr=edges[1:2])
    assert torch.allclose(model(position, velocity, edge_attr=edges)[1], alone[0], atol=1e-6)
    packed = model(position[1], velocity[1], edge_attr=edges[1], edge_index=complete_edges(5))
    assert torch.allclose(packed, alone[0], atol=1e-6)
