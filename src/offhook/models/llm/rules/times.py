"""Times of day as they are said. Pure: a text in, a time out."""

from __future__ import annotations

import re
from datetime import time

from offhook.models.llm.rules.numbers import read_number, tokens
from offhook.models.llm.rules.text import plain, words

# Nobody books at three in the night: without "in the morning", 1 to 6 is the afternoon.
LAST_AFTERNOON_HOUR = 6
_MANY_DIGITS = re.compile(r"\+?\d(?:[\s.\-]?\d){5,}")  # a phone number is no time
_MORNING = (" am ", " in the morning ", " du matin ")
_LATER = (
    " pm ", " in the afternoon ", " in the evening ", " at night ", " tonight ", " de l apres midi ", " du soir ",
    " l apres midi ",
)  # fmt: skip
_NAMED = {
    "noon": (12, 0), "midday": (12, 0), "midi": (12, 0), "midnight": (0, 0), "minuit": (0, 0),
}  # fmt: skip
_CLOCK = re.compile(r"\b([01]?\d|2[0-3])\s*(?:[:.]|h|heures?)\s*([0-5]\d)\b")
_HALF = {"half", "demi", "demie"}
_QUARTER = {"quarter", "quart"}
_FILL = {"a", "le", "minutes", "minute", "of"}


def parse_time(text: str, language: str, *, bare: bool = False) -> time | None:
    """The time of day in a text; ``bare`` also takes a number alone (the answer to "at what time?").

    Without a part of the day, one to six o'clock is the afternoon.
    """
    text = _MANY_DIGITS.sub(" ", plain(text))
    parts = [part for part in tokens(re.sub(r"\b([ap])\.?\s?m\b\.?", r"\1m", text)) if part not in "'-,?!"]
    found = _clock(text) or _fr(parts) if language.startswith("fr") else _clock(text) or _en(parts)
    if found is None:
        found = _named(parts, language)
    if found is None and bare:
        found = _bare(parts, language)
    if found is None:
        return None
    hour, minute, exact = found
    return _on_the_day(hour, minute, f" {' '.join(words(text))} ", exact=exact)


Found = tuple[int, int, bool]  # hour, minute, whether it names the half of the day by itself


def _clock(text: str) -> Found | None:
    found = _CLOCK.search(text)
    return None if found is None else (int(found[1]), int(found[2]), len(found[1]) == 2 and found[1][0] == "0")


def _named(parts: list[str], language: str) -> Found | None:
    for at, word in enumerate(parts):
        if word in _NAMED:
            hour, minute = _NAMED[word]
            return hour, minute + _added(parts, at + 1, language), True
    return None


def _added(parts: list[str], at: int, language: str) -> int:
    """Minutes after ``midi``: ``et demi``, ``et quart``, ``quinze``."""
    if parts[at : at + 1] == ["et"]:
        at += 1
    word = parts[at] if at < len(parts) else ""
    if word in _HALF:
        return 30
    if word in _QUARTER:
        return 15
    read = read_number(parts, at, language)
    return read[0] if read is not None and read[0] < 60 else 0


def _en(parts: list[str]) -> Found | None:
    for at in range(len(parts)):
        found = _en_relative(parts, at) or _en_hour(parts, at)
        if found is not None:
            return found
    return None


def _en_relative(parts: list[str], at: int) -> Found | None:
    """``half past ten``, ``half ten``, ``quarter to three``, ``twenty past nine``."""
    if parts[at] in _HALF and parts[at + 1 : at + 2] != ["an"]:
        after = at + 2 if parts[at + 1 : at + 2] == ["past"] else at + 1
        hour = _hour(parts, after, "en")
        return None if hour is None else (hour[0], 30, False)
    minutes = (15, at + 1) if parts[at] in _QUARTER else read_number(parts, at, "en")
    if minutes is None or minutes[0] > 59:
        return None
    after = minutes[1]
    while parts[after : after + 1] and parts[after] in _FILL:
        after += 1
    word = parts[after] if after < len(parts) else ""
    hour = _hour(parts, after + 1, "en")
    if word == "past" and hour:
        return hour[0], minutes[0], False
    if word in {"to", "before"} and hour:
        return (hour[0] - 1) % 24, (60 - minutes[0]) % 60, False
    return None


def _en_hour(parts: list[str], at: int) -> Found | None:
    """``3 pm``, ``ten o'clock``, ``ten thirty``, ``at ten``, ``ten in the morning``."""
    hour = _hour(parts, at, "en")
    if hour is None:
        return None
    after = hour[1]
    mark = " ".join(parts[after : after + 3])
    if mark.startswith(("am", "pm", "o clock", "oclock", "in the morning", "in the after", "in the even")):
        return hour[0], 0, False
    minute = read_number(parts, after, "en")
    if minute is not None and 10 <= minute[0] < 60 and minute[1] > after and not _more_digits(parts, minute[1]):
        return hour[0], minute[0], False
    if parts[after : after + 1] in (["oh"], ["o"]) and (small := read_number(parts, after + 1, "en")) and small[0] < 10:
        return hour[0], small[0], False
    before = parts[at - 1] if at else ""
    if before in {"at", "around", "about", "by"} and not _counts(parts, after):
        return hour[0], 0, False
    return None


def _counts(parts: list[str], at: int) -> bool:
    """Whether a number counts things rather than hours."""
    return parts[at : at + 1] != [] and parts[at] in {"people", "persons", "days", "weeks", "euros", "dollars", "years"}


def _more_digits(parts: list[str], at: int) -> bool:
    return read_number(parts, at, "en") is not None


def _fr(parts: list[str]) -> Found | None:
    """``dix heures trente``, ``10 h``, ``trois heures et quart``, ``dix heures moins le quart``."""
    for at in range(len(parts)):
        hour = _hour(parts, at, "fr")
        if hour is None or parts[hour[1] : hour[1] + 1] not in (["heure"], ["heures"], ["h"]):
            continue
        after = hour[1] + 1
        if parts[after : after + 1] == ["moins"]:
            less = _added(parts, after + 2 if parts[after + 1 : after + 2] == ["le"] else after + 1, "fr")
            return ((hour[0] - 1) % 24, 60 - less, False) if less else (hour[0], 0, False)
        return hour[0], _added(parts, after, "fr"), False
    return None


def _hour(parts: list[str], at: int, language: str) -> tuple[int, int] | None:
    read = read_number(parts, at, language)
    return read if read is not None and read[0] <= 24 and (at == 0 or not parts[at - 1].isdigit()) else None


def _bare(parts: list[str], language: str) -> Found | None:
    """A number alone: ``ten``, ``15``, ``1030``, ``14, 30``."""
    for at, word in enumerate(parts):
        if word.isdigit() and len(word) in {3, 4} and int(word[-2:]) < 60 and int(word[:-2]) < 24:
            return int(word[:-2]), int(word[-2:]), False
        hour = _hour(parts, at, language)
        if hour is not None and word not in {"un", "une", "one"}:
            # "14, 30": what recognizers make of a time without its "heures".
            minute = read_number(parts, hour[1], language)
            return hour[0], minute[0] if minute is not None and 10 <= minute[0] < 60 else 0, False
    return None


def _on_the_day(hour: int, minute: int, said: str, *, exact: bool) -> time | None:
    if any(mark in said for mark in _LATER):
        hour = hour + 12 if hour < 12 else hour
    elif any(mark in said for mark in _MORNING):
        hour = 0 if hour == 12 else hour
    elif not exact and 1 <= hour <= LAST_AFTERNOON_HOUR:
        hour += 12
    return time(hour % 24, minute) if minute < 60 else None
