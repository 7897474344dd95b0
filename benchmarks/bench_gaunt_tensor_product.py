"""Gaunt products beside e3nn: one product, the three ways, a convolution along edges, a power, and the tables.

Peer: e3nn 0.6.0 (without it only our own ways are compared). Run with
``pytest benchmarks/bench_gaunt_tensor_product.py -s``; prints processor time of one thread (the quickest of several
rounds, taken in turn; the peer's construction apart) and ratios, asserts no times.
"""

import time

import pytest
import torch

from racing import race
from reprise.claims.symmetry._gaunt_tensor_product.products import full_product
from reprise.symmetry.gaunt_tensor_product import (
    ClebschGordanTensorProduct,
    GauntConvolution,
    gaunt_tensor_product,
    many_body_product,
    product,
    spherical_harmonics,
    tables,
)

ROUNDS, WARM_UP = 10, 3
ROWS = 1000


@pytest.fixture(autouse=True)
def _one_thread():
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        yield
    torch.set_num_threads(threads)


def report(title, best, ours, outputs=None):
    print(f"\n{title}")
    for name, milliseconds in best.items():
        each = f"   {1e6 * milliseconds / (ROWS * outputs[name]):8.1f} ns a number" if outputs else ""
        print(f"  {name:36s} {milliseconds:9.3f} ms   {milliseconds / best[ours]:7.1f} x ours{each}")


@pytest.mark.parametrize("degree", [2, 4, 6, 8, 10])
def test_product_beside_e3nn(degree):
    pytest.importorskip("e3nn.o3")
    x, y = torch.randn(2, ROWS, (degree + 1) ** 2)
    start = time.perf_counter()
    peer = full_product(degree, (1, -1))
    built = time.perf_counter() - start
    same = full_product(degree, None)
    works = {
        "Gaunt": lambda: gaunt_tensor_product(x, y, degree),
        "e3nn, degrees up to the same": lambda: peer(x, y),
        "e3nn, the same paths": lambda: same(x, y),
    }
    outputs = {name: work().shape[-1] for name, work in works.items()}
    report(
        f"product of degree {degree} ({built:.1f} s to construct e3nn's)",
        race(works, rounds=ROUNDS, warm_up=WARM_UP),
        "Gaunt",
        outputs,
    )


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 6, 8, 10, 12])
def test_three_ways(degree):
    x, y = torch.randn(2, ROWS, (degree + 1) ** 2)
    ways = ["fourier", "grid", "auto"] + (["direct"] if degree <= 6 else [])
    works = {way: (lambda way=way: gaunt_tensor_product(x, y, degree, way)) for way in ways}
    report(
        f"degree {degree}: auto is {product.fastest(degree, degree, degree)}",
        race(works, rounds=ROUNDS, warm_up=WARM_UP),
        "auto",
    )


@pytest.mark.parametrize("degree", [2, 4, 6, 8])
def test_convolution_along_edges(degree):
    channels, edges = 16, 500
    x, vectors = torch.randn(edges, channels, (degree + 1) ** 2), torch.randn(edges, 3)
    convolution = GauntConvolution(degree, degree, degree)
    frames = convolution.frames(vectors)
    works = {
        "Gaunt, aligned edges": lambda: convolution(x, frames),
        "Gaunt, aligned edges, frames too": lambda: convolution(x, vectors),
        "Gaunt, product with harmonics": lambda: gaunt_tensor_product(
            x, spherical_harmonics(vectors, degree)[:, None], degree
        ),
    }
    if degree <= 4:
        full = ClebschGordanTensorProduct(degree, degree, degree)
        works["Clebsch-Gordan (ours)"] = lambda: full(x, spherical_harmonics(vectors, degree)[:, None])
    report(
        f"{edges} edges, {channels} channels, degree {degree}",
        race(works, rounds=ROUNDS, warm_up=WARM_UP),
        "Gaunt, aligned edges",
    )


@pytest.mark.parametrize("order", [2, 3, 4])
def test_many_body_product(order):
    degree = 4
    x = torch.randn(ROWS, (degree + 1) ** 2)
    works = {
        "one grid": lambda: many_body_product(x, order, degree),
        "pairwise": lambda: many_body_product(x, order, degree, "pairwise"),
    }
    report(f"power {order} of degree {degree}", race(works, rounds=ROUNDS, warm_up=WARM_UP), "one grid")


def test_tables_of_degree_12():
    x = torch.randn(1, 169)
    print()
    for way in ("fourier", "grid"):
        tables._tensor.cache_clear()
        for table in vars(tables).values():
            if hasattr(table, "cache_clear"):
                table.cache_clear()
        start = time.perf_counter()
        gaunt_tensor_product(x, x, 12, way)
        first = time.perf_counter() - start
        print(f"  tables of degree 12, {way}: {1e3 * first:.0f} ms")
