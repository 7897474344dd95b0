import numpy as np
import pytest
import scipy.stats
import torch

from reprise.errors import InvalidInputError
from reprise.nn.linalg import random_orthogonal, random_rotations, relative_eigengap, symmetric_eigen


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("draw", [random_orthogonal, random_rotations])
@pytest.mark.parametrize("dim", [1, 2, 3, 5])
def test_matrices_are_orthogonal_in_their_dtype(draw, dim):
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-13)):
        q = draw(dim, 20, generator(), dtype=dtype)
        assert q.dtype == dtype
        assert (q @ q.mT - torch.eye(dim, dtype=dtype)).abs().max() < tolerance


def test_rotations_keep_orientation_and_orthogonal_matrices_half_the_time():
    rotations = torch.linalg.det(random_rotations(3, 400, generator(), dtype=torch.float64))
    assert torch.allclose(rotations, torch.ones(400, dtype=torch.float64))
    both = torch.linalg.det(random_orthogonal(3, 400, generator(), dtype=torch.float64))
    assert 150 < int((both > 0).sum()) < 250


@pytest.mark.parametrize(
    ("draw", "reference"),
    [(random_rotations, scipy.stats.special_ortho_group), (random_orthogonal, scipy.stats.ortho_group)],
)
@pytest.mark.parametrize("dim", [2, 3, 4])
def test_draws_have_the_uniform_measure(draw, reference, dim):
    ours = draw(dim, 2000, generator(3), dtype=torch.float64).numpy()
    theirs = reference(dim, seed=np.random.RandomState(3)).rvs(2000)
    for statistic in (lambda q: np.trace(q, axis1=1, axis2=2), lambda q: q[:, 0, 0], lambda q: q[:, -1, 0]):
        assert scipy.stats.ks_2samp(statistic(ours), statistic(theirs)).pvalue > 1e-3


def test_draws_depend_on_the_generator_alone():
    first = random_rotations(3, 5, generator(1))
    torch.manual_seed(99)
    assert torch.equal(first, random_rotations(3, 5, generator(1)))
    assert not torch.equal(first, random_rotations(3, 5, generator(2)))


def test_impossible_sizes_are_refused():
    with pytest.raises(InvalidInputError, match="dim must be at least 1"):
        random_orthogonal(0, 1, generator())


def test_symmetric_eigen_diagonalises_more_exactly_than_float32_would():
    q = random_rotations(3, 50, generator(), dtype=torch.float64)
    values = torch.tensor([1.0, 1.001, 2.0], dtype=torch.float64)
    matrix = (q * values @ q.mT).float()
    found, vectors = symmetric_eigen(matrix)
    assert found.dtype == vectors.dtype == torch.float32
    assert torch.allclose(vectors * found[:, None] @ vectors.mT, matrix, atol=1e-6)
    exact = torch.linalg.eigh(matrix.double()).eigenvectors
    assert (vectors - exact).abs().max() < 1e-7


def test_symmetric_eigen_has_a_gradient():
    matrix = torch.diag(torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda m: symmetric_eigen(m + m.mT)[0], matrix)


def test_relative_eigengap_is_scale_free_and_finds_the_smallest_gap():
    values = torch.tensor([[0.0, 1.0, 1.5, 10.0]])
    assert torch.allclose(relative_eigengap(values), torch.tensor([0.05]))
    assert torch.allclose(relative_eigengap(1e-3 * values), torch.tensor([0.05]))
    assert relative_eigengap(torch.zeros(2, 3)).tolist() == [0, 0]
    assert relative_eigengap(torch.tensor([[3.0]])).tolist() == [1]
