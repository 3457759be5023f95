"""Typed values that a conversation collects, and the names under which templates see them."""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from offhook.agents.base import Identifier, Part

Value = str | bool | int | float | datetime | dict[str, Any] | list[Any] | None

# English, as the contract's rendering is, whatever the agent's language and the machine's locale.
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_RENDERED = "%A, %Y-%m-%d %H:%M:%S"
MAX_STRING_CHARS = 10_000  # a value is what one caller said, not a document
MAX_JSON_CHARS = 32_768  # as for values that a call is started with
_MAX_DEPTH = 20  # likewise
_MAX_INTEGER = 2**63 - 1  # past 64 bits no database keeps an integer as it is
# A model may write any of these as an escape: control characters but tab and line breaks, and halves of characters.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class VariableType(StrEnum):
    """Types a variable can have."""

    STRING = "string"
    BOOLEAN = "boolean"
    NUMBER = "number"
    DATETIME = "datetime"
    JSON = "json"


class Variable(Part):
    """A variable of the agent: given at the start, extracted from the whole call, or set by a tool."""

    name: Identifier
    type: VariableType = Field(VariableType.STRING, strict=False)
    description: str = Field("", max_length=2000)
    source: Literal["initial", "extracted", "tool"] = "initial"


BUILT_IN: dict[str, VariableType] = {
    "from_number": VariableType.STRING,
    "to_number": VariableType.STRING,
    "call_start_time": VariableType.DATETIME,
    "call_id": VariableType.STRING,
}


def parse_value(kind: VariableType, raw: object) -> Value:
    """Take a value that came from JSON, a model or Python; text is read as the type where that is unambiguous.

    Raises ValueError with a sentence that says what was expected.
    """
    value: Value = _PARSERS[kind](raw)
    return value


def render_value(value: Value) -> str:
    """As templates show it: true/false, digits, ``Monday, YYYY-MM-DD HH:MM:SS``, JSON; None is empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _digits(value)
    if isinstance(value, datetime):
        return f"{_WEEKDAYS[value.weekday()]}, {value:%Y-%m-%d %H:%M:%S}"
    return json.dumps(value, ensure_ascii=False)


def json_value(value: Value) -> Any:  # noqa: ANN401 - what a JSON document can hold
    """As records and APIs carry it: a datetime is ISO 8601, all else is itself."""
    return value.isoformat() if isinstance(value, datetime) else value


def _digits(value: float) -> str:
    """Plain digits: no exponent, no trailing zeros."""
    if isinstance(value, int):
        return str(value)
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _string(raw: object) -> str:
    if isinstance(raw, str):
        if len(raw) > MAX_STRING_CHARS:
            raise ValueError(f"expected at most {MAX_STRING_CHARS} characters, got {len(raw)}")
        return _sound(raw)
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return _digits(_finite(raw))
    raise ValueError(f"expected text, got {_shown(raw)}")


def _boolean(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.strip().lower() in {"true", "false"}:
        return raw.strip().lower() == "true"
    raise ValueError(f"expected true or false, got {_shown(raw)}")


def _number(raw: object) -> int | float:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return _finite(raw)
    if isinstance(raw, str):
        text = raw.strip()
        try:
            return _finite(int(text) if text.lstrip("+-").isdigit() else float(text))
        except ValueError:
            pass
    raise ValueError(f"expected a number, got {_shown(raw)}")


def _finite(value: float) -> int | float:
    # An integer is finite, and one of a thousand digits can't be asked as a float.
    if not isinstance(value, int) and not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {value}")
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        raise ValueError("expected a number of at most 64 bits")
    return value


def _datetime(raw: object) -> datetime:
    if isinstance(raw, datetime):
        return raw
    if isinstance(raw, date):
        return datetime(raw.year, raw.month, raw.day)  # noqa: DTZ001 - a day that was said has no zone
    if isinstance(raw, str):
        for read in (datetime.fromisoformat, lambda text: datetime.strptime(text, _RENDERED)):  # noqa: DTZ007 - as said
            try:
                return read(raw.strip())
            except ValueError:
                continue
    raise ValueError(f"expected a date and time such as 2026-01-31T14:30:00, got {_shown(raw)}")


def _json(raw: object) -> Any:  # noqa: ANN401 - what a JSON document can hold
    try:
        value = json.loads(raw) if isinstance(raw, str) else raw
        size = len(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"expected JSON, got {_shown(raw)}") from error
    if size > MAX_JSON_CHARS:
        raise ValueError(f"expected JSON of at most {MAX_JSON_CHARS} characters, got {size}")
    _check_parts(value, 0)
    return value


def _check_parts(value: object, depth: int) -> None:
    """Refuse what lies anywhere in JSON and can't be stored and given back as it is."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"expected JSON nested at most {_MAX_DEPTH} deep")
    if isinstance(value, str):
        _sound(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _finite(value)
    elif isinstance(value, dict | list):
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            _check_parts(part, depth + 1)


def _sound(text: str) -> str:
    bad = _UNFIT.search(text)
    if bad:
        raise ValueError(f"holds the character U+{ord(bad[0]):04X}, which can't be kept")
    return text


def _shown(raw: object) -> str:
    text = repr(raw)
    return text if len(text) <= 60 else text[:57] + "..."


_PARSERS: dict[VariableType, Any] = {
    VariableType.STRING: _string,
    VariableType.BOOLEAN: _boolean,
    VariableType.NUMBER: _number,
    VariableType.DATETIME: _datetime,
    VariableType.JSON: _json,
}
