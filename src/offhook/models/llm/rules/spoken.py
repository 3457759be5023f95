"""Values as a voice should read them: a time and a phone number need more than their digits."""

from __future__ import annotations

import re
from datetime import datetime, time

from offhook.agents.states import ExtractKind
from offhook.agents.variables import Value, render_value
from offhook.models.llm.rules.dates import spoken_date


def spoken(value: Value, kind: ExtractKind | None, language: str) -> str:
    """The form of a value: ``14:30`` is ``14 heures 30`` or ``2:30 PM``, a phone number comes in groups.

    A datetime is its day, and its time unless that is midnight. All else is as templates show it.
    """
    if isinstance(value, datetime):
        day = spoken_date(value.date(), language)
        joint = "à" if language.startswith("fr") else "at"
        return f"{day} {joint} {_time(value.hour, value.minute, language)}" if value.time() != time() else day
    text = render_value(value)
    if kind is ExtractKind.TIME and (found := re.fullmatch(r"(\d\d):(\d\d)", text)):
        return _time(int(found[1]), int(found[2]), language)
    if kind is ExtractKind.PHONE and re.fullmatch(r"\+?\d{7,15}", text):
        return _phone(text, language)
    return text


def _time(hour: int, minute: int, language: str) -> str:
    if language.startswith("fr"):
        if minute == 0 and hour in {0, 12}:
            return "midi" if hour else "minuit"
        return f"{hour} heures {minute:02d}" if minute else f"{hour} heure{'s' if hour > 1 else ''}"
    half = "PM" if hour >= 12 else "AM"
    return f"{hour % 12 or 12}:{minute:02d} {half}" if minute else f"{hour % 12 or 12} {half}"


def _phone(text: str, language: str) -> str:
    digits = text.lstrip("+")
    plus = "plus " if text.startswith("+") else ""
    if language.startswith("fr"):
        # Pairs from the right, as French numbers are said; what is left over stands first.
        head = len(digits) % 2
        pairs = [digits[:head]] if head else []
        pairs += [digits[at : at + 2] for at in range(head, len(digits), 2)]
        return plus + " ".join(pairs)
    groups = [digits[-4:]]
    rest = digits[:-4]
    while rest:
        groups.insert(0, rest[-3:])
        rest = rest[:-3]
    return plus + ", ".join(" ".join(group) for group in groups)
