"""How large each scale of the claims is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Size:
    """How much of everything a scale takes."""

    pool: int  # published training systems, of which each trial draws `train`
    train: int
    validation: int
    test: int
    epochs: int
    timed: tuple[int, ...]  # degrees at which our product is timed
    peer_timed: tuple[int, ...]  # and the peer's
    cubed: int  # the one of those at which a third power is timed
    rows: int  # pairs multiplied at once
    rounds: int  # of timing
    agreement: int  # highest degree at which the methods are compared with each other and the peer
    tetris_steps: int
    network: dict[str, Any] = field(default_factory=dict)
    baseline: dict[str, Any] = field(default_factory=dict)
    lr: dict[str, float] = field(default_factory=dict)


# Each network's lowest validation error after 40 epochs on pilot seed 1000, of 0.01, 0.02 and 0.04 for tensor products
# and 0.005, 0.01 and 0.02 for the others; on seed 1001 EGNN at 0.005 is better than at 0.002.
_LR = {"Gaunt": 2e-2, "Clebsch-Gordan": 2e-2, "EGNN": 5e-3, "GNN": 1e-2}
_PAPER_LR = {"Gaunt": 5e-4, "Clebsch-Gordan": 5e-4, "EGNN": 5e-4, "GNN": 5e-4}
_SMALL = {"channels": 16, "lmax": 2, "layers": 3}
_TINY = {"channels": 4, "lmax": 2, "layers": 1}
_PAPER = {"channels": 64, "lmax": 2, "layers": 4}

SIZES = {
    "quick": Size(60, 40, 20, 20, 1, (2, 3), (2, 3), 2, 20, 1, 2, 3, _TINY, {"hidden": 16, "layers": 2}, _LR),
    "desktop": Size(
        3000, 1000, 300, 1000, 40, (4, 5, 6, 7, 8, 9, 10, 11, 12), (4, 6, 8, 10), 6, 1000, 15, 6, 300,
        _SMALL, {"hidden": 64, "layers": 4}, _LR,
    ),
    "full": Size(
        3000, 3000, 2000, 2000, 10_000, tuple(range(4, 15)), (4, 6, 8, 10, 12, 14), 6, 1000, 50, 8, 1000,
        _PAPER, {"hidden": 64, "layers": 4}, _PAPER_LR,
    ),
}  # fmt: skip
