"""Transfers are allowed in the hours given, in UTC; what is no hours allows them always."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from offhook.agents.hours import is_open

HOURS = {"monday": [{"start": "07:00", "end": "12:00"}, {"start": "13:30", "end": "17:00"}], "tuesday": []}
NIGHT = {"friday": [{"start": "22:00", "end": "02:00"}]}


def at(day: int, clock: str) -> datetime:
    """The 5th of January 2026 was a Monday."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 1, 4 + day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("clock", "open_then"),
    [("06:59", False), ("07:00", True), ("11:59", True), ("12:00", False), ("13:30", True), ("17:00", False)],
)
def test_a_span_holds_its_start_and_not_its_end(clock: str, open_then: bool) -> None:
    assert is_open(HOURS, at(1, clock)) is open_then


def test_days_that_are_empty_or_missing_are_closed() -> None:
    assert not is_open(HOURS, at(2, "10:00"))
    assert not is_open(HOURS, at(3, "10:00"))


@pytest.mark.parametrize(
    ("day", "clock", "open_then"),
    [(5, "21:59", False), (5, "23:00", True), (6, "01:59", True), (6, "02:00", False), (5, "01:00", False)],
)
def test_a_night_runs_past_midnight(day: int, clock: str, open_then: bool) -> None:
    assert is_open(NIGHT, at(day, clock)) is open_then


def test_a_whole_day_may_be_written_with_24_or_with_one_hour_twice() -> None:
    for end in ("24:00", "00:00"):
        assert is_open({"monday": [{"start": "00:00", "end": end}]}, at(1, "23:59"))
        assert is_open({"monday": [{"start": "00:00", "end": end}]}, at(1, "00:00"))
        assert not is_open({"monday": [{"start": "00:00", "end": end}]}, at(2, "00:00"))


def test_days_may_be_written_with_a_capital() -> None:
    assert not is_open({"Monday": [{"start": "7:00", "end": "8:00"}]}, at(1, "09:00"))


@pytest.mark.parametrize(
    "hours",
    [
        None, "", {}, [], 7, "monday", {"monday": "07:00-17:00"}, {"monday": [{"start": "07:00"}]},
        {"monday": [{"start": "25:00", "end": "26:00"}]}, {"lundi": []}, {"monday": [{"start": 7, "end": 8}]},
        {"monday": None},
    ],
)  # fmt: skip
def test_missing_or_invalid_hours_are_always_open(hours: Any) -> None:
    assert is_open(hours, at(2, "03:00"))
