"""How large each scale of the claims is, and each arm's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reprise.claim import Scale

CIFAR, DIGITS = "CIFAR-10", "digits"
HYP_PARAMETRIC, PARAMETRIC = "HypSimGCD", "SimGCD"
HYP_CONTRASTIVE, CONTRASTIVE = "HypGCD", "GCD"
HYP_PROJECTED = "HypSimGCD, with projection MLP"
TRAINED: dict[str, dict[str, Any]] = {
    HYP_PARAMETRIC: {"mode": "parametric", "geometry": "hyperbolic"},
    PARAMETRIC: {"mode": "parametric", "geometry": "spherical"},
    HYP_PROJECTED: {"mode": "parametric", "geometry": "hyperbolic", "projection": True},
    HYP_CONTRASTIVE: {"mode": "nonparametric", "geometry": "hyperbolic"},
    CONTRASTIVE: {"mode": "nonparametric", "geometry": "spherical"},
}
PARTS = ("all", "known", "new")
KNOWN = (0, 1, 2, 3, 4)
CLASSES = 10


@dataclass(frozen=True)
class Size:
    """Rows, dimensions of the embedding, and how long to train."""

    rows: dict[str, int]  # of a class to learn from
    test_rows: int  # of a class, of CIFAR-10
    components: int  # of CIFAR-10's features
    dims: dict[str, tuple[int, ...]]
    contrastive_dim: int
    epochs: dict[str, int]
    batch_size: int
    hidden: int
    curvatures: tuple[float, ...]  # studied on digits, at the clip radius below
    radii: tuple[float, ...]  # studied on digits, at the curvature below


C, CLIP_R = 0.1, 1.2

SIZES: dict[Scale, Size] = {
    "quick": Size({DIGITS: 30}, 0, 0, {DIGITS: (8, 64)}, 16, {DIGITS: 1}, 64, 16, (1.0,), (0.5,)),
    "desktop": Size(
        {CIFAR: 200, DIGITS: 140},
        50,
        256,
        {CIFAR: (8, 64, 256), DIGITS: (8, 64)},
        64,
        {CIFAR: 20, DIGITS: 15},
        64,
        128,
        (0.01, 1.0),
        (0.5, 2.3),
    ),
    "full": Size(
        {CIFAR: 600, DIGITS: 140},
        200,
        1280,
        {CIFAR: (8, 64, 256), DIGITS: (8, 64)},
        256,
        {CIFAR: 200, DIGITS: 200},
        128,
        2048,
        (0.01, 0.03, 0.3, 1.0),
        (0.5, 0.8, 2.0, 3.0),
    ),
}

# The best accuracy of each arm on pilot seed 1000 at dimension 64, of rates 0.03, 0.1 and 0.3 with an angle scale of 1
# and of 0.1 with 0.3. On CIFAR-10 a rate of 0.01 gives both parametric heads no more. The arm with a projection MLP
# takes HypSimGCD's.
TUNED: dict[str, dict[str, dict[str, float]]] = {
    CIFAR: {
        HYP_PARAMETRIC: {"lr": 0.03, "angle_scale": 1.0},
        HYP_PROJECTED: {"lr": 0.03, "angle_scale": 1.0},
        PARAMETRIC: {"lr": 0.03, "angle_scale": 1.0},
        HYP_CONTRASTIVE: {"lr": 0.1, "angle_scale": 1.0},
        CONTRASTIVE: {"lr": 0.03, "angle_scale": 1.0},
    },
    DIGITS: {
        HYP_PARAMETRIC: {"lr": 0.3, "angle_scale": 1.0},
        HYP_PROJECTED: {"lr": 0.3, "angle_scale": 1.0},
        PARAMETRIC: {"lr": 0.03, "angle_scale": 1.0},
        HYP_CONTRASTIVE: {"lr": 0.1, "angle_scale": 1.0},
        CONTRASTIVE: {"lr": 0.03, "angle_scale": 1.0},
    },
}
