"""Write numbers, times, dates and signs as they are said, in English and French. Pure.

``spoken("Call +33123456789 at 10:30", "en-us")`` is ``"Call plus 3 3, 1 2 3, 4 5 6, 7 8 9 at 10 30"``: what is left in
digits espeak-ng reads rightly by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import phonenumbers

Match = re.Match[str]

# Digits in the usual groupings. Seven or more are dictated, not counted; so is what begins with a nought.
_PHONE = re.compile(r"(?<![\w.,:/-])\+?\(?\d(?:[ .\-]?\(?\d\)?){6,17}(?![\w/]|[.,:-]\d)")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}( \d{3})+")  # "1 000 000" as the French write it
_CODE = re.compile(r"(?<![\w.,:/+-])0\d{2,5}(?![\w/:]|[.,-]\d)")
_ISO_DATE = re.compile(r"\b(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?:(?:T|\s+)(?=\d{1,2}[:h])|(?!\d))")
_DAY_FIRST_DATE = re.compile(r"\b(0?[1-9]|[12]\d|3[01])/(0?[1-9]|1[0-2])/(\d{4})\b")
_CLOCK = re.compile(r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?(?:\.\d+)?Z?(?![\d:])(\s*[aApP]\.?[mM]\b\.?)?")
_CLOCK_RANGE = re.compile(r"(?<=[\dh])\s?[-–]\s?(?=\d{1,2}[:h])")
_CLOCK_H = re.compile(r"\b([01]?\d|2[0-3])\s?h(?:\s?([0-5]\d))?\b")
_EMAIL = re.compile(r"\b([\w.+-]+)@((?:[\w-]+\.)+\w{2,})\b")
_MONEY = re.compile(r"([€$£])\s?(\d+)(?:[.,](\d{2}))?\b|\b(\d+)(?:[.,](\d{2}))?\s?([€$£])")
_MARKUP = re.compile(r"[*_#`~<>|\[\]{}\"“”«»]|[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F]")
_MERIDIEM = re.compile(r"(?<=\d)\s*([aApP])\.?[mM]\b\.?(?=(\s+[A-Z]|$))?")


@dataclass(frozen=True, slots=True)
class _Language:
    months: tuple[str, ...]
    words: dict[str, str]
    money: dict[str, tuple[str, str]]
    email: dict[str, str]
    abbreviations: dict[str, str]
    digits: Callable[[str], str]
    clock: Callable[[Match], str]
    date: Callable[[int, int, str], str]


def spoken(text: str, language: str) -> str:
    """The text as it is to be read; ``language`` begins with ``en`` or ``fr``, others are left but for markup."""
    text = _MARKUP.sub(" ", text)
    rules = _LANGUAGES.get(language[:2])
    if rules is None:
        return _tidy(text)
    for pattern, said in rules.abbreviations.items():
        text = re.sub(pattern, said, text)
    text = _EMAIL.sub(lambda match: _email(match, rules), text)
    text = _ISO_DATE.sub(lambda match: _iso_date(match, rules), text)
    text = _CLOCK_RANGE.sub(f" {rules.words['–']} ", text)
    if language[:2] == "fr":
        text = _DAY_FIRST_DATE.sub(lambda match: rules.date(int(match[1]), int(match[2]), match[3]), text)
        text = _CLOCK_H.sub(rules.clock, text)
    text = _CLOCK.sub(rules.clock, text)
    text = _MONEY.sub(lambda match: _money(match, rules), text)
    text = _PHONE.sub(lambda match: _phone(match, rules), text)
    text = _CODE.sub(lambda match: _one_by_one(match[0]), text)
    if language[:2] == "en":
        text = _MERIDIEM.sub(_english_meridiem, text)
    for sign, word in rules.words.items():
        text = text.replace(sign, f" {word} ")
    return _tidy(text)


def _tidy(text: str) -> str:
    return re.sub(r"\s+([,.;:!?…])", r"\1", " ".join(text.split()))


def _phone(match: Match, rules: _Language) -> str:
    digits = re.sub(r"\D", "", match[0])
    if rules is _FRENCH and _THOUSANDS.fullmatch(match[0]):
        return digits
    if not match[0].startswith("+"):
        return rules.digits(digits)
    code, national = _country_code(digits)
    lead = rules.words["+"]
    return f"{lead} {rules.digits(code)}, {rules.digits(national)}" if code else f"{lead} {rules.digits(national)}"


def _country_code(digits: str) -> tuple[str, str]:
    # Country codes have one to three digits and none begins another.
    for length in (1, 2, 3):
        if int(digits[:length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return digits[:length], digits[length:]
    return "", digits


def _one_by_one(digits: str) -> str:
    return " ".join(digits)


def _english_digits(digits: str) -> str:
    """One by one, in groups of three, the last of three or four."""
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    return ", ".join(_one_by_one(group) for group in groups)


def _french_digits(digits: str) -> str:
    """In pairs; an odd count begins with a single digit."""
    odd = len(digits) % 2
    groups = [digits[:odd]] * odd + [digits[start : start + 2] for start in range(odd, len(digits), 2)]
    return ", ".join(f"0 {group[1]}" if len(group) == 2 and group[0] == "0" else group for group in groups)


def _english_clock(match: Match) -> str:
    hour, minute, half = int(match[1]), int(match[2]), (match[3] or "").strip().lower()[:1]
    if not half and (hour > 12 or hour == 0):
        half = "p" if hour > 12 else "a"
    hour = (hour - 1) % 12 + 1
    minutes = "" if minute == 0 else f"oh {minute}" if minute < 10 else str(minute)
    said = f"{hour} {minutes}".strip()
    if half:
        return f"{said} {_HALVES[half]}"
    return said if minutes else f"{said} o'clock"


def _english_meridiem(match: Match) -> str:
    return f" {_HALVES[match[1].lower()]}" + ("." if match[2] is not None and match[0].endswith(".") else "")


_HALVES = {"a": "ay em", "p": "pee em"}  # spelt so, since espeak takes "am" for the verb and "a m" for an article


def _french_clock(match: Match) -> str:
    hour, minute = int(match[1]), int(match[2] or 0)
    hours = {1: "une heure", 21: "vingt-et-une heures", 0: "zéro heure"}.get(hour, f"{hour} heures")
    minutes = {0: "", 1: "une", 21: "vingt-et-une", 31: "trente-et-une", 41: "quarante-et-une", 51: "cinquante-et-une"}
    return f"{hours} {minutes.get(minute, str(minute))}".strip()


def _english_date(day: int, month: int, year: str) -> str:
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{_ENGLISH.months[month - 1]} {day}{ending}, {year}"


def _french_date(day: int, month: int, year: str) -> str:
    return f"{'1er' if day == 1 else day} {_FRENCH.months[month - 1]} {year}"


def _email(match: Match, rules: _Language) -> str:
    said = f"{match[1]} @ {match[2]}"
    for sign, word in rules.email.items():
        said = said.replace(sign, f" {word} ")
    return said


def _iso_date(match: Match, rules: _Language) -> str:
    # The comma keeps a time that follows from being read as more digits of the year.
    clock_follows = len(match[0]) > len("2026-11-27")
    return rules.date(int(match[3]), int(match[2]), match[1]) + (", " if clock_follows else "")


def _money(match: Match, rules: _Language) -> str:
    sign, whole, cents = (match[1] or match[6]), (match[2] or match[4]), (match[3] or match[5])
    one, many = rules.money[sign]
    said = f"{whole} {one if int(whole) in ((1,) if rules is _ENGLISH else (0, 1)) else many}"
    return f"{said} {int(cents)}" if cents and int(cents) else said


_MONTHS_EN = "January February March April May June July August September October November December"
_MONTHS_FR = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
_ENGLISH = _Language(
    months=tuple(_MONTHS_EN.split()),
    words={"&": "and", "%": "percent", "+": "plus", "@": "at", "=": "equals", "–": "to"},
    money={"€": ("euro", "euros"), "$": ("dollar", "dollars"), "£": ("pound", "pounds")},
    email={"@": "at", ".": "dot", "-": "dash", "_": "underscore", "+": "plus"},
    abbreviations={
        r"\bDr\.?(?=\s+[A-Z])": "Doctor",
        r"\bMr\.?(?=\s+[A-Z])": "Mister",
        r"\bMrs\.?(?=\s+[A-Z])": "Missus",
        r"\bMs\.?(?=\s+[A-Z])": "Miz",
        r"\bSt\.(?=\s+[A-Z])": "Saint",
        r"\be\.g\.": "for example",
        r"\bi\.e\.": "that is",
    },
    digits=_english_digits,
    clock=_english_clock,
    date=_english_date,
)
_FRENCH = _Language(
    months=tuple(_MONTHS_FR.split()),
    words={"&": "et", "%": "pour cent", "+": "plus", "@": "arobase", "=": "égale", "–": "à"},
    money={"€": ("euro", "euros"), "$": ("dollar", "dollars"), "£": ("livre", "livres")},
    email={"@": "arobase", ".": "point", "-": "tiret", "_": "tiret bas", "+": "plus"},
    abbreviations={
        r"\bM\.(?=\s+[A-ZÀ-Ý])": "Monsieur",
        r"\bMme\.?(?=\s)": "Madame",
        r"\bMlle\.?(?=\s)": "Mademoiselle",
        r"\bDr\.?(?=\s+[A-ZÀ-Ý])": "Docteur",
        r"\b[nN]°\s?": "numéro ",
        r"\b(?:RDV|rdv)\b": "rendez-vous",
        r"\bSVP\b": "s'il vous plaît",
    },
    digits=_french_digits,
    clock=_french_clock,
    date=_french_date,
)
_LANGUAGES = {"en": _ENGLISH, "fr": _FRENCH}
