"""Times of a record: Unix seconds in events, whole microseconds in the store, ISO 8601 UTC in the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: float) -> int:
    """Unix seconds as whole microseconds: exact to compare and subtract, unlike floats."""
    return round(at * 1_000_000)


def iso_us(at_us: int) -> str:
    """Unix microseconds as ISO 8601 UTC, always with six decimals and ``Z``, so that texts sort like times."""
    text = (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z"


def iso(at: float) -> str:
    """Unix seconds as ISO 8601 UTC."""
    return iso_us(to_us(at))


def parse_iso_us(text: str) -> int:
    """An ISO 8601 time as Unix microseconds; without an offset it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND
