"""Cells of tables."""

import time

import pytest

from offhook.cli.output import cell, pick


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), ("", "-"), (0, "0"), (True, "yes"), (False, "no"), (["a", "b"], "a, b"), ([], "-"), (1.5, "1.5")],
)
def test_a_cell_shows_what_people_say(value, shown):
    assert cell(value) == shown


def test_times_are_shown_on_this_machines_clock(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    try:
        assert cell("2025-07-01T12:00:00.25Z") == "2025-07-01 14:00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_only_looks_like_a_time_is_left_alone():
    assert cell("2025-07-99T12:00:00Z") == "2025-07-99T12:00:00Z"
    assert cell("a call to T 1234567890Z") == "a call to T 1234567890Z"


def test_inner_fields_are_picked_by_dots():
    assert pick({"a": {"b": 1}}, "a.b") == 1
    assert pick({"a": None}, "a.b") is None
    assert pick({}, "a") is None
