"""The lifting layer measured on warped digits, beside an ordinary convolution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.ndimage
import torch
from torch import Tensor, nn

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry.lie_decompositions.sizes import Size
from reprise.data.simulators.warped_digits import frame_digits
from reprise.symmetry.lie_decompositions import LiftConv2d, affine_equivariance_error

ERROR = "error of lifted features"
KERNEL = "error of lifted features by kernel size"
FRAME, DIGIT, BLUR = 33, 22, 1.0
CHANNELS, SAMPLES = 8, 10
PAPER_KERNEL = 5
KERNEL_SIZES = (5, 9, 13, 17)
SUBPIXELS: dict[str, Any] = {"subpixels": 4, "reach": 1.3}
"""A grid that holds the kernel however a sample stretches it, and points within its pixels."""


def smooth_digits(images: np.ndarray, count: int) -> Tensor:
    """Enlarge the first digits (n, 8, 8) within a frame, and blur them: (count, 1, 33, 33)."""
    framed = frame_digits(images[:count] / 16, FRAME, size=DIGIT)
    return torch.from_numpy(scipy.ndimage.gaussian_filter(framed, (0, BLUR, BLUR)))[:, None]


def measure_layers(trial: Trial, size: Size, digits: np.ndarray) -> Iterator[Measurement]:
    """Warp digits by elements of the group, and let fresh layers see them."""
    images = smooth_digits(digits, size.warped)
    generator = torch.Generator().manual_seed(trial.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(trial.seed)
        for group, title in (("sl2", "SL(2)"), ("gl2", "GL+(2)")):
            layers = {
                title: LiftConv2d(group, 1, CHANNELS, PAPER_KERNEL, bias=False),
                f"{title}, sub-pixels": LiftConv2d(group, 1, CHANNELS, PAPER_KERNEL, bias=False, **SUBPIXELS),
                f"{title}, sub-pixels, smooth": LiftConv2d(
                    group, 1, CHANNELS, PAPER_KERNEL, bias=False, kernel={"w0": 3.0}, **SUBPIXELS
                ),
            }
            for arm, layer in layers.items():
                yield Measurement(arm, ERROR, _error(layer, images, size, generator))
        conv = nn.Conv2d(1, CHANNELS, PAPER_KERNEL, bias=False)
        yield Measurement("convolution", ERROR, _error(conv, images, size, generator))
        for pixels in KERNEL_SIZES:
            layer = LiftConv2d("sl2", 1, CHANNELS, pixels, bias=False)
            yield Measurement("SL(2)", KERNEL, _error(layer, images, size, generator), x=pixels)


def _error(layer: LiftConv2d | nn.Conv2d, images: Tensor, size: Size, generator: torch.Generator) -> float:
    """Average over several draws of samples, and elements h of the group, none of them among the samples."""
    group = layer.group if isinstance(layer, LiftConv2d) else LiftConv2d("sl2", 1, 1, 2).group
    errors = []
    for _ in range(size.draws):
        samples = group.sample_pair(SAMPLES, generator, dtype=torch.float64)
        h = group.sample_pair(SAMPLES - 3, generator, dtype=torch.float64).g
        element = h[int(torch.randint(len(h), (1,), generator=generator))]
        seen = samples if isinstance(layer, LiftConv2d) else None
        errors.append(affine_equivariance_error(layer, images, element, seen))
    return float(np.mean(errors))
