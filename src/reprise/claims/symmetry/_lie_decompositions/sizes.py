"""How large each scale of the claims is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything a scale takes; networks are trained where there are epochs.

    `elements` of each group go to coordinates and back, and the first `logarithms` of them are compared with SciPy's
    logarithm; `warped` digits are seen by fresh layers, `draws` times; `train` and `test` digits are in frames of
    `frame` pixels, shifted by up to `shift`; `network` holds settings of the group networks, from which the plain ones
    take their width; where `draws_averaged` is above 1, predictions at so many sets of group elements are averaged in
    an arm of their own.
    """

    elements: int
    logarithms: int
    warped: int
    draws: int
    frame: int = 16
    train: int = 0
    test: int = 0
    shift: float = 0.0
    epochs: int = 0
    batch: int = 128
    draws_averaged: int = 1
    network: dict[str, Any] = field(default_factory=dict)


SIZES = {
    "quick": Size(
        elements=1000, logarithms=100, warped=5, draws=2, train=64, test=50, shift=2.0, epochs=1, batch=32,
        draws_averaged=2, network={"width": 2, "samples": 2, "kernel": {"width": 8}},
    ),
    "desktop": Size(elements=100_000, logarithms=1000, warped=20, draws=20),
    "full": Size(
        elements=100_000, logarithms=10_000, warped=20, draws=20, frame=40, train=20_000, test=9_786, shift=8.0,
        epochs=50, draws_averaged=5, network={"width": 40, "samples": 10},
    ),
}  # fmt: skip

# The authors' rate, batch and weight decay, for every network.
LR, WEIGHT_DECAY = 2e-4, 5e-3
