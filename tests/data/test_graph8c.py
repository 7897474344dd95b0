import numpy as np
import pytest
import torch

from reprise.data.graph8c import GRAPH8C, atlas_graphs, graph8c
from reprise.errors import InvalidInputError
from reprise.nn.graph import edges_from_dense, weisfeiler_leman_classes

here = pytest.mark.skipif(not GRAPH8C.here(), reason=f"graph8c.g6 is not on this machine. {GRAPH8C.obtain}")


@pytest.fixture(scope="module")
def graphs():
    return graph8c()


@here
def test_all_connected_graphs_of_eight_nodes_are_there(graphs):
    assert graphs.shape == (11117, 8, 8)
    assert np.array_equal(graphs, graphs.transpose(0, 2, 1))
    assert not np.diagonal(graphs, axis1=1, axis2=2).any()
    assert np.linalg.matrix_power(graphs.astype(int) + np.eye(8, dtype=int), 7).all()
    assert len(np.unique(graphs.reshape(-1, 64), axis=0)) == 11117
    edges = graphs.sum((1, 2)) // 2
    assert (edges == 7).sum() == 23  # trees of 8 nodes
    assert (edges == 28).sum() == 1


@here
def test_refinement_confuses_the_known_number_of_pairs(graphs):
    edges, batch = edges_from_dense(torch.from_numpy(graphs).float())
    alike = torch.bincount(weisfeiler_leman_classes(edges, batch))
    assert int((alike * (alike - 1) // 2).sum()) == 312


@pytest.mark.parametrize(
    ("nodes", "connected", "every"), [(1, 1, 1), (3, 2, 4), (5, 21, 34), (6, 112, 156), (7, 853, 1044)]
)
def test_atlas_has_the_known_numbers_of_graphs(nodes, connected, every):
    assert len(atlas_graphs(nodes)) == connected
    assert atlas_graphs(nodes, connected=False).shape == (every, nodes, nodes)


def test_atlas_ends_at_seven():
    with pytest.raises(InvalidInputError, match="1 to 7 nodes"):
        atlas_graphs(8)
