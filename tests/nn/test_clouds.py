"""Edges of point clouds, and lengths with safe gradients."""

import pytest
import torch

from reprise.nn.graph import complete_graphs, complete_systems, radius_edges
from reprise.nn.linalg import safe_norm


def as_set(edges):
    pairs = list(map(tuple, edges.T.tolist()))
    assert len(set(pairs)) == len(pairs)
    return set(pairs)


def test_graphs_of_any_sizes_are_complete_and_sorted_by_target():
    batch = torch.tensor([2, 0, 1, 0, 2, 2])  # not sorted
    edges = complete_graphs(batch)
    expected = {(i, j) for i in range(6) for j in range(6) if i != j and batch[i] == batch[j]}
    assert as_set(edges) == expected
    assert bool((edges[1].diff() >= 0).all())
    assert torch.equal(complete_graphs(torch.tensor([0, 0, 0, 1, 1, 1])), complete_systems(2, 3)[0])


@pytest.mark.parametrize("dim", [2, 3])
def test_radius_edges_are_those_of_all_distances(dim):
    pos = torch.randn(40, dim, generator=torch.Generator().manual_seed(0))
    batch = torch.arange(4).repeat_interleave(10)
    near = torch.cdist(pos, pos) < 1.2
    near &= (batch[:, None] == batch) & ~torch.eye(40, dtype=torch.bool)
    edges = radius_edges(pos, 1.2, batch)
    assert as_set(edges) == as_set(near.nonzero().T)
    assert bool((edges[1].diff() >= 0).all())
    assert radius_edges(pos, 1e-9).shape == (2, 0)


def test_safe_norm_is_the_norm_with_gradients_to_any_order():
    x = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    torch.testing.assert_close(safe_norm(x), x.norm(dim=-1))
    torch.testing.assert_close(safe_norm(x, keepdim=True), x.norm(dim=-1, keepdim=True))
    assert torch.autograd.gradcheck(safe_norm, (x,))
    assert torch.autograd.gradgradcheck(safe_norm, (x,))
    zero = torch.zeros(3, requires_grad=True)
    (slope,) = torch.autograd.grad(safe_norm(zero), zero, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), zero)
    assert torch.equal(slope, torch.zeros(3))
    assert torch.equal(curvature, torch.zeros(3))
