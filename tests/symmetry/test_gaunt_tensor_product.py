"""Gaunt products: the numbers, the three ways, rotations, the learned layers and the network."""

import itertools
import math
from functools import partial

import numpy as np
import pytest
import torch

from reprise.errors import InvalidInputError, UnknownNameError
from reprise.nn.graph import complete_edges
from reprise.nn.linalg import random_orthogonal, random_rotations
from reprise.symmetry.equivariance import assert_equivariant, equivariance_error
from reprise.symmetry.gaunt_tensor_product import (
    ClebschGordanTensorProduct,
    DegreeLinear,
    EdgeFrames,
    GauntConvolution,
    GauntMessageLayer,
    GauntNetwork,
    GauntTensorProduct,
    coefficients,
    convolution,
    from_fourier,
    gaunt_coefficient,
    gaunt_tensor,
    gaunt_tensor_product,
    many_body_product,
    product,
    real_wigner_3j,
    spherical_harmonics,
    tables,
    to_fourier,
    wigner_d,
)
from reprise.symmetry.gaunt_tensor_product.layout import per_coefficient

METHODS = ("fourier", "grid", "direct")
NORMALIZATIONS = ("integral", "component", "norm")
DEGREES = [(0, 0, 0), (0, 3, 3), (2, 0, 1), (1, 1, 2), (2, 3, 5), (3, 2, 1), (4, 4, 4), (6, 6, 12), (8, 7, 8)]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def draw(*shape, degree):
    return torch.randn(*shape, (degree + 1) ** 2, dtype=torch.float64)


def directions(count):
    """Random vectors, then the six along the axes, where azimuths are ill-defined."""
    axes = torch.eye(3, dtype=torch.float64)
    return torch.cat([torch.randn(count, 3, dtype=torch.float64), axes, -axes])


# --- the numbers


def test_known_integrals():
    tensor = gaunt_tensor(1, 1, 2)
    assert float(tensor[2, 2, 0]) == pytest.approx(1 / math.sqrt(4 * math.pi), abs=1e-14)
    assert float(tensor[2, 2, 6]) == pytest.approx(1 / math.sqrt(5 * math.pi), abs=1e-14)


def test_integrals_agree_with_sympy_up_to_degree_3():
    from sympy.physics.wigner import real_gaunt

    tensor = gaunt_tensor(3, 3, 3).numpy()
    for l1, l2, l3 in itertools.combinations_with_replacement(range(4), 3):
        for m1, m2 in itertools.product(range(-l1, l1 + 1), range(-l2, l2 + 1)):
            candidates = {m for m in (m1 + m2, m1 - m2, m2 - m1, -m1 - m2) if abs(m) <= l3}
            for m3 in candidates:
                expected = float(real_gaunt(l1, l2, l3, m1, m2, m3))
                found = tensor[l1 * (l1 + 1) + m1, l2 * (l2 + 1) + m2, l3 * (l3 + 1) + m3]
                assert found == pytest.approx(expected, abs=1e-14)


def test_integrals_of_odd_degree_are_zero_and_others_a_multiple_of_3j():
    tensor = gaunt_tensor(4, 4, 4)
    for l1, l2, l3 in itertools.product(range(5), repeat=3):
        block = tensor[l1**2 : (l1 + 1) ** 2, l2**2 : (l2 + 1) ** 2, l3**2 : (l3 + 1) ** 2]
        if (l1 + l2 + l3) % 2 or not abs(l1 - l2) <= l3 <= l1 + l2:
            assert not block.any()
            assert gaunt_coefficient(l1, l2, l3) == 0
        else:
            torch.testing.assert_close(block, gaunt_coefficient(l1, l2, l3) * real_wigner_3j(l1, l2, l3))


@pytest.mark.parametrize(("path", "value"), [((1, 1, 0), 0.488603), ((2, 2, 2), 0.753930), ((2, 2, 4), 1.011503)])
def test_known_weights_of_paths(path, value):
    assert gaunt_coefficient(*path) == pytest.approx(value, abs=1e-6)


def test_3j_tensors_are_e3nns_up_to_the_sign_of_odd_ones():
    o3 = pytest.importorskip("e3nn.o3")
    for l1, l2 in itertools.product(range(4), repeat=2):
        for l3 in range(abs(l1 - l2), l1 + l2 + 1):
            ours, peers = real_wigner_3j(l1, l2, l3), o3.wigner_3j(l1, l2, l3, dtype=torch.float64)
            if (l1 + l2 + l3) % 2:
                peers = peers * torch.sign((ours * peers).sum())
            torch.testing.assert_close(ours, peers)


@pytest.mark.parametrize("path", [(1, 1, 1), (2, 3, 4), (9, 8, 12), (20, 20, 20)])
def test_3j_tensors_are_invariant_and_of_norm_1(path, generator):
    tensor = real_wigner_3j(*path)
    turn = random_rotations(3, 1, generator, dtype=torch.float64)[0]
    blocks = [wigner_d(turn, degree)[degree**2 :, degree**2 :] for degree in path]
    torch.testing.assert_close(torch.einsum("abc,ia,jb,kc->ijk", tensor, *blocks), tensor, atol=1e-12, rtol=0)
    assert float(tensor.norm()) == pytest.approx(1)


# --- harmonics and rotations


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_harmonics_are_e3nns(normalization):
    o3 = pytest.importorskip("e3nn.o3")
    r = directions(20)
    ours = spherical_harmonics(r, 6, normalization)
    torch.testing.assert_close(ours, o3.spherical_harmonics(list(range(7)), r, True, normalization))


def test_harmonics_are_orthonormal_up_to_a_high_degree():
    table = tables.synthesis(20, 21, 41) @ tables.analysis(20, 21, 41)
    np.testing.assert_allclose(table, np.eye(21**2), atol=1e-12)


def test_wigner_matrices_represent_rotations_and_inversion(generator):
    one, other = random_orthogonal(3, 2, generator, dtype=torch.float64)
    torch.testing.assert_close(wigner_d(one @ other, 4), wigner_d(one, 4) @ wigner_d(other, 4))
    r = directions(5)
    turned = spherical_harmonics(r, 4) @ wigner_d(one, 4).mT
    torch.testing.assert_close(spherical_harmonics(r @ one.mT, 4), turned)
    signs = torch.tensor([1.0] + 3 * [-1.0] + 5 * [1.0], dtype=torch.float64)
    torch.testing.assert_close(wigner_d(-torch.eye(3, dtype=torch.float64), 2), torch.diag(signs))


def test_frames_bring_every_vector_to_the_pole_and_back():
    r = directions(20)
    frames = EdgeFrames(r, 5)
    harmonics = spherical_harmonics(r, 5)[:, None]
    pole = spherical_harmonics(torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64), 5)
    local = frames.to_local(harmonics)
    torch.testing.assert_close(local, pole.expand_as(local))
    x = draw(len(r), 2, degree=3)
    torch.testing.assert_close(frames.to_world(frames.to_local(x)), x)


# --- the product


@pytest.mark.parametrize("degrees", DEGREES)
def test_three_ways_agree(degrees):
    l1, l2, l3 = degrees
    x, y = draw(3, 2, degree=l1), draw(2, degree=l2)
    slow = torch.einsum("...i,...j,ijk->...k", x, y.expand(3, 2, -1), gaunt_tensor(l1, l2, l3))
    for method in (*METHODS, "auto"):
        torch.testing.assert_close(gaunt_tensor_product(x, y, l3, method), slow, atol=1e-10, rtol=0)


@pytest.mark.parametrize("whole", [True, False])
def test_whole_and_separate_tables_of_the_grid_agree(whole, monkeypatch):
    monkeypatch.setattr(product, "DENSE_DEGREES", 1000 if whole else 0)
    for l1, l2, l3 in DEGREES:
        x, y = draw(5, degree=l1), draw(5, degree=l2)
        expected = gaunt_tensor_product(x, y, l3, "direct")
        torch.testing.assert_close(gaunt_tensor_product(x, y, l3, "grid"), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (2, 1)])
@pytest.mark.parametrize("whole", [True, False])
def test_any_number_of_leading_axes(method, shape, whole, monkeypatch):
    monkeypatch.setattr(product, "DENSE_DEGREES", 1000 if whole else 0)
    x, y = draw(*shape, degree=2), draw(*shape, degree=3)
    assert gaunt_tensor_product(x, y, 4, method).shape == (*shape, 25)
    assert many_body_product(x, 3, 4).shape == (*shape, 25)
    torch.testing.assert_close(from_fourier(to_fourier(x)), x)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_functions_are_multiplied_point_by_point(method, normalization):
    x, y, r = draw(degree=3), draw(degree=4), directions(94)
    values = [
        spherical_harmonics(r, degree, normalization) @ c
        for degree, c in ((3, x), (4, y), (7, gaunt_tensor_product(x, y, None, method, normalization)))
    ]
    torch.testing.assert_close(values[0] * values[1], values[2])


@pytest.mark.parametrize("method", METHODS)
def test_constant_function_changes_nothing(method):
    y = draw(4, degree=5)
    one = torch.full((4, 1), math.sqrt(4 * math.pi), dtype=torch.float64)
    torch.testing.assert_close(gaunt_tensor_product(one, y, 5, method), y)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("degree", [1, 2, 3, 6])
def test_product_is_equivariant_to_rotations_and_inversion(method, dtype, tolerance, degree):
    act = lambda element, value: value @ wigner_d(element[0], math.isqrt(value.shape[-1]) - 1).to(value.dtype).mT  # noqa: E731

    inputs = [draw(3, degree=degree).to(dtype), draw(3, degree=degree).to(dtype)]
    multiply = partial(gaunt_tensor_product, method=method)
    error = equivariance_error(multiply, inputs, "O3", input_kinds=(act, act), output_kind=act, n=4)
    assert error.maximal < tolerance
    assert error.scale > 0.1


@pytest.mark.parametrize("method", METHODS)
def test_product_is_commutative_and_associative(method):
    x, y, z = (draw(degree=degree) for degree in (2, 3, 1))
    times = partial(gaunt_tensor_product, method=method)
    torch.testing.assert_close(times(x, y), times(y, x))
    torch.testing.assert_close(times(times(x, y), z), times(x, times(y, z)))


@pytest.mark.parametrize("method", METHODS)
def test_gradients(method):
    x, y = draw(2, degree=2).requires_grad_(), draw(2, degree=1).requires_grad_()
    assert torch.autograd.gradcheck(partial(gaunt_tensor_product, lmax_out=2, method=method), (x, y))
    assert torch.autograd.gradgradcheck(partial(gaunt_tensor_product, lmax_out=2, method=method), (x, y))


def test_gradients_through_separate_tables(monkeypatch):
    monkeypatch.setattr(product, "DENSE_DEGREES", 0)
    monkeypatch.setattr(convolution, "DENSE_DEGREES", 0)
    x, y = draw(2, degree=2).requires_grad_(), draw(2, degree=1).requires_grad_()
    assert torch.autograd.gradcheck(partial(gaunt_tensor_product, lmax_out=2, method="grid"), (x, y))
    x, r = draw(8, 1, degree=2).requires_grad_(), directions(2).requires_grad_()
    assert torch.autograd.gradcheck(GauntConvolution(2, 1, 1, weights=False), (x, r))


@pytest.mark.parametrize("method", METHODS)
def test_half_precision_is_close(method):
    x, y = draw(4, degree=3).bfloat16(), draw(4, degree=3).bfloat16()
    found = gaunt_tensor_product(x, y, 3, method)
    assert found.dtype == torch.bfloat16
    expected = gaunt_tensor_product(x.double(), y.double(), 3)
    assert float((found.double() - expected).norm() / expected.norm()) < 0.03


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_many_body_products_are_powers(order, normalization):
    x, r = draw(degree=2), directions(20)
    power = many_body_product(x, order, normalization=normalization)
    values = spherical_harmonics(r, 2 * order, normalization) @ power
    torch.testing.assert_close(values, (spherical_harmonics(r, 2, normalization) @ x) ** order)
    for lmax_out in (0, 2):
        cut = many_body_product(x, order, lmax_out, "pairwise", normalization)
        torch.testing.assert_close(cut, power[: (lmax_out + 1) ** 2])


def test_product_agrees_with_e3nns_weighted_even_paths():
    o3 = pytest.importorskip("e3nn.o3")
    degree = 3
    x, y = draw(5, degree=degree), draw(5, degree=degree)
    total = torch.zeros_like(x)
    for l1, l2, l3 in itertools.product(range(degree + 1), repeat=3):
        if (l1 + l2 + l3) % 2 == 0 and abs(l1 - l2) <= l3 <= l1 + l2:
            path = torch.einsum(
                "bi,bj,ijk->bk",
                x[:, l1**2 : (l1 + 1) ** 2],
                y[:, l2**2 : (l2 + 1) ** 2],
                o3.wigner_3j(l1, l2, l3, dtype=torch.float64),
            )
            total[:, l3**2 : (l3 + 1) ** 2] += gaunt_coefficient(l1, l2, l3) * path
    torch.testing.assert_close(gaunt_tensor_product(x, y, degree), total, atol=1e-10, rtol=0)


# --- Fourier series


def test_fourier_series_is_the_function():
    x = draw(degree=4)
    series = to_fourier(x, 4)
    theta, phi = 2 * math.pi * torch.rand(2, 30, dtype=torch.float64)
    theta = theta / 2
    u = torch.cat([torch.arange(5), torch.arange(-4, 0)])
    waves = torch.exp(1j * theta[:, None, None] * u[:, None] + 1j * phi[:, None, None] * torch.arange(5))
    half = (series * waves).sum(-2)
    values = half[:, 0].real + 2 * half[:, 1:].real.sum(-1)  # v and -v are conjugate
    r = torch.stack([theta.sin() * phi.sin(), theta.cos(), theta.sin() * phi.cos()], dim=-1)
    torch.testing.assert_close(values, spherical_harmonics(r, 4) @ x)


def test_fourier_series_has_an_inverse_and_can_be_cut():
    x = draw(2, 3, degree=5)
    torch.testing.assert_close(from_fourier(to_fourier(x)), x)
    torch.testing.assert_close(from_fourier(to_fourier(x), 2), x[..., :9])
    assert to_fourier(x.bfloat16()).dtype == torch.complex64


# --- tables


def test_tables_are_kept_by_size_dtype_and_device_and_no_oftener():
    x = draw(2, degree=2)
    for method in METHODS:
        gaunt_tensor_product(x, x, 2, method)
        gaunt_tensor_product(x.float(), x.float(), 2, method)
    caches = (tables._tensor, coefficients._kept)
    kept = [cache.cache_info() for cache in caches]
    for method in METHODS:
        for dtype in (torch.float32, torch.float64):
            gaunt_tensor_product(x.to("cpu", dtype), x.to(torch.device("cpu"), dtype), 2, method)
            gaunt_tensor_product(x[:1].to(dtype), x.to(dtype), 2, method)
    for cache, before in zip(caches, kept, strict=True):
        assert cache.cache_info().currsize == before.currsize
        assert cache.cache_info().misses == before.misses
        assert before.maxsize is not None


def test_tables_made_in_inference_mode_serve_in_training():
    tables._tensor.cache_clear()
    coefficients._kept.cache_clear()
    x = draw(2, degree=2).requires_grad_()
    for method in METHODS:
        with torch.inference_mode():
            gaunt_tensor_product(x, x, 2, method)
        gaunt_tensor_product(x, x, 2, method).sum().backward()


def test_auto_is_one_of_the_ways():
    ways = {product.fastest(l1, l2, l3) for l1 in range(13) for l2 in range(13) for l3 in (l1, l1 + l2)}
    assert ways == {"direct", "grid"}
    assert product.fastest(8, 0, 8) == "direct"


# --- learned layers


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_weights_of_degrees(normalization):
    layer = GauntTensorProduct(2, 3, 4, channels=2, normalization=normalization).double()
    for weight in layer.parameters():
        torch.nn.init.normal_(weight)
    x, y = draw(5, 2, degree=2), draw(5, 2, degree=3)
    slow = torch.zeros(5, 2, 25, dtype=torch.float64)
    for l1, l2 in itertools.product(range(3), range(4)):
        one, other = torch.zeros_like(x), torch.zeros_like(y)
        one[..., l1**2 : (l1 + 1) ** 2] = x[..., l1**2 : (l1 + 1) ** 2] * layer.weight1[:, l1, None]
        other[..., l2**2 : (l2 + 1) ** 2] = y[..., l2**2 : (l2 + 1) ** 2] * layer.weight2[:, l2, None]
        slow += gaunt_tensor_product(one, other, 4, "direct", normalization)
    torch.testing.assert_close(layer(x, y), slow * per_coefficient(layer.weight_out, 4))
    plain = GauntTensorProduct(2, 3, 4, weights=False, normalization=normalization)
    assert not list(plain.parameters())
    torch.testing.assert_close(plain(x, y), gaunt_tensor_product(x, y, 4, "grid", normalization))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("degrees", [(2, 3, 4), (3, 2, 1), (1, 4, 5), (4, 1, 2), (0, 2, 2), (2, 0, 2)])
def test_convolution_is_the_product_with_harmonics_of_edges(degrees, normalization, whole, monkeypatch):
    monkeypatch.setattr(convolution, "DENSE_DEGREES", 1000 if whole else 0)
    l1, l2, l3 = degrees
    layer = GauntConvolution(l1, l2, l3, channels=2, normalization=normalization).double()
    for weight in layer.parameters():
        torch.nn.init.normal_(weight)
    r = directions(6)
    x, radial = draw(len(r), 2, degree=l1), torch.randn(len(r), 2, l2 + 1, dtype=torch.float64)
    slow = GauntTensorProduct(l1, l2, l3, channels=2, normalization=normalization).double()
    for one, other in zip(slow.parameters(), layer.parameters(), strict=True):
        one.data = other.data
    harmonics = spherical_harmonics(r, l2, normalization)[:, None]
    torch.testing.assert_close(layer(x, r, radial), slow(x, harmonics * per_coefficient(radial, l2)))
    torch.testing.assert_close(layer(x, layer.frames(r)), slow(x, harmonics.expand(-1, 2, -1)))
    torch.testing.assert_close(
        layer(x, r, radial[:, :1]), slow(x, (harmonics * per_coefficient(radial[:, :1], l2)).expand(-1, 2, -1))
    )


def test_convolution_without_weights_and_its_gradients_at_the_poles():
    layer = GauntConvolution(2, 2, 2, weights=False)
    assert not list(layer.parameters())
    x, r = draw(8, 1, degree=2).requires_grad_(), directions(2).requires_grad_()
    expected = gaunt_tensor_product(x, spherical_harmonics(r, 2)[:, None], 2)
    torch.testing.assert_close(layer(x, r), expected)
    assert torch.autograd.gradcheck(layer, (x, r))
    assert torch.autograd.gradcheck(partial(spherical_harmonics, lmax=3), (r,))


def test_clebsch_gordan_products_hold_every_path_with_its_weight():
    layer = ClebschGordanTensorProduct(2, 1, 2, channels=3, odd_paths=True).double()
    assert set(layer.paths) == {
        (l1, l2, l3) for l1, l2, l3 in itertools.product(range(3), range(2), range(3)) if abs(l1 - l2) <= l3 <= l1 + l2
    }
    torch.nn.init.normal_(layer.weight)
    x, y, extra = draw(5, 3, degree=2), draw(5, 3, degree=1), torch.rand(5, 3, len(layer.paths), dtype=torch.float64)
    arriving = np.bincount([l3 for *_, l3 in layer.paths])
    slow = torch.zeros(5, 3, 9, dtype=torch.float64)
    for i, (l1, l2, l3) in enumerate(layer.paths):
        one, other = x[..., l1**2 : (l1 + 1) ** 2], y[..., l2**2 : (l2 + 1) ** 2]
        path = torch.einsum("bci,bcj,ijk->bck", one, other, real_wigner_3j(l1, l2, l3))
        scale = math.sqrt((2 * l3 + 1) / arriving[l3])
        slow[..., l3**2 : (l3 + 1) ** 2] += scale * (layer.weight[:, i] * extra[..., i])[..., None] * path
    torch.testing.assert_close(layer(x, y, extra), slow)
    shared = y[:, :1]
    torch.testing.assert_close(layer(x, shared), layer(x, shared.expand_as(y)))
    unweighted = ClebschGordanTensorProduct(2, 1, 2, weights=False, odd_paths=True)
    layer.weight.data.fill_(1)
    torch.testing.assert_close(unweighted(x, y), layer(x, y))


def test_gaunt_product_is_a_clebsch_gordan_product_of_fixed_weights():
    layer = ClebschGordanTensorProduct(2, 3, 4).double()
    arriving = np.bincount([l3 for *_, l3 in layer.paths])
    weights = [gaunt_coefficient(*path) * math.sqrt(arriving[path[2]] / (2 * path[2] + 1)) for path in layer.paths]
    layer.weight.data = torch.tensor(weights, dtype=torch.float64)
    x, y = draw(4, degree=2), draw(4, degree=3)
    torch.testing.assert_close(layer(x, y), gaunt_tensor_product(x, y, 4))


def test_cross_product_is_a_path_of_clebsch_gordan_products_alone(generator):
    x, y = draw(degree=1), draw(degree=1)
    x[0] = y[0] = 0
    cross = torch.linalg.cross(x[1:], y[1:])
    assert float(gaunt_tensor_product(x, y)[1:4].abs().max()) < 1e-14
    found = ClebschGordanTensorProduct(1, 1, 1, odd_paths=True).double()(x, y)[1:]
    ratio = found / cross
    torch.testing.assert_close(ratio, ratio[:1].expand(3))


# --- the network


def network(**settings):
    return GauntNetwork(
        **({"scalar_in": 2, "vector_in": 1, "scalar_out": 2, "vector_out": 2, "channels": 6} | settings)
    )


def clouds(dtype=torch.float32):
    pos, scalars, vectors = torch.randn(2, 5, 3), torch.randn(2, 5, 2), torch.randn(2, 5, 1, 3)
    return [value.to(dtype) for value in (pos, scalars, vectors)]


def test_torch_geometric_batches_are_taken():
    """Without edges, points of one graph see each other and no others; with edges, those alone."""
    data = pytest.importorskip("torch_geometric.data")
    model = network(edge_dim=0)
    parts = [(torch.randn(n, 3), torch.randn(n, 2), torch.randn(n, 1, 3)) for n in (3, 5)]
    graphs = [data.Data(pos=pos, x=x, vec=vec) for pos, x, vec in parts]
    together = model(data.Batch.from_data_list(graphs))
    for graph, inputs, place in zip(graphs, parts, (slice(0, 3), slice(3, 8)), strict=True):
        dense = model(*(value[None] for value in inputs))
        for alone, batched, one in zip(model(graph), together, dense, strict=True):
            torch.testing.assert_close(alone, one[0])
            torch.testing.assert_close(batched[place], one[0])
    pos, x, vec = parts[0]
    edges = torch.tensor([[0, 1], [1, 2]])
    for alone, given in zip(
        model(data.Data(pos=pos, x=x, vec=vec, edge_index=edges)), model(pos, x, vec, edges), strict=True
    ):
        torch.testing.assert_close(alone, given)
    with pytest.raises(InvalidInputError, match="alone"):
        model(graphs[0], x)
    with pytest.raises(InvalidInputError, match="scalars a point and got none"):
        model(data.Data(pos=pos))


@pytest.mark.parametrize("settings", [{}, {"lmax": 1}, {"lmax": 3, "layers": 1}, {"product": "clebsch-gordan"}])
def test_network_is_equivariant_to_e3_and_numbering(settings):
    model = network(**settings)
    kinds = {"input_kinds": ("position", "scalar", "vector"), "output_kind": ("scalar", "vector")}
    assert_equivariant(model, clouds(), "E3", **kinds, n=5)
    pos, scalars, vectors = clouds()
    order = torch.randperm(5)
    for here, there in zip(
        model(pos, scalars, vectors), model(pos[:, order], scalars[:, order], vectors[:, order]), strict=True
    ):
        torch.testing.assert_close(here[:, order], there, atol=1e-5, rtol=1e-4)


def test_odd_paths_keep_rotations_but_no_reflections():
    model = network(product="clebsch-gordan", odd_paths=True)
    kinds = {"input_kinds": ("position", "scalar", "vector"), "output_kind": ("scalar", "vector")}
    assert_equivariant(model, clouds(), "SE3", **kinds, n=5)
    assert equivariance_error(model, clouds(), "E3", **kinds, dtype=torch.float64).maximal > 1e-6


@pytest.mark.parametrize("product_", ["gaunt", "clebsch-gordan"])
def test_layer_is_equivariant_in_every_degree(product_, generator):
    layer = GauntMessageLayer(4, 3, 2, product_).double()
    edges = complete_edges(4)
    h, r, invariants = draw(4, 4, degree=3), torch.randn(12, 3).double(), torch.randn(12, 2).double()
    turn = random_orthogonal(3, 1, generator, dtype=torch.float64)[0]
    matrix = wigner_d(turn, 3)
    straight = layer(h, layer.geometry(r), invariants, edges)
    turned = layer(h @ matrix.mT, layer.geometry(r @ turn.mT), invariants, edges)
    torch.testing.assert_close(turned, straight @ matrix.mT)
    assert float((straight - h).detach().abs().amax((0, 1)).min()) > 1e-3


def test_packed_points_and_clouds_agree():
    model = network(edge_dim=1).double()
    pos, scalars, vectors = clouds(torch.float64)
    attr = torch.randn(2, 20, 1, dtype=torch.float64)
    dense = model(pos, scalars, vectors, edge_attr=attr)
    packed = model(pos[1], scalars[1], vectors[1], edge_index=complete_edges(5), edge_attr=attr[1])
    for one, other in zip(dense, packed, strict=True):
        torch.testing.assert_close(one[1], other)


def test_points_without_neighbours():
    scalars, vectors = network()(torch.randn(2, 1, 3), torch.randn(2, 1, 2), torch.randn(2, 1, 1, 3))
    assert scalars.shape == (2, 1, 2)
    assert vectors.isfinite().all()


def test_layers_keep_the_size_of_features():
    layer = GauntMessageLayer(32, 2, 1)
    r = torch.randn(90, 3)
    h = layer(torch.randn(10, 32, 9), layer.geometry(r), torch.randn(90, 1), complete_edges(10))
    assert 0.5 < float(h.detach().std()) < 4


@pytest.mark.parametrize(
    "make",
    [
        partial(network, layers=1),
        partial(network, layers=1, product="clebsch-gordan"),
        partial(GauntTensorProduct, 2, 2, 2, 4),
        partial(GauntConvolution, 2, 2, 2, 4),
        partial(DegreeLinear, 4, 4, 2),
    ],
)
def test_state_is_restored_and_every_weight_learns(make):
    model, copy = make(), make()
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    copy.load_state_dict(model.state_dict())
    if isinstance(model, GauntNetwork):
        inputs = clouds()
    elif isinstance(model, GauntConvolution):
        inputs = [torch.randn(3, 4, 9), torch.randn(3, 3)]
    else:
        inputs = [torch.randn(3, 4, 9)] * (1 if isinstance(model, DegreeLinear) else 2)
    outputs = [out if isinstance(out, tuple) else (out,) for out in (model(*inputs), copy(*inputs))]
    assert all(torch.equal(one, other) for one, other in zip(*outputs, strict=True))
    sum(value.square().sum() for value in outputs[0]).backward()
    assert all(float(weight.grad.abs().sum()) > 0 for weight in model.parameters())


def test_network_learns_a_force():
    """The sum of the directions to the others: a seconds-long training, which random weights do not solve."""
    pos = torch.randn(64, 4, 3)
    between = pos[:, None] - pos[:, :, None]
    target = torch.nn.functional.normalize(between, dim=-1).sum(2)
    model = GauntNetwork(1, vector_out=1, scalar_out=0, channels=6, layers=1, lmax=1)
    ones = torch.ones(64, 4, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        loss = (model(pos, ones)[1][..., 0, :] - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * float(target.square().mean())


# --- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gaunt_tensor_product(torch.zeros(5), torch.zeros(4)), "square number"),
        (lambda: gaunt_tensor_product(torch.zeros(0), torch.zeros(4)), "square number"),
        (lambda: gaunt_tensor_product(torch.zeros(4), torch.zeros(4), 3), "got lmax_out=3"),
        (lambda: gaunt_tensor_product(torch.zeros(4), torch.zeros(4), -1), "from 0 to"),
        (lambda: gaunt_tensor_product(torch.zeros(4), torch.zeros(4, dtype=torch.float64)), "share dtype"),
        (lambda: gaunt_tensor_product(torch.zeros(2, 4), torch.zeros(3, 4)), "must broadcast"),
        (lambda: gaunt_tensor_product(torch.zeros(4, dtype=torch.long), torch.zeros(4)), "floating-point"),
        (lambda: many_body_product(torch.zeros(4), 0), "at least 1"),
        (lambda: many_body_product(torch.zeros(4), 2, 3), "got lmax_out=3"),
        (lambda: gaunt_tensor(1, 1, 3), "got lmax_out=3"),
        (lambda: gaunt_coefficient(-1, 0, 0), "from 0 to"),
        (lambda: real_wigner_3j(1, 1, 3), "no triangle"),
        (lambda: to_fourier(torch.zeros(4), 2), "got lmax=2"),
        (lambda: from_fourier(torch.zeros(3, 2)), "complex tensor"),
        (lambda: from_fourier(torch.zeros(3, 2, dtype=torch.complex64), 2), "does not determine"),
        (lambda: spherical_harmonics(torch.zeros(2, 3), 1), "zero or not finite"),
        (lambda: spherical_harmonics(torch.full((3,), math.nan), 1), "zero or not finite"),
        (lambda: spherical_harmonics(torch.ones(2), 1), r"\(\.\.\., 3\)"),
        (lambda: spherical_harmonics(torch.ones(3), 1.5), "must be an integer"),
        (lambda: wigner_d(torch.ones(3, 3), 1), "orthogonal"),
        (lambda: wigner_d(torch.ones(3), 1), r"\(\.\.\., 3, 3\)"),
        (lambda: EdgeFrames(torch.ones(3), 1), r"\(E, 3\)"),
        (lambda: GauntTensorProduct(1, 1, 3), "got lmax_out=3"),
        (lambda: GauntTensorProduct(1, 1, channels=0), "at least 1"),
        (lambda: GauntTensorProduct(1, 1, needs=[(1, 1, 1)]), "Clebsch-Gordan"),
        (lambda: GauntTensorProduct(1, 1, needs=[(1, 1, 3)]), "no path"),
        (lambda: GauntTensorProduct(1, 1, needs=[(1, 1)]), "three degrees"),
        (lambda: GauntTensorProduct(1, 1)(torch.zeros(9), torch.zeros(4)), "4 coefficients"),
        (lambda: GauntTensorProduct(1, 1, channels=2)(torch.zeros(3, 4), torch.zeros(3, 4)), "2 channels"),
        (lambda: GauntConvolution(1, 1)(torch.zeros(2, 4), torch.ones(2, 3)), "edges, channels, 4"),
        (lambda: GauntConvolution(1, 1)(torch.zeros(2, 1, 4), torch.ones(3, 3)), "as many edges"),
        (lambda: GauntConvolution(1, 1)(torch.zeros(2, 1, 4), torch.ones(2, 3), torch.ones(2, 1, 3)), "radial must"),
        (lambda: ClebschGordanTensorProduct(1, 1)(torch.zeros(9), torch.zeros(4)), "4 coefficients"),
        (lambda: ClebschGordanTensorProduct(1, 1)(torch.zeros(4), torch.zeros(4), torch.ones(2)), "one a path"),
        (lambda: ClebschGordanTensorProduct(1, 1, channels=-1), "at least 1"),
        (lambda: GauntMessageLayer(4, 2, 1, odd_paths=True), "clebsch-gordan"),
        (lambda: GauntMessageLayer(0, 2, 1), "at least 1"),
        (lambda: GauntNetwork(1, lmax=0), "lmax must be at least 1"),
        (lambda: GauntNetwork(0), "at least one scalar"),
        (lambda: GauntNetwork(1, layers=0), "layers must"),
        (lambda: GauntNetwork(1)(torch.zeros(4, 3), torch.zeros(4, 1)), "without edge_index"),
        (lambda: GauntNetwork(1)(torch.zeros(1, 2, 3), torch.zeros(1, 2, 1)), "no direction"),
        (lambda: GauntNetwork(2)(torch.rand(1, 2, 3), torch.zeros(1, 2, 1)), "scalars must"),
        (lambda: GauntNetwork(1, 1)(torch.rand(1, 2, 3), torch.zeros(1, 2, 1)), "vectors must"),
        (lambda: GauntNetwork(1, edge_dim=1)(torch.rand(1, 2, 3), torch.zeros(1, 2, 1)), "edge_attr must"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: gaunt_tensor_product(torch.zeros(4), torch.zeros(4), method="fft"),
        lambda: gaunt_tensor_product(torch.zeros(4), torch.zeros(4), normalization="none"),
        lambda: many_body_product(torch.zeros(4), 2, method="direct"),
        lambda: GauntTensorProduct(1, 1, method="fft"),
        lambda: GauntConvolution(1, 1, normalization="none"),
        lambda: GauntMessageLayer(4, 2, 1, "cross"),
    ],
)
def test_unknown_names_are_refused(call):
    with pytest.raises(UnknownNameError):
        call()


def test_frames_turn_no_degree_that_they_were_not_made_for():
    frames = EdgeFrames(torch.randn(2, 3), lmax=1)
    assert frames.to_local(torch.zeros(2, 1, 4)).shape == (2, 1, 4)
    for wrong in (torch.zeros(2, 1, 9), torch.zeros(3, 1, 4)):
        for turn in (frames.to_local, frames.to_world):
            with pytest.raises(InvalidInputError, match="2 frames of degree 1"):
                turn(wrong)


def test_no_rotations_have_no_matrices():
    assert wigner_d(torch.zeros(0, 3, 3), 2).shape == (0, 9, 9)


@pytest.mark.parametrize("sizes", [(0, 4, 2), (4, 0, 2), (4, 4, -1)])
def test_linear_maps_of_impossible_sizes_are_refused(sizes):
    with pytest.raises(InvalidInputError, match="must be"):
        DegreeLinear(*sizes)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([[0, 1], [1, 5]], "names points from 0 to 5; there are 5"),
        ([[0, -1], [1, 0]], "from -1"),
    ],
)
def test_edges_of_points_that_are_not_there_are_refused(edges, message):
    network = GauntNetwork(1, channels=4, layers=1)
    with pytest.raises(InvalidInputError, match=message):
        network(torch.randn(5, 3), torch.ones(5, 1), edge_index=torch.tensor(edges))
