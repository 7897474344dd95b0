"""How large each scale of the claims is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything a scale takes.

    `elements` of each group go to coordinates and back, and `logarithms` of them through SciPy's logarithm; `warped`
    digits are seen by fresh layers, `draws` times; `train` and `test` digits are `digit` pixels wide (None: as they are)
    in frames of `frame`, shifted by up to `shift`; `network` holds settings of the group networks, and `width` that of the plain ones.
    """

    elements: int
    logarithms: int
    warped: int
    draws: int
    train: int
    test: int
    frame: int
    digit: int | None
    shift: float
    epochs: int
    batch: int
    weight_decay: float
    predictions: int
    width: int
    network: dict[str, Any] = field(default_factory=dict)
    lr: dict[str, float] = field(default_factory=dict)
    sine_rate: float = 1.0


_SMALL = {"width": 8, "samples": 6}
_LR = {"SL(2)": 4e-3, "SO(2)": 4e-3, "CNN": 3e-3, "CNN + maps": 3e-3}

SIZES = {
    "quick": Size(
        elements=1000,
        logarithms=100,
        warped=5,
        draws=2,
        train=64,
        test=50,
        frame=16,
        digit=8,
        shift=2.0,
        epochs=1,
        batch=32,
        weight_decay=5e-3,
        predictions=1,
        width=4,
        network={"width": 2, "samples": 2, "kernel": {"width": 8}},
        lr=_LR,
    ),
    "desktop": Size(
        elements=100_000,
        logarithms=2000,
        warped=20,
        draws=5,
        train=900,
        test=897,
        frame=24,
        digit=14,
        shift=3.0,
        epochs=20,
        batch=32,
        weight_decay=5e-3,
        predictions=3,
        width=8,
        network=_SMALL,
        lr=_LR,
        sine_rate=0.1,
    ),
    # The authors' network, rate, decay, batch and epochs.
    "full": Size(
        elements=100_000,
        logarithms=10_000,
        warped=20,
        draws=20,
        train=20_000,
        test=9_786,
        frame=40,
        digit=None,
        shift=8.0,
        epochs=50,
        batch=128,
        weight_decay=5e-3,
        predictions=5,
        width=40,
        network={"width": 40, "samples": 10},
        lr=dict.fromkeys(_LR, 2e-4),
    ),
}
