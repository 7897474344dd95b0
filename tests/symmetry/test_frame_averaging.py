import copy
import itertools
import pickle
import warnings

import pytest
import torch
from torch import nn

from reprise.errors import InvalidInputError
from reprise.nn.graph import complete_edges, disjoint_copies
from reprise.nn.linalg import random_orthogonal, random_rotations
from reprise.symmetry.equivariance import assert_equivariant, equivariance_error
from reprise.symmetry.frame_averaging import FAGNN, FrameAveraging, FrameDegeneracyWarning, pca_frames

CUBE = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=3)), dtype=torch.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def clouds(batch=4, points=6, dim=3, seed=0):
    return torch.randn(batch, points, dim, generator=generator(seed), dtype=torch.float64)


class Flat(nn.Module):
    """A random perceptron on all coordinates at once: no symmetry of any kind."""

    def __init__(self, points, dim, out, inputs=1):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(inputs * points * dim, 32), nn.Tanh(), nn.Linear(32, torch.Size(out).numel())
        )
        self.out = out
        self.double()

    def forward(self, *inputs, mask=None):
        return self.net(torch.cat([x.flatten(1) for x in inputs], dim=1)).unflatten(1, self.out)


class Counting(nn.Module):
    """Remembers the shapes of its calls."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.shapes, self.keywords = inner, [], []

    def forward(self, *inputs, **keywords):
        self.shapes.append([tuple(x.shape) for x in inputs])
        self.keywords.append(keywords)
        return self.inner(*inputs)


@pytest.mark.parametrize(
    ("dim", "group", "size"),
    [(3, "E", 8), (3, "O", 8), (3, "SE", 4), (3, "SO", 4), (2, "E", 4), (2, "SO", 2), (4, "SE", 8)],
)
def test_frames_are_orthogonal_and_as_many_as_the_group_asks(dim, group, size):
    frames = pca_frames(clouds(dim=dim), f"{group}{dim}")
    assert frames.R.shape == (4, size, dim, dim)
    assert len(frames) == size
    assert (frames.R @ frames.R.mT - torch.eye(dim)).abs().max() < 1e-12
    determinants = torch.linalg.det(frames.R)
    if group.startswith("S"):
        assert (determinants - 1).abs().max() < 1e-12
    else:
        assert determinants.sum().abs() < 1e-10
    assert len(frames.R[0].round(decimals=6).unique(dim=0)) == size
    assert (frames.t == 0).all() == group.endswith("O")


def as_a_set(frames):
    """The frame as a sorted list of (R, t), comparable between inputs."""
    rows = torch.cat([frames.R.flatten(2), frames.t.expand(-1, len(frames), -1)], dim=-1)
    return [sorted(map(tuple, (cloud.round(decimals=7) + 0.0).tolist())) for cloud in rows]


@pytest.mark.parametrize("group", ["E3", "SE3", "O3", "SO3"])
def test_frame_of_a_moved_cloud_is_the_moved_frame(group):
    x = clouds()
    draw = random_rotations if group.startswith("S") else random_orthogonal
    q = draw(3, 1, generator(1), dtype=torch.float64)[0]
    shift = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64) * group.endswith("E3")
    frames, moved = pca_frames(x, group), pca_frames(x @ q.mT + shift, group)
    rows = torch.cat([(q @ frames.R).flatten(2), (frames.t @ q.mT + shift * 1.0).expand(-1, len(frames), -1)], dim=-1)
    expected = [sorted(map(tuple, (cloud.round(decimals=7) + 0.0).tolist())) for cloud in rows]
    for ours, theirs in zip(as_a_set(moved), expected, strict=True):
        assert torch.allclose(torch.tensor(ours), torch.tensor(theirs), atol=1e-6)


@pytest.mark.parametrize("kind", ["position", "vector", "scalar"])
def test_apply_and_invert_undo_each_other_in_both_layouts(kind):
    x = clouds()
    dense = pca_frames(x)
    there = dense.apply(x, kind)
    assert there.shape == (4, 8, 6, 3)
    assert torch.allclose(dense.invert(there, kind), x[:, None].expand(-1, 8, -1, -1))
    assert torch.allclose(dense.average(there, kind), x)
    batch = torch.arange(4).repeat_interleave(6)
    packed = pca_frames(x.flatten(0, 1), batch=batch)
    apart = packed.apply(x.flatten(0, 1), kind)
    assert torch.allclose(apart.unflatten(1, (4, 6)).transpose(0, 1), there)
    assert torch.allclose(packed.invert(apart, kind), x.flatten(0, 1).expand(8, -1, -1))
    assert torch.allclose(packed.average(apart, kind), x.flatten(0, 1))


def test_canonical_coordinates_are_those_of_the_matrices():
    x = clouds()
    frames = pca_frames(x, "SE3")
    for f in range(4):
        assert torch.allclose(frames.apply(x)[:, f], (x - frames.t) @ frames.R[:, f])
        y = torch.randn(4, 5, 3, dtype=torch.float64)
        spread = y[:, None].expand(-1, 4, -1, -1)
        assert torch.allclose(frames.invert(spread, "position")[:, f], y @ frames.R[:, f].mT + frames.t)


@pytest.mark.parametrize(
    ("group", "motions"), [("E3", "E3"), ("SE3", "SE3"), ("O3", "O3"), ("SO3", "SO3"), ("E2", "E2"), ("SE2", "SE2")]
)
@pytest.mark.parametrize(
    ("output", "out"), [("invariant", (5,)), ("position", (6, None)), ("vector", (6, None)), ("vector", (None,))]
)
def test_wrapped_perceptron_is_exactly_symmetric(group, motions, output, out):
    torch.manual_seed(0)
    dim = int(group[-1])
    model = FrameAveraging(Flat(6, dim, [size or dim for size in out]), group, output_kind=output)
    x = clouds(dim=dim)
    found = equivariance_error(model, x, motions, input_kinds="position", output_kind=output, n=100)
    assert found.absolute < 1e-10
    assert found.scale > 1e-2
    plain = equivariance_error(model.backbone, x, motions, input_kinds="position", output_kind=output)
    assert plain.maximal > 1e-2


def test_float32_is_symmetric_up_to_rounding():
    model = FrameAveraging(Flat(6, 3, (5,)), "E3")
    assert_equivariant(model, clouds(), "E3", input_kinds="position", output_kind="scalar")


def test_rotation_frame_keeps_handedness():
    torch.manual_seed(0)
    model = FrameAveraging(Flat(6, 3, (5,)), "SO3", output_kind="invariant")
    x = clouds()
    mirrored = x * torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    assert (model(mirrored) - model(x)).abs().max() > 1e-3
    assert (
        FrameAveraging(model.backbone, "O3")(mirrored) - FrameAveraging(model.backbone, "O3")(x)
    ).abs().max() < 1e-10


def test_vectors_and_scalars_follow_the_frame_of_the_positions():
    torch.manual_seed(0)
    x, v, charge = clouds(), clouds(seed=1), clouds(dim=1, seed=2)

    class Mixed(Flat):
        def forward(self, x, v, charge):
            y = super().forward(x, v, charge.expand(-1, -1, 3))
            return y[:, :6], y[:, 6:, :2]

    kinds, outputs = ("position", "vector", "scalar"), ("position", "scalar")
    model = FrameAveraging(Mixed(6, 3, (12, 3), inputs=3), "E3", input_kinds=kinds, output_kind=outputs)
    found = equivariance_error(model, (x, v, charge), "E3", input_kinds=kinds, output_kind=outputs, n=50)
    assert found.absolute < 1e-10


def test_an_invariant_backbone_is_left_as_it_is():
    def distances(x):
        return torch.cdist(x, x)

    x = clouds()
    for group in ("E3", "SE3"):
        averaged = FrameAveraging(distances, group, output_kind="scalar")(x)
        assert (averaged - distances(x)).abs().max() < 1e-12


def test_symmetries_of_the_backbone_are_kept():
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Linear(3, 16), nn.Tanh()).double()
    model = FrameAveraging(lambda x: inner(x).sum(1), "E3")
    assert equivariance_error(model, clouds(), "S", input_kinds="set", output_kind="scalar").maximal < 1e-12


def test_backbone_is_called_once_on_all_frames():
    backbone = Counting(Flat(6, 3, (6, 3)))
    FrameAveraging(backbone, "SE3", output_kind="vector")(clouds())
    assert backbone.shapes == [[(16, 6, 3)]]


def test_average_is_that_of_a_loop_over_frames():
    torch.manual_seed(0)
    model = FrameAveraging(Flat(6, 3, (6, 3)), "E3", output_kind="position")
    for cloud, found in zip(clouds(), model(clouds()), strict=True):
        centre = cloud.mean(0)
        _, axes = torch.linalg.eigh((cloud - centre).T @ (cloud - centre))
        total = torch.zeros_like(cloud)
        for signs in itertools.product((-1.0, 1.0), repeat=3):
            R = axes * torch.tensor(signs, dtype=torch.float64)
            total += model.backbone(((cloud - centre) @ R)[None])[0] @ R.T + centre
        assert torch.allclose(found, total / 8, atol=1e-12)


def test_padding_changes_nothing():
    torch.manual_seed(0)
    x = clouds(batch=1)
    padded = torch.cat([x, 1e3 * torch.ones(1, 2, 3, dtype=torch.float64)], dim=1)
    mask = torch.tensor([[True] * 6 + [False] * 2])
    backbone = Flat(8, 3, (5,))
    model = Counting(backbone)
    wrapped = FrameAveraging(model, "E3")
    found = wrapped(padded, mask=mask)
    assert model.keywords[0]["mask"].shape == (8, 8)
    canonical = torch.cat([pca_frames(x).apply(x)[0], torch.zeros(8, 2, 3, dtype=torch.float64)], dim=1)
    assert torch.allclose(found[0], backbone(canonical).mean(0), atol=1e-12)
    error = equivariance_error(wrapped, padded, "E3", input_kinds="position", output_kind="scalar", mask=mask, n=20)
    assert error.absolute < 1e-10


class Packed(nn.Module):
    """A graph network without symmetry: pools its nodes by graph, or not."""

    def __init__(self, pool):
        super().__init__()
        self.net = nn.Linear(3, 3).double()
        self.pool = pool

    def forward(self, x, *, edge_index=None, batch):
        y = torch.tanh(self.net(x)) * x
        if edge_index is not None:
            y = y.index_add(0, edge_index[1], torch.sin(y[edge_index[0]]))
        return torch.zeros(int(batch.max()) + 1, 3).double().index_add(0, batch, y) if self.pool else y


@pytest.mark.parametrize("pool", [True, False])
@pytest.mark.parametrize("group", ["E3", "SE3"])
def test_packed_graphs_agree_with_each_graph_alone(pool, group):
    torch.manual_seed(0)
    sizes = [8, 5, 11]  # 8 points and 8 frames must not be confused
    x = clouds(batch=1, points=24)[0]
    batch = torch.repeat_interleave(torch.arange(3), torch.tensor(sizes))
    edges = [complete_edges(n) for n in sizes]
    starts = [0, 8, 13]
    edge_index = torch.cat([e + s for e, s in zip(edges, starts, strict=True)], dim=1)
    model = FrameAveraging(Packed(pool), group, output_kind="vector")
    together = model(x, edge_index=edge_index, batch=batch)
    for k, (start, n) in enumerate(zip(starts, sizes, strict=True)):
        alone = model(x[start : start + n], edge_index=edges[k])
        assert torch.allclose(together[k] if pool else together[start : start + n], alone[0] if pool else alone)
    error = equivariance_error(
        model, x, group, input_kinds="position", output_kind="vector", edge_index=edge_index, batch=batch
    )
    assert error.absolute < 1e-10
    assert torch.allclose(FrameAveraging(Packed(pool), group)(x, batch=batch).isfinite().all(), torch.tensor(True))


def test_random_frames_average_to_the_full_frame():
    torch.manual_seed(0)
    full = FrameAveraging(Flat(6, 3, (5,)), "SE3")
    model = FrameAveraging(Counting(full.backbone), "SE3", frames="random", seed=1)
    x = clouds()
    draws = torch.stack([model(x) for _ in range(400)]).detach()
    assert model.backbone.shapes[0] == [(4, 6, 3)]
    assert draws.std(0).min() > 1e-3
    assert torch.allclose(draws.mean(0), full(x), atol=5 * float(draws.std()) / 400**0.5)
    model.eval()
    assert torch.allclose(model(x), full(x))


def test_random_frames_depend_on_the_seed_and_survive_copying():
    def make(seed):
        torch.manual_seed(0)
        return FrameAveraging(Flat(6, 3, (5,)), "SE3", frames="random", seed=seed)

    x = clouds()
    once, again = make(1), make(1)
    first = torch.stack([once(x) for _ in range(5)])
    torch.manual_seed(123)
    assert torch.equal(first, torch.stack([again(x) for _ in range(5)]))
    other = make(2)
    assert not torch.equal(first, torch.stack([other(x) for _ in range(5)]))
    for duplicate in (copy.deepcopy(once), pickle.loads(pickle.dumps(once))):
        twin = copy.deepcopy(once)
        assert torch.equal(duplicate(x), twin(x))
    loaded = make(2)
    loaded.load_state_dict(once.state_dict())
    assert torch.equal(loaded.eval()(x), once.eval()(x))


def test_gradient_passes_the_frame_only_where_asked():
    torch.manual_seed(0)
    backbone = Flat(6, 3, (1,))
    x = clouds(batch=1).requires_grad_()
    attached = FrameAveraging(backbone, "E3", detach=False)
    assert torch.autograd.gradcheck(attached, x)
    (detached,) = torch.autograd.grad(FrameAveraging(backbone, "E3")(x).sum(), x)
    (full,) = torch.autograd.grad(attached(x).sum(), x)
    assert (detached - full).abs().max() > 1e-4
    assert detached.sum(1).abs().max() < 1e-12  # the centre is differentiated: no net force


@pytest.mark.parametrize("group", ["E3", "SE3"])
def test_isotropic_input_warns(group):
    with pytest.warns(FrameDegeneracyWarning, match="1 of 2 point clouds have two principal axes"):
        frames = pca_frames(torch.stack([CUBE, clouds(1, 8)[0]]), group)
    assert frames.gap[0] < 1e-6 < frames.gap[1]
    with pytest.warns(FrameDegeneracyWarning):
        FrameAveraging(Flat(8, 3, (1,)), group)(CUBE[None])


def test_isotropic_input_can_be_refused_ignored_or_perturbed():
    with pytest.raises(InvalidInputError, match="not unique"):
        pca_frames(CUBE[None], degenerate="raise")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pca_frames(CUBE[None], degenerate="ignore")
        one = pca_frames(CUBE[None], degenerate="perturb", generator=generator(1))
        other = pca_frames(CUBE[None], degenerate="perturb", generator=generator(2))
        generic = pca_frames(clouds(), degenerate="perturb", generator=generator(1))
    assert one.gap[0] < 1e-6 < generic.gap.min()  # the gap of the input, whatever was done about it
    assert (one.R @ one.R.mT - torch.eye(3)).abs().max() < 1e-12
    assert not torch.allclose(one.axes, other.axes)
    assert torch.equal(generic.axes, pca_frames(clouds()).axes)
    with pytest.raises(InvalidInputError, match="needs a `generator`"):
        pca_frames(CUBE[None], degenerate="perturb")


def test_flat_clouds_have_a_frame():
    flat = clouds(dim=2)
    x = torch.nn.functional.pad(flat, (0, 1))
    model = FrameAveraging(Flat(6, 3, (5,)), "E3")
    assert equivariance_error(model, x, "E3", input_kinds="position", output_kind="scalar").absolute < 1e-10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pca_frames(clouds(), "E2"), r"d = 2; got shape \(4, 6, 3\)"),
        (lambda: pca_frames(clouds(), "U3"), "no group 'U3'"),
        (lambda: pca_frames(clouds(), "S"), "PCA frames are for"),
        (lambda: pca_frames(clouds(points=2)), "2 points, too few for a unique frame: E3 needs at least 3"),
        (lambda: pca_frames(clouds(points=1), "O3"), "O3 needs at least 2"),
        (lambda: pca_frames(clouds() / 0), "NaN or infinite"),
        (lambda: pca_frames(clouds(batch=0)), "no points"),
        (lambda: pca_frames(clouds()[0]), r"must be \(B, n, d\)"),
        (lambda: pca_frames(clouds(), mask=torch.tensor([[True] * 2 + [False] * 4] * 4)), "2 points, too few"),
        (lambda: pca_frames(clouds()[0], batch=torch.tensor([0, 0, 0, 0, 2, 2])), "0 points, too few"),
        (lambda: pca_frames(clouds()).apply(clouds(), "spinor"), "Unknown kind 'spinor'"),
        (lambda: FrameAveraging(nn.Identity(), output_kind="spinor"), "Unknown kind 'spinor'"),
        (lambda: FrameAveraging(nn.Identity(), input_kinds=("vector",)), "one of input_kinds must be 'position'"),
        (lambda: FrameAveraging(nn.Identity(), frames="some"), "'full' or 'random'"),
        (lambda: FrameAveraging(nn.Identity(), degenerate="panic"), "degenerate must be"),
        (lambda: FrameAveraging(nn.Identity())(clouds(), clouds()), "1 input kinds but 2 inputs"),
        (lambda: FrameAveraging(lambda x: x.sum())(clouds()), "must keep that axis"),
        (lambda: FrameAveraging(lambda x: (x, x))(clouds()), "1 output kinds but the backbone gave 2"),
        (
            lambda: FrameAveraging(nn.Identity())(
                clouds()[0], mask=torch.ones(1, 6, dtype=torch.bool), batch=torch.zeros(6, dtype=torch.long)
            ),
            "mask is for dense",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


def particles(batch=3, n=5, edge_dim=2, dim=3, seed=0):
    draws = generator(seed)
    shapes = [(batch, n, dim), (batch, n, dim), (batch, n * (n - 1), edge_dim)]
    return [torch.randn(shape, generator=draws, dtype=torch.float64) for shape in shapes]


@pytest.mark.parametrize(("group", "dim"), [("E3", 3), ("SE3", 3), ("E2", 2)])
def test_fagnn_is_equivariant(group, dim):
    torch.manual_seed(0)
    model = FAGNN(hidden=6 * dim, layers=3, group=group)
    inputs = particles(dim=dim)
    assert_equivariant(
        lambda x, v, e: copy.deepcopy(model).to(x.dtype)(x, v, edge_attr=e),
        inputs,
        group,
        input_kinds=("position", "vector", "scalar"),
        output_kind="position",
        tolerance={torch.float32: 1e-4, torch.float64: 1e-10},  # four decompositions in a row lose a digit
    )


def test_fagnn_tells_mirror_images_apart_only_without_reflections():
    position, velocity, edges = particles()
    mirror = torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
    for group, same in (("E3", True), ("SE3", False)):
        torch.manual_seed(0)
        model = FAGNN(hidden=12, layers=2, group=group).double()
        straight = model(position, velocity, edge_attr=edges) @ mirror
        mirrored = model(position @ mirror, velocity @ mirror, edge_attr=edges)
        assert torch.allclose(straight, mirrored, atol=1e-10) == same


def fagnn_frame_by_frame(model, x, v, edges, attributes):
    """Slow twin: one system, its frames in a loop, as the paper tells it."""

    def frames_of(points):
        _, axes = torch.linalg.eigh((points - points.mean(0)).T @ (points - points.mean(0)))
        return [axes * torch.tensor(s, dtype=torch.float64) for s in itertools.product((-1.0, 1.0), repeat=3)]

    frames = frames_of(x)
    hidden = [model.embed(torch.cat([(x - x.mean(0)) @ R, v @ R], dim=1)) for R in frames]
    for depth, layer in enumerate(model.layers):
        if depth:
            vectors = [h.unflatten(1, (-1, 3)) @ R.T for h, R in zip(hidden, frames, strict=True)]
            latent = torch.stack(vectors).mean(0)
            frames = frames_of(latent.flatten(0, 1))
            centred = latent - latent.flatten(0, 1).mean(0)
            hidden = [(centred @ R).flatten(1) for R in frames]
        hidden = [layer(h, edges, attributes) for h in hidden]
    back = [model.decode(h) @ R.T for h, R in zip(hidden, frames, strict=True)]
    return torch.stack(back).mean(0) + x.mean(0)


def test_fagnn_agrees_with_its_slow_twin_and_packs():
    torch.manual_seed(0)
    model = FAGNN(hidden=12, layers=3).double()
    position, velocity, edges = particles()
    found = model(position, velocity, edge_attr=edges)
    packed = model(
        position.flatten(0, 1),
        velocity.flatten(0, 1),
        edge_attr=edges.flatten(0, 1),
        edge_index=disjoint_copies(complete_edges(5), 5, 3),
        batch=torch.arange(3).repeat_interleave(5),
    )
    assert torch.allclose(packed.unflatten(0, (3, 5)), found, atol=1e-12)
    for k in range(3):
        expected = fagnn_frame_by_frame(model, position[k], velocity[k], complete_edges(5), edges[k])
        assert torch.allclose(found[k], expected, atol=1e-10)


def test_fagnn_does_not_see_the_numbering_of_particles():
    torch.manual_seed(0)
    model = FAGNN(edge_dim=0, hidden=12, layers=3)
    assert_equivariant(
        lambda x, v: copy.deepcopy(model).to(x.dtype)(x, v),
        particles()[:2],
        "S",
        input_kinds=("set", "set"),
        output_kind="set",
        tolerance={torch.float32: 1e-4, torch.float64: 1e-10},
    )


def test_fagnn_round_trips_and_depends_on_the_seed_alone():
    def make(seed):
        torch.manual_seed(seed)
        return FAGNN(hidden=12, layers=2).double()

    position, velocity, edges = particles()
    model, other = make(0), make(1)
    found = model(position, velocity, edge_attr=edges)
    assert torch.equal(make(0)(position, velocity, edge_attr=edges), found)
    assert not torch.allclose(other(position, velocity, edge_attr=edges), found)
    other.load_state_dict(model.state_dict())
    for twin in (other, pickle.loads(pickle.dumps(model))):
        assert torch.equal(twin(position, velocity, edge_attr=edges), found)


def test_fagnn_learns_what_a_constant_cannot():
    torch.manual_seed(0)
    position, velocity, edges = (value.float() for value in particles(batch=32))
    target = position + velocity
    model = FAGNN(hidden=24, layers=2)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        loss = (model(position, velocity, edge_attr=edges) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.4 * losses[0]
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FAGNN(hidden=61), "multiple of the dimension 3; got 61"),
        (lambda: FAGNN(group="O3"), "needs a group with translations"),
        (lambda: FAGNN(layers=0), "must be positive"),
        (lambda: FAGNN(edge_dim=0)(torch.randn(2, 5, 3)), "Expected 2 tensors of one shape"),
        (lambda: FAGNN()(torch.randn(2, 5, 3), torch.randn(2, 5, 3)), "Expected 2 features an edge; got 0"),
        (lambda: FAGNN()(*torch.randn(2, 2, 5, 3), edge_attr=torch.randn(2, 19, 2)), "40 edges but edge_attr has 38"),
        (lambda: FAGNN(edge_dim=0)(*torch.randn(2, 5, 3)), "Without edge_index"),
        (lambda: FAGNN(edge_dim=0)(*torch.full((2, 2, 5, 3), torch.nan)), "NaN"),
    ],
)
def test_fagnn_refuses_what_does_not_fit(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()
