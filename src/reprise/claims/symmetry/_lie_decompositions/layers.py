"""The lifting layer measured on warped digits, beside an ordinary convolution."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import scipy.ndimage
import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._lie_decompositions.sizes import Size
from reprise.data.simulators.warped_digits import frame_digits
from reprise.symmetry.lie_decompositions import (
    GL2,
    SL2,
    GroupSamples,
    LiftConv2d,
    affine_equivariance_error,
    group_named,
)

ERROR = "error of lifted features"
KERNEL = "error of lifted features by kernel size"
FRAME, DIGIT, BLUR = 33, 22, 1.0
CHANNELS, SAMPLES = 8, 10
PAPER_KERNEL = 5
KERNEL_SIZES = (5, 9, 13, 17)
SUBPIXELS: dict[str, Any] = {"subpixels": 4, "reach": 1.3}
"""A grid that holds the kernel however a sample stretches it, and points within its pixels."""
ARMS: dict[str, dict[str, Any]] = {
    "": {},
    ", sub-pixels": SUBPIXELS,
    ", sub-pixels, smooth": SUBPIXELS | {"kernel": {"w0": 3.0}},
}


def smooth_digits(images: np.ndarray, count: int) -> Tensor:
    """Enlarge the first digits (n, 8, 8) within a frame, and blur them: (count, 1, 33, 33)."""
    framed = frame_digits(images[:count] / 16, FRAME, size=DIGIT)
    return torch.from_numpy(scipy.ndimage.gaussian_filter(framed, (0, BLUR, BLUR)))[:, None]


def measure_layers(trial: Trial, size: Size, digits: np.ndarray) -> Iterator[Measurement]:
    """Warp digits by elements of the group, and let fresh layers see them; all layers see the same elements."""
    images = smooth_digits(digits, size.warped)
    for group, title in (("sl2", "SL(2)"), ("gl2", "GL+(2)")):
        draws = _draws(group, trial.seed, size.draws)
        for arm, settings in ARMS.items():
            build = partial(LiftConv2d, group, 1, CHANNELS, PAPER_KERNEL, bias=False, **settings)
            yield Measurement(title + arm, ERROR, _error(build, images, draws, trial.seed))
    draws = _draws("sl2", trial.seed, size.draws)
    plain = partial(nn.Conv2d, 1, CHANNELS, PAPER_KERNEL, bias=False)
    yield Measurement("convolution", ERROR, _error(plain, images, draws, trial.seed))
    for pixels in KERNEL_SIZES:
        build = partial(LiftConv2d, "sl2", 1, CHANNELS, pixels, bias=False)
        yield Measurement("SL(2)", KERNEL, _error(build, images, draws, trial.seed), x=pixels)


def _draws(group: str, seed: int, count: int) -> list[tuple[Tensor, GroupSamples]]:
    """Draw elements h of the group that act on the images, each with samples for the layers, h not among them."""
    generator = torch.Generator().manual_seed(seed)
    acting = SL2(rotations="uniform") if group == "sl2" else GL2(rotations="uniform")
    return [
        (
            acting.sample_pair(1, generator, dtype=torch.float64).g[0],
            group_named(group).sample_pair(SAMPLES, generator, dtype=torch.float64),
        )
        for _ in range(count)
    ]


def _error(
    build: Callable[[], LiftConv2d | nn.Conv2d], images: Tensor, draws: list[tuple[Tensor, GroupSamples]], seed: int
) -> float:
    """Average over the draws, each seen by a layer of its own, whose weights depend on the seed alone."""
    errors = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for h, samples in draws:
            layer = build()
            seen = samples if isinstance(layer, LiftConv2d) else None
            errors.append(affine_equivariance_error(layer, images, h, seen))
    return float(np.mean(errors))
