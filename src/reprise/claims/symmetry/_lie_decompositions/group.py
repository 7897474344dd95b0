"""The coordinate map measured on the groups themselves."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from reprise.claim import Measurement, Trial
from reprise.claims.symmetry._lie_decompositions.sizes import Size
from reprise.symmetry.lie_decompositions import GL2, SL2, GLn, MatrixGroup

RETURN = "largest error of going to coordinates and back"
RECOVERED = "elements recovered from coordinates"
LOGARITHM = "elements without a real logarithm"
WORST = "worst of three groups"
GROUPS: dict[str, MatrixGroup] = {"GL+(2)": GL2(), "GL+(3)": GLn(3), "SL(2)": SL2()}
ACCURATE = 1e-6
"""Entries of an element that comes back are this near, relative to the largest."""


def measure_groups(trial: Trial, size: Size) -> Iterator[Measurement]:
    """Send Gaussian matrices of positive determinant (over the root of it, for SL) to coordinates and back."""
    generator = torch.Generator().manual_seed(trial.seed)
    errors = {}
    for name, group in GROUPS.items():
        g = _gaussian(group, size.elements, generator)
        error = _distance(group.exp(group.log(g)), g)
        errors[name] = float(error.max())
        yield Measurement(name, RETURN, errors[name])
        some = g[: size.logarithms]
        through_logarithm = torch.from_numpy(np.stack([_through_logarithm(matrix) for matrix in some.numpy()]))
        for arm, off in (
            ("polar coordinates", error[: size.logarithms]),
            ("matrix logarithm", _distance(through_logarithm, some)),
        ):
            yield Measurement(arm, RECOVERED, 100 * float((off < ACCURATE).double().mean()), x=group.dim)
        yield Measurement(name, LOGARITHM, 100 * float(_without_logarithm(g).double().mean()))
    yield Measurement(WORST, RETURN, max(errors.values()))


def _gaussian(group: MatrixGroup, count: int, generator: torch.Generator) -> Tensor:
    g = torch.randn(count, group.n, group.n, generator=generator, dtype=torch.float64)
    determinant = torch.linalg.det(g)
    g[determinant < 0, 0] *= -1
    if group.volume_preserving:
        g /= determinant.abs()[:, None, None] ** (1 / group.n)
    return g


def _distance(found: Tensor, g: Tensor) -> Tensor:
    return (found - g).abs().amax((1, 2)) / g.abs().amax((1, 2))


def _without_logarithm(g: Tensor) -> Tensor:
    """A matrix has a real logarithm unless a negative eigenvalue is simple (Culver, 1966); Gaussian ones all are."""
    values = torch.linalg.eigvals(g)
    return ((values.imag == 0) & (values.real < 0)).any(-1)


def _through_logarithm(matrix: np.ndarray) -> np.ndarray:
    """Go through the real part of the principal logarithm, which is all that coordinates of the algebra can hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(scipy.linalg.expm(np.real(scipy.linalg.logm(matrix))))
