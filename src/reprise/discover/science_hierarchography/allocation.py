"""How many clusters a level has, and how they are shared out among the parents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from numbers import Integral

from reprise.errors import InvalidInputError

PAPERS_A_LEAF = 7.25  # 276 leaves for the paper's 2,000 papers
BRANCHING = 6.9  # 276 -> 40 -> 6
_LARGEST_TOP = 8


def allocate_subclusters(sizes: Sequence[int], total: int) -> list[int]:
    """Share out the clusters of a level among their parents, in proportion to the parents' papers.

    Every parent p of n_p papers gets ``1 + round((K - P) n_p / N)`` of the K clusters, P being the number of parents
    and N that of papers; what is then lacking is added one by one to the largest parents, what is too much taken from
    the smallest that have more than one, round and round. No parent gets more clusters than papers: what it cannot
    take goes to the largest that can. With fewer clusters than parents each parent gets one.

    Parameters
    ----------
    sizes : papers of each parent, at least one each.
    total : clusters K of the level.

    Returns
    -------
    Clusters of each parent; their sum is `total` unless there are more parents, or fewer papers.

    Raises
    ------
    InvalidInputError
        If there is no parent, one has no paper, or `total` is below 1.

    Examples
    --------
    >>> allocate_subclusters([60, 30, 10], total=10)
    [5, 3, 2]
    >>> allocate_subclusters([60, 30, 10], total=2)
    [1, 1, 1]
    >>> allocate_subclusters([50, 1], total=4)
    [3, 1]
    """
    if not len(sizes) or min(sizes) < 1:
        raise InvalidInputError(f"Every parent has at least one paper; got sizes {list(sizes)}.")
    if total < 1:
        raise InvalidInputError(f"A level has at least one cluster; got {total}.")
    parents, papers = len(sizes), sum(sizes)
    if total <= parents:
        return [1] * parents
    total = min(total, papers)
    given = [min(1 + round((total - parents) * size / papers), size) for size in sizes]
    largest_first = sorted(range(parents), key=lambda p: -sizes[p])
    _even_out(given, total - sum(given), largest_first, lambda p: given[p] < sizes[p], 1)
    _even_out(given, sum(given) - total, largest_first[::-1], lambda p: given[p] > 1, -1)
    return given


def auto_sizes(n: int) -> list[int]:
    """Give clusters a level, bottom to top, for n papers: about 7 papers a leaf, and 7 children a parent.

    Parameters
    ----------
    n : papers.

    Returns
    -------
    Numbers of clusters; the last one is 8 at most.

    Examples
    --------
    >>> auto_sizes(2000), auto_sizes(78), auto_sizes(3)
    ([276, 40, 6], [11, 2], [1])
    """
    sizes = [max(1, round(n / PAPERS_A_LEAF))]
    while sizes[-1] > _LARGEST_TOP:
        sizes.append(max(1, round(sizes[-1] / BRANCHING)))
    return sizes


def check_sizes(sizes: Sequence[int] | str, n: int) -> list[int]:
    """Check cluster sizes, or choose them; bottom to top.

    Raises
    ------
    InvalidInputError
        If they are no whole numbers that fall from bottom to top, or there are more clusters than papers.
    """
    if isinstance(sizes, str):
        if sizes != "auto":
            raise InvalidInputError(f"cluster_sizes is 'auto' or a list of numbers, bottom to top; got {sizes!r}.")
        return auto_sizes(n)
    listed = list(sizes)
    if not listed or any(not isinstance(size, Integral) or isinstance(size, bool) or size < 1 for size in listed):
        raise InvalidInputError(f"cluster_sizes are whole numbers from 1 on, bottom to top; got {listed}.")
    if any(lower < upper for lower, upper in pairwise(listed)):
        raise InvalidInputError(f"cluster_sizes go from bottom to top, so none is larger than the last; got {listed}.")
    if listed[0] > n:
        raise InvalidInputError(f"{listed[0]} clusters were asked of {n} papers.")
    return [int(size) for size in listed]


def _even_out(given: list[int], missing: int, order: list[int], can: Callable[[int], bool], step: int) -> None:
    while missing > 0:
        for p in order:
            if missing > 0 and can(p):
                given[p] += step
                missing -= 1
