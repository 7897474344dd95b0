"""The maps to rotations beside RoMa, kornia and SciPy: agreement, and time for a million of them forward and back.

Run with ``pytest benchmarks/bench_rotation_continuity.py -s``; prints ratios, asserts no times. Peers that are not
installed are left out (``pip install roma kornia``).
"""

import statistics
import time

import pytest
import torch
from scipy.spatial.transform import Rotation

from reprise.symmetry import rotation_continuity as rc

SIZES = (256, 1_000_000)
ROUNDS = 7
REPEATS = {256: 200, 1_000_000: 1}


def vectors(count, numbers):
    return torch.randn(count, numbers, generator=torch.Generator().manual_seed(0))


def forward(function):
    def run(vector):
        with torch.no_grad():
            return function(vector)

    return run


def forward_and_back(function):
    def run(vector):
        vector.requires_grad_()
        matrix = function(vector)
        return torch.autograd.grad(matrix, vector, torch.ones_like(matrix))

    return run


def compare(label, ours, theirs, vector):
    """Run both in turn, and print the median seconds of each and their ratio."""
    repeats = REPEATS[len(vector)]
    seconds = {}
    for function in (ours, theirs):
        function(vector)
        seconds[function] = []
    for _ in range(ROUNDS):
        for function in (ours, theirs):
            start = time.process_time()
            for _ in range(repeats):
                function(vector)
            seconds[function].append((time.process_time() - start) / repeats)
    a, b = (statistics.median(seconds[function]) for function in (ours, theirs))
    print(f"{label:48s} {len(vector):>9,}  ours {1e3 * a:9.3f} ms  peer {1e3 * b:9.3f} ms  peer/ours {b / a:5.2f}")


def both_ways(label, ours, theirs, numbers):
    for count in SIZES:
        vector = vectors(count, numbers)
        compare(f"{label}, forward", forward(ours), forward(theirs), vector)
        compare(f"{label}, forward and back", forward_and_back(ours), forward_and_back(theirs), vector)


def test_six_numbers_beside_roma():
    roma = pytest.importorskip("roma")

    def theirs(vector):
        return roma.special_gramschmidt(vector.unflatten(-1, (2, 3)).mT)

    vector = vectors(10_000, 6).double()
    assert (rc.rotation_from_6d(vector) - theirs(vector)).abs().max() < 1e-6
    both_ways("6D: rotation_from_6d / roma", rc.rotation_from_6d, theirs, 6)


def test_nearest_rotation_beside_roma():
    roma = pytest.importorskip("roma")

    def theirs(vector):
        return roma.special_procrustes(vector.unflatten(-1, (3, 3)))

    vector = vectors(10_000, 9).double()
    assert (rc.rotation_from_svd(vector) - theirs(vector)).abs().max() < 1e-6
    few = vectors(256, 9)
    compare("SVD: rotation_from_svd / roma, forward", forward(rc.rotation_from_svd), forward(theirs), few)
    compare(
        "SVD: rotation_from_svd / roma, forward and back",
        forward_and_back(rc.rotation_from_svd), forward_and_back(theirs), few,
    )  # fmt: skip


def test_quaternions_beside_roma_kornia_and_scipy():
    vector = vectors(10_000, 4)
    matrix = rc.rotation_from_quaternion(vector)
    theirs = Rotation.from_quat(vector.numpy(), scalar_first=True)
    assert (matrix - torch.from_numpy(theirs.as_matrix())).abs().max() < 1e-5

    def scipys(vector):
        return Rotation.from_quat(vector.numpy(), scalar_first=True).as_matrix()

    for count in SIZES:
        compare(
            "quaternion: rotation_from_quaternion / scipy",
            forward(rc.rotation_from_quaternion), scipys, vectors(count, 4),
        )  # fmt: skip
    conversions = pytest.importorskip("kornia.geometry.conversions")
    assert (matrix - conversions.quaternion_to_rotation_matrix(vector)).abs().max() < 1e-5
    both_ways(
        "quaternion: rotation_from_quaternion / kornia",
        rc.rotation_from_quaternion, conversions.quaternion_to_rotation_matrix, 4,
    )  # fmt: skip


def test_distance_beside_roma():
    roma = pytest.importorskip("roma")
    true = rc.rotation_from_6d(vectors(1_000_000, 6).flip(0))

    def ours(matrix):
        return rc.geodesic_distance(matrix, true[: len(matrix)])

    def theirs(matrix):
        return roma.rotmat_geodesic_distance(matrix, true[: len(matrix)])

    for count in SIZES:
        matrix = rc.rotation_from_6d(vectors(count, 6))
        assert (ours(matrix) - theirs(matrix)).abs().max() < 1e-2
        compare("geodesic distance / roma, forward", forward(ours), forward(theirs), matrix)
        compare("geodesic distance / roma, forward and back", forward_and_back(ours), forward_and_back(theirs), matrix)
