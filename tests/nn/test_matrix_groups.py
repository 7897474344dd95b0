import numpy as np
import pytest
import scipy.linalg
import torch

from reprise.errors import InvalidInputError, UnknownNameError
from reprise.nn.linalg import random_rotations
from reprise.nn.matrix_groups import (
    polar_compose,
    polar_decompose,
    require_rotation,
    symmetric_exp,
    symmetric_log,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def positive(n, count, dtype=torch.float64, seed=0):
    """Gaussian matrices whose determinant is positive."""
    g = torch.randn(count, n, n, generator=generator(seed), dtype=dtype)
    g[torch.linalg.det(g) < 0, :, 0] *= -1
    return g


def symmetric(n, count, seed=0):
    x = torch.randn(count, n, n, generator=generator(seed), dtype=torch.float64)
    return x + x.mT


def alike(n):
    """A symmetric positive definite matrix with equal eigenvalues, and one with two equal among others."""
    q = random_rotations(n, 1, generator(), dtype=torch.float64)[0]
    values = torch.arange(1, n + 1).double().clamp(max=n - 1)
    return [torch.eye(n, dtype=torch.float64), 2 * torch.eye(n, dtype=torch.float64), q * values @ q.mT]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_exponential_and_logarithm_agree_with_scipy_and_undo_each_other(n):
    x = symmetric(n, 20) / 4
    p = symmetric_exp(x)
    assert np.allclose(p, np.stack([scipy.linalg.expm(m) for m in x.numpy()]), rtol=1e-10)
    assert np.allclose(symmetric_log(p), np.stack([scipy.linalg.logm(m) for m in p.numpy()]), atol=1e-9)
    assert torch.allclose(symmetric_log(p), x, atol=1e-9)


@pytest.mark.parametrize("function", [symmetric_exp, symmetric_log])
@pytest.mark.parametrize("n", [2, 3])
def test_gradients_are_right_at_equal_eigenvalues(function, n):
    for matrix in alike(n):
        assert torch.autograd.gradcheck(function, matrix.clone().requires_grad_())
    generic = symmetric(n, 3)
    generic = generic @ generic + torch.eye(n, dtype=torch.float64)
    assert torch.autograd.gradcheck(function, generic.requires_grad_())


def test_gradient_of_the_textbook_eigendecomposition_is_not_finite_where_ours_is():
    for function, name in ((symmetric_exp, "exp"), (symmetric_log, "log")):
        mine = torch.eye(3).requires_grad_()
        weights = torch.arange(9.0).view(3, 3)
        (function(mine) * weights).sum().backward()
        assert torch.allclose(mine.grad, (weights + weights.mT) / 2 * (torch.e if name == "exp" else 1.0))
        theirs = torch.eye(3).requires_grad_()
        values, vectors = torch.linalg.eigh(theirs)
        (vectors * getattr(torch, name)(values) @ vectors.mT * weights).sum().backward()
        assert not theirs.grad.isfinite().all()


def test_gradients_at_nearly_equal_eigenvalues_are_those_at_equal_ones():
    weights = torch.tensor([[1.0, 2.0], [2.0, -1.0]], dtype=torch.float64)
    for gap in (0.0, 1e-15, 1e-12, 1e-8):
        x = torch.diag(torch.tensor([1.0, 1.0 + gap], dtype=torch.float64)).requires_grad_()
        (symmetric_log(x) * weights).sum().backward()
        assert torch.allclose(x.grad, weights, atol=1e-7)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("side", ["left", "right"])
def test_decomposition_is_put_together_again(n, side):
    for dtype, tolerance in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
        g = positive(n, 200, dtype)
        log_p, r = polar_decompose(g, side)
        scale = g.abs().amax((1, 2), keepdim=True)
        assert float(((polar_compose(log_p, r, side) - g) / scale).abs().max()) < tolerance * (1 if n < 4 else 3)
        assert torch.equal(log_p, log_p.mT) or float((log_p - log_p.mT).abs().max()) < tolerance * 10
        require_rotation(r.double(), "the test")


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("side", ["left", "right"])
def test_decomposition_is_that_of_scipy(n, side):
    g = positive(n, 50)
    log_p, r = polar_decompose(g, side)
    for matrix, x, rotation in zip(g.numpy(), log_p, r, strict=True):
        their_r, their_p = scipy.linalg.polar(matrix, side=side)
        assert np.allclose(rotation, their_r, atol=1e-10)
        assert np.allclose(symmetric_exp(x), their_p, atol=1e-10)


def test_unit_determinant_is_trace_zero():
    g = positive(3, 50)
    g = g / torch.linalg.det(g)[:, None, None] ** (1 / 3)
    log_p, _ = polar_decompose(g)
    assert log_p.diagonal(dim1=1, dim2=2).sum(-1).abs().max() < 1e-10


def test_small_singular_values_keep_their_digits():
    u, w = random_rotations(2, 2, generator(), dtype=torch.float64)
    g = u @ torch.diag(torch.tensor([1.0, 1e-9], dtype=torch.float64)) @ w
    log_p, r = polar_decompose(g)
    assert torch.allclose(torch.linalg.eigvalsh(log_p)[0].exp(), torch.tensor(1e-9).double(), rtol=1e-6)
    assert (r @ r.mT - torch.eye(2)).abs().max() < 1e-14


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_of_the_decomposition_are_right(n, side):
    g = positive(n, 3)
    assert torch.autograd.gradcheck(lambda g: polar_decompose(g, side), g.requires_grad_())


@pytest.mark.parametrize("n", [2, 3])
def test_gradients_of_the_decomposition_are_right_at_equal_singular_values(n):
    for matrix in (*alike(n), *(3 * random_rotations(n, 2, generator(), dtype=torch.float64))):
        assert torch.autograd.gradcheck(polar_decompose, matrix.clone().requires_grad_())


def test_gradient_of_composition_undoes_that_of_decomposition():
    g = positive(2, 4).requires_grad_()
    weights = torch.randn(4, 2, 2, generator=generator(), dtype=torch.float64)
    (polar_compose(*polar_decompose(g)) * weights).sum().backward()
    assert torch.allclose(g.grad, weights, atol=1e-9)


def test_batches_of_any_shape_pass_and_keep_their_dtype():
    for shape in ((), (0,), (2, 3)):
        g = torch.eye(2).expand(*shape, 2, 2)
        log_p, r = polar_decompose(g)
        assert log_p.shape == r.shape == g.shape
        assert log_p.dtype == torch.float32


NAN = torch.full((2, 2), float("nan"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: polar_decompose(torch.diag(torch.tensor([1.0, -1.0]))), "positive determinant"),
        (lambda: polar_decompose(torch.zeros(2, 2)), "positive determinant"),
        (lambda: polar_decompose(torch.ones(2, 3)), "square"),
        (lambda: polar_decompose(torch.ones(3)), "square"),
        (lambda: polar_decompose(NAN), "NaN"),
        (lambda: polar_decompose(torch.eye(2).int()), "floating"),
        (lambda: symmetric_exp(NAN), "NaN"),
        (lambda: symmetric_log(torch.diag(torch.tensor([1.0, -1.0]))), "positive definite"),
        (lambda: symmetric_log(torch.ones(2, 3)), "square"),
        (lambda: polar_compose(torch.zeros(2, 2), 2 * torch.eye(2)), "differs from the identity"),
        (lambda: polar_compose(torch.zeros(2, 2), torch.diag(torch.tensor([1.0, -1.0]))), "reflection"),
        (lambda: polar_compose(torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.eye(2)), "symmetric"),
        (lambda: polar_compose(torch.zeros(3, 3), torch.eye(2)), "equal size"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


def test_unknown_side_is_named():
    with pytest.raises(UnknownNameError, match="left"):
        polar_decompose(torch.eye(2), "lefft")
