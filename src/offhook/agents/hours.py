"""When transfers are allowed: ``{"monday": [{"start": "07:00", "end": "17:00"}], …}``, in UTC."""

from __future__ import annotations

import re
from datetime import datetime, time
from typing import Any

from offhook.agents.variables import Value

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)$|^24:00$")


def is_open(hours: Value, now: datetime) -> bool:
    """Whether a moment (UTC) falls into the hours. Missing or invalid hours are always open (spec of agents).

    A day that isn't listed is closed. A span that ends before it starts runs past midnight; an end of 24:00 (or of the
    start itself) is midnight.
    """
    if not isinstance(hours, dict) or not hours:
        return True
    try:
        spans = {day.lower(): [_span(item) for item in items] for day, items in hours.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        return True
    if not set(spans) <= set(_DAYS):
        return True
    at, today = now.time(), now.weekday()
    before = spans.get(_DAYS[today - 1], [])
    return any(start <= at and (at < end or end <= start) for start, end in spans.get(_DAYS[today], [])) or any(
        end <= start and at < end for start, end in before
    )


def _span(item: dict[str, Any]) -> tuple[time, time]:
    return _clock(item["start"]), _clock(item["end"])


def _clock(text: str) -> time:
    if _CLOCK.match(text) is None:
        raise ValueError(f"expected HH:MM, got {text!r}")
    hour, minute = text.split(":")
    return time(int(hour) % 24, int(minute))
