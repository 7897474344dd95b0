"""Groups by their names."""

from __future__ import annotations

import re

from reprise.errors import InvalidInputError
from reprise.symmetry.equivariance.flows import FlowGroup
from reprise.symmetry.equivariance.grids import GridGroup
from reprise.symmetry.equivariance.groups import EuclideanGroup, Group, LinearGroup, PermutationGroup

_GRIDS = {
    "C4": GridGroup(),
    "D4": GridGroup(mirrors=True),
    "p4": GridGroup(shifts=True),
    "p4m": GridGroup(mirrors=True, shifts=True),
    "torus": GridGroup(turns=False, shifts=True),
}


def group_named(name: str) -> Group:
    """Give the group of a name.

    ``"O3"``, ``"SO(3)"``, ``"E2"``, ``"SE(4)"``, ... move rigidly, ``"GL+(2)"`` and ``"SL(3)"`` linearly; ``"S"``
    permutes; ``"C4"``, ``"D4"``, ``"p4"``, ``"p4m"`` and ``"torus"`` move pixels onto pixels; ``"flow(1)"`` and
    ``"flow(2)"`` shift the frames of a sequence.

    Raises
    ------
    InvalidInputError
        If there is no such group.

    Examples
    --------
    >>> group_named("SE(3)")
    EuclideanGroup(dim=3, reflections=False, translations=True, reach=3.0)
    >>> group_named("SL(2)")
    LinearGroup(dim=2, unimodular=True, spread=0.3)
    """
    if name in {"S", "Sn", "permutations"}:
        return PermutationGroup()
    if name in _GRIDS:
        return _GRIDS[name]
    match = re.fullmatch(r"(SO|O|SE|E|GL\+|SL|flow)(?:\(([1-9]\d*)\)|([1-9]\d*))", name)
    if not match:
        raise InvalidInputError(
            f"There is no group {name!r} here; the names are O, SO, E, SE, GL+ and SL with a dimension, such as 'SE3' "
            f"or 'O(2)', 'S' for permutations, 'flow(1)', 'flow(2)', and {', '.join(_GRIDS)} on pixels. Other groups "
            "are given as objects with `draw` and `act`."
        )
    kind, dim = match[1], int(match[2] or match[3])
    if kind == "flow":
        return FlowGroup(dims=dim)
    if kind in {"GL+", "SL"}:
        return LinearGroup(dim, unimodular=kind == "SL")
    return EuclideanGroup(dim, reflections=kind in {"O", "E"}, translations=kind in {"E", "SE"})
