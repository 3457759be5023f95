# ruff: noqa: DTZ001 - what a caller said has no time zone
from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pytest

from offhook.agents.variables import VariableType, json_value, parse_value, render_value


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("string", "x", "x"),
        ("string", 12, "12"),
        ("boolean", True, True),
        ("boolean", "FALSE", False),
        ("number", 3, 3),
        ("number", "-12", -12),
        ("number", "2.5", 2.5),
        ("datetime", "2026-01-31T14:30:00", datetime(2026, 1, 31, 14, 30)),
        ("datetime", "2026-01-31", datetime(2026, 1, 31)),
        ("datetime", "Saturday, 2026-01-31 14:30:00", datetime(2026, 1, 31, 14, 30)),
        ("datetime", date(2026, 1, 31), datetime(2026, 1, 31)),
        ("json", {"a": [1]}, {"a": [1]}),
        ("json", '{"a": 1}', {"a": 1}),
    ],
)
def test_a_value_is_read_as_its_type(kind: str, raw: object, value: object) -> None:
    parsed = parse_value(VariableType(kind), raw)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("string", ["x"]),
        ("string", True),
        ("string", "x" * 10_001),
        ("boolean", 1),
        ("boolean", "yes"),
        ("number", "twelve"),
        ("number", True),
        ("number", math.nan),
        ("number", "inf"),
        ("datetime", "tomorrow"),
        ("datetime", 12),
        ("json", "not json"),
        ("json", {"a": math.inf}),
        ("json", {"a": "x" * 40_000}),
        ("json", "[" * 25 + "]" * 25),
        ("json", {"a": [2**63]}),
        ("number", 2**63),
        ("number", "9" * 400),
        ("number", "9" * 5000),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_was_expected(kind: str, raw: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_value(VariableType(kind), raw)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("string", "a\x00b"),
        ("string", "half \ud83d"),
        ("json", {"a": ["\x07"]}),
        ("json", {"\x00": 1}),
        ("json", '{"a": "\\ud800"}'),
    ],
)
def test_characters_that_cannot_be_kept_are_refused(kind: str, raw: object) -> None:
    with pytest.raises(ValueError, match=r"U\+"):
        parse_value(VariableType(kind), raw)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (3.0, "3"),
        (2.50, "2.5"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (datetime(2026, 11, 23, 9, 5, 0), "Monday, 2026-11-23 09:05:00"),
        ({"é": [1, None]}, '{"é": [1, null]}'),
        (None, ""),
        ("as it is", "as it is"),
    ],
)
def test_templates_show_a_value_as_the_contract_says(value: object, text: str) -> None:
    assert render_value(value) == text


def test_records_carry_a_datetime_as_iso_text() -> None:
    assert json_value(datetime(2026, 1, 31, 14, tzinfo=UTC)) == "2026-01-31T14:00:00+00:00"
    assert json_value({"a": 1}) == {"a": 1}
