"""Claims, what was measured of them, and the verdict."""

from reprise.claim.contract import KINDS, SCALES, Claim, Kind, Measurement, Prepared, Scale, Setting, Trial
from reprise.claim.intervals import Interval, mean_interval, ratio_interval
from reprise.claim.units import Sample
from reprise.claim.verdict import Comparison, Verdict, holm, judge, judge_all

__all__ = [
    "KINDS",
    "SCALES",
    "Claim",
    "Comparison",
    "Interval",
    "Kind",
    "Measurement",
    "Prepared",
    "Sample",
    "Scale",
    "Setting",
    "Trial",
    "Verdict",
    "holm",
    "judge",
    "judge_all",
    "mean_interval",
    "ratio_interval",
]
