import pytest
import torch

from reprise.errors import InvalidInputError
from reprise.nn.graph_norm import GraphNorm


def test_agrees_with_torch_geometric():
    peer_class = pytest.importorskip("torch_geometric.nn").GraphNorm
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(20, 5, generator=generator, dtype=torch.float64)
    batch = torch.tensor([0] * 7 + [1] * 12 + [2])
    norm, peer = GraphNorm(5).double(), peer_class(5).double()
    with torch.no_grad():
        for ours, theirs in ((norm.weight, peer.weight), (norm.bias, peer.bias), (norm.share, peer.mean_scale)):
            ours.copy_(torch.randn(5, generator=generator))
            theirs.copy_(ours)
    torch.testing.assert_close(norm(x, batch, 3), peer(x, batch), rtol=1e-12, atol=1e-12)


def test_a_graph_does_not_feel_its_neighbours_in_the_batch():
    x = torch.randn(9, 3, generator=torch.Generator().manual_seed(1))
    norm = GraphNorm(3)
    together = norm(x, torch.tensor([0] * 4 + [1] * 5), 2)
    torch.testing.assert_close(together[:4], norm(x[:4], torch.zeros(4, dtype=torch.long), 1))


def test_needs_a_channel():
    with pytest.raises(InvalidInputError, match="channels must be at least 1"):
        GraphNorm(0)
