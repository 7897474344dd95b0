"""The maps between raw vectors and rotations: they lead back, are continuous or not, and can be differentiated."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import logm
from scipy.spatial.transform import Rotation

from reprise.errors import InvalidInputError
from reprise.nn.linalg import random_orthogonal, random_rotations
from reprise.symmetry import rotation_continuity as rc
from reprise.symmetry.equivariance import assert_equivariant

REPRESENTATIONS = rc.RotationHead.representations
CONTINUOUS = [("6d", 3), ("5d", 3)] + [("gram_schmidt", n) for n in range(2, 7)]
CONTINUOUS += [("stereographic", n) for n in range(3, 7)] + [("svd", n) for n in (2, 3, 5)] + [("matrix", 3)]
CLASSICAL = ["quaternion", "axis_angle", "rotation_vector", "euler", "euler_sin_cos", "hopf"]
EVERY = CONTINUOUS + [(name, 3) for name in CLASSICAL]
TIGHT = {torch.float32: 2e-6, torch.float64: 1e-12}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rotations(n, count, dtype=torch.float64, seed=0):
    return random_rotations(n, count, generator(seed), dtype=dtype)


def raw(name, n, count, dtype=torch.float64, seed=0):
    return torch.randn(count, REPRESENTATIONS[name].numbers(n), generator=generator(seed), dtype=dtype)


def assert_rotations(matrix, tolerance):
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype)
    assert (matrix.mT @ matrix - eye).abs().max() < tolerance
    assert (torch.linalg.det(matrix) - 1).abs().max() < tolerance


def turn(axis, angle, dtype=torch.float64):
    vector = torch.zeros(3, dtype=dtype)
    vector[axis] = angle
    return rc.rotation_from_rotation_vector(vector)


# --- there and back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "n"), EVERY)
def test_leads_back_to_the_rotation(name, n, dtype):
    matrix = rotations(n, 200, dtype)
    representation = REPRESENTATIONS[name]
    vector = representation.from_matrix(matrix)
    assert vector.shape == (200, representation.numbers(n))
    assert vector.dtype == dtype
    tolerance = TIGHT[dtype] if representation.continuous else 100 * TIGHT[dtype]
    assert (representation.to_matrix(vector, n) - matrix).abs().max() < tolerance


@pytest.mark.parametrize("n", [4, 5, 6])
def test_every_number_of_projections_leads_back(n):
    matrix = rotations(n, 50)
    for projections in range(1, n - 1):
        vector = rc.rotation_to_stereographic(matrix, projections)
        assert vector.shape[-1] == n * n - n - projections
        assert (rc.rotation_from_stereographic(vector, n, projections) - matrix).abs().max() < 1e-12


@pytest.mark.parametrize("name", [name for name, n in EVERY if n == 3])
def test_special_rotations_lead_back(name):
    """The identity, half turns about and between the axes, gimbal lock, and permutations of the axes."""
    eye = torch.eye(3, dtype=torch.float64)
    axes = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.8, 0], [0, -0.6, 0.8]], dtype=torch.float64)
    half_turns = [2 * torch.outer(axis, axis) - eye for axis in axes]
    locked = [turn(0, 0.3) @ turn(2, sign * math.pi / 2) @ turn(1, 0.5) for sign in (1, -1)]
    cyclic = eye[[1, 2, 0]]
    matrix = torch.stack([eye, *half_turns, *locked, cyclic, cyclic.T])
    representation = REPRESENTATIONS[name]
    assert (representation.to_matrix(representation.from_matrix(matrix), 3) - matrix).abs().max() < 1e-7


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "n"), [case for case in EVERY if case[0] not in ("matrix", "euler_sin_cos")])
def test_any_vector_gives_a_rotation(name, n, dtype):
    assert_rotations(REPRESENTATIONS[name].to_matrix(raw(name, n, 2000, dtype), n), 2 * TIGHT[dtype])


def test_a_small_angle_between_the_vectors_does_not_cost_orthogonality():
    a = torch.randn(1000, 3, generator=generator())
    b = a + 1e-4 * torch.randn(1000, 3, generator=generator(1))
    assert_rotations(rc.rotation_from_6d(torch.cat((a, b), -1)), 2e-6)
    assert_rotations(rc.rotation_from_gram_schmidt(torch.cat((a, b), -1).unflatten(0, (500, 2)).flatten(-2), 4), 2e-6)


def test_large_batches_are_worked_on_in_blocks_without_a_difference():
    vector = raw("6d", 3, 30_000).unflatten(0, (3, 10_000))
    whole = rc.rotation_from_6d(vector)
    assert whole.shape == (3, 10_000, 3, 3)
    assert (whole[1, ::1000] - rc.rotation_from_6d(vector[1, ::1000])).abs().max() < 1e-12
    vector[0] = 0
    (gradient,) = torch.autograd.grad(rc.rotation_from_6d(vector.requires_grad_())[:, ::1000].sum(), vector)
    few = vector.detach()[:, ::1000].requires_grad_()
    (expected,) = torch.autograd.grad(rc.rotation_from_6d(few).sum(), few)
    assert (gradient[:, ::1000] - expected).abs().max() < 1e-9
    assert rc.rotation_from_6d(vector[:0]).shape == (0, 10_000, 3, 3)


# --- what the maps are ------------------------------------------------------------------------------------------------


def gram_schmidt_by_the_formula(vector, n):
    """Give the paper's formula for one vector, with its n determinants for the last column."""
    columns = []
    for a in vector.unflatten(0, (n - 1, n)):
        for b in columns:
            a = a - (b @ a) * b
        columns.append(a / a.norm())
    last = [torch.linalg.det(torch.stack([*columns, e], dim=1)) for e in torch.eye(n, dtype=vector.dtype)]
    return torch.stack([*columns, torch.stack(last)], dim=1)


@pytest.mark.parametrize("n", range(2, 8))
def test_gram_schmidt_is_the_papers_formula(n):
    vector = raw("gram_schmidt", n, 20)
    expected = torch.stack([gram_schmidt_by_the_formula(v, n) for v in vector])
    assert (rc.rotation_from_gram_schmidt(vector, n) - expected).abs().max() < 1e-10
    if n == 3:
        assert (rc.rotation_from_6d(vector) - expected).abs().max() < 1e-12


def five_numbers_by_the_official_steps(v):
    """Unproject to the sphere of R^4, scale, and hand six numbers over, as the authors' code does."""
    p = v[2:] * torch.tensor([math.sqrt(2) + 1, math.sqrt(2) + 1, math.sqrt(2)], dtype=v.dtype)
    s2 = p @ p
    u = torch.cat((((s2 - 1) / (s2 + 1))[None], 2 * p / (s2 + 1)))
    return gram_schmidt_by_the_formula(torch.cat((v[:2], u / u[1:].norm())), 3)


def test_five_numbers_are_the_official_steps():
    vector = raw("5d", 3, 50)
    expected = torch.stack([five_numbers_by_the_official_steps(v) for v in vector])
    assert (rc.rotation_from_5d(vector) - expected).abs().max() < 1e-10
    w = rc.rotation_to_6d(rotations(3, 50))
    u = w[:, 2:] / w[:, 2:].norm(dim=-1, keepdim=True)
    scales = torch.tensor([math.sqrt(2) + 1, math.sqrt(2) + 1, math.sqrt(2)])
    official = torch.cat((w[:, :2], u[:, 1:] / (1 - u[:, :1]) / scales), -1)
    assert (rc.rotation_to_5d(rotations(3, 50)) - official).abs().max() < 1e-7


def test_five_numbers_fill_the_unit_cube():
    largest = rc.rotation_to_5d(rotations(3, 100_000)).abs().amax(0)
    assert (largest <= 1).all()
    assert (largest > 0.98).all()


def test_closed_forms():
    assert torch.equal(rc.rotation_from_6d(torch.tensor([1.0, 0, 0, 1, 1, 0])), torch.eye(3))
    e = torch.eye(3)
    expected = torch.stack((e[1], e[2], e[0]), dim=1)
    assert torch.equal(rc.rotation_from_6d(torch.tensor([0.0, 2, 0, 0, 0, 3])), expected)


def test_rows_give_the_transpose_of_columns():
    vector, matrix = raw("6d", 3, 10), rotations(3, 10)
    assert torch.equal(rc.rotation_from_6d(vector, "rows"), rc.rotation_from_6d(vector).mT)
    assert torch.equal(rc.rotation_to_6d(matrix, "rows"), matrix[:, :2].flatten(1))
    assert (rc.rotation_from_6d(rc.rotation_to_6d(matrix, "rows"), "rows") - matrix).abs().max() < 1e-12


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-2, 1e2), st.floats(1e-2, 1e2), st.floats(-10, 10), st.integers(0, 1000))
def test_six_numbers_ignore_lengths_and_what_lies_along_the_first(s, t, c, seed):
    a, b = torch.randn(2, 3, generator=generator(seed), dtype=torch.float64)
    moved = rc.rotation_from_6d(torch.cat((s * a, t * b + c * a)))
    assert (moved - rc.rotation_from_6d(torch.cat((a, b)))).abs().max() < 1e-9


@pytest.mark.parametrize("n", [2, 3, 4])
def test_vectors_that_turn_turn_the_rotation(n):
    """The composition with equivariant networks: their vectors need no linear layer."""

    def model(vectors):
        return rc.rotation_from_gram_schmidt(vectors.flatten(-2), n)

    vectors = torch.randn(5, n - 1, n, generator=generator())
    assert_equivariant(
        model, vectors, f"SO({n})", input_kinds="vector", output_kind=lambda element, matrix: element[0] @ matrix
    )


@pytest.mark.parametrize("order", ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"])
def test_euler_angles_are_scipys_intrinsic_ones(order):
    angles = raw("euler", 3, 100)
    matrix = rc.rotation_from_euler(angles, order)
    assert np.abs(matrix.numpy() - Rotation.from_euler(order, angles.numpy()).as_matrix()).max() < 1e-12
    assert (
        np.abs(rc.rotation_to_euler(matrix, order).numpy() - Rotation.from_matrix(matrix).as_euler(order)).max() < 1e-9
    )
    assert (rc.rotation_from_euler(rc.rotation_to_euler(matrix, order), order) - matrix).abs().max() < 1e-12
    x, y, z = (turn(i, a) for i, a in enumerate([angles[0][order.index(axis)] for axis in "XYZ"]))
    by_hand = {"X": x, "Y": y, "Z": z}
    assert (by_hand[order[0]] @ by_hand[order[1]] @ by_hand[order[2]] - matrix[0]).abs().max() < 1e-12


def test_quaternions_and_rotation_vectors_are_scipys():
    matrix = rotations(3, 200)
    theirs = Rotation.from_matrix(matrix.numpy())
    quaternion = rc.rotation_to_quaternion(matrix).numpy()
    assert np.abs(quaternion - theirs.as_quat(canonical=True, scalar_first=True)).max() < 1e-12
    assert np.abs(rc.rotation_to_rotation_vector(matrix).numpy() - theirs.as_rotvec()).max() < 1e-10
    vector = 3 * raw("rotation_vector", 3, 100)
    assert (
        np.abs(rc.rotation_from_rotation_vector(vector).numpy() - Rotation.from_rotvec(vector).as_matrix()).max()
        < 1e-12
    )


def test_axis_angle_is_the_axis_and_pi_tanh():
    vector = raw("axis_angle", 3, 50)
    axis = vector[:, 1:] / vector[:, 1:].norm(dim=-1, keepdim=True)
    expected = rc.rotation_from_rotation_vector(math.pi * torch.tanh(vector[:, :1]) * axis)
    assert (rc.rotation_from_axis_angle(vector) - expected).abs().max() < 1e-12


def test_half_quaternions_change_neither_matrix_nor_gradient():
    vector = raw("quaternion", 3, 50).requires_grad_()
    weights = torch.randn(50, 3, 3, generator=generator(1), dtype=torch.float64)
    half = vector * (torch.sign(vector[:, 3:]) + 0.5)
    grads = [torch.autograd.grad((rc.rotation_from_quaternion(v) * weights).sum(), vector)[0] for v in (vector, half)]
    assert (grads[0] - grads[1]).abs().max() < 1e-12
    assert (rc.rotation_to_quaternion(rotations(3, 50), "z")[:, 3] >= 0).all()


def test_sines_and_cosines_without_a_constraint_give_no_rotation():
    matrix = rc.matrix_from_euler_sin_cos(raw("euler_sin_cos", 3, 50))
    assert (torch.linalg.det(matrix) - 1).abs().min() > 1e-3


def test_hopf_coordinates_cover_all_rotations():
    uniform = rc.rotation_to_hopf(rotations(3, 5000))
    theta, phi, tau = ((torch.tanh(uniform) + 1) / 2).T
    assert np.histogram(phi, 10, (0, 1))[0].min() > 400
    assert np.histogram(tau, 10, (0, 1))[0].min() > 400
    assert np.histogram((1 - torch.cos(math.pi * theta)) / 2, 10, (0, 1))[0].min() > 400


def test_nearest_rotation_is_nearer_than_others():
    vector = raw("svd", 3, 50)
    matrix = vector.unflatten(-1, (3, 3))
    nearest = (rc.rotation_from_svd(vector) - matrix).norm(dim=(-2, -1))
    others = (rotations(3, 2000)[:, None] - matrix).norm(dim=(-2, -1)).amin(0)
    assert (nearest <= others + 1e-12).all()
    by_columns = rc.rotation_from_matrix9(vector)
    turned_over = torch.linalg.det(by_columns) < 0
    assert turned_over.equal(torch.linalg.det(matrix) < 0)  # the authors' baseline keeps a reflection one
    assert ((by_columns - matrix).norm(dim=(-2, -1)) >= nearest - 1e-12)[~turned_over].all()


def test_orthogonal_and_similarity_lead_back():
    orthogonal = random_orthogonal(4, 50, generator(), dtype=torch.float64)
    assert (torch.linalg.det(orthogonal) < 0).any()
    back = rc.orthogonal_from_gram_schmidt(rc.orthogonal_to_gram_schmidt(orthogonal), 4)
    assert (back - orthogonal).abs().max() < 1e-12
    scale = torch.rand(50, generator=generator(), dtype=torch.float64) + 0.1
    similarity = rc.Similarity(scale, rotations(3, 50), torch.randn(50, 3, generator=generator(2), dtype=torch.float64))
    vector = rc.similarity_to_gram_schmidt(similarity, check=True)
    assert vector.shape == (50, 9)
    for found, expected in zip(rc.similarity_from_gram_schmidt(vector, 3), similarity, strict=True):
        assert (found - expected).abs().max() < 1e-12
    points = torch.randn(50, 7, 3, generator=generator(3), dtype=torch.float64)
    slow = torch.stack([
        torch.stack([s * r @ x + t for x in cloud]) for s, r, t, cloud in zip(*similarity, points, strict=True)
    ])  # fmt: skip
    assert (similarity.apply(points) - slow).abs().max() < 1e-12


# --- continuity -------------------------------------------------------------------------------------------------------


def largest_step(name, axis, start):
    angles = torch.linspace(0, math.tau, 1001, dtype=torch.float64)
    loop = rc.rotation_from_rotation_vector(angles[:, None] * axis) @ start
    return float(REPRESENTATIONS[name].from_matrix(loop).diff(dim=0).norm(dim=-1).max())


@pytest.mark.parametrize(("name", "bound"), [("6d", 0.02), ("5d", 0.02), ("gram_schmidt", 0.02), ("svd", 0.02)])
def test_targets_of_continuous_representations_move_steadily(name, bound):
    eye = torch.eye(3, dtype=torch.float64)
    assert largest_step(name, eye[2], eye) < bound
    axes = torch.nn.functional.normalize(torch.randn(20, 3, generator=generator(), dtype=torch.float64), dim=-1)
    assert max(largest_step(name, axis, start) for axis, start in zip(axes, rotations(3, 20), strict=True)) < bound


@pytest.mark.parametrize("name", [*CLASSICAL[:4], "hopf"])
def test_targets_of_classical_representations_jump_on_a_full_turn(name):
    eye = torch.eye(3, dtype=torch.float64)
    assert largest_step(name, eye[2], rotations(3, 1)[0]) > 1.9
    if name == "quaternion":
        assert largest_step(name, eye[2], eye) > 1.9


# --- gradients --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "n"), EVERY)
def test_gradients_are_right(name, n):
    vector = raw(name, n, 2, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: REPRESENTATIONS[name].to_matrix(v, n), vector)


@pytest.mark.parametrize("name", ["6d", "5d", "quaternion"])
def test_second_gradients_are_right(name):
    vector = raw(name, 3, 1, seed=3).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda v: REPRESENTATIONS[name].to_matrix(v, 3), vector)


def test_gradients_of_the_targets_are_right():
    vector = raw("6d", 3, 3).requires_grad_()
    for name in ("5d", "quaternion", "axis_angle", "rotation_vector", "euler", "hopf"):
        assert torch.autograd.gradcheck(
            lambda v, g=REPRESENTATIONS[name].from_matrix: g(rc.rotation_from_6d(v)), vector
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "n"), EVERY)
def test_degenerate_vectors_give_no_nan(name, n, dtype):
    numbers = REPRESENTATIONS[name].numbers(n)
    vector = torch.zeros(3, numbers, dtype=dtype)
    vector[1, : numbers // 2] = 1.0
    vector[2] = 1e-30
    vector.requires_grad_()
    matrix = REPRESENTATIONS[name].to_matrix(vector, n)
    (gradient,) = torch.autograd.grad(matrix.sum(), vector)
    assert matrix.isfinite().all()
    assert gradient.isfinite().all()


def test_gradient_of_the_nearest_rotation_stands_equal_singular_values():
    vector = torch.eye(3, dtype=torch.float64).flatten().requires_grad_()
    assert torch.autograd.gradcheck(rc.rotation_from_svd, vector)


# --- distance ---------------------------------------------------------------------------------------------------------


def test_distance_is_zero_to_itself_and_pi_for_a_half_turn():
    eye = torch.eye(3)
    assert rc.geodesic_distance(eye, eye) == 0
    half = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))
    assert rc.geodesic_distance(half, eye).item() == pytest.approx(math.pi, abs=1e-7)
    assert rc.geodesic_distance(half, eye, degrees=True) == 180


def test_distance_is_the_angle_also_where_the_arc_cosine_is_blind():
    for angle in (1e-6, 1e-4, 1.0, math.pi - 1e-4):
        assert rc.geodesic_distance(turn(0, angle, torch.float32), torch.eye(3)).item() == pytest.approx(
            angle, rel=1e-4
        )
    a, b = rotations(3, 100), rotations(3, 100, seed=1)
    theirs = (Rotation.from_matrix(a.numpy()) * Rotation.from_matrix(b.numpy()).inv()).magnitude()
    assert np.abs(rc.geodesic_distance(a, b).numpy() - theirs).max() < 1e-12


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_distance_is_the_norm_of_the_logarithm_and_does_not_change_with_the_frame(n):
    a, b, frame = rotations(n, 5), rotations(n, 5, seed=1), rotations(n, 5, seed=2)
    distance = rc.geodesic_distance(a, b)
    logarithms = [np.linalg.norm(np.real(logm((x @ y.T).numpy()))) / math.sqrt(2) for x, y in zip(a, b, strict=True)]
    assert np.abs(distance.numpy() - logarithms).max() < 1e-8
    for moved in (rc.geodesic_distance(frame @ a, frame @ b), rc.geodesic_distance(a @ frame, b @ frame)):
        assert (moved - distance).abs().max() < 1e-8
    assert (rc.geodesic_distance(b, a) - distance).abs().max() < 1e-8


@pytest.mark.parametrize("n", [2, 3, 4])
def test_gradient_of_the_distance_is_finite_everywhere(n):
    eye = torch.eye(n)
    opposite = torch.diag(torch.tensor([-1.0, -1.0] + [1.0] * (n - 2)))
    near = rotations(n, 3, torch.float32) @ (torch.eye(n) + 1e-7 * torch.randn(3, n, n, generator=generator()))
    predicted = torch.cat((eye[None], opposite[None], near)).requires_grad_()
    true = torch.cat((eye[None], eye[None], near.detach()))
    (gradient,) = torch.autograd.grad(rc.GeodesicLoss()(predicted, true), predicted)
    assert gradient.isfinite().all()


def test_gradient_of_the_distance_is_right():
    vector = raw("6d", 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: rc.geodesic_distance(rc.rotation_from_6d(v), rotations(3, 4)), vector)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "n"), EVERY)
def test_wrong_sizes_and_types_are_refused(name, n):
    representation = REPRESENTATIONS[name]
    numbers = representation.numbers(n)
    with pytest.raises(InvalidInputError, match=rf"\(\.\.\., {numbers}\); got shape \(2, {numbers + 1}\)"):
        representation.to_matrix(torch.zeros(2, numbers + 1), n)
    with pytest.raises(InvalidInputError, match="floating"):
        representation.to_matrix(torch.zeros(2, numbers, dtype=torch.int64), n)
    with pytest.raises(InvalidInputError, match=r"got shape \(3, 2\)"):
        representation.from_matrix(torch.zeros(3, 2))
    with pytest.raises(InvalidInputError, match="floating"):
        representation.from_matrix(torch.eye(n, dtype=torch.int64))


TO_VECTORS = [
    rc.rotation_to_6d, rc.rotation_to_5d, rc.rotation_to_gram_schmidt, rc.rotation_to_stereographic,
    rc.rotation_to_matrix9, rc.rotation_to_quaternion, rc.rotation_to_axis_angle, rc.rotation_to_rotation_vector,
    rc.rotation_to_euler, rc.rotation_to_euler_sin_cos, rc.rotation_to_hopf,
]  # fmt: skip


@pytest.mark.parametrize("to_vector", TO_VECTORS)
def test_what_is_no_rotation_is_refused_on_request(to_vector):
    to_vector(rotations(3, 5), check=True)
    for matrix, complaint in (
        (2 * torch.eye(3), "orthogonal"),
        (torch.full((3, 3), math.nan), "orthogonal"),
        (-torch.eye(3), "reflection"),
    ):
        with pytest.raises(InvalidInputError, match=complaint):
            to_vector(matrix, check=True)
        to_vector(matrix)


def test_impossible_settings_are_refused():
    for call in (
        lambda: rc.rotation_from_gram_schmidt(torch.zeros(0), 1),
        lambda: rc.orthogonal_from_gram_schmidt(torch.zeros(1), 1),
        lambda: rc.rotation_from_stereographic(torch.zeros(2), 2),
        lambda: rc.rotation_from_svd(torch.zeros(1), 1),
    ):
        with pytest.raises(InvalidInputError, match="at least"):
            call()
    for projections in (0, 3):
        with pytest.raises(InvalidInputError, match=r"1 to n - 2 = 2"):
            rc.rotation_to_stereographic(torch.eye(4), projections)
    with pytest.raises(InvalidInputError, match="'diagonals'"):
        rc.rotation_from_6d(torch.zeros(6), "diagonals")
    with pytest.raises(InvalidInputError, match="'XYX'"):
        rc.rotation_from_euler(torch.zeros(3), "XYX")
    with pytest.raises(InvalidInputError, match="'x'"):
        rc.rotation_to_quaternion(torch.eye(3), "x")
    with pytest.raises(InvalidInputError, match="orthogonal"):
        rc.orthogonal_to_gram_schmidt(2 * torch.eye(3), check=True)
    with pytest.raises(InvalidInputError, match="positive"):
        rc.similarity_to_gram_schmidt(rc.Similarity(torch.tensor(0.0), torch.eye(3), torch.zeros(3)), check=True)
    for first, second in itertools.permutations([torch.eye(3), torch.eye(4)]):
        with pytest.raises(InvalidInputError, match="same n"):
            rc.geodesic_distance(first, second)
