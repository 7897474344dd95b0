"""From measurements to one value a unit: what an interval is taken over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from reprise.claim.contract import Claim, Measurement
from reprise.errors import InvalidInputError

Sample = tuple[int, Sequence[Measurement]]  # a seed and what its trial measured
Cell = tuple[int, str | None, float | None]  # seed, item and x
Cells = dict[Cell, list[float]]  # what was measured there, in the order it was
Unit = tuple[int, str | None]  # seed, and item unless seeds are the units


def differences(
    claim: Claim, samples: Sequence[Sample], baseline: str, x: float | None
) -> tuple[dict[Unit, float], np.ndarray]:
    """Give ours minus the baseline for each unit (positive: in our favour), and the baseline's values in that order."""
    ours, theirs = (averages(claim, cells) for cells in paired_cells(claim, samples, baseline, x))
    sign = 1.0 if claim.better == "higher" else -1.0
    return {unit: sign * (ours[unit] - theirs[unit]) for unit in ours}, np.array([theirs[unit] for unit in ours])


def paired_cells(claim: Claim, samples: Sequence[Sample], baseline: str, x: float | None) -> tuple[Cells, Cells]:
    """Give what ours and the baseline measured, which must be at the same items and x of every seed."""
    ours, theirs = cells(claim, samples, claim.ours, x), cells(claim, samples, baseline, x)
    odd = sorted(map(str, ours.keys() ^ theirs.keys()))
    if odd:
        raise InvalidInputError(
            f"Claim {claim.id!r}: {claim.ours} and {baseline} were measured on different units: only one of them at "
            f"(seed, item, x) = {', '.join(odd[:3])}{', ...' if len(odd) > 3 else ''}."
        )
    return ours, theirs


def cells(claim: Claim, samples: Sequence[Sample], arm: str, x: float | None) -> Cells:
    """Give what an arm measured, at `x` where it is given, by seed, item and x."""
    found: Cells = defaultdict(list)
    for seed, measurements in samples:
        before = len(found)
        for m in measurements:
            if claim.reads(m, arm) and (x is None or m.x == x):
                found[seed, m.item, m.x].append(m.value)
        if len(found) == before:
            raise not_measured(claim, arm, seed, x)
    return found


def averages(claim: Claim, cells: Cells) -> dict[Unit, float]:
    """Average repetitions, then what else was measured of a unit, into one value each."""
    collected: dict[Unit, list[float]] = defaultdict(list)
    for (seed, item, _), values in cells.items():
        if claim.unit != "seed" and item is None:
            raise InvalidInputError(
                f"Claim {claim.id!r}: its unit is {claim.unit!r}, but seed {seed} measured {claim.metric!r} of no item."
            )
        collected[seed, None if claim.unit == "seed" else item].append(float(np.mean(values)))
    return {unit: float(np.mean(values)) for unit, values in collected.items()}


def labels(claim: Claim, units: Iterable[Unit]) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """Give the seed and the item of each unit; nothing where seeds are the units."""
    if claim.unit == "seed":
        return None, None
    seeds, items = zip(*units, strict=True)
    return np.array(seeds), np.array(items)


def slopes(claim: Claim, samples: Sequence[Sample]) -> np.ndarray:
    """Fit one least-squares slope over x a seed."""
    found = []
    for seed, measurements in samples:
        points: dict[float, list[float]] = defaultdict(list)
        for m in measurements:
            if claim.reads(m, claim.ours) and m.x is not None:
                points[m.x].append(m.value)
        if len(points) < 2:
            raise InvalidInputError(f"Claim {claim.id!r}: a slope needs at least two x values, seed {seed} has fewer.")
        x = np.array(sorted(points))
        y = np.array([np.mean(points[value]) for value in x])
        if claim.log_log:
            if min(x.min(), y.min()) <= 0:
                raise InvalidInputError(f"Claim {claim.id!r}: a log-log slope needs positive x and values.")
            x, y = np.log(x), np.log(y)
        found.append(float(np.polyfit(x, y, 1)[0]))
    return np.array(found)


def not_measured(claim: Claim, arm: str, seed: int, x: float | None = None) -> InvalidInputError:
    """Say which arm of which seed is missing."""
    where = "" if x is None else f" at x={x:g}"
    return InvalidInputError(f"Claim {claim.id!r}: seed {seed} measured no {claim.metric!r} of {arm!r}{where}.")
