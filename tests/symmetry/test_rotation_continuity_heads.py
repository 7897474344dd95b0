"""Heads on any network, the paper's three networks, and learning through them."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from reprise.data.simulators.walker import simulated_walk
from reprise.errors import InvalidInputError
from reprise.nn.linalg import random_rotations
from reprise.symmetry import rotation_continuity as rc
from reprise.symmetry.equivariance import assert_equivariant
from reprise.symmetry.frame_averaging import FrameAveraging
from reprise.training import train

HEADS = [(name, 3) for name in rc.RotationHead.representations]
HEADS += [("gram_schmidt", 2), ("gram_schmidt", 5), ("stereographic", 4), ("svd", 4)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("name", "n"), HEADS)
def test_head_gives_rotations_for_any_batch_and_survives_saving(name, n):
    torch.manual_seed(0)
    head = rc.RotationHead(8, name, n=n, count=2).eval()
    features = torch.randn(4, 5, 8, generator=generator())
    matrix = head(features)
    assert matrix.shape == (4, 5, 2, n, n)
    if name not in ("matrix", "euler_sin_cos"):
        assert (torch.linalg.det(matrix) - 1).abs().max() < 1e-5
    other = rc.RotationHead(8, name, n=n, count=2).eval()
    other.load_state_dict(head.state_dict())
    for again in (other, pickle.loads(pickle.dumps(head)), copy.deepcopy(head)):
        assert torch.equal(again(features), matrix)
    head(features).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())


def test_table_says_what_is_continuous_and_how_long_vectors_are():
    table = rc.RotationHead.representations
    assert {name: entry.numbers(3) for name, entry in table.items()} == {
        "6d": 6, "5d": 5, "gram_schmidt": 6, "stereographic": 5, "svd": 9, "matrix": 9, "quaternion": 4,
        "axis_angle": 4, "rotation_vector": 3, "euler": 3, "euler_sin_cos": 6, "hopf": 3,
    }  # fmt: skip
    assert [table["gram_schmidt"].numbers(n) for n in (2, 4, 5)] == [2, 12, 20]
    assert [table["stereographic"].numbers(n) for n in (4, 5)] == [10, 17]
    assert all(entry.continuous == (entry.numbers(3) >= 5) for name, entry in table.items() if name != "euler_sin_cos")


def test_matrix_head_is_raw_while_training_and_orthonormal_after():
    head = rc.RotationHead(4, "matrix")
    features = torch.randn(3, 4, generator=generator())
    assert torch.equal(head(features), head.linear(features).unflatten(-1, (3, 3)))
    columns = head.eval()(features)
    assert (columns.mT @ columns - torch.eye(3)).abs().max() < 1e-6


def test_head_takes_its_size_from_the_first_batch():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), rc.RotationHead(None))
    assert network(torch.randn(2, 1, 8, 8)).shape == (2, 3, 3)


def test_any_network_gives_an_equivariant_rotation_inside_frame_averaging():
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Flatten(), nn.Linear(15, 32), nn.Tanh(), nn.Linear(32, 6), nn.Unflatten(-1, (2, 3)))
    vectors = FrameAveraging(backbone, "SE3", output_kind="vector")

    class Pose(nn.Module):
        def __init__(self):
            super().__init__()
            self.vectors = vectors

        def forward(self, points):
            return rc.rotation_from_6d(self.vectors(points).flatten(-2))

    points = torch.randn(6, 5, 3, generator=generator())
    assert_equivariant(
        Pose(), points, "SE3", input_kinds="position", output_kind=lambda element, pose: element[0] @ pose
    )


@pytest.mark.parametrize("name", ["6d", "5d", "svd"])
def test_head_makes_rotations_in_single_precision_under_autocast(name):
    head = rc.RotationHead(16, name)
    with torch.autocast("cpu", torch.bfloat16):
        matrix = head(torch.randn(32, 16, generator=generator()))
    assert matrix.dtype == torch.float32
    assert (matrix.mT @ matrix - torch.eye(3)).abs().max() < 1e-5
    assert head.bfloat16()(torch.randn(2, 16).bfloat16()).dtype == torch.float32


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"representation": "7d"}, "'7d'; the names are 6d, 5d"),
        ({"representation": "quaternion", "n": 4}, "n=3; got n=4"),
        ({"representation": "6d", "n": 2}, "at least 3; got n=2"),
        ({"representation": "stereographic", "n": 2}, "at least 3"),
        ({"representation": "gram_schmidt", "n": 1}, "at least 2"),
        ({"count": 0}, "count"),
        ({"in_features": 0}, "in_features"),
    ],
)
def test_impossible_heads_are_refused(settings, complaint):
    with pytest.raises(InvalidInputError, match=complaint):
        rc.RotationHead(**({"in_features": 4} | settings))


def test_loss_reduces_as_asked():
    a, b = (random_rotations(3, 6, generator(seed)) for seed in (0, 1))
    each = rc.GeodesicLoss("none")(a, b)
    assert torch.equal(each, rc.geodesic_distance(a, b))
    assert rc.GeodesicLoss("sum")(a, b) == each.sum()
    assert rc.GeodesicLoss()(a, b) == each.mean()
    with pytest.raises(InvalidInputError, match="'median'"):
        rc.GeodesicLoss("median")


# --- the paper's networks ---------------------------------------------------------------------------------------------


def test_pose_depends_on_no_order_of_points_and_encodes_a_shared_cloud_once():
    torch.manual_seed(0)
    model = rc.PointCloudPose(widths=(8, 16), hidden=8)
    first, second = torch.randn(2, 4, 30, 3, generator=generator())
    pose = model(first, second)
    assert (model(first.flip(1), second[:, torch.randperm(30, generator=generator())]) - pose).abs().max() < 1e-6
    many = model(first[:, None], second[None].expand(4, 4, 30, 3))
    assert many.shape == (4, 4, 3, 3)
    assert (many[range(4), range(4)] - pose).abs().max() < 1e-6
    for wrong in (torch.zeros(2, 5, 2), torch.zeros(2, 0, 3), torch.zeros(3)):
        with pytest.raises(InvalidInputError, match="Point clouds are"):
            model(first, wrong)


def positions_one_joint_after_another(parents, offsets, rotations):
    """Give the slow, obvious forward kinematics of one pose."""
    turned, positions = [rotations[0]], [offsets[0]]
    for joint in range(1, len(parents)):
        parent = parents[joint]
        positions.append(positions[parent] + turned[parent] @ offsets[joint])
        turned.append(turned[parent] @ rotations[joint])
    return torch.stack(positions)


def test_kinematics_agree_with_one_joint_after_another():
    parents = [-1, 0, 1, 0, 3, 3, 2, 6, 5]
    offsets = torch.randn(9, 3, generator=generator(), dtype=torch.float64)
    rotations = random_rotations(3, 5 * 9, generator(1), dtype=torch.float64).unflatten(0, (5, 9))
    model = rc.ForwardKinematics(parents, offsets)
    expected = torch.stack([positions_one_joint_after_another(parents, offsets, pose) for pose in rotations])
    assert (model(rotations) - expected).abs().max() < 1e-12
    assert (model(rotations[0]) - expected[0]).abs().max() < 1e-12
    bones = (model(rotations)[:, 1:] - model(rotations)[:, parents[1:]]).norm(dim=-1)
    assert (bones - offsets[1:].norm(dim=-1)).abs().max() < 1e-12


@pytest.mark.parametrize(
    ("parents", "offsets", "complaint"),
    [
        ([], torch.zeros(0, 3), "start with -1"),
        ([0, 0], torch.zeros(2, 3), "start with -1"),
        ([-1, 2, 0], torch.zeros(3, 3), "joints before"),
        ([-1, -1], torch.zeros(2, 3), "joints before"),
        ([-1, 0], torch.zeros(3, 3), r"\(2, 3\)"),
    ],
)
def test_impossible_skeletons_are_refused(parents, offsets, complaint):
    with pytest.raises(InvalidInputError, match=complaint):
        rc.ForwardKinematics(parents, offsets)


def test_wrong_poses_are_refused():
    solver = rc.InverseKinematics([-1, 0], torch.ones(2, 3), width=8)
    with pytest.raises(InvalidInputError, match=r"\(\.\.\., 2, 3\)"):
        solver(torch.zeros(1, 3, 3))
    with pytest.raises(InvalidInputError, match=r"\(\.\.\., 2, 3, 3\)"):
        solver.kinematics(torch.zeros(3, 3, 3))


def copying_errors(name, seed=0, steps=400, n=3):
    torch.manual_seed(seed)
    model = rc.RotationAutoencoder(name, n=n, width=64)
    rotations = random_rotations(n, 128 * steps, generator(seed))

    def loss(model, batch):
        return nn.functional.mse_loss(model(batch), batch)

    train(model, loss, rotations, epochs=1, batch_size=128, lr=3e-3, schedule="cosine", device="cpu", seed=seed)
    held_out = random_rotations(n, 2000, generator(seed + 1))
    with torch.no_grad():
        return rc.geodesic_distance(model.eval()(held_out), held_out, degrees=True)


def test_copying_through_six_numbers_has_no_large_error_and_through_quaternions_has():
    six, quaternion = copying_errors("6d"), copying_errors("quaternion")
    assert six.max() < 20
    assert quaternion.max() > 90
    assert six.mean() < quaternion.mean()
    assert torch.equal(six, copying_errors("6d"))


def test_copying_works_in_four_dimensions():
    assert copying_errors("stereographic", n=4, steps=300).mean() < 30  # the mean distance of two rotations is 133


def test_inverse_kinematics_learns_without_seeing_rotations():
    walk = simulated_walk(200, np.random.default_rng(0))
    offsets = torch.from_numpy(walk.offsets).float()
    positions = rc.ForwardKinematics(walk.parents, offsets)(torch.from_numpy(walk.rotations).float())
    torch.manual_seed(0)
    solver = rc.InverseKinematics(walk.parents, offsets, width=64)
    position_loss = rc.JointPositionLoss(walk.parents)

    def loss(model, batch):
        return position_loss(model(batch)[0], batch)

    with torch.no_grad():
        before = (solver(positions)[0] - positions).norm(dim=-1).mean()
    train(solver, loss, positions, epochs=40, batch_size=50, lr=3e-3, schedule="cosine", device="cpu")
    with torch.no_grad():
        after = (solver(positions)[0] - positions).norm(dim=-1).mean()
    assert after < 0.1 < 0.4 < before  # metres
