import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.errors import InvalidInputError
from reprise.nn.sinkhorn import doubly_stochastic, sinkhorn_potentials

EXACT = {"max_iter": 2000, "tol": 1e-12}


def cosines(n=12, d=4, seed=0):
    C = np.random.default_rng(seed).standard_normal((n, d))
    C /= np.linalg.norm(C, axis=1, keepdims=True)
    return C @ C.T


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.floats(0.05, 5.0), st.integers(0, 1000))
def test_rows_and_columns_sum_to_one(n, eta, seed):
    G = doubly_stochastic(cosines(n, seed=seed), eta, max_iter=200)
    np.testing.assert_allclose(G.sum(0), 1, atol=1e-4)
    np.testing.assert_allclose(G.sum(1), 1, atol=1e-4)
    np.testing.assert_allclose(G, G.T, atol=1e-12)
    assert G.min() >= 0


def test_much_entropy_spreads_evenly_and_little_leaves_a_matching():
    np.testing.assert_allclose(doubly_stochastic(cosines(), 1e6), 1 / 12, rtol=1e-5)
    np.testing.assert_allclose(doubly_stochastic(cosines(), 0.002, max_iter=500), np.eye(12), atol=1e-3)


def test_it_is_the_transport_plan_between_uniform_weights():
    K, weights = cosines(), np.full(12, 1 / 12)
    plan = ot.sinkhorn(weights, weights, -K, 0.2, stopThr=1e-13, numItermax=100_000)
    np.testing.assert_allclose(doubly_stochastic(K, 0.2, **EXACT), 12 * plan, atol=1e-6)


def test_without_symmetry_too():
    K, weights = np.random.default_rng(0).standard_normal((9, 9)), np.full(9, 1 / 9)
    plan = ot.sinkhorn(weights, weights, -K, 0.5, stopThr=1e-13, numItermax=100_000)
    np.testing.assert_allclose(doubly_stochastic(K, 0.5, symmetric=False, **EXACT), 9 * plan, atol=1e-6)
    symmetric = cosines()
    np.testing.assert_allclose(
        doubly_stochastic(symmetric, 0.3, symmetric=False, **EXACT),
        doubly_stochastic(symmetric, 0.3, **EXACT),
        atol=1e-6,
    )


def test_potentials_extend_the_matrix_to_a_point_that_is_there_already():
    K = torch.from_numpy(cosines())
    f = sinkhorn_potentials(K, 0.2, **EXACT)
    row = ((K[3] + f) / 0.2).softmax(0)
    torch.testing.assert_close(row, doubly_stochastic(K, 0.2, **EXACT)[3])


def test_permuting_the_points_permutes_the_matrix():
    K, order = cosines(), np.random.default_rng(1).permutation(12)
    moved = doubly_stochastic(K[np.ix_(order, order)], 0.15)
    np.testing.assert_allclose(moved, doubly_stochastic(K, 0.15)[np.ix_(order, order)], atol=1e-10)


@pytest.mark.parametrize("symmetric", [True, False])
def test_gradients_are_those_of_differences(symmetric):
    weights = torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    C = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()

    def weighted(C):
        return (weights * doubly_stochastic(C @ C.mT, 1.0, symmetric=symmetric, max_iter=300, tol=1e-13)).sum()

    assert torch.autograd.gradcheck(weighted, (C,))


def test_implicit_gradient_is_that_of_the_unrolled_steps():
    weights = torch.from_numpy(np.random.default_rng(1).standard_normal((12, 12)))
    slopes = []
    for symmetric in (True, False):
        K = torch.from_numpy(cosines()).requires_grad_()
        (weights * doubly_stochastic(K, 0.4, symmetric=symmetric, **EXACT)).sum().backward()
        slopes.append(K.grad + K.grad.T)
    torch.testing.assert_close(*slopes, atol=1e-6, rtol=1e-6)


def test_forbidden_pairs_get_nothing():
    K = cosines()
    np.fill_diagonal(K, -np.inf)
    G = doubly_stochastic(K, 0.3, max_iter=500)
    assert (np.diag(G) == 0).all()
    np.testing.assert_allclose(G.sum(1), 1, atol=1e-4)


def test_single_precision_suffices():
    exact = doubly_stochastic(cosines(), 0.1, **EXACT)
    single = doubly_stochastic(cosines().astype(np.float32), 0.1, max_iter=200, tol=1e-6)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, exact, atol=1e-5)


@pytest.mark.parametrize(
    ("kernel", "setting", "message"),
    [
        (cosines(), {"eta": 0.0}, "eta is 0.0"),
        (cosines(), {"eta": -1.0}, "eta is -1.0"),
        (cosines(), {"eta": float("nan")}, "eta is nan"),
        (cosines(), {"max_iter": 0}, "max_iter"),
        (cosines(), {"tol": 0.0}, "tol"),
        (np.triu(cosines()), {}, "not symmetric"),
        (np.full((3, 3), np.nan), {}, "NaN"),
        (np.zeros((3, 4)), {}, r"shape \(3, 4\)"),
        (np.zeros((0, 0)), {}, "non-empty"),
        (np.eye(3, dtype=int), {}, "floating"),
    ],
)
def test_bad_input_is_refused(kernel, setting, message):
    with pytest.raises(InvalidInputError, match=message):
        doubly_stochastic(kernel, **setting)


def test_nan_in_a_tensor_spreads_along_its_row():
    K = torch.from_numpy(cosines())
    K[0, 0] = float("nan")
    assert doubly_stochastic(K)[0].isnan().all()
