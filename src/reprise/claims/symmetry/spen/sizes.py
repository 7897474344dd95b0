"""How large each scale of the claims is."""

from __future__ import annotations

from dataclasses import dataclass

from reprise.claim import Scale


@dataclass(frozen=True)
class Size:
    """How much of everything a scale takes.

    GIN's rate and width were chosen on MUTAG with seed 1000, of {0.001, 0.003, 0.01} x {16, 32}. SPEN was not tuned
    further than one such run at the first setting tried. The channels, layers, epochs and rate of the full scale are
    the authors' for MUTAG, rounded.
    """

    sets: tuple[str, ...]
    folds: int
    epochs: int
    batch_size: int
    channels: tuple[int, int]
    layers: int
    lr: float
    gin_hidden: int
    gin_lr: float
    sparse_nodes: tuple[int, ...]
    dense_nodes: tuple[int, ...]
    memory_sets: tuple[str, ...]
    memory_graphs: int
    models: int


SETS = ("MUTAG", "PTC")
"""Of the paper's seven, the two whose five seeds of ten folds take minutes."""

MOLECULES = ("MUTAG", "PTC", "NCI1", "PROTEINS")
CASTS = ("IMDBBINARY", "IMDBMULTI")

SIZES: dict[Scale, Size] = {
    "quick": Size(
        SETS, 2, 2, 32, (4, 2), 2, 3e-3, 8, 1e-2, (50, 100, 400), (10, 20, 40), MOLECULES + CASTS, 8, 2
    ),
    "desktop": Size(
        SETS, 10, 50, 32, (16, 8), 3, 3e-3, 16, 1e-2,
        (50, 100, 200, 400, 800), (20, 40, 80), MOLECULES + CASTS, 160, 5,
    ),
    "full": Size(
        (*MOLECULES, *CASTS), 10, 50, 32, (128, 128), 4, 1e-3, 32, 1e-2,
        (50, 100, 200, 400, 800), (20, 40, 80, 160), MOLECULES + CASTS, 1000, 100,
    ),
}  # fmt: skip
