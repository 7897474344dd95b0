"""A table brought to one scale, and a sentence on why."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from reprise.errors import InvalidInputError
from reprise.workbench.tables import Table, listing

Scale = Literal["auto", "standard", "unit", "none"]
SCALES: dict[str, str] = {
    "standard": "each column was brought to mean 0 and standard deviation 1",
    "unit": "each row was brought to length 1, so that distances follow the angle between rows",
    "none": "the numbers were used as they are",
}

_OF_ONE_UNIT = 10.0
"""Up to this ratio of the widest column's spread to the median one's, ``"auto"`` takes all columns for of one unit.

Wine (388) and breast cancer (8,700) hold quantities of several units, and K-means agrees better with their labels when
they are standardised; iris (2.3) and the pixels of digits (1.5) are of one unit, and it agrees better when not.
"""


def scaled(table: Table, scale: Scale) -> tuple[np.ndarray, Scale, list[str]]:
    """Scale a table; give the scale that was taken and sentences on it.

    Raises
    ------
    InvalidInputError
        If there is no such scale, or the numbers are so large that their squares overflow.
    """
    from sklearn.preprocessing import Normalizer, StandardScaler

    if scale not in get_args(Scale):
        raise InvalidInputError(f"There is no scale {scale!r}; expected {', '.join(get_args(Scale))}.")
    largest = float(np.abs(table.X).max())
    if largest > np.sqrt(np.finfo(table.X.dtype).max) / len(table):
        raise InvalidInputError(
            f"The numbers of {table.source} go up to {largest:.0e}, whose squares overflow; divide them."
        )
    spreads = np.sort(table.X.std(axis=0, dtype=np.float64))
    spreads = spreads[spreads > 0]
    ratio = spreads[-1] / spreads[(len(spreads) - 1) // 2] if len(spreads) else 1.0
    taken: Scale = scale
    why = f"--scale {scale}"
    if scale == "auto":
        taken = "standard" if ratio > _OF_ONE_UNIT else "none"
        other = "none" if taken == "standard" else "standard"
        why = f"the widest column spreads {ratio:,.3g} times as far as the median one; --scale {other} does otherwise"
    said = [f"{SCALES[taken][0].upper()}{SCALES[taken][1:]} ({why})."]
    constant = [name for name, spread in zip(table.columns, np.ptp(table.X, axis=0), strict=True) if spread == 0]
    if constant:
        named = listing(constant) if table.named else f"{len(constant)} of {len(table.columns)}"
        said.append(f"Columns with one value throughout, which tell clusters nothing: {named}.")
    if taken == "none":
        return table.X, taken, said
    return (StandardScaler() if taken == "standard" else Normalizer()).fit_transform(table.X), taken, said
