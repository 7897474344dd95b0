"""Frame averaging beside its peers: time of a training step, and error of equivariance.

Peers: frame-averaging-pytorch 0.1.2 (a wrapper of PCA frames) and egnn-pytorch 0.2.8 (EGNN layers); a part whose peer
is not installed is left out. Run with ``pytest benchmarks/bench_frame_averaging.py -s``; prints ratios of processor
time (the quickest of several rounds, taken in turn), asserts no times.
"""

import pytest
import torch
from torch import nn

from racing import race
from reprise.nn.egnn import EGNN
from reprise.symmetry.equivariance import equivariance_error
from reprise.symmetry.frame_averaging import FAGNN, FrameAveraging, PointNet, pca_frames

ROUNDS = 15
SYSTEMS, BODIES = 100, 5


def step(model, *inputs, **keywords):
    loss = model(*inputs, **keywords).square().mean()
    loss.backward()


def report(title, best, ours="ours"):
    print(f"\n{title}: {ours} {best[ours]:.2f} ms")
    for name, milliseconds in best.items():
        if name != ours:
            print(f"  against {name}, {milliseconds:.2f} ms: ratio {best[ours] / milliseconds:.2f}")


def symmetry(name, model, inputs, kinds, output):
    for dtype in (torch.float32, torch.float64):
        error = equivariance_error(model, inputs, "E3", input_kinds=kinds, output_kind=output, dtype=dtype)
        print(f"  {name:24s} {dtype!s:14s} {error}")


@pytest.mark.parametrize(("clouds", "points"), [(64, 100), (512, 8)])
def test_wrapper(clouds, points):
    peer = pytest.importorskip("frame_averaging_pytorch")
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Linear(3, 64), nn.SiLU(), nn.Linear(64, 3))
    x = torch.randn(clouds, points, 3)
    ours = FrameAveraging(backbone, output_kind="vector")
    theirs = peer.FrameAverage(backbone, dim=3)
    print(f"\n{clouds} clouds of {points} points, a small network; largest difference of the two outputs:", end=" ")
    print(f"{float((ours(x) - theirs(x)).abs().max().detach()):.1e}")
    report(
        "training step",
        race({"ours": lambda: step(ours, x), "peer": lambda: step(theirs, x)}, rounds=ROUNDS, warm_up=1),
    )
    nothing = nn.Identity()
    identity = FrameAveraging(nothing, output_kind="vector")
    their_identity = peer.FrameAverage(nothing, dim=3)
    with torch.no_grad():
        report(
            "frames alone",
            race({"ours": lambda: identity(x), "peer": lambda: their_identity(x)}, rounds=ROUNDS, warm_up=1),
        )
    symmetry("ours", ours, x, "position", "vector")
    symmetry("frame-averaging-pytorch", theirs, x, "position", "vector")


def test_one_call_against_a_loop_over_frames():
    torch.manual_seed(0)
    backbone = PointNet(widths=(32, 64, 128), head=(64,), batch_norm=False)
    ours = FrameAveraging(backbone, output_kind="vector")
    for clouds in (1, 16):
        x = torch.randn(clouds, 64, 3)

        def loop(x=x):
            frames = pca_frames(x)
            canonical = frames.apply(x)
            total = 0
            for f in range(len(frames)):
                total = total + backbone(canonical[:, f]) @ frames.R[:, f].mT
            return total / len(frames)

        assert torch.allclose(loop(), ours(x), atol=1e-5)
        best = race(
            {"ours": lambda x=x: step(ours, x), "loop": lambda loop=loop: loop().square().mean().backward()},
            rounds=ROUNDS,
            warm_up=1,
        )
        report(f"{clouds} clouds of 64 points, all frames in one call, training step", best)


class PeerEGNN(nn.Module):
    """Four dense layers of egnn-pytorch on the speed of each particle (its layers take no velocities)."""

    def __init__(self, layer, hidden=64, layers=4):
        super().__init__()
        self.embed = nn.Linear(1, hidden)
        self.layers = nn.ModuleList(layer(dim=hidden, edge_dim=2, m_dim=hidden) for _ in range(layers))

    def forward(self, position, velocity, edges):
        h = self.embed(velocity.norm(dim=-1, keepdim=True))
        for layer in self.layers:
            h, position = layer(h, position, edges)
        return position


def test_particles():
    peer = pytest.importorskip("egnn_pytorch")
    torch.manual_seed(0)
    position, velocity = torch.randn(2, SYSTEMS, BODIES, 3)
    edges = torch.randn(SYSTEMS, BODIES * (BODIES - 1), 2)
    square = torch.randn(SYSTEMS, BODIES, BODIES, 2)
    fagnn, egnn, theirs = FAGNN(), EGNN(), PeerEGNN(peer.EGNN)
    best = race(
        {
            "FAGNN": lambda: step(fagnn, position, velocity, edge_attr=edges),
            "EGNN": lambda: step(egnn, position, velocity, edge_attr=edges),
            "egnn-pytorch": lambda: step(theirs, position, velocity, square),
        },
        rounds=ROUNDS,
        warm_up=1,
    )
    report("training step of 100 systems", best, ours="EGNN")
    report("training step of 100 systems", best, ours="FAGNN")
    kinds = ("position", "vector", "scalar")
    for name, model in (("FAGNN", fagnn), ("EGNN", egnn)):
        wrapped = Keyword(model)
        symmetry(name, wrapped, (position, velocity, edges), kinds, "position")
    symmetry("egnn-pytorch", theirs, (position, velocity, square), kinds, "position")


class Keyword(nn.Module):
    """Takes the edge features in third place."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, position, velocity, edges):
        return self.model(position, velocity, edge_attr=edges)
