import pytest

from reprise.errors import InvalidInputError
from reprise.workbench.budget import Budget, parse_duration, readable


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h", 3600), ("1h 30M", 5400), ("0.5s", 0.5), (7, 7), (2.5, 2.5)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "10 minutes", "-3s", "0s", 0, -1, float("inf"), float("nan"), True])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(InvalidInputError, match="time budget"):
        parse_duration(text)


def test_a_pause_does_not_count():
    clock = Clock()
    budget = Budget("10s", clock)
    clock.now += 3
    with budget.paused():
        clock.now += 50
    clock.now += 2
    assert (budget.spent, budget.left) == (5, 5)
    clock.now += 100
    assert budget.left == 0


@pytest.mark.parametrize("seconds", [1, 59, 100, 3600, 90061])
def test_readable_rounds_but_never_lies(seconds):
    units = {"s": 1, "min": 60, "h": 3600}
    parts = readable(seconds).split()
    said = sum(float(number) * units[unit] for number, unit in zip(parts[::2], parts[1::2], strict=True))
    assert said == pytest.approx(seconds, abs=30)
