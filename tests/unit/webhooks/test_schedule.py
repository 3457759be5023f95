"""The retry table: the contract's times, with jitter, and an end."""

import pytest

from offhook.webhooks.schedule import JITTER, Schedule

CONTRACT_S = [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800]


@pytest.mark.parametrize(("failures", "delay_s"), list(enumerate(CONTRACT_S, 1)))
def test_each_failure_waits_as_the_contract_says_a_little_more_or_less(failures, delay_s):
    drawn = [Schedule().delay_s(failures) for _ in range(200)]
    assert all(delay_s * (1 - JITTER) <= each <= delay_s * (1 + JITTER) for each in drawn)
    assert max(drawn) - min(drawn) > delay_s * JITTER  # they don't all come back at once


def test_after_the_last_one_it_has_failed():
    assert Schedule().delay_s(len(CONTRACT_S) + 1) is None


def test_a_scaled_schedule_takes_the_same_course():
    scaled = Schedule().scaled(0.001)
    assert scaled.retries_s == tuple(each * 0.001 for each in CONTRACT_S)
    assert (scaled.limit_s, scaled.lease_s) == (0.01, 0.03)
