import random

import pytest

from broker.pace import Backoff, OncePerMinute


def test_first_wait_lies_between_a_tenth_and_half_a_second() -> None:
    waits = [Backoff(0.5, 30, random.Random(seed)).next_wait_s() for seed in range(500)]
    assert 0.1 <= min(waits) < 0.15
    assert 0.45 < max(waits) <= 0.5


def test_waits_double_up_to_the_cap() -> None:
    class Highest(random.Random):
        def uniform(self, a: float, b: float) -> float:
            assert a == pytest.approx(b / 5)
            return b

    backoff = Backoff(0.5, 30, Highest())
    assert [backoff.next_wait_s() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_waits_stay_finite_after_thousands_of_failures() -> None:
    backoff = Backoff(0.5, 30)
    assert all(backoff.next_wait_s() <= 30 for _ in range(5_000))


def test_a_good_connection_makes_waits_short_again() -> None:
    backoff = Backoff(0.5, 30)
    for _ in range(10):
        backoff.next_wait_s()
    backoff.reset()
    assert backoff.next_wait_s() <= 0.5


def test_one_line_of_each_kind_in_a_minute() -> None:
    quiet = OncePerMinute()
    assert quiet.allows("lost", 0)
    assert not quiet.allows("lost", 59)
    assert quiet.allows("full", 59)
    assert quiet.allows("lost", 60)
