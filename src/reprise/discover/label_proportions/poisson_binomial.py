"""The number of heads among independent, unequal coins: its distribution, without each coin in turn, and expectations.

All is exact and quadratic in the number of coins or better, for many sets of coins at once.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import fft

from reprise.errors import InvalidInputError

DIRECT_UP_TO = 64
"""Coins on each side up to which two distributions are convolved directly; beyond by FFT."""


def poisson_binomial_leave_one_out(p: ArrayLike) -> Float[np.ndarray, "B B"]:
    """Distribution of the number of successes among all trials but one, for each one.

    The distribution Q of all trials is convolved from halves; then each trial is taken out again, from the side on
    which errors do not grow: ``q(s) = (Q(s) - p q(s - 1)) / (1 - p)`` where p is at most 1/2, else
    ``q(s - 1) = (Q(s) - (1 - p) q(s)) / p``.

    Parameters
    ----------
    p : (B,) probabilities of success.

    Returns
    -------
    (B, B) array
        Row i holds P(S - Y_i = s) for s = 0 to B - 1. O(B^2) time and memory.

    Raises
    ------
    InvalidInputError
        If `p` is not a vector of probabilities.

    Examples
    --------
    >>> poisson_binomial_leave_one_out([0.5, 0.5, 1.0])
    array([[0.  , 0.5 , 0.5 ],
           [0.  , 0.5 , 0.5 ],
           [0.25, 0.5 , 0.25]])
    """
    given = np.asarray(p, dtype=float)
    if given.ndim != 1 or not len(given) or not ((given >= 0) & (given <= 1)).all():
        raise InvalidInputError(f"p has shape {given.shape}; expected a vector of probabilities, within [0, 1].")
    B = len(given)
    padded = np.zeros((1, 1 << (B - 1).bit_length()))
    padded[0, :B] = given
    total = _levels(padded)[-1][0, 0, : B + 1]
    left_out = np.empty((B, B))
    low = given <= 0.5
    forward, backward = given[low], given[~low]
    q = np.zeros(len(forward))
    for s in range(B):
        q = (total[s] - forward * q) / (1 - forward)
        left_out[low, s] = q
    q = np.zeros(len(backward))
    for s in range(B, 0, -1):
        q = (total[s] - (1 - backward) * q) / backward
        left_out[~low, s - 1] = q
    return np.maximum(left_out, 0)


def expectations_without_each(
    p: Float[np.ndarray, "b M"], psi: Float[np.ndarray, "b M_plus_1"]
) -> Float[np.ndarray, "b M 2"]:
    """Give ``E psi(S - Y_i + y)`` for y = 0 and 1 and each trial i of each of b sets of M trials, M a power of two.

    ``F(p) = E psi(S)`` is linear in each p_i, so one pass down the tree in which the distribution was convolved gives
    all of them, as back-propagation does; there is no division and nothing cancels. Trials with p = 0 fill up.
    O(M^2) a set, and O(M log^2 M) in the parts that are done by FFT.
    """
    levels = _levels(p)
    outside = psi[:, None, :]
    for level in reversed(levels[:-1]):
        below = np.empty_like(level)
        below[:, 0::2] = _correlate(outside, level[:, 1::2])
        below[:, 1::2] = _correlate(outside, level[:, 0::2])
        outside = below
    return outside


def _levels(p: Float[np.ndarray, "b M"]) -> list[Float[np.ndarray, "b nodes width"]]:
    """Convolve distributions two by two, from single trials to the whole."""
    levels = [np.stack([1 - p, p], axis=-1)]
    while levels[-1].shape[1] > 1:
        levels.append(_convolve(levels[-1][:, 0::2], levels[-1][:, 1::2]))
    return levels


def _convolve(a: Float[np.ndarray, "b k m"], b: Float[np.ndarray, "b k m"]) -> Float[np.ndarray, "b k w"]:
    m = a.shape[-1]
    if m > DIRECT_UP_TO + 1:
        length = fft.next_fast_len(2 * m - 1, real=True)
        product = fft.rfft(a, length) * fft.rfft(b, length)
        return np.maximum(fft.irfft(product, length)[..., : 2 * m - 1], 0)
    out = np.zeros((*a.shape[:-1], 2 * m - 1))
    for s in range(m):
        out[..., s : s + m] += a[..., s : s + 1] * b
    return out


def _correlate(u: Float[np.ndarray, "b k w"], r: Float[np.ndarray, "b k m"]) -> Float[np.ndarray, "b k m"]:
    """Give ``sum_t u(s + t) r(t)``."""
    m = r.shape[-1]
    if m > DIRECT_UP_TO + 1:
        length = fft.next_fast_len(u.shape[-1], real=True)
        product = fft.rfft(u, length) * fft.rfft(r, length).conj()
        return np.maximum(fft.irfft(product, length)[..., :m], 0)
    out = np.zeros(r.shape)
    for t in range(m):
        out += u[..., t : t + m] * r[..., t : t + 1]
    return out
