"""Methods inside one another: what has a symmetry keeps it, and what has not gains it."""

import networkx as nx
import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from reprise.nn.egnn import EGNN
from reprise.nn.encoders import MLP
from reprise.symmetry.equivariance import assert_equivariant, equivariance_error
from reprise.symmetry.frame_averaging import FrameAveraging
from reprise.symmetry.gaunt_tensor_product import GauntNetwork
from reprise.symmetry.ponita import PONITA, EdgePONITA
from reprise.symmetry.rotation_continuity import RotationHead, rotation_from_6d
from reprise.symmetry.spen import SPEN


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def cloud(*shape):
    return torch.randn(*shape, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_frame_averaging_makes_ponita_exact():
    """Its grid of orientations leaves an error; frames remove it, and keep its vectors vectors."""
    ponita = PONITA(1, hidden=8, layers=2, num_ori=8, basis=8, vector_out=1, random_pose=False, layer_scale=None)
    charges = torch.ones(2, 6, 1, dtype=torch.float64)
    kinds = {"input_kinds": ("position", "scalar"), "output_kind": ("scalar", "vector")}
    exact = FrameAveraging(ponita, "E3", **kinds)
    assert equivariance_error(ponita, (cloud(2, 6), charges), "E3", dtype=torch.float64, **kinds).maximal > 1e-3
    assert_equivariant(exact, (cloud(2, 6), charges), "E3", **kinds)


class Pose(nn.Module):
    """Two equivariant vectors of a cloud, made a rotation by Gram-Schmidt: the pose turns with the cloud."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, charges):
        vectors = self.network(x, charges)[1].mean(-3)
        return rotation_from_6d(vectors.flatten(-2))


@pytest.mark.parametrize(
    "network",
    [
        lambda: EdgePONITA(1, hidden=8, layers=2, basis=8, vector_out=2, layer_scale=None, task="node"),
        lambda: GauntNetwork(1, channels=6, layers=2, lmax=2, vector_out=2),
    ],
    ids=["EdgePONITA", "GauntNetwork"],
)
def test_two_vectors_of_any_network_are_an_equivariant_rotation(network):
    charges = torch.linspace(0, 1, 6, dtype=torch.float64)[None, :, None].expand(2, -1, -1)
    turned = lambda element, pose: element[0] @ pose  # noqa: E731
    pose = Pose(network()).double()
    x = cloud(2, 6)
    assert_equivariant(
        pose, (x, charges), "SE3", input_kinds=("position", "scalar"), output_kind=turned, dtypes=(torch.float64,)
    )
    eye = torch.eye(3, dtype=torch.float64)
    assert torch.allclose(pose(x, charges) @ pose(x, charges).mT, eye.expand(2, 3, 3))


def test_rotation_head_stands_on_any_features():
    """On invariant features its rotation does not depend on the pose of the cloud."""

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = FrameAveraging(nn.Sequential(nn.Flatten(), MLP(18, 12, hidden=(16,))), "SE3")
            self.head = RotationHead(12, "6d")

        def forward(self, x):
            return self.head(self.backbone(x))

    model = Head().double()
    assert_equivariant(model, cloud(3, 6), "SE3", input_kinds="position", output_kind="scalar")
    rotations = model(cloud(3, 6))
    assert torch.allclose(torch.linalg.det(rotations), torch.ones(3, dtype=torch.float64))


def test_equivariant_encoders_feed_ordinary_classifiers():
    """Untrained, and yet a linear model on them tells rings of rings from chains, whose numbering is random."""
    rng = np.random.default_rng(0)
    graphs, labels = [], []
    for size in range(5, 17):
        for make, label in ((nx.cycle_graph, 0), (nx.path_graph, 1), (nx.wheel_graph, 2)):
            order = dict(enumerate(rng.permutation(size).tolist()))
            graphs.append(nx.relabel_nodes(make(size), order))
            labels.append(label)
    with torch.no_grad():
        features = SPEN(0).eval().embed(graphs).numpy()
    seen = np.arange(len(labels)) % 2 == 0
    model = LogisticRegression(C=1e4, max_iter=5000).fit(features[seen], np.array(labels)[seen])
    assert model.score(features[~seen], np.array(labels)[~seen]) > 0.9


def test_invariant_head_on_an_equivariant_trunk():
    """EGNN moves points equivariantly; distances of the moved points are invariant."""
    egnn = EGNN(edge_dim=0, hidden=8, layers=2).double()

    def distances(x, velocity):
        moved = egnn(x, velocity)
        return torch.cdist(moved, moved, compute_mode="donot_use_mm_for_euclid_dist")

    inputs = cloud(2, 6), 0.3 * cloud(2, 6).flip(1)
    assert (
        equivariance_error(distances, inputs, "E3", input_kinds=("position", "vector"), output_kind="scalar").maximal
        < 1e-10
    )
