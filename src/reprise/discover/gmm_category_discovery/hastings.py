"""Hastings ratios of splitting a component in two and of merging two into one."""

from __future__ import annotations

from math import lgamma, log

from reprise.errors import InvalidInputError

__all__ = ["log_hastings_merge", "log_hastings_split"]


def log_hastings_split(N1: int, N2: int, l1: float, l2: float, l: float, alpha: float = 1.0) -> float:  # noqa: E741
    r"""Give the log Hastings ratio of splitting a component into two parts.

    .. math:: \log H = \log \alpha + \log \Gamma(N_1) + \ell_1 + \log \Gamma(N_2) + \ell_2
                       - \log \Gamma(N_1 + N_2) - \ell

    Above 0 the split is the better account of the points: its parts are compact and apart by more than the Dirichlet
    process charges for a further component.

    Parameters
    ----------
    N1, N2 : points in each part, at least 1.
    l1, l2 : log evidence of each part; see `NIWPrior.log_marginal_likelihood`.
    l : log evidence of the whole.
    alpha : concentration of the Dirichlet process; the higher, the more components.

    Raises
    ------
    InvalidInputError
        If a part is empty or `alpha` not above 0.

    References
    ----------
    J. Chang, J. W. Fisher III, "Parallel sampling of DP mixture models using sub-cluster splits", NeurIPS 2013.

    Examples
    --------
    >>> round(log_hastings_split(2, 3, -4.0, -5.0, -12.0), 4)   # 3 + log 2 - log 24
    0.5151
    """
    if min(N1, N2) < 1 or not alpha > 0:
        raise InvalidInputError(
            f"Parts of {N1} and {N2} points were given with alpha={alpha}; expected one point each and alpha above 0."
        )
    return log(alpha) + lgamma(N1) + l1 + lgamma(N2) + l2 - lgamma(N1 + N2) - l


def log_hastings_merge(N1: int, N2: int, l1: float, l2: float, l: float, alpha: float = 1.0) -> float:  # noqa: E741
    """Give the log Hastings ratio of merging two components: minus that of the split that undoes it.

    Parameters
    ----------
    N1, N2, l1, l2, l, alpha : as of `log_hastings_split`.

    Raises
    ------
    InvalidInputError
        As `log_hastings_split`.

    Examples
    --------
    >>> round(log_hastings_merge(2, 3, -4.0, -5.0, -12.0), 4)
    -0.5151
    """
    return -log_hastings_split(N1, N2, l1, l2, l, alpha)
