"""How large each scale of the claims is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reprise.claim import Scale


@dataclass(frozen=True)
class Size:
    """How much of everything a scale takes.

    GIN's rate and width were chosen on MUTAG with seed 1000, of {0.001, 0.003, 0.01} x {16, 32}; 0.03 at width 16 is
    worse than 0.01. SPEN was not tuned further than one such run at the first setting tried. SPEN's network, epochs,
    rate and batch of the full scale are the authors' for MUTAG, on every set; GIN keeps a batch of 32 there.
    """

    sets: tuple[str, ...]
    folds: int
    epochs: int
    network: dict[str, Any]  # settings of SPEN and of the same network on whole graphs
    lr: float
    batch_size: int
    gin_hidden: int
    gin_lr: float
    gin_batch_size: int
    sparse_nodes: tuple[int, ...]
    dense_nodes: tuple[int, ...]
    memory_graphs: int
    models: int


SETS = ("MUTAG", "PTC")
"""Of the paper's seven, the two whose five seeds of ten folds take minutes."""

MOLECULES = ("MUTAG", "PTC", "NCI1", "PROTEINS")
CASTS = ("IMDBBINARY", "IMDBMULTI")
"""With the molecules and proteins, six of the paper's seven: all but NCI109."""

_TINY = {"channels": (4, 2), "layers": 2}
_SMALL = {"channels": (16, 8), "layers": 3, "embedding": 32, "hidden": (64,)}
_PAPER = {"channels": (128, 128), "layers": 4, "embedding": 128, "hidden": (256, 128)}

SIZES: dict[Scale, Size] = {
    "quick": Size(SETS, 2, 2, _TINY, 3e-3, 32, 8, 1e-2, 32, (50, 100, 400), (10, 20, 40), 8, 2),
    "desktop": Size(
        SETS, 10, 50, _SMALL, 3e-3, 32, 16, 1e-2, 32, (50, 100, 200, 400, 800), (20, 40, 80), 160, 5
    ),
    "full": Size(
        (*MOLECULES, *CASTS), 10, 50, _PAPER, 1.5e-3, 4, 32, 1e-2, 32,
        (50, 100, 200, 400, 800), (20, 40, 80, 160), 1000, 100,
    ),
}  # fmt: skip
