"""How many requests are allowed, and what counting them costs."""

import pytest

from reprise.site.web import limits
from reprise.site.web.limits import Limiter, TooMany


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        at = 1000.0

        def monotonic(self):
            return self.at

    clock = Clock()
    monkeypatch.setattr(limits, "time", clock)
    return clock


def test_a_window_moves_with_time(clock):
    limiter = Limiter()
    for _ in range(3):
        limiter.hit("3/minute", "a")
        clock.at += 10
    with pytest.raises(TooMany) as caught:
        limiter.hit("3/minute", "a")
    assert caught.value.retry_after == 30
    clock.at += 30.5
    limiter.hit("3/minute", "a")
    with pytest.raises(TooMany):
        limiter.hit("3/minute", "a")


def test_what_is_refused_does_not_count(clock):
    limiter = Limiter()
    limiter.hit("1/minute", "a")
    for _ in range(100):
        clock.at += 0.5
        with pytest.raises(TooMany):
            limiter.hit("1/minute", "a")
    clock.at += 11
    limiter.hit("1/minute", "a")


def test_those_who_left_are_forgotten(clock):
    limiter = Limiter()
    for number in range(5000):
        limiter.hit("60/minute", "search", str(number))
    clock.at += 61
    for _ in range(3000):
        limiter.hit("100000/minute", "search", "one who stayed")
    assert len(limiter) == 1


def test_a_crowd_is_remembered_only_so_far(clock):
    limiter = Limiter(most=100)
    for number in range(1000):
        limiter.hit("1/hour", "login from", str(number))
    assert len(limiter) == 100
    with pytest.raises(TooMany):
        limiter.hit("1/hour", "login from", "999")
