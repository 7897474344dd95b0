"""Hyperbolic distance matrices beside geoopt's, with gradients: times, and the memory that geoopt's broadcast needs.

Run with ``pytest benchmarks/bench_hypcd.py -s``; prints ratios, asserts no times. Times are processor time.
"""

import geoopt
import pytest
import torch

from racing import race
from reprise.discover.hypcd import HypLinear, PoincareBall, ToPoincare

C = 0.1


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def points(n, d):
    u = torch.randn(n, d, generator=torch.Generator().manual_seed(0))
    return ToPoincare(C, 2.0)(u)


def forward_and_back(function, *arrays):
    def work():
        leaves = [array.clone().requires_grad_() for array in arrays]
        function(*leaves).sum().backward()

    return work


@pytest.mark.parametrize(("n", "d"), [(256, 8), (256, 64), (256, 256), (512, 256)])
def test_distance_matrix(n, d):
    x, ours, peer = points(n, d), PoincareBall(C), geoopt.PoincareBall(c=C)
    best = race(
        {
            "ours": forward_and_back(lambda x: ours.dist_matrix(x, x), x),
            "geoopt": forward_and_back(lambda x: peer.dist(x.unsqueeze(1), x.unsqueeze(0)), x),
        },
        rounds=5,
        warm_up=1,
    )
    apart = ~torch.eye(n, dtype=torch.bool)
    gap = (ours.dist_matrix(x, x) - peer.dist(x.unsqueeze(1), x.unsqueeze(0)))[apart].abs().max()
    print(
        f"\n{n} x {n} distances in {d} dimensions: ours {best['ours']:.2f} ms, geoopt {best['geoopt']:.2f} ms, "
        f"geoopt / ours {best['geoopt'] / best['ours']:.1f}; one broadcast array of geoopt's is "
        f"{4 * n * n * d / 2**20:.0f} MiB, of ours {8 * n * n / 2**20:.1f} MiB; largest difference {gap:.1e}"
    )


@pytest.mark.parametrize(("n", "d", "classes"), [(256, 256, 10), (256, 768, 200)])
def test_linear_layer(n, d, classes):
    x, layer, peer = points(n, d), HypLinear(d, classes, C), geoopt.PoincareBall(c=C)

    def with_geoopt(x, weight, bias):
        return peer.projx(peer.mobius_add(peer.mobius_matvec(weight, x), peer.expmap0(bias)))

    def with_ours(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    arrays = x, layer.weight.detach(), layer.bias.detach()
    best = race({name: forward_and_back(f, *arrays) for name, f in (("ours", with_ours), ("geoopt", with_geoopt))})
    print(
        f"\nHypLinear of {n} points, {d} to {classes}: ours {best['ours']:.2f} ms, geoopt {best['geoopt']:.2f} ms, "
        f"geoopt / ours {best['geoopt'] / best['ours']:.1f}"
    )
