"""INSET beside the way of its official code: a training step of the energy, and one of both networks, at equal weights.

The peer here is a plain statement of what the official code does, as its repository is no package: it encodes the pool
at each call, builds Bernoulli matrices with their diagonals set to 0 and to 1, and sends both, and both complements,
through all layers. Run with ``pytest benchmarks/bench_inset.py -s``; prints ratios of processor time (the quickest of
several rounds, taken in turn), asserts that both give the same, and no times.
"""

import pytest
import torch
from torch import nn

from racing import race
from reprise.symmetry.inset import (
    RecognitionNet,
    SetEnergy,
    mean_field_log_odds,
    negative_elbo,
    sample_negatives,
    subset_cross_entropy,
)

ROUNDS, WARM_UP = 8, 2
SIZES = {
    "claims: 16 pools of 30, width 64, M = 4": (16, 30, 2, 32, 64, 4),
    "official defaults: 4 pools of 30, width 500, M = 8": (4, 30, 2, 256, 500, 8),
    "official two moons: 16 pools of 100, width 500, M = 8": (16, 100, 2, 256, 500, 8),
}


class PlainEnergy(nn.Module):
    """F = FF(sum inside) + FF2(sum outside), for any stack of 0-1 matrices, from the layers of a `SetEnergy`."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, pool, subset, pool_mask=None):
        elements = self.net.encoder.encoder(pool)
        if subset.ndim == 4:
            elements = elements[:, None]
        outside = torch.ones_like(subset) - subset
        return (self.net.chosen(subset @ elements) + self.net.rest(outside @ elements))[..., 0]


def plain_mean_field(energy, pool, q, samples):
    batch, n = q.shape
    drawn = torch.bernoulli(q[:, None, None].expand(batch, samples, n, n))
    eye = torch.eye(n).expand(samples, n, n)[None]
    without = drawn * (1 - eye)
    together = without + eye
    return (energy(pool, together) - energy(pool, without)).mean(1).sigmoid()


def plain_cross_entropy(q, chosen, counted):
    loss = chosen * torch.log(q + 1e-12) + (1 - chosen) * torch.log(1 - q + 1e-12)
    return -(loss * counted).sum(-1).mean()


@pytest.mark.parametrize("title", SIZES)
def test_training_step_beside_the_official_way(title):
    batch, n, d, hidden, width, samples = SIZES[title]
    torch.manual_seed(0)
    net, recognition = SetEnergy(d, hidden, width), RecognitionNet(d, hidden, width)
    plain = PlainEnergy(net)
    pool, chosen = torch.randn(batch, n, d), torch.rand(batch, n) < 0.3
    counted = chosen | sample_negatives(chosen)
    q = recognition(pool).detach()
    networks = [net, recognition]
    optimizers = [torch.optim.Adam(network.parameters(), lr=1e-5, fused=True) for network in networks]
    plain_optimizers = [torch.optim.Adam(network.parameters(), lr=1e-5) for network in networks]

    uniform = torch.rand(1, batch, samples, n, n)
    with torch.no_grad():
        subset = (uniform[0] < q[:, None, None]).float() * (1 - torch.eye(n))
        slow = (plain(pool, subset + torch.eye(n)) - plain(pool, subset)).mean(1)
        fast = mean_field_log_odds(net, pool, q, samples=samples, noise=uniform)
    torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-5)

    def step(loss, optimizer):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def energy_step():
        log_odds = mean_field_log_odds(net, pool, q, samples=samples)
        step(subset_cross_entropy(log_odds, chosen, counted), optimizers[0])

    def plain_energy_step():
        loss = plain_cross_entropy(plain_mean_field(plain, pool, q, samples), chosen.float(), counted.float())
        step(loss, plain_optimizers[0])

    def both():
        net.requires_grad_(False)
        step(negative_elbo(net, recognition, pool, samples=samples), optimizers[1])
        net.requires_grad_(True)
        energy_step()

    def plain_both():
        step(negative_elbo(plain, recognition, pool, samples=samples), plain_optimizers[1])
        plain_energy_step()

    best = race(
        {
            "energy, official way": plain_energy_step,
            "energy": energy_step,
            "both, official way": plain_both,
            "both": both,
        },
        rounds=ROUNDS,
        warm_up=WARM_UP,
    )
    print(f"\n{title}")
    for name, milliseconds in best.items():
        peer = best[f"{name.split(',')[0]}, official way"]
        print(f"  {name:22s} {milliseconds:9.2f} ms   {peer / milliseconds:5.2f} x as fast as the official way")
