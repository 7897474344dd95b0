"""How large each scale of the claims is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """How much of everything a scale takes."""

    pool: int  # published training systems, of which each trial draws `train`
    train: int
    validation: int
    test: int
    epochs: int
    models: int
    copies: int  # relabelled graphs
    copy_models: int  # of the models, how many embed the copies too


SIZES = {
    "quick": Size(pool=200, train=100, validation=50, test=50, epochs=2, models=5, copies=50, copy_models=5),
    "desktop": Size(
        pool=3000, train=1000, validation=300, test=1000, epochs=100, models=100, copies=1000, copy_models=10
    ),
    "full": Size(
        pool=3000, train=3000, validation=2000, test=2000, epochs=10_000, models=100, copies=1000, copy_models=100
    ),
}
