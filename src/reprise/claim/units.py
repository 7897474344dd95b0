"""From measurements to one value a unit: what an interval is taken over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from reprise.claim.contract import Claim, Measurement
from reprise.errors import InvalidInputError

Sample = tuple[int, Sequence[Measurement]]  # a seed and what its trial measured
UnitKey = tuple[int, str | None]  # seed and item


def differences(
    claim: Claim, samples: Sequence[Sample], baseline: str, x: float | None
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Give ours minus the baseline for each unit (positive: in our favour), the units' groups, and the baseline."""
    ours, groups = units(claim, samples, claim.ours, x)
    theirs, _ = units(claim, samples, baseline, x)
    if ours.keys() != theirs.keys():
        odd = sorted(map(str, ours.keys() ^ theirs.keys()))[:3]
        raise InvalidInputError(
            f"Claim {claim.id!r}: {claim.ours} and {baseline} were measured on different units ({', '.join(odd)}, ...)."
        )
    sign = 1.0 if claim.better == "higher" else -1.0
    a = np.array([ours[key] for key in ours])
    b = np.array([theirs[key] for key in ours])
    return sign * (a - b), groups, b


def units(
    claim: Claim, samples: Sequence[Sample], arm: str, x: float | None
) -> tuple[dict[UnitKey, float], np.ndarray | None]:
    """Average what was measured into one value a unit; also give the units' groups where items are nested in seeds.

    Items that several seeds share are crossed with them: they are averaged over seeds and are units themselves.
    """
    collected: dict[UnitKey, list[float]] = defaultdict(list)
    for seed, measurements in samples:
        before = len(collected)
        for m in measurements:
            if claim.reads(m, arm) and (x is None or m.x == x):
                collected[(seed, None if claim.unit == "seed" else m.item)].append(m.value)
        if len(collected) == before:
            raise not_measured(claim, arm, seed, x)
    if claim.unit == "seed":
        return {key: float(np.mean(values)) for key, values in collected.items()}, None
    seeds_of: dict[str | None, set[int]] = defaultdict(set)
    for seed, item in collected:
        seeds_of[item].add(seed)
    if any(len(seeds) > 1 for seeds in seeds_of.values()):
        crossed: dict[UnitKey, list[float]] = defaultdict(list)
        for (_, item), values in collected.items():
            crossed[(-1, item)].append(float(np.mean(values)))
        return {key: float(np.mean(values)) for key, values in crossed.items()}, None
    groups = np.array([seed for seed, _ in collected])
    return {key: float(np.mean(values)) for key, values in collected.items()}, groups


def average_groups(groups: np.ndarray | None, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Average nested units to their groups, for statistics that know no hierarchy."""
    if groups is None or len(np.unique(groups)) == 1:
        return arrays
    _, codes = np.unique(groups, return_inverse=True)
    return tuple(np.bincount(codes, weights=array) / np.bincount(codes) for array in arrays)


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


def cells(claim: Claim, measurements: Sequence[Measurement], arm: str) -> dict[tuple[str | None, float | None], float]:
    """Give the single values an arm measured, by item and x."""
    return {(m.item, m.x): m.value for m in measurements if claim.reads(m, arm) and (not claim.at or m.x in claim.at)}


def not_measured(claim: Claim, arm: str, seed: int, x: float | None = None) -> InvalidInputError:
    """Say which arm of which seed is missing."""
    where = "" if x is None else f" at x={x:g}"
    return InvalidInputError(f"Claim {claim.id!r}: seed {seed} measured no {claim.metric!r} of {arm!r}{where}.")
