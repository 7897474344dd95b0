import numpy as np
import pytest

from reprise.data.tu_graphs import SOURCE, tu_graphs
from reprise.errors import UnknownNameError
from reprise.nn.graph_batch import graph_batch

here = pytest.mark.skipif(not SOURCE.here(), reason=f"The TU graphs are not on this machine. {SOURCE.obtain}")

KNOWN = {  # graphs, nodes, undirected edges, width of x, and graphs of each class, as the TU collection counts them
    "MUTAG": (188, 3371, 3721, 7, [125, 63]),
    "ENZYMES": (600, 19580, 37282, 3, [100] * 6),
    "IMDBMULTI": (1500, 19502, 98903, 59, [500] * 3),
}


@here
@pytest.mark.parametrize("name", KNOWN)
def test_the_sets_have_their_known_sizes(name):
    graphs, y, called, _ = tu_graphs(name)
    batch = graph_batch(graphs)
    count, nodes, edges, width, classes = KNOWN[name]
    assert (len(batch), batch.num_nodes, batch.edge_index.shape[1], batch.x.shape[1]) == (
        count, nodes, 2 * edges, width,
    )  # fmt: skip
    assert sorted(np.unique(y, return_counts=True)[1].tolist(), reverse=True) == classes
    assert called == name
    assert (batch.x.sum(1) == 1).all()


@here
def test_degrees_are_the_features_of_casts():
    graphs, _, _, features = tu_graphs("IMDBMULTI")
    assert features == "one-hot of 59 node degrees"
    edge_index, x = graphs[0]
    degrees = np.bincount(edge_index[1], minlength=len(x))
    place = x.argmax(1)
    assert len(set(zip(degrees.tolist(), place.tolist(), strict=True))) == len(set(degrees.tolist()))


def test_an_unknown_set_gets_the_nearest_names():
    with pytest.raises(UnknownNameError, match="Did you mean MUTAG"):
        tu_graphs("MUTAGG")
