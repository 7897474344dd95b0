"""How findings are put into words: numbers with intervals, how sure a difference is, names of heads."""

from __future__ import annotations

from collections.abc import Iterable

from reprise.language.interventions import Head
from reprise.workbench.inspection.contract import Answer, Estimate


def written(estimate: Estimate, digits: int = 2) -> str:
    """Write an estimate with its 95 % interval.

    >>> written(Estimate(0.5, 0.41, 0.62, 12)), written(Estimate(-0.5))
    ('0.50 (0.41 to 0.62)', '−0.50')
    """
    value = number(estimate.value, digits)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} ({number(estimate.low, digits)} to {number(estimate.high, digits)})"


def percent(share: Estimate) -> str:
    """Write a share as a percentage with its 95 % interval.

    >>> percent(Estimate(0.5, 0.41, 0.62, 12)), percent(Estimate(1.0))
    ('50 % (41 to 62 %)', '100 %')
    """
    value = f"{share.value:.0%}".removesuffix("%")
    if share.low is None or share.high is None:
        return f"{value} %"
    return f"{value} % ({share.low * 100:.0f} to {share.high * 100:.0f} %)"


def number(value: float, digits: int = 2) -> str:
    """Write a number with a true minus sign, and no minus before zero.

    >>> number(-0.001), number(-3.14159, 1), number(12345.6, 0)
    ('0.00', '−3.1', '12,346')
    """
    text = f"{value:,.{digits}f}"
    if text.strip("-0.,") == "":
        text = text.lstrip("-")
    return text.replace("-", "−")


def sureness(difference: Estimate, than: str, digits: int = 2) -> str:
    """Say whether a measure is surely above its control, of which `than` tells: "with random heads".

    >>> sureness(Estimate(0.3, 0.2, 0.4, 9), "with random heads")
    'clearly more than with random heads (by 0.30, 95 % interval 0.20 to 0.40)'
    >>> sureness(Estimate(0.1, -0.2, 0.4, 9), "by guessing")
    'not clearly more than by guessing (a difference of 0.10, 95 % interval −0.20 to 0.40)'
    """
    value = number(difference.value, digits)
    if difference.low is None or difference.high is None:
        return f"{value} more than {than}, with no interval"
    span = f"95 % interval {number(difference.low, digits)} to {number(difference.high, digits)}"
    if difference.low > 0:
        return f"clearly more than {than} (by {value}, {span})"
    if difference.high < 0:
        return f"clearly less than {than} (by {number(-difference.value, digits)}, {span})"
    return f"not clearly more than {than} (a difference of {value}, {span})"


def answered(difference: Estimate, *, enough: float = 0.0) -> Answer:
    """Answer whether a measure is above its control: by its interval, and by at least `enough` for a plain yes.

    >>> [answered(Estimate(0.3, low, high), enough=0.2) for low, high in ((0.1, 0.5), (-0.1, 0.7), (-0.1, 0.15))]
    ['yes', 'unclear', 'no']
    >>> answered(Estimate(0.1, 0.05, 0.15), enough=0.2)
    'partly'
    """
    if difference.low is None or difference.high is None:
        return "unclear"
    if difference.low > 0:
        return "yes" if difference.value >= enough else "partly"
    return "no" if difference.high <= max(enough, 0.0) else "unclear"


def head_name(head: Head) -> str:
    """Name a head by its layer and its place in it, both counted from 0.

    >>> head_name((18, 6))
    'L18H6'
    """
    return f"L{head[0]}H{head[1]}"


def listed(words: Iterable[str]) -> str:
    """Join words as a sentence does.

    >>> listed(["a"]), listed("ab"), listed("abc")
    ('a', 'a and b', 'a, b and c')
    """
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def share_of_items(effort: float) -> tuple[str, ...]:
    """Say that fewer items than usual were used, where that is so."""
    return () if effort == 1 else (f"To fit the budget, {effort:.0%} of the usual items were used.",)
