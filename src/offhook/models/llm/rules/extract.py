"""A variable's value out of a caller's turns, by the kind of thing it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

from offhook.agents.hearing import extract_kind
from offhook.agents.states import ExtractKind, StateVariable
from offhook.agents.variables import VariableType
from offhook.models.llm.rules.dates import parse_date, spoken_date
from offhook.models.llm.rules.emails import parse_email
from offhook.models.llm.rules.intents import yes_or_no
from offhook.models.llm.rules.names import parse_name
from offhook.models.llm.rules.numbers import parse_number
from offhook.models.llm.rules.phones import COMPLETE_DIGITS, longest_run, parse_phone
from offhook.models.llm.rules.text import says
from offhook.models.llm.rules.times import parse_time

# Nine digits and more in a row, in groups or not: longer than any date or time in figures.
_PHONE_DIGITS = re.compile(r"\+?\d(?:[\s.,\-]*\d){8,}")


@dataclass(frozen=True, slots=True)
class Heard:
    """One turn of the caller; ``asked`` when it answers the state's own question, so that a bare answer counts."""

    text: str
    asked: bool


def find_value(variable: StateVariable, turns: list[Heard], now: datetime, language: str) -> Any:  # noqa: ANN401 - JSON
    """The variable's value, None where it was not said; the latest turn that says it counts."""
    kind = extract_kind(variable)
    if kind is ExtractKind.PHONE:
        return parse_phone(digit_turns(turns, language), language).number
    for turn in reversed(turns):
        value = _one(variable, kind, turn, now, language)
        if value is not None:
            return value
    return None


def digit_turns(turns: list[Heard], language: str) -> list[str]:
    """Turns whose digits are of a phone number: answers to the question, and others that hold a whole one."""
    return [turn.text for turn in turns if turn.asked or len(longest_run(turn.text, language)) >= COMPLETE_DIGITS]


def _one(variable: StateVariable, kind: ExtractKind, turn: Heard, now: datetime, language: str) -> Any:  # noqa: ANN401
    match kind:
        case ExtractKind.NAME:
            return parse_name(turn.text, language, bare=turn.asked)
        case ExtractKind.DATE:
            return _date(variable, turn, now, language)
        case ExtractKind.TIME:
            return _time(variable, turn, now, language)
        case ExtractKind.EMAIL:
            return parse_email(turn.text)
        case ExtractKind.CHOICE | ExtractKind.REGEX:
            return _configured(variable, turn.text)
        case _:
            return _answered(kind, turn.text, language) if turn.asked else None


def _answered(kind: ExtractKind, text: str, language: str) -> Any:  # noqa: ANN401 - JSON
    """What only an answer to the question can hold."""
    if kind is ExtractKind.NUMBER:
        return parse_number(text, language)
    if kind is ExtractKind.BOOLEAN:
        return yes_or_no(text, language)
    return text.strip() or None


def _configured(variable: StateVariable, text: str) -> str | None:
    extract = variable.extract
    if extract is None:
        return None
    if extract.choices:
        return _choice(extract.choices, text)
    found = re.search(extract.pattern, text, re.IGNORECASE) if extract.pattern else None
    if found is None:
        return None
    value: str = found[1] if found.re.groups else found[0]
    return value


def _without_phone(turn: Heard) -> Heard:
    """The turn without a phone number's digits: "le 06, 12, 34, 56, 78" is no sixth of December at 18:12."""
    return replace(turn, text=_PHONE_DIGITS.sub(" ", turn.text))


def _date(variable: StateVariable, turn: Heard, now: datetime, language: str) -> str | None:
    turn = _without_phone(turn)
    day = parse_date(turn.text, now.date(), language)
    if day is None:
        return None
    if variable.type is not VariableType.DATETIME:
        return spoken_date(day, language)
    # Asked for a date alone, the time that was said with it is another variable's.
    at = None if variable.extract else parse_time(turn.text, language)
    return _moment(day, at or time())


def _time(variable: StateVariable, turn: Heard, now: datetime, language: str) -> str | None:
    turn = _without_phone(turn)
    found = parse_time(turn.text, language, bare=turn.asked)
    if found is None:
        return None
    if variable.type is not VariableType.DATETIME:
        return f"{found:%H:%M}"
    return _moment(parse_date(turn.text, now.date(), language) or now.date(), found)


def _moment(day: date, at: time) -> str:
    return datetime.combine(day, at).isoformat()


def _choice(choices: tuple[str, ...] | dict[str, tuple[str, ...]], text: str) -> str | None:
    table = choices if isinstance(choices, dict) else {choice: (choice,) for choice in choices}
    for value, meanings in table.items():
        if says(text, value) or any(says(text, meaning) for meaning in meanings):
            return value
    return None
