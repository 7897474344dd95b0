import pytest
import torch
from torch import nn

from reprise.errors import InvalidInputError
from reprise.symmetry.equivariance import assert_equivariant, equivariance_error
from reprise.symmetry.frame_averaging import (
    DGCNN,
    LocalFramePointNet,
    NormalEstimator,
    PointNet,
    UnorientedNormalLoss,
    local_frames,
)
from reprise.symmetry.frame_averaging.pointclouds import EdgeConvolution, gather_points, nearest_neighbours

CHANCE = 2 / 3  # of 1 - cos² for directions at random


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def ellipsoids(batch=4, points=40, seed=0):
    """Points of ellipsoids of random axes, with their normals."""
    draws = generator(seed)
    axes = 0.5 + torch.rand(batch, 1, 3, generator=draws, dtype=torch.float64)
    sphere = nn.functional.normalize(torch.randn(batch, points, 3, generator=draws, dtype=torch.float64), dim=-1)
    return sphere * axes, nn.functional.normalize(sphere / axes, dim=-1)


MODELS = {
    "FA-PointNet": lambda: NormalEstimator(PointNet(widths=(16, 32), head=(16,))),
    "FA-PointNet, SE": lambda: NormalEstimator(PointNet(widths=(16, 32), head=(16,)), group="SE3"),
    "FA-DGCNN": lambda: NormalEstimator(DGCNN(k=8, width=8)),
    "local frames": lambda: LocalFramePointNet(k=10, vectors=8, widths=(16, 32), head=(16,)),
    "local frames, SE": lambda: LocalFramePointNet(k=10, vectors=8, widths=(16, 32), head=(16,), group="SE3"),
}


@pytest.mark.parametrize("name", MODELS)
def test_normals_turn_with_the_cloud(name):
    torch.manual_seed(0)
    model = MODELS[name]()
    group = "SE3" if name.endswith("SE") else "E3"
    points, _ = ellipsoids()
    assert_equivariant(model, points, group, input_kinds="position", output_kind="vector", dtypes=[torch.float64], n=5)
    normals = model.double().eval()(points)
    assert torch.allclose(normals.norm(dim=-1), torch.ones(4, 40, dtype=torch.float64))


@pytest.mark.parametrize("name", MODELS)
def test_normals_do_not_depend_on_the_order_of_points(name):
    torch.manual_seed(0)
    error = equivariance_error(
        MODELS[name](), ellipsoids()[0], "S", input_kinds="set", output_kind="set", n=3, dtype=torch.float64
    )
    assert error.maximal < 1e-10


@pytest.mark.parametrize(
    "backbone", [PointNet(widths=(16, 32), head=(16,)), DGCNN(k=8, width=8)], ids=lambda m: type(m).__name__
)
def test_the_backbone_alone_is_not_equivariant(backbone):
    found = equivariance_error(backbone, ellipsoids()[0].float(), "O3", input_kinds="vector", output_kind="vector")
    assert found.mean > 0.01


@pytest.mark.parametrize("name", ["FA-PointNet", "local frames"])
def test_training_beats_chance_on_turned_shapes(name):
    torch.manual_seed(0)
    model, loss = MODELS[name](), UnorientedNormalLoss()
    points, normals = (value.float() for value in ellipsoids(batch=16))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    before = float(loss(model(points), normals).detach())
    for _ in range(20):
        value = loss(model(points), normals)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator(1)))[0]
    unseen, expected = (value.float() @ turn.T for value in ellipsoids(batch=16, seed=1))
    model.eval()
    found = float(loss(model(unseen), expected).detach())
    assert found < 0.25 < before
    assert before > 0.3


@pytest.mark.parametrize("name", MODELS)
def test_state_dict_round_trip(name):
    points = ellipsoids()[0].float()
    model, again = MODELS[name](), MODELS[name]()
    model(points)  # moves the batch statistics
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.eval()(points), model.eval()(points))


def test_loss_is_blind_to_sign_and_scale():
    loss = UnorientedNormalLoss()
    x, y = torch.randn(2, 500, 3, generator=generator(), dtype=torch.float64)
    assert loss(x, x) < 1e-12
    assert torch.allclose(loss(-3 * x, y), loss(x, y))
    assert torch.allclose(loss(x, torch.linalg.cross(x, y)), torch.tensor(1.0, dtype=torch.float64))
    assert abs(float(loss(x, y)) - CHANCE) < 0.05
    angle = torch.tensor(0.3, dtype=torch.float64)
    turned = torch.stack([angle.cos(), angle.sin()])[None]
    assert torch.allclose(loss(turned, torch.tensor([[1.0, 0.0]]).double()), angle.sin() ** 2)


def test_local_frames_are_those_of_each_patch():
    points, normals = ellipsoids(batch=2, points=400)
    frames, patches = local_frames(points, k=10)
    assert patches.shape == (800, 10, 3)
    assert torch.equal(patches[:, 0], points.flatten(0, 1))  # nearest first: the point itself
    distance = (patches - patches[:, :1]).norm(dim=-1)
    assert (distance.diff(dim=1) >= 0).all()
    for k in (0, 399, 400, 799):
        centred = patches[k] - patches[k].mean(0)
        scatter = frames.axes[k].T @ centred.T @ centred @ frames.axes[k]
        assert torch.allclose(scatter, torch.diag(scatter.diag()), atol=1e-10)
    flattest = frames.axes[:, :, 0].unflatten(0, (2, 400))  # of small patches, the normal
    assert UnorientedNormalLoss()(flattest, normals) < 0.1


def test_neighbours_agree_with_sorting():
    x = torch.randn(2, 30, 5, generator=generator(), dtype=torch.float64)
    index = nearest_neighbours(x, 7)
    for b in range(2):
        expected = (x[b][:, None] - x[b]).norm(dim=-1).argsort(1)[:, :7]
        assert torch.equal(index[b], expected)
        assert torch.equal(gather_points(x, index)[b], x[b][expected])
    for k in (0, 31):
        with pytest.raises(InvalidInputError, match=f"1 to 30 here; got {k}"):
            nearest_neighbours(x, k)


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_edge_convolution_agrees_with_its_slow_twin(pool):
    torch.manual_seed(0)
    layer = EdgeConvolution((3, 8, 6), k=5, pool=pool).double().eval()
    x = torch.randn(2, 20, 3, generator=generator(), dtype=torch.float64)
    near = gather_points(x, nearest_neighbours(x, 5))
    y = torch.cat([near - x[:, :, None], x[:, :, None].expand_as(near)], dim=-1)
    for inner in layer.layers:
        y = inner(y)
    assert torch.allclose(layer(x), y.mean(2) if pool == "mean" else y.amax(2), atol=1e-12)


def test_pointnet_ignores_padding():
    torch.manual_seed(0)
    model = PointNet(widths=(16, 32), head=(16,)).eval()
    points = ellipsoids()[0].float()
    padded = torch.cat([points, 100 * torch.ones(4, 3, 3)], dim=1)
    mask = torch.arange(43).expand(4, -1) < 40
    assert torch.allclose(model(padded, mask=mask)[:, :40], model(points), atol=1e-5)
