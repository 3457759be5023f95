"""Days as they are said, relative to the moment of the call. Pure: a text and now in, a date out."""

from __future__ import annotations

import difflib
import re
from datetime import date, timedelta

from offhook.models.llm.rules.numbers import read_number, tokens
from offhook.models.llm.rules.text import joined

WEEKDAYS = {
    "en": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
}
MONTHS = {
    "en": (
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
        "november", "december",
    ),
    "fr": (
        "janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre", "octobre",
        "novembre", "decembre",
    ),
}  # fmt: skip
_NEAR = 0.84  # letters in common: "mardie" and "thuesday" pass, "money" (0.73) is no Monday
_RELATIVE = {
    "en": (("day after tomorrow", 2), ("tomorrow", 1), ("today", 0), ("tonight", 0), ("this afternoon", 0)),
    "fr": (
        ("apres demain", 2), ("demain", 1), ("deux mains", 1), ("aujourd hui", 0), ("cet apres midi", 0),
        ("ce soir", 0),
    ),
}  # fmt: skip
_ORDINALS_EN = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth",
)  # fmt: skip
_NEXT_WEEK = {"en": ("next week", "week after"), "fr": ("semaine prochaine", "semaine d apres")}
_IN_A_WEEK = {"en": ("week on", "in a week"), "fr": ("en huit",)}
_UNITS = {"day": 1, "days": 1, "jour": 1, "jours": 1, "week": 7, "weeks": 7, "semaine": 7, "semaines": 7}


def parse_date(text: str, now: date, language: str) -> date | None:
    """The day in a text, today or later. ``next Tuesday`` and ``mardi prochain`` are the first one after today."""
    language = "fr" if language.startswith("fr") else "en"
    parts = [_ordinal(part) for part in tokens(re.sub(r"\b(\d{1,2})(st|nd|rd|th|er|e|eme)\b", r"\1", text.lower()))]
    return (
        _numeric(text, now, language)
        or _month_day(parts, now, language)
        or _relative(joined(text), parts, now, language)
        or _weekday(joined(text), parts, now, language)
        or _day_alone(parts, now, language)
    )


def spoken_date(day: date, language: str) -> str:
    """``Tuesday, December 9`` or ``mardi 9 décembre``."""
    if language.startswith("fr"):
        month = {"fevrier": "février", "aout": "août", "decembre": "décembre"}
        name = MONTHS["fr"][day.month - 1]
        number = "1er" if day.day == 1 else str(day.day)
        return f"{WEEKDAYS['fr'][day.weekday()]} {number} {month.get(name, name)}"
    return f"{WEEKDAYS['en'][day.weekday()].title()}, {MONTHS['en'][day.month - 1].title()} {day.day}"


def _ordinal(word: str) -> str:
    if word in _ORDINALS_EN:
        return str(_ORDINALS_EN.index(word) + 1)
    return {"premier": "1", "thirtieth": "30"}.get(word, word)


def _numeric(text: str, now: date, language: str) -> date | None:
    iso = re.search(r"\b(20\d\d)-(\d\d)-(\d\d)\b", text)
    if iso:
        return _day(int(iso[1]), int(iso[2]), int(iso[3]))
    slashed = re.search(r"\b(\d{1,2})/(\d{1,2})(?:/(20\d\d))?\b", text)
    if not slashed:
        return None
    first, second = int(slashed[1]), int(slashed[2])
    day, month = (first, second) if language == "fr" or first > 12 else (second, first)
    return _from(now, month, day, int(slashed[3]) if slashed[3] else None)


def _month_day(parts: list[str], now: date, language: str) -> date | None:
    months = MONTHS[language]
    for at, word in enumerate(parts):
        month = _near(word, months)
        if month is None:
            continue
        day = _number_before(parts, at, language) or _number_after(parts, at, language)
        if day is not None:
            return _from(now, month + 1, day, _year(parts, at))
    return None


def _number_before(parts: list[str], at: int, language: str) -> int | None:
    """``5 March``, ``twenty first of May``, ``le 3 décembre``."""
    end = at - 1 if at and parts[at - 1] in {"of", "de"} else at
    for begin in range(max(0, end - 3), end):
        read = _day_number(parts, begin, language)
        if read is not None and read[1] == end:
            return read[0]
    return None


def _number_after(parts: list[str], at: int, language: str) -> int | None:
    if language == "fr":
        return None
    begin = at + 2 if parts[at + 1 : at + 2] == ["the"] else at + 1
    read = _day_number(parts, begin, language)
    return None if read is None else read[0]


def _day_number(parts: list[str], at: int, language: str) -> tuple[int, int] | None:
    """A day of the month at a token: ``twenty first`` is 21."""
    read = read_number(parts, at, language)
    if read is None:
        return None
    value, after = read
    if value in {20, 30} and not parts[at].isdigit() and parts[after : after + 1] and parts[after].isdigit():
        unit = int(parts[after])
        value, after = (value + unit, after + 1) if 1 <= unit <= 9 else (value, after)
    return (value, after) if 1 <= value <= 31 else None


def _year(parts: list[str], at: int) -> int | None:
    years = [int(part) for part in parts[at + 1 : at + 5] if re.fullmatch(r"20\d\d", part)]
    return years[0] if years else None


def _relative(said: str, parts: list[str], now: date, language: str) -> date | None:
    for phrase, days in _RELATIVE[language]:
        if f" {phrase} " in said:
            return now + timedelta(days)
    for at, word in enumerate(parts[:-2]):
        if word in {"in", "dans"}:
            read = (1, at + 2) if parts[at + 1] in {"a", "an"} else read_number(parts, at + 1, language)
            if read and parts[read[1] : read[1] + 1] and parts[read[1]] in _UNITS and read[0] <= 400:
                days = read[0] * _UNITS[parts[read[1]]]
                # French counts today in: "dans quinze jours" is two weeks.
                return now + timedelta(days - 1 if language == "fr" and days in {8, 15} else days)
    return None


def _weekday(said: str, parts: list[str], now: date, language: str) -> date | None:
    for word in parts:
        index = _near(word, WEEKDAYS[language])
        if index is None:
            continue
        ahead = (index - now.weekday()) % 7 or 7
        if any(f" {phrase} " in said for phrase in _NEXT_WEEK[language]):
            return now + timedelta(7 - now.weekday() + index)
        if any(f" {phrase} " in said for phrase in _IN_A_WEEK[language]):
            ahead += 7
        return now + timedelta(ahead)
    return None


def _day_alone(parts: list[str], now: date, language: str) -> date | None:
    """``the 12th``, ``le 12``: the next such day."""
    article = "le" if language == "fr" else "the"
    for at, word in enumerate(parts[:-1]):
        if word != article:
            continue
        read = _day_number(parts, at + 1, language)
        if read is None or parts[read[1] : read[1] + 1] in (["heures"], ["h"], [":"]):
            continue
        for ahead in range(62):
            day = now + timedelta(ahead)
            if day.day == read[0]:
                return day
    return None


def _near(word: str, names: tuple[str, ...]) -> int | None:
    """Index of the name a word is, or is written much like."""
    if word in names:
        return names.index(word)
    if len(word) < 5:
        return None
    close = difflib.get_close_matches(word, [name for name in names if len(name) >= 5], n=1, cutoff=_NEAR)
    return names.index(close[0]) if close else None


def _from(now: date, month: int, day: int, year: int | None) -> date | None:
    """That day of this year, or of the next when it is over."""
    if year is not None:
        return _day(year, month, day)
    this_year = _day(now.year, month, day)
    return this_year if this_year is not None and this_year >= now else _day(now.year + 1, month, day)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
