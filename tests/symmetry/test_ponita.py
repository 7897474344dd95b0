"""PONITA: invariants, grids, convolutions, and the symmetries of the networks."""

import itertools

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from reprise.data.simulators.nbody import nbody_task
from reprise.errors import InvalidInputError
from reprise.nn.linalg import random_orthogonal, random_rotations
from reprise.symmetry.equivariance import assert_equivariant, equivariance_error
from reprise.symmetry.frame_averaging import FrameAveraging
from reprise.symmetry.ponita import (
    PNITA,
    PONITA,
    EdgePONITA,
    FiberBundleConv,
    PointConv,
    PolynomialCutoff,
    orientation_grid,
    oriented_pair_invariants,
    position_orientation_invariants,
)
from reprise.symmetry.ponita.orientations import mirrored_order
from reprise.symmetry.ponita.points import lift_edges
from reprise.training import train

SMALL = {"hidden": 12, "layers": 2, "basis": 8, "layer_scale": None}
ICOSAHEDRON = {"num_ori": 12, "grid": "icosahedron"}


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def icosahedral_rotations():
    """The 60 rotations that map the icosahedron onto itself, float64."""
    return torch.from_numpy(Rotation.create_group("I").as_matrix())


def grid_rotations(name):
    """Those of scipy's icosahedral group, brought to the axes of our grid."""
    grid = orientation_grid(12 if name == "icosahedron" else 20, method=name)
    rotations = icosahedral_rotations()
    for turn in (torch.eye(3), torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])):
        turned = turn.double() @ rotations @ turn.double().mT
        images = (grid @ turned.mT)[..., None, :] - grid
        if float(images.norm(dim=-1).min(-1).values.max()) < 1e-12:
            return turned
    raise AssertionError("The grid is not that of an icosahedron.")


def cloud(generator, n=7, dim=3, dtype=torch.float64):
    pos = torch.randn(n, dim, generator=generator, dtype=dtype)
    scalars = torch.randn(n, 2, generator=generator, dtype=dtype)
    vectors = torch.randn(n, 1, dim, generator=generator, dtype=dtype)
    return pos, scalars, vectors


def ponita(**settings):
    """A small network whose blocks do something, in float64 and evaluation mode."""
    return PONITA(2, 1, scalar_out=2, vector_out=2, **(SMALL | settings)).double().eval()


# --- invariants


@pytest.mark.parametrize("dim", [2, 3])
def test_invariants_do_not_change_under_rigid_motion(dim, generator):
    pos, grid = torch.randn(6, dim, generator=generator).double(), orientation_grid(9, dim)
    edges = torch.tensor([[0, 1, 2, 3], [4, 5, 0, 1]])
    before = position_orientation_invariants(pos, grid, edges, signed=dim == 2)
    group = random_rotations if dim == 2 else random_orthogonal
    for turn in group(dim, 5, generator, dtype=torch.float64):
        after = position_orientation_invariants(pos @ turn.mT + 2, grid @ turn.mT, edges, signed=dim == 2)
        for one, other in zip(before, after, strict=True):
            torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


@pytest.mark.parametrize("complete", [False, True])
def test_invariants_of_oriented_pairs_do_not_change_under_rotation(complete, generator):
    pos, ori = torch.randn(2, 6, 3, generator=generator, dtype=torch.float64)
    ori = torch.nn.functional.normalize(ori, dim=-1)
    edges = torch.tensor([[0, 1, 2], [3, 4, 5]])
    before = oriented_pair_invariants(pos, ori, edges, complete=complete)
    for turn in random_rotations(3, 5, generator, dtype=torch.float64):
        after = oriented_pair_invariants(pos @ turn.mT - 1, ori @ turn.mT, edges, complete=complete)
        torch.testing.assert_close(before, after, atol=1e-12, rtol=0)


def test_spatial_invariants_tell_what_is_ahead_from_what_is_behind():
    pos = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    grid = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    attr, _ = position_orientation_invariants(pos, grid, torch.tensor([[1], [0]]))
    assert attr[0].tolist() == [[2.0, 0.0], [-2.0, 0.0]]


def test_spatial_invariants_are_complete(generator):
    """Equal numbers mean that a motion maps one offset and orientation onto the other: the inner products agree."""
    offset = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    ori = torch.nn.functional.normalize(torch.randn(40, 3, generator=generator, dtype=torch.float64), dim=-1)
    pos = torch.cat([torch.zeros(1, 3, dtype=torch.float64), offset])
    edges = torch.stack([torch.arange(1, 41), torch.zeros(40, dtype=torch.long)])
    attr = position_orientation_invariants(pos, ori, edges)[0].diagonal().mT
    along, across = attr.unbind(-1)
    torch.testing.assert_close((offset * ori).sum(-1), along)
    torch.testing.assert_close(offset.norm(dim=-1), (along**2 + across**2).sqrt())


def test_three_invariants_are_not_complete_for_oriented_pairs_but_the_complete_ones_are():
    x, y, z = torch.eye(3, dtype=torch.float64)
    pos = torch.stack([x, 0 * x])
    edge = torch.tensor([[0], [1]])
    along_x, along_y = (torch.stack([sender, z]) for sender in (x, y))
    three = [oriented_pair_invariants(pos, ori, edge) for ori in (along_x, along_y)]
    assert torch.equal(*three)  # no motion maps one pair onto the other: r · o_j is 1 for one and 0 for the other
    assert not torch.allclose(*(oriented_pair_invariants(pos, ori, edge, complete=True) for ori in (along_x, along_y)))


def test_complete_invariants_tell_mirror_images_apart(generator):
    pos = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    ori = torch.nn.functional.normalize(torch.randn(2, 3, generator=generator, dtype=torch.float64), dim=-1)
    edge, mirror = torch.tensor([[0], [1]]), torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    torch.testing.assert_close(
        oriented_pair_invariants(pos, ori, edge), oriented_pair_invariants(pos * mirror, ori * mirror, edge)
    )
    here, there = (oriented_pair_invariants(pos * m, ori * m, edge, complete=True) for m in (1, mirror))
    torch.testing.assert_close(here[:, :-1], there[:, :-1])
    torch.testing.assert_close(here[:, -1], -there[:, -1])


def test_signed_angles_tell_turning_left_from_turning_right():
    grid = orientation_grid(8, dim=2)
    pos, edges = torch.zeros(1, 2, dtype=torch.float64), torch.zeros(2, 0, dtype=torch.long)
    _, cosine = position_orientation_invariants(pos, grid, edges)
    _, signed = position_orientation_invariants(pos, grid, edges, signed=True)
    torch.testing.assert_close(cosine[0, 1], cosine[0, 7])
    torch.testing.assert_close(signed[0, 1, 1], -signed[0, 7, 1])
    assert float(signed[0, 1, 1]) > 0
    with pytest.raises(InvalidInputError, match="only in the plane"):
        position_orientation_invariants(torch.zeros(1, 3), orientation_grid(4).float(), edges, signed=True)


@pytest.mark.parametrize("shapes", [((4, 3), (5, 2)), ((4,), (5, 3)), ((4, 4), (5, 4))])
def test_invariants_refuse_shapes_that_do_not_match(shapes):
    with pytest.raises(InvalidInputError, match="d = 2 or 3"):
        position_orientation_invariants(*(torch.zeros(shape) for shape in shapes), torch.zeros(2, 0, dtype=torch.long))


# --- grids


@pytest.mark.parametrize("method", ["repulsion", "fibonacci"])
@pytest.mark.parametrize("num", [1, 2, 16, 33])
def test_grids_are_even(method, num):
    grid = orientation_grid(num, method=method)
    torch.testing.assert_close(grid.norm(dim=-1), torch.ones(num, dtype=torch.float64))
    if num > 2:
        moment = grid.mT @ grid / num  # the identity over 3 for an even grid
        assert float((moment - torch.eye(3) / 3).abs().max()) < 0.05
        nearest = (grid @ grid.mT).fill_diagonal_(-1).max(-1).values.arccos()
        assert float(nearest.min()) > 0.75 * float(nearest.max())


def test_repulsion_finds_the_icosahedron_and_depends_on_the_seed_alone():
    found = orientation_grid(12)
    angles = lambda grid: (grid @ grid.mT).flatten().sort().values  # noqa: E731
    torch.testing.assert_close(angles(found), angles(orientation_grid(12, method="icosahedron")), atol=1e-5, rtol=0)
    assert torch.equal(found, orientation_grid(12))
    assert not torch.equal(found, orientation_grid(12, seed=1))


@pytest.mark.parametrize("name", ["icosahedron", "dodecahedron"])
def test_polyhedra_have_their_sixty_rotations_and_their_opposites(name):
    assert len(grid_rotations(name)) == 60
    grid = orientation_grid(12 if name == "icosahedron" else 20, method=name)
    one, other = grid[mirrored_order(grid)].chunk(2)
    torch.testing.assert_close(one, -other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num": 0}, "at least 1"),
        ({"num": 4, "dim": 4}, "circle"),
        ({"num": 4, "method": "cube"}, "grids are"),
        ({"num": 16, "method": "icosahedron"}, "12 vertices"),
        ({"num": 12, "method": "dodecahedron"}, "20 vertices"),
        ({"num": 12, "dim": 2, "method": "icosahedron"}, "three dimensions"),
    ],
)
def test_impossible_grids_are_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        orientation_grid(**arguments)


# --- convolutions


def test_separable_convolution_is_the_full_one_with_product_kernels(generator):
    n, o, c, k = 4, 5, 3, 6
    conv = FiberBundleConv(c, k).double().eval()
    with torch.no_grad():
        conv.bias.normal_(generator=generator)
    edges = torch.tensor([[0, 1, 2, 3, 3], [1, 0, 1, 2, 1]])
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    x, basis, fibre, loop = draw(n, o, c), draw(5, o, k), draw(o, o, k), draw(k)
    slow = conv.bias.expand(n, o, c).clone()
    messages = [(int(i), int(j), basis[e]) for e, (j, i) in enumerate(edges.T)]
    messages += [(i, i, loop.expand(o, k)) for i in range(n)]
    for i, j, values in messages:
        for a, b in itertools.product(range(o), range(o)):
            kernel = (conv.kernel.weight @ values[b]) * (conv.fibre_kernel.weight @ fibre[a, b]) / o
            slow[i, a] = slow[i, a] + kernel * x[j, b]
    torch.testing.assert_close(conv(x, edges, basis, fibre, loop), slow)


@pytest.mark.parametrize("kind", [FiberBundleConv, PointConv])
def test_calibration_runs_once_in_training_alone_and_is_kept(kind, generator):
    fibre = kind is FiberBundleConv
    shape = (30, 5) if fibre else (30,)
    edges = torch.randint(0, 30, (2, 90), generator=generator)
    x = 3 * torch.randn(*shape, 8, generator=generator)
    bases = [torch.rand(90, *shape[1:], 4, generator=generator)]
    bases += [torch.rand(5, 5, 4, generator=generator)] if fibre else []
    conv = kind(8, 4)
    before = conv.kernel.weight.clone()
    conv.eval()(x, edges, *bases)
    assert not conv.calibrated
    assert torch.equal(conv.kernel.weight, before)
    conv.train()(0 * x, edges, *bases)  # nothing varies: it waits
    assert not conv.calibrated
    y = conv(x, edges, *bases)
    assert conv.calibrated
    torch.testing.assert_close(y.std(), x.std())
    y.sum().backward()
    after = conv.kernel.weight.clone()
    conv(10 * x, edges, *bases)
    assert torch.equal(conv.kernel.weight, after)
    copy = kind(8, 4)
    copy.load_state_dict(conv.state_dict())
    copy.train()(10 * x, edges, *bases)
    assert torch.equal(copy.kernel.weight, after)


def test_cutoff_falls_smoothly_from_one_to_zero():
    cutoff = PolynomialCutoff(2.0)
    x = torch.tensor([0.0, 2.0, 2.5], dtype=torch.float64, requires_grad=True)
    u = cutoff(x)
    u.sum().backward()
    torch.testing.assert_close(u.detach(), torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(x.grad, torch.zeros(3, dtype=torch.float64))
    just_inside = torch.tensor(2 - 1e-6, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(cutoff(just_inside), just_inside)
    assert abs(float(slope)) < 1e-9
    d = torch.linspace(0, 2, 50, dtype=torch.float64)
    assert bool((cutoff(d).diff() <= 0).all())
    p, r = 6, d / 2
    formula = 1 - (p + 1) * (p + 2) / 2 * r**p + p * (p + 2) * r ** (p + 1) - p * (p + 1) / 2 * r ** (p + 2)
    torch.testing.assert_close(cutoff(d), formula)
    assert PolynomialCutoff(None)(d).eq(1).all()


# --- symmetries of PONITA


@pytest.mark.parametrize(("name", "num"), [("icosahedron", 12), ("dodecahedron", 20)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_rotations_of_the_grid_are_exact(name, num, dtype, tolerance, generator):
    model = ponita(num_ori=num, grid=name).to(dtype)
    inputs = cloud(generator, dtype=dtype)

    class Grid:
        def draw(self, inputs, kinds, generator):
            turn = grid_rotations(name)[int(torch.randint(60, (), generator=generator))]
            return (turn if torch.rand((), generator=generator) < 0.5 else -turn).to(dtype)

        def act(self, turn, value, kind):
            return value @ turn.mT if kind != "scalar" else value

    error = equivariance_error(
        model, inputs, Grid(), input_kinds=("vector", "scalar", "vector"), output_kind=("scalar", "vector")
    )
    assert error.maximal < tolerance
    assert error.scale > 1e-3


def test_error_under_any_rotation_falls_as_the_grid_becomes_finer(generator):
    inputs = cloud(generator)
    errors = []
    for num in (12, 48, 192):
        torch.manual_seed(0)
        model = ponita(num_ori=num, grid="fibonacci")
        kinds = {"input_kinds": ("position", "scalar", "vector"), "output_kind": ("scalar", "vector")}
        errors.append(equivariance_error(model, inputs, "SO3", **kinds).mean)
    assert errors[0] > 1e-6
    assert errors[1] < 0.5 * errors[0]
    assert errors[2] < 0.5 * errors[1]


@pytest.mark.parametrize(("dim", "group"), [(2, "SE2"), (3, "E3")])
def test_translations_and_numbering_are_exact(dim, group, generator):
    model = ponita(dim=dim, num_ori=7)
    pos, scalars, vectors = cloud(generator, dim=dim)
    there = model(pos + 5, scalars, vectors)
    order = torch.randperm(len(pos), generator=generator)
    renumbered = model(pos[order], scalars[order], vectors[order])
    for here, moved, mixed in zip(model(pos, scalars, vectors), there, renumbered, strict=True):
        torch.testing.assert_close(here, moved)
        torch.testing.assert_close(here[order], mixed)


def test_plane_has_the_rotations_of_its_grid_and_no_reflection(generator):
    pos, scalars, vectors = cloud(generator, dim=2)
    for signed in (False, True):
        model = ponita(dim=2, num_ori=8, signed=signed)
        angle = torch.tensor(np.pi / 4).double()
        turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)
        s, v = model(pos, scalars, vectors)
        s_turned, v_turned = model(pos @ turn.mT, scalars, vectors @ turn.mT)
        torch.testing.assert_close(s_turned, s)
        torch.testing.assert_close(v_turned, v @ turn.mT)
        mirror = torch.tensor([1.0, -1.0]).double()
        assert not torch.allclose(model(pos * mirror, scalars, vectors * mirror)[0], s, rtol=1e-3)


def test_lifting_and_reading_a_vector_on_a_polyhedron_divides_it_by_three(generator):
    vectors = torch.randn(5, 2, 3, generator=generator, dtype=torch.float64)
    for name, num in (("icosahedron", 12), ("dodecahedron", 20)):
        model = PONITA(0, 2, hidden=2, scalar_out=0, vector_out=2, layers=1, num_ori=num, basis=2, grid=name).double()
        for module in (model.embed, model.readouts[0]):
            torch.nn.init.eye_(module.weight)
        torch.nn.init.zeros_(model.readouts[0].bias)
        torch.nn.init.zeros_(model.blocks[0].layer_scale)
        pos = torch.randn(5, 3, generator=generator, dtype=torch.float64)
        _, read = model.eval()(pos, vectors=vectors)
        torch.testing.assert_close(read, vectors / 3, atol=1e-6, rtol=0)


def test_frame_averaging_makes_every_rotation_exact(generator):
    inputs = cloud(generator)
    model = FrameAveraging(
        ponita(**ICOSAHEDRON),
        group="SE3",
        input_kinds=("position", "scalar", "vector"),
        output_kind=("scalar", "vector"),
    )
    kinds = {"input_kinds": ("position", "scalar", "vector"), "output_kind": ("scalar", "vector")}
    batch = torch.zeros(len(inputs[0]), dtype=torch.long)
    assert equivariance_error(model.backbone, inputs, "SE3", **kinds).mean > 1e-5
    assert_equivariant(model, inputs, "SE3", **kinds, batch=batch)


def test_random_poses_turn_whole_clouds_and_their_answers(generator, monkeypatch):
    """In training the answers are those of some pose, turned back: exact ones where the pose is the grid's own."""
    rotations = grid_rotations("icosahedron")[torch.tensor([3, 17])]
    monkeypatch.setattr("reprise.symmetry.ponita.bundle.random_rotations", lambda *_, **__: rotations)
    inputs = [torch.stack(pair) for pair in zip(cloud(generator), cloud(generator), strict=True)]
    for task in ("node", "graph"):
        model = ponita(**ICOSAHEDRON, task=task)
        quiet = model(*inputs)
        for module in model.modules():
            if hasattr(module, "calibrated"):
                module.calibrated.fill_(True)
        for one, other in zip(quiet, model.train()(*inputs), strict=True):
            torch.testing.assert_close(one, other)


# --- inputs and outputs


@pytest.mark.parametrize("radius", [None, 1.5])
@pytest.mark.parametrize("task", ["node", "graph"])
def test_dense_packed_listed_and_paired_edges_agree(radius, task, generator):
    """Dense clouds share a kernel between an edge and its reverse; the same edges given as a list do not."""
    pos, scalars, vectors = (torch.stack(parts) for parts in zip(*(cloud(generator) for _ in range(3)), strict=True))
    model = ponita(**ICOSAHEDRON, radius=radius, task=task)
    dense = model(pos, scalars, vectors)
    packed = [value.flatten(0, 1) for value in (pos, scalars, vectors)]
    batch = torch.arange(3).repeat_interleave(7)
    near = torch.cdist(packed[0], packed[0]) < (radius or 100)
    edges = (near & (batch[:, None] == batch)).nonzero().T
    for other in (model(*packed, batch=batch), model(*packed, edges, batch)):
        for one, two in zip(dense, other, strict=True):
            torch.testing.assert_close(one if task == "graph" else one.flatten(0, 1), two)


def test_points_beyond_the_radius_do_not_matter(generator):
    model = ponita(num_ori=6, radius=1.0)
    pos, scalars, vectors = cloud(generator)
    pos = torch.cat([0.3 * pos[:-1], pos[-1:] + 50])
    moved = pos.clone()
    moved[-1] += 3
    for one, two in zip(model(pos, scalars, vectors), model(moved, scalars, vectors), strict=True):
        torch.testing.assert_close(one[:-1], two[:-1])


def test_torch_geometric_batches_are_taken(generator):
    data = pytest.importorskip("torch_geometric.data")
    clouds = [cloud(generator, n) for n in (4, 6, 5)]
    graphs = [data.Data(pos=pos, x=scalars, vec=vectors) for pos, scalars, vectors in clouds]
    model = ponita(num_ori=6, task="graph")
    together = model(data.Batch.from_data_list(graphs))
    for index, (graph, inputs) in enumerate(zip(graphs, clouds, strict=True)):
        for one, two, batched in zip(model(graph), model(*inputs), together, strict=True):
            torch.testing.assert_close(one, two)
            torch.testing.assert_close(one[0], batched[index])
    with pytest.raises(InvalidInputError, match="alone"):
        model(graphs[0], clouds[0][1])
    with pytest.raises(InvalidInputError, match="torch-geometric graph with pos"):
        model([1, 2])


def test_single_point_is_a_cloud(generator):
    scalars, vectors = ponita(num_ori=6)(*cloud(generator, n=1))
    assert scalars.shape == (1, 2)
    assert vectors.shape == (1, 2, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pos": torch.zeros(7, 2)}, r"\(N, 3\)"),
        ({"pos": torch.zeros(7, 3, dtype=torch.long)}, "floating"),
        ({"pos": torch.zeros(0, 3)}, "empty"),
        ({"pos": torch.full((7, 3), torch.nan)}, "finite"),
        ({"scalars": None}, "takes 2 scalars"),
        ({"scalars": torch.zeros(7, 3)}, "scalars of shape"),
        ({"vectors": torch.zeros(7, 3)}, "vectors of shape"),
        ({"vectors": torch.zeros(7, 1, 3, dtype=torch.float64)}, "positions' type"),
        ({"edge_index": torch.tensor([[0], [7]])}, "nodes 0 to 6"),
        ({"edge_index": torch.zeros(3, 2, dtype=torch.long)}, r"\(2, E\)"),
        ({"edge_index": torch.zeros(2, 2)}, r"\(2, E\)"),
        ({"batch": torch.zeros(6, dtype=torch.long)}, "7 graph numbers"),
        ({"batch": torch.tensor([0, 0, 0, 0, 0, 0, -1])}, "negative"),
        ({"batch": torch.tensor([0, 0, 0, 2, 2, 2, 2])}, "Graph 1 of the batch is empty"),
        (
            {"edge_index": torch.tensor([[0], [6]]), "batch": torch.tensor([0, 0, 0, 0, 1, 1, 1])},
            "joins nodes of two graphs",
        ),
        ({"pos": torch.zeros(1, 7, 3), "batch": torch.zeros(7, dtype=torch.long)}, "Dense positions"),
    ],
)
def test_bad_clouds_are_refused(change, message):
    given = {"pos": torch.randn(7, 3), "scalars": torch.zeros(7, 2), "vectors": torch.zeros(7, 1, 3)} | change
    with pytest.raises(InvalidInputError, match=message):
        ponita(num_ori=4).float()(**given)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_ori": 0}, "PNITA"),
        ({"num_ori": -1}, "EdgePONITA"),
        ({"num_ori": 16, "grid": "icosahedron"}, "12 vertices"),
        ({"scalar_in": 0}, "needs a scalar or a vector"),
        ({"scalar_out": 0}, "nothing to predict"),
        ({"task": "edge"}, "'node' or 'graph'"),
        ({"radius": 0.0}, "radius must be positive"),
        ({"dim": 4}, "plane"),
        ({"layers": 0}, "layers=0"),
        ({"degree": 0}, "degree=0"),
        ({"dim": 3, "signed": True}, "only in the plane"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidInputError, match=message):
        PONITA(**({"scalar_in": 1, "hidden": 4, "basis": 4} | settings))


def test_vectors_need_a_network_that_takes_them(generator):
    pos, scalars, vectors = cloud(generator)
    with pytest.raises(InvalidInputError, match="vector_in=0"):
        PONITA(2, 0, **SMALL).double()(pos, scalars, vectors)


# --- the networks without a grid


@pytest.mark.parametrize("dim", [2, 3])
def test_pnita_is_exactly_invariant(dim, generator):
    pos, scalars, _ = cloud(generator, dim=dim)
    model = PNITA(2, **SMALL, scalar_out=3, dim=dim, radius=3.0)
    assert_equivariant(model, (pos, scalars), f"E{dim}", input_kinds=("position", "scalar"), output_kind="scalar")


@pytest.mark.parametrize(("dim", "complete", "group"), [(2, True, "SE2"), (3, False, "E3"), (3, True, "SE3")])
def test_edge_ponita_is_exactly_equivariant(dim, complete, group, generator):
    inputs = cloud(generator, dim=dim)
    model = EdgePONITA(2, 1, **SMALL, vector_out=1, dim=dim, complete=complete)
    kinds = {"input_kinds": ("position", "scalar", "vector"), "output_kind": ("scalar", "vector")}
    assert_equivariant(model, inputs, group, **kinds)


def test_complete_edge_ponita_tells_a_molecule_from_its_mirror_image(generator):
    pos, scalars, _ = cloud(generator)
    mirror = torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    for complete in (False, True):
        model = EdgePONITA(2, **SMALL, task="graph", complete=complete).double().eval()
        here, there = (model(value, scalars)[0] for value in (pos, pos * mirror))
        assert torch.allclose(here, there, rtol=1e-9) != complete


def test_lifted_edges_are_those_of_the_definition(generator):
    edges = torch.randint(0, 6, (2, 14), generator=generator)
    edges = edges[:, edges[0] != edges[1]]
    edges = torch.unique(edges, dim=1)
    ends = edges[1].tolist()
    base = set(map(tuple, edges.T.tolist())) | {(i, i) for i in range(6)}
    expected = [(a, b) for a, b in itertools.product(range(len(ends)), repeat=2) if (ends[a], ends[b]) in base]
    assert sorted(map(tuple, lift_edges(edges, 6).T.tolist())) == expected


def test_edges_need_a_direction():
    with pytest.raises(InvalidInputError, match="no direction"):
        EdgePONITA(1, **SMALL)(torch.zeros(2, 3), torch.ones(2, 1))


# --- gradients, state, learning


@pytest.mark.parametrize("kind", [PNITA, PONITA])
def test_forces_are_the_gradient_of_the_energy_and_can_be_trained(kind, generator):
    pos, scalars, _ = cloud(generator, n=4)
    model = kind(2, **SMALL, task="graph").double().eval()

    def energy(x):
        out = model(x, scalars)
        return (out if isinstance(out, torch.Tensor) else out[0]).sum()

    pos.requires_grad_()
    assert torch.autograd.gradcheck(energy, (pos,))
    (force,) = torch.autograd.grad(energy(pos), pos, create_graph=True)
    torch.testing.assert_close(force.sum(0), torch.zeros(3, dtype=torch.float64), atol=1e-9, rtol=0)
    force.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_state_dict_round_trip_and_seed(generator):
    inputs = cloud(generator)
    one, two = ponita(num_ori=5, seed=3), ponita(num_ori=5, seed=4)
    assert not torch.allclose(one(*inputs)[0], two(*inputs)[0])
    two.load_state_dict(one.state_dict())
    for a, b in zip(one(*inputs), two(*inputs), strict=True):
        assert torch.equal(a, b)


def test_predictions_are_means_over_the_readouts(generator):
    inputs = cloud(generator)
    for multiple, blocks in ((True, 3), (False, 1)):
        model = ponita(num_ori=4, layers=3, multiple_readouts=multiple)
        assert len(model.readouts) == blocks
        for block in model.blocks:  # blocks that do nothing: every readout sees the embedding
            torch.nn.init.zeros_(block.narrow.weight)
            torch.nn.init.zeros_(block.narrow.bias)
        scalars = inputs[1][:, None].expand(-1, 4, -1)
        x = model.embed(torch.cat([scalars, torch.einsum("nvd,ad->nav", inputs[2], model.grid)], dim=-1))
        expected = sum(readout(x)[..., :2].mean(1) for readout in model.readouts) / blocks
        torch.testing.assert_close(model(*inputs)[0], expected)


def test_training_learns_the_motion_of_particles():
    task = nbody_task("train", 120)
    position, velocity, charge, target = (
        torch.from_numpy(value).float() for value in (task.position, task.velocity, task.charges, task.target)
    )
    model = PONITA(1, 1, 16, 0, 1, layers=2, basis=16, num_ori=6)
    inputs = (position, charge[..., None], velocity[:, :, None], target - position)

    def loss(model, batch):
        pos, charge, velocity, shift = batch
        return torch.nn.functional.mse_loss(model(pos, charge, velocity)[1][:, :, 0], shift)

    train(model, loss, tuple(value[:100] for value in inputs), epochs=20, batch_size=20, lr=1e-2, schedule="cosine")
    held_out = tuple(value[100:] for value in inputs)
    with torch.no_grad():
        reached = float(loss(model.eval(), held_out))
    standing_still = float(held_out[-1].square().mean())
    assert reached < 0.5 * standing_still
