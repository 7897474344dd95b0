"""Lie group decompositions beside their peers: the polar map beside SciPy's, convolutions beside escnn's and torch's.

Peers: SciPy's `polar` (one matrix at a time), escnn's steerable convolution on regular representations of the cyclic
group of as many rotations (left out where it is not installed), and ordinary convolutions of as many channels. Run with
``pytest benchmarks/bench_lie_decompositions.py -s``; prints ratios of processor time (the quickest of several rounds,
taken in turn), and how far escnn's layer and ours are from moving along with a rotation; asserts no times.
"""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn

from racing import race
from reprise.nn.images import warp_images
from reprise.symmetry.lie_decompositions import GroupConv2d, LiftConv2d, group_named, polar_decompose

MATRICES = 2000
CHANNELS, SAMPLES, SIZE, BATCH, KERNEL = 8, 8, 33, 8, 5


def report(title, best, *peers):
    print(f"\n{title}")
    for name, milliseconds in best.items():
        ratios = "".join(f"   {milliseconds / best[peer]:6.2f} x {peer}" for peer in peers if peer in best)
        print(f"  {name:38s} {milliseconds:8.2f} ms{ratios}")


@pytest.mark.parametrize("n", [2, 3])
def test_polar_map_beside_scipy(n):
    g = torch.randn(MATRICES, n, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    g[torch.linalg.det(g) < 0, 0] *= -1
    arrays = g.numpy()
    log_p, r = polar_decompose(g)
    theirs = [scipy.linalg.polar(matrix, side="left") for matrix in arrays]
    assert np.allclose(r, np.stack([rotation for rotation, _ in theirs]), atol=1e-10)
    assert np.allclose(torch.linalg.matrix_exp(log_p), np.stack([p for _, p in theirs]), atol=1e-9)
    works = {
        "reprise": lambda: polar_decompose(g),
        "SciPy": lambda: [scipy.linalg.polar(matrix, side="left") for matrix in arrays],
    }
    report(f"Polar decomposition of {MATRICES} matrices of {n} x {n}", race(works), "SciPy")


def layers():
    """Ours on three groups, and what an ordinary convolution of as many channels takes."""
    torch.manual_seed(0)
    works = {}
    for group in ("so2", "sl2", "gl2"):
        lift, conv = LiftConv2d(group, 1, CHANNELS, KERNEL), GroupConv2d(group, CHANNELS, CHANNELS, KERNEL)
        samples = group_named(group).sample_pair(SAMPLES, torch.Generator().manual_seed(0), dtype=torch.float64)
        works[f"reprise, {lift.group}"] = lambda x, lift=lift, conv=conv, s=samples: conv(lift(x, s), s)
    wide = SAMPLES * CHANNELS
    works["torch, ordinary convolutions"] = nn.Sequential(nn.Conv2d(1, wide, KERNEL), nn.Conv2d(wide, wide, KERNEL))
    return works


def steerable():
    """Layers of escnn on the cyclic group, in the basis of regular representations."""
    gspaces = pytest.importorskip("escnn.gspaces", exc_type=ImportError)
    enn = pytest.importorskip("escnn.nn", exc_type=ImportError)
    space = gspaces.rot2dOnR2(N=SAMPLES)
    image = enn.FieldType(space, [space.trivial_repr])
    fields = enn.FieldType(space, CHANNELS * [space.regular_repr])
    torch.manual_seed(0)
    lift = enn.R2Conv(image, fields, kernel_size=KERNEL)
    conv = enn.R2Conv(fields, fields, kernel_size=KERNEL)
    return lambda x: conv(lift(enn.GeometricTensor(x, image))).tensor


def test_two_layers_forward_and_backward():
    x = torch.randn(BATCH, 1, SIZE, SIZE)
    works = layers()
    try:
        works["escnn, C8"] = steerable()
    except pytest.skip.Exception:
        print("\nescnn is not installed: left out")
    steps = {name: lambda work=work: work(x).square().mean().backward() for name, work in works.items()}
    title = f"Lifting and group convolution, {CHANNELS} channels, {SAMPLES} elements, {BATCH} images of {SIZE} x {SIZE}"
    report(title + ", with gradients", race(steps), "torch, ordinary convolutions", "escnn, C8")


def test_rotations_move_features_along():
    """By 45 degrees, which both groups hold: features turn, and shift along the group axis."""
    work = steerable()
    line = torch.arange(SIZE) - (SIZE - 1) / 2
    x = torch.exp(-((line - 3) ** 2 + (line[:, None] + 2) ** 2) / 18)[None, None]
    angle = math.pi / 4
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    torch.manual_seed(0)
    settings = {"so2": {}, "so2, sub-pixels": {"subpixels": 4}}
    found = {}
    for name, setting in settings.items():
        lift, conv = (
            LiftConv2d("so2", 1, CHANNELS, KERNEL, **setting),
            GroupConv2d("so2", CHANNELS, CHANNELS, KERNEL, **setting),
        )
        samples = group_named("so2").sample_pair(SAMPLES, dtype=torch.float64)
        # Element i + 1 is 45 degrees beyond element i.
        found[f"reprise, {name}"] = (
            conv(lift(x, samples), samples),
            conv(lift(warp_images(x, turn), samples), samples),
            1,
        )
    # escnn's y axis points up, so that its rotations and ours go opposite ways.
    straight, moved = (work(image).unflatten(1, (CHANNELS, SAMPLES)) for image in (x, warp_images(x, turn)))
    found["escnn, C8"] = (straight, moved, -1)
    print("\nRelative error of turning an image before or after two layers, by 45 degrees")
    for name, (straight, moved, step) in found.items():
        expected = warp_images(straight.detach().roll(step, 2).flatten(1, 2), turn)[..., 6:-6, 6:-6]
        error = (moved.detach().flatten(1, 2)[..., 6:-6, 6:-6] - expected).norm() / expected.norm()
        print(f"  {name:38s} {float(error):8.4f}")
